"""Verifying a sealed batch: every file is looked into, then stored or held back; safe to run twice, at any point."""

import logging
import time
from collections.abc import Collection, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from itertools import islice

from django.db import transaction
from django.utils import timezone

from radcommons.dicom.isolation import NoProcessError
from radcommons.server.intake import staging
from radcommons.server.intake.errors import UnknownProfileError
from radcommons.server.intake.foreseen import MOST_PARTS, foreseen
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
SETTLED_AT_ONCE = 200
# A sender that pauses longer is not waited for: others need the worker.
_PAUSE_S = 1.0
_ASKED_EVERY_S = 0.1
# Few enough that little is looked into twice when the sending ends.
_SEEN_AT_ONCE = 64


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


def look_ahead(batch_pk: int) -> None:
    """Look into parts of a batch while others of it arrive; this process remembers what was found until they are verified.

    Ends with the sending, when nothing came for a moment, or when enough is remembered. What it did not come to is looked into
    when it is verified, and so is everything after a crash or in another process.
    """
    seen: set[int] = set()
    came_at = time.monotonic()
    while len(seen) < MOST_PARTS and time.monotonic() - came_at < _PAUSE_S:
        batch = Batch.objects.select_related("site").filter(pk=batch_pk, state=BatchState.RECEIVING).first()
        if batch is None:
            return
        fresh = _staged(batch, seen)
        if not fresh:
            time.sleep(_ASKED_EVERY_S)
            continue
        seen.update(part.pk for part in fresh)
        profile = _profile_of(batch)
        try:
            for claim, inspection in inspected([_claim(batch, part, profile=profile) for part in fresh]):
                foreseen.keep(claim, inspection)
        except NoProcessError:
            return
        came_at = time.monotonic()


def _staged(batch: Batch, seen: Collection[int]) -> list[BatchPart]:
    """Some parts that arrived and were not seen."""
    staged = BatchPart.objects.filter(batch=batch, state=PartState.STAGED).order_by("pk")
    keys = staged.values_list("pk", flat=True)[: len(seen) + _SEEN_AT_ONCE]
    return list(staged.filter(pk__in=[key for key in keys if key not in seen][:_SEEN_AT_ONCE]))


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
