"""Storing directly, instance by instance: the same second look, agreement, quarantine and audit as for a sealed batch.

What one account or key stores for a project within a day is one batch; there is no manifest, so each instance's own header
is what it is held against, and nobody has vouched for its pixels. What this centre derives of a site's images comes the same
way, one batch a derivation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from radcommons.deid.pixel_text import PixelText
from radcommons.dicom.finding import Finding
from radcommons.dicom.instance import InstanceDescription
from radcommons.server.intake import staging
from radcommons.server.intake.inspectors import Inspected
from radcommons.server.intake.models import Batch, BatchPart, BatchState, Door, PartState
from radcommons.server.intake.queue import defer_finish
from radcommons.server.intake.rules import IS_CODED, OBSERVERS, WORDS, Inspection
from radcommons.server.intake.services.first_look import FirstLook, UploadedFile
from radcommons.server.intake.services.opening import DirectUpload
from radcommons.server.intake.services.settling import (
    STORED_AT_ONCE,
    begin_settling,
    complete,
    finish_batch,
    settle_parts,
)
from radcommons.server.platform import audit
from radcommons.server.platform.rows import fetch, write_rows

_SOFTWARE_LENGTH = 520
# After so long without a request a batch is closed; one under way is closed as often as this all the same.
QUIET = timedelta(seconds=5)
LONGEST = timedelta(minutes=1)


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
