"""Looking at the pixels of one source, in a limited process, and judging what was written after blackening."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from radcommons import __version__
from radcommons.deid.pixel_text import PixelText, may_carry_pixel_text
from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.detection import DETECTOR_VERSION, best_detector, find_candidates, verify_redacted
from radcommons.deid.pixels.models import is_available
from radcommons.deid.pixels.ocr import MEMORY_BYTES
from radcommons.deid.pixels.rules import PixelRules
from radcommons.deid.pixels.series import look_at_series
from radcommons.deid.pixels.sightings import Detector
from radcommons.dicom.elements import FormatError
from radcommons.dicom.header import Header
from radcommons.dicom.instance import describe_file
from radcommons.dicom.isolation import DEFAULT_MEMORY_BYTES
from radcommons.dicom.part10 import open_part10
from radcommons.edge.pixels.looks import Device, HouseRules, Look

_MANUFACTURER = 0x00080070
_MODEL = 0x00081090


@dataclass(frozen=True, slots=True)
class LookMeans:
    """By what means pixels are looked at: the profile's rules, and what persons of this home added.

    Parameters
    ----------
    rules
        Of the profile.
    house
        The profile's markers with the words and rectangles of this home's persons.
    """

    rules: PixelRules
    house: HouseRules


def digest_of_means(rules: PixelRules) -> str:
    """A look by other means than these is not used again: another detector, program or profile rule."""
    described = [__version__, f"{_detector().name} {DETECTOR_VERSION}", *(repr(each) for each in rules.rectangles)]
    return hashlib.sha256("\x1f".join(described).encode()).hexdigest()


def memory_bytes() -> int:
    """The most private memory that a process needs which looks at pixels."""
    return max(DEFAULT_MEMORY_BYTES, MEMORY_BYTES) if is_available() else DEFAULT_MEMORY_BYTES


def look_at(path: Path, means: LookMeans, *, is_suspect: bool = False) -> Look | None:
    """Look at an object; ``None`` when its header says that there can be no writing in its pixels and nothing else does."""
    description, _ = describe_file(path, with_json=False)
    if description is None or not description.is_image or not (is_suspect or may_carry_pixel_text(description)):
        return None
    found = find_candidates(
        path, detector=_detector(), markers=means.house.markers, rules=tuple(means.rules.rectangles)
    )
    rows, columns, _ = found.size
    return Look(found.candidates, found.verdict, found.findings, found.size, _device(path, rows, columns))


def look_at_slices(paths: Sequence[Path], means: LookMeans) -> tuple[bool, int, int]:
    """Whether anything is written in a series; how many slices were counted, and how many pictures read."""
    found = look_at_series(paths, detector=_detector(), markers=means.house.markers)
    return found.has_writing, found.counted, found.read


def verdict_of(path: Path, look: Look, boxes: Sequence[Box], *, means: LookMeans) -> PixelText:
    """The machine's verdict about a written object: as the look at its source says, after a second look where it changed."""
    if look.verdict in {PixelText.NEEDS_PERSON, PixelText.NOT_CHECKED}:
        return look.verdict
    if not boxes:
        return PixelText.CLEAN
    try:
        written = open_part10(path)
    except FormatError:
        return PixelText.NEEDS_PERSON
    return verify_redacted(written, boxes, detector=_detector(), markers=means.house.markers).verdict


@cache
def _detector() -> Detector:
    return best_detector()


def _device(path: Path, rows: int, columns: int) -> Device:
    try:
        file = open_part10(path)
    except FormatError:
        return Device("", "", rows, columns)
    header = Header(file.elements, file.encoding)
    return Device(header.text(_MANUFACTURER).strip(), header.text(_MODEL).strip(), rows, columns)
