"""What managers see of projects: lists, progress by reader and case. Who reads in a project sees none of it before the end."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils import timezone

from radcommons.server.annotation.errors import ReadsHereError
from radcommons.server.annotation.models import (
    Absence,
    AgreementReport,
    Case,
    LabelSchema,
    Reader,
    ReadingProject,
    Task,
)
from radcommons.server.annotation.rules.people import account_of
from radcommons.server.annotation.rules.states import (
    DONE,
    WRITABLE,
    CaseState,
    Duty,
    ProjectState,
    ReaderKind,
    TaskState,
)
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.models import User
from radcommons.server.platform.policy import Action, Actor, Role, authorise
from radcommons.server.platform.words import counted

SECONDS_PER_HOUR = 3600.0
# Resampling a few cases that happen to agree gives an interval of no width at all.
FEWEST_FOR_WIDTH = 20


def seen_project(slug: str, actor: Actor, *, action: Action = Action.ANNOTATION_SEE) -> ReadingProject:
    """A project, for somebody who may see its progress and results.

    Raises
    ------
    ForbiddenError
        When the actor has no such role.
    ReadsHereError
        When the actor reads in the project, which is not closed: nothing of it may reach a reader.
    NotFoundError
        When there is none.
    """
    authorise(actor, action)
    project = ReadingProject.objects.select_related("schema").filter(slug=slug).first()
    if project is None:
        raise NotFoundError("There is no such reading project.")
    if actor.user_id is not None and project.state != ProjectState.CLOSED:
        reads = project.readers.filter(user_id=account_of(actor), duty=Duty.READ)
        if reads.exists():
            raise ReadsHereError
    return project


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """One line of the list of projects."""

    project: ReadingProject
    cases: int
    tasks: int
    done: int
    disputed: int


def projects(actor: Actor) -> list[ProjectLine]:
    """All projects with their progress, the latest first; without numbers where the actor reads in them."""
    authorise(actor, Action.ANNOTATION_SEE)
    cases = dict(Case.objects.order_by().values_list("project").annotate(Count("pk")))
    disputed = dict(
        Case.objects.filter(state=CaseState.DISPUTED).order_by().values_list("project").annotate(Count("pk"))
    )
    live = Task.objects.exclude(state=TaskState.REVOKED).filter(reader__kind=ReaderKind.PERSON).order_by()
    tasks = dict(live.values_list("project").annotate(Count("pk")))
    done = dict(live.filter(state__in=DONE).values_list("project").annotate(Count("pk")))
    own = Reader.objects.filter(user_id=account_of(actor), duty=Duty.READ, user__isnull=False)
    hidden = set(own.exclude(project__state=ProjectState.CLOSED).values_list("project_id", flat=True))
    return [
        ProjectLine(
            row,
            cases.get(row.pk, 0),
            tasks.get(row.pk, 0),
            0 if row.pk in hidden else done.get(row.pk, 0),
            0 if row.pk in hidden else disputed.get(row.pk, 0),
        )
        for row in ReadingProject.objects.select_related("schema")
    ]


@dataclass(frozen=True, slots=True)
class ReaderLine:
    """How far one reader is."""

    reader: Reader
    name: str
    given: int
    done: int
    idle: int
    hours: float
    last_day: date | None

    @property
    def reads_per_hour(self) -> float | None:
        """Finished reads in an hour of active time; None before there is any."""
        return self.done / self.hours if self.done and self.hours else None


def reader_lines(project: ReadingProject) -> list[ReaderLine]:
    """The members of a project with their progress."""
    idle_since = timezone.now() - timedelta(days=project.return_after_days)
    live = ~Q(tasks__state=TaskState.REVOKED)
    rows = project.readers.select_related("user").annotate(
        given=Count("tasks", filter=live),
        done=Count("tasks", filter=Q(tasks__state__in=DONE)),
        idle=Count(
            "tasks",
            filter=Q(tasks__state__in=WRITABLE) & ~Q(tasks__opened_at=None) & Q(tasks__touched_at__lt=idle_since),
        ),
        seconds=Sum("tasks__active_seconds", filter=Q(tasks__state__in=DONE), default=0.0),
        last=Max("tasks__submitted_at"),
    )
    return [
        ReaderLine(
            reader=row,
            name=row.user.get_username() if row.user else row.software or row.pseudonym,
            given=row.given,
            done=row.done,
            idle=row.idle,
            hours=row.seconds / SECONDS_PER_HOUR,
            last_day=row.last.date() if row.last else None,
        )
        for row in rows.order_by("duty", "pk")
    ]


@dataclass(frozen=True, slots=True)
class Progress:
    """The numbers at the head of a project's page."""

    cases: int
    by_state: dict[str, int]
    tasks: int
    done: int
    suspended: int
    complete: int

    @property
    def share(self) -> float:
        """The share of reads that are done, 0 to 1."""
        return self.done / self.tasks if self.tasks else 0.0


