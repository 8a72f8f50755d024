"""Putting work that follows from a read into the queue; always, so that no answer is slower for what others have done."""

from django.db import transaction
from procrastinate.exceptions import AlreadyEnqueued

from radcommons.server.platform.jobs import app

SETTLE_CASE = "annotation.settle_case"
COMPUTE_AGREEMENT = "annotation.compute_agreement"


def defer_settling(case_id: int) -> None:
    """Have the reads of a case compared, in the open transaction."""
    _defer(SETTLE_CASE, f"{SETTLE_CASE}:{case_id}", case_id=case_id)


def defer_agreement(project_id: int) -> None:
    """Have the agreement of a project computed; asked for again while it waits, it is computed once."""
    _defer(COMPUTE_AGREEMENT, f"{COMPUTE_AGREEMENT}:{project_id}", project_id=project_id)


def _defer(name: str, lock: str, **arguments: int) -> None:
    try:
        with transaction.atomic():
            app.configure_task(name, queueing_lock=lock).defer(**arguments)
    except AlreadyEnqueued:
        return
