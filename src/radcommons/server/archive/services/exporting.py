"""Writing the whole archive as plain folders that need no program to be read; an interrupted export goes on."""

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from radcommons import __version__
from radcommons.dicom.finding import Finding
from radcommons.server.archive import companions, storage
from radcommons.server.archive import export_format as form
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.platform import audit, keys
from radcommons.server.platform.errors import NotFoundError, UnavailableError
from radcommons.server.platform.objects import CHUNK_BYTES, instance_key, object_store
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.settings import settings
from radcommons.server.sites.models import Site
from radcommons.transfer.release.attestation import public_key_pem, sign, statement
from radcommons.transfer.release.canonical import sha256_hex

COPYING_THREADS = 4
LOOK_AHEAD = 32
SPARE_BYTES = 64 << 20
_PLACE = {
    "site_code": "series__study__subject__site__code",
    "project": "series__study__subject__project",
    "subject_id": "series__study__subject__subject_id",
    "study_instance_uid": "series__study__study_instance_uid",
    "series_instance_uid": "series__series_instance_uid",
    "sop_instance_uid": "sop_instance_uid",
}


@dataclass(slots=True)
class Export:
    """How an export went."""

    instances: int = 0
    size_bytes: int = 0
    already_there: int = 0
    findings: list[Finding] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """The outcome as ``--json`` shows it."""
        findings = [finding.to_json() for finding in self.findings]
        numbers = {"instances": self.instances, "size_bytes": self.size_bytes, "already_there": self.already_there}
        return {**numbers, "findings": findings}


def export_archive(folder: Path, *, actor: Actor, progress: Callable[[int, int], None] | None = None) -> Export:
    """Write every stored instance and every signed file of a release below a folder, with signed manifests.

    What lies there under its final name was compared with its digest when it was written and is not written again. An
    object that is damaged is left out and named in the findings; the manifests say what is there.

    Raises
    ------
    UnavailableError
        When the disk has not enough room, or the store stops answering.
    """
    _demand_room(folder)
    done = Export()
    with ThreadPoolExecutor(COPYING_THREADS) as pool:
        manifests = list(_manifests(folder, pool, done, progress))
        kept = (_Wanted(each.path, each.object_key, each.sha256, each.size_bytes) for each in companions.companions())
        others = [(each.sha256, each.path) for each in _copied(folder, pool, kept, done)]
    rows = Site.objects.filter(code__in={manifest.site_code for manifest in manifests}).order_by("code")
    document = form.ArchiveExport(
        centre=settings().public_url,
        software=f"RadCommons {__version__}",
        made_at=timezone.now().isoformat(timespec="seconds"),
        sites=tuple(form.ExportedSite(*values) for values in rows.values_list("code", "name", "country")),
        manifests=tuple(manifests),
        companions=len(others),
    ).to_bytes()
    _sign(folder, document)
    _write_sums(folder, manifests, others)
    with transaction.atomic():
        facts = {"instances": done.instances, "sha256": sha256_hex(document), "findings": len(done.findings)}
        audit.record(actor, "archive.export", object_kind="archive", object_id="objects", facts=facts)
    return done


@dataclass(frozen=True, slots=True)
class _Wanted:
    path: str
    object_key: str
    sha256: str
    size_bytes: int
    pixel_text: str = ""


