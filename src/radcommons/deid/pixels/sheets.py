"""Cuttings of a picture laid out on one sheet, so that a recogniser looks at places of interest in one go."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_GAP = 12
_SLACK = 1.15
_STEP = 8
_MULTIPLE = 32
_TALL = 1.3
_ENLARGED = ((36, 2.0), (60, 1.5))
_ENDS, _LEAST_RANGE = (0.01, 0.995), 48
_BACKGROUND_WINDOW = 25
_CONTRAST_FLOOR = 6.0
_CONTRAST_GAIN = 60.0
_MAX_SHEET_PIXELS = 1_200_000

Corners = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Cutting:
    """A piece of a picture made ready for reading.

    Parameters
    ----------
    picture
        What is laid on the sheet.
    left, top, height
        Where it was cut and how high it was, in pixels of the picture it was cut from.
    enlargement
        By how much it was enlarged.
    is_turned
        Whether it was turned by 90 degrees with the clock: writing along an edge usually reads upwards.
    scale
        Pixels of the picture it was cut from for one pixel of the image.
    """

    picture: NDArray[np.uint8]
    left: int
    top: int
    height: int
    enlargement: float
    is_turned: bool
    scale: float

    def to_image(self, corners: Corners) -> Corners:
        """Points of the cutting (column, row) as points of the image."""
        points = corners / self.enlargement
        if self.is_turned:
            points = np.stack([points[:, 1], self.height - points[:, 0]], axis=1)
        moved: Corners = ((points + np.array([self.left, self.top])) / self.scale).astype(np.float32)
        return moved


def cut(
    piece: NDArray[np.uint8],
    corner: tuple[int, int],
    *,
    scale: float,
    is_turned: bool,
    is_flattened: bool,
    enlargement: float | None = None,
) -> Cutting:
    """Make a piece of a picture ready: spread its grey values, and enlarge it when it is small.

    Parameters
    ----------
    corner
        The left and upper end of the piece in the picture.
    scale
        Pixels of that picture for one pixel of the image.
    is_turned
        Against what its shape suggests: tall places are turned anyway, as writing along an edge.
    is_flattened
        Whether the local background is taken out as well, for writing across a border.
    enlargement
        By how much; what the size of the piece asks for when not given.
    """
    rows, columns = piece.shape
    piece = flattened(piece) if is_flattened else spread(piece)
    is_tall = rows > _TALL * columns
    turn = is_tall != is_turned
    if turn:
        piece = np.rot90(piece, -1)
    if enlargement is None:
        enlargement = next((factor for side, factor in _ENLARGED if min(piece.shape) < side), 1.0)
    if enlargement > 1:
        size = (round(piece.shape[1] * enlargement), round(piece.shape[0] * enlargement))
        image = Image.fromarray(np.ascontiguousarray(piece)).resize(size, Image.Resampling.BICUBIC)
        piece = np.asarray(image, dtype=np.uint8)
    return Cutting(piece, *corner, rows, enlargement, turn, scale)


def spread(piece: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey values spread over the whole scale; what is nearly even is not blown up to noise."""
    counts = np.bincount(piece.ravel(), minlength=256).cumsum()
    low, high = (float(np.searchsorted(counts, share * (piece.size - 1), side="right")) for share in _ENDS)
    high = max(high, low + _LEAST_RANGE)
    shown = np.clip((np.arange(256) - low) * (255.0 / (high - low)), 0, 255).astype(np.uint8)
    return np.asarray(shown[piece], dtype=np.uint8)


def flattened(piece: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Differences to the mean around each pixel, in units of the spread around it."""
    values = piece.astype(np.uint32)
    mean = _local_mean(values)
    deviation = np.sqrt(np.maximum(_local_mean(values * values) - mean * mean, 0))
    return np.clip(128 + (piece - mean) / (deviation + _CONTRAST_FLOOR) * _CONTRAST_GAIN, 0, 255).astype(np.uint8)


def _local_mean(values: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Means of squares; sums of the whole may pass 32 bits, those of a square never do, and differences stay right."""
    side = _BACKGROUND_WINDOW
    padded = np.pad(np.pad(values, side // 2, mode="edge"), ((1, 0), (1, 0)))
    sums = padded.cumsum(axis=0, dtype=np.uint32).cumsum(axis=1, dtype=np.uint32)
    totals = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    mean: NDArray[np.float32] = totals.astype(np.float32)
    mean /= side * side
    return mean


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Cuttings side by side on black, and where each of them lies (column, row)."""

    picture: NDArray[np.uint8]
    cuttings: tuple[Cutting, ...]
    positions: tuple[tuple[int, int], ...]

    def cutting_at(self, corners: Corners) -> tuple[Cutting, Corners] | None:
        """The cutting under the middle of some corners, and the corners as points of it.

        Neighbours on a sheet lie apart in the picture: what goes beyond a cutting ends with it.
        """
        column, row = corners.mean(axis=0)
        half = _GAP // 2
        for cutting, (left, top) in zip(self.cuttings, self.positions, strict=True):
            rows, columns = cutting.picture.shape
            if left - half <= column < left + columns + half and top - half <= row < top + rows + half:
                ends = (columns + half, rows + half)
                return cutting, np.clip(corners - (left, top), (-half, -half), ends).astype(np.float32)
        return None


def laid_out(cuttings: Iterable[Cutting]) -> Sequence[Sheet]:
    """Cuttings on as few sheets as hold them, tall ones first."""
    waiting = sorted(cuttings, key=lambda each: (-each.picture.shape[0], each.top, each.left))
    sheets = []
    while waiting:
        chosen, positions, size, waiting = _fill(waiting)
        picture = np.zeros(size, dtype=np.uint8)
        for cutting, (left, top) in zip(chosen, positions, strict=True):
            rows, columns = cutting.picture.shape
            picture[top : top + rows, left : left + columns] = cutting.picture
        sheets.append(Sheet(picture, tuple(chosen), tuple(positions)))
    return sheets


def _fill(
    waiting: list[Cutting],
) -> tuple[list[Cutting], list[tuple[int, int]], tuple[int, int], list[Cutting]]:
    """Put each cutting where it lies highest, until the sheet is full; also what is left over."""
    sizes = [(cutting.picture.shape[0] + _GAP, cutting.picture.shape[1] + _GAP) for cutting in waiting]
    square = math.sqrt(min(_SLACK * sum(rows * columns for rows, columns in sizes), _MAX_SHEET_PIXELS))
    width = -(-max(round(square), *(columns for _, columns in sizes)) // _STEP)
    skyline = np.zeros(width, dtype=np.int64)
    chosen: list[Cutting] = []
    positions: list[tuple[int, int]] = []
    left_over: list[Cutting] = []
    for cutting, (rows, columns) in zip(waiting, sizes, strict=True):
        steps = -(-columns // _STEP)
        heights = np.lib.stride_tricks.sliding_window_view(skyline, steps).max(axis=1)
        column, top = int(heights.argmin()), int(heights.min())
        if chosen and (top + rows) * width * _STEP > _MAX_SHEET_PIXELS:
            left_over.append(cutting)
            continue
        skyline[column : column + steps] = top + rows
        chosen.append(cutting)
        positions.append((column * _STEP + _GAP // 2, top + _GAP // 2))
    return chosen, positions, _rounded(int(skyline.max()), width * _STEP), left_over


def _rounded(rows: int, columns: int) -> tuple[int, int]:
    return -(-rows // _MULTIPLE) * _MULTIPLE, -(-columns // _MULTIPLE) * _MULTIPLE
