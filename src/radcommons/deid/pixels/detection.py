"""Finding writing in the pixels of one object: what the header knows beforehand, and what a detector sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from radcommons.deid.pixel_text import PixelText
from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.markers import is_marker_text, marker_words
from radcommons.deid.pixels.ocr import TextRecogniser, is_available
from radcommons.deid.pixels.rules import RectangleRule
from radcommons.deid.pixels.shapes import ShapeFinder
from radcommons.deid.pixels.sightings import Detector, Sighting
from radcommons.dicom.elements import FormatError
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.frames import MAX_FRAMES
from radcommons.dicom.grayscale import to_grayscale
from radcommons.dicom.header import Header
from radcommons.dicom.instance import pixel_shape
from radcommons.dicom.part10 import open_part10
from radcommons.dicom.pixels import PixelDecodeError, decode_frame

Kind = Literal["text", "region", "device", "site", "shape"]
_PIXELS = "(7FE0,0010)"


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
    """

    box: Box
    kind: Kind
    text: str = ""
    confidence: float = 0.0
    is_marker: bool = False


@dataclass(frozen=True, slots=True)
class PixelFindings:
    """What is known of the writing in one object.

    Parameters
    ----------
    candidates
        What was found, from top to bottom.
    verdict
        ``clean``, ``needs_person``, ``not_checked``, or ``redacted`` when all candidates that are no markers are
        to be blackened and nothing else speaks against it.
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
        """What to blacken: every candidate that is no allowed marker."""
        return tuple(candidate.box for candidate in self.candidates if not candidate.is_marker)


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
    looker = detector or best_detector()
    try:
        file = open_part10(Path(path))
    except FormatError as error:
        return _unseen(Finding(Severity.WARNING, error.code, error.where, error.message))
    header = Header(file.elements, file.encoding)
    shape = pixel_shape(header)
    size = (shape.rows, shape.columns, shape.number_of_frames)
    site = [Candidate(box, "site") for rule in rules if rule.fits(header) for box in rule.boxes]
    seen: list[Sighting] = []
    try:
        for frame_index in range(min(shape.number_of_frames, MAX_FRAMES)):
            values = decode_frame(path, frame_index)
            seen.extend(looker.find(to_grayscale(values, header, frame_index=frame_index)))
    except PixelDecodeError as error:
        return _unseen(Finding(Severity.WARNING, error.code, _PIXELS, error.message), size)
    words = marker_words(tuple(markers))
    found = [Candidate(each.box, "text", each.text, each.confidence, is_marker_text(each.text, words)) for each in seen]
    verdict = PixelText.REDACTED if any(not each.is_marker for each in (*found, *site)) else PixelText.CLEAN
    return PixelFindings((*site, *found), verdict if looker.may_vouch else PixelText.NEEDS_PERSON, (), size)


def _unseen(finding: Finding, size: tuple[int, int, int] = (0, 0, 0)) -> PixelFindings:
    return PixelFindings((), PixelText.NEEDS_PERSON, (finding,), size)
