"""Whether a CT or MR series shows a head, from which a face can be reconstructed (PS3.15 E.3.2).

Headers are asked first; a few cross-sections are measured whatever they say, because a chest CT may begin at the eyes and a
body part may be a default that nobody changed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from radcommons.deid.pixels.cross_sections import CrossSection, measured_ct, measured_mr
from radcommons.dicom.elements import FormatError
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import open_part10
from radcommons.dicom.pixels import FrameReader, PixelDecodeError

Verdict = Literal["head", "no_head", "unknown"]
MOST_SLICES = 24
_MODALITIES = frozenset({"CT", "MR"})
_AXIAL_COSINE = 0.8
_ENOUGH_SLICES = 3
_SHARED_GROUPS, _FRAME_GROUPS = 0x52009229, 0x52009230
_ORIENTATION_GROUP, _POSITION_GROUP, _MEASURES_GROUP = 0x00209116, 0x00209113, 0x00289110
_TEXTS = (0x00180015, 0x0008103E, 0x00081030, 0x00181030, 0x00400254, 0x00321060)
_HEAD_WORDS = re.compile(
    r"\b(?:head|brain|skull|cranium|cranial|neuro\w*|face|facial|sinus(?:es)?|orbits?|iac|temporal|mastoid\w*|petrous|"
    r"jaw|mandible|maxilla|dental|tmj|ears?|pituitary|sella|mprage|stroke|circle of willis|"
    r"kopf|schaedel|schädel|gehirn|nnh|gesicht|felsenbein\w*|orbita|crane|crâne|tete|tête|cerebr\w*|cabeza|cerebro|"
    r"craneo|cráneo|testa|encefalo|cranio|whole ?body|wholebody|ganzkoerper|ganzkörper|pan ?scan|polytrauma)\b",
    re.IGNORECASE,
)
_NECK_WORDS = re.compile(r"\b(?:necks?|cervical|c-?spine|hals|hws|carotids?|larynx|thyroid)\b", re.IGNORECASE)
_BODY_WORDS = re.compile(
    r"\b(?:chest|thorax|lungs?|thoracic|abdomen|abdominal|pelvis|liver|kidneys?|heart|cardiac|coronary|lumbar|l-?spine|"
    r"knees?|hips?|ankles?|feet|foot|wrists?|hands?|shoulders?|elbows?|breasts?|prostate|legs?|femur|tibia|"
    r"lunge|becken|herz|bauch|knie|hüfte|poumons?|torax|pecho)\b",
    re.IGNORECASE,
)
# Sizes of heads from infants to large adults, measured across a level above the chin.
_HEAD_AREA_CM2 = (60.0, 400.0)
_HEAD_WIDTH_MM, _HEAD_DEPTH_MM = (80.0, 215.0), (95.0, 265.0)
_LEAST_CLOSURE = 0.75
_MOST_AIR = 0.12
_SMALL_FIELD_MM = 200.0


@dataclass(frozen=True, slots=True)
class HeadEvidence:
    """What speaks for and against a head in a series.

    Parameters
    ----------
    verdict
        ``head``, ``no_head``, or ``unknown`` when a person has to look.
    confidence
        How sure, from 0 to 1; not a calibrated probability.
    reasons
        Stable slugs, for reports.
    head_positions_mm
        Where along the patient's axis the cross-section looks like a head: the lowest and the highest; CT only.
    """

    verdict: Verdict
    confidence: float
    reasons: tuple[str, ...] = ()
    head_positions_mm: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class _Slice:
    path: Path
    frame_index: int
    position_mm: float


def head_coverage(paths: Sequence[Path]) -> HeadEvidence:
    """Judge whether a series shows a head.

    Parameters
    ----------
    paths
        All files of one series, in any order; call this in a limited process.
    """
    headers = [(path, header) for path in paths if (header := _header(path)) is not None]
    if not headers or headers[0][1].text(0x00080060) not in _MODALITIES:
        return HeadEvidence("no_head", 1.0, ("modality-shows-no-face",)) if headers else HeadEvidence("unknown", 0.0)
    first = headers[0][1]
    is_ct = first.text(0x00080060) == "CT"
    words = _words_of(first)
    slices = sorted(
        (each for path, header in headers for each in _axial_slices(path, header)), key=lambda each: each.position_mm
    )
    sampled = [slices[number] for number in _spread(len(slices))]
    measured = [(each, section) for each in sampled if (section := _measure(each, is_ct=is_ct)) is not None]
    return _judge_ct(words, measured) if is_ct else _judge_mr(words, measured)


def _header(path: Path) -> Header | None:
    try:
        file = open_part10(path)
    except FormatError:
        return None
    return Header(file.elements, file.encoding) if file.pixel_element() is not None else None


def _words_of(header: Header) -> str:
    """``head``, ``neck``, ``body`` or nothing: what the texts of a header speak of, the most telling first."""
    texts = " ".join(header.text(tag) for tag in _TEXTS).replace("_", " ")
    for word, pattern in (("head", _HEAD_WORDS), ("neck", _NECK_WORDS), ("body", _BODY_WORDS)):
        if pattern.search(texts):
            return word
    return ""


def _axial_slices(path: Path, header: Header) -> list[_Slice]:
    frames = max(1, header.integer(0x00280008) or 1)
    slices = []
    for frame_index in range(frames):
        orientation = _numbers(_level(header, frame_index, _ORIENTATION_GROUP), 0x00200037)
        position = _numbers(_level(header, frame_index, _POSITION_GROUP), 0x00200032)
        if len(orientation) != 6 or len(position) != 3:  # noqa: PLR2004  two directions, one point
            continue
        normal = np.cross(orientation[:3], orientation[3:])
        if abs(normal[2]) >= _AXIAL_COSINE:
            slices.append(_Slice(path, frame_index, position[2]))
    return slices


def _level(header: Header, frame_index: int, sequence: int) -> Header:
    """The header that says something of one frame: its functional group, the shared one, or the top level."""
    groups = [*header.items(_FRAME_GROUPS)[frame_index : frame_index + 1], *header.items(_SHARED_GROUPS)[:1]]
    for group in groups:
        items = Header(group, header.encoding, header.encodings).items(sequence)
        if items:
            return Header(items[0], header.encoding, header.encodings)
    return header


def _numbers(header: Header, tag: int) -> list[float]:
    try:
        return [float(text) for text in header.texts(tag)]
    except ValueError:
        return []


def _spread(count: int) -> list[int]:
    return sorted({int(number) for number in np.linspace(0, count - 1, min(count, MOST_SLICES))}) if count else []


def _measure(each: _Slice, *, is_ct: bool) -> CrossSection | None:
    try:
        reader = FrameReader(open_part10(each.path))
        values = reader.decode(each.frame_index)
    except (FormatError, PixelDecodeError):
        return None
    header = reader.header
    spacing = _numbers(_level(header, each.frame_index, _MEASURES_GROUP), 0x00280030)
    if values.ndim != 2 or len(spacing) != 2 or min(spacing) <= 0:  # noqa: PLR2004  rows and columns
        return None
    numbers = np.nan_to_num(values.astype(np.float32))
    if not is_ct:
        return measured_mr(numbers, (spacing[0], spacing[1]))
    transform = _level(header, each.frame_index, 0x00289145)
    slope, intercept = transform.number(0x00281053), transform.number(0x00281052)
    hounsfield = numbers * np.float32(slope or 1.0) + np.float32(intercept or 0.0)
    return measured_ct(hounsfield, (spacing[0], spacing[1]))


def _judge_ct(words: str, measured: Sequence[tuple[_Slice, CrossSection]]) -> HeadEvidence:
    heads = [each.position_mm for each, section in measured if _is_head(section)]
    reasons = [f"header-says-{words}"] if words else []
    extent = (min(heads), max(heads)) if heads else None
    if len(heads) >= 2 or (heads and len(measured) < _ENOUGH_SLICES):  # noqa: PLR2004  one slice may be a chance
        return HeadEvidence("head", 0.95 if words == "head" else 0.85, (*reasons, "skull-closed"), extent)
    if words == "head":
        return HeadEvidence("head", 0.6, (*reasons, "no-closed-skull-seen"), extent)
    if heads or words == "neck":
        return HeadEvidence("unknown", 0.5, (*reasons, "part-of-head-possible"), extent)
    if any(section.is_cut and section.width_mm < _SMALL_FIELD_MM for _, section in measured):
        return HeadEvidence("unknown", 0.3, (*reasons, "small-field-of-view"))
    if len(measured) >= _ENOUGH_SLICES:
        return HeadEvidence("no_head", 0.95 if words == "body" else 0.85, (*reasons, "no-closed-skull"))
    if words == "body":
        return HeadEvidence("no_head", 0.7, (*reasons, "few-slices"))
    return HeadEvidence("unknown", 0.2, (*reasons, "nothing-to-measure"))


def _judge_mr(words: str, measured: Sequence[tuple[_Slice, CrossSection]]) -> HeadEvidence:
    reasons = [f"header-says-{words}"] if words else []
    small = [each for each, section in measured if not section.is_cut and _has_head_size(section)]
    if words == "head":
        return HeadEvidence("head", 0.9 if small else 0.75, (*reasons, "head-sized") if small else tuple(reasons))
    if words == "body":
        return HeadEvidence("no_head", 0.75 if small else 0.9, tuple(reasons))
    if words == "neck" or small:
        return HeadEvidence("unknown", 0.5, (*reasons, "head-sized") if small else tuple(reasons))
    if len(measured) >= _ENOUGH_SLICES:
        return HeadEvidence("no_head", 0.6, ("larger-than-a-head",))
    return HeadEvidence("unknown", 0.2, (*reasons, "nothing-to-measure"))


def _is_head(section: CrossSection) -> bool:
    is_closed = section.bone_closure >= _LEAST_CLOSURE and section.air_share <= _MOST_AIR
    return is_closed and not section.is_cut and _has_head_size(section)


def _has_head_size(section: CrossSection) -> bool:
    return (
        _HEAD_AREA_CM2[0] <= section.area_cm2 <= _HEAD_AREA_CM2[1]
        and _HEAD_WIDTH_MM[0] <= section.width_mm <= _HEAD_WIDTH_MM[1]
        and _HEAD_DEPTH_MM[0] <= section.depth_mm <= _HEAD_DEPTH_MM[1]
    )
