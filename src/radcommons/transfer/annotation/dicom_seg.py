"""Masks of one CT series as a DICOM Segmentation and back, exactly (PS3.3 A.51, C.8.20).

One object holds the regions of one reader, or of the consensus: a binary segment for each drawn item, with its tracking
identifier. A frame is stored for every slice a segment touches and for no other. An empty reading has no segmentation; that
nothing was found is said by the structured report.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from radcommons.dicom.elements import FormatError
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import Part10File, parse_part10
from radcommons.dicom.uids import is_native_syntax
from radcommons.transfer.annotation.codes import Code, code
from radcommons.transfer.annotation.geometry import CONTOURS, FrameMask, FrameReference, Shape
from radcommons.transfer.annotation.objects import (
    AnnotationObjectError,
    SourceStack,
    concept_of,
    derived_uid,
)
from radcommons.transfer.annotation.raster import mask_of_runs, outline_pixels, runs_of_mask
from radcommons.transfer.annotation.record import Item, Reading
from radcommons.transfer.annotation.schema import LabelSchema

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
_MOST_FRAME_PIXELS = 2**28
_ABNORMAL = code("abnormal_structure")


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment.

    Parameters
    ----------
    label
        What viewers show.
    concept, category
        Segmented property type and category.
    masks
        The slices it touches.
    tracking_id, tracking_uid
        Which finding it is, across objects; "" for none.
    description
        The label's id in its schema.
    color
        ``#RRGGBB`` in which viewers show it, "" for any; no part of what the segment says.
    """

    label: str
    concept: Code
    masks: tuple[FrameMask, ...]
    tracking_id: str = ""
    tracking_uid: str = ""
    description: str = ""
    category: Code = _ABNORMAL
    color: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A segmentation as read."""

    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    creator: str
    segments: tuple[Segment, ...]


def item_masks(item: Item, stack: SourceStack) -> tuple[FrameMask, ...]:
    """The pixels an item covers on the slices of a stack, from its masks and its areas, in the order of the stack."""
    covered: dict[FrameReference, NDArray[np.bool_]] = {mask.frame: mask_of_runs(mask) for mask in item.masks}
    for frame in {outline.frame for outline in item.outlines}:
        areas = [outline for outline in item.outlines if outline.frame == frame]
        pixels = outline_pixels(areas, stack.rows, stack.columns)
        covered[frame] = covered[frame] | pixels if frame in covered else pixels
    order = {uid: index for index, uid in enumerate(stack.instance_uids)}
    strangers = [frame for frame in covered if frame.sop_instance_uid not in order]
    if strangers:
        raise AnnotationObjectError("annotation.other-image", "A mask is of an image that is not in the stack.")
    ordered = sorted(covered.items(), key=lambda pair: order[pair[0].sop_instance_uid])
    return tuple(runs_of_mask(pixels, frame) for frame, pixels in ordered if pixels.any())


def segments_of(schema: LabelSchema, reading: Reading, stack: SourceStack) -> tuple[Segment, ...]:
    """One segment for each item of a reading with masks or contours; every other shape only says where something is.

    A box or an ellipse stands around a finding and covers what is none: as voxels it would be taken for its segmentation.

    Raises
    ------
    AnnotationObjectError
        When an item is drawn on an image that is not in the stack.
    """
    segments = []
    for item in reading.items:
        label = schema.label(item.label_id)
        drawn = replace(item, shapes=tuple(filter(is_segmented, item.shapes)))
        if label is None or not (masks := item_masks(drawn, stack)):
            continue
        uid, color = derived_uid(reading.id, item.id), schema.color_of(label.id)
        segments.append(Segment(schema.title_of(label), concept_of(label), masks, item.id, uid, label.id, color=color))
    return tuple(segments)


def is_segmented(shape: Shape) -> bool:
    """Whether a shape is voxels in a segmentation."""
    return isinstance(shape, FrameMask) or shape.geometry in CONTOURS


class _Tag:
    """Attributes that a segmentation is read from."""

    SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
    ROWS, COLUMNS, FRAMES, BITS = 0x00280010, 0x00280011, 0x00280008, 0x00280100
    CREATOR, SEGMENTS, PER_FRAME, SHARED = 0x00700084, 0x00620002, 0x52009230, 0x52009229
    NUMBER, LABEL, DESCRIPTION, TYPE, CATEGORY = 0x00620004, 0x00620005, 0x00620006, 0x0062000F, 0x00620003
    TRACKING_ID, TRACKING_UID = 0x00620020, 0x00620021
    IDENTIFICATION, REFERENCED_SEGMENT = 0x0062000A, 0x0062000B
    DERIVATION, SOURCE, REFERENCED_INSTANCE, REFERENCED_FRAME = 0x00089124, 0x00082112, 0x00081155, 0x00081160
    PLANE_POSITION, POSITION, PLANE_ORIENTATION, ORIENTATION = 0x00209113, 0x00200032, 0x00209116, 0x00200037
    CODE_VALUE, CODE_SCHEME, CODE_MEANING, LONG_CODE = 0x00080100, 0x00080102, 0x00080104, 0x00080119


def read_segmentation(data: bytes) -> Segmentation:
    """Read a binary segmentation of single-frame or multi-frame images, ours or anybody's.

    Raises
    ------
    AnnotationObjectError
        When it is no binary segmentation, breaks a limit, or a frame does not say what it is of.
    """
    file, header = _opened(data)
    rows, columns, frames = (header.integer(tag) or 0 for tag in (_Tag.ROWS, _Tag.COLUMNS, _Tag.FRAMES))
    element = file.pixel_element()
    groups = _children(header, _Tag.PER_FRAME)
    if element is None or header.integer(_Tag.BITS) != 1 or not is_native_syntax(file.transfer_syntax_uid):
        raise AnnotationObjectError("annotation.not-binary", "Only binary segmentations without compression are read.")
    size = rows * columns
    if not 0 < size <= _MOST_FRAME_PIXELS or len(groups) != frames or len(element.value) * 8 < size * frames:
        raise AnnotationObjectError(
            "annotation.segmentation", "Size, frames and pixels of the segmentation do not fit each other."
        )
    shared = _children(header, _Tag.SHARED)
    masks: dict[int, list[FrameMask]] = {}
    packed = np.frombuffer(element.value, dtype=np.uint8)
    # From the lowest slice on, as stacks are ordered here, whatever the order of the file.
    for index in sorted(range(frames), key=lambda index: _height_mm(groups[index], shared)):
        number, frame = _frame_of(groups[index], shared)
        masks.setdefault(number, []).append(_frame_mask(packed, index, frame, (rows, columns)))
    return Segmentation(
        header.text(_Tag.SOP_INSTANCE),
        header.text(_Tag.STUDY),
        header.text(_Tag.SERIES),
        header.text(_Tag.CREATOR).rstrip("^"),
        tuple(_segment(item, masks) for item in _children(header, _Tag.SEGMENTS)),
    )


def _opened(data: bytes) -> tuple[Part10File, Header]:
    try:
        file = parse_part10(memoryview(data))
    except FormatError as error:
        raise AnnotationObjectError("annotation.unreadable", f"The object cannot be read: {error.code}.") from error
    header = Header(file.elements, file.encoding)
    if header.text(_Tag.SOP_CLASS) != SEGMENTATION_STORAGE:
        raise AnnotationObjectError("annotation.not-a-segmentation", "The object is no segmentation.")
    return file, header


def _children(header: Header, tag: int) -> list[Header]:
    return [Header(item, header.encoding, header.encodings) for item in header.items(tag)]


def _first(headers: list[Header], tag: int) -> Header | None:
    return next((child for header in headers for child in _children(header, tag)), None)


def _frame_of(group: Header, shared: list[Header]) -> tuple[int, FrameReference]:
    """Which segment a frame belongs to and which image it covers, from its own or the shared functional groups."""
    identification = _first([group, *shared], _Tag.IDENTIFICATION)
    number = identification.integer(_Tag.REFERENCED_SEGMENT) if identification else None
    derivation = _first([group, *shared], _Tag.DERIVATION)
    source = _first([derivation], _Tag.SOURCE) if derivation else None
    uid = source.text(_Tag.REFERENCED_INSTANCE) if source else ""
    if number is None or source is None or not uid:
        raise AnnotationObjectError(
            "annotation.segmentation", "A frame does not say which segment or which image it is of."
        )
    return number, FrameReference(uid, source.integer(_Tag.REFERENCED_FRAME) or 1)


def _height_mm(group: Header, shared: list[Header]) -> float:
    """Where a frame lies along the normal; 0 for frames without a place, which keep their order."""
    place = _first([group, *shared], _Tag.PLANE_POSITION)
    plane = _first([group, *shared], _Tag.PLANE_ORIENTATION)
    try:
        position = [float(text) for text in place.texts(_Tag.POSITION)] if place else []
        row_and_column = [float(text) for text in plane.texts(_Tag.ORIENTATION)] if plane else []
        return float(np.dot(np.cross(row_and_column[:3], row_and_column[3:6]), position))
    except (ValueError, IndexError):
        return 0.0


def _frame_mask(packed: NDArray[np.uint8], index: int, frame: FrameReference, shape: tuple[int, int]) -> FrameMask:
    """One frame of the packed bits, lowest bit first, frames following one another without padding (PS3.5 8.1.1)."""
    size = shape[0] * shape[1]
    start = index * size
    bits = np.unpackbits(packed[start // 8 : (start + size + 7) // 8], bitorder="little")
    return runs_of_mask(bits[start % 8 : start % 8 + size].reshape(shape).astype(bool), frame)


def _segment(item: Header, masks: dict[int, list[FrameMask]]) -> Segment:
    return Segment(
        item.text(_Tag.LABEL),
        _code_of(item, _Tag.TYPE),
        tuple(mask for mask in masks.get(item.integer(_Tag.NUMBER) or 0, []) if mask.pixel_count),
        item.text(_Tag.TRACKING_ID),
        item.text(_Tag.TRACKING_UID),
        item.text(_Tag.DESCRIPTION),
        _code_of(item, _Tag.CATEGORY),
    )


def _code_of(item: Header, tag: int) -> Code:
    found = next(iter(_children(item, tag)), None)
    if found is None:
        return code("tissue")
    value = found.text(_Tag.CODE_VALUE) or found.text(_Tag.LONG_CODE)
    return Code(found.text(_Tag.CODE_SCHEME), value, found.text(_Tag.CODE_MEANING))
