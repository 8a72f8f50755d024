"""Receiving a batch: open it by its manifest, take its parts, seal it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from radcommons.server.intake import rules, staging
from radcommons.server.intake.errors import WrongSiteError
from radcommons.server.intake.models import Batch, BatchPart, BatchState, PartState, SigningKey, StatedSubject
from radcommons.server.intake.profiles import profile_source
from radcommons.server.intake.queue import defer_look_ahead, defer_verification
from radcommons.server.intake.services.signing import keep_summary
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, InvalidError, NotFoundError
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Action, Actor, ActorKind, authorise
from radcommons.server.sites.models import Agreement, Site
from radcommons.server.sites.queries import require_agreement, site_by_code
from radcommons.transfer.manifest import BatchManifest

ROWS_PER_STATEMENT = 2000
# What a manifest says of a file, by the columns of its row.
_ANNOUNCED = (
    *("sha256", "size_bytes", "study_instance_uid", "series_instance_uid", "sop_instance_uid", "sop_class_uid"),
    *("pixel_text", "release"),
)


@dataclass(frozen=True, slots=True)
class OpenedBatch:
    """A batch as its sender needs to know it.

    Parameters
    ----------
    missing
        Digests of the parts that have not arrived, in the manifest's order.
    is_new
        Whether this call recorded the batch.
    """

    batch: Batch
    missing: tuple[str, ...]
    is_new: bool


@dataclass(frozen=True, slots=True)
class PartTicket:
    """Leave to send one part: how long it is, and whether it is needed at all."""

    batch_pk: int
    batch_id: str
    sha256: str
    size_bytes: int
    is_there: bool


def open_batch(data: bytes | Path, *, actor: Actor) -> OpenedBatch:
    """Record a batch by its manifest, or find it again; the same manifest always gives the same batch.

    Parameters
    ----------
    data
        The manifest's canonical bytes, or the file they lie in: a hundred thousand files are never in memory together.

    Raises
    ------
    RadCommonsError
        ``transfer.manifest-invalid`` when it is not a manifest.
    WrongSiteError
        When the key is another site's.
    NoValidAgreementError
        When the site has no agreement in force for the project.
    UnknownProfileError
        When the centre does not accept the profile of the batch.
    """
    manifest = BatchManifest.from_file(data) if isinstance(data, Path) else BatchManifest.from_bytes(data)
    _authorise_sending(actor, manifest.site)
    if manifest.size_bytes > rules.MAXIMUM_BATCH_BYTES:
        raise InvalidError("intake.batch-too-large", "The manifest announces more bytes than any batch can have.")
    site = site_by_code(manifest.site)
    batch = Batch.objects.filter(batch_id=manifest.batch_id).first()
    if batch is not None and batch.state != BatchState.RECEIVING:
        return OpenedBatch(batch, (), is_new=False)
    agreement = require_agreement(site, manifest.project, timezone.localdate())
    profile = manifest.profile
    profile_source(manifest.project, name=profile.name, version=profile.version, sha256=profile.digest)
    if batch is None:
        _keep_manifest(manifest.batch_id, data)
        batch = _record_batch(manifest, site, agreement, actor=actor)
        if batch is not None:
            return OpenedBatch(batch, tuple(file.sha256 for file in manifest.files), is_new=True)
        batch = Batch.objects.get(batch_id=manifest.batch_id)
    with transaction.atomic():
        missing = _reconcile(batch)
        if missing:
            defer_look_ahead(batch.pk)
        return OpenedBatch(batch, missing, is_new=False)


def _authorise_sending(actor: Actor, site_code: str) -> None:
    if actor.kind is ActorKind.SITE and actor.site_code != site_code:
        raise WrongSiteError
    authorise(actor, Action.INTAKE_SEND, site_code=site_code)


def _keep_manifest(batch_id: str, data: bytes | Path) -> None:
    key = f"batches/{batch_id}/manifest.json"
    if isinstance(data, Path):
        object_store().put_path(key, data)
    else:
        object_store().put_bytes(key, data)


def _record_batch(manifest: BatchManifest, site: Site, agreement: Agreement, *, actor: Actor) -> Batch | None:
    """A new batch with its parts; None when another request recorded it in the meantime."""
    try:
        with transaction.atomic():
            batch = Batch.objects.create(
                batch_id=manifest.batch_id,
                site=site,
                agreement=agreement,
                project=manifest.project,
                profile_name=manifest.profile.name,
                profile_version=manifest.profile.version,
                profile_sha256=manifest.profile.digest,
                software=f"{manifest.software.name} {manifest.software.version}",
                report_sha256=manifest.report_sha256,
                reviewed_by=manifest.review.by,
                size_bytes=manifest.size_bytes,
            )
            _announce_parts(batch, manifest)
            StatedSubject.objects.bulk_create(
                (
                    StatedSubject(batch=batch, subject_id=subject_id, covid19_status=status.value)
                    for subject_id, status in manifest.subjects.items()
                ),
                batch_size=ROWS_PER_STATEMENT,
            )
            facts = {"site": site.code, "project": manifest.project, "parts": len(manifest.files)}
            defer_look_ahead(batch.pk)
            audit.record(actor, "intake.open-batch", object_kind="batch", object_id=batch.batch_id, facts=facts)
    except IntegrityError:
        return None
    return batch


def _announce_parts(batch: Batch, manifest: BatchManifest) -> None:
    """Write the rows of the parts, study by study: what is verified together then mostly belongs together.

    The database sorts them, so that they are never all in this process.
    """
    names = ", ".join(_ANNOUNCED)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE intake_announced ON COMMIT DROP AS SELECT {names} FROM intake_batchpart WITH NO DATA"  # noqa: S608
        )
        with cursor.copy(f"COPY intake_announced ({names}) FROM STDIN") as copy:
            for file in manifest.files:
                release = {} if file.release is None else file.release.to_json()
                values = {"pixel_text": file.pixel_text.value, "release": json.dumps(release)}
                copy.write_row([values[name] if name in values else getattr(file, name) for name in _ANNOUNCED])
        cursor.execute(
            f"INSERT INTO intake_batchpart (batch_id, state, {names}, pixel_text_approved_by, texts_approved_by,"  # noqa: S608
            f" is_announced, findings) SELECT %s, %s, {names}, '', '', false, '[]'::jsonb FROM intake_announced"
            " ORDER BY study_instance_uid, series_instance_uid, sop_instance_uid",
            [batch.pk, PartState.MISSING],
        )
        # Another batch may be opened in the same transaction.
        cursor.execute("DROP TABLE intake_announced")


def batch_to_receive(batch_id: str, *, actor: Actor) -> int:
    """Leave to send parts of a batch; its number.

    Raises
    ------
    NotFoundError
        When the site has no such batch.
    """
    batch = Batch.objects.filter(batch_id=batch_id).select_related("site").first()
    if batch is None or (actor.kind is ActorKind.SITE and batch.site.code != actor.site_code):
        raise NotFoundError
    authorise(actor, Action.INTAKE_SEND, site_code=batch.site.code)
    return batch.pk


def parts_to_receive(batch_pk: int, digests: Sequence[str]) -> list[PartTicket]:
    """What is to be sent of some parts, in their order.

    Raises
    ------
    NotFoundError
        When the batch has no such part.
    """
    statement = """
        SELECT p.sha256, b.batch_id, p.size_bytes, p.state <> %s OR b.state <> %s
        FROM intake_batchpart p JOIN intake_batch b ON b.id = p.batch_id WHERE p.batch_id = %s AND p.sha256 = ANY(%s)
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [PartState.MISSING, BatchState.RECEIVING, batch_pk, list(digests)])
        known = {row[0]: row for row in cursor.fetchall()}
    if len(known) != len(set(digests)):
        raise NotFoundError
    return [_ticket(batch_pk, *known[sha256]) for sha256 in digests]


