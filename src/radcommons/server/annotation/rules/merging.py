"""One answer of several: what more than half drew or chose, the mean of boxes, the mean of numbers. Pure."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from radcommons.server.annotation.errors import DecisionInvalidError
from radcommons.server.annotation.rules.regions import Mask, grids_of, groups_on_frames
from radcommons.stats.boxes import LEAST_IOU
from radcommons.transfer.annotation.geometry import (
    AREAS,
    FrameMask,
    FrameReference,
    Geometry,
    Outline,
    Shape,
)
from radcommons.transfer.annotation.raster import outlines_of_mask, runs_of_mask
from radcommons.transfer.annotation.record import Item, Reading, Target
from radcommons.transfer.annotation.schema import Label, ValueKind


def merged_items(label: Label, readings: Sequence[Reading]) -> tuple[Item, ...]:
    """The items of one label that several reads make together.

    Raises
    ------
    DecisionInvalidError
        When answers of this kind cannot be merged by rule: a person writes them.
    """
    drawn = [reading.items_of(label.id) for reading in readings]
    given = [item for items in drawn for item in items]
    if not given:
        return ()
    if label.geometry is Geometry.BOX:
        return _boxes(drawn, given[0])
    if label.geometry in AREAS:
        _, grids = grids_of(drawn)
        votes = np.sum(grids, axis=0)
        return items_of_grid(label, given[0], drawn, votes * 2 > len(readings))
    if label.value.kind is ValueKind.MANY_OF:
        return _many(label, given, len(readings))
    if label.value.kind is ValueKind.NUMBER and len(given) == len(readings):
        numbers = [float(item.value) for item in given if isinstance(item.value, int | float)]
        return (replace(given[0], id=f"merged.{label.id}", value=statistics.fmean(numbers), shapes=()),)
    raise DecisionInvalidError("Answers of this kind cannot be merged by rule: pick one, or answer anew.")


def _boxes(drawn: Sequence[Sequence[Item]], like: Item) -> tuple[Item, ...]:
    groups = groups_on_frames(drawn, least_iou=LEAST_IOU)
    return tuple(
        replace(
            like,
            id=f"merged.{number}",
            shapes=(Outline(Geometry.BOX, ((group.box[0], group.box[1]), (group.box[2], group.box[3])), frame),),
            target=_target(like, drawn, frame),
            note="",
        )
        for number, (frame, group) in enumerate(groups, start=1)
    )


def _target(like: Item, drawn: Sequence[Sequence[Item]], frame: FrameReference) -> Target:
    owners = (item.target for items in drawn for item in items if any(shape.frame == frame for shape in item.shapes))
    return next(owners, like.target)


def items_of_grid(
    label: Label, like: Item, drawn: Sequence[Sequence[Item]], grid: NDArray[np.bool_]
) -> tuple[Item, ...]:
    """One item that covers a grid of pixels, drawn as its label is: masks as large as their images, or borders.

    Parameters
    ----------
    like
        The item whose target and value it gets.
    drawn
        The items that the grid was made from; they say how large the images are.
    """
    frames = grids_of(drawn)[0]
    sizes = {mask.frame: (mask.rows, mask.columns) for items in drawn for item in items for mask in item.masks}
    shapes: list[Shape] = []
    for frame, covered in zip(frames, grid, strict=True):
        if not covered.any():
            continue
        if label.geometry is Geometry.MASK:
            shapes.append(_whole_mask(covered, frame, sizes[frame]))
        else:
            shapes += [_as(label, outline) for outline in outlines_of_mask(covered, frame)]
    return (replace(like, id=f"merged.{label.id}", shapes=tuple(shapes), note=""),) if shapes else ()


def _whole_mask(covered: Mask, frame: FrameReference, size: tuple[int, int]) -> FrameMask:
    whole = np.zeros(size, dtype=bool)
    rows, columns = (min(size[axis], covered.shape[axis]) for axis in (0, 1))
    whole[:rows, :columns] = covered[:rows, :columns]
    return runs_of_mask(whole, frame)


def _as(label: Label, outline: Outline) -> Outline:
    """A border of the label's own geometry; an ellipse has none and cannot be merged by rule."""
    if label.geometry is Geometry.ELLIPSE:
        raise DecisionInvalidError("Ellipses cannot be merged by rule: pick one, or draw anew.")
    return replace(outline, geometry=label.geometry)


def _many(label: Label, given: Sequence[Item], readers: int) -> tuple[Item, ...]:
    votes = Counter(choice for item in given if isinstance(item.value, tuple) for choice in item.value)
    chosen = tuple(choice.id for choice in label.value.choices if votes[choice.id] * 2 > readers)
    return (replace(given[0], id=f"merged.{label.id}", value=chosen, shapes=()),) if chosen else ()
