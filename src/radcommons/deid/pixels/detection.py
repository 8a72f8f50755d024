"""Finding writing in the pixels of one object: what the header knows beforehand, and what a detector sees."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from radcommons.deid.folding import fold
from radcommons.deid.identifiers import harvest_identifiers
from radcommons.deid.pixel_text import PixelText
from radcommons.deid.pixels.boxes import Box, share_covered
from radcommons.deid.pixels.evidence import is_evident
from radcommons.deid.pixels.footage import Footage, look_at_frames
from radcommons.deid.pixels.markers import is_marker_text, marker_words
from radcommons.deid.pixels.models import is_available
from radcommons.deid.pixels.ocr import TextRecogniser
from radcommons.deid.pixels.rules import RectangleRule, known_devices
from radcommons.deid.pixels.shapes import ShapeFinder
from radcommons.deid.pixels.sightings import Detector, Sighting
from radcommons.deid.pixels.ultrasound import boxes_outside_regions
from radcommons.deid.spellings import name_words_of
from radcommons.dicom.elements import FormatError
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.instance import pixel_shape
from radcommons.dicom.part10 import Part10File, open_part10
from radcommons.dicom.pixels import FrameReader, PixelDecodeError

Kind = Literal["text", "region", "device", "site", "shape"]
DETECTOR_VERSION = 11
"""Raised whenever other things are seen or other boxes drawn: what an earlier version saw is looked at again."""

_PIXELS = "(7FE0,0010)"
_UNCLEAR = Finding(
    Severity.WARNING,
    "deid.writing-unclear",
    _PIXELS,
    "Something may be writing or anatomy and is not blackened; a person must say which.",
)
_TOTAL_COLUMNS = 0x00480006
_BLACKENED = 0.6
_SURE, _FIRM = 0.6, 0.8
_SAME_PLACE = 0.7
_WORD_LENGTH = 3
_WORD = re.compile(r"[^\W\d_]+")
_COMPACT = 2.0
_REACH = 1.0
# Of the shorter side: a letter larger than that is a piece of huge writing.
_THICKEST_MARKER = 0.2


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something in the pixels that may be writing.

    Parameters
    ----------
    box
        Where, in pixels of the stored matrix.
    kind
        ``text``: read by the recogniser. ``shape``: looks like writing. ``region``: outside the calibrated regions of an
        ultrasound image. ``device``, ``site``: a known rectangle.
    text
        What it seems to say. Stays inside the hospital.
    confidence
        Of the reading, from 0 to 1.
    is_marker
        Whether it is an allowed marker, which may stay.
    is_doubtful
        Whether it may be no writing at all, so that a person says whether it is blackened; it is not before.
    is_name
        Whether a part of a person's name in the header is read in it.
    """

    box: Box
    kind: Kind
    text: str = ""
    confidence: float = 0.0
    is_marker: bool = False
    is_doubtful: bool = False
    is_name: bool = False

    @property
    def is_blackened(self) -> bool:
        """Whether it goes unless a person says otherwise."""
        return not self.is_marker and not self.is_doubtful


@dataclass(frozen=True, slots=True)
class PixelFindings:
    """What is known of the writing in one object.

    Parameters
    ----------
    candidates
        What was found, from top to bottom.
    verdict
        ``clean``, ``needs_person``, ``not_checked``, or ``redacted`` when all candidates that are no markers are
        to be blackened, none is doubtful and nothing else speaks against it.
    findings
        Why; never a text that was found.
    size
        Rows, columns and frames.
    """

    candidates: tuple[Candidate, ...]
    verdict: PixelText
    findings: tuple[Finding, ...] = ()
    size: tuple[int, int, int] = (0, 0, 0)

    @property
    def boxes(self) -> tuple[Box, ...]:
        """What to blacken: every candidate that is neither an allowed marker nor doubtful."""
        return tuple(candidate.box for candidate in self.candidates if candidate.is_blackened)


def best_detector() -> Detector:
    """The text recogniser when the extra ``ocr`` is installed, the finder of letter-like shapes otherwise."""
    return TextRecogniser() if is_available() else ShapeFinder()


def find_candidates(
    path: Path,
    *,
    detector: Detector | None = None,
    markers: Sequence[str] = (),
    rules: Sequence[RectangleRule] = (),
) -> PixelFindings:
    """Look for writing in the pixels of a file.

    Parameters
    ----------
    path
        Any file of a stranger; call this in a limited process.
    detector
        :func:`best_detector` when not given.
    markers
        Writing that stays, beside the built-in markers.
    rules
        The site's own rectangles.
    """
    try:
        file = open_part10(Path(path))
    except FormatError as error:
        return _unseen(error.code, error.where, error.message, (0, 0, 0))
    return candidates_of(file, detector=detector or best_detector(), markers=markers, rules=rules)


