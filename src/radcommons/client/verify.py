"""Checking a downloaded release without any network: signature, hash tree, every file."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import orjson

from radcommons.client.closing import Closing
from radcommons.client.digests import digest_of
from radcommons.client.errors import FolderError
from radcommons.client.journal import Item
from radcommons.client.layout import RECEIPT_JSON, STATE_FOLDER, Layout, path_of
from radcommons.client.receipt import Receipt
from radcommons.client.tables import merkle_root, selected_rows
from radcommons.dicom.errors import RadCommonsError
from radcommons.transfer.release.attestation import key_id, open_envelope, read_public_key, verify_subject
from radcommons.transfer.release.canonical import sha256_hex
from radcommons.transfer.release.manifest import ReleaseManifest
from radcommons.transfer.release.paths import (
    ENVELOPE_JSON,
    PUBLIC_KEY_PEM,
    RELEASE_JSON,
    STATUS_JSON,
    instance_path,
    is_sha256,
    is_size,
    safe_relative_path,
)

LISTED_AT_MOST = 1_000
LOOK_AHEAD = 256
# From paths to the time at which each was written, for those whose digest was compared then.
Proofs = Callable[[Sequence[str]], Mapping[str, int]]


@dataclass(slots=True)
class Verification:
    """What a check found; lists hold at most a thousand paths, the counts are exact."""

    name: str
    root_hash: str
    key_id: str
    is_key_pinned: bool
    problems: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"checked": 0, "missing": 0, "changed": 0, "extra": 0})

    @property
    def is_ok(self) -> bool:
        """Whether everything selected is there and is what was published; extra files do no harm."""
        return not self.problems and not self.counts["missing"] and not self.counts["changed"]

    def to_json(self) -> dict[str, object]:
        """The outcome as ``--json`` prints it."""
        return {
            "ok": self.is_ok,
            "release": self.name,
            "root_hash": self.root_hash,
            "key_id": self.key_id,
            "key": "pinned" if self.is_key_pinned else "as delivered",
            "problems": self.problems,
            "counts": self.counts,
            "missing": self.missing,
            "changed": self.changed,
            "extra": self.extra,
        }

    def note(self, kind: str, path: str) -> None:
        """Count *path* under *kind* (missing, changed, extra)."""
        self.counts[kind] += 1
        listed: list[str] = getattr(self, kind)
        if len(listed) < LISTED_AT_MOST:
            listed.append(_as_text(path))


def read_signed_manifest(folder: Path, pinned_key: bytes | None = None) -> tuple[ReleaseManifest, str]:
    """The manifest in *folder* once its signature holds, and the id of the key.

    Parameters
    ----------
    pinned_key
        PEM public key obtained another way; without it the key that came with the release is believed.

    Raises
    ------
    FolderError
        When the folder holds no release.
    SignatureError, ReleaseFormatError
        When the signature or the document is wrong.
    """
    try:
        document = (folder / RELEASE_JSON).read_bytes()
        envelope = (folder / ENVELOPE_JSON).read_bytes()
        pem = pinned_key if pinned_key is not None else (folder / PUBLIC_KEY_PEM).read_bytes()
    except FileNotFoundError as error:
        raise FolderError(
            f"This folder holds no complete release: {Path(error.filename or '').name} is missing."
        ) from error
    key = read_public_key(pem)
    verify_subject(open_envelope(envelope, key), RELEASE_JSON, sha256_hex(document))
    return ReleaseManifest.from_bytes(document), key_id(key)


def verify_folder(
    folder: Path, *, pinned_key: bytes | None = None, threads: int = 4, proofs: Proofs | None = None
) -> Verification:
    """Check signature, root hash and the bytes of every selected file in *folder*; nothing is fetched.

    Parameters
    ----------
    proofs
        Tells when files were last written by a download that compared their digests; those that were not touched since are
        not read again. Without it every file is read.

    Raises
    ------
    FolderError
        When the folder holds no release at all.
    RadCommonsError
        When the signature or the manifest is broken, because then nothing else means anything.
    """
    manifest, key = read_signed_manifest(folder, pinned_key)
    receipt = Receipt.read(folder)
    found = Verification(manifest.name, manifest.root_hash, key, pinned_key is not None)
    _check_receipt(found, manifest, receipt)
    plan = core_items(manifest) + record_items(folder)
    with ThreadPoolExecutor(threads) as pool, _Known() as known:
        known.add([RELEASE_JSON, ENVELOPE_JSON, PUBLIC_KEY_PEM, STATUS_JSON, RECEIPT_JSON])
        for batch in _checked(found, folder, plan, pool, proofs=proofs):
            known.add(batch)
        if _tables_are_sound(found, folder, manifest):
            layout = receipt.layout if receipt else guess_layout(folder)
            rows = selected_rows(folder, manifest, receipt.where if receipt else None)
            items = (Item(path_of(row, layout), instance_path(row.sha256), row.sha256, row.size_bytes) for row in rows)
            for batch in _checked(found, folder, items, pool, proofs=proofs):
                known.add(batch)
        for path in known.others(_files_below(folder)):
            found.note("extra", path)
    return found


class _Known(Closing):
    """The paths of a release, on the disk and not in memory, for there may be millions of them."""

    def __init__(self) -> None:
        # A database without a name is a temporary file that goes with it.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE known (path TEXT PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Forget them."""
        self._database.close()

    def add(self, paths: Iterable[str]) -> None:
        """Remember these."""
        self._database.executemany("INSERT OR IGNORE INTO known VALUES (?)", ((_as_text(path),) for path in paths))

    def others(self, paths: Iterable[str]) -> Iterator[str]:
        """Those that were not added."""
        for path in paths:
            if self._database.execute("SELECT 1 FROM known WHERE path = ?", (_as_text(path),)).fetchone() is None:
                yield path


