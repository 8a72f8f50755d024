"""Receiving a batch: open it by its manifest, take its parts, seal it."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from radcommons.server.intake import rules, staging
from radcommons.server.intake.errors import WrongSiteError
from radcommons.server.intake.models import Batch, BatchPart, BatchState, PartState, SigningKey, StatedSubject
from radcommons.server.intake.profiles import profile_source
from radcommons.server.intake.queue import defer_verification
from radcommons.server.intake.services.signing import keep_summary
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, InvalidError, NotFoundError
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Action, Actor, ActorKind, authorise
from radcommons.server.sites.models import Agreement, Site
from radcommons.server.sites.queries import require_agreement, site_by_code
from radcommons.transfer.manifest import BatchManifest

ROWS_PER_STATEMENT = 2000
NOTED_EVERY_S = 0.5


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


def open_batch(data: bytes, *, actor: Actor) -> OpenedBatch:
    """Record a batch by its manifest, or find it again; the same manifest always gives the same batch.

    Parameters
    ----------
    data
        The manifest's canonical bytes.

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
    manifest = BatchManifest.from_bytes(data)
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
        batch = _record_batch(manifest, site, agreement, actor=actor)
        if batch is not None:
            return OpenedBatch(batch, tuple(file.sha256 for file in manifest.files), is_new=True)
        batch = Batch.objects.get(batch_id=manifest.batch_id)
    with transaction.atomic():
        return OpenedBatch(batch, _reconcile(batch), is_new=False)


def _authorise_sending(actor: Actor, site_code: str) -> None:
    if actor.kind is ActorKind.SITE and actor.site_code != site_code:
        raise WrongSiteError
    authorise(actor, Action.INTAKE_SEND, site_code=site_code)


def _record_batch(manifest: BatchManifest, site: Site, agreement: Agreement, *, actor: Actor) -> Batch | None:
    """A new batch with its parts; None when another request recorded it in the meantime."""
    object_store().put_bytes(f"batches/{manifest.batch_id}/manifest.json", manifest.canonical_bytes)
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
            BatchPart.objects.bulk_create(_parts_of(batch, manifest), batch_size=ROWS_PER_STATEMENT)
            StatedSubject.objects.bulk_create(
                (
                    StatedSubject(batch=batch, subject_id=subject_id, covid19_status=status.value)
                    for subject_id, status in manifest.subjects.items()
                ),
                batch_size=ROWS_PER_STATEMENT,
            )
            facts = {"site": site.code, "project": manifest.project, "parts": len(manifest.files)}
            audit.record(actor, "intake.open-batch", object_kind="batch", object_id=batch.batch_id, facts=facts)
    except IntegrityError:
        return None
    return batch


def _parts_of(batch: Batch, manifest: BatchManifest) -> list[BatchPart]:
    """The rows of the parts, study by study: what is verified together then mostly belongs together."""
    files = sorted(
        manifest.files, key=lambda file: (file.study_instance_uid, file.series_instance_uid, file.sop_instance_uid)
    )
    return [
        BatchPart(
            batch=batch,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            study_instance_uid=file.study_instance_uid,
            series_instance_uid=file.series_instance_uid,
            sop_instance_uid=file.sop_instance_uid,
            sop_class_uid=file.sop_class_uid,
            pixel_text=file.pixel_text.value,
            release={} if file.release is None else file.release.to_json(),
        )
        for file in files
    ]


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


def part_to_receive(batch_pk: int, sha256: str) -> PartTicket:
    """What is to be sent of one part.

    Raises
    ------
    NotFoundError
        When the batch has no such part.
    """
    statement = """
        SELECT b.batch_id, p.size_bytes, p.state <> %s OR b.state <> %s
        FROM intake_batchpart p JOIN intake_batch b ON b.id = p.batch_id WHERE p.batch_id = %s AND p.sha256 = %s
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [PartState.MISSING, BatchState.RECEIVING, batch_pk, sha256])
        row = cursor.fetchone()
    if row is None:
        raise NotFoundError
    batch_id, size_bytes, is_there = row
    return PartTicket(batch_pk, batch_id, sha256, size_bytes, is_there)


class StagedParts:
    """Notes which parts lie in the staging folder, many at a time.

    Transport, not a change of state anybody decided: the audit log gets the batch, not each of its files. Sealing looks into
    the folder again, so what was not noted when a process ends is not lost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, list[str]] = {}
        self._noted_at: dict[int, float] = {}

    def note(self, ticket: PartTicket) -> None:
        """Note a part; noting it again changes nothing."""
        now = time.monotonic()
        with self._lock:
            self._waiting.setdefault(ticket.batch_pk, []).append(ticket.sha256)
            if now - self._noted_at.get(ticket.batch_pk, -NOTED_EVERY_S) < NOTED_EVERY_S:
                return
            self._noted_at = {key: at for key, at in self._noted_at.items() if now - at < NOTED_EVERY_S}
            self._noted_at[ticket.batch_pk] = now
            digests = self._waiting.pop(ticket.batch_pk)
        statement = """
            UPDATE intake_batchpart SET state = %s WHERE batch_id = %s AND sha256 = ANY(%s) AND state = %s
              AND set_config('synchronous_commit', 'off', true) = 'off'
        """
        with connection.cursor() as cursor:
            cursor.execute(statement, [PartState.STAGED, ticket.batch_pk, digests, PartState.MISSING])


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
        batch = Batch.objects.select_for_update(of=("self",)).select_related("site").filter(batch_id=batch_id).first()
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


def _reconcile(batch: Batch) -> tuple[str, ...]:
    """Make the table agree with the staging folder, and return the digests still missing.

    A crash between a file's rename and its row, or a disk that lost a file, is healed here.
    """
    staging.write_names(batch.batch_id)
    rows: Sequence[BatchPart] = list(
        BatchPart.objects.filter(batch=batch, state__in=(PartState.MISSING, PartState.STAGED))
    )
    there = {part.pk: staging.has_part(batch.batch_id, part.sha256, part.size_bytes) for part in rows}
    arrived = [part.pk for part in rows if there[part.pk] and part.state == PartState.MISSING]
    lost = [part.pk for part in rows if not there[part.pk] and part.state == PartState.STAGED]
    BatchPart.objects.filter(pk__in=arrived, state=PartState.MISSING).update(state=PartState.STAGED)
    BatchPart.objects.filter(pk__in=lost, state=PartState.STAGED).update(state=PartState.MISSING)
    return tuple(part.sha256 for part in rows if not there[part.pk])
