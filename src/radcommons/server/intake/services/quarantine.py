"""Deciding about what was held back: a curator lets it be verified again, or discards it."""

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from radcommons.deid.pixel_text import PixelText
from radcommons.server.intake import rules, staging
from radcommons.server.intake.models import Batch, BatchPart, BatchState, PartState, QuarantinedInstance
from radcommons.server.intake.queue import defer_verification
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, InvalidError, NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise


def release_quarantined(
    quarantined_id: int, *, reason: str, actor: Actor, vouched: Collection[str] = ()
) -> QuarantinedInstance:
    """Vouch for what was looked at, and have the file verified again.

    Only what a rule asked a person about is a person's to answer; every other rule is applied again, and a file that
    breaks one, or was asked about and not vouched for, comes back into quarantine.

    Parameters
    ----------
    vouched
        Codes of those findings that somebody has answered by looking: ``intake.pixel-text-not-checked`` when no picture,
        ``deid.suspicious-text`` when none of the doubtful texts identifies anybody.

    Raises
    ------
    NotFoundError, ConflictError, InvalidError
        Nothing is held back under the number; it was decided before (``intake.quarantine-decided``); no reason given
        (``intake.reason``).
    """
    with transaction.atomic():
        row, batch = _undecided(quarantined_id, reason=reason, actor=actor)
        part = row.part
        codes = {each["code"] for each in row.findings} & set(vouched)
        if rules.PIXEL_TEXT in codes:
            part.pixel_text, part.pixel_text_approved_by = PixelText.APPROVED.value, actor.name
        if rules.SUSPICIOUS_TEXT in codes:
            part.texts_approved_by = actor.name
        part.state = PartState.STAGED
        part.save(update_fields=["pixel_text", "pixel_text_approved_by", "texts_approved_by", "state"])
        _decide(row, QuarantinedInstance.Decision.RELEASED, reason=reason, actor=actor)
        _verify_again(batch)
    return row


def retry_batch(batch: Batch, *, actor: Actor) -> int:
    """Have everything held back of a batch verified again, as it is: after rules changed, or a limit struck by chance.

    Nobody vouches for anything here. A sealed batch whose jobs were lost is put into the queue as well.

    Returns
    -------
    files
        How many files are verified again.
    """
    authorise(actor, Action.INTAKE_DECIDE_QUARANTINE)
    with transaction.atomic():
        batch = Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
        rows = list(
            QuarantinedInstance.objects.select_for_update(of=("self",), no_key=True)
            .select_related("part")
            .filter(part__batch=batch, decision=QuarantinedInstance.Decision.WAITING)
        )
        for row in rows:
            _decide(row, QuarantinedInstance.Decision.RETRIED, reason="Verified again.", actor=actor)
        BatchPart.objects.filter(pk__in=[row.part_id for row in rows]).update(state=PartState.STAGED)
        if rows or batch.state == BatchState.SEALED:
            _verify_again(batch)
    return len(rows)


def _verify_again(batch: Batch) -> None:
    if batch.state in (BatchState.VERIFIED, BatchState.REFUSED):
        batch.state, batch.finished_at = BatchState.SEALED, None
        batch.save(update_fields=["state", "finished_at"])
    defer_verification(batch)


def discard_quarantined(quarantined_id: int, *, reason: str, actor: Actor) -> QuarantinedInstance:
    """Delete the bytes of a file that was held back; its findings stay.

    Raises
    ------
    NotFoundError, ConflictError, InvalidError
        As for :func:`release_quarantined`.
    """
    with transaction.atomic():
        row, batch = _undecided(quarantined_id, reason=reason, actor=actor)
        BatchPart.objects.filter(pk=row.part_id).update(state=PartState.DISCARDED)
        _decide(row, QuarantinedInstance.Decision.DISCARDED, reason=reason, actor=actor)
    staging.remove_parts(batch.batch_id, [row.part.sha256])
    staging.remove_leftovers(batch.batch_id)
    return row


def _undecided(quarantined_id: int, *, reason: str, actor: Actor) -> tuple[QuarantinedInstance, Batch]:
    authorise(actor, Action.INTAKE_DECIDE_QUARANTINE)
    if not reason.strip():
        raise InvalidError("intake.reason", "Say why: the reason is kept with the decision.")
    found = QuarantinedInstance.objects.filter(pk=quarantined_id).values_list("part__batch_id", flat=True).first()
    if found is None:
        raise NotFoundError
    # The batch first, as finishing does: two curators and the worker then never wait for each other in a circle.
    batch = Batch.objects.select_for_update(no_key=True).get(pk=found)
    row = (
        QuarantinedInstance.objects.select_for_update(of=("self",), no_key=True)
        .select_related("part")
        .get(pk=quarantined_id)
    )
    if row.decision != QuarantinedInstance.Decision.WAITING:
        raise ConflictError("intake.quarantine-decided", f"This file was {row.decision} before.")
    return row, batch


def _decide(row: QuarantinedInstance, decision: str, *, reason: str, actor: Actor) -> None:
    row.decision, row.decided_by, row.decided_at = decision, actor.name, timezone.now()
    row.reason = reason.strip()
    row.save(update_fields=["decision", "decided_by", "decided_at", "reason"])
    facts = {"batch": row.part.batch_id, "codes": sorted({each["code"] for each in row.findings})}
    audit.record(actor, f"intake.{decision}", object_kind="quarantined", object_id=row.pk, facts=facts)