def _ticket(batch_pk: int, sha256: str, batch_id: str, size_bytes: int, is_known: bool) -> PartTicket:  # noqa: FBT001 - a row
    # One that a broken request left whole is not noted yet.
    is_there = is_known or staging.has_part(batch_id, sha256, size_bytes)
    return PartTicket(batch_pk, batch_id, sha256, size_bytes, is_there)


def note_staged(batch_pk: int, digests: Sequence[str]) -> None:
    """Note which parts lie in the staging folder.

    Transport, not a change of state anybody decided: the audit log gets the batch, not each of its files. Sealing looks into
    the folder again, so what was not noted when a process ends is not lost.
    """
    statement = """
        UPDATE intake_batchpart SET state = %s WHERE batch_id = %s AND sha256 = ANY(%s) AND state = %s
          AND set_config('synchronous_commit', 'off', true) = 'off'
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [PartState.STAGED, batch_pk, list(digests), PartState.MISSING])


def seal_batch(batch_id: str, *, envelope: bytes, actor: Actor) -> Batch:
    """Declare a batch complete and put its verification into the queue; sealing it again changes nothing.

    A batch that is signed with a key the centre does not know waits for a person.

    Parameters
    ----------
    envelope
        The signed summary (:mod:`radcommons.transfer.summary`).

    Raises
    ------
    NotFoundError
        When the site has no such batch.
    ConflictError
        ``intake.parts-missing`` with the digests that have not arrived.
    NoValidAgreementError
        When the agreement ended since the batch was opened.
    RadCommonsError
        ``intake.summary-missing``, ``transfer.summary-invalid``, ``transfer.summary-mismatch``, ``intake.signing-key``.
    """
    with transaction.atomic():
        batch = (
            Batch.objects.select_for_update(of=("self",), no_key=True)
            .select_related("site")
            .filter(batch_id=batch_id)
            .first()
        )
        if batch is None or (actor.kind is ActorKind.SITE and batch.site.code != actor.site_code):
            raise NotFoundError
        authorise(actor, Action.INTAKE_SEND, site_code=batch.site.code)
        if batch.state != BatchState.RECEIVING:
            return batch
        require_agreement(batch.site, batch.project, timezone.localdate())
        missing = _reconcile(batch)
        if missing:
            message = f"{len(missing)} files have not arrived yet. Send them, then seal again."
            raise ConflictError("intake.parts-missing", message, missing=list(missing))
        key = keep_summary(batch, envelope)
        is_trusted = key.trust == SigningKey.Trust.TRUSTED
        batch.state, batch.sealed_at = BatchState.SEALED if is_trusted else BatchState.HELD, timezone.now()
        batch.save(update_fields=["state", "sealed_at", "summary", "summary_sha256", "signing_key"])
        if is_trusted:
            defer_verification(batch)
        facts = {"state": batch.state, "signing_key": key.fingerprint}
        audit.record(actor, "intake.seal-batch", object_kind="batch", object_id=batch_id, facts=facts)
    return batch


def _move(keys: list[int], before: PartState, after: PartState) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE intake_batchpart SET state = %s WHERE id = ANY(%s) AND state = %s", [after, keys, before]
        )


def _reconcile(batch: Batch) -> tuple[str, ...]:
    """Make the table agree with the staging folder, and return the digests still missing; in the caller's transaction.

    A crash between a file's rename and its row, or a disk that lost a file, is healed here.
    """
    staging.write_names(batch.batch_id)
    has_part = staging.looking_into(batch.batch_id)
    open_parts = BatchPart.objects.filter(batch=batch, state__in=(PartState.MISSING, PartState.STAGED))
    rows = open_parts.values_list("pk", "sha256", "size_bytes", "state").iterator(ROWS_PER_STATEMENT)
    arrived, lost, missing = [], [], []
    for key, sha256, size_bytes, state in rows:
        is_there = has_part(sha256, size_bytes)
        if not is_there:
            missing.append(sha256)
        if is_there and state == PartState.MISSING:
            arrived.append(key)
        elif not is_there and state == PartState.STAGED:
            lost.append(key)
    _move(arrived, PartState.MISSING, PartState.STAGED)
    _move(lost, PartState.STAGED, PartState.MISSING)
    return tuple(missing)
