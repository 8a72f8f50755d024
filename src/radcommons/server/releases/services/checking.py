"""Checking a draft: gather what the rules need to know, judge, remember."""

import hashlib
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from radcommons.dicom.finding import Finding
from radcommons.server.archive.models import Instance, InstanceState, Study, Subject
from radcommons.server.curation.rules import CaseState
from radcommons.server.intake.models import BatchPart
from radcommons.server.platform import audit
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import ObjectStore, instance_key, object_store
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.releases import rules
from radcommons.server.releases.annotations import left_behind, without_images
from radcommons.server.releases.errors import ImmutableReleaseError
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseInstance, ReleaseState, SequesteredSubject
from radcommons.server.releases.queries import OUT, instances_of, latest_out, version_of
from radcommons.server.releases.rules import LISTED_AT_MOST, Change, DraftFacts
from radcommons.server.sites.models import Site
from radcommons.server.sites.queries import valid_agreement

HASHING_THREADS = 4
LOOK_AHEAD = 64
NOT_CHECKED = "not_checked"


def check(release_id: int, *, actor: Actor) -> tuple[Finding, ...]:
    """Run every check on a draft and remember the findings; without an error the draft may be published.

    Raises
    ------
    ImmutableReleaseError
        When the version is out already.
    """
    authorise(actor, Action.RELEASES_MANAGE)
    release = Release.objects.filter(pk=release_id).first()
    if release is None:
        raise NotFoundError
    if release.state not in {ReleaseState.DRAFT, ReleaseState.CHECKED}:
        raise ImmutableReleaseError(f"{release.slug}@{release.version}")
    findings = rules.check(gather_facts(release))
    has_errors = any(finding.is_error for finding in findings)
    with transaction.atomic():
        changed = Release.objects.filter(pk=release_id, state__in=[ReleaseState.DRAFT, ReleaseState.CHECKED]).update(
            findings=[finding.to_json() for finding in findings],
            checked_at=timezone.now(),
            state=ReleaseState.DRAFT if has_errors else ReleaseState.CHECKED,
            parent=latest_out(release.slug),
        )
        if not changed:
            raise ImmutableReleaseError(f"{release.slug}@{release.version}")
        facts = {"findings": len(findings), "errors": sum(finding.is_error for finding in findings)}
        audit.record(actor, "releases.checked", object_kind="release", object_id=release_id, facts=facts)
    return findings


def gather_facts(release: Release) -> DraftFacts:
    """Everything the rules ask about a draft; reads every byte of it once."""
    parent = latest_out(release.slug)
    instances = instances_of(release)
    studies = Study.objects.filter(pk__in=instances.values("series__study"))
    subjects = Subject.objects.filter(pk__in=studies.values("subject"))
    bytes_ = _compare_bytes(release)
    is_restricted = release.access == ReleaseAccess.RESTRICTED
    unstored = instances.exclude(state=InstanceState.STORED).order_by("sop_instance_uid")
    return DraftFacts(
        version=version_of(release),
        licence=release.licence,
        instances=instances.count(),
        parent=version_of(parent) if parent else None,
        change=_change(parent, release) if parent else None,
        sequestered_subjects=SequesteredSubject.objects.filter(subject__in=subjects).count(),
        granted_licences=_granted_licences(subjects),
        uncleared_studies=_uncleared(studies),
        shared_subject_ids=_shared_subject_ids(subjects),
        unjudged_pixel_text=_unjudged_pixel_text(instances),
        unstored=list(unstored.values_list("sop_instance_uid", flat=True)[:LISTED_AT_MOST]),
        absent=bytes_.absent,
        corrupt=bytes_.corrupt,
        annotations_left_behind=left_behind(release),
        annotations_without_images=without_images(release),
        is_restricted=is_restricted,
        open_elsewhere=_open_elsewhere(release) if is_restricted else 0,
        closes_parent=is_restricted and parent is not None and parent.access == ReleaseAccess.OPEN,
    )


