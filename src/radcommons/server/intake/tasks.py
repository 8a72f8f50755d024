"""Jobs of the intake: verify a range of parts; bring back batches whose jobs were lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import close_old_connections

from radcommons.server.intake import services
from radcommons.server.intake.queue import FINISH_DIRECT, LOOK_AHEAD, VERIFY_PARTS
from radcommons.server.platform.jobs import RETRY, app


# Without a retry: what was not looked into by then is looked into when it is verified.
@app.task(name=LOOK_AHEAD, queue="default")
def look_ahead(batch_pk: int) -> None:
    """Look into parts of a batch that still arrives."""
    with _own_connection():
        services.look_ahead(batch_pk)


@app.task(name=VERIFY_PARTS, queue="default", retry=RETRY)
def verify_parts(batch_pk: int, first_part: int, last_part: int) -> None:
    """Verify some parts of a sealed batch; safe to run twice and at the same time."""
    with _own_connection():
        services.verify_parts(batch_pk, first_part=first_part, last_part=last_part)


@app.task(name=FINISH_DIRECT, queue="default", retry=RETRY)
def finish_direct(batch_pk: int, since: str) -> None:
    """Close a batch of direct uploads once it is quiet."""
    with _own_connection():
        services.finish_when_quiet(batch_pk, since=datetime.fromisoformat(since))


@app.periodic(cron="* * * * *")
@app.task(name="intake.resume_batches", queueing_lock="intake.resume_batches", queue="default")
def resume_batches(timestamp: int) -> None:
    """Put sealed batches whose jobs were lost back into the queue."""
    del timestamp
    with _own_connection():
        services.resume_batches()


@contextmanager
def _own_connection() -> Iterator[None]:
    """A job runs in a thread that no request ever ends: what is stale goes first, what is left over last."""
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
