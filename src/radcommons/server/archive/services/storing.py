"""Storing instances in two steps around the bytes.

First the rows are written as *storing*; then the bytes are placed; then the rows become *stored*. Whatever is
interrupted in between leaves rows that no scope shows, and doing the same again finishes the work: the bytes are named
by their digest, so placing them twice is harmless.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from radcommons.dicom.finding import Finding
from radcommons.dicom.instance import InstanceDescription
from radcommons.server.archive import rules, storage
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.rules import StoreOutcome
from radcommons.server.archive.services import levels, mending
from radcommons.server.platform import audit, outbox
from radcommons.server.platform.errors import UnavailableError
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.platform.policy import Actor
from radcommons.server.sites.models import Site


@dataclass(frozen=True, slots=True)
class Offer:
    """One file with what it says, verified and waiting to be stored.

    The file is on the disk and never written to again: the archive may keep it under another name. ``pixel_text`` is the
    verdict about its pixels.
    """

    description: InstanceDescription
    path: Path
    pixel_text: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an offer; ``instance_id`` is None when it was kept out, and the findings say why.

    ``mends`` is the digest of bytes that were damaged in the archive and came again.
    """

    instance_id: int | None
    outcome: StoreOutcome
    findings: tuple[Finding, ...] = ()
    mends: str = ""


def store_instance(description: InstanceDescription, path: Path, *, site: Site, project: str, actor: Actor) -> Stored:
    """Store one instance; see :func:`store_instances`."""
    return store_instances([Offer(description, path)], site=site, project=project, actor=actor)[0]


def store_instances(offers: Sequence[Offer], *, site: Site, project: str, actor: Actor) -> list[Stored]:
    """Store some instances of one site: rows, bytes, rows again.

    The same bytes under the same SOP Instance UID are a duplicate and change nothing; other bytes are a conflict, and
    so is an instance whose study or series stands elsewhere already. Safe to repeat after any interruption.

    Returns
    -------
    One result an offer, in the order of the offers.

    Raises
    ------
    UnavailableError
        When the object store does not take the bytes, or a row was taken away meanwhile; nothing becomes visible then.
    """
    with transaction.atomic():
        begun = begin_storing(offers, site=site, project=project)
    place_bytes(offers, begun, actor=actor)
    with transaction.atomic():
        return finish_storing(begun, actor=actor)


def place_bytes(offers: Sequence[Offer], begun: Sequence[Stored], *, actor: Actor) -> None:
    """Have the bytes in their place and on the disk of those offers whose rows were begun; mend what was damaged.

    Raises
    ------
    UnavailableError
        When the object store does not take them.
    """
    fresh = [offer for offer, result in zip(offers, begun, strict=True) if result.outcome is StoreOutcome.STORED]
    object_store().take_over([(instance_key(offer.description.sha256), offer.path) for offer in fresh])
    if digests := [each.mends for each in begun if each.mends]:
        mending.put_back(digests, actor=actor)


def announce_stored(study_instance_uids: Iterable[str]) -> None:
    """Announce that a sending has added to these studies, once a study."""
    with transaction.atomic():
        for study_instance_uid in sorted(set(study_instance_uids)):
            outbox.announce("InstancesStored", study_instance_uid=study_instance_uid)


def announce_derived(study_instance_uid: str, sop_instance_uids: Iterable[str]) -> None:
    """Announce objects that the centre made of a study's images and that hold no word of a person."""
    facts = {"sop_instance_uids": sorted(sop_instance_uids)}
    with transaction.atomic():
        outbox.announce("DerivedStored", study_instance_uid=study_instance_uid, facts=facts)


def clean_up_unfinished(*, older_than_hours: int = 24) -> int:
    """Remove rows of storings that were never finished, so that other bytes may take the identifier.

    Returns
    -------
    How many rows were removed.
    """
    before = timezone.now() - timedelta(hours=older_than_hours)
    rows = Instance.objects.filter(state=InstanceState.STORING, created_at__lt=before)
    with transaction.atomic():
        uids = list(rows.select_for_update(no_key=True).values_list("sop_instance_uid", flat=True))
        for sop_instance_uid in uids:
            audit.record(
                Actor.system("archive"), "archive.clean-up", object_kind="instance", object_id=sop_instance_uid
            )
        Instance.objects.filter(sop_instance_uid__in=uids, state=InstanceState.STORING).delete()
    return len(uids)


