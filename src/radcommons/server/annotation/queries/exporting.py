"""A project's reads and labels in the formats of other programs, file by file, with an account of what has no place."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from radcommons import __version__
from radcommons.dicom.errors import RadCommonsError
from radcommons.server.annotation.models import Case, CaseInstance, ReadingProject
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queries.publishing import (
    cases_to_publish,
    images_of,
    pseudonyms_of,
    publishable,
    reason_of,
)
from radcommons.server.annotation.rules.exporting import SINGLE, ExportAccount, ExportFormat, Member, Whose, file_stem
from radcommons.server.annotation.rules.publishing import REASONS
from radcommons.server.archive.models import InstanceState
from radcommons.transfer.annotation.coco import CocoImage, write_coco
from radcommons.transfer.annotation.dicom_seg import Segment, segments_of
from radcommons.transfer.annotation.geometry import FrameReference, Geometry
from radcommons.transfer.annotation.midrc import PROPERTIES, midrc_records
from radcommons.transfer.annotation.mrale_csv import write_mrale
from radcommons.transfer.annotation.nifti import apart, write_nifti
from radcommons.transfer.annotation.objects import AnnotationObjectError, SourceStack, source_stack
from radcommons.transfer.annotation.publication import Origin, SourceSeries, drawn_on, objects_of
from radcommons.transfer.annotation.record import Item, Reading
from radcommons.transfer.annotation.schema import LabelSchema

NOT_DRAWN = "answers have no drawing, and COCO holds drawings only"
OTHER_IMAGE = "drawings are on images that are not in this archive"
NO_VOXELS = "answers, boxes, ellipses, points and lines are no voxels"
NO_VOLUME = "drawings are on images that make no volume"
NO_PROPERTY = "answers have no property in MIDRC's annotation node"


@dataclass(frozen=True, slots=True)
class _Export:
    """What is exported, and the account that grows with it."""

    project: ReadingProject
    schema: LabelSchema
    whose: Whose
    account: ExportAccount

    def cases(self, *, needs_images: bool) -> Iterator[tuple[Case, list[Reading]]]:
        """Each case with its readings, as far as they are asked for and its images are there."""
        for case in cases_to_publish(self.project):
            reason = reason_of(case) if needs_images else None
            readings = self._readings(case)
            if reason is not None:
                self.account.leave_out(f"readings: {REASONS[reason]}", len(readings))
            elif readings:
                self.account.readings += len(readings)
                yield case, readings

    def _readings(self, case: Case) -> list[Reading]:
        found, left_out = publishable(case)
        for one in left_out:
            if (one.what == "consensus") == (self.whose is Whose.LABELS) or self.whose is Whose.ALL:
                self.account.leave_out(f"readings: {REASONS[one.reason]}")
        wanted = {Whose.READS: (False,), Whose.LABELS: (True,), Whose.ALL: (False, True)}[self.whose]
        return [one.reading for one in found if one.is_consensus in wanted]


def members(project: ReadingProject, kind: ExportFormat, whose: Whose, account: ExportAccount) -> Iterator[Member]:
    """The files of an export, made one after the other; the account is whole when the last one was taken."""
    export = _Export(project, schema_value(project.schema), whose, account)
    for member in _WRITERS[kind](export):
        account.files += 1
        yield member


def _coco(export: _Export) -> Iterator[Member]:
    """All drawings, and all images of the cases that were read: those without a drawing are examples too."""
    images: list[CocoImage] = []
    readings: list[Reading] = []
    drawn = {label.id for label in export.schema.labels if label.geometry is not Geometry.NONE}
    for case, found in export.cases(needs_images=True):
        own = _coco_images(case)
        images += own
        frames = {image.frame for image in own}
        readings += [_on_images(reading, frames, drawn, export.account) for reading in found]
    data, left_out = write_coco(export.schema, readings, images)
    export.account.leave_out(NOT_DRAWN, left_out)
    yield Member(SINGLE[ExportFormat.COCO], data)


def _on_images(reading: Reading, frames: set[FrameReference], drawn: set[str], account: ExportAccount) -> Reading:
    items: list[Item] = []
    for item in reading.items:
        shapes = tuple(shape for shape in item.shapes if shape.frame in frames and item.label_id in drawn)
        account.leave_out(OTHER_IMAGE, len(item.shapes) - len(shapes))
        if shapes or not item.shapes:
            items.append(replace(item, shapes=shapes))
    return replace(reading, items=tuple(items))


def _coco_images(case: Case) -> list[CocoImage]:
    rows = CaseInstance.objects.filter(
        case=case, is_prior=False, instance__is_image=True, instance__state=InstanceState.STORED
    )
    columns = ("series__series_instance_uid", "sop_instance_uid", "rows", "columns", "number_of_frames")
    table = rows.order_by("instance__series", "instance__instance_number", "instance").values_list(
        *(f"instance__{column}" for column in columns)
    )
    return [
        CocoImage(FrameReference(uid, number), case.study_instance_uid, series, height, width)
        for series, uid, height, width, frames in table
        if height and width
        for number in range(1, frames + 1)
    ]


def _midrc(export: _Export) -> Iterator[Member]:
    records: list[dict[str, object]] = []
    for _, found in export.cases(needs_images=False):
        made = midrc_records(found)
        records += made
        said = sum(len(record.keys() & PROPERTIES.keys()) for record in made)
        export.account.leave_out(NO_PROPERTY, sum(len(reading.items) for reading in found) - said)
    yield Member(SINGLE[ExportFormat.MIDRC], _plain(records))


def _mrale(export: _Export) -> Iterator[Member]:
    """A table for each reader: it has no column that says whose a row is."""
    by_reader: dict[str, list[Reading]] = {}
    for _, found in export.cases(needs_images=False):
        for reading in found:
            by_reader.setdefault(reading.reader, []).append(reading)
    for reader, readings in sorted(by_reader.items()):
        yield Member(f"mrale-{file_stem(reader)}.csv", write_mrale(readings))


def _nifti(export: _Export) -> Iterator[Member]:
    for case, found in export.cases(needs_images=True):
        stacks = [(series, _stack(series)) for series in images_of(case)]
        for reading in found:
            kept = 0
            for series, stack in stacks:
                own = _only_on(reading, series)
                if isinstance(stack, str) and own.items:
                    export.account.leave_out(stack, len(own.items))
                    kept += len(own.items)
                elif isinstance(stack, SourceStack) and own.items:
                    segments = segments_of(export.schema, own, stack)
                    kept += len(segments)
                    folder = f"{case.study_instance_uid}/{series.series_instance_uid}"
                    yield from _label_maps(export.account, f"{folder}/{file_stem(reading.reader)}", segments, stack)
            export.account.leave_out(NO_VOXELS, max(0, len(reading.items) - kept))


def _stack(series: SourceSeries) -> SourceStack | str:
    """The volume that a series is, or why it is none."""
    try:
        return source_stack(series.headers)
    except AnnotationObjectError as error:
        return f"{NO_VOLUME}: {error.message}"


def _only_on(reading: Reading, series: SourceSeries) -> Reading:
    instances = {str(header.SOPInstanceUID) for header in series.headers}
    items = tuple(drawn_on(item, instances) for item in reading.items)
    return replace(reading, items=tuple(item for item in items if item.shapes))


def _label_maps(account: ExportAccount, stem: str, segments: Sequence[Segment], stack: SourceStack) -> Iterator[Member]:
    """A label map has one number a voxel: what overlaps goes into further files."""
    groups = apart(segments)
    for number, group in enumerate(groups, start=1):
        name = stem if len(groups) == 1 else f"{stem}-{number}"
        try:
            masks = write_nifti(stack, group)
        except RadCommonsError as error:
            account.leave_out(f"drawings: {error.message}", len(group))
            continue
        yield Member(f"{name}.nii.gz", masks.volume)
        yield Member(f"{name}.json", masks.sidecar)


def _dicom(export: _Export) -> Iterator[Member]:
    origin = Origin(export.project.slug, export.schema, __version__, pseudonyms_of(export.project))
    for case, found in export.cases(needs_images=True):
        images = images_of(case)
        for reading in found:
            try:
                made, findings = objects_of(reading, images, origin)
            except AnnotationObjectError as error:
                export.account.leave_out(f"readings: {error.message}")
                continue
            for finding in findings:
                export.account.leave_out(f"notes of writing: {finding.message}")
            for one in made:
                name = f"{file_stem(reading.reader)}-{one.kind}-{one.sop_instance_uid}.dcm"
                yield Member(f"{case.study_instance_uid}/{name}", one.data)


def _plain(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


_WRITERS: Mapping[ExportFormat, Callable[[_Export], Iterator[Member]]] = MappingProxyType(
    {
        ExportFormat.COCO: _coco,
        ExportFormat.NIFTI: _nifti,
        ExportFormat.DICOM: _dicom,
        ExportFormat.MIDRC: _midrc,
        ExportFormat.MRALE: _mrale,
    }
)
