"""Readings as structured reports by TID 1500 and back: global labels, and regions of radiographs (PS3.16 TID 1500).

One report holds one reading. Its observers are the reader's pseudonym (person; an algorithm has none) and this program
(device). Every item is a measurement group with the item's id as tracking identifier and the reading's id as session:
a drawn item a planar group with a two-dimensional region (TID 1410), one group an outline, any other a group without region
(TID 1501). What the template has no place for stands in the group as codes of the house's own scheme: the label, the
geometry, holes. Points are 32-bit floats there (PS3.3 C.18.6.1.1), so that points on a 64th of a pixel return exactly.
Regions of CT belong into a segmentation (``dicom_seg``); masks are refused here.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import highdicom as hd
import numpy as np
from highdicom.sr import (
    CodedConcept,
    ContentSequence,
    MeasurementsAndQualitativeEvaluations,
    NumContentItem,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    TextContentItem,
    UIDRefContentItem,
)
from pydicom import Dataset
from pydicom.uid import ComprehensiveSRStorage

from radcommons.transfer.annotation import dicom_sr_names as names
from radcommons.transfer.annotation.codes import OWN_SCHEME, Code, code
from radcommons.transfer.annotation.geometry import CONTOURS, Geometry, Outline
from radcommons.transfer.annotation.objects import (
    AnnotationObjectError,
    DocumentReference,
    ObjectIdentity,
    carry_marks,
    concept_of,
    derived_uid,
    prepared,
    settled_bytes,
)
from radcommons.transfer.annotation.record import Item, Reading
from radcommons.transfer.annotation.schema import Label, LabelSchema, Scope, ValueKind

_Group = MeasurementsAndQualitativeEvaluations | PlanarROIMeasurementsAndQualitativeEvaluations


@dataclass(frozen=True, slots=True)
class _Images:
    """The headers of the images a report may refer to, by SOP Instance UID."""

    by_uid: dict[str, Dataset]

    def of(self, uid: str) -> Dataset:
        if uid not in self.by_uid:
            raise AnnotationObjectError(
                "annotation.other-image", "An item is about an image whose header was not given."
            )
        return self.by_uid[uid]


def coded(found: Code) -> CodedConcept:
    """A code as highdicom writes it."""
    return CodedConcept(found.value, found.scheme, found.meaning[:64])


def write_report(headers: Sequence[Dataset], schema: LabelSchema, reading: Reading, identity: ObjectIdentity) -> bytes:
    """A report of one reading.

    Parameters
    ----------
    headers
        Of the images of the study that were read; at least one.
    schema
        The version the reading answers.
    reading
        What was read.
    identity
        UIDs and date of the report.

    Raises
    ------
    AnnotationObjectError
        When there is no header, one lacks what a reference needs, an item is about another image, or drawn as a mask.
    """
    if not headers:
        raise AnnotationObjectError(
            "annotation.no-image", "A report needs the header of at least one image of its study."
        )
    evidence = [prepared(header) for header in headers]
    images = _Images({str(header.SOPInstanceUID): header for header in evidence})
    with warnings.catch_warnings():
        # Pseudonyms are names of one component; highdicom warns of each.
        warnings.simplefilter("ignore", UserWarning)
        groups: list[_Group] = []
        for item in reading.items:
            label = schema.label(item.label_id)
            if label is None:
                raise AnnotationObjectError(
                    "annotation.unknown-label", "An item answers a label that the schema lacks."
                )
            groups += _groups(item, replace(label, name=schema.title_of(label)), reading, images)
        groups.append(_summary(reading))
        content = hd.sr.MeasurementReport(
            observation_context=_context(reading, identity),
            procedure_reported=coded(code("chest_imaging")),
            imaging_measurements=groups,
        )
        made = hd.sr.ComprehensiveSR(
            evidence=evidence,
            content=content,
            series_instance_uid=identity.series_instance_uid,
            series_number=identity.series_number,
            sop_instance_uid=identity.sop_instance_uid,
            instance_number=identity.instance_number,
            manufacturer=identity.manufacturer,
            is_complete=True,
            is_final=True,
        )
    _separate(made)
    if identity.predecessor is not None:
        made.PredecessorDocumentsSequence = [_predecessor(identity.predecessor, evidence[0])]
    carry_marks(made, evidence[0])
    made.ManufacturerModelName = identity.model_name
    made.SoftwareVersions = identity.software_version
    made.DeviceSerialNumber = identity.serial_number
    return settled_bytes(made, identity)


def _predecessor(document: DocumentReference, header: Dataset) -> Dataset:
    """The report that this one takes the place of (PS3.3 C.17.2.2, hierarchical reference of table C.17-3)."""
    instance, series, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID = ComprehensiveSRStorage
    instance.ReferencedSOPInstanceUID = document.sop_instance_uid
    series.SeriesInstanceUID = document.series_instance_uid
    series.ReferencedSOPSequence = [instance]
    study.StudyInstanceUID = header.StudyInstanceUID
    study.ReferencedSeriesSequence = [series]
    return study


def _separate(item: Dataset) -> None:
    """Let viewers show every item on a line of its own, under its name: they are answers, no running text (PS3.3 C.17.3.2.4)."""
    if item.ValueType == "CONTAINER":
        item.ContinuityOfContent = "SEPARATE"
    for inner in item.get("ContentSequence", []):
        _separate(inner)


def _context(reading: Reading, identity: ObjectIdentity) -> hd.sr.ObservationContext:
    device = hd.sr.ObserverContext(
        observer_type=CodedConcept("121007", "DCM", "Device"),
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=derived_uid(identity.manufacturer, identity.model_name, identity.software_version),
            name=reading.software or f"{identity.model_name} {identity.software_version}",
            manufacturer_name=identity.manufacturer,
            model_name=identity.model_name,
        ),
    )
    person = hd.sr.ObserverContext(
        observer_type=CodedConcept("121006", "DCM", "Person"),
        observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(name=f"{reading.reader}^"),
    )
    return hd.sr.ObservationContext(observer_person_context=person, observer_device_context=device)


def _tracking(reading: Reading, item_id: str) -> hd.sr.TrackingIdentifier:
    return hd.sr.TrackingIdentifier(uid=derived_uid(reading.id, item_id), identifier=item_id)


def _is(name: Code, value: Code) -> QualitativeEvaluation:
    return QualitativeEvaluation(coded(name), coded(value))


def _contained(group: ContentSequence, items: Sequence[Dataset]) -> None:
    """Put content items into the container of a measurement group."""
    group[0].ContentSequence.extend(items)


def _text(name: Code, value: str) -> TextContentItem:
    return TextContentItem(coded(name), value, relationship_type=RelationshipTypeValues.CONTAINS)


def _number(name: Code, value: float, unit: Code) -> NumContentItem:
    return NumContentItem(coded(name), value, coded(unit), relationship_type=RelationshipTypeValues.CONTAINS)


def _summary(reading: Reading) -> MeasurementsAndQualitativeEvaluations:
    """The group that speaks of the reading as a whole."""
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(reading, names.SUMMARY_ID), finding_type=coded(names.SUMMARY), session=reading.id
    )
    parts: list[Dataset] = [
        _text(names.SCHEMA, str(reading.schema)),
        _text(names.METHOD, reading.method.value),
        _number(names.ACTIVE_TIME, reading.active_seconds, code("second")),
    ]
    if reading.is_nothing_found:
        parts += _is(names.NOTHING_FOUND, names.YES)
    parts += [_text(names.FLAG, flag.value) for flag in reading.flags]
    parts += [_text(names.SOURCE_READING, source) for source in reading.sources]
    for name, value in ((names.FINISHED_AT, reading.finished_at), (code("comment"), reading.note)):
        parts += [_text(name, value)] if value else []
    _contained(group, parts)
    return group


def _groups(item: Item, label: Label, reading: Reading, images: _Images) -> Iterator[_Group]:
    if item.masks:
        raise AnnotationObjectError(
            "annotation.mask-in-report", "Masks are written as a segmentation, not into a report."
        )
    concept, tracking = coded(concept_of(label)), _tracking(reading, item.id)
    for outline in item.outlines:
        region = _region(outline, images.of(outline.frame.sop_instance_uid))
        drawn = PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking, referenced_region=region, finding_type=concept, session=reading.id
        )
        _contained(drawn, [*_answers(item, label), *_drawing(outline)])
        yield drawn
    if not item.shapes:
        target = item.target.sop_instance_uid
        sources = [_source(images.of(target), item.target.frame_number)] if target else None
        answered = MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking, finding_type=concept, session=reading.id, source_images=sources
        )
        _contained(answered, _answers(item, label))
        yield answered


def _source(header: Dataset, frame_number: int) -> hd.sr.SourceImageForMeasurementGroup:
    frames = [frame_number] if frame_number and header.get("NumberOfFrames") else None
    return hd.sr.SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID, frames)


def _region(outline: Outline, header: Dataset) -> hd.sr.ImageRegion:
    points, kind = outline.points, "POLYLINE"
    if outline.geometry is Geometry.BOX:
        (left, top), (right, bottom) = points
        points = (left, top), (right, top), (right, bottom), (left, bottom), (left, top)
    elif outline.geometry in CONTOURS:
        points = (*points, points[0])
    elif outline.geometry in {Geometry.POINT, Geometry.ELLIPSE}:
        kind = outline.geometry.value.upper()
    frames = [outline.frame.frame_number] if header.get("NumberOfFrames") else None
    source = hd.sr.SourceImageForRegion(header.SOPClassUID, header.SOPInstanceUID, frames)
    return hd.sr.ImageRegion(kind, np.array(points, dtype=np.float64), source)


def _drawing(outline: Outline) -> Iterator[Dataset]:
    yield from _is(names.GEOMETRY, Code(OWN_SCHEME, outline.geometry.value, outline.geometry.value.capitalize()))
    if outline.is_hole:
        yield from _is(names.HOLE, names.YES)
    if outline.is_interpolated:
        yield from _is(names.INTERPOLATED, names.YES)


def _answers(item: Item, label: Label) -> list[Dataset]:
    """Label, answer, note and target of an item as content items."""
    found: list[Dataset] = [*_is(names.LABEL, Code(OWN_SCHEME, label.id, label.name))]
    rule = label.value
    match rule.kind:
        case ValueKind.ONE_OF | ValueKind.MANY_OF:
            for choice_id in item.value if isinstance(item.value, tuple) else (str(item.value),):
                choice = rule.choice(choice_id)
                found += _is(names.VALUE, Code(OWN_SCHEME, choice_id, choice.name if choice else choice_id))
                found += [
                    part for standard in (choice.codes if choice else ()) for part in _is(concept_of(label), standard)
                ]
            if rule.kind is ValueKind.MANY_OF:
                found += _is(names.SEVERAL, names.YES)
        case ValueKind.INTEGER | ValueKind.NUMBER:
            if rule.kind is ValueKind.INTEGER:
                found += _is(names.WHOLE, names.YES)
            found.append(_number(names.VALUE, float(item.value), rule.unit or code("no_units")))  # type: ignore[arg-type]
        case ValueKind.TEXT:
            found.append(_text(names.FREE_TEXT, str(item.value)))
        case ValueKind.FLAG:
            found += _is(names.VALUE, names.YES)
    if item.note:
        found.append(_text(code("comment"), item.note))
    if item.about:
        found.append(_text(names.ABOUT, item.about))
    target = item.target
    if target.series_instance_uid and label.scope is not Scope.STUDY:
        found.append(_uid(code("series_instance_uid"), target.series_instance_uid))
    if target.sop_instance_uid:
        found.append(_uid(names.INSTANCE, target.sop_instance_uid))
        found.append(_text(names.FRAME, str(target.frame_number)))
    return found


def _uid(name: Code, value: str) -> UIDRefContentItem:
    return UIDRefContentItem(coded(name), value, relationship_type=RelationshipTypeValues.CONTAINS)
