"""Real files as a ground for planting: their attributes and pixels stay, everything that identifies is written over."""

from pathlib import Path

import numpy as np
import pydicom

from radcommons.apps.deid_benchmark.generator.draft import Draft, Picture
from radcommons.apps.deid_benchmark.generator.glyphs import burn
from radcommons.apps.deid_benchmark.generator.kinds.kind import name_plate

_LEAST_ROWS, _LEAST_COLUMNS = 150, 220
# What says nothing about anybody and has to survive when a real file has it.
_KEPT = (
    "BodyPartExamined", "KVP", "SliceThickness", "RepetitionTime", "EchoTime", "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient",
    "PatientPosition", "DoseUnits", "DoseGridScaling", "RescaleSlope", "WindowCenter", "ScanningSequence", "MagneticFieldStrength",
)  # fmt: skip


def load(draft: Draft, source: Path) -> None:
    """Take a real file as the data set, and write into its picture when that can be done without decoding it."""
    found = pydicom.dcmread(source)
    found.decode()
    draft.dataset = found
    draft.found_pixels = True
    draft.modality = str(found.get("Modality") or "OT")
    draft.sop_class_uid, draft.transfer_syntax_uid = str(found.SOPClassUID), str(found.file_meta.TransferSyntaxUID)
    for keyword in _KEPT:
        value = found.get(keyword)
        if value not in (None, "") and found[keyword].VM:
            draft.kept(draft.top, keyword, value)
    _open_picture(draft)
    if draft.picture is not None:
        burn(draft, name_plate(draft)[:2], at=(10, 10), size=16)
        found.PixelData = draft.picture.samples.tobytes()


def _open_picture(draft: Draft) -> None:
    dataset = draft.dataset
    is_plain = (
        "PixelData" in dataset
        and pydicom.uid.UID(draft.transfer_syntax_uid).is_little_endian
        and not pydicom.uid.UID(draft.transfer_syntax_uid).is_compressed
        and dataset.get("PixelRepresentation") == 0
        and dataset.get("PlanarConfiguration", 0) == 0
        and dataset.get("PhotometricInterpretation") in {"MONOCHROME2", "RGB", "PALETTE COLOR"}
        and dataset.BitsAllocated in {8, 16}
        and min(dataset.Rows - _LEAST_ROWS, dataset.Columns - _LEAST_COLUMNS) >= 0
    )
    if not is_plain:
        return
    samples, frames = int(dataset.get("SamplesPerPixel", 1)), int(dataset.get("NumberOfFrames") or 1)
    shape = (frames, dataset.Rows, dataset.Columns, *((samples,) if samples > 1 else ()))
    pixels = np.frombuffer(dataset.PixelData, dtype=f"<u{dataset.BitsAllocated // 8}")[: int(np.prod(shape))]
    draft.picture = Picture(pixels.reshape(shape).copy(), dataset.PhotometricInterpretation, int(dataset.BitsStored))
