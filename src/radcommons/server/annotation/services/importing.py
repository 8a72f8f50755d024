"""The verb by which reads of the past come in: a document becomes a closed project with readers, reads and answers."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from django.db import IntegrityError, transaction
from django.utils import timezone

from radcommons.dicom.finding import Finding
from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.models import (
    Answer,
    Case,
    CaseInstance,
    ImportedDocument,
    LabelSchema,
    Reader,
    ReadingProject,
    Revision,
    Shape,
    Task,
)
from radcommons.server.annotation.queries.readings import readings_of
from radcommons.server.annotation.rules import contents
from radcommons.server.annotation.rules.adjudicating import policies_for
from radcommons.server.annotation.rules.planning import FIRST
from radcommons.server.annotation.rules.states import Duty, Phase, ProjectState, ReaderKind, TaskKind, TaskState
from radcommons.server.annotation.rules.wishes import SLUG
from radcommons.server.annotation.services.schemas import add_schema
from radcommons.server.archive.models import Instance, InstanceState, Study
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.transfer.annotation.lidc import LIDC_SCHEMA, read_lidc
from radcommons.transfer.annotation.mdai import read_mdai, write_mdai
from radcommons.transfer.annotation.mrale_csv import SCHEMA_NAME, read_mrale, write_mrale
from radcommons.transfer.annotation.ready import READY, ready_schema
from radcommons.transfer.annotation.record import Method, Reading
from radcommons.transfer.annotation.ricord import ricord_readings
from radcommons.transfer.annotation.schema import LabelSchema as Schema
from radcommons.transfer.release.canonical import canonical_json, sha256_hex

LONGEST_PSEUDONYM = 64
AT_ONCE = 1000


class Format(StrEnum):
    """The documents that are read."""

    MDAI = "mdai"
    MRALE = "mrale"
    LIDC = "lidc"


@dataclass(frozen=True, slots=True)
class Imported:
    """What a document holds.

    Parameters
    ----------
    studies
        Every study that it names, read or not.
    annotations
        How many of its own annotations it has; for tables and XML the number of items.
    """

    schema: Schema
    readings: tuple[Reading, ...]
    studies: tuple[str, ...]
    annotations: int
    findings: tuple[Finding, ...]


def _read_mdai(data: bytes, schema_name: str) -> Imported:
    project = read_mdai(data)
    frame = json.loads(project.frame)
    named = [
        study["StudyInstanceUID"]
        for dataset in frame.get("datasets", [])
        for study in dataset.get("studies") or []
        if isinstance(study, dict) and isinstance(study.get("StudyInstanceUID"), str)
    ]
    schema, readings, findings = project.schema, project.readings, project.findings
    if schema_name:
        if schema_name not in READY:
            raise ProjectInvalidError(f"Answers are translated to one of: {', '.join(READY)}.")
        schema = ready_schema(schema_name)
        readings, more = ricord_readings(project, schema_name)
        findings = (*findings, *more)
    return Imported(schema, readings, tuple(named), project.annotations, tuple(findings))


def _read_mrale(data: bytes, schema_name: str) -> Imported:
    del schema_name
    table = read_mrale(data)
    items = sum(len(reading.items) for reading in table.readings)
    return Imported(ready_schema(SCHEMA_NAME), table.readings, (), items, table.findings)


def _read_lidc(data: bytes, schema_name: str) -> Imported:
    del schema_name
    reads = read_lidc(data)
    items = sum(len(reading.items) for reading in reads.readings)
    return Imported(LIDC_SCHEMA, reads.readings, (reads.study_instance_uid,), items, reads.findings)


READERS: Mapping[Format, Callable[[bytes, str], Imported]] = MappingProxyType(
    {Format.MDAI: _read_mdai, Format.MRALE: _read_mrale, Format.LIDC: _read_lidc}
)


@dataclass(frozen=True, slots=True)
class ImportWish:
    """How an import is to be called.

    Parameters
    ----------
    schema_name
        For MD.ai: a ready schema to translate the answers to, without which the document's own labels are the schema.
    """

    slug: str
    title: str
    format: Format
    schema_name: str = ""


def import_reads(data: bytes, wish: ImportWish, *, actor: Actor) -> tuple[ReadingProject, Imported]:
    """Keep reads of the past as a project that is closed.

    The document itself is kept too, so that it can be given back as it came.

    Raises
    ------
    AnnotationFormatError
        When it is no such document.
    ProjectInvalidError, ConflictError
        When the name cannot be used, or is taken.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    if not SLUG.fullmatch(wish.slug):
        raise ProjectInvalidError("The name is made of small letters, digits and dashes, at most 64.")
    found = READERS[wish.format](data, wish.schema_name)
    try:
        with transaction.atomic():
            project = _project(found, wish, data, actor)
            _keep(project, found)
            ImportedDocument.objects.create(
                project=project,
                format=wish.format,
                sha256=sha256_hex(data),
                body=data,
                findings=[finding.to_json() for finding in found.findings],
                imported_by=actor.name,
                imported_at=timezone.now(),
            )
            facts = {
                "format": wish.format.value,
                "sha256": sha256_hex(data),
                "reads": len(found.readings),
                "findings": len(found.findings),
            }
            audit.record(actor, "annotation.imported", object_kind="project", object_id=project.slug, facts=facts)
    except IntegrityError as error:
        raise ConflictError("annotation.project-exists", "There is a project of that name already.") from error
    return project, found


