"""The verb by which reads of the past come in: a document becomes a closed project with readers, reads and answers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from django.db import IntegrityError, transaction
from django.utils import timezone

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
from radcommons.server.annotation.services.documents import READERS, Format, Imported, ImportWish
from radcommons.server.annotation.services.schemas import add_schema
from radcommons.server.archive.models import Instance, InstanceState, Study
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.transfer.annotation.mdai import read_mdai, write_mdai
from radcommons.transfer.annotation.mrale_csv import read_mrale, write_mrale
from radcommons.transfer.annotation.ready import READY
from radcommons.transfer.annotation.record import Method, Reading
from radcommons.transfer.annotation.schema import LabelSchema as Schema
from radcommons.transfer.release.canonical import canonical_json, sha256_hex

LONGEST_PSEUDONYM = 64
AT_ONCE = 1000


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
    return keep_past(READERS[wish.format](data, wish), wish, data, actor=actor)


def keep_past(found: Imported, wish: ImportWish, data: bytes, *, actor: Actor) -> tuple[ReadingProject, Imported]:
    """Make the project of what a document holds.

    Raises
    ------
    ProjectInvalidError, ConflictError
        As for :func:`import_reads`.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    if not SLUG.fullmatch(wish.slug):
        raise ProjectInvalidError("The name is made of small letters, digits and dashes, at most 64.")
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
        policies=policies_for(found.schema, found.policies),
        made_by=actor.name,
        made_at=timezone.now(),
    )


def _keep(project: ReadingProject, found: Imported) -> None:
    uids = dict.fromkeys([*found.studies, *(reading.study_instance_uid for reading in found.readings)])
    cases = _cases(project, list(uids))
    names = _plain_names(found.readings) if found.has_occasions else _reader_names(found.readings)
    occasions = _occasions(found.readings, names)
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
        rows = [(reading, readers[names[reading.id]], cases) for reading in part]
        keep_readings(project, found.schema, rows, start, occasions=occasions)


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
    return _short(reading.id.removesuffix(f".{reading.study_instance_uid}") if is_doubled else reading.reader)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_PSEUDONYM else sha256_hex(name.encode())[:LONGEST_PSEUDONYM]


def _plain_names(readings: Iterable[Reading]) -> dict[str, str]:
    """The pseudonym of each reading's reader where a second reading of a study is a repeat of the same reader."""
    return {reading.id: _short(reading.reader) for reading in readings}


def _occasions(readings: Iterable[Reading], names: Mapping[str, str]) -> dict[str, int]:
    """The how-manieth time its reader reads the study, for each reading that is not the first."""
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    for reading in readings:
        key = names[reading.id], reading.study_instance_uid
        seen[key] += 1
        if seen[key] > FIRST:
            found[reading.id] = seen[key]
    return found


def keep_readings(
    project: ReadingProject,
    schema: Schema,
    rows: Sequence[tuple[Reading, Reader, Mapping[str, Case]]],
    first: int,
    *,
    occasions: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Write finished reads as tasks that are locked, in the open transaction.

    Parameters
    ----------
    rows
        A reading, who made it, and the project's cases by study.
    first
        How many tasks these readers have already.
    occasions
        The how-manieth time a study is read by its reader, by the reading's id, where it is not the first.
    """
    now = timezone.now()
    tasks = Task.objects.bulk_create(
        Task(
            project=project,
            case=cases[reading.study_instance_uid],
            reader=reader,
            phase=Phase.MAIN,
            occasion=occasions.get(reading.id, FIRST),
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
    """An imported document again: its bytes, when the reads as they are kept say all that it says.

    Raises
    ------
    NotFoundError
        When the project was not imported from a document that can be written.
    """
    document = project.documents.order_by("pk").first()
    if document is None:
        raise NotFoundError("The project was not imported from a document.")
    body = bytes(document.body)
    is_translated = project.schema.name in READY and document.format == Format.MDAI
    if document.format not in {Format.MDAI, Format.MRALE} or is_translated:
        return body
    tasks = project.tasks.select_related("submission").order_by("position")
    kept = tuple(readings_of(tasks).values())
    if document.format == Format.MRALE:
        return body if _same(kept, read_mrale(body).readings) else write_mrale(kept)
    original = read_mdai(body)
    if _same(kept, original.readings):
        return body
    # What the document holds beside its annotations is taken from it; the annotations are those that are kept.
    of_id = {reading.id: reading for reading in kept}
    return write_mdai(replace(original, readings=tuple(of_id[reading.id] for reading in original.readings)))


def _same(kept: Iterable[Reading], read: Iterable[Reading]) -> bool:
    """Whether readings that are kept are those of a document, in any order."""
    return Counter(reading.digest for reading in kept) == Counter(reading.digest for reading in read)
