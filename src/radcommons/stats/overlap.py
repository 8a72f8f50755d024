"""How well two masks of one image agree: Dice, surface Dice, volumes.

One number a case; ``estimate.mean_estimate`` makes the mean over cases with its interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Its parts are loaded when they are first used: who only asks for Dice does without them.
import scipy
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_MM3_PER_ML = 1000.0


def _both(first: Mask, second: Mask) -> tuple[Mask, Mask]:
    if first.shape != second.shape:
        raise ValueError("The masks have different shapes.")
    return np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)


def dice(first: Mask, second: Mask) -> float:
    """The Dice coefficient of two masks, 0 to 1; NaN when both are empty, where overlap has no meaning.

    Raises
    ------
    ValueError
        When their shapes differ.
    """
    one, other = _both(first, second)
    sizes = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / sizes if sizes else float("nan")


def surface_dice(first: Mask, second: Mask, *, spacing_mm: Sequence[float], tolerance_mm: float) -> float:
    """The share of both borders that lies within a tolerance of the other border, 0 to 1 (Nikolov 2018).

    A border is the pixels of a mask that a step along an axis leaves; distances are between centres of border pixels.

    Parameters
    ----------
    first, second
        Masks of the same shape, two- or three-dimensional.
    spacing_mm
        Distance of neighbouring centres along each axis of the arrays, in millimetres.
    tolerance_mm
        How far apart borders may be, in millimetres.

    Returns
    -------
    NaN when both are empty; 0 when one is.

    Raises
    ------
    ValueError
        When shapes or spacing do not fit.
    """
    one, other = _both(first, second)
    if len(spacing_mm) != one.ndim or min(spacing_mm) <= 0 or tolerance_mm < 0:
        raise ValueError("Spacing is one positive number an axis, and tolerance is not negative.")
    if not one.any() or not other.any():
        return float("nan") if not one.any() and not other.any() else 0.0
    box = _bounds(one | other)
    borders = [_border(np.pad(mask[box], 1)) for mask in (one, other)]
    close = total = 0
    for border, target in (borders, borders[::-1]):
        distance = scipy.ndimage.distance_transform_edt(~target, sampling=tuple(spacing_mm))
        # Distances are sums of squares: a border exactly as far as the tolerance counts in spite of rounding.
        close += int((distance[border] <= tolerance_mm * (1 + 1e-9)).sum())
        total += int(border.sum())
    return close / total


def _bounds(mask: Mask) -> tuple[slice, ...]:
    found = scipy.ndimage.find_objects(mask.astype(np.int8))[0]
    return tuple(found)


def _border(mask: Mask) -> Mask:
    inner: Mask = scipy.ndimage.binary_erosion(mask)
    return mask & ~inner


@dataclass(frozen=True, slots=True)
class VolumeDifference:
    """Two volumes in millilitres; ``ratio`` is the larger by the smaller, infinite when one is empty, NaN when both are."""

    first_ml: float
    second_ml: float

    @property
    def difference_ml(self) -> float:
        """First minus second."""
        return self.first_ml - self.second_ml

    @property
    def ratio(self) -> float:
        """How many times the larger is the smaller."""
        smaller, larger = sorted((self.first_ml, self.second_ml))
        if smaller > 0:
            return larger / smaller
        return float("inf") if larger > 0 else float("nan")


def volume_difference(first: Mask, second: Mask, *, voxel_mm3: float) -> VolumeDifference:
    """The volumes of two masks of the same grid.

    Raises
    ------
    ValueError
        When their shapes differ.
    """
    one, other = _both(first, second)
    return VolumeDifference(int(one.sum()) * voxel_mm3 / _MM3_PER_ML, int(other.sum()) * voxel_mm3 / _MM3_PER_ML)
