"""What readers drew, in millimetres: where the images of a series lie, volumes, distance of borders. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radcommons.server.annotation.rules.regions import Mask, grids_of
from radcommons.stats.overlap import surface_dice, volume_difference
from radcommons.transfer.annotation.record import Item

POSITION, ORIENTATION, SPACING = "00200032", "00200037", "00280030"
TOLERANCE_MM = 2.0
# Of a slice distance: what a table and rounding may be off.
_UNEVEN = 0.02
# Distances are computed for every voxel around what was drawn; beyond this a worker would run out of memory.
MOST_VOXELS = 30_000_000
_DIRECTIONS = 6


@dataclass(frozen=True, slots=True)
class Stack:
    """Parallel images at even distances.

    Parameters
    ----------
    slice_of
        The number of each image in the stack, by SOP Instance UID.
    spacing_mm
        Distance of neighbouring slices, rows and columns (PS3.3 C.7.6.2).
    """

    slice_of: Mapping[str, int]
    spacing_mm: tuple[float, float, float]


def stack_of(images: Mapping[str, Mapping[str, Any]]) -> Stack | None:
    """The stack that images form; None where they form none: not parallel, not even, or without a calibrated spacing.

    Parameters
    ----------
    images
        DICOM JSON (PS3.18 F.2) by SOP Instance UID, one frame each.
    """
    rows = {uid: _plane(attributes) for uid, attributes in images.items()}
    planes = {uid: plane for uid, plane in rows.items() if plane is not None}
    if len(planes) < 2 or len(planes) != len(rows):  # noqa: PLR2004 - one image has no distance to the next
        return None
    first = next(iter(planes.values()))
    if not all(np.allclose(plane[1:], first[1:], atol=1e-3) for plane in planes.values()):
        return None
    normal = np.cross(first[1:4], first[4:7])
    places = {uid: float(np.dot(_position(images[uid]), normal)) for uid in planes}
    lowest, highest = min(places.values()), max(places.values())
    step = (highest - lowest) / (len(places) - 1)
    if step <= 0:
        return None
    exact = {uid: (place - lowest) / step for uid, place in places.items()}
    numbers = {uid: round(place) for uid, place in exact.items()}
    is_even = all(abs(exact[uid] - number) <= _UNEVEN for uid, number in numbers.items())
    if not is_even or len(set(numbers.values())) != len(numbers):
        return None
    return Stack(numbers, (step, float(first[7]), float(first[8])))


def _plane(attributes: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """A one, the directions of rows and columns, and their spacing."""
    spacing, directions = (_numbers(attributes, tag) for tag in (SPACING, ORIENTATION))
    is_whole = len(spacing) == 2 and len(directions) == _DIRECTIONS and len(_numbers(attributes, POSITION)) == 3  # noqa: PLR2004
    if not is_whole or min(spacing) <= 0:
        return None
    return np.array([1.0, *directions, *spacing])


def _position(attributes: Mapping[str, Any]) -> NDArray[np.float64]:
    return np.array(_numbers(attributes, POSITION))


def _numbers(attributes: Mapping[str, Any], tag: str) -> list[float]:
    values = attributes.get(tag, {}).get("Value", [])
    return [float(value) for value in values] if all(isinstance(value, int | float) for value in values) else []


def measured(drawn: Sequence[Sequence[Item]], stack: Stack) -> dict[str, Any]:
    """Volumes of what each reader drew, and how much of their borders lies together.

    Returns
    -------
    ``volume_ml`` by reader, ``surface_dice`` by pairs of readers (numbers from 0, as ``0-1``), None where it is
    undefined or too large to be computed; nothing where something was drawn outside the stack.
    """
    frames, grids = grids_of(drawn)
    if not frames or not all(frame.sop_instance_uid in stack.slice_of and frame.frame_number == 1 for frame in frames):
        return {}
    places = [stack.slice_of[frame.sop_instance_uid] for frame in frames]
    whole = [_placed(grid, places) for grid in grids]
    voxel_mm3 = math.prod(stack.spacing_mm)
    volumes = [volume_difference(grid, grid, voxel_mm3=voxel_mm3).first_ml for grid in grids]
    pairs = combinations(range(len(grids)), 2)
    return {
        "volume_ml": [round(volume, 3) for volume in volumes],
        "surface_dice": {f"{one}-{other}": _surface(whole[one], whole[other], stack) for one, other in pairs},
    }


def _placed(grid: Mask, places: Sequence[int]) -> Mask:
    """A grid of the drawn slices alone with the slices between them put in."""
    lowest = min(places)
    whole = np.zeros((max(places) - lowest + 1, *grid.shape[1:]), dtype=bool)
    for index, place in enumerate(places):
        whole[place - lowest] = grid[index]
    return whole


def _surface(one: Mask, other: Mask, stack: Stack) -> float | None:
    # Sides of the box around what either drew, from its shadows on the axes.
    shadows = ((one | other).any(axis=axes) for axes in ((1, 2), (0, 2), (0, 1)))
    sides = [int(found[-1] - found[0] + 1) if (found := np.flatnonzero(shadow)).size else 0 for shadow in shadows]
    if math.prod(sides) > MOST_VOXELS:
        return None
    value = surface_dice(one, other, spacing_mm=stack.spacing_mm, tolerance_mm=TOLERANCE_MM)
    return None if math.isnan(value) else round(value, 6)
