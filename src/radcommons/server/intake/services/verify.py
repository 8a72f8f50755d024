"""Verifying a sealed batch: every file is looked into, then stored or held back; safe to run twice, at any point."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool
from radcommons.server.archive.models import Study
from radcommons.server.archive.rules import StoreOutcome
from radcommons.server.archive.services import announce_stored, store_instance
from radcommons.server.intake import rules, staging
from radcommons.server.intake.inspection import inspect_part
from radcommons.server.intake.models import Batch, BatchPart, BatchState, PartState, QuarantinedInstance, StatedSubject
from radcommons.server.intake.queue import defer_verification, has_live_job
from radcommons.server.intake.rules import Inspection, PartClaim
from radcommons.server.platform import audit, outbox
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.settings import settings

logger = logging.getLogger(__name__)

WORKER = Actor.system("intake")
# A batch whose jobs were put into the queue this long ago and has none left lost them.
RESUME_AFTER = timedelta(minutes=1)


def verify_parts(batch_pk: int, *, first_part: int, last_part: int) -> None:
    """Look into the staged parts of one range, settle each, and finish the batch when it was the last.

    Raises
    ------
    UnavailableError
        When the object store does not answer; what was settled stays settled, the rest waits for the next try.
    """
    batch = Batch.objects.select_related("site").get(pk=batch_pk)
    if batch.state != BatchState.SEALED:
        return
    parts = BatchPart.objects.filter(batch=batch, state=PartState.STAGED, pk__range=(first_part, last_part))
    claims = [_claim(batch, part) for part in parts]
    if claims:
        limits = settings()
        with LimitedPool(
            inspect_part,
            processes=limits.worker_processes,
            memory_bytes=limits.worker_memory_bytes,
            timeout_s=limits.parse_timeout_s,
        ) as pool:
            for claim, result in pool.run(claims):
                inspection = Inspection(None, (result,)) if isinstance(result, Finding) else result
                _settle(batch, claim, inspection)
    finish_batch(batch_pk)


def _claim(batch: Batch, part: BatchPart) -> PartClaim:
    return PartClaim(
        part_id=part.pk,
        path=str(staging.path_of(batch.batch_id, part.sha256)),
        sha256=part.sha256,
        study_instance_uid=part.study_instance_uid,
        series_instance_uid=part.series_instance_uid,
        sop_instance_uid=part.sop_instance_uid,
        sop_class_uid=part.sop_class_uid,
        pixel_text=part.pixel_text,
    )


def _settle(batch: Batch, claim: PartClaim, inspection: Inspection) -> None:
    """Store one part or hold it back; the bytes leave the staging folder only after they are in the archive."""
    if not BatchPart.objects.filter(pk=claim.part_id, state=PartState.STAGED).exists():
        return
    description = inspection.description
    if description is None or not inspection.is_acceptable:
        _hold_back(claim, inspection)
        return
    stored = store_instance(
        description,
        staging.path_of(batch.batch_id, claim.sha256),
        site=batch.site,
        project=batch.project,
        actor=WORKER,
    )
    if stored.outcome is StoreOutcome.CONFLICT:
        _hold_back(claim, Inspection(description, (*inspection.findings, *stored.findings)))
        return
    _mark_accepted(claim, inspection, is_duplicate=stored.outcome is StoreOutcome.DUPLICATE)
    staging.remove_part(batch.batch_id, claim.sha256)


def _mark_accepted(claim: PartClaim, inspection: Inspection, *, is_duplicate: bool) -> None:
    with transaction.atomic():
        part = BatchPart.objects.select_for_update().get(pk=claim.part_id)
        if part.state != PartState.STAGED:
            return
        # After a crash between the archive and this row the archive knows the instance from ourselves: not a duplicate.
        is_known = BatchPart.objects.filter(
            sop_instance_uid=part.sop_instance_uid, state__in=(PartState.STORED, PartState.DUPLICATE)
        )
        part.state = PartState.DUPLICATE if is_duplicate and is_known.exists() else PartState.STORED
        part.findings = [finding.to_json() for finding in inspection.findings]
        part.save(update_fields=["state", "findings"])


def _hold_back(claim: PartClaim, inspection: Inspection) -> None:
    with transaction.atomic():
        part = BatchPart.objects.select_for_update().get(pk=claim.part_id)
        if part.state != PartState.STAGED:
            return
        findings = [finding.to_json() for finding in inspection.findings]
        part.state, part.findings = PartState.QUARANTINED, findings
        part.save(update_fields=["state", "findings"])
        modality = (inspection.description.modality or "")[:16] if inspection.description else ""
        row = QuarantinedInstance.objects.create(part=part, findings=findings, modality=modality)
        codes = sorted({finding.code for finding in inspection.findings if finding.is_error})
        audit.record(WORKER, "intake.quarantine", object_kind="quarantined", object_id=row.pk, facts={"codes": codes})


def finish_batch(batch_pk: int) -> bool:
    """Close a batch of which every part is settled: counts, state, audit, facts about its studies.

    Returns
    -------
    is_finished
        False when parts wait, or somebody else finished it.
    """
    with transaction.atomic():
        batch = Batch.objects.select_for_update(of=("self",)).select_related("site").get(pk=batch_pk)
        counts = BatchPart.objects.filter(batch=batch).aggregate(
            waiting=Count("pk", filter=Q(state__in=(PartState.STAGED, PartState.MISSING))),
            accepted=Count("pk", filter=Q(state__in=(PartState.STORED, PartState.DUPLICATE))),
            quarantined=Count("pk", filter=Q(state=PartState.QUARANTINED)),
        )
        if batch.state != BatchState.SEALED or counts["waiting"]:
            return False
        refused = rules.is_refused(accepted=counts["accepted"], quarantined=counts["quarantined"])
        batch.state = BatchState.REFUSED if refused else BatchState.VERIFIED
        batch.finished_at = timezone.now()
        batch.save(update_fields=["state", "finished_at"])
        _announce(batch)
        facts = {"state": batch.state, "accepted": counts["accepted"], "quarantined": counts["quarantined"]}
        audit.record(WORKER, "intake.finish-batch", object_kind="batch", object_id=batch.batch_id, facts=facts)
    staging.remove_leftovers(batch.batch_id)
    return True


def _announce(batch: Batch) -> None:
    """Tell what was newly stored, once a study, and what the site states about subjects."""
    fresh = BatchPart.objects.filter(batch=batch, state=PartState.STORED, is_announced=False)
    studies = sorted(set(fresh.values_list("study_instance_uid", flat=True)))
    if studies:
        announce_stored(studies)
    fresh.update(is_announced=True)
    stated = dict(StatedSubject.objects.filter(batch=batch).values_list("subject_id", "covid19_status"))
    if not stated:
        return
    accepted = BatchPart.objects.filter(batch=batch, state__in=(PartState.STORED, PartState.DUPLICATE))
    known = Study.objects.filter(
        study_instance_uid__in=accepted.values("study_instance_uid"), subject__subject_id__in=stated
    )
    pairs = known.order_by("study_instance_uid").values_list("study_instance_uid", "subject__subject_id")
    for study_instance_uid, subject_id in pairs:
        facts = {"covid19_status": stated[subject_id]}
        outbox.announce("SubjectsDescribed", study_instance_uid=study_instance_uid, facts=facts)


def resume_batches(*, older_than: timedelta = RESUME_AFTER) -> int:
    """Put sealed batches whose jobs were lost back into the queue; returns how many."""
    resumed = 0
    before = timezone.now() - older_than
    for batch in Batch.objects.filter(state=BatchState.SEALED).exclude(deferred_at__gt=before):
        if has_live_job(batch):
            continue
        with transaction.atomic():
            defer_verification(batch)
        resumed += 1
    if resumed:
        logger.warning("put %d batches back into the queue", resumed)
    return resumed
