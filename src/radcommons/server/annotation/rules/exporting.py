"""The formats that reads leave in for other programs, what each can hold, and names of the files. Pure."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from radcommons.transfer.release.canonical import sha256_hex

LONGEST_STEM = 80
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class ExportFormat(StrEnum):
    """Formats of other programs."""

    COCO = "coco"
    NIFTI = "nifti"
    DICOM = "dicom"
    MIDRC = "midrc"
    MRALE = "mrale"


class WholeFormat(StrEnum):
    """Formats in which a project's reads leave whole, as one file."""

    ORIGINAL = "original"
    MDAI = "mdai"
    CSV = "csv"
    PARQUET = "parquet"


class Whose(StrEnum):
    """What of a project: the reads of its readers, the labels as they stand, or both."""

    READS = "reads"
    LABELS = "labels"
    ALL = "all"


# What people read of each: a name, what it holds.
FORMATS: Mapping[ExportFormat, tuple[str, str]] = MappingProxyType(
    {
        ExportFormat.COCO: ("COCO", "Drawings in one JSON file, with every image and its size"),
        ExportFormat.NIFTI: (
            "NIfTI",
            "Masks and areas on volumes: a label map with a sidecar for each series and reader",
        ),
        ExportFormat.DICOM: (
            "DICOM",
            "Segmentations, structure sets and reports (TID 1500), as publishing writes them",
        ),
        ExportFormat.MIDRC: ("MIDRC", "Records of the annotation node: COVID-19 appearance, grading, mRALE score"),
        ExportFormat.MRALE: ("mRALE", "MIDRC's table of the parts and the score, one file for each reader"),
    }
)
# Those that are one file; the others are many.
SINGLE: Mapping[ExportFormat, str] = MappingProxyType(
    {ExportFormat.COCO: "annotations.coco.json", ExportFormat.MIDRC: "annotation.midrc.json"}
)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an export; ``name`` is its path, with slashes."""

    name: str
    data: bytes


@dataclass(slots=True)
class ExportAccount:
    """What went out, and what the format has no place for: grows while an export is written.

    Parameters
    ----------
    readings
        How many readings were looked at.
    files
        How many files they became.
    left_out
        How many of what did not go out, by its reason in words.
    """

    readings: int = 0
    files: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def leave_out(self, why: str, count: int = 1) -> None:
        """Note that something has no place."""
        if count:
            self.left_out[why] += count

    def to_json(self) -> dict[str, object]:
        """As ``left-out.json`` and ``--json`` tell it."""
        rows = [{"count": count, "message": why} for why, count in sorted(self.left_out.items())]
        return {"readings": self.readings, "files": self.files, "left_out": rows}


def file_stem(name: str) -> str:
    """A pseudonym as part of a file name: letters, digits, dots and dashes, different for different names."""
    plain = _UNSAFE.sub("_", name).strip(".")[:LONGEST_STEM]
    return plain if plain == name else f"{plain or 'reader'}-{sha256_hex(name.encode())[:8]}"
