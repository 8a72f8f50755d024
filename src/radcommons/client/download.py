"""Bringing a release to a folder: planned in a journal, fetched in parallel, audited at the end."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import orjson

from radcommons.client.errors import DiskSpaceError, FolderError, LocalDiskError, RemoteError
from radcommons.client.journal import Arrived, Item, Journal
from radcommons.client.large import LARGE_BYTES, PART_BYTES, LargeFiles
from radcommons.client.layout import OWN_NAMES, STATE_FOLDER, Layout, path_of
from radcommons.client.receipt import Receipt
from radcommons.client.remote import ADDRESSES_TOGETHER, FIRST_WAIT_S, Address, Expected, Remote
from radcommons.client.tables import selected_rows
from radcommons.client.verify import (
    Verification,
    core_items,
    read_signed_manifest,
    record_items,
    sha256_of,
    verify_folder,
)
from radcommons.dicom.errors import Kind, RadCommonsError
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

SPARE_BYTES = 64 * 2**20
MARK_EVERY = 200
LOOK_AHEAD_PER_THREAD = 4
INSTANCES = "instances/"


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
    failures: dict[str, int] = field(default_factory=dict)

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
            "failures": self.failures,
            "audit": self.audit.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a running download; sizes in bytes."""

    done_bytes: int
    total_bytes: int
    files: int


