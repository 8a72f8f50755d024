"""Storing directly, instance by instance: the same second look, agreement, quarantine and audit as for a sealed batch.

What one account or key stores for a project within a day is one batch; there is no manifest, so each instance's own header
is what it is held against, and nobody has vouched for its pixels. What this centre derives of a site's images comes the same
way, one batch a derivation.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import orjson
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from radcommons.deid.pixel_text import PixelText
from radcommons.dicom.finding import Finding
from radcommons.dicom.instance import InstanceDescription
from radcommons.dicom.part10 import MAX_FILE_BYTES
from radcommons.server.intake import staging
from radcommons.server.intake.inspectors import Inspected, LookAhead
from radcommons.server.intake.models import Batch, BatchPart, BatchState, Door, PartState
from radcommons.server.intake.profiles import profile_named
from radcommons.server.intake.queue import defer_finish
from radcommons.server.intake.rules import IS_CODED, OBSERVERS, WORDS, Inspection, PartClaim
from radcommons.server.intake.services.settling import (
    STORED_AT_ONCE,
    begin_settling,
    complete,
    finish_batch,
    settle_parts,
)
from radcommons.server.platform import audit
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.platform.rows import fetch, write_rows
from radcommons.server.sites.models import Agreement, Site
from radcommons.server.sites.queries import require_agreement, site_by_code
from radcommons.transfer.manifest import ProfileStamp

_SOFTWARE_LENGTH = 520
# After so long without a request a batch is closed; one under way is closed as often as this all the same.
QUIET = timedelta(seconds=5)
LONGEST = timedelta(minutes=1)
# By whose rules the centre looks at what it made itself: descriptions and reports are cleaned, not emptied.
DERIVED_PROFILE = "ricord"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """One file of a request, whole."""

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
    words
        Texts of the centre itself that the objects hold, as the names of labels.
    is_coded
        Whether the objects hold no other text: no curator has to read them.
    """

    name: str
    observers: tuple[str, ...]
    words: tuple[str, ...] = ()
    is_coded: bool = False


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
            derived = ("derived", self.site.code, self.project, self.derivation.name)
            return hashlib.sha256(orjson.dumps(derived)).hexdigest()
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


class FirstLook:
    """Takes in the files of one request, aside, and looks into them while others still arrive.

    Raises
    ------
    DiskFullError, PartTooLargeError
        As :class:`~.staging.Upload` and :class:`~.staging.FileSink`.
    """

    def __init__(self, upload: DirectUpload) -> None:
        self._upload = upload
        self._aside = staging.Upload()
        self._ahead = LookAhead()
        self.files: list[UploadedFile] = []
        self.claims: list[PartClaim] = []

    def new_file(self, *, maximum_bytes: int = MAX_FILE_BYTES) -> staging.FileSink:
        """What takes the bytes of another file."""
        return self._aside.new_file(maximum_bytes=maximum_bytes)

    def add(self, sink: staging.FileSink) -> None:
        """Say that a file is whole."""
        self._aside.keep(sink)
        file = UploadedFile(sink.path, sink.sha256, sink.size_bytes)
        claim = _claim(self._upload, file, len(self.files))
        self.files.append(file)
        self.claims.append(claim)
        self._ahead.add(claim)

    def found(self) -> list[Inspection]:
        """What was found in each, once all were given; they are on the disk then."""
        found = self._ahead.found()
        self._aside.wait()
        return found

    def close(self) -> None:
        """Look into no more of them, and leave nothing aside; what was stored or held back has its own place by then."""
        self._ahead.close()
        self._aside.close()


