"""What a reading becomes in DICOM: which objects, of which series, under which identifiers.

Masks and contours on a volume go into one segmentation a series, contours besides into a structure set, where a program finds
them as points; boxes and ellipses only say where something is and are never voxels. One report holds the whole reading: answers, notes, and what is drawn with points, lines and boxes, or on a
radiograph. What stands in a segmentation stands in the report without its shape, under the same tracking identifier.

Every identifier follows from the project, the reading's digest, the images and the program's version: the same reading
of the same images gives the same bytes under the same identifiers, another one gives other objects. A report that takes the
place of an earlier one names it.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from pydicom import Dataset

from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.isolation import Named
from radcommons.transfer.annotation.dicom_seg import is_segmented, segments_of
from radcommons.transfer.annotation.geometry import CONTOURS, FrameMask, Outline, Shape
from radcommons.transfer.annotation.objects import (
    AnnotationObjectError,
    DocumentReference,
    ObjectIdentity,
    SourceStack,
    derived_uid,
    single_image,
    source_stack,
)
from radcommons.transfer.annotation.record import Item, Reading
from radcommons.transfer.annotation.rtstruct import write_structure_set
from radcommons.transfer.annotation.schema import Label, LabelSchema, ValueKind

# By their names: the web process, where few people export readings, has no memory for what writes them until one does.
_WRITE_SEGMENTATION: Named[object, bytes] = Named(
    "radcommons.transfer.annotation.dicom_seg_writing", "write_segmentation"
)
_WRITE_REPORT: Named[object, bytes] = Named("radcommons.transfer.annotation.dicom_sr", "write_report")
# Of what this module decides: another one gives other identifiers.
WRITER_VERSION = "3"
# Readers stand in their order below each kind, the consensus last.
_SERIES_NUMBERS = {"seg": 9100, "rtstruct": 9200, "sr": 9300}
_LAST_PLACE = 99
# As the pages and this program name items: up to two letters, and digits of a random or counted number.
_MADE_NAME = re.compile(r"[a-z]{0,2}-?[0-9a-f]*|computed|merged")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class ObjectKind(StrEnum):
    """The objects that a reading becomes."""

    SEG = "seg"
    RTSTRUCT = "rtstruct"
    SR = "sr"


@dataclass(frozen=True, slots=True)
class SourceSeries:
    """Headers of the images of one series that were read."""

    series_instance_uid: str
    headers: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who publishes.

    Parameters
    ----------
    project
        The reading project's name.
    schema
        The version that the readings answer.
    software_version
        Of this program.
    readers
        Pseudonyms in the order in which viewers list them; whoever is not among them, as the consensus, comes last.
    """

    project: str
    schema: LabelSchema
    software_version: str
    readers: tuple[str, ...] = ()

    def series_number(self, kind: ObjectKind, reader: str) -> int:
        """The number of a reader's series: R1, R2, R3 and the consensus stand in this order, whenever they were made."""
        place = self.readers.index(reader) + 1 if reader in self.readers else _LAST_PLACE
        return _SERIES_NUMBERS[kind] + min(place, _LAST_PLACE)


@dataclass(frozen=True, slots=True)
class MadeObject:
    """One object, ready to be taken in; ``source_series_instance_uid`` is empty for one about the whole study."""

    kind: ObjectKind
    source_series_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    data: bytes


def written_at(reading: Reading, *, otherwise: datetime = _EARLIEST) -> datetime:
    """When a reading was finished; ``otherwise`` for one that does not say."""
    try:
        found = datetime.fromisoformat(reading.finished_at)
    except ValueError:
        return otherwise
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def objects_of(
    reading: Reading,
    images: Sequence[SourceSeries],
    origin: Origin,
    *,
    predecessor: DocumentReference | None = None,
) -> tuple[tuple[MadeObject, ...], tuple[Finding, ...]]:
    """The objects of one reading, and what of it no object can hold.

    Parameters
    ----------
    images
        Every series that was read, with all its images.
    predecessor
        The report that was published of this reader and case before, which the new one names.
    """
    maker = _Maker(reading, origin, predecessor)
    for series in images:
        maker.drawings(series)
    maker.report(images)
    return tuple(maker.made), tuple(maker.findings)


