"""Where received instances lie: one file each, below study and series, and an index beside them.

A file appears under its name only when all its bytes are on the disk; what a broken connection or a killed process left
behind lies aside and is removed at the next start. The index (SQLite) says what arrived when; it may be lost without
harm, since an instance that arrives again finds its file.
"""

import fcntl
import hashlib
import os
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from radcommons.dicom.elements import FormatError
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.part10 import open_part10
from radcommons.edge.listen.errors import OutOfSpaceError
from radcommons.edge.walk import OWN_FOLDER

_SCHEMA = """
CREATE TABLE IF NOT EXISTS instance (
    sop_instance_uid    TEXT NOT NULL,
    data_set_sha256     TEXT NOT NULL,          -- of the data set as it was sent, without meta information
    study_instance_uid  TEXT NOT NULL,
    series_instance_uid TEXT NOT NULL,
    sop_class_uid       TEXT NOT NULL,
    transfer_syntax_uid TEXT NOT NULL,
    path                TEXT NOT NULL,
    size_bytes          INTEGER NOT NULL,
    calling             TEXT NOT NULL,
    received_at         REAL NOT NULL,
    PRIMARY KEY (sop_instance_uid, data_set_sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS instance_by_study ON instance (study_instance_uid, series_instance_uid);
"""
_MOST_VERSIONS = 1000


