"""Small objects with pixels of every layout, made by pydicom, for what blackens and looks at pixels."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian
from tests.support.made_dicom import made_ct, write_made

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MULTIFRAME_CAPTURE = "1.2.840.10008.5.1.4.1.1.7.2"


def values_of(layout: dict[str, object], rows: int, columns: int, *, frames: int = 1, seed: int = 5) -> np.ndarray:
    """Random stored values that fill the range of a layout: frames by rows by columns by samples."""
    rng = np.random.default_rng(seed)
    stored, samples = int(layout["BitsStored"]), int(layout.get("SamplesPerPixel", 1))
    low, high = 0, 1 << stored
    if layout.get("PixelRepresentation"):
        low, high = -(high // 2), high // 2
    kind = "i" if layout.get("PixelRepresentation") else "u"
    dtype = f"<{kind}{int(layout['BitsAllocated']) // 8}"
    return rng.integers(low, high, (frames, rows, columns, samples)).astype(dtype)


def capture(values: np.ndarray, **attributes: object) -> Dataset:
    """A secondary capture around stored values (frames by rows by columns by samples)."""
    frames, rows, columns, samples = values.shape
    dataset = made_ct(SOPClassUID=MULTIFRAME_CAPTURE if frames > 1 else SECONDARY_CAPTURE, Modality="OT")
    del dataset.RescaleSlope, dataset.RescaleIntercept
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = rows, columns, samples
    dataset.BitsAllocated = dataset.BitsStored = values.dtype.itemsize * 8
    dataset.PixelRepresentation = 1 if values.dtype.kind == "i" else 0
    dataset.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    if samples == 3:
        dataset.PlanarConfiguration = 0
    if frames > 1:
        dataset.NumberOfFrames = frames
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.HighBit = dataset.BitsStored - 1
    ordered = values.transpose(0, 3, 1, 2) if dataset.get("PlanarConfiguration") == 1 else values
    dataset.PixelData = ordered.tobytes() + b"\0" * (values.nbytes & 1)
    dataset["PixelData"].VR = "OB" if values.dtype.itemsize == 1 else "OW"
    return dataset


def write_capture(dataset: Dataset, path: Path, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> Path:
    """Write a capture, compressed when the transfer syntax says so."""
    write_made(dataset, path)
    if transfer_syntax_uid != ExplicitVRLittleEndian:
        dataset.compress(transfer_syntax_uid, generate_instance_uid=False)
        dataset.save_as(path, enforce_file_format=True)
    return path


def write_encapsulated(dataset: Dataset, path: Path, frames: list[bytes], transfer_syntax_uid: str) -> Path:
    """Write a capture around frames that were compressed by somebody else."""
    write_made(dataset, path)
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = transfer_syntax_uid
    dataset.save_as(path, enforce_file_format=True)
    return path


def written(
    text: str, size: tuple[int, int] = (256, 320), *, at: tuple[int, int] = (20, 20), height: int = 20
) -> np.ndarray:
    """A dark picture, rows by columns of 8 bits, with a text in it."""
    picture = Image.new("L", (size[1], size[0]), 12)
    ImageDraw.Draw(picture).text(at, text, fill=230, font=ImageFont.load_default(height))
    return np.asarray(picture)