def _as_text(path: str) -> str:
    """A path as databases, JSON and terminals take it; names on a disk need not be text."""
    return path.encode(errors="backslashreplace").decode()


def core_items(manifest: ReleaseManifest) -> list[Item]:
    """The files that the signature covers."""
    return [Item(entry.path, entry.path, entry.sha256, entry.size_bytes) for entry in manifest.files]


def record_items(folder: Path) -> list[Item]:
    """The dated records beside the signed core (DataCite, Croissant, …), as ``status.json`` lists them.

    Raises
    ------
    ReleaseFormatError
        When ``status.json`` names a file outside the folder.
    FolderError
        When it is malformed.
    """
    path = folder / STATUS_JSON
    if not path.exists():
        return []
    try:
        entries = orjson.loads(path.read_bytes())["records"]
        items = [Item(str(safe_relative_path(e["path"])), e["path"], e["sha256"], e["size_bytes"]) for e in entries]
        is_sound = all(is_sha256(item.digest) and is_size(item.size_bytes) for item in items)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise FolderError("status.json is malformed.") from error
    if not is_sound:
        raise FolderError("status.json holds a malformed digest or size.")
    return items


def guess_layout(folder: Path) -> Layout:
    """How a copy without receipt is filed, judged by its folders."""
    if (folder / "instances").is_dir():
        return Layout.DIGEST
    is_flat = any((folder / "images").glob("*/*.dcm"))
    return Layout.SERIES if is_flat else Layout.SUBJECT


def _check_receipt(found: Verification, manifest: ReleaseManifest, receipt: Receipt | None) -> None:
    if receipt is None:
        return
    if (receipt.slug, receipt.version, receipt.root_hash) != (manifest.slug, manifest.version, manifest.root_hash):
        found.problems.append("receipt.json belongs to another release")
    if receipt.key_id != found.key_id:
        found.problems.append("the release is signed by another key than when it was downloaded")


def _tables_are_sound(found: Verification, folder: Path, manifest: ReleaseManifest) -> bool:
    """Whether the hash tree can be rebuilt; a wrong root is a problem, unreadable tables are one too."""
    if set(manifest.instance_tables) & {*found.missing, *found.changed}:
        found.problems.append("the instance manifest is missing or changed, so instances cannot be checked")
        return False
    try:
        root = merkle_root(folder, manifest)
    except RadCommonsError as error:
        found.problems.append(error.message)
        return False
    if root != manifest.root_hash:
        found.problems.append("the root of the hash tree is not the signed one")
        return False
    return True


def _checked(
    found: Verification, folder: Path, items: Iterable[Item], pool: ThreadPoolExecutor, *, proofs: Proofs | None
) -> Iterator[list[str]]:
    """Compare each item with the disk; gives the paths, some at a time."""
    stream = iter(items)
    while batch := list(islice(stream, LOOK_AHEAD)):
        known = proofs([item.path for item in batch]) if proofs is not None else {}
        doubtful = [item for item in batch if not _is_proven(folder, item, known.get(item.path))]
        for item, verdict in zip(doubtful, pool.map(partial(_verdict, folder), doubtful), strict=True):
            if verdict is not None:
                found.note(verdict, item.path)
        found.counts["checked"] += len(batch)
        yield [item.path for item in batch]


def _is_proven(folder: Path, item: Item, proven_ns: int | None) -> bool:
    """Whether a file was not touched since its digest was compared."""
    if proven_ns is None:
        return False
    try:
        state = (folder / item.path).stat()
    except FileNotFoundError:
        return False
    return state.st_mtime_ns == proven_ns and state.st_size == item.size_bytes


def _verdict(folder: Path, item: Item) -> str | None:
    path = folder / item.path
    try:
        is_right = path.stat().st_size == item.size_bytes and digest_of(path, item.digest) == item.digest
    except FileNotFoundError:
        return "missing"
    return None if is_right else "changed"


def _files_below(folder: Path) -> Iterator[str]:
    for current, folders, names in os.walk(folder):
        if Path(current) == folder:
            folders[:] = [name for name in folders if name != STATE_FOLDER]
        for name in names:
            yield (Path(current) / name).relative_to(folder).as_posix()
