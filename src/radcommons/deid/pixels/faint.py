"""Writing that differs from an even ground by less than anybody sees: one grey value beside white, a dozen of 65,536.

A viewer's window brings it out. Only an exactly even ground can carry it: in the noise of an image such differences are everywhere.
"""

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.interest import CELL, cell_counts, interest_map, regions_of

_EVEN, _LEAST_CELLS = 0.66, 12
_VISIBLE = 12
# Grounds are told in large squares, strokes in small ones, which the end of the ground spoils least.
_GROUND, _STROKES = 25, 9
_WORD = 60
_GREY, _GAIN = 128.0, 60.0
_TINY = 1e-6


def faint_picture(values: NDArray[np.generic], shown: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """What is on an even ground and not to be seen in a picture, brought out; ``None`` where there is nothing.

    Parameters
    ----------
    values
        Stored values or brightness, rows by columns.
    shown
        The same as it is looked at.
    """
    rows, columns = (side // CELL * CELL for side in values.shape)
    if min(rows, columns) < 2 * _GROUND:
        return None
    cells = _cells_of_interest(values[:rows, :columns], shown[:rows, :columns])
    if np.count_nonzero(cells) < _LEAST_CELLS:
        return None
    exact = values[:rows, :columns].astype(np.float64)
    mean = _means(exact, _STROKES)
    spread = np.sqrt(np.maximum(_means((exact - mean) ** 2, _STROKES), 0))
    wanted = _as_pixels(_widened(cells)) & (spread > _TINY)
    lifted = np.where(wanted, _GREY + (exact - mean) / np.maximum(spread, _TINY) * _GAIN, _GREY)
    picture = np.full(shown.shape, _GREY, dtype=np.uint8)
    picture[:rows, :columns] = np.clip(lifted, 0, 255)
    places = regions_of(interest_map(picture), (shown.shape[0], shown.shape[1]))
    return picture if any(max(each.width, each.height) >= _WORD for each in places) else None


def _cells_of_interest(values: NDArray[np.generic], shown: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Cells in which something changes on an even ground, and nothing is to be seen in or around them."""
    same = np.zeros(values.shape, dtype=np.bool_)
    same[1:, 1:] = (values[1:, 1:] == values[1:, :-1]) & (values[1:, 1:] == values[:-1, 1:])
    counts = cell_counts(same)
    even = _means(counts.astype(np.float64), _GROUND // CELL | 1) >= _EVEN * CELL * CELL
    seen = shown.astype(np.int16)
    steps = np.zeros(shown.shape, dtype=np.bool_)
    steps[:, 1:] |= np.abs(np.diff(seen, axis=1)) >= _VISIBLE
    steps[1:] |= np.abs(np.diff(seen, axis=0)) >= _VISIBLE
    return (counts < CELL * CELL - 1) & even & ~_widened(cell_counts(steps) > 0)


def _widened(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(cells, 1)
    near = padded[:-2] | padded[1:-1] | padded[2:]
    return np.asarray(near[:, :-2] | near[:, 1:-1] | near[:, 2:], dtype=np.bool_)


def _as_pixels(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.repeat(np.repeat(cells, CELL, axis=0), CELL, axis=1)


def _means(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Means of the squares around each value."""
    padded = np.pad(np.pad(values, side // 2, mode="edge"), ((1, 0), (1, 0)))
    sums = padded.cumsum(axis=0).cumsum(axis=1)
    totals = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    mean: NDArray[np.float64] = totals / (side * side)
    return mean