class _Maker:
    """Collects what one reading becomes."""

    def __init__(self, reading: Reading, origin: Origin, predecessor: DocumentReference | None) -> None:
        self._reading = reading
        self._predecessor = predecessor
        self._origin = origin
        self._pixelled: set[tuple[str, Shape]] = set()
        self.made: list[MadeObject] = []
        self.findings: list[Finding] = []

    def drawings(self, series: SourceSeries) -> None:
        """Segmentations and a structure set of what was drawn on one series."""
        own = {str(header.SOPInstanceUID) for header in series.headers}
        items = tuple(drawn_on(item, own) for item in self._reading.items)
        reading = replace(self._reading, items=tuple(item for item in items if item.shapes))
        if not reading.items:
            return
        try:
            stack = source_stack(series.headers)
        except AnnotationObjectError:
            self._single_images(series, reading)
            return
        self.findings += stack.findings
        self._segmentation(series, stack, _only(reading, is_segmented))
        contours = _only(reading, _is_contour)
        if contours.items:
            identity = self._identity(ObjectKind.RTSTRUCT, series.series_instance_uid)
            data = write_structure_set(stack, self._origin.schema, contours, identity)
            self._keep(ObjectKind.RTSTRUCT, series, identity, data)

    def _single_images(self, series: SourceSeries, reading: Reading) -> None:
        """Images that make no volume: masks image by image, everything else into the report."""
        for header in series.headers:
            uid = str(header.SOPInstanceUID)
            masks = _only(replace(reading, items=tuple(drawn_on(item, {uid}) for item in reading.items)), _is_mask)
            if not masks.items:
                continue
            try:
                stack = source_stack([header]) if "ImagePositionPatient" in header else single_image(header)
                self._segmentation(series, stack, masks, uid)
            except AnnotationObjectError as error:
                self.findings.append(Finding(Severity.WARNING, error.code, "mask", error.message))
                self._pixelled |= {(item.id, shape) for item in masks.items for shape in item.shapes}

    def _segmentation(self, series: SourceSeries, stack: SourceStack, reading: Reading, image: str = "") -> None:
        segments = segments_of(self._origin.schema, reading, stack)
        if not segments:
            return
        identity = self._identity(ObjectKind.SEG, series.series_instance_uid, image)
        data = _WRITE_SEGMENTATION(stack, segments, reading, identity)
        self._keep(ObjectKind.SEG, series, identity, data)
        written = {segment.tracking_id for segment in segments}
        self._pixelled |= {(item.id, shape) for item in reading.items if item.id in written for shape in item.shapes}

    def report(self, images: Sequence[SourceSeries]) -> None:
        """The report of the whole reading; shapes that a segmentation holds are left to it."""
        headers = {str(header.SOPInstanceUID): header for series in images for header in series.headers}
        items, strangers = [], 0
        for item in self._reading.items:
            left = tuple(shape for shape in item.shapes if (item.id, shape) not in self._pixelled)
            known = tuple(shape for shape in left if shape.frame.sop_instance_uid in headers and _is_outline(shape))
            strangers += len(left) - len(known)
            if item.target.sop_instance_uid and item.target.sop_instance_uid not in headers:
                message = "An answer is about an image that is not in the case."
                self.findings.append(Finding(Severity.WARNING, "annotation.other-image", "report", message))
                continue
            items.append(replace(item, shapes=known))
        if strangers:
            message = f"{strangers} shapes are on images that are not in the case, or have no pixel inside."
            self.findings.append(Finding(Severity.WARNING, "annotation.shape-left-out", "report", message))
        # What can be shown first: viewers open a report at its first finding.
        reading = replace(self._reading, items=tuple(sorted(items, key=lambda item: not item.shapes)))
        evidence = [header for uid, header in headers.items() if uid in _named(reading, images)]
        before = self._predecessor
        identity = self._identity(ObjectKind.SR, "", *((before.sop_instance_uid,) if before else ()))
        identity = replace(identity, predecessor=before)
        data = _WRITE_REPORT(evidence, self._origin.schema, reading, identity)
        self._keep(ObjectKind.SR, None, identity, data)

    def _identity(self, kind: ObjectKind, *source: str) -> ObjectIdentity:
        origin, reading = self._origin, self._reading
        parts = (kind, origin.project, reading.digest, *source, origin.software_version, WRITER_VERSION)
        return ObjectIdentity(
            series_instance_uid=derived_uid("series", *parts),
            sop_instance_uid=derived_uid("instance", *parts),
            written_at=written_at(reading),
            software_version=origin.software_version,
            series_number=origin.series_number(kind, reading.reader),
            series_description=_described(origin.schema, reading.reader),
        )

    def _keep(self, kind: ObjectKind, series: SourceSeries | None, identity: ObjectIdentity, data: bytes) -> None:
        source = series.series_instance_uid if series is not None else ""
        made = MadeObject(kind, source, identity.series_instance_uid, identity.sop_instance_uid, data)
        self.made.append(made)


