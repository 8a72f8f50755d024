"""The verbs of the intake room: receive, verify, decide about what was held back, tell the site."""

from radcommons.server.intake.services.progress import record_progress
from radcommons.server.intake.services.quarantine import discard_quarantined, release_quarantined, retry_batch
from radcommons.server.intake.services.receive import (
    OpenedBatch,
    PartTicket,
    open_batch,
    part_to_receive,
    record_part_staged,
    seal_batch,
)
from radcommons.server.intake.services.verify import finish_batch, resume_batches, verify_parts

__all__ = [
    "OpenedBatch",
    "PartTicket",
    "discard_quarantined",
    "finish_batch",
    "open_batch",
    "part_to_receive",
    "record_part_staged",
    "record_progress",
    "release_quarantined",
    "resume_batches",
    "retry_batch",
    "seal_batch",
    "verify_parts",
]
