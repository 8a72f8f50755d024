"""What a second look has seen so far, so that one that was stopped goes on where it was."""

import hashlib
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from radcommons.dicom.finding import Finding
from radcommons.edge import findings as stored
from radcommons.edge.database import transaction
from radcommons.edge.outfolder import OutFolder


class LookMemory:
    """The looks of one run over one OUT folder, written down as they are made.

    A run that ended is over: the next one looks at everything again. One that was stopped goes on when it would look for
    the same things (``means``), and what was seen of a file counts as long as the file has not changed since.
    """

    def __init__(self, connection: sqlite3.Connection, out: OutFolder, *, means: str) -> None:
        self._connection = connection
        self._out = out
        row = connection.execute("SELECT means, finished_at FROM verification WHERE out = ?", (out.name,)).fetchone()
        if row is None or row["means"] != means or row["finished_at"]:
            with transaction(connection):
                connection.execute("DELETE FROM verified WHERE out = ?", (out.name,))
                connection.execute("INSERT OR REPLACE INTO verification (out, means) VALUES (?, ?)", (out.name, means))

    def recall(self, sop_instance_uid: str, *, mark: str) -> tuple[Finding, ...] | None:
        """What was seen of an instance before this run was stopped; ``None`` when it was not looked at as it is now."""
        row = self._connection.execute(
            "SELECT findings FROM verified WHERE out = ? AND sop_uid = ? AND mark = ?",
            (self._out.name, sop_instance_uid, mark),
        ).fetchone()
        return None if row is None else stored.load(row["findings"])

    def keep(self, seen: Iterable[tuple[str, str, tuple[Finding, ...]]]) -> None:
        """Write down looks as SOP Instance UID, mark and findings, all or none."""
        with transaction(self._connection):
            self._connection.executemany(
                "INSERT OR REPLACE INTO verified (out, sop_uid, mark, findings) VALUES (?, ?, ?, ?)",
                ((self._out.name, uid, mark, stored.dump(findings)) for uid, mark, findings in seen),
            )

    def finish(self, *, looked_at: int, failed: int) -> None:
        """The run is over; only its numbers stay."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM verified WHERE out = ?", (self._out.name,))
            self._connection.execute(
                "UPDATE verification SET finished_at = ?, looked_at = ?, failed = ? WHERE out = ?",
                (datetime.now(UTC).isoformat(timespec="seconds"), looked_at, failed, self._out.name),
            )


def mark_of(path: Path, *, sha256: str, is_released: bool) -> str:
    """What tells one state of a file, and of what is allowed it, from another without reading it."""
    try:
        status = path.stat()
    except OSError:
        return "gone"
    described = f"{sha256}/{status.st_size}/{status.st_mtime_ns}/{is_released}"
    return hashlib.sha256(described.encode()).hexdigest()
