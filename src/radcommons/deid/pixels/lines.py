"""Completing lines of writing of which only a part was seen: pieces become one line, and what fades goes on unseen.

Writing has one grey value. Where it runs over anatomy that happens to have the same, letters vanish in the middle of a line or
at its end, and among speckle and noise a recogniser misses some; a person who knows the line still makes them out.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.boxes import Box, share_covered
from radcommons.deid.pixels.markers import is_marker_text, marker_words
from radcommons.deid.pixels.sightings import Sighting

_LEAST_LETTERS = 3
_LINE_SHAPE = 1.5
_SAME_LINE, _ALIKE_THICK, _FURTHEST_APART = 0.6, 2.0, 0.5
_WITHIN = 0.7
# Mean difference to the surroundings, of 255, below which the letters at an end are faint.
_FAINT = 5.0
_LIVELY = 0.4
_THICKEST_LETTER = 1.7
_END, _UNSEEN = 1.5, 1.5
_FINE, _COARSE = 3, 9


def completed(picture: NDArray[np.uint8], sightings: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """Sightings with the pieces of a line joined, and lines lengthened at ends that are unclear; markers stay as they are."""
    words = marker_words()
    lines = [each for each in sightings if _is_line(each, words)]
    others = [each for each in sightings if not _is_line(each, words)]
    return (*others, *(replace(each, box=_lengthened(picture, each)) for each in _joined(lines)))


def _is_line(sighting: Sighting, words: frozenset[str]) -> bool:
    thickness, length = sorted((sighting.box.width, sighting.box.height))
    return (
        _letters(sighting.text) >= _LEAST_LETTERS
        and length >= _LINE_SHAPE * thickness
        and not is_marker_text(sighting.text, words)
    )


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)


def _joined(lines: Sequence[Sighting]) -> list[Sighting]:
    joined: list[Sighting] = []
    for line in sorted(lines, key=lambda each: (each.box.left, each.box.top)):
        current = line
        while (piece := next((each for each in joined if _goes_on(each.box, current.box)), None)) is not None:
            joined.remove(piece)
            current = _one_line(piece, current)
        joined.append(current)
    return joined


def _one_line(first: Sighting, second: Sighting) -> Sighting:
    """Two pieces as one, with both texts unless one piece was seen within the other."""
    small, large = sorted((first, second), key=lambda each: each.box.width * each.box.height)
    is_within = share_covered(small.box, [large.box]) >= _WITHIN
    text = large.text if is_within else f"{first.text} {second.text}"
    # A line is writing as surely as its surest piece is.
    confidence = large.confidence if is_within else max(first.confidence, second.confidence)
    return Sighting(first.box.around(second.box), text, confidence)


def _goes_on(first: Box, second: Box) -> bool:
    """Whether two boxes lie on one line, one after the other."""
    is_lying = first.width >= first.height
    if is_lying != (second.width >= second.height):
        return False
    (start, end, top, bottom), (other_start, other_end, other_top, other_bottom) = (
        _along(first, is_lying=is_lying),
        _along(second, is_lying=is_lying),
    )
    thin, thick = sorted((bottom - top, other_bottom - other_top))
    shared = min(bottom, other_bottom) - max(top, other_top)
    gap = max(start, other_start) - min(end, other_end)
    return shared >= _SAME_LINE * thin and thick <= _ALIKE_THICK * thin and gap <= _FURTHEST_APART * thin


def _along(box: Box, *, is_lying: bool) -> tuple[int, int, int, int]:
    """Where a line begins and ends, and its two rims."""
    sides = (box.left, box.right, box.top, box.bottom)
    return sides if is_lying else (box.top, box.bottom, box.left, box.right)


def _lengthened(picture: NDArray[np.uint8], sighting: Sighting) -> Box:
    """The box with its unclear ends further out, unless it is longer than what was read in it can be."""
    box, letters = sighting.box, _letters(sighting.text)
    is_lying = box.width >= box.height
    shown = picture if is_lying else picture.T
    start, end, top, bottom = _along(box, is_lying=is_lying)
    thickness = bottom - top
    if end - start > letters * thickness:
        return box
    # A box may be much thicker than its letters, which its length tells then.
    reach = round(_UNSEEN * min(thickness, _THICKEST_LETTER * (end - start) / letters))
    band = shown[top:bottom]
    if _is_unclear(band[:, ::-1], band.shape[1] - start, thickness):
        start = max(0, start - reach)
    if _is_unclear(band, end, thickness):
        end = min(band.shape[1], end + reach)
    sides = (start, top, end - start, thickness) if is_lying else (top, start, thickness, end - start)
    return Box(*sides, box.frames)


def _is_unclear(band: NDArray[np.uint8], end: int, thickness: int) -> bool:
    """Whether letters fade towards an end, or what follows is about as lively as they are: a line ends where it gets calm."""
    depth = round(_END * thickness)
    # Boxes are about one thickness longer than what was seen in them.
    last = max(depth, end - thickness // 2)
    letters = _strength(band[:, last - depth : last])
    beyond = band[:, end : end + depth]
    return letters < _FAINT or (beyond.shape[1] >= _COARSE and _strength(beyond) > _LIVELY * letters)


def _strength(piece: NDArray[np.uint8]) -> float:
    """How far the fine structure of a piece is from its surroundings in the liveliest third of its rows, in grey values.

    A box may be three times as thick as its letters; rows above and below them say nothing about them.
    """
    if min(piece.shape, default=0) < _FINE:
        return 0.0
    values = piece.astype(np.float32)
    by_row = np.abs(_mean(values, _FINE) - _mean(values, _COARSE)).mean(axis=1)
    return float(np.sort(by_row)[-max(1, by_row.size // 3) :].mean())


def _mean(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    padded = np.pad(values, side // 2, mode="edge").cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    sums = np.pad(padded, ((1, 0), (1, 0)))
    totals = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    mean: NDArray[np.float32] = (totals / (side * side)).astype(np.float32)
    return mean