def candidates_of(
    file: Part10File, *, detector: Detector, markers: Sequence[str] = (), rules: Sequence[RectangleRule] = ()
) -> PixelFindings:
    """Look for writing in the pixels of a parsed file; see :func:`find_candidates`."""
    header = Header(file.elements, file.encoding)
    shape = pixel_shape(header)
    size = (shape.rows, shape.columns, shape.number_of_frames)
    known = _known_boxes(header, rules, size)
    try:
        footage = look_at_frames(FrameReader(file), detector, black=[each.box for each in known], markers=markers)
    except PixelDecodeError as error:
        return _unseen(error.code, _PIXELS, error.message, size)
    kind: Kind = "text" if detector.may_vouch else "shape"
    names = frozenset(word for each in harvest_identifiers(file.elements) for word in name_words_of(each))
    sightings = [replace(each, is_name=not names.isdisjoint(_words(each.text))) for each in footage.sightings]
    seen = judged_sightings(sightings, markers, kind=kind, size=size)
    candidates = tuple(sorted((*known, *seen), key=lambda each: (each.box.top, each.box.left)))
    findings = _doubts(footage, shape.number_of_frames, detector, are_tiles=_are_tiles(header, shape.number_of_frames))
    if any(each.is_doubtful for each in candidates):
        findings = (*findings, _UNCLEAR)
    return PixelFindings(candidates, _verdict(candidates, findings), findings, size)


def verify_redacted(
    file: Part10File, boxes: Sequence[Box], *, detector: Detector, markers: Sequence[str] = ()
) -> PixelFindings:
    """Look again at an object in which boxes were blackened.

    Parameters
    ----------
    file
        The object as it is to leave.
    boxes
        What was blackened; what is seen inside of them is the edge of the black and does not count.

    Returns
    -------
    Verdict ``redacted`` when no writing is left but markers, ``needs_person`` otherwise; the findings say why.
    """
    again = candidates_of(file, detector=detector, markers=markers)
    left = [
        each
        for each in again.candidates
        if each.kind in {"text", "shape"} and not each.is_marker and share_covered(each.box, boxes) < _BLACKENED
    ]
    # Beside the black its own edge is read as a letter now and then; nothing of that is left to judge.
    is_open = any(each.is_doubtful for each in left)
    findings = [each for each in again.findings if is_open or each is not _UNCLEAR]
    if left:
        message = "After blackening something in the pixels still looks like writing."
        findings.append(Finding(Severity.WARNING, "deid.pixel-text-left", _PIXELS, message))
    verdict = PixelText.NEEDS_PERSON if findings else PixelText.REDACTED
    return PixelFindings(tuple(left), verdict, tuple(findings), again.size)


def _known_boxes(header: Header, rules: Sequence[RectangleRule], size: tuple[int, int, int]) -> list[Candidate]:
    rows, columns, _ = size
    known: list[tuple[Kind, Box]] = [("site", box) for rule in rules if rule.fits(header) for box in rule.boxes]
    known += [("device", box) for rule in known_devices() if rule.fits(header) for box in rule.boxes]
    known += [("region", box) for box in boxes_outside_regions(header, rows, columns)]
    clipped = [(kind, box.clipped(rows, columns)) for kind, box in known]
    return [Candidate(box, kind) for kind, box in clipped if box is not None]


def judged_sightings(
    sightings: Sequence[Sighting], markers: Sequence[str], *, kind: Kind, size: tuple[int, int, int]
) -> list[Candidate]:
    """What was seen in pixels of a size, as candidates: which of it is an allowed marker, no name, alone, surely read and not huge."""
    words, thickest = marker_words(tuple(markers)), _THICKEST_MARKER * min(size[:2])
    found = [
        Candidate(
            each.box,
            kind,
            each.text,
            each.confidence,
            is_marker=each.confidence >= _SURE
            and min(each.box.width, each.box.height) <= thickest
            and (is_marker_text(each.text, words) or _is_lone_letter(each))
            and not each.is_name,
            is_name=each.is_name,
        )
        for each in sightings
    ]
    firm = [each for each in found if each.is_marker and each.confidence >= _FIRM]
    found = [each for each in found if each.is_marker or not _repeats(each, firm)]
    blurred = [each for each in found if not each.is_marker and _is_blurred(each, firm)]
    beside = [each for each in found if each not in blurred]
    judged = [replace(each, is_marker=each.is_marker and not _is_tainted(each, beside)) for each in found]
    if kind != "text":
        return judged
    seen = {(each.box, each.text): each for each in sightings}
    doubtful = [
        not each.is_marker and (each in blurred or not is_evident(seen[each.box, each.text], short_side=min(size[:2])))
        for each in judged
    ]
    black = [each.box for each, is_open in zip(judged, doubtful, strict=True) if not each.is_marker and not is_open]
    return [
        replace(each, is_doubtful=is_open)
        for each, is_open in zip(judged, doubtful, strict=True)
        if not is_open or share_covered(each.box, black) < _SAME_PLACE
    ]


