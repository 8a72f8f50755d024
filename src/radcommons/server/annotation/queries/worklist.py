"""What a reader may know: their own reads, and the case that is open. Nothing here looks at another reader's rows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from django.db.models import Q, QuerySet
from django.utils import timezone

from radcommons.server.annotation.models import Case, Reader, ReadingProject, Revision, Shape, Task
from radcommons.server.annotation.queries.aliases import aliases_of_task
from radcommons.server.annotation.queries.own import LEASE_S, own_task
from radcommons.server.annotation.queries.published import without_published
from radcommons.server.annotation.rules import contents
from radcommons.server.annotation.rules.identifiers import with_identifiers
from radcommons.server.annotation.rules.people import account_of
from radcommons.server.annotation.rules.planning import FIRST, ListedTask, held_back
from radcommons.server.annotation.rules.states import (
    DONE,
    OPEN_PROJECT,
    WRITABLE,
    Duty,
    Phase,
    ProjectState,
    ReaderKind,
    TaskKind,
    TaskState,
    phases_open,
)
from radcommons.server.annotation.rules.wishes import Blinding
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.queries import series_list
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor


@dataclass(frozen=True, slots=True)
class OwnProject:
    """A project as one of its readers sees it: their own share of it.

    Parameters
    ----------
    left
        Reads still to do, hidden repeats among them.
    next_task
        The key of the next read, empty when there is none now.
    waiting
        How many of those left open only later: their phase has not begun, or time must pass first.
    """

    slug: str
    title: str
    instructions: str
    state: str
    deadline: date | None
    done: int
    left: int
    waiting: int
    active_seconds: float
    next_task: str

    @property
    def total(self) -> int:
        """All reads of the list, done or not."""
        return self.done + self.left


@dataclass(frozen=True, slots=True)
class OwnTask:
    """A read that its reader has opened or done."""

    key: str
    project: str
    project_title: str
    number: int
    state: str
    phase: str
    active_seconds: float
    return_reason: str

    @property
    def active_minutes(self) -> float:
        """Time with focus and input, in minutes."""
        return self.active_seconds / 60


def own_projects(actor: Actor) -> tuple[OwnProject, ...]:
    """The projects in which somebody reads: those in which something can be read now first, then the latest first."""
    rows = Reader.objects.filter(user_id=account_of(actor), duty=Duty.READ, is_active=True, kind=ReaderKind.PERSON)
    rows = rows.exclude(project__state=ProjectState.DRAFT).select_related("project").order_by("-project__made_at", "pk")
    found = [_own_project(reader) for reader in rows] if actor.user_id is not None else []
    return tuple(sorted(found, key=lambda project: not project.next_task))


def _own_project(reader: Reader) -> OwnProject:
    project = reader.project
    tasks = _tasks_of(reader)
    states = Counter(tasks.values_list("state", flat=True))
    available = openable(reader)
    left = sum(states[state] for state in WRITABLE)
    return OwnProject(
        slug=project.slug,
        title=project.title,
        instructions=project.instructions,
        state=project.state,
        deadline=project.deadline,
        done=sum(states[state] for state in DONE),
        left=left,
        waiting=left - len(available),
        active_seconds=sum(tasks.values_list("active_seconds", flat=True)),
        next_task=available[0] if available else "",
    )


def _tasks_of(reader: Reader) -> QuerySet[Task]:
    return Task.objects.filter(reader=reader, case__is_suspended=False).exclude(state=TaskState.REVOKED)


def openable(reader: Reader) -> Sequence[str]:
    """The keys of the reads that a reader could open now, in the order of their list; returned ones first."""
    state = ProjectState(reader.project.state)
    if state not in OPEN_PROJECT:
        return ()
    is_due = Q(occasion=FIRST, available_at=None) | Q(available_at__lte=timezone.now())
    rows = _tasks_of(reader).filter(is_due, state__in=WRITABLE, phase__in=phases_open(state)).order_by("position")
    waiting = _held_back(reader)
    found = [row for row in rows.values_list("key", "phase", "state") if row[0] not in waiting]
    training = [row for row in found if row[1] == Phase.TRAINING]
    # A read that was begun or returned goes before a new one.
    found = sorted(training or found, key=lambda row: row[2] == TaskState.ASSIGNED)
    return [key for key, _, _ in found]


def _held_back(reader: Reader) -> frozenset[str]:
    """First reads that wait as the repeats do; see :func:`.held_back`."""
    own = _tasks_of(reader)
    repeats = own.filter(occasion__gt=FIRST)
    waiting = Q(occasion__gt=FIRST) & (Q(available_at=None) | Q(available_at__gt=timezone.now()))
    free = Q(occasion=FIRST, available_at=None) & ~Q(case__in=repeats.values("case"))
    rows = own.filter(waiting | free, phase=Phase.MAIN, opened_at=None).values_list("key", "position", "occasion")
    return held_back([ListedTask(key, position, occasion != FIRST) for key, position, occasion in rows])


def next_task(project_slug: str, actor: Actor, *, besides: str = "") -> str:
    """The key of a reader's next read in a project, ``besides`` left out; empty when there is none now.

    Raises
    ------
    NotFoundError
        When the actor does not read in such a project.
    """
    rows = Reader.objects.filter(
        project__slug=project_slug, user_id=account_of(actor), duty=Duty.READ, is_active=True, kind=ReaderKind.PERSON
    )
    reader = rows.exclude(project__state=ProjectState.DRAFT).select_related("project").first()
    if reader is None or actor.user_id is None:
        raise NotFoundError
    return next((key for key in openable(reader) if key != besides), "")


def own_tasks(actor: Actor) -> tuple[OwnTask, ...]:
    """The reads that somebody has opened, by project and as they were opened; those to come are only counted."""
    if actor.user_id is None:
        return ()
    rows = Task.objects.filter(reader__user_id=account_of(actor), reader__is_active=True, case__is_suspended=False)
    rows = rows.exclude(state=TaskState.REVOKED).exclude(opened_at=None)
    rows = rows.select_related("project").order_by("-project__made_at", "project_id", "opened_at", "pk")
    numbers: Counter[int] = Counter()
    found = []
    for task in rows:
        numbers[task.project_id] += 1
        found.append(
            OwnTask(
                key=task.key,
                project=task.project.slug,
                project_title=task.project.title,
                number=numbers[task.project_id],
                state=task.state,
                phase=task.phase,
                active_seconds=task.active_seconds,
                return_reason=task.return_reason if task.state == TaskState.RETURNED else "",
            )
        )
    return tuple(found)


def visible_instances(task: Task) -> QuerySet[Instance]:
    """The images of a task: the case as it was frozen, with priors where the project shows them; none while suspended."""
    stored = Instance.objects.filter(state=InstanceState.STORED)
    if task.case.is_suspended:
        return stored.none()
    wanted = Q(reading_members__case=task.case_id, reading_members__is_prior=False)
    if task.project.shows_priors:
        wanted = Q(reading_members__case=task.case_id)
    return without_published(stored.filter(wanted))


def blinding_of(project: ReadingProject) -> Blinding:
    """The switches of a project."""
    return Blinding(**{name: getattr(project, name) for name in Blinding.__slots__})


def task_json(task_key: str, actor: Actor) -> dict[str, Any]:
    """Everything that the reading page needs of one task, and nothing that its reader may not know.

    Raises
    ------
    NotFoundError
        When it is not the actor's to open.
    """
    task = own_task(task_key, actor)
    told = with_identifiers(_case_json(task), aliases_of_task(task).alias)
    return {**_frame_json(task), **told}


def _frame_json(task: Task) -> dict[str, Any]:
    """What is around the case: the project, the schema, how far the read is."""
    project = task.project
    return {
        "task": task.key,
        "state": task.state,
        "is_training": task.phase == Phase.TRAINING,
        **_place_in_list(task),
        "project": _project_json(project),
        "schema": project.schema.definition,
        "hanging": project.hanging,
        "dicomweb_root": f"/dicom-web/tasks/{task.key}",
        "return_reason": task.return_reason if task.state == TaskState.RETURNED else "",
        "may_reopen": task.state == TaskState.SUBMITTED
        and task.phase != Phase.TRAINING
        and ProjectState(project.state) in OPEN_PROJECT,
        "lease_seconds": LEASE_S,
    }


def _case_json(task: Task) -> dict[str, Any]:
    """What is of the case itself, under its real identifiers."""
    project = task.project
    return {
        "study_instance_uid": task.case.study_instance_uid,
        "series": _series_json(task),
        "read": read_json(task),
        "proposals": task.proposals if project.task_kind == TaskKind.REVIEW else [],
        "ai": _ai_json(task) if project.shows_ai else [],
        "feedback": _feedback(task),
    }


def _place_in_list(task: Task) -> dict[str, int]:
    """The how-manieth read that the reader opened it is, of how many; its place in the list would tell of repeats."""
    own = _tasks_of(task.reader)
    opened = own.exclude(opened_at=None).exclude(pk=task.pk)
    before = opened.filter(opened_at__lte=task.opened_at) if task.opened_at is not None else opened
    return {"number": before.count() + 1, "of": own.count()}


def _project_json(project: ReadingProject) -> dict[str, Any]:
    return {
        "slug": project.slug,
        "title": project.title,
        "instructions": project.instructions,
        "task_kind": project.task_kind,
        "deadline": project.deadline.isoformat() if project.deadline else None,
    }


def _series_json(task: Task) -> list[dict[str, Any]]:
    visible = visible_instances(task)
    priors = set(
        task.case.members.filter(is_prior=True).values_list("instance__series__series_instance_uid", flat=True)
    )
    studies = visible.order_by().values_list("series__study__study_instance_uid", flat=True).distinct()
    # The case itself first, then earlier studies.
    ordered = sorted(studies, key=lambda uid: (uid != task.case.study_instance_uid, uid))
    return [
        {
            "study_instance_uid": one.study_instance_uid,
            "series_instance_uid": one.series_instance_uid,
            "series_number": one.series_number,
            "modality": one.modality,
            "series_description": one.series_description if task.project.shows_clinical_data else "",
            "image_count": one.image_count,
            "frame_count": one.frame_count,
            "is_prior": one.series_instance_uid in priors,
        }
        for study in ordered
        for one in series_list(study, instances=visible)
    ]


def read_json(task: Task) -> dict[str, Any] | None:
    """A reader's own latest revision with its shapes; None before the first."""
    revision = task.revisions.order_by("-number").first()
    if revision is None:
        return None
    return {"revision": revision.number, "is_submission": revision.is_submission, **revision_json(revision)}