def progress(project: ReadingProject) -> Progress:
    """How far a project is, counted now."""
    states = dict(project.cases.order_by().values_list("state").annotate(Count("pk")))
    live = project.tasks.exclude(state=TaskState.REVOKED).filter(reader__kind=ReaderKind.PERSON)
    numbers = live.aggregate(all=Count("pk"), done=Count("pk", filter=Q(state__in=DONE)))
    return Progress(
        cases=sum(states.values()),
        by_state={state.value: states.get(state, 0) for state in CaseState},
        tasks=numbers["all"],
        done=numbers["done"],
        suspended=project.cases.filter(is_suspended=True).count(),
        complete=sum(count for state, count in states.items() if state != CaseState.READING),
    )


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case as a manager sees it: who reads it and how far each is."""

    case: Case
    tasks: tuple[Task, ...]


def case_lines(cases: Sequence[Case]) -> list[CaseLine]:
    """Cases with their reads, in the order given."""
    found: dict[int, list[Task]] = defaultdict(list)
    rows = Task.objects.filter(case__in=[case.pk for case in cases]).exclude(state=TaskState.REVOKED)
    for task in rows.select_related("reader").order_by("reader__pseudonym", "occasion"):
        found[task.case_id].append(task)
    return [CaseLine(case, tuple(found[case.pk])) for case in cases]


def cases_of(project: ReadingProject, *, state: str = "") -> QuerySet[Case]:
    """The cases of a project, in one state when one is named."""
    rows = project.cases.order_by("pk")
    return rows.filter(state=state) if state in set(CaseState) else rows


def idle_tasks(project: ReadingProject) -> QuerySet[Task]:
    """Reads that were opened and not touched for longer than the project waits; a manager may reassign them."""
    idle_since = timezone.now() - timedelta(days=project.return_after_days)
    return (
        project.tasks.filter(state__in=WRITABLE, touched_at__lt=idle_since)
        .select_related("reader", "case")
        .order_by("touched_at")
    )


def project_json(project: ReadingProject) -> dict[str, Any]:
    """A project as managers' programs see it."""
    far = progress(project)
    return {
        "slug": project.slug,
        "title": project.title,
        "state": project.state,
        "instructions": project.instructions,
        "task_kind": project.task_kind,
        "schema": {"name": project.schema.name, "version": project.schema.version, "digest": project.schema.digest},
        "source": project.source,
        "cohort_digest": project.cohort_digest,
        "seed": project.seed,
        "readers_per_case": project.readers_per_case,
        "overlap_share": project.overlap_share,
        "repeat_share": project.repeat_share,
        "washout_days": project.washout_days,
        "return_after_days": project.return_after_days,
        "deadline": project.deadline.isoformat() if project.deadline else None,
        "blinding": {
            name: getattr(project, name) for name in ("shows_ai", "shows_clinical_data", "shows_site", "shows_priors")
        },
        "hanging": project.hanging,
        "policies": project.policies,
        "stopping": project.stopping,
        "progress": {
            "cases": far.cases,
            "by_state": far.by_state,
            "tasks": far.tasks,
            "done": far.done,
            "suspended": far.suspended,
        },
        "readers": [
            {
                "pseudonym": line.reader.pseudonym,
                "account": line.reader.user.get_username() if line.reader.user else None,
                "kind": line.reader.kind,
                "duty": line.reader.duty,
                "is_active": line.reader.is_active,
                "given": line.given,
                "done": line.done,
                "idle": line.idle,
                "active_hours": round(line.hours, 2),
                "reads_per_hour": round(line.reads_per_hour, 1) if line.reads_per_hour else None,
            }
            for line in reader_lines(project)
        ],
    }


