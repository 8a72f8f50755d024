"""The audit log: append-only, hash-chained, with signed checkpoints (DESIGN, invariant 4).

:func:`record` writes an event in the caller's transaction. A deferred trigger links it at commit: chain hash =
SHA-256(previous chain hash ‖ event digest), digest = SHA-256 of the event's canonical JSON. A chain alone does not stop
somebody who owns the database from rewriting all of it; a checkpoint kept elsewhere does.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection
from django.utils import timezone

from radcommons.dicom.finding import Finding, Severity
from radcommons.server.platform import keys
from radcommons.server.platform.models import AuditCheckpoint, AuditEvent, AuditLink
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.rows import write_rows

START = bytes(32)


def record(
    actor: Actor, action: str, *, object_kind: str, object_id: object, facts: Mapping[str, object] | None = None
) -> None:
    """Write one event in the transaction of the change it tells of.

    Parameters
    ----------
    facts
        What changed, from and to; counts and codes, never an identifier of a person or a header value.

    Raises
    ------
    RuntimeError
        When no transaction is open: a change without its event would be possible.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("audit.record needs the transaction of the change it records")
    at = timezone.now()
    values = dict(facts or {})
    event = {
        "at": at,
        "actor": actor.name,
        "action": action,
        "object_kind": object_kind,
        "object_id": str(object_id),
        "facts": values,
        "digest": _digest(at, actor.name, action, (object_kind, str(object_id)), values),
    }
    write_rows(AuditEvent, [event], returning=("id",))


def _digest(at: datetime, actor: str, action: str, subject: tuple[str, str], facts: Mapping[str, object]) -> bytes:
    canonical = orjson.dumps(
        [at.isoformat(), actor, action, subject[0], subject[1], facts], option=orjson.OPT_SORT_KEYS
    )
    return hashlib.sha256(canonical).digest()


def checkpoint() -> AuditCheckpoint | None:
    """Sign the present end of the chain; None when nothing was added since the last checkpoint."""
    last = AuditLink.objects.order_by("-sequence").first()
    if last is None or AuditCheckpoint.objects.filter(sequence=last.sequence).exists():
        return None
    key = keys.signing_key()
    note = f"radcommons.audit\n{last.sequence}\n{base64.b64encode(bytes(last.chain_hash)).decode()}\n"
    return AuditCheckpoint.objects.create(
        sequence=last.sequence,
        note=note,
        signature=key.sign(note.encode()),
        public_key=keys.public_key_bytes(key),
        signed_at=timezone.now(),
    )


def verify() -> tuple[int, tuple[Finding, ...]]:
    """Recompute the whole chain and every checkpoint.

    Returns
    -------
    count, findings
        How many events were checked, and what does not hold; no finding means the log is intact.
    """
    findings: list[Finding] = []
    ends: dict[int, bytes] = {}
    wanted = set(AuditCheckpoint.objects.values_list("sequence", flat=True))
    count, previous = 0, START
    for link in _links():
        count += 1
        event = link.event
        digest = _digest(event.at, event.actor, event.action, (event.object_kind, event.object_id), event.facts)
        if digest != bytes(event.digest):
            findings.append(
                _broken("audit.event-changed", link.sequence, "The event was changed after it was written.")
            )
        if link.sequence != count:
            findings.append(_broken("audit.sequence-gap", count, "An event is missing from the chain."))
            count = link.sequence
        previous = hashlib.sha256(previous + digest).digest()
        if previous != bytes(link.chain_hash):
            findings.append(_broken("audit.chain-broken", link.sequence, "The chain does not lead to this event."))
            previous = bytes(link.chain_hash)
        if link.sequence in wanted:
            ends[link.sequence] = previous
    unlinked = AuditEvent.objects.filter(link=None).count()
    if unlinked:
        findings.append(_broken("audit.event-unlinked", unlinked, "Events stand outside the chain."))
    findings.extend(_verify_checkpoints(ends))
    return count, tuple(findings)


def _links() -> Iterator[AuditLink]:
    return AuditLink.objects.select_related("event").order_by("sequence").iterator(chunk_size=2000)


def _verify_checkpoints(ends: Mapping[int, bytes]) -> Iterator[Finding]:
    own = keys.public_key_bytes(keys.signing_key())
    for row in AuditCheckpoint.objects.order_by("sequence"):
        end = ends.get(row.sequence)
        note = "" if end is None else f"radcommons.audit\n{row.sequence}\n{base64.b64encode(end).decode()}\n"
        if row.note != note:
            yield _broken("audit.checkpoint-differs", row.sequence, "The chain is not the one that was signed.")
        if bytes(row.public_key) != own:
            yield _broken("audit.checkpoint-key", row.sequence, "Signed with a key that is not this centre's.")
        try:
            Ed25519PublicKey.from_public_bytes(bytes(row.public_key)).verify(bytes(row.signature), row.note.encode())
        except InvalidSignature:
            yield _broken("audit.checkpoint-signature", row.sequence, "The signature does not fit the checkpoint.")


def _broken(code: str, sequence: int, message: str) -> Finding:
    return Finding(Severity.ERROR, code, f"event {sequence}", message)
