"""Settling parts that were looked into: into the archive or held back; and closing a batch of which all are settled."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson
from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from radcommons.server.archive.models import Study
from radcommons.server.archive.rules import StoreOutcome
from radcommons.server.archive.services import (
    Offer,
    Stored,
    announce_derived,
    announce_stored,
    begin_storing,
    finish_storing,
    place_bytes,
)
from radcommons.server.intake import rules, staging
from radcommons.server.intake.models import (
    Batch,
    BatchPart,
    BatchState,
    Door,
    PartState,
    QuarantinedInstance,
    StatedSubject,
)
from radcommons.server.intake.rules import Inspection, PartClaim
from radcommons.server.platform import audit, outbox
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.rows import fetch, numbers, texts

Inspected = tuple[PartClaim, Inspection]

WORKER = Actor.system("intake")
# Instances that share transactions: fewer waits for the disk, and little to repeat after a crash.
STORED_AT_ONCE = 64
# More frames than this are not a picture anybody looks through; a hostile header may claim two billion.
MAXIMUM_FRAMES = 100_000
_ACCEPTED = (PartState.STORED, PartState.DUPLICATE)


@dataclass(frozen=True, slots=True)
class Settling:
    """Parts on their way: what was found in each, and what the archive said of those that are offered to it."""

    batch: Batch
    group: tuple[Inspected, ...]
    offers: tuple[Offer, ...]
    begun: tuple[Stored, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a part, and the findings that say why."""

    state: PartState
    findings: list[dict[str, str]]


def settle_parts(batch: Batch, group: Sequence[Inspected]) -> Mapping[int, Settled]:
    """Store some parts or hold them back; bytes leave the staging folder only after they are in the archive.

    Returns
    -------
    As :func:`complete`.

    Raises
    ------
    UnavailableError
        When the object store does not answer; nothing of the group is settled then.
    """
    ids = [claim.part_id for claim, _ in group]
    waiting = set(BatchPart.objects.filter(pk__in=ids, state=PartState.STAGED).values_list("pk", flat=True))
    with transaction.atomic():
        settling = begin_settling(batch, [each for each in group if each[0].part_id in waiting])
    return complete(settling)


