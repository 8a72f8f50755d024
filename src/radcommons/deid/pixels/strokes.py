"""Following the strokes of letters over the border of a box: of writing as large as anatomy a recogniser often sees a piece.

Writing has one grey value. What has that of the letters in a box, is as thin as they are, and touches the box or stands where the
next letter would, belongs to them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.evidence import is_read
from radcommons.deid.pixels.sightings import Sighting

LEAST_THICKNESS = 40
# In pixels, and of the shorter side of the picture.
_LARGE, _LARGE_SHARE, _WORD_LENGTH = 90, 0.1, 3
# Boxes are looked at in about this thickness, with so much around them.
_LOOKED_AT, _AROUND = 56, 2.5
_LEAST_SIDE, _HALF = 8, 0.5
_LEAST_CONTRAST, _SAME_GREY = 14.0, 0.45
_THICKEST_STROKE = 0.22
_LEAST_LETTER, _MOST_LETTER = 0.35, 2.6
_NEXT_LETTER, _SAME_LINE = 0.75, 0.5
_CLEARLY = 1.6
_RIM, _SLACK = 0.12, 0.06
_CORE, _AMONG = 5, 0.02
_MOST_THICKNESS = 1.8
_MOST_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class _Window:
    """A piece of a picture around a box, made smaller; boxes within it are left, top, right, bottom."""

    picture: NDArray[np.uint8]
    left: int
    top: int
    scale: float

    def inside(self, box: Box) -> NDArray[np.int64]:
        corners = np.array([box.left - self.left, box.top - self.top, box.right - self.left, box.bottom - self.top])
        rows, columns = self.picture.shape
        return np.clip(np.rint(corners * self.scale), 0, [columns, rows, columns, rows]).astype(np.int64)

    def outside(self, place: NDArray[np.int64], rim: float) -> Box:
        left, top, right, bottom = (float(side) / self.scale for side in place)
        first_column, first_row = max(0, int(self.left + left - rim)), max(0, int(self.top + top - rim))
        width, height = int(self.left + right + rim) + 1 - first_column, int(self.top + bottom + rim) + 1 - first_row
        return Box(first_column, first_row, max(1, width), max(1, height))


def with_whole_strokes(picture: NDArray[np.uint8], sightings: Sequence[Sighting], opencv: Any) -> list[Sighting]:
    """Sightings with the boxes of large writing around all of its strokes and the letters beside them.

    Where very large strokes are followed, or run into something of their grey, a vessel or a bone, nobody can tell where they
    end, nor what a letter or two of that size belong to: such a sighting ``is_cut``.
    """
    return [
        each if min(each.box.width, each.box.height) < LEAST_THICKNESS else _followed(picture, each, opencv)
        for each in sightings
    ]


def _followed(picture: NDArray[np.uint8], sighting: Sighting, opencv: Any) -> Sighting:
    box, is_cut = sighting.box, False
    thickness = min(box.width, box.height)
    if not is_read(sighting):
        return sighting
    for _ in range(_MOST_ROUNDS):
        wider, is_cut = _wider(picture, box, thickness, opencv)
        if wider == box:
            break
        box = wider
    is_large = thickness >= max(_LARGE, _LARGE_SHARE * min(picture.shape))
    is_piece = sum(map(str.isalnum, sighting.text)) < _WORD_LENGTH
    return replace(
        sighting, box=box, is_cut=sighting.is_cut or (is_large and (is_cut or is_piece or box != sighting.box))
    )


def _wider(picture: NDArray[np.uint8], box: Box, thickness: int, opencv: Any) -> tuple[Box, bool]:
    """The box around its strokes as far as they are seen in a window around it, and whether some run into what is no letter."""
    window = _window(picture, box, thickness, opencv)
    place = window.inside(box)
    ink = _ink(window.picture, place)
    if ink is None:
        return box, False
    height = thickness * window.scale
    strokes, others = _pieces(ink, height, opencv)
    touching, rest = _touching(strokes, place)
    is_cut = _is_cut(others, place)
    if not len(touching):
        return box, is_cut
    letter = float(np.median(np.minimum(height, (touching[:, 2:] - touching[:, :2]).max(axis=1))))
    reached, is_beyond = _reached(place, touching, rest, letter=letter, most=_MOST_THICKNESS * height)
    if np.all(np.abs(reached - place) <= _SLACK * height):
        return box, is_cut or is_beyond
    grown = window.outside(reached, _RIM * letter).clipped(*picture.shape)
    return (box if grown is None else box.around(grown)), is_cut or is_beyond


def _window(picture: NDArray[np.uint8], box: Box, thickness: int, opencv: Any) -> _Window:
    around = round(_AROUND * thickness)
    left, top = max(0, box.left - around), max(0, box.top - around)
    piece = picture[top : box.bottom + around, left : box.right + around]
    scale = min(1.0, _LOOKED_AT / thickness)
    size = (max(1, round(piece.shape[1] * scale)), max(1, round(piece.shape[0] * scale)))
    small = opencv.resize(np.ascontiguousarray(piece), size, interpolation=opencv.INTER_AREA) if scale < 1 else piece
    return _Window(np.asarray(small, dtype=np.uint8), left, top, scale)


def _ink(picture: NDArray[np.uint8], place: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """What has the grey value of the letters in a place: of its two greys the one that is rarer along its border."""
    piece = picture[place[1] : place[3], place[0] : place[2]]
    if min(piece.shape) < _LEAST_SIDE:
        return None
    limit = _parting(piece)
    border = np.concatenate([piece[0], piece[-1], piece[:, 0], piece[:, -1]])
    is_bright = bool((border > limit).mean() < _HALF)
    bright, dark = piece[piece > limit], piece[piece <= limit]
    if not bright.size or not dark.size:
        return None
    letters, ground = (bright, dark) if is_bright else (dark, bright)
    grey, contrast = float(np.median(letters)), abs(float(np.median(letters)) - float(np.median(ground)))
    if contrast < _LEAST_CONTRAST:
        return None
    return np.asarray(np.abs(picture.astype(np.int16) - grey) <= _SAME_GREY * contrast)


def _parting(piece: NDArray[np.uint8]) -> int:
    """The grey value that parts a piece in two groups best (Otsu)."""
    counts = np.bincount(piece.ravel(), minlength=256).astype(np.float64)
    values = np.arange(256)
    below, sums = counts.cumsum(), (counts * values).cumsum()
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = sums / below - (sums[-1] - sums) / above
    return int(np.nanargmax(np.nan_to_num(below * above * distance * distance)))


def _pieces(ink: NDArray[np.bool_], height: float, opencv: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Connected strokes (left, top, right, bottom) as thin and as large as those of letters of a height; where all else as large lies."""
    mask = ink.astype(np.uint8)
    count, labels, stats, _ = opencv.connectedComponentsWithStats(mask, connectivity=8)
    depth = opencv.distanceTransform(np.pad(mask, 1), opencv.DIST_L2, 3)[1:-1, 1:-1]
    deepest = np.zeros(count)
    np.maximum.at(deepest, labels.ravel(), depth.ravel())
    sides = stats[:, 2:4]
    is_large = (np.arange(count) > 0) & (sides.max(axis=1) >= _LEAST_LETTER * height)
    is_thin = deepest <= max(2.0, _THICKEST_STROKE * height)
    is_stroke = is_large & is_thin & (sides.min(axis=1) <= _MOST_LETTER * height)
    places = np.concatenate([stats[:, :2], stats[:, :2] + sides], axis=1).astype(np.int64)
    return places[is_stroke], (is_large & ~is_stroke)[labels]