def schemas() -> QuerySet[LabelSchema]:
    """All versions of all schemas, by name, the newest first."""
    return LabelSchema.objects.all()


def schema_version(name: str, version: int) -> LabelSchema:
    """One version.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    row = LabelSchema.objects.filter(name=name, version=version).first()
    if row is None:
        raise NotFoundError("There is no such version of the schema.")
    return row


def possible_members(project: ReadingProject) -> list[str]:
    """The names of the accounts that could read or adjudicate in a project."""
    roles = [Role.READER.value, Role.ADJUDICATOR.value]
    rows = User.objects.filter(is_active=True, role_assignments__role__in=roles).distinct().order_by("username")
    both = project.readers.exclude(user=None).values("user").annotate(duties=Count("pk")).filter(duties=len(Duty))
    return list(rows.exclude(pk__in=both.values("user")).values_list("username", flat=True))


def next_step(project: ReadingProject, far: Progress, lines: Sequence[ReaderLine]) -> tuple[str, str]:
    """What the manager does next: a heading and a sentence."""
    readers = sum(line.reader.duty == Duty.READ and line.reader.is_active for line in lines)
    match ProjectState(project.state):
        case ProjectState.DRAFT if readers < project.readers_per_case:
            return "Name the readers", f"A case needs {project.readers_per_case}; the project has {readers}."
        case ProjectState.DRAFT:
            return "Start", "The cases are dealt to the readers when you start; their lists do not change afterwards."
        case ProjectState.PILOT:
            return "Read the agreement", "When the pilot cases are read, look at the agreement, then start reading."
        case ProjectState.PAUSED:
            return "Go on or close", "Nobody can read while the project is paused."
        case ProjectState.CLOSED:
            return "Take the labels", "Export the labels as they stand, or derive a consensus."
        case ProjectState.READING:
            return _next_while_reading(project, far, lines)


def _next_while_reading(project: ReadingProject, far: Progress, lines: Sequence[ReaderLine]) -> tuple[str, str]:
    disputed = far.by_state[CaseState.DISPUTED]
    adjudicators = sum(line.reader.duty == Duty.ADJUDICATE and line.reader.is_active for line in lines)
    if disputed and not adjudicators:
        return "Name an adjudicator", f"Readers disagree on {counted(disputed, 'case')} and nobody may decide them."
    if is_enough(project, far):
        return "Enough was read", "The stopping rule holds. Close the project when the adjudicators are done."
    if project.deadline is not None and project.deadline < timezone.localdate() and far.done < far.tasks:
        left = far.tasks - far.done
        return "Set another deadline or close", f"The deadline has passed and {_to_be_done(left)}"
    if any(line.idle for line in lines):
        return "Look at what waits", "Some reads were opened and not touched for long; you may give them to others."
    if far.done == far.tasks:
        return "Close", "Every read is done." + (
            f" {counted(disputed, 'case waits', 'cases wait')} for an adjudicator first." if disputed else ""
        )
    return "Wait", _to_be_done(far.tasks - far.done)


def _to_be_done(reads: int) -> str:
    return f"{counted(reads, 'read is', 'reads are')} still to be done."


def is_enough(project: ReadingProject, far: Progress) -> bool:
    """Whether the stopping rule of a project says that enough was read; it advises and stops nothing."""
    cases = int(project.stopping.get("cases") or 0)
    if cases and far.complete >= cases:
        return True
    label, width = project.stopping.get("label"), float(project.stopping.get("width") or 0)
    report = AgreementReport.objects.filter(project=project).first() if label and width else None
    found = [
        line
        for question in (report.body["questions"] if report else [])
        if question["question"] == label
        for line in question["statistics"][:1]
    ]
    told = [line for line in found if line["low"] is not None and line["cases"] >= FEWEST_FOR_WIDTH]
    return any(line["high"] - line["low"] <= width for line in told)


def absences(project: ReadingProject) -> list[Absence]:
    """Who is away, or will be, the earliest first."""
    rows = Absence.objects.filter(reader__project=project, last_day__gte=timezone.localdate())
    return list(rows.select_related("reader").order_by("first_day", "pk"))
