"""Storing directly, instance by instance: the same second look, agreement, quarantine and audit as for a sealed batch.

What one account or key stores for a project within a day is one batch; there is no manifest, so each instance's own header
is what it is held against, and nobody has vouched for its pixels. What this centre derives of a site's images comes the same
way, one batch a derivation.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from radcommons.deid.pixel_text import PixelText
from radcommons.dicom.finding import Finding
from radcommons.dicom.instance import InstanceDescription
from radcommons.server.intake import staging
from radcommons.server.intake.inspectors import Inspected, inspected
from radcommons.server.intake.models import Batch, BatchPart, BatchState, Door, PartState
from radcommons.server.intake.profiles import profile_named
from radcommons.server.intake.rules import OBSERVERS, Inspection, PartClaim
from radcommons.server.intake.services.settling import STORED_AT_ONCE, finish_batch, settle_parts
from radcommons.server.platform import audit
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.sites.models import Agreement, Site
from radcommons.server.sites.queries import require_agreement, site_by_code
from radcommons.transfer.manifest import ProfileStamp

_SOFTWARE_LENGTH = 520
# By whose rules the centre looks at what it made itself: descriptions and reports are cleaned, not emptied.
DERIVED_PROFILE = "ricord"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """One file of a request, whole and on the disk."""

    path: Path
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Derivation:
    """What this centre made of a site's images.

    Parameters
    ----------
    name
        Of the batch: the same derivation is the same batch.
    observers
        Pseudonyms of the people who looked at the images, which may stand where objects name persons.
    """

    name: str
    observers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DirectUpload:
    """Leave to store instances of a site for a project: under which agreement, by the rules of which profile.

    Parameters
    ----------
    profile_source
        The name or the path by which the profile is loaded.
    derivation
        For what the centre made itself; None for what a site sends.
    """

    site: Site
    project: str
    agreement: Agreement
    profile: ProfileStamp
    profile_source: str
    actor: Actor
    derivation: Derivation | None = None

    @property
    def batch_id(self) -> str:
        """The batch that the instances belong to: today's, or that of the derivation."""
        if self.derivation is not None:
            named = ("derived", self.site.code, self.project, self.derivation.name)
            return hashlib.sha256(orjson.dumps(named)).hexdigest()
        named = ("direct", self.site.code, self.project, self.profile.digest, self.actor.name)
        return hashlib.sha256(orjson.dumps((*named, timezone.localdate().isoformat()))).hexdigest()

    @property
    def pixel_text(self) -> PixelText:
        """What is known of writing in the pixels: nobody looked at what a site sends, and what we draw has none."""
        return PixelText.NOT_CHECKED if self.derivation is None else PixelText.NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class DirectResult:
    """What became of one file.

    Parameters
    ----------
    description
        What the file is; None when it could not be read.
    findings
        What was found in it and about it.
    state
        Of its part; empty when nothing of it was kept.
    """

    description: InstanceDescription | None
    findings: tuple[Finding, ...]
    state: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether the instance is in the archive."""
        return self.state in (PartState.STORED, PartState.DUPLICATE)


def open_direct_upload(site_code: str, project: str, *, profile: str, actor: Actor) -> DirectUpload:
    """Leave to store directly.

    Parameters
    ----------
    profile
        The name of the de-identification profile that the instances went through.

    Raises
    ------
    ForbiddenError
        When the actor may not store for the site.
    NotFoundError, NoValidAgreementError, UnknownProfileError
        When there is no such site, no agreement in force, or the centre does not accept the profile.
    """
    authorise(actor, Action.INTAKE_STORE, site_code=site_code)
    site = site_by_code(site_code)
    agreement = require_agreement(site, project, timezone.localdate())
    stamp, source = profile_named(project, profile)
    return DirectUpload(site, project, agreement, stamp, source, actor)


def open_derivation(site_code: str, project: str, derivation: Derivation, *, actor: Actor) -> DirectUpload:
    """Leave to store what this centre made of a site's images, under the site's own agreement.

    Raises
    ------
    ForbiddenError
        When the actor may not publish annotations.
    NotFoundError, NoValidAgreementError
        When there is no such site, or no agreement in force.
    """
    authorise(actor, Action.ANNOTATION_PUBLISH)
    site = site_by_code(site_code)
    agreement = require_agreement(site, project, timezone.localdate())
    stamp, source = profile_named(project, DERIVED_PROFILE)
    return DirectUpload(site, project, agreement, stamp, source, actor, derivation)


def store_directly(
    upload: DirectUpload, files: Sequence[UploadedFile], *, study_instance_uid: str = "", software: str = ""
) -> list[DirectResult]:
    """Look into some files, store those that pass and hold back those that a person must see.

    Files that cannot be read at all, and those of another study than the one asked for, are not kept: their sender has them.

    Returns
    -------
    One result a file, in the order of the files.

    Raises
    ------
    UnavailableError
        When the object store does not answer; what was settled before stays settled, and sending again goes on.
    """
    claims = [_claim(upload, file, number) for number, file in enumerate(files)]
    seen = [inspection for _, inspection in inspected(claims)]
    kept = [
        (file, claim, inspection)
        for file, claim, inspection in zip(files, claims, seen, strict=True)
        if _is_for(inspection.description, study_instance_uid)
    ]
    if not kept:
        return [DirectResult(inspection.description, inspection.findings) for inspection in seen]
    batch, parts = _record(upload, [(file, inspection.description) for file, _, inspection in kept], software=software)
    waiting: dict[int, Inspected] = {}
    for file, claim, inspection in kept:
        part = parts[file.sha256]
        if part.state == PartState.STAGED:
            waiting[part.pk] = (replace(claim, part_id=part.pk), inspection)
    group = list(waiting.values())
    for start in range(0, len(group), STORED_AT_ONCE):
        settle_parts(batch, group[start : start + STORED_AT_ONCE])
    finish_batch(batch.pk)
    rows = BatchPart.objects.filter(batch=batch, sha256__in=parts).values_list("sha256", "state", "findings")
    states = {sha256: (state, findings) for sha256, state, findings in rows}
    is_kept = {file.sha256 for file, _, _ in kept}
    return [
        _result(inspection, states[file.sha256] if file.sha256 in is_kept else ("", None))
        for file, inspection in zip(files, seen, strict=True)
    ]


def _result(inspection: Inspection, settled: tuple[str, list[dict[str, str]] | None]) -> DirectResult:
    state, findings = settled
    told = inspection.findings if findings is None else tuple(map(Finding.from_json, findings))
    return DirectResult(inspection.description, told, state)


def _is_for(description: InstanceDescription | None, study_instance_uid: str) -> bool:
    """Whether an instance can be kept: it can be read, and is of the study asked for, if one was."""
    return description is not None and study_instance_uid in ("", description.study_instance_uid)


def _claim(upload: DirectUpload, file: UploadedFile, number: int) -> PartClaim:
    """What is known of a file before anybody looks into it: its digest and where it comes from."""
    return PartClaim(
        part_id=number,
        path=str(file.path),
        sha256=file.sha256,
        study_instance_uid="",
        series_instance_uid="",
        sop_instance_uid="",
        sop_class_uid="",
        pixel_text=upload.pixel_text.value,
        site=upload.site.code,
        profile=upload.profile_source,
        are_texts_approved=False,
        observers=upload.derivation.observers if upload.derivation is not None else (),
    )


def _record(
    upload: DirectUpload, files: Sequence[tuple[UploadedFile, InstanceDescription | None]], *, software: str
) -> tuple[Batch, dict[str, BatchPart]]:
    """Make the files parts of today's batch; the parts by digest, those that were there before as they are."""
    staging.adopt(upload.batch_id, [(file.path, file.sha256) for file, _ in files])
    with transaction.atomic():
        batch = _batch_of_today(upload, software=software)
        rows = [_part(batch, file, item, upload.pixel_text) for file, item in files if item is not None]
        # One order everywhere, so that two senders of the same files wait for each other instead of deadlocking.
        rows.sort(key=lambda row: row.sha256)
        BatchPart.objects.bulk_create(rows, ignore_conflicts=True)
        wanted = {file.sha256 for file, _ in files}
        parts = {part.sha256: part for part in BatchPart.objects.filter(batch=batch, sha256__in=wanted)}
        batch.size_bytes = BatchPart.objects.filter(batch=batch).aggregate(total=Sum("size_bytes"))["total"] or 0
        batch.state, batch.finished_at, batch.deferred_at = BatchState.SEALED, None, timezone.now()
        batch.save(update_fields=["size_bytes", "state", "finished_at", "deferred_at"])
        facts = {"site": upload.site.code, "project": upload.project, "files": len(parts)}
        audit.record(upload.actor, "intake.store", object_kind="batch", object_id=batch.batch_id, facts=facts)
    for part in parts.values():
        if part.state not in (PartState.STAGED, PartState.QUARANTINED):
            staging.remove_part(batch.batch_id, part.sha256)
    return batch, parts