def _is_cut(others: NDArray[np.bool_], place: NDArray[np.int64]) -> bool:
    """Whether something of the letters' grey that is no stroke lies among them: they may go on in it unseen."""
    left, top, right, bottom = place
    across, down = (right - left) // _CORE, (bottom - top) // _CORE
    core = others[top + down : bottom - down, left + across : right - across]
    return bool(core.size and core.mean() >= _AMONG)


def _touching(pieces: NDArray[np.int64], place: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    shared = np.minimum(pieces[:, 2:], place[2:]) - np.maximum(pieces[:, :2], place[:2])
    is_touching = (shared > 0).all(axis=1)
    return pieces[is_touching], pieces[~is_touching]


def _reached(
    place: NDArray[np.int64],
    touching: NDArray[np.int64],
    rest: NDArray[np.int64],
    *,
    letter: float,
    most: float,
) -> tuple[NDArray[np.int64], bool]:
    """A place with its strokes and the letters that stand where its line goes on; and whether a stroke leads out of any line."""
    is_beyond = False
    for each in touching:
        wider = _around(place, each)
        if min(wider[2:] - wider[:2]) <= most:
            place = wider
        else:
            is_beyond = True
    waiting = [each for each in rest if (each[2:] - each[:2]).max() <= _MOST_LETTER * letter]
    while True:
        near = next((number for number, each in enumerate(waiting) if _goes_on(place, each, letter)), None)
        if near is None:
            return place, is_beyond
        wider = _around(place, waiting.pop(near))
        place = wider if min(wider[2:] - wider[:2]) <= most else place


def _goes_on(place: NDArray[np.int64], piece: NDArray[np.int64], letter: float) -> bool:
    shared = np.minimum(place[2:], piece[2:]) - np.maximum(place[:2], piece[:2])
    width, height = place[2:] - place[:2]
    sides = piece[2:] - piece[:2]
    for axis, is_this_way in ((0, height < _CLEARLY * width), (1, width < _CLEARLY * height)):
        is_level = shared[1 - axis] >= _SAME_LINE * sides[1 - axis]
        if is_this_way and is_level and -shared[axis] <= _NEXT_LETTER * letter:
            return True
    return False


def _around(place: NDArray[np.int64], piece: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.minimum(place[:2], piece[:2]), np.maximum(place[2:], piece[2:])])
