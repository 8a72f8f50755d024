"""Bringing a release to a folder: planned in a journal, fetched in parallel, audited at the end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import orjson

from radcommons.client.arriving import write_document
from radcommons.client.errors import Failures, FolderError, RemoteError, SelectionError, made
from radcommons.client.journal import Item, Journal
from radcommons.client.large import LARGE_BYTES
from radcommons.client.layout import OWN_NAMES, STATE_FOLDER, Layout, path_of
from radcommons.client.receipt import Receipt
from radcommons.client.remote import FIRST_WAIT_S, Expected, Remote
from radcommons.client.run import Report, Run
from radcommons.client.tables import prepare, selected_rows
from radcommons.client.verify import (
    Verification,
    core_items,
    read_signed_manifest,
    record_items,
    verify_folder,
)
from radcommons.dicom.errors import Kind
from radcommons.transfer.release.canonical import canonical_json
from radcommons.transfer.release.errors import ReleaseFormatError
from radcommons.transfer.release.manifest import ReleaseManifest
from radcommons.transfer.release.paths import (
    ENVELOPE_JSON,
    PUBLIC_KEY_PEM,
    RELEASE_JSON,
    STATUS_JSON,
    instance_path,
    safe_relative_path,
)

FIRST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """What a researcher asks for.

    Parameters
    ----------
    name
        ``slug@version``; the version may be ``latest``, which is also meant when it is left out.
    where
        A condition over the columns of the release's tables, or None for everything.
    threads
        Parallel transfers.
    first_wait_s
        Seconds before the first repetition of a failed request; each further wait is twice as long.
    large_bytes
        Files of at least this size are fetched in parts.
    """

    name: str
    url: str
    where: str | None = None
    layout: Layout = Layout.SUBJECT
    token: str | None = None
    threads: int = 8
    first_wait_s: float = FIRST_WAIT_S
    large_bytes: int = LARGE_BYTES


@dataclass(slots=True)
class Download:
    """How a download ended."""

    receipt: Receipt
    audit: Verification
    fetched: int = 0
    fetched_bytes: int = 0
    already_there: int = 0
    failures: Failures = field(default_factory=Failures)

    @property
    def is_complete(self) -> bool:
        """Whether every selected file is in place and right."""
        return self.audit.is_ok and not self.failures

    def to_json(self) -> dict[str, object]:
        """The outcome as ``--json`` prints it."""
        return {
            "ok": self.is_complete,
            "slug": self.receipt.slug,
            "version": self.receipt.version,
            "root_hash": self.receipt.root_hash,
            "instances": self.receipt.instances,
            "size_bytes": self.receipt.size_bytes,
            "fetched": self.fetched,
            "fetched_bytes": self.fetched_bytes,
            "already_there": self.already_there,
            **self.failures.to_json(),
            "audit": self.audit.to_json(),
        }


def download(wish: Wish, folder: Path, *, report: Report = lambda _: None) -> Download:
    """Bring what *wish* names to *folder*, continuing where an earlier attempt stopped.

    Raises
    ------
    RemoteError
        When the release is unknown, withdrawn or the repository is unreachable.
    SignatureError, ReleaseFormatError
        When the release is not what its signature says, or names a path outside the folder.
    DiskSpaceError
        Before anything large is fetched, when there is not enough room.
    FolderError
        When the folder was started for another release or selection.
    """
    with ExitStack() as held:
        remote = held.enter_context(Remote(wish.url, token=wish.token, first_wait_s=wish.first_wait_s))
        preparing = held.enter_context(ThreadPoolExecutor(1, thread_name_prefix="tables")).submit(prepare)
        # Whoever mistyped a name or an address gets no folder for it.
        slug, version = resolve(remote, wish.name)
        journal = held.enter_context(Journal(made(folder)))
        is_new = journal.bind(canonical_json([slug, version, wish.where, wish.layout]).decode())
        base = f"files/releases/{quote(slug)}/{quote(version)}/"
        manifest, key = _fetch_core(remote, base, folder, (slug, version))
        run = Run(remote, base, folder=folder, journal=journal, threads=wish.threads, report=report)
        run.large_bytes = wish.large_bytes
        journal.add(core_items(manifest) + record_items(folder))
        run.fetch_pending(instances=False)
        _demand_tables(folder, manifest, run.failures)
        preparing.result()
        try:
            receipt = _plan_instances(journal, folder, manifest, wish, key)
        except SelectionError:
            if is_new:
                journal.unbind()
            raise
        if is_new and not receipt.instances:
            journal.unbind()
        receipt.write(folder)
        run.fetch_pending(instances=True)
        audit = verify_folder(folder, proofs=journal.proofs)
        if (audit.missing or audit.changed) and not run.failures:
            journal.reopen([*audit.missing, *audit.changed])
            run.fetch_pending()
            audit = verify_folder(folder, proofs=journal.proofs)
        right = audit.counts["checked"] - audit.counts["missing"] - audit.counts["changed"]
        kept = max(0, right - run.fetched)
        outcome = Download(receipt, audit, run.fetched, run.fetched_bytes, kept, run.failures)
        if outcome.is_complete:
            outcome.receipt = replace(receipt, completed_at=datetime.now(UTC).isoformat(timespec="seconds"))
            outcome.receipt.write(folder)
        return outcome


def resolve(remote: Remote, name: str) -> tuple[str, str]:
    """Slug and exact version of *name*, asking the repository what ``latest`` means.

    Raises
    ------
    RemoteError
        When there is no such release.
    """
    slug, _, version = name.partition("@")
    try:
        safe_relative_path(slug)
        safe_relative_path(version or "latest")
    except ReleaseFormatError as error:
        raise RemoteError(Kind.INVALID, "client.bad-name", "Name a release as SLUG@VERSION or SLUG@latest.") from error
    try:
        # Whoever mistyped the address should not wait for long.
        body = remote.document(f"api/v1/releases/{quote(slug)}/{quote(version or 'latest')}", attempts=FIRST_ATTEMPTS)
    except RemoteError as error:
        if error.kind is Kind.NOT_FOUND and "is_plain" in error.facts:
            raise _no_repository() from error
        if error.kind is Kind.NOT_FOUND:
            raise _no_release(name) from error
        raise
    try:
        document = orjson.loads(body)
        found = str(document["slug"]), str(document["version"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise _no_repository() from error
    safe_relative_path(found[1])
    if found[0] != slug:
        raise RemoteError(Kind.INVALID, "client.bad-name", "The repository answered with another release.")
    return found


def _no_release(name: str) -> RemoteError:
    message = (
        f"There is no release {name} there, or it is not open to you. The page /releases/ of the repository names all."
    )
    return RemoteError(Kind.NOT_FOUND, "client.no-release", message)


def _no_repository() -> RemoteError:
    message = "No RadCommons repository answers there. --from takes the address of its first page, without a path."
    return RemoteError(Kind.UNSUPPORTED, "client.not-radcommons", message)


def fetch_core(remote: Remote, base: str, folder: Path, name: tuple[str, str]) -> ReleaseManifest:
    """The signed documents and tables of a version, without its images, in an empty folder.

    Raises
    ------
    RemoteError, SignatureError, ReleaseFormatError
        When they cannot be had, or are not what was signed.
    """
    manifest, _ = _fetch_core(remote, base, folder, name)
    for item in core_items(manifest):
        if item.path.endswith(".parquet"):
            place = folder / item.path
            place.parent.mkdir(parents=True, exist_ok=True)
            remote.fetch(base + quote(item.address), place, Expected(item.digest, item.size_bytes))
    return manifest


def _fetch_core(remote: Remote, base: str, folder: Path, name: tuple[str, str]) -> tuple[ReleaseManifest, str]:
    """The small documents; an immutable one that is already there must not have changed."""
    known = folder / RELEASE_JSON
    before = known.read_bytes() if known.exists() else None
    staging = folder / STATE_FOLDER / "core"
    staging.mkdir(parents=True, exist_ok=True)
    documents = (PUBLIC_KEY_PEM, STATUS_JSON, ENVELOPE_JSON, RELEASE_JSON)
    for document in documents:
        write_document(staging / document, remote.document(base + document))
    manifest, key = read_signed_manifest(staging)
    if (manifest.slug, manifest.version) != name:
        raise ReleaseFormatError("The signed manifest names another release than the one asked for.")
    if before is not None and before != (staging / RELEASE_JSON).read_bytes():
        raise FolderError("The repository now serves another manifest for this version than when this folder started.")
    _refuse_own_names(manifest, staging)
    for document in documents:
        (staging / document).replace(folder / document)
    return manifest, key


def _refuse_own_names(manifest: ReleaseManifest, staging: Path) -> None:
    taken = OWN_NAMES | {RELEASE_JSON, ENVELOPE_JSON, STATUS_JSON, PUBLIC_KEY_PEM}
    for item in core_items(manifest) + record_items(staging):
        if item.path.split("/")[0] in taken:
            raise ReleaseFormatError("The release claims a file name that belongs to the download itself.")


def _demand_tables(folder: Path, manifest: ReleaseManifest, failures: Failures) -> None:
    """Without its tables nobody knows which images a release has: it is said why they did not come, not what they lack."""
    tables = [item.path for item in core_items(manifest) if item.path.endswith(".parquet")]
    if failures and not all((folder / path).exists() for path in tables):
        code, reason = next(iter(failures.reasons.items()))
        message = f"The tables of the release did not arrive. {reason} Run the same command again later."
        raise RemoteError(Kind.UNAVAILABLE, code, message)


def _plan_instances(journal: Journal, folder: Path, manifest: ReleaseManifest, wish: Wish, key: str) -> Receipt:
    count, size = 0, 0

    def items() -> Iterator[Item]:
        nonlocal count, size
        for row in selected_rows(folder, manifest, wish.where):
            count, size = count + 1, size + row.size_bytes
            yield Item(path_of(row, wish.layout), instance_path(row.sha256), row.sha256, row.size_bytes)

    journal.add(items())
    citation = folder / "CITATION.txt"
    cited = citation.read_text(encoding="utf-8", errors="replace").strip() if citation.exists() else manifest.title
    return Receipt(
        slug=manifest.slug,
        version=manifest.version,
        source=wish.url.rstrip("/"),
        where=wish.where,
        layout=wish.layout,
        root_hash=manifest.root_hash,
        key_id=key,
        instances=count,
        size_bytes=size,
        citation=cited,
        completed_at=None,
    )
