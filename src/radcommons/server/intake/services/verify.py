"""Verifying a sealed batch: every file is looked into, then stored or held back; safe to run twice, at any point."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool
from radcommons.server.archive.models import Study
from radcommons.server.archive.rules import StoreOutcome
from radcommons.server.archive.services import Offer, announce_stored, store_instances
from radcommons.server.intake import rules, staging
from radcommons.server.intake.errors import UnknownProfileError
from radcommons.server.intake.inspection import inspect_part
from radcommons.server.intake.models import Batch, BatchPart, BatchState, PartState, QuarantinedInstance, StatedSubject
from radcommons.server.intake.profiles import profile_source
from radcommons.server.intake.queue import defer_verification, has_live_job
from radcommons.server.intake.rules import Inspection, PartClaim
from radcommons.server.platform import audit, outbox
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.settings import settings

logger = logging.getLogger(__name__)

Inspected = tuple[PartClaim, Inspection]

WORKER = Actor.system("intake")
# Instances that share the archive's transactions: fewer waits for the disk, and little to repeat after a crash.
STORED_AT_ONCE = 32
# More frames than this are not a picture anybody looks through; a hostile header may claim two billion.
MAXIMUM_FRAMES = 100_000
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
    parts = BatchPart.objects.filter(batch=batch, state=PartState.STAGED, pk__range=(first_part, last_part)).order_by(
        "pk"
    )
    profile = _profile_of(batch)
    claims = [_claim(batch, part, profile=profile) for part in parts]
    if claims:
        limits = settings()
        with LimitedPool(
            inspect_part,
            processes=limits.worker_processes,
            memory_bytes=limits.worker_memory_bytes,
            timeout_s=limits.parse_timeout_s,
        ) as pool:
            inspected = _in_order(claims, pool.run(claims))
            for group in _grouped(inspected):
                _settle(batch, group)
    finish_batch(batch_pk)


def _in_order(
    claims: Sequence[PartClaim], results: Iterable[tuple[PartClaim, Inspection | Finding]]
) -> Iterator[Inspected]:
    """Results in the order of the claims, whatever order they come in.

    The first instance of a study tells the archive what the study is: two runs over the same batch must agree.
    """
    early: dict[int, Inspection] = {}
    expected = iter(claims)
    claim = next(expected, None)
    for finished, result in results:
        early[finished.part_id] = Inspection(None, (result,)) if isinstance(result, Finding) else result
        while claim is not None and claim.part_id in early:
            yield claim, early.pop(claim.part_id)
            claim = next(expected, None)


def _grouped(inspected: Iterable[Inspected]) -> Iterator[list[Inspected]]:
    items = iter(inspected)
    while group := list(islice(items, STORED_AT_ONCE)):
        yield group


def _profile_of(batch: Batch) -> str:
    try:
        return profile_source(
            batch.project, name=batch.profile_name, version=batch.profile_version, sha256=batch.profile_sha256
        )
    except UnknownProfileError:
        return ""


def _claim(batch: Batch, part: BatchPart, *, profile: str) -> PartClaim:
    return PartClaim(
        part_id=part.pk,
        path=str(staging.path_of(batch.batch_id, part.sha256)),
        sha256=part.sha256,
        study_instance_uid=part.study_instance_uid,
        series_instance_uid=part.series_instance_uid,
        sop_instance_uid=part.sop_instance_uid,
        sop_class_uid=part.sop_class_uid,
        pixel_text=part.pixel_text,
        site=batch.site.code,
        profile=profile,
        are_texts_approved=bool(part.texts_approved_by),
        is_released=bool(part.release),
    )


def _settle(batch: Batch, group: Sequence[Inspected]) -> None:
    """Store some parts or hold them back; bytes leave the staging folder only after they are in the archive."""
    waiting = set(
        BatchPart.objects.filter(pk__in=[claim.part_id for claim, _ in group], state=PartState.STAGED).values_list(
            "pk", flat=True
        )
    )
    offers: list[tuple[PartClaim, Inspection, Offer]] = []
    for claim, inspection in group:
        if claim.part_id not in waiting:
            continue
        if inspection.description is None or not inspection.is_acceptable:
            _hold_back(claim, inspection)
            continue
        path = staging.path_of(batch.batch_id, claim.sha256)
        offers.append((claim, inspection, Offer(inspection.description, path, claim.pixel_text)))
    stored = store_instances([each[2] for each in offers], site=batch.site, project=batch.project, actor=WORKER)
    for (claim, inspection, _), result in zip(offers, stored, strict=True):
        if result.outcome is StoreOutcome.CONFLICT:
            _hold_back(claim, Inspection(inspection.description, (*inspection.findings, *result.findings)))
            continue
        _mark_accepted(claim, inspection, is_duplicate=result.outcome is StoreOutcome.DUPLICATE)
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
        row = QuarantinedInstance.objects.create(part=part, findings=findings, **_shown_of(inspection))
        codes = sorted({finding.code for finding in inspection.findings if finding.is_error})
        audit.record(WORKER, "intake.quarantine", object_kind="quarantined", object_id=row.pk, facts={"codes": codes})


def _shown_of(inspection: Inspection) -> dict[str, object]:
    """What the quarantine's list tells of a file beside its findings."""
    description = inspection.description
    if description is None:
        return {}
    frames = max(1, min(description.number_of_frames, MAXIMUM_FRAMES)) if description.is_image else 0
    return {"modality": description.modality[:16], "number_of_frames": frames}


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