def _project(found: Imported, wish: ImportWish, data: bytes, actor: Actor) -> ReadingProject:
    schema = add_schema(found.schema.to_json(), actor=actor)
    LabelSchema.objects.filter(pk=schema.pk, is_used=False).update(is_used=True)
    return ReadingProject.objects.create(
        slug=wish.slug,
        title=wish.title.strip() or wish.slug,
        schema=schema,
        state=ProjectState.CLOSED,
        task_kind=TaskKind.READ,
        source={"kind": wish.format.value, "name": "", "digest": sha256_hex(data)},
        cohort_digest=sha256_hex(canonical_json(sorted({reading.study_instance_uid for reading in found.readings}))),
        seed=0,
        readers_per_case=1,
        policies=policies_for(found.schema, {}),
        made_by=actor.name,
        made_at=timezone.now(),
    )


def _keep(project: ReadingProject, found: Imported) -> None:
    uids = dict.fromkeys([*found.studies, *(reading.study_instance_uid for reading in found.readings)])
    cases = _cases(project, list(uids))
    names = _reader_names(found.readings)
    methods = {names[reading.id]: reading for reading in found.readings}
    readers = {
        row.pseudonym: row
        for row in Reader.objects.bulk_create(
            Reader(
                project=project,
                pseudonym=name,
                kind=ReaderKind.MODEL if reading.method is Method.RETROSPECTIVE_AUTO else ReaderKind.IMPORTED,
                duty=Duty.READ,
                method=reading.method,
                software=reading.software,
            )
            for name, reading in sorted(methods.items())
        )
    }
    for start in range(0, len(found.readings), AT_ONCE):
        part = found.readings[start : start + AT_ONCE]
        keep_readings(project, found.schema, [(reading, readers[names[reading.id]], cases) for reading in part], start)


def _cases(project: ReadingProject, uids: Sequence[str]) -> dict[str, Case]:
    known = dict(Study.objects.filter(study_instance_uid__in=uids).values_list("study_instance_uid", "pk"))
    cases = Case.objects.bulk_create(
        (Case(project=project, study_id=known.get(uid), study_instance_uid=uid, phase=Phase.MAIN) for uid in uids),
        batch_size=AT_ONCE,
    )
    of_study = {case.study_id: case for case in cases if case.study_id is not None}
    rows = Instance.objects.filter(series__study__in=of_study, state=InstanceState.STORED)
    CaseInstance.objects.bulk_create(
        (
            CaseInstance(case=of_study[study], instance_id=pk)
            for study, pk in rows.values_list("series__study_id", "pk")
        ),
        batch_size=5000,
    )
    return {case.study_instance_uid: case for case in cases}


