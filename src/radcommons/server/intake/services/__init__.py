"""The verbs of the intake room: receive, verify, decide about what was held back, tell the site."""

from radcommons.server.intake.services.bringing import Brought, bring_in, files_at
from radcommons.server.intake.services.direct import DirectResult, finish_when_quiet, store_directly
from radcommons.server.intake.services.first_look import FirstLook
from radcommons.server.intake.services.opening import Derivation, DirectUpload, open_derivation, open_direct_upload
from radcommons.server.intake.services.profiles import accept_profile, forget_profile
from radcommons.server.intake.services.progress import record_progress
from radcommons.server.intake.services.quarantine import discard_quarantined, release_quarantined, retry_batch
from radcommons.server.intake.services.receive import (
    OpenedBatch,
    PartTicket,
    batch_to_receive,
    note_staged,
    open_batch,
    parts_to_receive,
    seal_batch,
)
from radcommons.server.intake.services.settling import finish_batch
from radcommons.server.intake.services.signing import refuse_signing_key, trust_signing_key
from radcommons.server.intake.services.verify import look_ahead, resume_batches, verify_parts

__all__ = [
    "Brought",
    "Derivation",
    "DirectResult",
    "DirectUpload",
    "FirstLook",
    "OpenedBatch",
    "PartTicket",
    "accept_profile",
    "batch_to_receive",
    "bring_in",
    "discard_quarantined",
    "files_at",
    "finish_batch",
    "finish_when_quiet",
    "forget_profile",
    "look_ahead",
    "note_staged",
    "open_batch",
    "open_derivation",
    "open_direct_upload",
    "parts_to_receive",
    "record_progress",
    "refuse_signing_key",
    "release_quarantined",
    "resume_batches",
    "retry_batch",
    "seal_batch",
    "store_directly",
    "trust_signing_key",
    "verify_parts",
]
