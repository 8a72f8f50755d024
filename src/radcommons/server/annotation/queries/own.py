"""A reader's own task: whether it is theirs, and whether its time has come."""

from django.db.models import Q
from django.utils import timezone

from radcommons.server.annotation.models import Task
from radcommons.server.annotation.rules.people import account_of
from radcommons.server.annotation.rules.planning import FIRST
from radcommons.server.annotation.rules.states import (
    OPEN_PROJECT,
    WRITABLE,
    Ending,
    Phase,
    ProjectState,
    TaskState,
    phases_open,
)
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise

# How long a window holds a task without a word from it.
LEASE_S = 120


def own_task(task_key: str, actor: Actor, *, is_locked: bool = False) -> Task:
    """A reader's own task; whatever else there may be under that name does not exist.

    Raises
    ------
    NotFoundError
        When it is not the actor's, was given to somebody else, or may not be opened yet.
    """
    authorise(actor, Action.ANNOTATION_READ)
    rows = Task.objects.filter(
        key=task_key, reader__user_id=account_of(actor), reader__is_active=True, case__is_suspended=False
    ).exclude(state=TaskState.REVOKED)
    rows = rows.select_related("project__schema", "case", "reader")
    task = (rows.select_for_update(of=("self",), no_key=True) if is_locked else rows).first()
    if task is None or actor.user_id is None or not is_open(task):
        raise NotFoundError
    return task


def ended_task(task_key: str, actor: Actor, *, is_locked: bool = False) -> tuple[Task, Ending]:
    """A read that the actor had opened and that ended before it was submitted, and why.

    Raises
    ------
    NotFoundError
        When there is none: what was never opened, or is somebody else's, does not exist.
    """
    authorise(actor, Action.ANNOTATION_READ)
    rows = Task.objects.filter(key=task_key, reader__user_id=account_of(actor)).exclude(opened_at=None)
    rows = rows.filter(Q(state=TaskState.REVOKED) | Q(case__is_suspended=True, state__in=WRITABLE))
    rows = rows.select_related("project__schema", "case", "reader")
    task = (rows.select_for_update(of=("self",), no_key=True) if is_locked else rows).first()
    if task is None or actor.user_id is None:
        raise NotFoundError
    if task.project.state == ProjectState.CLOSED:
        return task, Ending.CLOSED
    return task, Ending.REASSIGNED if task.state == TaskState.REVOKED else Ending.IN_CURATION


def is_open(task: Task) -> bool:
    """Whether a reader may look at a task: its time has come, and so has its phase."""
    state = ProjectState(task.project.state)
    if task.occasion != FIRST and task.available_at is None:
        return False
    if task.available_at is not None and task.available_at > timezone.now():
        return False
    if task.opened_at is not None:
        return True
    if state not in OPEN_PROJECT or task.phase not in phases_open(state):
        return False
    return task.phase == Phase.TRAINING or not has_training_left(task)


def has_training_left(task: Task) -> bool:
    """Whether the reader has training cases to do before anything else."""
    rows = Task.objects.filter(reader=task.reader_id, phase=Phase.TRAINING, case__is_suspended=False)
    return rows.filter(state__in=WRITABLE).exists()
