"""Original studies as a hospital exports them, small and with everything that must not leave."""

import hashlib
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

CT = "1.2.840.10008.5.1.4.1.1.2"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
SECRET = b"a made-up secret of 32 bytes ..."
PLANTED = ("Okonkwo", "Adaeze", "MRN-0048213", "19561103", "ACC7310037", "St. Elsewhere", "Lindqvist")


def uid(*parts):
    """An original UID that depends on nothing but its words."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"1.2.826.0.1.3680043.8.498.{int.from_bytes(digest[:12], 'big')}"


def write_original(path: Path, *, study="study", series="series", number=1, modality="CT", **changes) -> Path:
    """Write one original; ``changes`` set attributes by keyword, ``None`` removes them."""
    dataset = _dataset(study, series, number, modality)
    for keyword, value in changes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    FileDataset(str(path), dataset, file_meta=meta, preamble=bytes(128)).save_as(path, enforce_file_format=True)
    return path


def write_series(folder: Path, *, count=3, study="study", series="series", **changes) -> list[Path]:
    """Write the slices of one series."""
    return [
        write_original(folder / f"{series}-{number}.dcm", study=study, series=series, number=number, **changes)
        for number in range(1, count + 1)
    ]


def instances(out: Path) -> dict[str, bytes]:
    """Every de-identified file by its place."""
    root = out / "instances"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.dcm"))}


def datasets(out: Path) -> list[Dataset]:
    """Every de-identified file as a data set."""
    return [pydicom.dcmread(path) for path in sorted((out / "instances").rglob("*.dcm"))]


def _dataset(study, series, number, modality):
    dataset = Dataset()
    dataset.SOPClassUID = CT if modality == "CT" else DX
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"] if modality == "CT" else ["ORIGINAL", "PRIMARY"]
    dataset.StudyInstanceUID = uid(study)
    dataset.SeriesInstanceUID = uid(study, series)
    dataset.SOPInstanceUID = uid(study, series, number)
    dataset.FrameOfReferenceUID = uid(study, "frame")
    dataset.Modality = modality
    dataset.BodyPartExamined = "CHEST"
    dataset.PatientName = "Okonkwo^Adaeze^Mary"
    dataset.PatientID = "MRN-0048213"
    dataset.PatientBirthDate = "19561103"
    dataset.PatientSex = "F"
    dataset.PatientAge = "063Y"
    dataset.StudyDate = dataset.SeriesDate = "20200414"
    dataset.StudyTime = "101500"
    dataset.StudyID = "7"
    dataset.AccessionNumber = "ACC7310037"
    dataset.ReferringPhysicianName = "Lindqvist^Maja"
    dataset.InstitutionName = "St. Elsewhere"
    dataset.Manufacturer = "Example"
    dataset.StudyDescription = "CT chest for Okonkwo"
    dataset.SeriesDescription = "axial lung"
    dataset.SeriesNumber = "1"
    dataset.InstanceNumber = str(number)
    dataset.SliceThickness = "2.5"
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = [0, 0, 2.5 * number]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = dataset.Columns = 16
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.PixelData = (np.arange(256, dtype="<u2") * number).tobytes()
    return dataset
