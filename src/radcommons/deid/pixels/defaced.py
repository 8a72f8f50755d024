"""Checking what a tool that removes faces returned (PS3.15 E.3.2): the same series, changed only where the head is."""

from collections.abc import Sequence
from pathlib import Path

from radcommons.deid.pixels.heads import HeadEvidence
from radcommons.dicom.elements import FormatError
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import Part10File, open_part10
from radcommons.dicom.pixels import FrameReader, PixelDecodeError

_SOP_INSTANCE_UID, _FRAMES, _POSITION = 0x00080018, 0x00280008, 0x00200032
# Identity, geometry, and what the numbers in the pixels mean.
_SAME = (
    *(0x00080016, _SOP_INSTANCE_UID, 0x0020000D, 0x0020000E, 0x00200052),
    *(_FRAMES, 0x00280010, 0x00280011, 0x00280030, _POSITION, 0x00200037, 0x00180050),
    *(0x00280002, 0x00280004, 0x00280100, 0x00280101, 0x00280103, 0x00281052, 0x00281053),
)
_MESSAGES = {
    "deid.defacing-identity": "The tool that removes faces changed identity, geometry or the kind of values of an object.",
    "deid.defacing-unreadable": "What the tool that removes faces returned cannot be read.",
    "deid.defacing-no-change": "The tool that removes faces changed nothing.",
    "deid.defacing-outside-head": "The tool that removes faces changed pixels where no head is.",
    "deid.defacing-destroyed": "The tool that removes faces changed most of the head.",
}
DEFACING_CODES = frozenset(_MESSAGES)
"""Codes of everything that can be wrong with it."""
# Below the lowest closed ring of bone lie jaw and mouth, above the highest only scalp.
_BELOW_MM, _ABOVE_MM = 140.0, 40.0
_MOST_CHANGED = 0.6


def defacing_findings(pairs: Sequence[tuple[Path, Path]], evidence: HeadEvidence) -> tuple[Finding, ...]:
    """What is wrong with a series from which a face was removed; nothing when it may take the place of the original.

    Parameters
    ----------
    pairs
        Each original with what the tool made of it.
    evidence
        Where the head of the original series is.
    """
    changed = head_pixels = 0
    for before, after in pairs:
        try:
            original, returned = open_part10(before), open_part10(after)
            header = Header(original.elements, original.encoding)
            if not _is_same_object(header, Header(returned.elements, returned.encoding)):
                return _refused("deid.defacing-identity")
            differing, pixels = _differing(original, returned)
        except (FormatError, PixelDecodeError):
            return _refused("deid.defacing-unreadable")
        is_at_head = _is_at_head(header, evidence)
        if differing and not is_at_head:
            return _refused("deid.defacing-outside-head")
        changed += differing
        head_pixels += pixels if is_at_head else 0
    if not changed:
        return _refused("deid.defacing-no-change")
    return _refused("deid.defacing-destroyed") if changed > _MOST_CHANGED * head_pixels else ()


def _is_same_object(before: Header, after: Header) -> bool:
    return all(_value(before, tag) == _value(after, tag) for tag in _SAME)


def _value(header: Header, tag: int) -> tuple[object, ...]:
    number = header.integer(tag)
    return (number,) if number is not None else tuple(text.strip() for text in header.texts(tag))


def _differing(before: Part10File, after: Part10File) -> tuple[int, int]:
    """How many pixels differ, of how many."""
    old, new = FrameReader(before), FrameReader(after)
    differing = pixels = 0
    for frame_index in range(old.number_of_frames):
        first, second = old.decode(frame_index), new.decode(frame_index)
        differing += int((first != second).sum())
        pixels += first.size
    return differing, pixels


def _is_at_head(header: Header, evidence: HeadEvidence) -> bool:
    """Whether a slice lies where the head is; a series without a measured extent (MR) is taken as a head altogether."""
    if evidence.head_positions_mm is None:
        return evidence.verdict != "no_head"
    texts = header.texts(_POSITION)
    try:
        position = float(texts[2])
    except (IndexError, ValueError):
        return True
    low, high = evidence.head_positions_mm
    return low - _BELOW_MM <= position <= high + _ABOVE_MM


def _refused(code: str) -> tuple[Finding, ...]:
    return (Finding(Severity.ERROR, code, "series", _MESSAGES[code]),)
