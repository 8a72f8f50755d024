"""Which objects a benchmark has, in which order: kits that belong together first, then real files."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.errors import InvalidDicomError
from pydicom.uid import MediaStorageDirectoryStorage

# Objects of one kit show one patient. Those of a linked kit belong to one visit and refer to each other.
LINKED_KITS = (("ct", "ct", "seg", "rtstruct", "rtplan", "rtdose", "ko", "pr", "sr"), ("dx", "us", "pr"))
KITS = (
    *LINKED_KITS,
    ("mr", "mr-big-endian", "mr-rle", "pdf", "enhanced-mr"),
    ("us-multi-frame", "us-multi-frame-jpeg", "us-jpeg-2000"),
    ("cr", "cr-jpeg", "mg", "mg-jpeg-ls"),
    ("xa-multi-frame", "sc-rgb", "ecg"),
    ("ct-implicit", "ct-jpeg-2000", "ct-jpeg-ls", "ct-deflated", "enhanced-ct"),
    ("pt", "nm-multi-frame"),
    ("sc-palette", "sc-rle", "vl-photograph"),
    ("vl-slide", "private-class", "ct"),
)
# Real files that come with pydicom: scanners, planning systems and converters of many makers.
REAL_FILES = (
    "CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm", "JPEG-lossy.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle_2frame.dcm",
    "SC_ybr_full_422_uncompressed.dcm", "ExplVR_BigEnd.dcm", "image_dfl.dcm", "examples_overlay.dcm", "examples_palette.dcm",
    "examples_rgb_color.dcm", "examples_ybr_color.dcm", "liver_1frame.dcm", "rtplan.dcm", "rtdose.dcm", "rtdose_rle.dcm", "test-SR.dcm",
    "reportsi.dcm", "waveform_ecg.dcm",
)  # fmt: skip
GENERATED = sum(map(len, KITS))
USUAL_OBJECTS = GENERATED + len(REAL_FILES)


@dataclass(frozen=True, slots=True)
class Order:
    """One object to be made.

    Parameters
    ----------
    kind
        A key of ``KINDS``, or ``file:`` and a name.
    person
        Ordinal of the patient.
    source
        The real file it is made of, if any.
    """

    number: int
    kind: str
    person: int
    visit: int
    source: Path | None = None


def plan(objects: int, base: Path | None) -> Iterator[Order]:
    """The orders: kits, then real files, then kits again for the same patients at later visits."""
    for number, (kind, person, visit, source) in enumerate(islice(_endless(_real_files(base)), objects)):
        yield Order(number, kind, person, visit, source)


def _endless(real: tuple[Path, ...]) -> Iterator[tuple[str, int, int, Path | None]]:
    visit = 0
    while True:
        for person, kit in enumerate(KITS):
            for index, kind in enumerate(kit):
                yield kind, person, visit + (0 if kit in LINKED_KITS else index % 2), None
        for index, path in enumerate(real):
            yield f"file:{path.name}", len(KITS) + index // 2, visit + index % 2, path
        visit += 2


def _real_files(base: Path | None) -> tuple[Path, ...]:
    if base is None:
        return tuple(Path(str(get_testdata_file(name, download=False))) for name in REAL_FILES)
    return tuple(path for path in sorted(base.rglob("*")) if path.is_file() and _is_usable(path))


def _is_usable(path: Path) -> bool:
    """Whether a file is an instance that pydicom reads to its end."""
    try:
        dataset = pydicom.dcmread(path)
        dataset.decode()
    except (InvalidDicomError, OSError, ValueError, TypeError, KeyError, AttributeError, NotImplementedError):
        return False
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    is_instance = bool(dataset.get("SOPClassUID")) and dataset.SOPClassUID != MediaStorageDirectoryStorage
    return is_instance and bool(syntax) and syntax.is_transfer_syntax
