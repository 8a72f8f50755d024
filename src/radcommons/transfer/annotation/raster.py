"""Shapes to pixels and back, exactly: which pixels an outline covers, and masks as run lengths.

A pixel is covered when its centre is inside by the even-odd rule; a centre on a left or upper edge counts as inside, on a
right or lower edge as outside, so that two areas that share an edge share no pixel and miss none.
"""

import math
from collections.abc import Iterable
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from radcommons.transfer.annotation.geometry import (
    AREAS,
    HALF_PIXEL,
    FrameMask,
    FrameReference,
    Geometry,
    Outline,
    Point,
)

Mask = NDArray[np.bool_]

# A circle of this many corners differs from its ellipse by less than a thousandth of the radius.
_ELLIPSE_CORNERS = 128


def mask_of_runs(mask: FrameMask) -> Mask:
    """The pixels of a run-length mask; shape (rows, columns)."""
    values = np.zeros(len(mask.runs), dtype=bool)
    values[1::2] = True
    return np.repeat(values, mask.runs).reshape(mask.rows, mask.columns)


def runs_of_mask(pixels: Mask, frame: FrameReference) -> FrameMask:
    """The run-length mask of an array of shape (rows, columns); the inverse of :func:`mask_of_runs`."""
    flat = np.ascontiguousarray(pixels, dtype=bool).ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate(([0], edges, [flat.size]))
    runs = np.diff(bounds).tolist()
    if flat[0]:
        runs.insert(0, 0)
    rows, columns = pixels.shape
    return FrameMask(frame, rows, columns, tuple(runs))


def polygon_pixels(points: Iterable[Point], rows: int, columns: int) -> Mask:
    """The pixels whose centres lie inside a closed polygon by the even-odd rule; shape (rows, columns)."""
    corners = np.asarray(tuple(points), dtype=np.float64)
    ends = np.roll(corners, -1, axis=0)
    toggles = np.zeros((rows, columns + 1), dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners.tolist(), ends.tolist(), strict=True):
        if y0 == y1:
            continue
        (x0, y0), (x1, y1) = ((x0, y0), (x1, y1)) if y0 < y1 else ((x1, y1), (x0, y0))  # noqa: PLW2901
        # Rows whose centres the edge crosses: its upper end belongs to it, its lower end to the next edge.
        first = max(0, math.ceil(y0 - HALF_PIXEL))
        last = min(rows, math.ceil(y1 - HALF_PIXEL))
        if first >= last:
            continue
        crossed = np.arange(first, last)
        at = x0 + (crossed + HALF_PIXEL - y0) * ((x1 - x0) / (y1 - y0))
        column = np.clip(np.ceil(at - HALF_PIXEL), 0, columns).astype(np.int64)
        toggles[crossed, column] ^= True
    return np.logical_xor.accumulate(toggles, axis=1)[:, :columns]


def corners_of(outline: Outline) -> tuple[Point, ...]:
    """The corners of the closed polygon that an area outline stands for; an ellipse becomes one of 128 corners.

    Raises
    ------
    ValueError
        For lines, points and angles, which have no area.
    """
    if outline.geometry not in AREAS:
        raise ValueError(f"{outline.geometry} has no area")
    if outline.geometry is Geometry.BOX:
        (left, top), (right, bottom) = outline.points
        return (left, top), (right, top), (right, bottom), (left, bottom)
    if outline.geometry is Geometry.ELLIPSE:
        return _ellipse_corners(outline.points)
    return outline.points


def _ellipse_corners(points: tuple[Point, ...]) -> tuple[Point, ...]:
    major_from, major_to, minor_from, minor_to = (np.asarray(point) for point in points)
    center = (major_from + major_to) / 2
    angles = 2 * np.pi * np.arange(_ELLIPSE_CORNERS) / _ELLIPSE_CORNERS
    around = (
        center
        + np.outer(np.cos(angles), (major_to - major_from) / 2)
        + np.outer(np.sin(angles), (minor_to - minor_from) / 2)
    )
    return tuple((float(column), float(row)) for column, row in around)


def outline_pixels(outlines: Iterable[Outline], rows: int, columns: int) -> Mask:
    """The pixels that the areas of one item cover on one frame: outlines added and holes cut, in their order."""
    covered = np.zeros((rows, columns), dtype=bool)
    for outline in outlines:
        pixels = polygon_pixels(corners_of(outline), rows, columns)
        if outline.is_hole:
            covered &= ~pixels
        else:
            covered |= pixels
    return covered


def outlines_of_mask(pixels: Mask, frame: FrameReference) -> tuple[Outline, ...]:
    """The outer borders and holes of a mask as polygons along pixel edges, which rasterise to the same mask.

    Pixels that touch only at a corner are separate areas. Borders start at their top-left corner; corners on a straight
    line are left out. Larger areas come first, so that an island in a hole is added after the hole was cut.
    """
    following = _border_steps(pixels)
    outlines: list[tuple[int, Outline]] = []
    while following:
        loop = _follow(following)
        signed = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(loop, loop[1:] + loop[:1], strict=True))
        points = tuple((float(x), float(y)) for x, y in _without_straight(loop))
        outlines.append((-abs(signed), Outline(Geometry.POLYGON, points, frame, is_hole=signed < 0)))
    return tuple(outline for _, outline in sorted(outlines, key=itemgetter(0)))


_Corner = tuple[int, int]


def _border_steps(pixels: Mask) -> dict[_Corner, list[_Corner]]:
    """Every unit step along a pixel edge with the inside to its right, by its starting corner, from the top left on."""
    padded = np.pad(pixels, 1)
    here = padded[1:-1, 1:-1]
    steps: list[tuple[_Corner, _Corner]] = []
    for neighbour, start, end in (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (1, 1)),
        (padded[2:, 1:-1], (1, 1), (0, 1)),
        (padded[1:-1, :-2], (0, 1), (0, 0)),
    ):
        for row, column in np.argwhere(here & ~neighbour).tolist():
            steps.append(((column + start[0], row + start[1]), (column + end[0], row + end[1])))
    following: dict[_Corner, list[_Corner]] = {}
    for start_corner, end_corner in sorted(steps, key=lambda step: (step[0][1], step[0][0])):
        following.setdefault(start_corner, []).append(end_corner)
    return following


def _follow(following: dict[_Corner, list[_Corner]]) -> list[_Corner]:
    """One closed border, taken out of the steps; at a corner where two areas touch it turns right, staying on its own."""
    first = next(iter(following))
    loop, here, direction = [first], first, (0, 0)
    while True:
        ends = following[here]
        chosen = min(ends, key=lambda end: _turn(direction, (end[0] - here[0], end[1] - here[1])))
        ends.remove(chosen)
        if not ends:
            del following[here]
        direction = (chosen[0] - here[0], chosen[1] - here[1])
        here = chosen
        if here == first:
            return loop
        loop.append(here)


def _turn(before: tuple[int, int], after: tuple[int, int]) -> int:
    """-1 for a right turn on an image (rows grow downwards), 0 straight on, 1 for a left turn."""
    return -(before[0] * after[1] - before[1] * after[0])


def _without_straight(loop: list[_Corner]) -> list[_Corner]:
    kept = []
    for before, here, after in zip(loop[-1:] + loop[:-1], loop, loop[1:] + loop[:1], strict=True):
        if (here[0] - before[0]) * (after[1] - here[1]) != (here[1] - before[1]) * (after[0] - here[0]):
            kept.append(here)
    return kept
