"""Taking in what another archive exported: signature, every digest, every file through the same door as any other."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import transaction

from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.instance import InstanceDescription, describe_file
from radcommons.dicom.isolation import LimitedPool
from radcommons.server.archive import export_format as form
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.rules import StoreOutcome
from radcommons.server.archive.services.storing import Offer, announce_stored, store_instances
from radcommons.server.platform import audit
from radcommons.server.platform.errors import InvalidError, NotFoundError
from radcommons.server.platform.objects import LocalObjects
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.settings import settings
from radcommons.server.sites.models import Site
from radcommons.server.sites.services import add_site
from radcommons.transfer.release.attestation import open_envelope, read_public_key, verify_subject
from radcommons.transfer.release.canonical import sha256_hex

TOGETHER = 100
Described = tuple[InstanceDescription | None, tuple[Finding, ...]]


@dataclass(slots=True)
class Import:
    """How an import went."""

    stored: int = 0
    already_there: int = 0
    size_bytes: int = 0
    sites_made: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """The outcome as ``--json`` shows it."""
        return {
            "stored": self.stored,
            "already_there": self.already_there,
            "size_bytes": self.size_bytes,
            "sites_made": self.sites_made,
            "findings": [finding.to_json() for finding in self.findings],
        }


def import_archive(
    folder: Path,
    *,
    actor: Actor,
    pinned_key: bytes | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Import:
    """Store every instance of an export that is not here yet; one bad file stops nothing, and is named in the findings.

    Parameters
    ----------
    pinned_key
        The PEM key of the centre that wrote the export, obtained another way; without it the key in the folder is believed,
        which tells damage but not deceit.

    Raises
    ------
    NotFoundError
        When the folder holds no export.
    SignatureError, ReleaseFormatError
        When what it says of itself is not what was signed.
    UnavailableError
        When the object store takes no more; running the import again goes on.
    """
    export = _opened(folder, pinned_key)
    done = Import()
    limits = settings()
    for site in export.sites:
        if not Site.objects.filter(code=site.code).exists():
            add_site(site.code, name=site.name, country=site.country, actor=actor)
            done.sites_made.append(site.code)
    with LimitedPool(
        describe_file,
        processes=limits.worker_processes,
        memory_bytes=limits.worker_memory_bytes,
        timeout_s=limits.parse_timeout_s,
    ) as pool:
        for manifest in export.manifests:
            studies: set[str] = set()
            for some in _checked_lines(folder, manifest):
                studies |= _take_in(folder, some, manifest, pool, done, actor=actor)
                if progress is not None:
                    progress(done.stored + done.already_there, done.size_bytes)
            announce_stored(studies)
    with transaction.atomic():
        facts = {"stored": done.stored, "already_there": done.already_there, "findings": len(done.findings)}
        audit.record(actor, "archive.import", object_kind="archive", object_id="objects", facts=facts)
    return done


def _opened(folder: Path, pinned_key: bytes | None) -> form.ArchiveExport:
    try:
        document = (folder / form.ARCHIVE_JSON).read_bytes()
        envelope = (folder / form.ENVELOPE_JSON).read_bytes()
        pem = pinned_key if pinned_key is not None else (folder / form.KEY_PEM).read_bytes()
    except FileNotFoundError as error:
        message = "The folder holds no finished export: its archive.json, signature or key is missing."
        raise NotFoundError(message) from error
    verify_subject(open_envelope(envelope, read_public_key(pem)), form.ARCHIVE_JSON, sha256_hex(document))
    return form.ArchiveExport.from_bytes(document)


def _checked_lines(folder: Path, manifest: form.ExportedManifest) -> Iterator[list[form.ExportedInstance]]:
    """The lines of a manifest, some at a time, once the whole file is what the signed document says."""
    path = folder / manifest.path
    if not path.is_file():
        raise NotFoundError("A manifest of the export is missing.")
    with path.open("rb") as lines:
        if hashlib.file_digest(lines, "sha256").hexdigest() != manifest.sha256:
            raise InvalidError("archive.manifest-changed", "A manifest of the export is not the one that was signed.")
        lines.seek(0)
        while some := list(islice(lines, TOGETHER)):
            yield [form.ExportedInstance.read(line) for line in some]


def _take_in(
    folder: Path,
    wanted: list[form.ExportedInstance],
    manifest: form.ExportedManifest,
    pool: LimitedPool[Path, Described],
    done: Import,
    *,
    actor: Actor,
) -> set[str]:
    """Store some instances; the studies that they added to."""
    known = Instance.objects.filter(sha256__in=[each.sha256 for each in wanted], state=InstanceState.STORED)
    here = set(known.values_list("sha256", flat=True))
    done.already_there += sum(each.sha256 in here for each in wanted)
    missing = {folder / each.path: each for each in wanted if each.sha256 not in here}
    there = [path for path in missing if path.is_file() and path.resolve().is_relative_to(folder.resolve())]
    done.findings += [_lost(missing[path]) for path in missing.keys() - set(there)]
    site = Site.objects.get(code=manifest.site_code)
    with _own_copies(there) as copies:
        offers = []
        for copy, answer in pool.run(list(copies)):
            offer = _offer(copy, missing[copies[copy]], answer)
            if isinstance(offer, Finding):
                done.findings.append(offer)
            else:
                offers.append(offer)
        results = store_instances(offers, site=site, project=manifest.project, actor=actor)
    studies = set()
    for offer, result in zip(offers, results, strict=True):
        if result.outcome is StoreOutcome.CONFLICT:
            done.findings += result.findings
            continue
        done.stored += result.outcome is StoreOutcome.STORED
        done.already_there += result.outcome is StoreOutcome.DUPLICATE
        done.size_bytes += offer.description.size_bytes
        studies.add(offer.description.study_instance_uid)
    return studies


@contextmanager
def _own_copies(paths: Iterable[Path]) -> Iterator[dict[Path, Path]]:
    """Copies on the disk, each with what it was copied from: the archive keeps the files that it is offered.

    They lie where direct uploads do, since what a killed process leaves there is cleaned up.
    """
    aside = settings().staging_dir / "direct"
    aside.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=aside) as folder:
        copies, own = {}, LocalObjects(Path(folder))
        for number, path in enumerate(paths):
            own.put_path(f"{number}.dcm", path)
            copies[own.root / f"{number}.dcm"] = path
        yield copies


def _offer(path: Path, wanted: form.ExportedInstance, answer: Described | Finding) -> Offer | Finding:
    """What is offered to the archive, or why nothing is."""
    if isinstance(answer, Finding):
        return answer
    description, findings = answer
    if description is None:
        message = "A file of the export cannot be read as DICOM."
        return next(iter(findings), Finding(Severity.ERROR, "archive.import-unreadable", wanted.sha256, message))
    if (description.sha256, description.size_bytes) != (wanted.sha256, wanted.size_bytes):
        message = "A file of the export is not what its manifest says; it was left out. Export it again."
        return Finding(Severity.ERROR, "archive.import-damaged", wanted.sha256, message)
    return Offer(description, path, wanted.pixel_text)


def _lost(wanted: form.ExportedInstance) -> Finding:
    message = "A file that the manifest names is not in the export. Export it again."
    return Finding(Severity.ERROR, "archive.import-missing", wanted.sha256, message)