def words_of(schema: LabelSchema, readers: Sequence[str]) -> tuple[str, ...]:
    """Every text that objects of readings hold and that no reader has written."""
    names = [
        text for label in schema.labels for text in (label.id, label.name, schema.title_of(label), *_choices(label))
    ]
    described = [_described(schema, reader) for reader in readers]
    regions = [f"Regions of {reader}"[:64] for reader in readers]
    return tuple(dict.fromkeys((str(schema.reference), *names, *described, *regions)))


def is_coded(reading: Reading, schema: LabelSchema, known: Collection[str]) -> bool:
    """Whether the objects of a reading hold no text that a person typed into it: no note, no answer in words.

    Identifiers count as text unless this program makes such ones, because whoever sends a read chooses them.

    Parameters
    ----------
    known
        Names of the project's own: its readers, and the programs that read in it.
    """
    own = {*known, *(label.id for label in schema.labels)}
    texts = {label.id for label in schema.labels if label.value.kind is ValueKind.TEXT}
    names = [reading.id, *reading.sources, *(name for item in reading.items for name in (item.id, item.about))]
    return (
        not reading.note
        and (reading.software in own or reading.software.startswith("RadCommons ") or not reading.software)
        and not any(item.note or item.label_id in texts for item in reading.items)
        and all(part in own or _MADE_NAME.fullmatch(part) for name in names for part in name.split("."))
    )


def _choices(label: Label) -> Iterator[str]:
    for choice in label.value.choices:
        yield from (choice.id, choice.name)


def _described(schema: LabelSchema, reader: str) -> str:
    return f"{schema.title[:40]}: {reader}"[:64]


def drawn_on(item: Item, instances: set[str]) -> Item:
    """An item with what was drawn on some images alone."""
    return replace(item, shapes=tuple(shape for shape in item.shapes if shape.frame.sop_instance_uid in instances))


def _only(reading: Reading, wanted: Callable[[Shape], bool]) -> Reading:
    """A reading with the shapes that a question is answered yes for, and the items that have one."""
    items = tuple(replace(item, shapes=tuple(filter(wanted, item.shapes))) for item in reading.items)
    return replace(reading, items=tuple(item for item in items if item.shapes))


def _is_outline(shape: Shape) -> bool:
    return isinstance(shape, Outline)


def _is_mask(shape: Shape) -> bool:
    return isinstance(shape, FrameMask)


def _is_contour(shape: Shape) -> bool:
    return isinstance(shape, Outline) and shape.geometry in CONTOURS


def _named(reading: Reading, images: Sequence[SourceSeries]) -> set[str]:
    """The images that a report refers to, and one of each series so that it says what was read."""
    return set(_referenced(reading)) | {str(series.headers[0].SOPInstanceUID) for series in images if series.headers}


def _referenced(reading: Reading) -> Iterator[str]:
    for item in reading.items:
        yield from (shape.frame.sop_instance_uid for shape in item.shapes)
        if item.target.sop_instance_uid:
            yield item.target.sop_instance_uid
