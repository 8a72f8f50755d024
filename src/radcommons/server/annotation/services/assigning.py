"""The verbs of assignment: deal the cases, reassign a read, return it, note absences."""

from collections.abc import Iterable
from datetime import date

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from radcommons.server.annotation.errors import MoveNotPossibleError, ProjectInvalidError
from radcommons.server.annotation.models import Absence, Case, Reader, ReadingProject, Task
from radcommons.server.annotation.rules.planning import FIRST, CaseToPlan, Plan, next_reader, plan_tasks
from radcommons.server.annotation.rules.states import (
    DONE,
    WRITABLE,
    CaseState,
    Duty,
    Phase,
    ReaderKind,
    TaskState,
)
from radcommons.server.platform import audit
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise


def active_readers(project: ReadingProject) -> Iterable[Reader]:
    """The people who read in a project, in the order in which they were named."""
    return project.readers.filter(kind=ReaderKind.PERSON, duty=Duty.READ, is_active=True).order_by("pk")


def deal_tasks(project: ReadingProject) -> int:
    """Give every reader their list, in the open transaction; returns how many reads there are to do.

    Raises
    ------
    ProjectInvalidError
        When there are fewer readers than a case needs.
    """
    readers = {reader.pseudonym: reader for reader in active_readers(project)}
    if len(readers) < project.readers_per_case:
        message = f"A case needs {project.readers_per_case} readers and the project has {len(readers)}."
        raise ProjectInvalidError(message)
    cases = [CaseToPlan(pk, Phase(phase)) for pk, phase in project.cases.values_list("pk", "phase").order_by("pk")]
    plan = Plan(project.readers_per_case, project.overlap_share, project.repeat_share, project.seed)
    now = timezone.now()
    tasks = Task.objects.bulk_create(
        (
            Task(
                project=project,
                case_id=one.case_id,
                reader=readers[one.reader],
                phase=one.phase,
                occasion=one.occasion,
                position=one.position,
                state=TaskState.ASSIGNED,
                assigned_at=now,
            )
            for one in plan_tasks(cases, list(readers), plan)
        ),
        batch_size=2000,
    )
    return len(tasks)


def lock_tasks(project: ReadingProject) -> None:
    """Close every read of a project that ends, in the open transaction; drafts of reads that end so stay on record."""
    _stop_superseding(project.tasks.all())
    project.tasks.filter(state=TaskState.SUBMITTED).update(state=TaskState.LOCKED)
    project.tasks.filter(state__in=WRITABLE).update(state=TaskState.REVOKED, lease_window="", lease_until=None)


def _stop_superseding(tasks: QuerySet[Task]) -> None:
    """A submission that its reader was reading again counts as it was; one that was returned does not."""
    superseding = tasks.filter(state=TaskState.IN_PROGRESS, return_reason="").exclude(submission=None)
    superseding.update(state=TaskState.SUBMITTED, lease_window="", lease_until=None)


