"""Outlines of one CT series as an RT Structure Set and back (PS3.3 A.19, C.8.8.5 to C.8.8.8).

One structure set holds one reading: a region of interest for each item with areas, a contour for each outline. Points are
millimetres in the patient: a point of image coordinates is the patient's point at that place of the pixel grid, with the
centre of the first pixel, (0.5, 0.5), at Image Position (Patient). Decimal strings hold 16 characters (PS3.5 6.2), so that
points return to the nearest millionth of a pixel. Holes are contours of their own; on return a contour inside another one of
its region is a hole, and one inside a hole is not (the rule CLOSEDPLANAR_XOR, which viewers apply). Masks are written along
pixel edges. Radiographs have no frame of reference: their outlines go into a report.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from radcommons.dicom.elements import FormatError
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import parse_part10
from radcommons.transfer.annotation.geometry import (
    AREAS,
    HALF_PIXEL,
    FrameReference,
    Geometry,
    Outline,
    Point,
    area_pixels,
    bounding_box,
)
from radcommons.transfer.annotation.objects import (
    AnnotationObjectError,
    ObjectIdentity,
    SourceStack,
    algorithm_type,
    carry_marks,
    settled_bytes,
)
from radcommons.transfer.annotation.raster import corners_of, mask_of_runs, outlines_of_mask
from radcommons.transfer.annotation.record import Item, Reading
from radcommons.transfer.annotation.schema import Label, LabelSchema

STRUCTURE_SET_STORAGE = "1.2.840.10008.5.1.4.1.1.481.3"
_STUDY_COMPONENT = "1.2.840.10008.3.1.2.3.1"
_SNAP_DECIMALS = 6
_LEAST_CORNERS = 3


@dataclass(frozen=True, slots=True)
class Region:
    """One region of interest as read: its item's id, name, label id, who interpreted it, and its outlines."""

    item_id: str
    name: str
    label_id: str
    reader: str
    outlines: tuple[Outline, ...]


def write_structure_set(stack: SourceStack, schema: LabelSchema, reading: Reading, identity: ObjectIdentity) -> bytes:
    """A structure set of one reading.

    Raises
    ------
    AnnotationObjectError
        When no item has an area, or one is drawn on an image that is not in the stack.
    """
    regions = []
    for item in reading.items:
        label, outlines = schema.label(item.label_id), tuple(_closed(item))
        if label is not None and outlines:
            regions.append((item, replace(label, name=schema.title_of(label)), outlines))
    if not regions:
        raise AnnotationObjectError("annotation.empty", "The reading has no area: there is no structure to write.")
    made = _header(stack, identity, reading)
    made.StructureSetROISequence = [
        _region(number, item, label, stack, reading) for number, (item, label, _) in enumerate(regions, start=1)
    ]
    made.ROIContourSequence = [
        _contours(number, schema.color_of(label.id), outlines, stack)
        for number, (_, label, outlines) in enumerate(regions, start=1)
    ]
    made.RTROIObservationsSequence = [
        _observation(number, label, reading) for number, (_, label, _) in enumerate(regions, start=1)
    ]
    return settled_bytes(made, identity)


def _closed(item: Item) -> Iterator[Outline]:
    for outline in item.outlines:
        if outline.geometry in AREAS:
            yield Outline(Geometry.POLYGON, corners_of(outline), outline.frame, outline.is_hole)
    for mask in item.masks:
        yield from outlines_of_mask(mask_of_runs(mask), mask.frame)


def _header(stack: SourceStack, identity: ObjectIdentity, reading: Reading) -> Dataset:
    source, made = stack.headers[0], Dataset()
    for keyword in (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime",
        "AccessionNumber", "ReferringPhysicianName", "StudyID", "FrameOfReferenceUID",
    ):  # fmt: skip
        setattr(made, keyword, getattr(source, keyword))
    carry_marks(made, source)
    made.PositionReferenceIndicator = ""
    made.SOPClassUID, made.SOPInstanceUID = STRUCTURE_SET_STORAGE, identity.sop_instance_uid
    made.Modality = "RTSTRUCT"
    made.SeriesInstanceUID, made.SeriesNumber = identity.series_instance_uid, identity.series_number
    made.OperatorsName = f"{reading.reader}^"
    made.Manufacturer, made.ManufacturerModelName = identity.manufacturer, identity.model_name
    made.SoftwareVersions, made.DeviceSerialNumber = identity.software_version, identity.serial_number
    made.InstanceNumber = identity.instance_number
    made.StructureSetLabel = reading.reader[:16]
    made.StructureSetName = f"Regions of {reading.reader}"[:64]
    made.StructureSetDate = made.StructureSetTime = ""
    made.ReferencedFrameOfReferenceSequence = [_referenced(stack)]
    made.ApprovalStatus = "UNAPPROVED"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def _image(header: Dataset) -> Dataset:
    image = Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    return image


