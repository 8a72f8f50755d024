"""Boxes of several readers on one image: which of them mean the same thing.

A box is (left, top, right, bottom) in image coordinates, with right > left and bottom > top.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# From what overlap on two boxes mean the same finding.
LEAST_IOU = 0.4
_SIDES = 4


def _checked(boxes: ArrayLike) -> Floats:
    table = np.asarray(boxes, dtype=np.float64).reshape(-1, _SIDES)
    if not np.isfinite(table).all() or (table[:, 2:] <= table[:, :2]).any():
        raise ValueError("A box is (left, top, right, bottom) with an area above zero.")
    return table


def box_iou(first: ArrayLike, second: ArrayLike) -> Floats:
    """Intersection over union of every box with every other; shape (boxes of first, boxes of second).

    Raises
    ------
    ValueError
        When a box has no area.
    """
    one, other = _checked(first), _checked(second)
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(table[:, 2:] - table[:, :2]).prod(axis=1) for table in (one, other)]
    overlap: Floats = shared / (areas[0][:, None] + areas[1][None, :] - shared)
    return overlap


@dataclass(frozen=True, slots=True)
class BoxGroup:
    """Boxes that mean the same finding.

    Parameters
    ----------
    members
        (reader, number of the box), at most one a reader, ascending.
    box
        Their mean.
    """

    members: tuple[tuple[int, int], ...]
    box: tuple[float, float, float, float]

    @property
    def supporters(self) -> int:
        """How many readers drew it."""
        return len(self.members)


def group_boxes(readers: Sequence[ArrayLike], *, least_iou: float = LEAST_IOU) -> tuple[BoxGroup, ...]:
    """Every box of every reader, joined where all members of a group overlap one another; nothing is left out.

    The best overlaps are joined first; a reader has at most one box in a group.
    """
    tables = [_checked(boxes) for boxes in readers]
    overlaps = {(one, other): box_iou(tables[one], tables[other]) for one, other in combinations(range(len(tables)), 2)}
    group_of = {(reader, box): {(reader, box)} for reader, table in enumerate(tables) for box in range(len(table))}

    def overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
        (reader, box), (other_reader, other_box) = sorted((one, other))
        return float(overlaps[reader, other_reader][box, other_box]) if reader != other_reader else 0.0

    pairs = [
        (-overlap(one, other), one, other)
        for one, other in combinations(sorted(group_of), 2)
        if one[0] != other[0] and overlap(one, other) >= least_iou
    ]
    for _, one, other in sorted(pairs):
        mine, theirs = group_of[one], group_of[other]
        if mine is not theirs and all(overlap(a, b) >= least_iou for a in mine for b in theirs):
            mine |= theirs
            group_of.update(dict.fromkeys(theirs, mine))
    distinct = {min(members): members for members in group_of.values()}
    return tuple(_group(tables, sorted(members)) for _, members in sorted(distinct.items()))


def _group(tables: list[Floats], members: list[tuple[int, int]]) -> BoxGroup:
    left, top, right, bottom = np.mean([tables[reader][box] for reader, box in members], axis=0).tolist()
    return BoxGroup(tuple(members), (left, top, right, bottom))
