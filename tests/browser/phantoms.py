"""Small synthetic series whose pixels the tests know: a body with two lungs, a grey ramp, colours."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

STUDY = "2.25.1001"
SUBJECT = "SUBJ-0001"
CT, CT_RLE, CT_J2K, CR, RGB, PALETTE, SR = (f"2.25.200{number}" for number in range(1, 8))
SLICES = 12
SPACING_MM = 0.7


def body(size: int = 512, shift: int = 0) -> np.ndarray:
    """HU of one slice: air -1000, body 40, lungs -850, a bone of 700; the bone moves by `shift` columns."""
    y, x = np.mgrid[:size, :size] / size
    values = np.full((size, size), -1000, np.int16)
    values[((x - 0.5) / 0.42) ** 2 + ((y - 0.5) / 0.32) ** 2 < 1] = 40
    for center in (0.32, 0.68):
        values[((x - center) / 0.13) ** 2 + ((y - 0.48) / 0.2) ** 2 < 1] = -850
    column = size // 2 + shift
    values[int(0.66 * size) : int(0.72 * size), column - size // 40 : column + size // 40] = 700
    return values


def write_study(folder: Path) -> list[Path]:
    """One study with a series of each kind; every file in the folder."""
    slices = [_ct(CT, number, body(shift=4 * number)) for number in range(SLICES)]
    rle, j2k = _ct(CT_RLE, 0, body(128)), _ct(CT_J2K, 0, body(128))
    rle.compress(RLELossless, generate_instance_uid=False)
    j2k.compress(JPEG2000Lossless, generate_instance_uid=False)
    paths = []
    for number, dataset in enumerate([*slices, rle, j2k, _radiograph(), _colours(), _palette(), _report()]):
        path = folder / f"{number:03}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _dataset(series: str, number: int, sop_class: str, modality: str, description: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = sop_class
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = f"{series}.{number + 1}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, series
    dataset.PatientID, dataset.PatientName, dataset.PatientIdentityRemoved = SUBJECT, "", "YES"
    dataset.Modality, dataset.SeriesDescription = modality, description
    dataset.StudyDate, dataset.SeriesNumber, dataset.InstanceNumber = "20200401", int(series[-1]), number + 1
    return dataset


def _pixels(dataset: Dataset, values: np.ndarray, *, photometric: str, bits_stored: int) -> None:
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = 3 if values.ndim == 3 else 1
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = values.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit = bits_stored, bits_stored - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    dataset.PixelData = values.tobytes()


def _ct(series: str, number: int, hounsfield: np.ndarray) -> FileDataset:
    dataset = _dataset(series, number, CTImageStorage, "CT", "Chest lung")
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = [-180, -180, -5 * number]
    dataset.PixelSpacing = [SPACING_MM, SPACING_MM]
    dataset.SliceThickness = 5
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, -1024, "HU"
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    _pixels(dataset, (hounsfield + 1024).astype(np.uint16), photometric="MONOCHROME2", bits_stored=12)
    return dataset


def _radiograph() -> FileDataset:
    """MONOCHROME1: the left half stores 0 and must look white, the right half 1023 and must look black."""
    dataset = _dataset(CR, 0, ComputedRadiographyImageStorage, "CR", "Chest AP")
    values = np.zeros((400, 400), np.uint16)
    values[:, 200:] = 1023
    dataset.ImagerPixelSpacing = [0.2, 0.2]
    dataset.PatientOrientation = ["L", "F"]
    _pixels(dataset, values, photometric="MONOCHROME1", bits_stored=10)
    return dataset


def _colours() -> FileDataset:
    dataset = _dataset(RGB, 0, SecondaryCaptureImageStorage, "OT", "Colours")
    values = np.zeros((64, 64, 3), np.uint8)
    values[:, :32] = (250, 10, 10)
    values[:, 32:] = (10, 10, 250)
    _pixels(dataset, values, photometric="RGB", bits_stored=8)
    return dataset


def _palette() -> FileDataset:
    """Index 1 is green, everything else black."""
    dataset = _dataset(PALETTE, 0, SecondaryCaptureImageStorage, "OT", "Palette")
    values = np.ones((64, 64), np.uint8)
    values[:, 32:] = 0
    _pixels(dataset, values, photometric="PALETTE COLOR", bits_stored=8)
    for colour, level in (("Red", 0), ("Green", 0xFFFF), ("Blue", 0)):
        table = np.zeros(256, np.uint16)
        table[1] = level
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", table.tobytes())
    return dataset


def _report() -> FileDataset:
    dataset = _dataset(SR, 0, "1.2.840.10008.5.1.4.1.1.88.11", "SR", "Report")
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    return dataset