def _reader_names(readings: Iterable[Reading]) -> dict[str, str]:
    """The pseudonym of each reading's reader.

    Who read one study twice, as in two label groups of MD.ai, is as many readers: their reads are kept apart.
    """
    several = list(readings)
    seen: dict[tuple[str, str], int] = {}
    for reading in several:
        seen[reading.reader, reading.study_instance_uid] = seen.get((reading.reader, reading.study_instance_uid), 0) + 1
    doubled = {reader for (reader, _), count in seen.items() if count > 1}
    return {reading.id: _name(reading, is_doubled=reading.reader in doubled) for reading in several}


def _name(reading: Reading, *, is_doubled: bool) -> str:
    name = reading.id.removesuffix(f".{reading.study_instance_uid}") if is_doubled else reading.reader
    return name if len(name) <= LONGEST_PSEUDONYM else sha256_hex(name.encode())[:LONGEST_PSEUDONYM]


def keep_readings(
    project: ReadingProject,
    schema: Schema,
    rows: Sequence[tuple[Reading, Reader, Mapping[str, Case]]],
    first: int,
) -> None:
    """Write finished reads as tasks that are locked, in the open transaction.

    Parameters
    ----------
    rows
        A reading, who made it, and the project's cases by study.
    first
        How many tasks these readers have already.
    """
    now = timezone.now()
    tasks = Task.objects.bulk_create(
        Task(
            project=project,
            case=cases[reading.study_instance_uid],
            reader=reader,
            phase=Phase.MAIN,
            occasion=FIRST,
            position=first + number,
            state=TaskState.LOCKED,
            assigned_at=now,
            opened_at=now,
            submitted_at=_moment(reading.finished_at),
            active_seconds=reading.active_seconds,
            revision_count=1,
        )
        for number, (reading, reader, cases) in enumerate(rows, start=1)
    )
    revisions, shapes, answers = [], [], []
    for task, (reading, _, _) in zip(tasks, rows, strict=True):
        body, drawn = contents.packed(reading)
        shapes += [Shape(task=task, sha256=sha256, body=text) for sha256, text in drawn.items()]
        revisions.append(_revision(project, task, reading, body, now))
        answers += [
            Answer(task=task, question=question, value=value, number=number)
            for question, (value, number) in contents.answers_of(schema, reading).items()
        ]
    Shape.objects.bulk_create(shapes, batch_size=AT_ONCE)
    Answer.objects.bulk_create(answers, batch_size=AT_ONCE)
    for task, revision in zip(tasks, Revision.objects.bulk_create(revisions, batch_size=AT_ONCE), strict=True):
        task.submission = revision
    Task.objects.bulk_update(tasks, ["submission"], batch_size=AT_ONCE)


def _revision(
    project: ReadingProject, task: Task, reading: Reading, body: dict[str, object], now: datetime
) -> Revision:
    return Revision(
        task=task,
        number=1,
        window="import",
        client_revision=1,
        is_submission=True,
        schema_id=project.schema_id,
        body={"reading": body, "verdicts": {}, "viewer_state": {}},
        sha256=reading.digest,
        active_seconds=reading.active_seconds,
        software=reading.software,
        saved_at=now,
    )


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def exported(project: ReadingProject) -> bytes:
    """An imported document again, from the reads as they are kept.

    Raises
    ------
    NotFoundError
        When the project was not imported from a document that can be written.
    """
    document = project.documents.order_by("pk").first()
    if document is None:
        raise NotFoundError("The project was not imported from a document.")
    if document.format == Format.LIDC or (document.format == Format.MDAI and project.schema.name in READY):
        return bytes(document.body)
    tasks = project.tasks.select_related("submission").order_by("position")
    kept = {reading.id: reading for reading in readings_of(tasks).values()}
    if document.format == Format.MRALE:
        return write_mrale(list(kept.values()))
    original = read_mdai(bytes(document.body))
    # What the document holds beside its annotations is taken from it; the annotations are those that are kept.
    return write_mdai(replace(original, readings=tuple(kept[reading.id] for reading in original.readings)))
