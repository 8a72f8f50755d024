"""The journal of the crosswalk: who looked at, took out or changed who became whom, when and why. It only grows."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import database
from radcommons.edge.home import EdgeHome

_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Because:
    """Who does something to the crosswalk, and why.

    Parameters
    ----------
    by
        A person's name.
    reason
        Why, in one or two sentences.
    """

    by: str
    reason: str

    def checked(self) -> "Because":
        """The same with single blanks.

        Raises
        ------
        RadCommonsError
            ``edge.reason-needed`` when one of them is missing.
        """
        by, reason = (" ".join(each.split()) for each in (self.by, self.reason))
        if not by or not reason or len(by) + len(reason) > _LONGEST:
            raise RadCommonsError(
                Kind.INVALID,
                "edge.reason-needed",
                "Say who does this (--by) and why (--reason), in one or two sentences.",
            )
        return Because(by, reason)


@dataclass(frozen=True, slots=True)
class CrosswalkEvent:
    """One line of the journal; ``generation`` is that of the secret afterwards, ``at`` is UTC, ISO 8601."""

    at: str
    verb: str
    subjects: int
    generation: int
    by: str
    reason: str


def note_event(connection: sqlite3.Connection, verb: str, *, subjects: int, generation: int, because: Because) -> None:
    """Write a line, in the transaction of the caller."""
    connection.execute(
        "INSERT INTO crosswalk_event (at, verb, subjects, generation, by, reason) VALUES (?, ?, ?, ?, seal(?), seal(?))",
        (datetime.now(UTC).isoformat(timespec="seconds"), verb, subjects, generation, because.by, because.reason),
    )


def crosswalk_events(home: EdgeHome) -> tuple[CrosswalkEvent, ...]:
    """The whole journal, oldest first."""
    with database(home) as connection:
        rows = connection.execute(
            "SELECT at, verb, subjects, generation, unseal(by), unseal(reason) FROM crosswalk_event ORDER BY event_id"
        )
        return tuple(CrosswalkEvent(*row) for row in rows)