def _referenced(stack: SourceStack) -> Dataset:
    first = stack.headers[0]
    frame, study, series = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = first.SeriesInstanceUID
    series.ContourImageSequence = [_image(header) for header in stack.headers]
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = _STUDY_COMPONENT, first.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID = first.FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    return frame


def _region(number: int, item: Item, label: Label, stack: SourceStack, reading: Reading) -> Dataset:
    made = Dataset()
    made.ROINumber = number
    made.ReferencedFrameOfReferenceUID = stack.headers[0].FrameOfReferenceUID
    made.ROIName = label.name[:64]
    made.ROIDescription = item.id
    made.ROIGenerationAlgorithm = algorithm_type(reading.method, is_consensus=bool(reading.sources))
    return made


def _contours(number: int, color: str, outlines: Sequence[Outline], stack: SourceStack) -> Dataset:
    made = Dataset()
    made.ROIDisplayColor = [int(color[start : start + 2], 16) for start in (1, 3, 5)]
    made.ReferencedROINumber = number
    made.ContourSequence = [_contour(outline, stack) for outline in outlines]
    return made


def _contour(outline: Outline, stack: SourceStack) -> Dataset:
    uids = stack.instance_uids
    if outline.frame.sop_instance_uid not in uids:
        raise AnnotationObjectError("annotation.other-image", "An outline is of an image that is not in the stack.")
    index = uids.index(outline.frame.sop_instance_uid)
    made = Dataset()
    made.ContourImageSequence = [_image(stack.headers[index])]
    made.ContourGeometricType = "CLOSED_PLANAR"
    made.NumberOfContourPoints = len(outline.points)
    millimetres = patient_points(outline.points, stack, index)
    made.ContourData = [format_number_as_ds(float(value)) for value in millimetres.ravel()]
    return made


def _observation(number: int, label: Label, reading: Reading) -> Dataset:
    made = Dataset()
    made.ObservationNumber = made.ReferencedROINumber = number
    made.ROIObservationDescription = label.id
    made.RTROIInterpretedType = ""
    made.ROIInterpreter = f"{reading.reader}^"
    return made


def patient_points(points: Iterable[Point], stack: SourceStack, index: int) -> NDArray[np.float64]:
    """Points of one slice in millimetres of the patient, LPS; shape (points, 3) (PS3.3 C.7.6.2.1.1)."""
    grid = np.array(tuple(points)) - HALF_PIXEL
    row_mm, column_mm = stack.spacing_mm
    placed: NDArray[np.float64] = (
        stack.positions[index]
        + np.outer(grid[:, 0] * column_mm, stack.orientation[0])
        + np.outer(grid[:, 1] * row_mm, stack.orientation[1])
    )
    return placed


def image_points(millimetres: NDArray[np.float64], stack: SourceStack, index: int) -> tuple[Point, ...]:
    """The inverse of :func:`patient_points`, to the nearest millionth of a pixel."""
    offset = millimetres - stack.positions[index]
    row_mm, column_mm = stack.spacing_mm
    columns = offset @ stack.orientation[0] / column_mm + HALF_PIXEL
    rows = offset @ stack.orientation[1] / row_mm + HALF_PIXEL
    return tuple(zip(columns.round(_SNAP_DECIMALS).tolist(), rows.round(_SNAP_DECIMALS).tolist(), strict=True))


class _Tag:
    """Attributes that a structure set is read from."""

    SOP_CLASS = 0x00080016
    REGIONS, NUMBER, NAME, DESCRIPTION = 0x30060020, 0x30060022, 0x30060026, 0x30060028
    CONTOUR_GROUPS, REFERENCED_NUMBER, CONTOURS = 0x30060039, 0x30060084, 0x30060040
    IMAGES, INSTANCE, FRAME, DATA, TYPE = 0x30060016, 0x00081155, 0x00081160, 0x30060050, 0x30060042
    FRAMES_OF_REFERENCE, STUDIES, SERIES, SERIES_UID = 0x30060010, 0x30060012, 0x30060014, 0x0020000E
    OBSERVATIONS, LABEL, INTERPRETER = 0x30060080, 0x30060088, 0x300600A6


