"""Regions as a COCO data set and back: boxes, polygons and masks of single frames.

COCO's coordinates are ours: (x, y) from the outer corner of the first pixel. Its masks are run lengths in column-major order,
uncompressed. What COCO has no field for is kept in ``attributes``, as CVAT does, so that readings return whole as far as they
are drawn; answers without a drawing are not written and are counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from radcommons.dicom.uids import is_harmless_uid
from radcommons.transfer.annotation.documents import canonical_text, open_json
from radcommons.transfer.annotation.geometry import (
    POINTS_OF,
    FrameMask,
    FrameReference,
    Geometry,
    Outline,
    Point,
    Shape,
    area_pixels,
    bounding_box,
    coordinate,
    uid_of,
)
from radcommons.transfer.annotation.raster import corners_of, mask_of_runs, runs_of_mask
from radcommons.transfer.annotation.record import Item, Reading, Target
from radcommons.transfer.annotation.schema import LabelSchema
from radcommons.transfer.annotation.untyped import AnnotationFormatError, Node

_MOST = 10_000_000
_LARGEST_SIDE = 2**16 - 1
_PAIR = 2
_LONGEST_NUMBER = 10
_ENDINGS = (".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_POLYGONS = frozenset({Geometry.BOX, Geometry.POLYGON, Geometry.FREEHAND, Geometry.ELLIPSE})


@dataclass(frozen=True, slots=True)
class CocoImage:
    """A frame as COCO lists it: its series, file name, and size in pixels."""

    frame: FrameReference
    study_instance_uid: str
    series_instance_uid: str
    rows: int
    columns: int

    @property
    def file_name(self) -> str:
        """A name that says which frame it is."""
        return f"{self.frame.sop_instance_uid}/{self.frame.frame_number}"


def write_coco(schema: LabelSchema, readings: Sequence[Reading], images: Sequence[CocoImage]) -> tuple[bytes, int]:
    """A COCO data set, and how many items were left out because they are not drawn.

    Raises
    ------
    AnnotationFormatError
        When a shape is of a frame that is not among the images.
    """
    drawn = [label for label in schema.labels if label.geometry is not Geometry.NONE]
    categories = {label.id: number for number, label in enumerate(drawn, start=1)}
    numbers = {image.frame: number for number, image in enumerate(images, start=1)}
    annotations: list[dict[str, object]] = []
    left_out = 0
    for reading in readings:
        for item in reading.items:
            left_out += not item.shapes
            for shape in item.shapes:
                if shape.frame not in numbers or item.label_id not in categories:
                    raise AnnotationFormatError(f"annotation {len(annotations) + 1}", "is of an unknown image or label")
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": numbers[shape.frame],
                        "category_id": categories[item.label_id],
                        **_geometry(shape),
                        "attributes": _attributes(reading, item, shape),
                    }
                )
    document = {
        "info": {"description": schema.title, "schema": str(schema.reference)},
        "licenses": [],
        "images": [_image(image, number) for image, number in zip(images, numbers.values(), strict=True)],
        "categories": [{"id": number, "name": name, "supercategory": ""} for name, number in categories.items()],
        "annotations": annotations,
    }
    return canonical_text(document), left_out


def _image(image: CocoImage, number: int) -> dict[str, object]:
    return {
        "id": number,
        "file_name": image.file_name,
        "width": image.columns,
        "height": image.rows,
        "study_instance_uid": image.study_instance_uid,
        "series_instance_uid": image.series_instance_uid,
    }


def _attributes(reading: Reading, item: Item, shape: Shape) -> dict[str, object]:
    value = list(item.value) if isinstance(item.value, tuple) else item.value
    found: dict[str, object] = {
        "reading_id": reading.id,
        "reader": reading.reader,
        "item_id": item.id,
        "value": value,
        "note": item.note,
    }
    if isinstance(shape, Outline):
        found |= {
            "geometry": shape.geometry.value,
            "is_hole": shape.is_hole,
            "is_interpolated": shape.is_interpolated,
            "points": [[column, row] for column, row in shape.points],
        }
    return found


def _geometry(shape: Shape) -> dict[str, object]:
    if isinstance(shape, FrameMask):
        pixels = mask_of_runs(shape)
        rows, columns = np.nonzero(pixels)
        box = [0, 0, 0, 0]
        if columns.size:
            box = [int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1]
        counts = list(runs_of_mask(pixels.T, shape.frame).runs)
        segmentation = {"counts": counts, "size": [shape.rows, shape.columns]}
        return {"bbox": box, "area": shape.pixel_count, "iscrowd": 1, "segmentation": segmentation}
    (left, top), (right, bottom) = bounding_box(shape.points)
    polygon = corners_of(shape) if shape.geometry in _POLYGONS else ()
    return {
        "bbox": [left, top, right - left, bottom - top],
        "area": area_pixels(polygon) if polygon else 0,
        "iscrowd": 0,
        "segmentation": [[number for point in polygon for number in point]] if polygon else [],
    }


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image as a data set lists it; ``study_instance_uid`` and ``series_instance_uid`` are empty in strangers' ones."""

    frame: FrameReference
    study_instance_uid: str
    series_instance_uid: str
    rows: int
    columns: int


def listed_images(data: bytes) -> tuple[ListedImage, ...]:
    """The images that a data set lists, as far as their file names are SOP Instance UIDs.

    Raises
    ------
    AnnotationFormatError
        When it is no COCO data set.
    """
    found = []
    for node in Node(open_json(data), "coco")["images"].each(most=_MOST):
        frame = frame_of(node["file_name"].text())
        if frame is not None:
            study, series = (node.get(key, uid_of, "") for key in ("study_instance_uid", "series_instance_uid"))
            sizes = (node[key].whole(least=1, most=_LARGEST_SIDE) for key in ("height", "width"))
            found.append(ListedImage(frame, study, series, *sizes))
    return tuple(found)


