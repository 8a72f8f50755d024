"""Putting the verification of a batch into the queue; the jobs are named, so that verbs need not know their bodies."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued

from radcommons.server.intake import rules
from radcommons.server.intake.models import Batch, BatchPart, PartState
from radcommons.server.platform.jobs import app

LOOK_AHEAD = "intake.look_ahead"
VERIFY_PARTS = "intake.verify_parts"
FINISH_DIRECT = "intake.finish_direct"


def defer_look_ahead(batch_pk: int) -> None:
    """Have the parts of a batch looked into while others of it arrive, in the open transaction; one job is enough."""
    with suppress(AlreadyEnqueued), transaction.atomic():
        job = app.configure_task(LOOK_AHEAD, queueing_lock=f"{LOOK_AHEAD}:{batch_pk}")
        job.defer(batch_pk=batch_pk)


def defer_verification(batch: Batch) -> None:
    """Put one job for each range of staged parts into the queue, in the open transaction.

    A batch without staged parts gets one job all the same: it only finishes the batch.
    """
    ids = list(
        BatchPart.objects.filter(batch=batch, state=PartState.STAGED).order_by("id").values_list("id", flat=True)
    )
    for first, last in rules.chunks(ids) or ((0, 0),):
        lock = f"{VERIFY_PARTS}:{batch.pk}:{first}-{last}"
        try:
            with transaction.atomic():
                job = app.configure_task(VERIFY_PARTS, queueing_lock=lock)
                job.defer(batch_pk=batch.pk, first_part=first, last_part=last)
        except AlreadyEnqueued:
            continue
    batch.deferred_at = timezone.now()
    batch.save(update_fields=["deferred_at"])


def defer_finish(batch_pk: int, *, since: datetime, after: timedelta) -> None:
    """Have a batch of direct uploads closed once it is quiet, in the open transaction; one job is enough.

    Parameters
    ----------
    since
        When the first of what waits to be announced came.
    """
    lock = f"{FINISH_DIRECT}:{batch_pk}"
    try:
        with transaction.atomic():
            job = app.configure_task(
                FINISH_DIRECT, queueing_lock=lock, schedule_in={"seconds": int(after.total_seconds())}
            )
            job.defer(batch_pk=batch_pk, since=since.isoformat())
    except AlreadyEnqueued:
        return


def has_live_job(batch: Batch) -> bool:
    """Whether a job of the batch waits or runs; jobs of dead workers are put back by the platform."""
    return ProcrastinateJob.objects.filter(
        task_name=VERIFY_PARTS, args__batch_pk=batch.pk, status__in=("todo", "doing")
    ).exists()
