"""Writing that differs from an even ground by less than anybody sees: one grey value beside white, a dozen of 65,536.

A viewer's window brings it out. Only an exactly even ground can carry it: in the noise of an image such differences are everywhere.
"""

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.interest import CELL, interest_map, regions_of

_SAMPLE_STEP = 16
_LEAST_EVEN, _EVEN = 0.02, 0.66
_VISIBLE = 12
# Grounds are told in large squares, strokes in small ones, which the end of the ground spoils least.
_GROUND, _STROKES = 25, 9
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
    if (
        min(rows, columns) < 2 * _GROUND
        or (values[::_SAMPLE_STEP, 1:] == values[::_SAMPLE_STEP, :-1]).mean() < _LEAST_EVEN
    ):
        return None
    exact = values[:rows, :columns].astype(np.float64)
    even, hidden = _means(_evenness(exact), _GROUND) >= _EVEN, ~_is_visible(shown[:rows, :columns])
    mean = _means(exact, _STROKES)
    spread = np.sqrt(np.maximum(_means((exact - mean) ** 2, _STROKES), 0))
    wanted = even & hidden & (spread > _TINY)
    if not wanted.any():
        return None
    lifted = np.where(wanted, _GREY + (exact - mean) / np.maximum(spread, _TINY) * _GAIN, _GREY)
    picture = np.full(shown.shape, _GREY, dtype=np.uint8)
    picture[:rows, :columns] = np.clip(lifted, 0, 255)
    return picture if regions_of(interest_map(picture), (picture.shape[0], picture.shape[1])) else None


def _evenness(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """1 where a value is exactly that of its neighbours on the left and above, 0 elsewhere."""
    same = np.zeros(values.shape, dtype=np.float64)
    here = values[1:, 1:]
    same[1:, 1:] = (here == values[1:, :-1]) & (here == values[:-1, 1:])
    return same


def _is_visible(shown: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Cells in and around which the picture changes enough to be seen."""
    values = shown.astype(np.int16)
    steps = np.zeros(shown.shape, dtype=np.bool_)
    steps[:, 1:] |= np.abs(np.diff(values, axis=1)) >= _VISIBLE
    steps[1:] |= np.abs(np.diff(values, axis=0)) >= _VISIBLE
    cells = steps.reshape(shown.shape[0] // CELL, CELL, shown.shape[1] // CELL, CELL).any(axis=(1, 3))
    padded = np.pad(cells, 1)
    near = padded[:-2] | padded[1:-1] | padded[2:]
    near = near[:, :-2] | near[:, 1:-1] | near[:, 2:]
    return np.repeat(np.repeat(near, CELL, axis=0), CELL, axis=1)


def _means(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Means of the squares around each value."""
    padded = np.pad(np.pad(values, side // 2, mode="edge"), ((1, 0), (1, 0)))
    sums = padded.cumsum(axis=0).cumsum(axis=1)
    totals = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    mean: NDArray[np.float64] = totals / (side * side)
    return mean