@dataclass(frozen=True, slots=True)
class Identity:
    """What a received instance is; every UID is made of digits and dots."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str


class ReceivedFolder:
    """The folder of one listener; safe to use from many threads.

    Parameters
    ----------
    root
        The folder; made when it is not there, readable by its owner only.
    reserve_bytes
        No instance is begun when less than this is free on the disk.
    """

    def __init__(self, root: Path, *, reserve_bytes: int = 1 << 30) -> None:
        self.root = root.expanduser().resolve()
        self._state = self.root / OWN_FOLDER
        self._aside = self._state / "incoming"
        self._reserve_bytes = reserve_bytes
        self._lock = threading.Lock()
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._state / "received.sqlite", os.O_RDWR | os.O_CREAT, 0o600))
        self._index = sqlite3.connect(self._state / "received.sqlite", check_same_thread=False, isolation_level=None)
        self._index.execute("PRAGMA journal_mode = WAL")
        self._index.execute("PRAGMA synchronous = NORMAL")
        self._index.executescript(_SCHEMA)
        self._checked_at = 0.0
        self._unsettled: set[Path] = set()

    def close(self) -> None:
        """Close the index."""
        with self._lock:
            self._index.close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one listener, and remove what an earlier one left half received.

        Raises
        ------
        RadCommonsError
            ``edge.busy`` when another process receives into it.
        """
        descriptor = os.open(self._state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                message = "Another listener receives into this folder. Stop it, or choose another folder."
                raise RadCommonsError(Kind.CONFLICT, "edge.busy", message) from error
            for left in self._aside.iterdir():
                left.unlink(missing_ok=True)
            yield
        finally:
            os.close(descriptor)

    def begin(self) -> "Incoming":
        """Take a new instance.

        Raises
        ------
        OutOfSpaceError
            When the disk has less room than the reserve.
        """
        now = time.monotonic()
        if now - self._checked_at > 1.0:
            if shutil.disk_usage(self._aside).free < self._reserve_bytes:
                raise OutOfSpaceError
            self._checked_at = now
        return Incoming(self._aside / f"{uuid.uuid4().hex}.part")

    def place(self, incoming: "Incoming", identity: Identity, *, calling: str) -> bool:
        """Put a whole instance in its place and note it in the index; its bytes are on the disk when this returns.

        One wait for the disk: on ext4, XFS and btrfs it covers the new name as well, elsewhere :meth:`settle` does.

        Returns
        -------
        is_new
            False when the same bytes were there before; then nothing is stored twice.

        Raises
        ------
        OSError
            When the disk refuses.
        """
        folder = self.root / identity.study_instance_uid / identity.series_instance_uid
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock:
            path, is_new = self._linked(incoming, folder / f"{identity.sop_instance_uid}.dcm")
            self._unsettled.add(folder)
        try:
            _sync(path)
        except OSError:
            if is_new:
                path.unlink(missing_ok=True)
            raise
        with self._lock:
            self._note(path, incoming, identity, calling)
        incoming.drop()
        return is_new

    def settle(self) -> None:
        """Have the names of all received files on the disk, on any file system; what storage commitment rests on."""
        with self._lock:
            folders, self._unsettled = self._unsettled, set()
        for folder in folders | {each.parent for each in folders} | ({self.root} if folders else set()):
            _sync(folder)

    def _linked(self, incoming: "Incoming", first: Path) -> tuple[Path, bool]:
        """The name of the bytes, and whether it is new.

        Other bytes under the same SOP Instance UID are kept beside the first: a person decides which are right.
        """
        for version in range(1, _MOST_VERSIONS):
            path = first if version == 1 else first.with_stem(f"{first.stem}~{version}")
            try:
                os.link(incoming.path, path)
            except FileExistsError:
                if incoming.is_same_as(path):
                    return path, False
                if not self._is_leftover(path):
                    continue
                incoming.path.rename(path)
            return path, True
        raise OSError("too many versions of one instance")

    def _is_leftover(self, path: Path) -> bool:
        """Whether a loss of power left a name without its bytes; such an instance was never acknowledged."""
        known = self._index.execute("SELECT 1 FROM instance WHERE path = ?", (str(path.relative_to(self.root)),))
        if known.fetchone() is not None:
            return False
        try:
            open_part10(path)
        except FormatError:
            return True
        return False

    def _note(self, path: Path, incoming: "Incoming", identity: Identity, calling: str) -> None:
        values = (
            identity.sop_instance_uid,
            incoming.data_set_sha256,
            identity.study_instance_uid,
            identity.series_instance_uid,
            identity.sop_class_uid,
            identity.transfer_syntax_uid,
            str(path.relative_to(self.root)),
            incoming.size_bytes,
            calling,
            time.time(),
        )
        self._index.execute("INSERT OR IGNORE INTO instance VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def holds(self, sop_class_uid: str, sop_instance_uid: str) -> bool:
        """Whether an instance of a class lies here, whole; what storage commitment promises."""
        for path, size_bytes in self._rows(
            "SELECT path, size_bytes FROM instance WHERE sop_instance_uid = ? AND sop_class_uid = ?",
            sop_instance_uid,
            sop_class_uid,
        ):
            with suppress(OSError):
                if (self.root / str(path)).stat().st_size == size_bytes:
                    return True
        return False

    def class_of(self, sop_instance_uid: str) -> str:
        """The SOP class under which an instance arrived; empty when none did."""
        rows = self._rows("SELECT sop_class_uid FROM instance WHERE sop_instance_uid = ?", sop_instance_uid)
        return str(rows[0][0]) if rows else ""

    def instances_of(self, study_instance_uid: str) -> frozenset[str]:
        """The SOP Instance UIDs received of a study."""
        rows = self._rows("SELECT sop_instance_uid FROM instance WHERE study_instance_uid = ?", study_instance_uid)
        return frozenset(str(row[0]) for row in rows)

    def _rows(self, statement: str, *values: str) -> list[tuple[object, ...]]:
        with self._lock:
            return self._index.execute(statement, values).fetchall()


class Incoming:
    """One instance on its way: written aside as it comes, hashed, never held in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._digest = hashlib.sha256()
        self.head_bytes = 0
        self.size_bytes = 0

    def write_head(self, data: bytes) -> None:
        """Write what stands in front of the data set; no part of its digest."""
        self._write(memoryview(data))
        self.head_bytes = len(data)

    def write(self, data: memoryview) -> None:
        """Write the next bytes of the data set.

        Raises
        ------
        OSError
            When the disk refuses.
        """
        self._digest.update(data)
        self._write(data)

    def _write(self, data: memoryview) -> None:
        while data:
            written = os.write(self._descriptor, data)
            self.size_bytes += written
            data = data[written:]

    @property
    def data_set_sha256(self) -> str:
        """The digest of the data set."""
        return self._digest.hexdigest()

    def is_same_as(self, path: Path) -> bool:
        """Whether a stored file has the same data set; its meta information may name another sender."""
        if path.stat().st_size != self.size_bytes:
            return False
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            stream.seek(self.head_bytes)
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest() == self.data_set_sha256

    def drop(self) -> None:
        """Give up the name aside; what was placed stays. Doing it again changes nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self.path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
