"""Who vouches for batches: keys are remembered at first use, and a person decides about every other one."""

import hashlib

from django.db import transaction
from django.utils import timezone

from radcommons.deid.profile import is_engine_taken
from radcommons.server.intake import staging
from radcommons.server.intake.errors import EarlierEngineError, SigningKeyError
from radcommons.server.intake.models import Batch, BatchPart, BatchState, PartState, SigningKey
from radcommons.server.intake.queue import defer_verification
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, InvalidError, NotFoundError
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.sites.models import Site
from radcommons.transfer.manifest import BatchManifest
from radcommons.transfer.summary import SignedSummary, open_summary, verify_against_manifest

SYSTEM = Actor.system("intake")


def keep_summary(batch: Batch, envelope: bytes) -> SigningKey:
    """Check the signed summary of a batch and keep it, in the transaction of the caller, who saves the batch.

    Returns
    -------
    The key that signed. The first of a site is trusted from now on; any other waits for a person.

    Raises
    ------
    RadCommonsError
        ``intake.summary-missing``, ``transfer.summary-invalid``, ``transfer.summary-mismatch``, ``intake.earlier-engine``,
        ``intake.signing-key``.
    """
    if not envelope:
        message = "The batch came without its signed summary. Upgrade RadCommons at the site and send again."
        raise InvalidError("intake.summary-missing", message)
    signed = open_summary(envelope)
    store = object_store()
    verify_against_manifest(signed.summary, _manifest_of(batch))
    if not is_engine_taken(signed.summary.engine):
        raise EarlierEngineError(signed.summary.engine[:16])
    key = _key_of(batch.site, signed)
    if key.trust == SigningKey.Trust.REFUSED:
        raise SigningKeyError
    store.put_bytes(f"batches/{batch.batch_id}/summary.json", envelope)
    batch.summary, batch.summary_sha256 = signed.summary.predicate(), hashlib.sha256(envelope).hexdigest()
    batch.signing_key = key
    return key


def _manifest_of(batch: Batch) -> BatchManifest:
    store, key = object_store(), f"batches/{batch.batch_id}/manifest.json"
    path = store.local_path(key)
    return BatchManifest.from_bytes(store.read(key)) if path is None else BatchManifest.from_file(path)


def _key_of(site: Site, signed: SignedSummary) -> SigningKey:
    # Two first batches at the same moment must not both find that the site has no key.
    Site.objects.select_for_update(no_key=True).get(pk=site.pk)
    known = SigningKey.objects.filter(site=site, fingerprint=signed.fingerprint).first()
    if known is not None:
        return known
    is_first = not SigningKey.objects.filter(site=site).exists()
    key = SigningKey.objects.create(
        site=site,
        fingerprint=signed.fingerprint,
        public_key=signed.public_key,
        trust=SigningKey.Trust.TRUSTED if is_first else SigningKey.Trust.WAITING,
        decided_at=timezone.now() if is_first else None,
        reason="The first key of the site." if is_first else "",
    )
    facts = {"site": site.code, "fingerprint": key.fingerprint, "trust": key.trust}
    audit.record(SYSTEM, "intake.remember-signing-key", object_kind="signing-key", object_id=key.pk, facts=facts)
    return key


def trust_signing_key(key_id: int, *, reason: str, actor: Actor) -> SigningKey:
    """Take the batches signed with a key, those that wait included.

    Raises
    ------
    NotFoundError, ConflictError, InvalidError
        There is no such key; it is trusted already (``intake.key-decided``); no reason given (``intake.reason``).
    """
    with transaction.atomic():
        key = _decide(key_id, SigningKey.Trust.TRUSTED, reason=reason, actor=actor)
        for batch in Batch.objects.select_for_update(of=("self",), no_key=True).filter(
            signing_key=key, state=BatchState.HELD
        ):
            batch.state = BatchState.SEALED
            batch.save(update_fields=["state"])
            defer_verification(batch)
    return key


def refuse_signing_key(key_id: int, *, reason: str, actor: Actor) -> SigningKey:
    """Take no batch signed with a key; those that wait are refused and their bytes deleted.

    What was accepted under the key before stays: withdrawing it from releases is another decision.

    Raises
    ------
    NotFoundError, ConflictError, InvalidError
        As for :func:`trust_signing_key`.
    """
    with transaction.atomic():
        key = _decide(key_id, SigningKey.Trust.REFUSED, reason=reason, actor=actor)
        waiting = list(
            Batch.objects.select_for_update(of=("self",), no_key=True).filter(signing_key=key, state=BatchState.HELD)
        )
        parts = list(
            BatchPart.objects.filter(batch__in=waiting, state=PartState.STAGED).values_list("sha256", "batch__batch_id")
        )
        BatchPart.objects.filter(batch__in=waiting, state=PartState.STAGED).update(state=PartState.DISCARDED)
        Batch.objects.filter(pk__in=[each.pk for each in waiting]).update(
            state=BatchState.REFUSED, finished_at=timezone.now()
        )
    for sha256, batch_id in parts:
        staging.remove_parts(batch_id, [sha256])
    for batch in waiting:
        staging.remove_leftovers(batch.batch_id)
    return key


def _decide(key_id: int, trust: SigningKey.Trust, *, reason: str, actor: Actor) -> SigningKey:
    authorise(actor, Action.SITES_MANAGE)
    if not reason.strip():
        raise InvalidError("intake.reason", "Say why: the reason is kept with the decision.")
    key = (
        SigningKey.objects.select_for_update(of=("self",), no_key=True).select_related("site").filter(pk=key_id).first()
    )
    if key is None:
        raise NotFoundError
    if key.trust == trust:
        raise ConflictError("intake.key-decided", f"This key is {trust} already.")
    key.trust, key.decided_by, key.decided_at, key.reason = trust, actor.name, timezone.now(), reason.strip()
    key.save(update_fields=["trust", "decided_by", "decided_at", "reason"])
    facts = {"site": key.site.code, "fingerprint": key.fingerprint}
    verb = "trust" if trust == SigningKey.Trust.TRUSTED else "refuse"
    audit.record(actor, f"intake.{verb}-signing-key", object_kind="signing-key", object_id=key.pk, facts=facts)
    return key