def _batch_of_today(upload: DirectUpload, *, software: str) -> Batch:
    derivation = upload.derivation
    values = {
        "door": Door.DIRECT if derivation is None else Door.DERIVED,
        "summary": {} if derivation is None else {OBSERVERS: list(derivation.observers)},
        "site": upload.site,
        "agreement": upload.agreement,
        "project": upload.project,
        "state": BatchState.SEALED,
        "profile_name": upload.profile.name,
        "profile_version": upload.profile.version,
        "profile_sha256": upload.profile.digest,
        "software": software[:_SOFTWARE_LENGTH],
        "report_sha256": "",
        "reviewed_by": upload.actor.name,
        "size_bytes": 0,
        "sealed_at": timezone.now(),
    }
    Batch.objects.get_or_create(batch_id=upload.batch_id, defaults=values)
    return Batch.objects.select_for_update(of=("self",)).select_related("site").get(batch_id=upload.batch_id)


def _part(batch: Batch, file: UploadedFile, item: InstanceDescription, pixel_text: PixelText) -> BatchPart:
    return BatchPart(
        batch=batch,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        study_instance_uid=item.study_instance_uid,
        series_instance_uid=item.series_instance_uid,
        sop_instance_uid=item.sop_instance_uid,
        sop_class_uid=item.sop_class_uid,
        pixel_text=pixel_text.value,
        state=PartState.STAGED,
    )
