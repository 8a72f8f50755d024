"""The downloader's memory: one SQLite file, so that a restart knows at once what is left."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from radcommons.client.closing import Closing
from radcommons.client.errors import BusyFolderError, FolderError, LocalDiskError, made
from radcommons.client.layout import STATE_FOLDER

BATCH_ROWS = 1_000
INSTANCES = "instances/"
# Of what is not done: the instances alone, all but these, or with NULL both.
_OPEN = f"is_done = 0 AND ifnull((instr(address, '{INSTANCES}') = 1) = ?, 1)"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (
    number INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, address TEXT NOT NULL,
    sha256 TEXT NOT NULL, size_bytes INTEGER NOT NULL, is_done INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS part (path TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (path, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS proof (path TEXT PRIMARY KEY, mtime_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS item_open ON item (number) WHERE is_done = 0;
"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file whose digest was compared, and when it was last written."""

    path: str
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Item:
    """One file to fetch: where it goes, where it is (relative to the release), and what it must be (see :mod:`.digests`)."""

    path: str
    address: str
    digest: str
    size_bytes: int


class Journal(Closing):
    """What of one release in one folder is still to be fetched. One process at a time."""

    def __init__(self, folder: Path) -> None:
        state = folder / STATE_FOLDER
        made(state)
        # Parts of large files are noted by the threads that fetch them, one at a time.
        self._lock = threading.Lock()
        try:
            self._database = sqlite3.connect(
                state / "journal.sqlite", timeout=0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.OperationalError as error:
            raise LocalDiskError(str(error)) from error
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("BEGIN EXCLUSIVE")
            for statement in _SCHEMA.split(";"):
                self._database.execute(statement)
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._database.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise BusyFolderError from error
            raise LocalDiskError(str(error)) from error
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise FolderError(
                f"The journal of this download is damaged; delete {STATE_FOLDER}/ and start again, "
                "files that are complete will not be fetched twice."
            ) from error

    def close(self) -> None:
        """Let another download have the folder."""
        self._database.close()

    def bind(self, identity: str) -> bool:
        """Tie the folder to one release and selection; whether that was done now and not before.

        Raises
        ------
        FolderError
            When the folder was started for something else.
        """
        row = self._database.execute("SELECT value FROM about WHERE key = 'identity'").fetchone()
        if row is None:
            self._database.execute("INSERT INTO about VALUES ('identity', ?)", (identity,))
            return True
        if row[0] != identity:
            raise FolderError(
                "This folder was started for another release, selection or layout. Choose an empty folder."
            )
        return False

    def unbind(self) -> None:
        """Let the folder be started for something else, since what it was started for cannot be had."""
        self._database.execute("DELETE FROM about WHERE key = 'identity'")

    def add(self, items: Iterable[Item]) -> None:
        """Plan *items*; those planned before stay as they are, unless the record behind the name was renewed since."""
        with self._writing():
            self._database.executemany(
                "INSERT INTO item (path, address, sha256, size_bytes) VALUES (?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET"
                " address = excluded.address, sha256 = excluded.sha256, size_bytes = excluded.size_bytes, is_done = 0"
                " WHERE item.sha256 <> excluded.sha256",
                ((item.path, item.address, item.digest, item.size_bytes) for item in items),
            )

    def pending(self, *, instances: bool | None = None) -> Iterator[Item]:
        """The items not done when asked, in order, without holding them in memory.

        Parameters
        ----------
        instances
            Whether the images of a release alone, or only its documents and tables; both without it.
        """
        last = 0
        while True:
            with self._lock:
                rows = self._database.execute(
                    f"SELECT number, path, address, sha256, size_bytes FROM item WHERE {_OPEN} AND number > ? "  # noqa: S608
                    "ORDER BY number LIMIT ?",
                    (instances, last, BATCH_ROWS),
                ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            for row in rows:
                yield Item(*row[1:])

    def items(self) -> Iterator[Item]:
        """Every planned item."""
        for row in self._database.execute("SELECT path, address, sha256, size_bytes FROM item ORDER BY number"):
            yield Item(*row)

    def mark_done(self, arrived: Iterable[Arrived]) -> None:
        """Record that these files are in place, and when they were last written by whoever compared their digest."""
        files = list(arrived)
        with self._writing():
            self._database.executemany(
                "INSERT OR REPLACE INTO proof VALUES (?, ?)", ((file.path, file.mtime_ns) for file in files)
            )
            paths = [(file.path,) for file in files]
            self._database.executemany("DELETE FROM part WHERE path = ?", paths)
            self._database.executemany("UPDATE item SET is_done = 1 WHERE path = ?", paths)

    def proofs(self, paths: Sequence[str]) -> dict[str, int]:
        """When those of some files were last written whose digest was compared here."""
        marks = ",".join("?" * len(paths))
        rows = self._database.execute(f"SELECT path, mtime_ns FROM proof WHERE path IN ({marks})", list(paths))  # noqa: S608
        return dict(rows.fetchall())

    def parts_of(self, path: str) -> frozenset[int]:
        """The numbers of the parts of a large file that are in place already."""
        with self._lock:
            rows = self._database.execute("SELECT number FROM part WHERE path = ?", (path,)).fetchall()
        return frozenset(number for (number,) in rows)

    def mark_part(self, path: str, number: int) -> None:
        """Record that a part of a large file is in its place."""
        with self._writing():
            self._database.execute("INSERT OR IGNORE INTO part VALUES (?, ?)", (path, number))

    def forget_parts(self, path: str) -> None:
        """A large file begins anew."""
        with self._writing():
            self._database.execute("DELETE FROM part WHERE path = ?", (path,))

    def reopen(self, paths: Iterable[str]) -> None:
        """Record that these files must be fetched again."""
        with self._writing():
            self._database.executemany("UPDATE item SET is_done = 0 WHERE path = ?", ((path,) for path in paths))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; what does not fit on the disk is said in words."""
        with self._lock:
            try:
                with self._database:
                    self._database.execute("BEGIN")
                    yield
            except sqlite3.OperationalError as error:
                raise LocalDiskError(str(error)) from error

    def pending_sum(self, *, instances: bool | None = None) -> tuple[int, int]:
        """How many items are not done, and their bytes together; of which, as for :meth:`pending`."""
        # Sizes that a stranger lists may together be more than an integer holds.
        query = f"SELECT count(*), CAST(total(size_bytes) AS INTEGER) FROM item WHERE {_OPEN}"  # noqa: S608
        count, total = self._database.execute(query, (instances,)).fetchone()
        return int(count), int(total)