def frame_of(file_name: str) -> FrameReference | None:
    """The frame that a file name stands for: ``<UID>/<frame>`` as written here, ``<UID>``, or ``…/<UID>.dcm`` and the like."""
    folder, _, last = file_name.rpartition("/")
    uid = folder.rpartition("/")[2]
    if last.isascii() and last.isdigit() and len(last) < _LONGEST_NUMBER and int(last) and is_harmless_uid(uid):
        return FrameReference(uid, int(last))
    for ending in _ENDINGS:
        last = last.removesuffix(ending)
    return FrameReference(last) if is_harmless_uid(last) else None


@dataclass(frozen=True, slots=True)
class CocoRegions:
    """The items of one reading of a data set; for strangers' data sets one reading named "coco"."""

    reading_id: str
    reader: str
    items: tuple[Item, ...]


def read_coco(data: bytes, images: Sequence[CocoImage]) -> tuple[CocoRegions, ...]:
    """The regions of a data set, ours or a stranger's whose file names are SOP Instance UIDs (see :func:`frame_of`).

    Compressed run lengths of strangers are refused: they need a decoder of their own.

    Raises
    ------
    AnnotationFormatError
        When it is no COCO data set, or an annotation is of an unknown image or category.
    """
    document = Node(open_json(data), "coco")
    by_frame = {image.frame: image for image in images}
    listed = {node["id"].whole(): _image_of(node, by_frame) for node in document["images"].each(most=_MOST)}
    names = {node["id"].whole(): node["name"].name() for node in document["categories"].each(most=_MOST)}
    found: dict[tuple[str, str], dict[str, Item]] = {}
    for node in document["annotations"].each(most=_MOST):
        image, category = listed.get(node["image_id"].whole()), names.get(node["category_id"].whole())
        if image is None or category is None:
            raise node.wrong("is of an unknown image or category")
        attributes = node["attributes"] if node.has("attributes") else Node({}, node.path)
        key = attributes.get("reading_id", Node.text, "coco"), attributes.get("reader", Node.text, "coco")
        item_id = attributes.get("item_id", Node.text, str(node["id"].whole()))
        shapes = tuple(_shapes(node, attributes, image))
        items = found.setdefault(key, {})
        before = items[item_id].shapes if item_id in items else ()
        target = Target(image.study_instance_uid, image.series_instance_uid)
        note = attributes.get("note", Node.text, "")
        items[item_id] = Item(item_id, category, target, _value(attributes), (*before, *shapes), note)
    return tuple(CocoRegions(*key, tuple(items.values())) for key, items in found.items())


def _image_of(node: Node, by_frame: Mapping[FrameReference, CocoImage]) -> CocoImage | None:
    frame = frame_of(node["file_name"].text())
    return by_frame.get(frame) if frame is not None else None


def _value(attributes: Node) -> bool | str | int | float | tuple[str, ...]:
    value = attributes["value"].value if attributes.has("value") else True
    if isinstance(value, list):
        return tuple(choice.name() for choice in attributes["value"].each(most=1000))
    return value if isinstance(value, bool | str | int | float) else True


def _shapes(node: Node, attributes: Node, image: CocoImage) -> Iterator[Shape]:
    if attributes.has("geometry"):
        geometry = attributes["geometry"].choice(Geometry)
        points = tuple(_point(found) for found in attributes["points"].each(most=_MOST))
        least, most = POINTS_OF.get(geometry, (1, 0))
        if not least <= len(points) <= most:
            raise attributes["points"].wrong(f"are not the points of a {geometry}")
        flags = (attributes.get(key, Node.flag, default=False) for key in ("is_hole", "is_interpolated"))
        yield Outline(geometry, points, image.frame, *flags)
        return
    segmentation = node["segmentation"] if node.has("segmentation") else None
    if segmentation is not None and isinstance(segmentation.value, dict):
        yield _mask(segmentation, image)
    elif segmentation is not None and segmentation.value:
        for polygon in segmentation.each(most=_MOST):
            numbers = [coordinate(found) for found in polygon.each(most=_MOST)]
            if len(numbers) < 3 * _PAIR or len(numbers) % _PAIR:
                raise polygon.wrong("is no polygon")
            yield Outline(Geometry.POLYGON, tuple(zip(numbers[::2], numbers[1::2], strict=True)), image.frame)
    else:
        numbers = [coordinate(found) for found in node["bbox"].each(most=4)]
        if len(numbers) != 2 * _PAIR:
            raise node["bbox"].wrong("is no box of left, top, width and height")
        left, top, width, height = numbers
        yield Outline(Geometry.BOX, ((left, top), (left + width, top + height)), image.frame)


def _point(node: Node) -> Point:
    column_and_row = [coordinate(found) for found in node.each(most=_PAIR)]
    if len(column_and_row) != _PAIR:
        raise node.wrong("is not a pair of column and row")
    return column_and_row[0], column_and_row[1]


def _mask(node: Node, image: CocoImage) -> FrameMask:
    size = [found.whole(least=1, most=_LARGEST_SIDE) for found in node["size"].each(most=_PAIR)]
    if size != [image.rows, image.columns]:
        raise node.wrong("has another size than its image")
    if isinstance(node["counts"].value, str):
        raise node["counts"].wrong("are compressed, which is not read")
    runs = tuple(found.whole(least=0) for found in node["counts"].each(most=image.rows * image.columns + 1))
    if sum(runs) != image.rows * image.columns:
        raise node["counts"].wrong("do not cover the image exactly")
    by_columns = FrameMask(image.frame, image.columns, image.rows, runs)
    return runs_of_mask(mask_of_runs(by_columns).T, image.frame)
