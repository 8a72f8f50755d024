"""How far a fetch has come: a SQLite file beside what was received, so that it goes on where it stopped."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from radcommons.edge.fetch.wishes import Wish
from radcommons.edge.walk import OWN_FOLDER

_SCHEMA = """
CREATE TABLE IF NOT EXISTS wish (
    wish_id          INTEGER PRIMARY KEY,
    accession_number TEXT NOT NULL,
    patient_id       TEXT NOT NULL,
    study_date       TEXT NOT NULL,
    state            TEXT NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,
    UNIQUE (accession_number, patient_id, study_date)
) STRICT;
CREATE TABLE IF NOT EXISTS study (
    study_instance_uid TEXT PRIMARY KEY,
    expected           INTEGER NOT NULL,
    received           INTEGER NOT NULL DEFAULT 0,
    state              TEXT NOT NULL,
    attempts           INTEGER NOT NULL DEFAULT 0,
    reason             TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS wished_study (
    wish_id            INTEGER NOT NULL REFERENCES wish,
    study_instance_uid TEXT NOT NULL REFERENCES study,
    PRIMARY KEY (wish_id, study_instance_uid)
) STRICT, WITHOUT ROWID;
"""


class WishState(StrEnum):
    """Whether the PACS was asked for a line of the list, and what it said."""

    WAITING = "waiting"
    FOUND = "found"
    NOT_FOUND = "not_found"
    FAILED = "failed"


class StudyState(StrEnum):
    """How far a study has come."""

    WAITING = "waiting"
    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StudyEntry:
    """A study that was found; ``expected`` is how many instances the PACS says it has, -1 when it does not say."""

    study_instance_uid: str
    expected: int
    attempts: int


class Journal:
    """The open journal."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, wishes: Sequence[Wish]) -> None:
        """Note lines of a list; those that are known stay as they are."""
        rows = [(each.accession_number, each.patient_id, each.study_date, WishState.WAITING) for each in wishes]
        statement = "INSERT OR IGNORE INTO wish (accession_number, patient_id, study_date, state) VALUES (?, ?, ?, ?)"
        with self._connection:
            self._connection.executemany(statement, rows)

    def retry(self, wishes: Sequence[Wish]) -> None:
        """Ask again about every line, since studies grow and come late, and fetch again what did not come whole."""
        rows = [(each.accession_number, each.patient_id, each.study_date) for each in wishes]
        again = (
            "UPDATE wish SET state = 'waiting', attempts = 0"
            " WHERE accession_number = ? AND patient_id = ? AND study_date = ?"
        )
        with self._connection:
            self._connection.executemany(again, rows)
            self._connection.execute(
                "UPDATE study SET state = 'waiting', attempts = 0 WHERE state IN ('partial', 'failed')"
            )

    def waiting_wishes(self, wishes: Sequence[Wish]) -> list[tuple[int, Wish]]:
        """The lines of a list for which the PACS was not asked yet."""
        wanted = set(wishes)
        rows = self._connection.execute(
            "SELECT wish_id, accession_number, patient_id, study_date FROM wish WHERE state = 'waiting' ORDER BY wish_id"
        )
        return [(row[0], Wish(*row[1:])) for row in rows if Wish(*row[1:]) in wanted]

    def note_wish(self, wish_id: int, state: WishState, studies: Sequence[tuple[str, int]] = ()) -> None:
        """Note what the PACS said to a line: studies with their counts."""
        with self._connection:
            for uid, expected in studies:
                self._connection.execute(
                    "INSERT INTO study (study_instance_uid, expected, state) VALUES (?, ?, 'waiting')"
                    " ON CONFLICT DO UPDATE SET expected = excluded.expected, state = CASE"
                    " WHEN state = 'complete' AND excluded.expected <= received THEN state ELSE 'waiting' END,"
                    " attempts = CASE WHEN state = 'complete' THEN 0 ELSE attempts END",
                    (uid, expected),
                )
                self._connection.execute("INSERT OR IGNORE INTO wished_study VALUES (?, ?)", (wish_id, uid))
            self._connection.execute(
                "UPDATE wish SET state = ?, attempts = attempts + 1 WHERE wish_id = ?", (state, wish_id)
            )

    def next_study(self, *, attempts: int) -> StudyEntry | None:
        """The study to fetch next, those tried least first; ``None`` when none is left to try."""
        row = self._connection.execute(
            "SELECT study_instance_uid, expected, attempts FROM study WHERE state <> 'complete' AND attempts < ?"
            " ORDER BY attempts, study_instance_uid LIMIT 1",
            (attempts,),
        ).fetchone()
        return None if row is None else StudyEntry(*row)

    def note_study(self, study_instance_uid: str, state: StudyState, *, received: int, reason: str = "") -> None:
        """Note what came of a study."""
        with self._connection:
            self._connection.execute(
                "UPDATE study SET state = ?, received = ?, reason = ?, attempts = attempts + 1"
                " WHERE study_instance_uid = ?",
                (state, received, reason, study_instance_uid),
            )

    def counts(self) -> dict[str, int]:
        """How many lines and studies are where."""
        found = {f"wish_{each}": 0 for each in WishState} | {f"study_{each}": 0 for each in StudyState}
        for table in ("wish", "study"):
            for state, count in self._connection.execute(f"SELECT state, count(*) FROM {table} GROUP BY state"):  # noqa: S608
                found[f"{table}_{state}"] = count
        total = "SELECT coalesce(sum(received), 0), coalesce(sum(max(expected, 0)), 0) FROM study"
        found["instances"], found["expected"] = self._connection.execute(total).fetchone()
        return found

    def report(self) -> Iterator[tuple[str, ...]]:
        """A line for each study, or for each wish without one: keys, study, state, expected, received, reason."""
        rows = self._connection.execute(
            "SELECT w.accession_number, w.patient_id, w.study_date, coalesce(s.study_instance_uid, ''),"
            " coalesce(s.state, w.state), coalesce(s.expected, 0), coalesce(s.received, 0), coalesce(s.reason, '')"
            " FROM wish w LEFT JOIN wished_study USING (wish_id) LEFT JOIN study s USING (study_instance_uid)"
            " ORDER BY w.wish_id, s.study_instance_uid"
        )
        for row in rows:
            yield tuple(str(value) for value in row)


@contextmanager
def opened(folder: Path) -> Iterator[Journal]:
    """The journal of a folder, readable by its owner only."""
    state = folder / OWN_FOLDER
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = state / "fetch.sqlite"
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
        yield Journal(connection)
    finally:
        connection.close()
