"""Putting work that follows from a read into the queue; always, so that no answer is slower for what others have done."""

from collections.abc import Iterable

from django.db import transaction
from procrastinate.exceptions import AlreadyEnqueued

from radcommons.server.platform.jobs import app

SETTLE_CASE = "annotation.settle_case"
COMPUTE_AGREEMENT = "annotation.compute_agreement"
PUBLISH_CASE = "annotation.publish_case"
WORK_ON_UPLOAD = "annotation.work_on_upload"


def defer_settling(case_id: int) -> None:
    """Have the reads of a case compared, in the open transaction; one comparison of a case after the other.

    Each submission puts in a job of its own: what waits already is another reader's, and nothing may depend on that.
    """
    app.configure_task(SETTLE_CASE, lock=f"{SETTLE_CASE}:{case_id}").defer(case_id=case_id)


def defer_agreement(project_id: int) -> None:
    """Have the agreement of a project computed; asked for again while it waits, it is computed once."""
    _defer(COMPUTE_AGREEMENT, f"{COMPUTE_AGREEMENT}:{project_id}", project_id=project_id)


def defer_publishing(publication_id: int, case_ids: Iterable[int]) -> None:
    """Have the cases of a publication written, each in a job of its own."""
    for case_id in case_ids:
        lock = f"{PUBLISH_CASE}:{publication_id}:{case_id}"
        _defer(PUBLISH_CASE, lock, publication_id=publication_id, case_id=case_id)


def defer_upload(upload_id: int) -> None:
    """Have an upload looked at or taken in, in the open transaction; one after the other."""
    app.configure_task(WORK_ON_UPLOAD, lock=f"{WORK_ON_UPLOAD}:{upload_id}").defer(upload_id=upload_id)


def _defer(name: str, lock: str, **arguments: int) -> None:
    try:
        with transaction.atomic():
            app.configure_task(name, queueing_lock=lock).defer(**arguments)
    except AlreadyEnqueued:
        return