def _demand_room(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = _stored().aggregate(size=Sum("size_bytes"))["size"] or 0
    there = sum(path.stat().st_size for path in folder.rglob("*.dcm"))
    free = shutil.disk_usage(folder).free
    if wanted - there + SPARE_BYTES > free:
        message = (
            f"The export needs {(wanted - there) / 2**30:.1f} GiB more and the disk has {free / 2**30:.1f} GiB free."
        )
        raise UnavailableError("archive.export-no-room", message)


def _stored() -> QuerySet[Instance]:
    return Instance.objects.filter(state=InstanceState.STORED).order_by()


def _manifests(
    folder: Path, pool: ThreadPoolExecutor, done: Export, progress: Callable[[int, int], None] | None
) -> Iterator[form.ExportedManifest]:
    """Write the instances of each project at each site, then their manifest."""
    rows = _stored().order_by(*_PLACE.values()).values_list("sha256", "size_bytes", "pixel_text", *_PLACE.values())
    for (site_code, project), members in groupby(rows.iterator(chunk_size=2000), key=lambda row: (row[3], row[4])):
        path = form.manifest_path(site_code, project)
        aside = folder / f"{path}.part"
        aside.parent.mkdir(parents=True, exist_ok=True)
        digest, count, size_bytes = hashlib.sha256(), 0, 0
        with aside.open("wb") as sink:
            for each in _copied(folder, pool, map(_wanted, members), done):
                line = form.ExportedInstance(each.path, each.sha256, each.size_bytes, each.pixel_text).line()
                sink.write(line)
                digest.update(line)
                count, size_bytes = count + 1, size_bytes + each.size_bytes
                done.instances, done.size_bytes = done.instances + 1, done.size_bytes + each.size_bytes
                if progress is not None:
                    progress(done.instances, done.size_bytes)
        aside.rename(folder / path)
        yield form.ExportedManifest(path, site_code, project, digest.hexdigest(), count, size_bytes)


def _wanted(row: tuple[Any, ...]) -> _Wanted:
    sha256, size_bytes, pixel_text, *place = row
    path = form.place_of(dict(zip(_PLACE, place, strict=True)))
    return _Wanted(path, instance_key(sha256), sha256, size_bytes, pixel_text)


def _copied(folder: Path, pool: ThreadPoolExecutor, wanted: Iterator[_Wanted], done: Export) -> Iterator[_Wanted]:
    """Those that are in place and right, in order; what is not becomes a finding."""
    waiting: deque[tuple[_Wanted, Future[Finding | bool]]] = deque()

    def settled() -> Iterator[_Wanted]:
        each, future = waiting.popleft()
        outcome = future.result()
        if isinstance(outcome, Finding):
            done.findings.append(outcome)
            return
        done.already_there += outcome is True
        yield each

    for each in wanted:
        waiting.append((each, pool.submit(_copy, folder, each)))
        if len(waiting) >= LOOK_AHEAD:
            yield from settled()
    while waiting:
        yield from settled()


def _copy(folder: Path, each: _Wanted) -> Finding | bool:
    """Bring one object to its place; whether it lay there already, or what is wrong with it."""
    target = folder / each.path
    if target.is_file() and target.stat().st_size == each.size_bytes:
        return True
    aside = target.with_name(f"{target.name}.part")
    digest, size_bytes = hashlib.sha256(), 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as sink:
            for chunk in object_store().stream(each.object_key, chunk_bytes=CHUNK_BYTES):
                digest.update(chunk)
                size_bytes += len(chunk)
                sink.write(chunk)
            sink.flush()
            os.fsync(sink.fileno())
        finding = storage.verdict(each.sha256, each.size_bytes, (digest.hexdigest(), size_bytes))
        if finding is None:
            aside.rename(target)
            return False
    except NotFoundError:
        finding = storage.verdict(each.sha256, each.size_bytes, None)
    except OSError as error:
        aside.unlink(missing_ok=True)
        message = f"The export's disk cannot be written ({error.strerror}). Free space or check it, then run it again."
        raise UnavailableError("archive.export-disk", message) from error
    aside.unlink(missing_ok=True)
    return finding or False


def _sign(folder: Path, document: bytes) -> None:
    key = keys.signing_key()
    envelope = sign(statement({form.ARCHIVE_JSON: sha256_hex(document)}, {"export": "archive"}), key)
    for name, data in (
        (form.KEY_PEM, public_key_pem(key.public_key())),
        (form.ENVELOPE_JSON, envelope),
        (form.ARCHIVE_JSON, document),
    ):
        aside = folder / f"{name}.part"
        aside.write_bytes(data)
        aside.rename(folder / name)


def _write_sums(folder: Path, manifests: Sequence[form.ExportedManifest], others: Sequence[tuple[str, str]]) -> None:
    aside = folder / f"{form.SUMS}.part"
    with aside.open("wb") as sink:
        for manifest in manifests:
            with (folder / manifest.path).open("rb") as lines:
                for each in map(form.ExportedInstance.read, lines):
                    sink.write(form.sums([(each.sha256, each.path)]))
        sink.write(form.sums([*((manifest.sha256, manifest.path) for manifest in manifests), *others]))
        names = (form.ARCHIVE_JSON, form.ENVELOPE_JSON, form.KEY_PEM)
        sink.write(form.sums((sha256_hex((folder / name).read_bytes()), name) for name in names))
    aside.rename(folder / form.SUMS)