def begin_settling(batch: Batch, group: Sequence[Inspected]) -> Settling:
    """Offer to the archive what may enter, in the caller's transaction.

    It is on the disk when :func:`complete` ends, and need not be before: lost with the power, it is done again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO OFF")
    folder = staging.folder_of(batch.batch_id)
    offers = tuple(
        Offer(inspection.description, folder / claim.sha256, claim.pixel_text)
        for claim, inspection in group
        if inspection.description is not None and inspection.is_acceptable
    )
    begun = begin_storing(offers, site=batch.site, project=batch.project)
    return Settling(batch, tuple(group), offers, tuple(begun))


def complete(settling: Settling) -> Mapping[int, Settled]:
    """Place the bytes, then make instances visible and note what became of each part, in one transaction.

    Returns
    -------
    What became of the parts that were settled here, and by nobody else meanwhile, by their ids.

    Raises
    ------
    UnavailableError
        When the object store does not answer; nothing of the group is settled then.
    """
    place_bytes(settling.offers, settling.begun, actor=WORKER)
    with transaction.atomic():
        results = iter(finish_storing(settling.begun, actor=WORKER))
        stored: dict[int, StoreOutcome] = {}
        settled: list[Inspected] = []
        for claim, inspection in settling.group:
            seen = inspection
            if inspection.description is not None and inspection.is_acceptable:
                result = next(results)
                stored[claim.part_id] = result.outcome
                seen = replace(inspection, findings=(*inspection.findings, *result.findings))
            settled.append((claim, seen))
        results_by_part = _record(settled, stored)
    accepted = {key for key, settled in results_by_part.items() if settled.state in _ACCEPTED}
    digests = [claim.sha256 for claim, _ in settling.group if claim.part_id in accepted]
    staging.remove_parts(settling.batch.batch_id, digests)
    return results_by_part


_SETTLE = b"""
WITH waiting AS (
    SELECT id FROM intake_batchpart WHERE id = ANY(%s) AND state = 'staged' ORDER BY id FOR NO KEY UPDATE
)
UPDATE intake_batchpart AS part SET state = given.state, findings = given.findings::jsonb
FROM waiting, unnest(%s::bigint[], %s::text[], %s::text[]) AS given (id, state, findings)
WHERE part.id = waiting.id AND given.id = waiting.id
RETURNING part.id
"""


def _record(group: Sequence[Inspected], stored: Mapping[int, StoreOutcome]) -> dict[int, Settled]:
    """Note what became of each part that waited for it."""
    known = _known_before(group) if StoreOutcome.DUPLICATE in stored.values() else set()
    results: dict[int, Settled] = {}
    for claim, inspection in group:
        state, outcome, item = PartState.QUARANTINED, stored.get(claim.part_id), inspection.description
        if item is not None and outcome in (StoreOutcome.STORED, StoreOutcome.DUPLICATE):
            is_duplicate = outcome is StoreOutcome.DUPLICATE and item.sop_instance_uid in known
            state = PartState.DUPLICATE if is_duplicate else PartState.STORED
            known.add(item.sop_instance_uid)
        results[claim.part_id] = Settled(state, [finding.to_json() for finding in inspection.findings])
    keys = sorted(results)
    written = [orjson.dumps(results[key].findings).decode() for key in keys]
    ids, states = numbers(keys), texts(results[key].state.value for key in keys)
    own = {key for (key,) in fetch(_SETTLE, [ids, ids, states, texts(written)])}
    for claim, inspection in group:
        if claim.part_id in own and results[claim.part_id].state is PartState.QUARANTINED:
            _hold_back(claim.part_id, inspection, results[claim.part_id])
    return {key: results[key] for key in keys if key in own}


def _known_before(group: Iterable[Inspected]) -> set[str]:
    """Instances that another part brought in.

    After a crash between the archive and these rows the archive knows instances from ourselves: no duplicates.
    """
    uids = [inspection.description.sop_instance_uid for _, inspection in group if inspection.description is not None]
    rows = BatchPart.objects.filter(sop_instance_uid__in=uids, state__in=_ACCEPTED)
    return set(rows.values_list("sop_instance_uid", flat=True))


def _hold_back(part_id: int, inspection: Inspection, settled: Settled) -> None:
    row = QuarantinedInstance.objects.create(part_id=part_id, findings=settled.findings, **_shown_of(inspection))
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
        batch = Batch.objects.select_for_update(of=("self",), no_key=True).select_related("site").get(pk=batch_pk)
        counts = BatchPart.objects.filter(batch=batch).aggregate(
            waiting=Count("pk", filter=Q(state__in=(PartState.STAGED, PartState.MISSING))),
            accepted=Count("pk", filter=Q(state__in=_ACCEPTED)),
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
    made: dict[str, list[str]] = {}
    for study_instance_uid, sop_instance_uid in fresh.values_list("study_instance_uid", "sop_instance_uid"):
        made.setdefault(study_instance_uid, []).append(sop_instance_uid)
    if batch.door == Door.DERIVED and batch.summary.get(rules.IS_CODED):
        for study_instance_uid, uids in sorted(made.items()):
            announce_derived(study_instance_uid, uids)
    elif made:
        announce_stored(made)
    fresh.update(is_announced=True)
    stated = dict(StatedSubject.objects.filter(batch=batch).values_list("subject_id", "covid19_status"))
    if not stated:
        return
    accepted = BatchPart.objects.filter(batch=batch, state__in=_ACCEPTED)
    known = Study.objects.filter(
        study_instance_uid__in=accepted.values("study_instance_uid"), subject__subject_id__in=stated
    )
    pairs = known.order_by("study_instance_uid").values_list("study_instance_uid", "subject__subject_id")
    for study_instance_uid, subject_id in pairs:
        facts = {"covid19_status": stated[subject_id]}
        outbox.announce("SubjectsDescribed", study_instance_uid=study_instance_uid, facts=facts)
