"""The verb by which results of an algorithm become reads, and in a review what readers are asked to judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from radcommons.server.annotation.errors import MoveNotPossibleError, ProjectInvalidError, ReadIncompleteError
from radcommons.server.annotation.models import Case, Reader, ReadingProject, Task
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.rules import contents
from radcommons.server.annotation.rules.states import Duty, ProjectState, ReaderKind, TaskKind, TaskState
from radcommons.server.annotation.services.importing import keep_readings
from radcommons.server.annotation.services.reading import places_of
from radcommons.server.platform import audit
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.transfer.annotation.checking import check_reading
from radcommons.transfer.annotation.record import READING_FORMAT, Method, Reading, reading_from_json
from radcommons.transfer.annotation.schema import LabelSchema


@dataclass(frozen=True, slots=True)
class ModelRead:
    """What an algorithm says of one study: items of a reading as plain JSON."""

    study_instance_uid: str
    items: Sequence[Any] = ()


def record_model_reads(project: ReadingProject, software: str, reads: Sequence[ModelRead], *, actor: Actor) -> Reader:
    """Keep the results of an algorithm as reads of a reader of its own, method ``Retrospective_auto``.

    They are hidden from readers unless the project says otherwise. In a review they become the proposals of every task of
    their case that nobody has opened yet.

    Raises
    ------
    ProjectInvalidError
        When a study is no case of the project, or the algorithm has read it already.
    ReadIncompleteError
        When a result does not answer the project's schema, or names images that are not in its case.
    MoveNotPossibleError
        When the project is closed.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    if project.state == ProjectState.CLOSED:
        raise MoveNotPossibleError(project.state)
    if not software.strip() or not reads:
        raise ProjectInvalidError("Name the program and its version, and give at least one result.")
    wanted = {read.study_instance_uid for read in reads}
    cases = {case.study_instance_uid: case for case in project.cases.filter(study_instance_uid__in=wanted)}
    if len(wanted) < len(reads) or wanted - cases.keys():
        raise ProjectInvalidError("A result is of a study that is no case of the project, or comes twice.")
    schema = schema_value(project.schema)
    with transaction.atomic():
        reader = _reader(project, software.strip())
        if Task.objects.filter(reader=reader, case__in=cases.values()).exists():
            raise ProjectInvalidError(
                "This program has read one of these cases already. Another version is another reader."
            )
        readings = [_checked(schema, reader, cases[read.study_instance_uid], read) for read in reads]
        position = reader.tasks.count()
        keep_readings(project, schema, [(reading, reader, cases) for reading in readings], position)
        if project.task_kind == TaskKind.REVIEW:
            for reading in readings:
                _propose(cases[reading.study_instance_uid], reader, reading)
        facts = {"software": software.strip(), "pseudonym": reader.pseudonym, "reads": len(reads)}
        audit.record(actor, "annotation.model-read", object_kind="project", object_id=project.slug, facts=facts)
    return reader


def _reader(project: ReadingProject, software: str) -> Reader:
    known = project.readers.filter(kind=ReaderKind.MODEL, software=software).first()
    if known is not None:
        return known
    return Reader.objects.create(
        project=project,
        pseudonym=f"M{project.readers.filter(kind=ReaderKind.MODEL).count() + 1}",
        kind=ReaderKind.MODEL,
        duty=Duty.READ,
        method=Method.RETROSPECTIVE_AUTO,
        software=software,
    )


def _checked(schema: LabelSchema, reader: Reader, case: Case, read: ModelRead) -> Reading:
    reading = reading_from_json(
        {
            "format": READING_FORMAT,
            "id": f"{reader.pseudonym}.{case.key}",
            "study_instance_uid": case.study_instance_uid,
            "reader": reader.pseudonym,
            "method": Method.RETROSPECTIVE_AUTO.value,
            "schema": schema.reference.to_json(),
            "items": list(read.items),
            "is_nothing_found": not read.items,
            "software": reader.software,
        }
    )
    reading = contents.with_computed(schema, reading)
    # An algorithm answers what it can: what a person must answer need not be there.
    findings = [*check_reading(schema, reading, is_complete=False), *places_of(case.pk, reading)]
    wrong = [finding for finding in findings if finding.is_error]
    if wrong:
        raise ReadIncompleteError(wrong)
    return reading


def _propose(case: Case, reader: Reader, reading: Reading) -> None:
    proposed = [{**item.to_json(), "id": f"{reader.pseudonym}.{item.id}"} for item in reading.items]
    for task in case.tasks.filter(state=TaskState.ASSIGNED, opened_at=None).exclude(reader__kind=ReaderKind.MODEL):
        task.proposals = [*task.proposals, *proposed]
        task.save(update_fields=["proposals"])
