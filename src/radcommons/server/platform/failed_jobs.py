"""Jobs that were given up after their last attempt: which they are, another chance for one, or its removal.

What a job works on and the text of its error are never told: both may name files, subjects or values of headers. The
log has a line for each attempt, with the class of the error and its place in the code.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Q
from procrastinate.contrib.django.models import ProcrastinateJob

from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, NotFoundError
from radcommons.server.platform.jobs import app
from radcommons.server.platform.policy import Action, Actor, authorise

# procrastinate has no verb that gives a job all of its attempts again, and none that removes a failed one.
_RETRY = (
    "UPDATE procrastinate_jobs SET status = 'todo', attempts = 0, scheduled_at = NULL"
    " WHERE id = %s AND status = 'failed' RETURNING task_name"
)
_DISMISS = "DELETE FROM procrastinate_jobs WHERE id = %s AND status = 'failed' RETURNING task_name"


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that was given up.

    Parameters
    ----------
    job
        Its number, as in the lines of the log.
    work
        What it does, in words.
    attempts
        How often it was tried.
    failed_at
        When it was given up; None when that is not on record.
    """

    job: int
    task: str
    work: str
    attempts: int
    failed_at: datetime | None

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return {**asdict(self), "failed_at": self.failed_at and self.failed_at.isoformat(timespec="seconds")}


def failed_jobs() -> tuple[FailedJob, ...]:
    """All jobs that were given up, the latest first."""
    last = Max("procrastinateevent__at", filter=Q(procrastinateevent__type="failed"))
    rows = ProcrastinateJob.objects.filter(status="failed").annotate(failed_at=last).order_by("-failed_at", "-id")
    values = rows.values_list("id", "task_name", "attempts", "failed_at")
    return tuple(FailedJob(job, task, _work(task), attempts, at) for job, task, attempts, at in values)


def failed_job_count() -> int:
    """How many jobs were given up."""
    return ProcrastinateJob.objects.filter(status="failed").count()


def is_given_up(task: str, **arguments: int) -> bool:
    """Whether a job of a task with these arguments was given up and no other such job waits or runs."""
    rows = ProcrastinateJob.objects.filter(task_name=task, args__contains=arguments)
    states = set(rows.filter(status__in=("todo", "doing", "failed")).values_list("status", flat=True).distinct())
    return states == {"failed"}


def _work(task_name: str) -> str:
    """The first words of the task's description; its name when this version does not know it any more."""
    task = app.tasks.get(task_name)
    text = (task.func.__doc__ if task else "") or task_name
    return text.splitlines()[0].partition(";")[0].rstrip(".")


def retry_job(job: int, *, actor: Actor) -> None:
    """Put a job that was given up back into the queue, with all of its attempts.

    Raises
    ------
    ForbiddenError
        When the actor does not run this centre.
    NotFoundError
        When no such job was given up.
    ConflictError
        ``platform.job-waits``: the same work waits already.
    """
    authorise(actor, Action.PLATFORM_TEND_JOBS)
    try:
        with transaction.atomic():
            task = _change(_RETRY, job)
            audit.record(actor, "platform.retry-job", object_kind="job", object_id=job, facts={"task": task})
    except IntegrityError as error:
        message = f"The work of job {job} waits in the queue already. Dismiss this one."
        raise ConflictError("platform.job-waits", message) from error


def dismiss_job(job: int, *, actor: Actor) -> None:
    """Remove a job that was given up; its work is not done.

    Raises
    ------
    ForbiddenError
        When the actor does not run this centre.
    NotFoundError
        When no such job was given up.
    """
    authorise(actor, Action.PLATFORM_TEND_JOBS)
    with transaction.atomic():
        task = _change(_DISMISS, job)
        audit.record(actor, "platform.dismiss-job", object_kind="job", object_id=job, facts={"task": task})


def _change(statement: str, job: int) -> str:
    """Change a job that was given up; returns its task."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [job])
        row = cursor.fetchone()
    if row is None:
        raise NotFoundError(f"No job {job} was given up.")
    return str(row[0])
