"""Comparing what readers drew: masks by overlap, boxes by matching, points by distance. Pure."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radcommons.server.annotation.rules.adjudicating import LabelOutcome, Policy
from radcommons.server.annotation.rules.states import OutcomeState
from radcommons.transfer.annotation.geometry import FrameReference, Geometry, Outline, bounding_box
from radcommons.transfer.annotation.raster import mask_of_runs, outline_pixels
from radcommons.transfer.annotation.record import Item, Reading
from radcommons.transfer.annotation.schema import Label

Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]
ON_FRAME = dict[FrameReference, Mask]
MARGIN_PIXELS = 1


def compare_regions(label: Label, policy: Mapping[str, Any], readings: Sequence[Reading]) -> LabelOutcome | None:
    """What the submitted reads of a case make of a drawn label; None for a label that is not drawn."""
    if label.geometry is Geometry.NONE:
        return None
    drawn = [reading.items_of(label.id) for reading in readings]
    if not any(drawn):
        return LabelOutcome(OutcomeState.UNANIMOUS, [], 1.0)
    match Policy(policy["policy"]):
        case Policy.MASKS:
            return _masks(drawn, policy)
        case Policy.BOXES:
            return _boxes(drawn, policy)
        case _:
            return _points(drawn, pixels=float(policy["pixels"]))


def frames_of(items: Sequence[Item]) -> ON_FRAME:
    """The pixels that items cover, frame by frame; outlines are drawn on a frame just large enough."""
    found: ON_FRAME = {}
    for item in items:
        for mask in item.masks:
            _add(found, mask.frame, mask_of_runs(mask))
        for frame in {outline.frame for outline in item.outlines}:
            outlines = [outline for outline in item.outlines if outline.frame == frame]
            columns, rows = _extent(outlines)
            _add(found, frame, outline_pixels(outlines, rows, columns))
    return found


def _extent(outlines: Sequence[Outline]) -> tuple[int, int]:
    corners = [bounding_box(outline.points)[1] for outline in outlines]
    columns, rows = (max(corner[axis] for corner in corners) for axis in (0, 1))
    # An ellipse reaches beyond the ends of its axes by no more than the length of the longer one.
    slack = max((_length(outline) for outline in outlines if outline.geometry is Geometry.ELLIPSE), default=0.0)
    return max(1, int(columns + slack) + MARGIN_PIXELS), max(1, int(rows + slack) + MARGIN_PIXELS)


def _length(outline: Outline) -> float:
    (left, top), (right, bottom) = bounding_box(outline.points)
    return max(right - left, bottom - top)


def _add(found: ON_FRAME, frame: FrameReference, mask: Mask) -> None:
    known = found.get(frame)
    if known is None:
        found[frame] = mask
        return
    rows, columns = (max(known.shape[axis], mask.shape[axis]) for axis in (0, 1))
    both = np.zeros((rows, columns), dtype=bool)
    both[: known.shape[0], : known.shape[1]] |= known
    both[: mask.shape[0], : mask.shape[1]] |= mask
    found[frame] = both


def overlap(one: ON_FRAME, other: ON_FRAME) -> tuple[int, int, int]:
    """How many pixels each of two drawings has, and how many both."""
    shared = 0
    for frame in one.keys() & other.keys():
        first, second = one[frame], other[frame]
        rows, columns = (min(first.shape[axis], second.shape[axis]) for axis in (0, 1))
        shared += int(np.count_nonzero(first[:rows, :columns] & second[:rows, :columns]))
    return _count(one), _count(other), shared


def _count(drawing: ON_FRAME) -> int:
    return sum(int(np.count_nonzero(mask)) for mask in drawing.values())


def _masks(drawn: Sequence[Sequence[Item]], policy: Mapping[str, Any]) -> LabelOutcome:
    drawings = [frames_of(items) for items in drawn]
    pairs = [overlap(one, other) for one, other in combinations(drawings, 2)]
    dices = [2 * shared / (first + second) if first + second else 1.0 for first, second, shared in pairs]
    ratios = [max(first, second) / min(first, second) if min(first, second) else np.inf for first, second, _ in pairs]
    dice = min(dices, default=1.0)
    if dice < policy["dice"]:
        return LabelOutcome(OutcomeState.DISPUTED, None, dice, f"Two readers' areas overlap with Dice {dice:.2f}.")
    if max(ratios, default=1.0) > policy["volume_ratio"]:
        return LabelOutcome(
            OutcomeState.DISPUTED, None, dice, f"One area is {max(ratios):.1f} times as large as another."
        )
    return LabelOutcome(OutcomeState.AGREED, None, dice)


def box_of(item: Item) -> tuple[FrameReference, Box]:
    """The box around what an item has on its first frame, as left, top, right, bottom."""
    frame = item.outlines[0].frame
    points = tuple(point for outline in item.outlines if outline.frame == frame for point in outline.points)
    (left, top), (right, bottom) = bounding_box(points)
    return frame, (left, top, right, bottom)


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = _area(one) + _area(other) - shared
    return shared / union if union else 0.0


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def groups_of_boxes(drawn: Sequence[Sequence[Item]], *, least_iou: float) -> list[list[tuple[int, Item]]]:
    """Boxes that are of the same thing: those of different readers that overlap best, greedily, each box once."""
    boxes = [(reader, item, *box_of(item)) for reader, items in enumerate(drawn) for item in items]
    pairs = sorted(
        (
            (iou(first[3], second[3]), one, other)
            for (one, first), (other, second) in combinations(enumerate(boxes), 2)
            if first[0] != second[0] and first[2] == second[2]
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    group_of = {index: {index} for index in range(len(boxes))}
    for value, one, other in pairs:
        mine, theirs = group_of[one], group_of[other]
        readers = [boxes[index][0] for index in mine | theirs]
        if value >= least_iou and mine is not theirs and len(set(readers)) == len(readers):
            mine |= theirs
            group_of.update(dict.fromkeys(theirs, mine))
    unique = {min(group): group for group in group_of.values()}
    return [[(boxes[index][0], boxes[index][1]) for index in sorted(unique[first])] for first in sorted(unique)]


def _boxes(drawn: Sequence[Sequence[Item]], policy: Mapping[str, Any]) -> LabelOutcome:
    groups = groups_of_boxes(drawn, least_iou=float(policy["iou"]))
    needed = min(int(policy["supporters"]), len(drawn))
    supported = [group for group in groups if len(group) >= needed]
    share = len(supported) / len(groups)
    if len(supported) < len(groups):
        alone = len(groups) - len(supported)
        return LabelOutcome(OutcomeState.DISPUTED, None, share, f"{alone} of {len(groups)} boxes have no supporter.")
    state = OutcomeState.UNANIMOUS if all(len(group) == len(drawn) for group in groups) else OutcomeState.AGREED
    return LabelOutcome(state, [mean_box([item for _, item in group]) for group in groups], share)


def mean_box(items: Sequence[Item]) -> dict[str, Any]:
    """The average of boxes of the same thing."""
    frame, _ = box_of(items[0])
    corners = np.mean([box_of(item)[1] for item in items], axis=0)
    return {"frame": frame.to_json(), "box": [round(float(value), 3) for value in corners]}


def _points(drawn: Sequence[Sequence[Item]], *, pixels: float) -> LabelOutcome:
    """Drawings of points: every reader has as many on the same frames, each within a distance of its like."""
    if len({len(items) for items in drawn}) > 1:
        return LabelOutcome(OutcomeState.DISPUTED, None, None, "The readers drew different numbers of these.")
    worst = 0.0
    for first, second in combinations(drawn, 2):
        for one, other in zip(_sorted(first), _sorted(second), strict=True):
            distance = _distance(one, other)
            if distance is None:
                return LabelOutcome(OutcomeState.DISPUTED, None, None, "The readers drew on different images.")
            worst = max(worst, distance)
    if worst > pixels:
        return LabelOutcome(OutcomeState.DISPUTED, None, worst, f"Two drawings lie {worst:.0f} pixels apart.")
    return LabelOutcome(OutcomeState.AGREED, None, worst)


def _sorted(items: Sequence[Item]) -> list[Outline]:
    return sorted((outline for item in items for outline in item.outlines), key=lambda one: (one.frame, one.points))


def _distance(one: Outline, other: Outline) -> float | None:
    """The largest distance of corresponding points, a line being the same in both directions; None on other images."""
    if one.frame != other.frame or len(one.points) != len(other.points):
        return None
    first, second = np.asarray(one.points), np.asarray(other.points)
    ways = [second, second[::-1]] if one.geometry in {Geometry.LINE, Geometry.ANGLE} else [second]
    return min(float(np.linalg.norm(first - way, axis=1).max()) for way in ways)
