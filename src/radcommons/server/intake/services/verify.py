"""Verifying a sealed batch: every file is looked into, then stored or held back; safe to run twice, at any point."""

import logging
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from itertools import islice

from django.db import transaction
from django.utils import timezone

from radcommons.server.intake import staging
from radcommons.server.intake.errors import UnknownProfileError
from radcommons.server.intake.inspectors import Inspected, inspected
from radcommons.server.intake.models import Batch, BatchPart, BatchState, Door, PartState
from radcommons.server.intake.profiles import profile_source
from radcommons.server.intake.queue import defer_verification, has_live_job
from radcommons.server.intake.rules import OBSERVERS, WORDS, PartClaim
from radcommons.server.intake.services.settling import finish_batch, settle_parts

logger = logging.getLogger(__name__)

# A batch whose jobs were put into the queue this long ago and has none left lost them.
RESUME_AFTER = timedelta(minutes=1)
# Digests are taken while parts arrive: those of a batch that was opened so lately need not be taken again.
FRESH_FOR = timedelta(hours=1)
# Instances that are settled together; more than at the direct door, where somebody waits for each request.
SETTLED_AT_ONCE = 100


def verify_parts(batch_pk: int, *, first_part: int, last_part: int) -> None:
    """Look into the staged parts of one range, settle each, and finish the batch when it was the last.

    Raises
    ------
    UnavailableError
        When the object store does not answer; what was settled stays settled, the rest waits for the next try.
    """
    batch = Batch.objects.select_related("site").filter(pk=batch_pk, state=BatchState.SEALED).first()
    if batch is None:
        return
    parts = BatchPart.objects.filter(batch=batch, state=PartState.STAGED, pk__range=(first_part, last_part)).order_by(
        "pk"
    )
    profile = _profile_of(batch)
    claims = [_claim(batch, part, profile=profile) for part in parts]
    with closing(_ahead(_grouped(inspected(claims)))) as groups:
        for group in groups:
            settle_parts(batch, group)
    finish_batch(batch_pk)


def _ahead(groups: Generator[list[Inspected]]) -> Generator[list[Inspected]]:
    """The same groups, the next one looked into while the one before is settled."""
    with closing(groups), ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, groups, None)
        while (group := coming.result()) is not None:
            coming = thread.submit(next, groups, None)
            yield group


def _grouped(found: Generator[Inspected]) -> Generator[list[Inspected]]:
    with closing(found):
        while group := list(islice(found, SETTLED_AT_ONCE)):
            yield group


def _profile_of(batch: Batch) -> str:
    try:
        return profile_source(
            batch.project, name=batch.profile_name, version=batch.profile_version, sha256=batch.profile_sha256
        )
    except UnknownProfileError:
        return ""


def _claim(batch: Batch, part: BatchPart, *, profile: str) -> PartClaim:
    own = batch.summary if batch.door == Door.DERIVED else {}
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
        observers=tuple(own.get(OBSERVERS, ())),
        words=tuple(own.get(WORDS, ())),
        is_fresh=batch.opened_at > timezone.now() - FRESH_FOR
        and not (part.texts_approved_by or part.pixel_text_approved_by),
    )


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