def read_structure_set(data: bytes, stack: SourceStack) -> tuple[Region, ...]:
    """The closed contours of a structure set on the slices of a stack; contours without an image go to the nearest slice.

    Raises
    ------
    AnnotationObjectError
        When it is no structure set, breaks a limit, or a contour lies on no slice.
    """
    header = _opened(data)
    observed = {item.integer(_Tag.REFERENCED_NUMBER): item for item in _children(header, _Tag.OBSERVATIONS)}
    drawn = {item.integer(_Tag.REFERENCED_NUMBER): item for item in _children(header, _Tag.CONTOUR_GROUPS)}
    regions = []
    for region in _children(header, _Tag.REGIONS):
        number = region.integer(_Tag.NUMBER)
        outlines = _nested(_outlines(drawn[number], stack)) if number in drawn else ()
        observation = observed.get(number)
        label = observation.text(_Tag.LABEL) if observation else ""
        reader = observation.text(_Tag.INTERPRETER).rstrip("^") if observation else ""
        regions.append(Region(region.text(_Tag.DESCRIPTION), region.text(_Tag.NAME), label, reader, outlines))
    return tuple(regions)


def referenced_series(data: bytes) -> tuple[str, ...]:
    """The series whose images a structure set says it was drawn on.

    Raises
    ------
    AnnotationObjectError
        When it is no structure set or breaks a limit.
    """
    found = [_opened(data)]
    for tag in (_Tag.FRAMES_OF_REFERENCE, _Tag.STUDIES, _Tag.SERIES):
        found = [child for header in found for child in _children(header, tag)]
    return tuple(dict.fromkeys(uid for header in found if (uid := header.text(_Tag.SERIES_UID))))


def _opened(data: bytes) -> Header:
    try:
        file = parse_part10(memoryview(data))
    except FormatError as error:
        raise AnnotationObjectError("annotation.unreadable", f"The object cannot be read: {error.code}.") from error
    header = Header(file.elements, file.encoding)
    if header.text(_Tag.SOP_CLASS) != STRUCTURE_SET_STORAGE:
        raise AnnotationObjectError("annotation.not-a-structure-set", "The object is no structure set.")
    return header


def _children(header: Header, tag: int) -> Iterator[Header]:
    return (Header(item, header.encoding, header.encodings) for item in header.items(tag))


def _outlines(group: Header, stack: SourceStack) -> Iterator[Outline]:
    index_of = {uid: index for index, uid in enumerate(stack.instance_uids)}
    for contour in _children(group, _Tag.CONTOURS):
        if not contour.text(_Tag.TYPE).startswith("CLOSED"):
            continue
        try:
            numbers = np.array([float(text) for text in contour.texts(_Tag.DATA)]).reshape(-1, 3)
        except ValueError:
            raise AnnotationObjectError("annotation.contour", "A contour has data that are no points.") from None
        if len(numbers) < _LEAST_CORNERS or not np.isfinite(numbers).all():
            continue
        image = next(_children(contour, _Tag.IMAGES), None)
        uid = image.text(_Tag.INSTANCE) if image else ""
        index = index_of[uid] if uid in index_of else _nearest(numbers, stack)
        yield Outline(Geometry.POLYGON, image_points(numbers, stack, index), FrameReference(stack.instance_uids[index]))


def _nearest(millimetres: NDArray[np.float64], stack: SourceStack) -> int:
    heights = stack.positions @ stack.normal
    distance = np.abs(heights - float((millimetres @ stack.normal).mean()))
    step = float(np.diff(heights).min()) if len(heights) > 1 else 1.0
    if distance.min() > step / 2:
        raise AnnotationObjectError("annotation.other-image", "A contour lies on no slice of the stack.")
    return int(distance.argmin())


def _nested(outlines: Iterable[Outline]) -> tuple[Outline, ...]:
    """Outlines with their holes told by how many others of the same slice surround them; on a slice larger ones first."""
    by_frame: dict[FrameReference, list[Outline]] = {}
    for outline in outlines:
        by_frame.setdefault(outline.frame, []).append(outline)
    found: list[Outline] = []
    for same in by_frame.values():
        ordered = sorted(same, key=lambda outline: -area_pixels(outline.points))
        boxes = np.array([np.ravel(bounding_box(outline.points)) for outline in ordered])
        for index, outline in enumerate(ordered):
            column, row = outline.points[0]
            may = (boxes[:, 0] <= column) & (column <= boxes[:, 2]) & (boxes[:, 1] <= row) & (row <= boxes[:, 3])
            may[index] = False
            around = sum(_surrounds(ordered[other].points, (column, row)) for other in np.flatnonzero(may))
            found.append(replace(outline, is_hole=around % 2 == 1))
    return tuple(found)


def _surrounds(points: Sequence[Point], place: Point) -> bool:
    """Whether a place is inside a closed polygon, by the even-odd rule."""
    corners = np.array(points)
    ends = np.roll(corners, -1, axis=0)
    is_crossed = (corners[:, 1] <= place[1]) != (ends[:, 1] <= place[1])
    start, end = corners[is_crossed], ends[is_crossed]
    at = start[:, 0] + (place[1] - start[:, 1]) * (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
    return bool((at > place[0]).sum() % 2)