def _words(text: str) -> list[str]:
    return _WORD.findall(fold(text).text)


def _is_lone_letter(sighting: Sighting) -> bool:
    """Whether a sighting is one letter or figure by itself, such as a side marker in a ring, which is read as a 0."""
    thickness, length = sorted((sighting.box.width, sighting.box.height))
    return _letters(sighting.text) == 1 and sighting.confidence >= _FIRM and length <= _COMPACT * thickness


def _repeats(candidate: Candidate, markers: Sequence[Candidate]) -> bool:
    """Whether it is a poorer reading of a marker: the same place seen twice."""
    return any(
        share_covered(candidate.box, [marker.box]) >= _SAME_PLACE
        and len(candidate.text) <= len(marker.text)
        and candidate.confidence < marker.confidence
        for marker in markers
    )


def _is_blurred(candidate: Candidate, markers: Sequence[Candidate]) -> bool:
    """Whether it is a marker with its surroundings, of which less was read, and less surely: a person says what else it holds."""
    return any(
        share_covered(marker.box, [candidate.box]) >= _SAME_PLACE
        and _WORD_LENGTH <= _letters(marker.text) >= _letters(candidate.text)
        and candidate.confidence < marker.confidence
        for marker in markers
    )


def _is_tainted(marker: Candidate, found: Sequence[Candidate]) -> bool:
    """Whether other writing stands beside a marker: a letter may be an initial, a word part of a line that names."""
    least = 1 if _letters(marker.text) == 1 else _WORD_LENGTH
    others = [each.box for each in found if not each.is_marker and _letters(each.text) >= least]
    return _is_beside(marker.box, others)


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)


def _is_beside(box: Box, others: Sequence[Box]) -> bool:
    """Whether other writing touches a box or goes on in its line: then a letter may be an initial, not a side."""
    reach = round(_REACH * min(box.width, box.height))
    for other in others:
        gap = max(other.left - box.right, box.left - other.right)
        overlap = min(box.bottom, other.bottom) - max(box.top, other.top)
        if gap <= reach and overlap >= min(box.height, other.height) / 2:
            return True
        if gap < 0 and overlap > 0:
            return True
    return False


def _are_tiles(header: Header, number_of_frames: int) -> bool:
    """Whether the frames are pieces of one large picture (PS3.3 C.8.12.4.1.1)."""
    return number_of_frames > 1 and header.integer(_TOTAL_COLUMNS) is not None


def _doubts(footage: Footage, number_of_frames: int, detector: Detector, *, are_tiles: bool) -> tuple[Finding, ...]:
    doubts = []
    if not detector.may_vouch:
        doubts.append(("deid.pixels-not-read", "No text recogniser is installed; a person must look at the picture."))
    if any(each.is_cut for each in footage.sightings):
        doubts.append(("deid.strokes-cut", "Large writing runs into the picture; a person must see where it ends."))
    if any(each.is_noise for each in footage.sightings):
        doubts.append(
            ("deid.writing-faint", "Something too faint to be seen may be writing or noise; a person must look at it.")
        )
    if footage.frames_seen < number_of_frames:
        doubts.append(("deid.frames-not-seen", "Only a choice of the frames was looked at; a person must look too."))
    if are_tiles:
        doubts.append(
            ("deid.tiles-read-apart", "Writing may run over the edges of tiles; a person must look at the whole.")
        )
    if footage.is_exhausted:
        doubts.append(("deid.frames-not-read", "More frames differ than were read; a person must look at them."))
    return tuple(Finding(Severity.WARNING, code, _PIXELS, message) for code, message in doubts)


def _verdict(candidates: Sequence[Candidate], findings: Sequence[Finding]) -> PixelText:
    if findings:
        return PixelText.NEEDS_PERSON
    return PixelText.REDACTED if any(not each.is_marker for each in candidates) else PixelText.CLEAN


def _unseen(code: str, where: str, message: str, size: tuple[int, int, int]) -> PixelFindings:
    return PixelFindings((), PixelText.NEEDS_PERSON, (Finding(Severity.WARNING, code, where, message),), size)