def revision_json(revision: Revision) -> dict[str, Any]:
    """What a revision says, its shapes put in, each with its digest for reference."""
    reading = revision.body["reading"]
    shapes = _shapes(revision.task_id, reading["items"])
    return {
        "items": contents.with_shapes(reading["items"], shapes),
        "is_nothing_found": reading["is_nothing_found"],
        "flags": reading["flags"],
        "note": reading["note"],
        "verdicts": revision.body["verdicts"],
        "viewer_state": revision.body["viewer_state"],
        "active_seconds": revision.active_seconds,
    }


def _shapes(task_id: int, items: Iterable[Any]) -> dict[str, object]:
    digests = contents.named_shapes(list(items))
    rows = Shape.objects.filter(task_id=task_id, sha256__in=digests) if digests else Shape.objects.none()
    return {sha256: orjson.loads(body) for sha256, body in rows.values_list("sha256", "body")}


def _ai_json(task: Task) -> list[dict[str, Any]]:
    """What algorithms said of the case, where the project shows it."""
    rows = Task.objects.filter(case=task.case_id, reader__kind=ReaderKind.MODEL).exclude(submission=None)
    return [
        {"reader": row.reader.pseudonym, "software": row.reader.software, **_findings(row.submission)}
        for row in rows.select_related("reader", "submission").order_by("reader__pseudonym")
        if row.submission is not None
    ]


def _findings(revision: Revision) -> dict[str, Any]:
    said = revision_json(revision)
    return {name: said[name] for name in ("items", "is_nothing_found")}


def _feedback(task: Task) -> dict[str, Any] | None:
    """Of a submitted training case, the answer to learn from."""
    case: Case = task.case
    if task.phase != Phase.TRAINING or task.submission_id is None or case.reference is None:
        return None
    return {"items": case.reference}
