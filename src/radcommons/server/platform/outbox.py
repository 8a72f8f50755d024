"""The outbox: a room records that something happened and forgets; the journey reads it.

A fact is written in the transaction of the change, so neither exists without the other.
"""

from collections.abc import Iterable, Mapping, Sequence

from django.db import connection
from django.utils import timezone

from radcommons.server.platform.models import OutboxFact


def announce(kind: str, *, study_instance_uid: str, facts: Mapping[str, object] | None = None) -> None:
    """Record a fact about a study, in the open transaction.

    Raises
    ------
    RuntimeError
        When no transaction is open.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("outbox.announce needs the transaction of the change it tells of")
    OutboxFact.objects.create(kind=kind, study_instance_uid=study_instance_uid, facts=dict(facts or {}))


def pending_studies(limit: int) -> list[str]:
    """Studies with undelivered facts, those waiting longest first."""
    rows = OutboxFact.objects.filter(delivered_at=None, failed_at=None).order_by("id")
    seen = dict.fromkeys(rows.values_list("study_instance_uid", flat=True)[: limit * 20])
    return list(seen)[:limit]


def facts_of(study_instance_uid: str) -> Sequence[OutboxFact]:
    """All facts ever recorded about a study, in the order in which they were recorded."""
    return list(OutboxFact.objects.filter(study_instance_uid=study_instance_uid).order_by("id"))


def mark_delivered(fact_ids: Iterable[int]) -> None:
    """Note that facts were acted upon; in the transaction of what was done."""
    OutboxFact.objects.filter(id__in=list(fact_ids)).update(delivered_at=timezone.now(), error_code="")


def mark_failed(fact_id: int, error_code: str, *, is_final: bool) -> None:
    """Note that acting upon a fact failed; a final failure waits for an operator."""
    row = OutboxFact.objects.get(id=fact_id)
    row.attempts += 1
    row.error_code = error_code
    row.failed_at = timezone.now() if is_final else None
    row.save(update_fields=["attempts", "error_code", "failed_at"])


def failed_facts() -> Sequence[OutboxFact]:
    """Facts that could not be acted upon and wait for an operator."""
    return list(OutboxFact.objects.exclude(failed_at=None).order_by("id"))


def retry(fact_ids: Iterable[int]) -> int:
    """Put failed facts back among the pending; returns how many."""
    rows = OutboxFact.objects.filter(id__in=list(fact_ids)).exclude(failed_at=None)
    return rows.update(failed_at=None, attempts=0, error_code="")
