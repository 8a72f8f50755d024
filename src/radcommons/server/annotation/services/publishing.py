"""The verbs of publishing: begin, publish one case, finish. Each is safe to ask again, after a crash or by mistake."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from django.db import transaction
from django.utils import timezone

from radcommons import __version__
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.server.annotation.errors import MoveNotPossibleError, NothingToPublishError
from radcommons.server.annotation.models import (
    Case,
    Publication,
    PublishedObject,
    PublishedReading,
    ReadingProject,
)
from radcommons.server.annotation.object_intake import ObjectBatch, TakenIn, take_in
from radcommons.server.annotation.queries.final import CONSENSUS
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queries.publishing import (
    LeftOut,
    Publishable,
    cases_to_publish,
    images_of,
    programs_of,
    pseudonyms_of,
    publishable,
    reason_of,
    reports_before,
)
from radcommons.server.annotation.rules.publishing import PublicationState, ReadingState, Reason
from radcommons.server.annotation.rules.states import ProjectState
from radcommons.server.archive.models import Instance
from radcommons.server.platform import audit
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.transfer.annotation.midrc import midrc_records
from radcommons.transfer.annotation.objects import AnnotationObjectError
from radcommons.transfer.annotation.publication import MadeObject, Origin, is_coded, objects_of, words_of
from radcommons.transfer.annotation.record import Reading
from radcommons.transfer.annotation.tables import rows_of
from radcommons.transfer.release.canonical import sha256_hex

SETTLED = (ReadingState.STORED, ReadingState.HELD)


def begin_publication(project: ReadingProject, *, actor: Actor) -> Publication:
    """Write down what is to be published of a closed project; one that is under way is found again.

    A reading that was published before is not published twice; one that was left out then has another chance.

    Raises
    ------
    MoveNotPossibleError
        While the project is not closed: nothing of a read is known outside before all reading has ended.
    NothingToPublishError
        When everything there is was published already, or nothing can be.
    """
    authorise(actor, Action.ANNOTATION_PUBLISH)
    with transaction.atomic():
        row = ReadingProject.objects.select_for_update(no_key=True).get(pk=project.pk)
        if row.state != ProjectState.CLOSED:
            raise MoveNotPossibleError(row.state)
        under_way = row.publications.filter(state=PublicationState.WORKING).first()
        return under_way or _planned(row, actor)


def _planned(project: ReadingProject, actor: Actor) -> Publication:
    found, left_out = [], []
    for case in cases_to_publish(project):
        reason = reason_of(case)
        if reason is not None:
            left_out.append(LeftOut(case.study_instance_uid, "case", reason).to_json())
            continue
        readings, reasons = publishable(case)
        found += [(case, one) for one in readings]
        left_out += [reason.to_json() for reason in reasons]
    known = PublishedReading.objects.filter(case__project=project, state__in=SETTLED)
    done = set(known.values_list("case_id", "reading_sha256"))
    fresh = [(case, one) for case, one in found if (case.pk, one.reading.digest) not in done]
    if not fresh:
        raise NothingToPublishError(published=len(done), left_out=len(left_out))
    publication = Publication.objects.create(
        project=project,
        number=project.publications.count() + 1,
        state=PublicationState.WORKING,
        software_version=__version__,
        left_out=left_out,
        made_by=actor.name,
        made_at=timezone.now(),
    )
    # What an earlier publication left out is this one's now.
    PublishedReading.objects.filter(case__project=project, state=ReadingState.LEFT_OUT).delete()
    PublishedReading.objects.bulk_create((_row(publication, case, one) for case, one in fresh), batch_size=500)
    facts = {"publication": publication.number, "readings": len(fresh), "left_out": len(left_out)}
    audit.record(actor, "annotation.publish", object_kind="project", object_id=project.slug, facts=facts)
    return publication


def _row(publication: Publication, case: Case, one: Publishable) -> PublishedReading:
    return PublishedReading(
        publication=publication,
        case=case,
        reader=one.reading.reader,
        is_consensus=one.is_consensus,
        method=one.reading.method,
        reading_sha256=one.reading.digest,
        inputs=list(one.inputs),
        state=ReadingState.WAITING,
    )


def waiting_cases(publication: Publication) -> list[int]:
    """The cases of a publication that are still to be done."""
    rows = publication.readings.filter(state=ReadingState.WAITING).order_by("case_id")
    return list(rows.values_list("case_id", flat=True).distinct())


def publish_case(publication_id: int, case_id: int, *, actor: Actor) -> None:
    """Write the objects of a case's readings and hand them to the intake; the last case finishes the publication.

    Raises
    ------
    UnavailableError
        When the object store or the intake does not answer; asking again goes on.
    """
    publication = Publication.objects.select_related("project__schema").get(pk=publication_id)
    case = Case.objects.select_related("project__schema", "study__subject__site").get(pk=case_id)
    rows = list(publication.readings.filter(case=case, state=ReadingState.WAITING).order_by("pk"))
    if rows:
        written = _written(publication, case, rows)
        # What was begun is ended: taking in the first objects of a study brings it before the curators.
        if case.is_suspended and not _is_begun(written):
            for one in written:
                _settle(one.row, ReadingState.LEFT_OUT, Reason.IN_CURATION)
        else:
            _hand_over(publication, case, written, actor)
    finish(publication_id, actor=actor)


@dataclass(frozen=True, slots=True)
class _Written:
    """The objects of one reading."""

    row: PublishedReading
    reading: Reading
    made: tuple[MadeObject, ...]


def _written(publication: Publication, case: Case, rows: Sequence[PublishedReading]) -> list[_Written]:
    """The objects of the readings that can be written; the others are settled."""
    schema = schema_value(publication.project.schema)
    readers = pseudonyms_of(publication.project)
    origin = Origin(publication.project.slug, schema, publication.software_version, readers)
    now = {one.reading.digest: one.reading for one in publishable(case)[0]}
    images = images_of(case)
    written = []
    before = reports_before(publication, case)
    for row in rows:
        reading = now.get(row.reading_sha256)
        if reading is None:
            _settle(row, ReadingState.LEFT_OUT, Reason.CHANGED)
            continue
        try:
            made, findings = objects_of(reading, images, origin, predecessor=before.get(row.reader))
        except AnnotationObjectError as error:
            row.findings = [error.code]
            _settle(row, ReadingState.LEFT_OUT, Reason.NOT_WRITABLE)
            continue
        row.findings = sorted({finding.code for finding in findings})
        row.table_rows = [list(cells) for cells in rows_of(schema, [reading])]
        row.midrc = next(iter(midrc_records([reading])), None)
        written.append(_Written(row, reading, made))
    return written


def _is_begun(written: Sequence[_Written]) -> bool:
    uids = [made.sop_instance_uid for one in written for made in one.made]
    return Instance.objects.filter(sop_instance_uid__in=uids).exists()


def _hand_over(publication: Publication, case: Case, written: Sequence[_Written], actor: Actor) -> None:
    """What holds a text of a reader comes before the curators; what is coded throughout stands by their earlier word."""
    schema = schema_value(publication.project.schema)
    known = {*pseudonyms_of(publication.project), *programs_of(publication.project), CONSENSUS}
    parted: dict[bool, list[_Written]] = {}
    for one in written:
        parted.setdefault(is_coded(one.reading, schema, known), []).append(one)
    for coded, own in parted.items():
        _take_in(publication, case, own, actor, is_coded=coded)


def _take_in(
    publication: Publication, case: Case, written: Sequence[_Written], actor: Actor, *, is_coded: bool
) -> None:
    study, project = case.study, publication.project
    if study is None:
        return
    observers = (*pseudonyms_of(project), CONSENSUS)
    batch = ObjectBatch(
        site_code=study.subject.site.code,
        project=study.subject.project,
        name=f"annotation/{project.slug}/{publication.number}{'' if is_coded else '/texts'}",
        observers=observers,
        words=words_of(schema_value(project.schema), observers),
        is_coded=is_coded,
        files=tuple(made.data for one in written for made in one.made),
    )
    try:
        taken = iter(take_in(batch, actor))
    except RadCommonsError as error:
        if error.kind is Kind.UNAVAILABLE:
            raise
        for one in written:
            one.row.findings = [error.code]
            _settle(one.row, ReadingState.LEFT_OUT, Reason.NOT_TAKEN)
        return
    for one in written:
        _record(one, list(islice(taken, len(one.made))))


def _record(one: _Written, taken: Sequence[TakenIn]) -> None:
    rows = [
        PublishedObject(
            reading=one.row,
            kind=made.kind,
            source_series_instance_uid=made.source_series_instance_uid,
            series_instance_uid=made.series_instance_uid,
            sop_instance_uid=made.sop_instance_uid,
            sha256=sha256_hex(made.data),
            size_bytes=len(made.data),
        )
        for made in one.made
    ]
    one.row.findings = sorted({*one.row.findings, *(code for each in taken for code in each.codes)})
    with transaction.atomic():
        PublishedObject.objects.bulk_create(rows, ignore_conflicts=True)
        _settle(one.row, ReadingState.STORED if all(each.is_stored for each in taken) else ReadingState.HELD)


def _settle(row: PublishedReading, state: ReadingState, reason: Reason | None = None) -> None:
    row.state, row.reason = state, reason or ""
    row.save(update_fields=["state", "reason", "findings", "table_rows", "midrc"])


def finish(publication_id: int, *, actor: Actor) -> bool:
    """Close a publication of which nothing waits; returns whether this call did."""
    with transaction.atomic():
        publication = (
            Publication.objects.select_for_update(of=("self",), no_key=True)
            .select_related("project")
            .get(pk=publication_id)
        )
        if publication.state != PublicationState.WORKING or waiting_cases(publication):
            return False
        publication.state, publication.finished_at = PublicationState.FINISHED, timezone.now()
        publication.save(update_fields=["state", "finished_at"])
        made = PublishedObject.objects.filter(reading__publication=publication)
        facts = {"publication": publication.number, "objects": made.count()}
        slug = publication.project.slug
        audit.record(actor, "annotation.published", object_kind="project", object_id=slug, facts=facts)
    return True