Report = Callable[[Progress], None]


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
    folder.mkdir(parents=True, exist_ok=True)
    with (
        Remote(wish.url, token=wish.token, first_wait_s=wish.first_wait_s) as remote,
        Journal(folder) as journal,
    ):
        slug, version = resolve(remote, wish.name)
        journal.bind(canonical_json([slug, version, wish.where, wish.layout]).decode())
        base = f"files/releases/{quote(slug)}/{quote(version)}/"
        manifest, key = _fetch_core(remote, base, folder, (slug, version))
        run = Run(remote, base, folder=folder, journal=journal, threads=wish.threads, report=report)
        run.large_bytes = wish.large_bytes
        journal.add(core_items(manifest) + record_items(folder))
        run.fetch_pending()
        receipt = _plan_instances(journal, folder, manifest, wish, key)
        receipt.write(folder)
        run.fetch_pending()
        audit = verify_folder(folder, proofs=journal.proofs)
        if (audit.missing or audit.changed) and not run.failures:
            journal.reopen([*audit.missing, *audit.changed])
            run.fetch_pending()
            audit = verify_folder(folder, proofs=journal.proofs)
        outcome = Download(receipt, audit, run.fetched, run.fetched_bytes, run.already_there, run.failures)
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
    body = remote.document(f"api/v1/releases/{quote(slug)}/{quote(version or 'latest')}")
    try:
        document = orjson.loads(body)
        found = str(document["slug"]), str(document["version"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise RemoteError(Kind.UNSUPPORTED, "client.not-radcommons", "The address is no RadCommons server.") from error
    safe_relative_path(found[1])
    if found[0] != slug:
        raise RemoteError(Kind.INVALID, "client.bad-name", "The repository answered with another release.")
    return found


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
            remote.fetch(base + quote(item.address), place, Expected(item.sha256, item.size_bytes))
    return manifest


def _fetch_core(remote: Remote, base: str, folder: Path, name: tuple[str, str]) -> tuple[ReleaseManifest, str]:
    """The small documents; an immutable one that is already there must not have changed."""
    known = folder / RELEASE_JSON
    before = known.read_bytes() if known.exists() else None
    staging = folder / STATE_FOLDER / "core"
    staging.mkdir(parents=True, exist_ok=True)
    documents = (PUBLIC_KEY_PEM, STATUS_JSON, ENVELOPE_JSON, RELEASE_JSON)
    for document in documents:
        (staging / document).write_bytes(remote.document(base + document))
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


def _plan_instances(journal: Journal, folder: Path, manifest: ReleaseManifest, wish: Wish, key: str) -> Receipt:
    count, size = 0, 0

    def items() -> Iterator[Item]:
        nonlocal count, size
        for row in selected_rows(folder, manifest, wish.where):
            count, size = count + 1, size + row.size_bytes
            yield Item(path_of(row, wish.layout), instance_path(row.sha256), row.sha256, row.size_bytes)

    journal.add(items())
    citation = folder / "CITATION.txt"
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
        citation=citation.read_text(encoding="utf-8").strip() if citation.exists() else manifest.title,
        completed_at=None,
    )


class Run:
    """The transfers of one download."""

    def __init__(
        self, remote: Remote, base: str, *, folder: Path, journal: Journal, threads: int, report: Report
    ) -> None:
        self._remote, self._base, self._folder, self._journal = remote, base, folder, journal
        self._threads, self._report = threads, report
        self.large_bytes = LARGE_BYTES
        self._done: list[Arrived] = []
        self._arrived_bytes = 0
        self._has_bucket = True
        self.fetched = self.fetched_bytes = self.already_there = 0
        self.failures: dict[str, int] = {}

    def fetch_pending(self) -> None:
        """Fetch what the journal has open; one file that fails does not stop the others, a full disk does."""
        total = self._journal.pending_bytes()
        demand_space(self._folder, total)
        self._arrived_bytes = 0
        active: set[Future[_Brought]] = set()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="fetch") as pool:
            try:
                for item, direct in self._addressed():
                    active.add(pool.submit(self._bring, item, direct))
                    if len(active) >= self._threads * LOOK_AHEAD_PER_THREAD:
                        active = self._settle(active, total)
                while active:
                    active = self._settle(active, total)
            finally:
                for future in active:
                    future.cancel()
                self._flush()

    def _addressed(self) -> Iterator[tuple[Item, Address | None]]:
        """What is open, with the addresses in the bucket that the repository gives; asked for one batch ahead."""
        pending = self._journal.pending()
        with ThreadPoolExecutor(1, thread_name_prefix="sign") as asking:
            following = self._ask(pending, asking)
            while following is not None:
                items, answer = following
                following = self._ask(pending, asking)
                addresses = answer.result()
                for item in items:
                    yield item, addresses.get(item.sha256)

    def _ask(
        self, pending: Iterator[Item], asking: ThreadPoolExecutor
    ) -> tuple[list[Item], Future[dict[str, Address]]] | None:
        items = list(islice(pending, ADDRESSES_TOGETHER))
        return (items, asking.submit(self._presigned, items)) if items else None

    def _presigned(self, items: list[Item]) -> dict[str, Address]:
        digests = [item.sha256 for item in items if item.address.startswith(INSTANCES)]
        if not digests or not self._has_bucket:
            return {}
        found = self._remote.presigned(self._base, digests)
        self._has_bucket = bool(found)
        return found

    def _bring(self, item: Item, direct: Address | None) -> "_Brought":
        destination = self._folder / item.path
        if destination.is_file() and destination.stat().st_size == item.size_bytes:
            if sha256_of(destination) == item.sha256:
                return _Brought(item, destination.stat().st_mtime_ns, is_fetched=False)
            destination.unlink()
        destination.parent.mkdir(parents=True, exist_ok=True)
        # Another program's list names where each file is; a release's own files lie below its address.
        address = item.address if "://" in item.address else self._base + quote(item.address)
        expected = Expected(item.sha256, item.size_bytes)
        is_large = item.size_bytes >= self.large_bytes
        if not (is_large and self._large_files().fetch(item.path, address, destination, expected)):
            self._remote.fetch(address, destination, expected, direct=direct)
        return _Brought(item, destination.stat().st_mtime_ns, is_fetched=True)

    def _large_files(self) -> LargeFiles:
        part_bytes = min(PART_BYTES, max(1, self.large_bytes // 2))
        return LargeFiles(self._remote, self._journal, self._threads, part_bytes=part_bytes)

    def _settle(self, active: set[Future["_Brought"]], total: int) -> set[Future["_Brought"]]:
        finished, rest = wait(active, return_when=FIRST_COMPLETED)
        for future in finished:
            error = future.exception()
            if isinstance(error, LocalDiskError):
                raise error
            if isinstance(error, RadCommonsError):
                self.failures[error.code] = self.failures.get(error.code, 0) + 1
                continue
            brought = future.result()
            item = brought.item
            self._done.append(Arrived(item.path, brought.mtime_ns))
            self._arrived_bytes += item.size_bytes
            self.fetched += brought.is_fetched
            self.already_there += not brought.is_fetched
            self.fetched_bytes += item.size_bytes if brought.is_fetched else 0
        if len(self._done) >= MARK_EVERY:
            self._flush()
        self._report(Progress(self._arrived_bytes, total, self.fetched + self.already_there))
        return rest

    def _flush(self) -> None:
        self._journal.mark_done(self._done)
        self._done.clear()


@dataclass(frozen=True, slots=True)
class _Brought:
    """A file that is in place and right."""

    item: Item
    mtime_ns: int
    is_fetched: bool


def demand_space(folder: Path, needed_bytes: int) -> None:
    """Refuse before the first byte what will not fit beside a spare of 64 MiB.

    Raises
    ------
    DiskSpaceError
        When it will not.
    """
    free = shutil.disk_usage(folder).free
    if needed_bytes and needed_bytes + SPARE_BYTES > free:
        raise DiskSpaceError(needed_bytes, free)