def begin_storing(offers: Sequence[Offer], *, site: Site, project: str) -> list[Stored]:
    """Write the rows as *storing* and decide what becomes of each offer; in the caller's transaction.

    It need not wait for the disk when it ends: :func:`finish_storing` does, and what is written before is on the disk then.
    """
    if not offers:
        return []
    places = [_place(offer.description, site, project) for offer in offers]
    known = levels.read(places)
    purged = mending.purged_among(offer.description.sha256 for offer in offers)
    refusals = [
        (storage.refusal_of_purged(),) if offer.description.sha256 in purged else levels.refusals(place, known)
        for offer, place in zip(offers, places, strict=True)
    ]
    wanted = [offer for offer, refusal in zip(offers, refusals, strict=True) if not refusal]
    if any(not known.holds(place) for place in places):
        descriptions = [offer.description for offer in wanted]
        known = levels.write_missing(descriptions, known, site=site, project=project) or levels.read(places)
        refusals = [refusal or levels.refusals(place, known) for place, refusal in zip(places, refusals, strict=True)]
        wanted = [offer for offer, refusal in zip(offers, refusals, strict=True) if not refusal]
    series_ids = {uid: key for uid, (key, _) in known.series.items()}
    first = {offer.description.sop_instance_uid: (offer.description, offer.pixel_text) for offer in reversed(wanted)}
    rows = levels.ensure_instances(first, series_ids)
    seen: set[str] = set()
    return [
        Stored(None, StoreOutcome.CONFLICT, refusal) if refusal else _decide(offer.description, rows, seen)
        for offer, refusal in zip(offers, refusals, strict=True)
    ]


def _place(description: InstanceDescription, site: Site, project: str) -> rules.Place:
    return rules.Place(
        site_code=site.code,
        project=project,
        subject_id=description.patient_id,
        study_instance_uid=description.study_instance_uid,
        series_instance_uid=description.series_instance_uid,
    )


def _decide(description: InstanceDescription, rows: dict[str, tuple[int, str, str]], seen: set[str]) -> Stored:
    instance_id, sha256, state = rows[description.sop_instance_uid]
    is_done = state == InstanceState.STORED or description.sop_instance_uid in seen
    outcome = rules.outcome_for(description.sha256, known_sha256=sha256, is_done=is_done)
    if outcome is StoreOutcome.CONFLICT:
        return Stored(None, outcome, (rules.conflict_of_bytes(),))
    seen.add(description.sop_instance_uid)
    return Stored(instance_id, outcome, mends=sha256 if state == InstanceState.DAMAGED else "")


def finish_storing(begun: Sequence[Stored], *, actor: Actor) -> list[Stored]:
    """Make rows visible whose bytes are placed, in the caller's transaction; what became of each offer.

    One that another sender finished meanwhile is a duplicate.

    Raises
    ------
    UnavailableError
        When a row is gone that was begun; to begin again says why, or stores it.
    """
    finished = _finish(begun, actor)
    return [_settled(result, finished) for result in begun]


def _finish(begun: Sequence[Stored], actor: Actor) -> frozenset[int]:
    """Make rows visible; the ids that this call, and no other sender, finished."""
    placed = [result.instance_id for result in begun if result.outcome is StoreOutcome.STORED and result.instance_id]
    if not placed:
        return frozenset()
    finished = levels.make_visible(placed)
    _demand_stored(set(placed) - {key for key, _, _ in finished})
    digests = defaultdict(list)
    for _, sha256, study_instance_uid in finished:
        digests[study_instance_uid].append(sha256)
    for study_instance_uid, values in sorted(digests.items()):
        # The digest of the digests ties the event to exactly these bytes without listing thousands of them.
        facts = {"count": len(values), "sha256": hashlib.sha256("\n".join(sorted(values)).encode()).hexdigest()}
        audit.record(actor, "archive.store", object_kind="study", object_id=study_instance_uid, facts=facts)
    return frozenset(key for key, _, _ in finished)


def _demand_stored(others: set[int]) -> None:
    """Refuse to call that stored whose row went while its bytes were placed: it was purged, or cleaned up as left behind."""
    if others and Instance.objects.filter(pk__in=others, state=InstanceState.STORED).count() < len(others):
        message = "What was being stored was taken away meanwhile. Send it again."
        raise UnavailableError("archive.taken-away", message)


def _settled(result: Stored, finished: frozenset[int]) -> Stored:
    if result.outcome is StoreOutcome.STORED and result.instance_id not in finished:
        return Stored(result.instance_id, StoreOutcome.DUPLICATE)
    return result
