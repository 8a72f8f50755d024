"""Every attempt at a job that fails leaves one line in the log: which task, which job, where in the code, nothing of the data."""

import logging
import traceback
from pathlib import Path
from typing import Any

from procrastinate.job_context import JobContext
from procrastinate.middleware import AsyncCallNext
from procrastinate.worker import Worker

logger = logging.getLogger(__name__)


async def log_failed_attempt(call_next: AsyncCallNext, context: JobContext, _worker: Worker) -> Any:
    """Do the job; when it raises, log task, job, attempt, class of the error and its place, and let it through.

    The error's text and the job's arguments are left out: both may name files, subjects or values of headers.
    """
    try:
        return await call_next()
    except Exception as error:
        job, place = context.job, _place(error)
        attempt = job.attempts + 1
        logger.warning(
            "job %s (%s) failed, attempt %d: %s at %s", job.id, job.task_name, attempt, type(error).__name__, place
        )
        raise


def _place(error: Exception) -> str:
    """The file and line that raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"


class WithoutOutcomes(logging.Filter):
    """Drops procrastinate's own line about a failed job, which carries the arguments and the error's text."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is about something else."""
        return getattr(record, "action", None) != "job_error"
