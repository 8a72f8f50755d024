"""Comparing what readers drew: masks by overlap, boxes by matching, points by distance. Pure."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

# Its parts are loaded when they are first used: the web process, which shows what was compared, does without them.
import scipy
from numpy.typing import NDArray

from radcommons.server.annotation.errors import DrawingTooLargeError
from radcommons.server.annotation.rules.adjudicating import LabelOutcome, Policy
from radcommons.server.annotation.rules.states import OutcomeState
from radcommons.stats.boxes import BoxGroup, group_boxes
from radcommons.stats.overlap import dice, volume_difference
from radcommons.transfer.annotation.geometry import FrameReference, Geometry, Outline, bounding_box
from radcommons.transfer.annotation.raster import corners_of, mask_of_runs, outline_pixels
from radcommons.transfer.annotation.record import Item, Reading
from radcommons.transfer.annotation.schema import Label

Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]
# A line of no width still has a box: half a pixel on each side.
LEAST_SIDE = 1.0
# A thousand slices of 512 by 512 pixels twice over; what comes from strangers may claim to be larger than any memory.
MOST_CELLS = 2**29


def compare_regions(label: Label, policy: Mapping[str, Any], readings: Sequence[Reading]) -> LabelOutcome | None:
    """What the submitted reads of a case make of a drawn label; None for one that is not drawn, or that nobody drew."""
    drawn = [reading.items_of(label.id) for reading in readings]
    if label.geometry is Geometry.NONE or not any(drawn):
        return None
    if not any(item.shapes for items in drawn for item in items):
        return _only_named(drawn)
    match Policy(policy["policy"]):
        case Policy.MASKS:
            return _masks(drawn, policy)
        case Policy.BOXES:
            return _boxes(drawn, policy)
        case _:
            return _points(drawn, pixels=float(policy["pixels"]))


def _only_named(drawn: Sequence[Sequence[Item]]) -> LabelOutcome:
    """A label to be drawn that readers have named without drawing it, as some documents of the past do."""
    share = sum(map(bool, drawn)) / len(drawn)
    if share == 1:
        return LabelOutcome(OutcomeState.UNANIMOUS, None, share)
    return LabelOutcome(OutcomeState.DISPUTED, None, share, "Some readers name it, and nobody has drawn it.")


def grids_of(drawn: Sequence[Sequence[Item]]) -> tuple[tuple[FrameReference, ...], list[Mask]]:
    """What each reader covered, on one grid.

    Returns
    -------
    frames, grids
        The frames that anybody drew on, sorted, and for each reader an array of shape (frames, rows, columns) just large
        enough for what was drawn.

    Raises
    ------
    DrawingTooLargeError
        When a grid would have more than ``MOST_CELLS`` pixels.
    """
    frames = tuple(sorted({shape.frame for items in drawn for item in items for shape in item.shapes}))
    extents = [_extent(item) for items in drawn for item in items]
    rows, columns = (max((extent[axis] for extent in extents), default=1) for axis in (0, 1))
    if len(frames) * rows * columns > MOST_CELLS:
        raise DrawingTooLargeError
    place = {frame: index for index, frame in enumerate(frames)}
    grids = []
    for items in drawn:
        grid = np.zeros((len(frames), rows, columns), dtype=bool)
        for item in items:
            _draw(grid, place, item)
        grids.append(grid)
    return frames, grids


def _draw(grid: Mask, place: Mapping[FrameReference, int], item: Item) -> None:
    for mask in item.masks:
        grid[place[mask.frame], : mask.rows, : mask.columns] |= mask_of_runs(mask)
    on_frame: dict[FrameReference, list[Outline]] = defaultdict(list)
    for outline in item.outlines:
        on_frame[outline.frame].append(outline)
    for frame, outlines in on_frame.items():
        grid[place[frame]] |= outline_pixels(outlines, *grid.shape[1:])


def _extent(item: Item) -> tuple[int, int]:
    """Rows and columns that an item needs."""
    sizes = [(mask.rows, mask.columns) for mask in item.masks]
    for outline in item.outlines:
        columns, rows = bounding_box(corners_of(outline))[1]
        sizes.append((max(1, math.ceil(rows)), max(1, math.ceil(columns))))
    return max((size[0] for size in sizes), default=1), max((size[1] for size in sizes), default=1)


def dices_of(grids: Sequence[Mask]) -> dict[tuple[int, int], float]:
    """The Dice coefficient of every two readers; NaN where neither drew anything."""
    return {(one, other): dice(grids[one], grids[other]) for one, other in combinations(range(len(grids)), 2)}


def _masks(drawn: Sequence[Sequence[Item]], policy: Mapping[str, Any]) -> LabelOutcome:
    try:
        grids = grids_of(drawn)[1]
    except DrawingTooLargeError as error:
        return LabelOutcome(OutcomeState.DISPUTED, None, None, error.message)
    dices = dices_of(grids)
    detail = {
        "dice": {f"{one}-{other}": None if math.isnan(value) else value for (one, other), value in dices.items()},
        "pixels": [int(grid.sum()) for grid in grids],
    }
    return replace(_judged(grids, dices, policy), detail=detail)


def _judged(grids: Sequence[Mask], dices: Mapping[tuple[int, int], float], policy: Mapping[str, Any]) -> LabelOutcome:
    # Both empty is agreement.
    worst = min((1.0 if math.isnan(value) else value for value in dices.values()), default=1.0)
    if worst < policy["dice"]:
        return LabelOutcome(OutcomeState.DISPUTED, None, worst, f"Two readers' areas overlap with Dice {worst:.2f}.")
    # A thousand cubic millimetres: volumes are then numbers of pixels, and ratios of these are not rounded twice.
    ratios = [volume_difference(one, other, voxel_mm3=1000.0).ratio for one, other in combinations(grids, 2)]
    largest = max((ratio for ratio in ratios if not math.isnan(ratio)), default=1.0)
    if largest > policy["volume_ratio"]:
        reason = f"One area is {largest:.1f} times as large as another."
        return LabelOutcome(OutcomeState.DISPUTED, None, worst, reason)
    return LabelOutcome(OutcomeState.AGREED, None, worst)


def boxes_on_frames(drawn: Sequence[Sequence[Item]]) -> dict[FrameReference, list[list[Box]]]:
    """The boxes of each reader, by frame."""
    frames = sorted({outline.frame for items in drawn for item in items for outline in item.outlines})
    found: dict[FrameReference, list[list[Box]]] = {frame: [[] for _ in drawn] for frame in frames}
    for reader, items in enumerate(drawn):
        for item in items:
            for outline in item.outlines:
                found[outline.frame][reader].append(_box(outline))
    return found


def _box(outline: Outline) -> Box:
    (left, top), (right, bottom) = bounding_box(outline.points)
    return left, top, max(right, left + LEAST_SIDE), max(bottom, top + LEAST_SIDE)


def groups_on_frames(drawn: Sequence[Sequence[Item]], *, least_iou: float) -> list[tuple[FrameReference, BoxGroup]]:
    """Boxes that mean the same thing, frame by frame; none is left out."""
    return [
        (frame, group)
        for frame, boxes in boxes_on_frames(drawn).items()
        for group in group_boxes(boxes, least_iou=least_iou)
    ]


def _boxes(drawn: Sequence[Sequence[Item]], policy: Mapping[str, Any]) -> LabelOutcome:
    groups = groups_on_frames(drawn, least_iou=float(policy["iou"]))
    needed = min(int(policy["supporters"]), len(drawn))
    alone = sum(group.supporters < needed for _, group in groups)
    share = 1 - alone / len(groups)
    if alone:
        return LabelOutcome(OutcomeState.DISPUTED, None, share, f"{alone} of {len(groups)} boxes have no supporter.")
    is_unanimous = all(group.supporters == len(drawn) for _, group in groups)
    state = OutcomeState.UNANIMOUS if is_unanimous else OutcomeState.AGREED
    return LabelOutcome(state, [box_json(frame, group.box) for frame, group in groups], share)


def box_json(frame: FrameReference, box: Box) -> dict[str, Any]:
    """A box as outcomes and consensus keep it."""
    return {"frame": frame.to_json(), "box": [round(float(side), 3) for side in box]}


def _points(drawn: Sequence[Sequence[Item]], *, pixels: float) -> LabelOutcome:
    """Drawings of points: every reader has as many on the same frames, each within a distance of its like."""
    outlines = [[outline for item in items for outline in item.outlines] for items in drawn]
    if len({len(mine) for mine in outlines}) > 1:
        return LabelOutcome(OutcomeState.DISPUTED, None, None, "The readers drew different numbers of these.")
    worst = max((_worst_distance(*pair, pixels=pixels) for pair in combinations(outlines, 2)), default=0.0)
    if math.isinf(worst):
        return LabelOutcome(OutcomeState.DISPUTED, None, None, "The readers drew on different images.")
    if worst > pixels:
        return LabelOutcome(OutcomeState.DISPUTED, None, worst, f"Two drawings lie {worst:.0f} pixels apart.")
    return LabelOutcome(OutcomeState.AGREED, None, worst)


def _worst_distance(first: Sequence[Outline], second: Sequence[Outline], *, pixels: float) -> float:
    """The largest distance of a drawing from its like, paired so that as few as can be lie too far apart."""
    distances = np.array([[_distance(one, other) for other in second] for one in first])
    near = distances[np.isfinite(distances)].max(initial=1.0) * (len(first) + 1)
    far = near * (len(first) + 1)
    cost = np.where(np.isinf(distances), far, np.where(distances > pixels, near, 0.0) + np.minimum(distances, near))
    return float(distances[scipy.optimize.linear_sum_assignment(cost)].max())


def _distance(one: Outline, other: Outline) -> float:
    """The largest distance of corresponding points, a line being the same in both directions; infinite on other images."""
    if one.frame != other.frame or len(one.points) != len(other.points):
        return math.inf
    first, second = np.asarray(one.points), np.asarray(other.points)
    ways = [second, second[::-1]] if one.geometry in {Geometry.LINE, Geometry.ANGLE} else [second]
    return min(float(np.linalg.norm(first - way, axis=1).max()) for way in ways)