def store_directly(
    upload: DirectUpload, look: FirstLook, *, study_instance_uid: str = "", software: str = ""
) -> list[DirectResult]:
    """Store those files that pass and hold back those that a person must see.

    Files that cannot be read at all, and those of another study than the one asked for, are not kept: their sender has them.

    Returns
    -------
    One result a file, in the order of the files.

    Raises
    ------
    UnavailableError
        When the object store does not answer; what was settled before stays settled, and sending again goes on.
    """
    seen = look.found()
    kept = [
        (file, claim, inspection)
        for file, claim, inspection in zip(look.files, look.claims, seen, strict=True)
        if _is_for(inspection.description, study_instance_uid)
    ]
    if not kept:
        return [DirectResult(inspection.description, inspection.findings) for inspection in seen]
    named = staging.adopt(upload.batch_id, [(file.path, file.sha256) for file, _, _ in kept])
    with transaction.atomic():
        batch, parts = _record(
            upload, [(file, inspection.description) for file, _, inspection in kept], software=software
        )
        waiting: dict[int, Inspected] = {}
        for file, claim, inspection in kept:
            part = parts[file.sha256]
            if part.state == PartState.STAGED:
                waiting[part.pk] = (replace(claim, part_id=part.pk), inspection)
        first, *others = _groups(list(waiting.values()))
        settling = begin_settling(batch, first)
        # No row tells of a file whose name could be lost.
        named.result()
    settled = dict(complete(settling))
    for group in others:
        settled |= settle_parts(batch, group)
    if upload.derivation is not None:
        finish_batch(batch.pk)
    for sha256, part in parts.items():
        if part.pk in settled:
            parts[sha256] = _Part(part.pk, settled[part.pk].state, settled[part.pk].findings)
    if elsewhere := [part.pk for part in parts.values() if part.state == PartState.STAGED]:
        # What waited here was settled by somebody else.
        parts |= _parts(BatchPart.objects.filter(pk__in=elsewhere))
    is_kept = {file.sha256 for file, _, _ in kept}
    return [
        _result(inspection, parts[file.sha256] if file.sha256 in is_kept else None)
        for file, inspection in zip(look.files, seen, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part as it is in the table."""

    pk: int
    state: str
    findings: Sequence[Mapping[str, str]] = ()


def _parts(rows: QuerySet[BatchPart]) -> dict[str, _Part]:
    """Parts by their digests."""
    return {sha256: _Part(*others) for sha256, *others in rows.values_list("sha256", "pk", "state", "findings")}


def finish_when_quiet(batch_pk: int, *, since: datetime) -> None:
    """Close a batch of direct uploads once nothing was added to it for a moment; until then, ask again.

    Each request would otherwise have every study of the batch looked through by those who come after the intake. One that
    never pauses is closed, and what it brought announced, every minute all the same.
    """
    row = Batch.objects.filter(pk=batch_pk, state=BatchState.SEALED).first()
    if row is None:
        return
    now = timezone.now()
    is_quiet = row.deferred_at is None or now - row.deferred_at >= QUIET
    if (is_quiet or now - since >= LONGEST) and finish_batch(batch_pk):
        return
    defer_finish(batch_pk, since=since if now - since < LONGEST else now, after=QUIET)


def _groups(waiting: list[Inspected]) -> list[list[Inspected]]:
    """Parts that share transactions; at least one group."""
    return [waiting[start : start + STORED_AT_ONCE] for start in range(0, max(len(waiting), 1), STORED_AT_ONCE)]


def _result(inspection: Inspection, part: _Part | None) -> DirectResult:
    if part is None:
        return DirectResult(inspection.description, inspection.findings)
    return DirectResult(inspection.description, tuple(map(Finding.from_json, part.findings)), part.state)


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
        words=upload.derivation.words if upload.derivation is not None else (),
        is_fresh=True,
    )


def _record(
    upload: DirectUpload, files: Sequence[tuple[UploadedFile, InstanceDescription | None]], *, software: str
) -> tuple[Batch, dict[str, _Part]]:
    """Make the files parts of today's batch, in the open transaction; those that were there before stay as they are."""
    batch, is_foreseen = _batch_of_today(upload, software=software)
    wanted = {file.sha256: (file, item) for file, item in files if item is not None}
    rows = [_row(batch, *wanted[sha256], upload.pixel_text) for sha256 in wanted]
    keys = dict(write_rows(BatchPart, rows, returning=("sha256", "id")))
    parts = {sha256: _Part(key, PartState.STAGED) for sha256, key in keys.items()}
    if others := wanted.keys() - keys.keys():
        parts |= _parts(BatchPart.objects.filter(batch=batch, sha256__in=others))
    now = timezone.now()
    if not is_foreseen:
        defer_finish(batch.pk, since=now, after=QUIET)
    fetch(_REOPEN, [sum(wanted[sha256][0].size_bytes for sha256 in keys), now, batch.pk])
    facts = {"site": upload.site.code, "project": upload.project, "files": len(parts)}
    audit.record(upload.actor, "intake.store", object_kind="batch", object_id=batch.batch_id, facts=facts)
    needed = (PartState.STAGED, PartState.QUARANTINED)
    unneeded = [sha256 for sha256, part in parts.items() if part.state not in needed]
    transaction.on_commit(partial(staging.remove_parts, batch.batch_id, unneeded))
    return batch, parts


_LOCK = (
    b"SELECT id, state = 'sealed' AND deferred_at IS NOT NULL FROM intake_batch WHERE batch_id = %s FOR NO KEY UPDATE"
)
_REOPEN = b"""
UPDATE intake_batch SET size_bytes = size_bytes + %s, state = 'sealed', finished_at = NULL, deferred_at = %s
WHERE id = %s RETURNING id
"""


def _batch_of_today(upload: DirectUpload, *, software: str) -> tuple[Batch, bool]:
    """The batch, locked, and whether a job will close it."""
    found = fetch(_LOCK, [upload.batch_id])
    if not found:
        Batch.objects.get_or_create(batch_id=upload.batch_id, defaults=_new_batch(upload, software))
        found = fetch(_LOCK, [upload.batch_id])
    ((key, is_foreseen),) = found
    batch = Batch(pk=key, batch_id=upload.batch_id, site=upload.site, project=upload.project)
    return batch, is_foreseen


def _new_batch(upload: DirectUpload, software: str) -> dict[str, object]:
    derivation = upload.derivation
    summary: dict[str, object] = {}
    if derivation is not None:
        summary = {OBSERVERS: list(derivation.observers), WORDS: list(derivation.words), IS_CODED: derivation.is_coded}
    return {
        "door": Door.DIRECT if derivation is None else Door.DERIVED,
        "summary": summary,
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


def _row(batch: Batch, file: UploadedFile, item: InstanceDescription, pixel_text: PixelText) -> dict[str, object]:
    return {
        "batch_id": batch.pk,
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
        "study_instance_uid": item.study_instance_uid,
        "series_instance_uid": item.series_instance_uid,
        "sop_instance_uid": item.sop_instance_uid,
        "sop_class_uid": item.sop_class_uid,
        "pixel_text": pixel_text.value,
        "state": PartState.STAGED.value,
    }
