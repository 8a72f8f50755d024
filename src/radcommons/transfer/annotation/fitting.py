"""Drawings of other programs as answers to a schema: which label is meant, and its own way of drawing."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from radcommons.transfer.annotation.codes import Code
from radcommons.transfer.annotation.geometry import CONTOURS, FrameMask, FrameReference, Geometry, Outline, Shape
from radcommons.transfer.annotation.raster import (
    corners_of,
    mask_of_runs,
    outline_pixels,
    outlines_of_mask,
    runs_of_mask,
)
from radcommons.transfer.annotation.record import Item
from radcommons.transfer.annotation.schema import Label, LabelSchema

_AREAS = CONTOURS | {Geometry.BOX, Geometry.ELLIPSE}


def label_meant(schema: LabelSchema, names: Iterable[str], concept: Code | None = None) -> Label | None:
    """The label that is meant: by its id, then by its name in any case, then by its code; None when none or several are."""
    given = [name.strip() for name in names if name.strip()]
    for name in given:
        if (label := schema.label(name)) is not None:
            return label
    spoken = {name.casefold() for name in given}
    named = [label for label in schema.labels if label.name.casefold() in spoken]
    coded = [label for label in schema.labels if concept is not None and concept in label.codes]
    for found in (named, coded):
        if len(found) == 1:
            return found[0]
    return None


def fitted(item: Item, label: Label, rows: int, columns: int) -> Item:
    """An item as an answer to a label, drawn as the label is where nothing is lost by it.

    Areas become the pixels whose centres they cover, masks the polygons along their pixels, boxes polygons. What cannot be drawn
    so stays as it is, and whoever checks the reading says that it does not fit.

    Parameters
    ----------
    rows, columns
        The size of the images it was drawn on.
    """
    shapes = item.shapes
    if label.geometry is Geometry.MASK and item.outlines and all(one.geometry in _AREAS for one in item.outlines):
        shapes = tuple(_masks(item, rows, columns))
    elif label.geometry in CONTOURS:
        shapes = tuple(found for shape in shapes for found in _contours(shape, label.geometry))
    return replace(item, label_id=label.id, shapes=shapes)


def _masks(item: Item, rows: int, columns: int) -> Iterator[FrameMask]:
    by_frame: dict[FrameReference, list[Outline]] = {}
    for outline in item.outlines:
        by_frame.setdefault(outline.frame, []).append(outline)
    yield from item.masks
    for frame, outlines in by_frame.items():
        pixels = outline_pixels(outlines, rows, columns)
        if pixels.any():
            yield runs_of_mask(pixels, frame)


def _contours(shape: Shape, geometry: Geometry) -> Iterator[Shape]:
    if isinstance(shape, FrameMask):
        for outline in outlines_of_mask(mask_of_runs(shape), shape.frame):
            yield replace(outline, geometry=geometry)
    elif shape.geometry in CONTOURS:
        yield replace(shape, geometry=geometry)
    elif shape.geometry is Geometry.BOX:
        yield Outline(geometry, corners_of(shape), shape.frame, shape.is_hole)
    else:
        yield shape