def reassign(task_key: str, *, actor: Actor, to: str = "") -> Task:
    """Take a read that is not done from its reader and give the case to another one.

    Parameters
    ----------
    to
        The pseudonym of the new reader; without it one is drawn from those with the least left to do.

    Raises
    ------
    MoveNotPossibleError
        When the read is done already.
    ProjectInvalidError
        When nobody is left who has not read the case.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    with transaction.atomic():
        _stop_superseding(Task.objects.filter(key=task_key))
        task = _locked(task_key)
        if task.state not in WRITABLE:
            raise MoveNotPossibleError(task.state)
        if task.occasion != FIRST:
            raise ProjectInvalidError("A repeat measures one reader against themselves: nobody else can take it.")
        reader = _successor(task, to)
        task.state, task.lease_window, task.lease_until = TaskState.REVOKED, "", None
        task.save(update_fields=["state", "lease_window", "lease_until"])
        last = Task.objects.filter(reader=reader).aggregate(last=Max("position"))["last"] or 0
        made = Task.objects.create(
            project_id=task.project_id,
            case=task.case,
            reader=reader,
            phase=task.phase,
            occasion=FIRST,
            position=last + 1,
            state=TaskState.ASSIGNED,
            assigned_at=timezone.now(),
            proposals=task.proposals,
        )
        facts = {"from": task.reader.pseudonym, "to": reader.pseudonym}
        audit.record(actor, "annotation.reassigned", object_kind="task", object_id=task.key, facts=facts)
    return made


def _locked(task_key: str) -> Task:
    task = (
        Task.objects.select_for_update(of=("self",), no_key=True)
        .select_related("reader", "case")
        .filter(key=task_key)
        .first()
    )
    if task is None:
        raise NotFoundError("There is no such read.")
    return task


def _successor(task: Task, pseudonym: str) -> Reader:
    today = timezone.localdate()
    has_read = Task.objects.filter(case=task.case).exclude(state=TaskState.REVOKED).values("reader")
    decided = task.case.decisions.values("adjudicator__user")
    rows = Reader.objects.filter(
        project_id=task.project_id, kind=ReaderKind.PERSON, duty=Duty.READ, is_active=True
    ).exclude(pk__in=has_read)
    rows = rows.exclude(user__in=decided).exclude(absences__first_day__lte=today, absences__last_day__gte=today)
    if pseudonym:
        rows = rows.filter(pseudonym=pseudonym)
    left = rows.annotate(left=Count("tasks", filter=Q(tasks__state__in=WRITABLE)))
    loads = [(reader.pseudonym, reader.left) for reader in left]
    if not loads:
        raise ProjectInvalidError("Nobody is left for this case: all others have read it, are away or are not active.")
    chosen = next_reader(loads, seed=f"{task.project_id}/{task.key}")
    return rows.get(pseudonym=chosen)


def return_task(task_key: str, *, reason: str, actor: Actor) -> None:
    """Ask a reader to read again: a submission that cannot be used, for instance of the wrong series.

    The submission stays on record; the next one supersedes it.

    Raises
    ------
    MoveNotPossibleError
        When the read was not submitted, or its case was adjudicated.
    ProjectInvalidError
        When no reason is given.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    if not reason.strip():
        raise ProjectInvalidError("Say why: the reader sees it.")
    with transaction.atomic():
        task = _locked(task_key)
        if task.state != TaskState.SUBMITTED:
            raise MoveNotPossibleError(task.state)
        task.state, task.return_reason = TaskState.RETURNED, reason.strip()
        task.save(update_fields=["state", "return_reason"])
        Case.objects.filter(pk=task.case_id).update(state=CaseState.READING)
        audit.record(
            actor, "annotation.returned", object_kind="task", object_id=task.key, facts={"reason": reason.strip()}
        )


def note_absence(reader: Reader, first_day: date, last_day: date, *, actor: Actor) -> Absence:
    """Note days on which a reader is away: nothing is reassigned to them then.

    Raises
    ------
    ProjectInvalidError
        When the last day lies before the first.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    if last_day < first_day:
        raise ProjectInvalidError("The last day lies before the first.")
    with transaction.atomic():
        absence = Absence.objects.create(reader=reader, first_day=first_day, last_day=last_day)
        facts = {"reader": reader.pseudonym, "from": first_day.isoformat(), "to": last_day.isoformat()}
        audit.record(actor, "annotation.absence", object_kind="project", object_id=reader.project.slug, facts=facts)
    return absence


def dismiss(reader: Reader, *, actor: Actor) -> int:
    """End a reader's part in a project; what is not done goes to others where others are left.

    Returns how many reads were reassigned.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    with transaction.atomic():
        Reader.objects.filter(pk=reader.pk).update(is_active=False)
        _stop_superseding(reader.tasks.all())
        keys = list(reader.tasks.filter(state__in=WRITABLE).values_list("key", flat=True))
        moved = sum(_is_passed_on(key, actor) for key in keys)
        facts = {"reader": reader.pseudonym, "open": len(keys), "reassigned": moved}
        audit.record(actor, "annotation.dismissed", object_kind="project", object_id=reader.project.slug, facts=facts)
    return moved


def _is_passed_on(task_key: str, actor: Actor) -> bool:
    """Give one read to somebody else; a repeat, and what nobody can take, is dropped."""
    try:
        reassign(task_key, actor=actor)
    except ProjectInvalidError:
        Task.objects.filter(key=task_key).update(state=TaskState.REVOKED, lease_window="", lease_until=None)
        return False
    return True


def is_complete(case: Case) -> bool:
    """Whether every read of a case is done."""
    return not case.tasks.exclude(state__in=[*DONE, TaskState.REVOKED]).filter(occasion=FIRST).exists()