def _open_elsewhere(release: Release) -> int:
    """How many instances of a draft are, or were until it was withdrawn, in an open version."""
    is_out = Q(release__state__in=OUT, release__access=ReleaseAccess.OPEN)
    served = ReleaseInstance.objects.filter(is_out, instance=OuterRef("pk"))
    return instances_of(release).filter(Exists(served)).count()


@dataclass(frozen=True, slots=True)
class _Bytes:
    absent: list[str]
    corrupt: list[str]


def _compare_bytes(release: Release) -> _Bytes:
    """Read every object of the draft and compare it with its digest; a few at a time, in constant memory."""
    store, found = object_store(), _Bytes([], [])
    rows = instances_of(release).order_by("pk").values_list("sop_instance_uid", "sha256").iterator(chunk_size=1000)
    waiting: deque[tuple[str, Future[str | None]]] = deque()
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        for sop, sha256 in rows:
            waiting.append((sop, pool.submit(_verdict, store, sha256)))
            if len(waiting) >= LOOK_AHEAD:
                _note(found, *waiting.popleft())
        for entry in waiting:
            _note(found, *entry)
    return found


def _note(found: _Bytes, sop: str, verdict: Future[str | None]) -> None:
    problem = verdict.result()
    if problem is not None:
        listed = found.absent if problem == "absent" else found.corrupt
        if len(listed) < LISTED_AT_MOST:
            listed.append(sop)


def _verdict(store: ObjectStore, sha256: str) -> str | None:
    digest = hashlib.sha256()
    try:
        for chunk in store.stream(instance_key(sha256)):
            digest.update(chunk)
    except NotFoundError:
        return "absent"
    return None if digest.hexdigest() == sha256 else "corrupt"


def _change(parent: Release, release: Release) -> Change:
    """What *release* has more and less than *parent*; the archive never changes an instance in place."""
    ours = ReleaseInstance.objects.filter(release=release, instance=OuterRef("instance"))
    theirs = ReleaseInstance.objects.filter(release=parent, instance=OuterRef("instance"))
    added = ReleaseInstance.objects.filter(~Exists(theirs), release=release).count()
    removed = ReleaseInstance.objects.filter(~Exists(ours), release=parent).count()
    return Change(added=added, removed=removed, changed=0)


def _granted_licences(subjects: QuerySet[Subject]) -> Mapping[str, str | None]:
    today = timezone.localdate()
    pairs = sorted(subjects.values_list("site__code", "project").distinct())
    granted: dict[str, str | None] = {}
    for code, project in pairs:
        agreement = valid_agreement(Site.objects.get(code=code), project, today)
        granted[f"{code}/{project}"] = agreement.licence if agreement else None
    return granted


def _uncleared(studies: QuerySet[Study]) -> Mapping[str, str]:
    rows = (
        studies.exclude(curation_case__state=CaseState.CLEARED)
        .order_by("study_instance_uid")
        .values_list("study_instance_uid", "curation_case__state")
    )
    return {uid: state or "missing" for uid, state in rows[:LISTED_AT_MOST]}


def _shared_subject_ids(subjects: QuerySet[Subject]) -> list[str]:
    rows = subjects.order_by().values("subject_id").annotate(number=Count("pk")).filter(number__gt=1)
    return list(rows.order_by("subject_id").values_list("subject_id", flat=True)[:LISTED_AT_MOST])


def _unjudged_pixel_text(instances: QuerySet[Instance]) -> list[str]:
    """Studies with an instance that was only ever sent without a judgement of its pixels."""
    parts = BatchPart.objects.filter(sha256=OuterRef("sha256"))
    is_unjudged = Q(pixel_text=NOT_CHECKED, pixel_text_approved_by="")
    rows = instances.filter(Exists(parts.filter(is_unjudged)), ~Exists(parts.exclude(is_unjudged)))
    uids = rows.order_by("series__study__study_instance_uid").values_list(
        "series__study__study_instance_uid", flat=True
    )
    return list(uids.distinct()[:LISTED_AT_MOST])
