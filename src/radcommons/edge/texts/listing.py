"""Every distinct text of an OUT folder once, those first that a person should read first."""

import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from radcommons.deid.vocabulary import unknown_words
from radcommons.edge.outfolder import OutFolder


@dataclass(frozen=True, slots=True)
class ReviewedText:
    """One distinct text that cleaning left in headers.

    Parameters
    ----------
    text_id
        A short name for it, the same in every OUT folder.
    value
        The text as cleaning left it.
    keywords
        The attributes it stands in; an empty keyword is a private attribute.
    series
        How many series carry it.
    unknown_words
        Words in it that are not in the vocabulary of imaging.
    verdict
        ``keep``, ``remove`` or ``replace``; empty when nobody decided.
    replacement
        What stands in its place when it is replaced.
    decided_by, decided_at
        Who decided, and when (UTC, ISO 8601).
    """

    text_id: str
    value: str
    keywords: tuple[str, ...]
    series: int
    unknown_words: tuple[str, ...] = ()
    verdict: str = ""
    replacement: str = ""
    decided_by: str = ""
    decided_at: str = ""

    @property
    def is_harmless(self) -> bool:
        """Whether every word in it is one of imaging."""
        return not self.unknown_words

    @property
    def shown(self) -> str:
        """The text as it leaves the hospital."""
        return self.value if self.verdict in {"", "keep"} else self.replacement


def text_id(value: str) -> str:
    """A short name for a distinct text, the same on every page."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def reviewed_texts(connection: sqlite3.Connection, out: OutFolder) -> tuple[ReviewedText, ...]:
    """Every distinct text of an OUT folder: undecided ones first, of these the ones with unknown words, by attribute."""
    rows = connection.execute(
        "SELECT unseal(kept_text.value) AS value, group_concat(DISTINCT keyword) AS keywords,"
        " count(DISTINCT series_uid) AS series, coalesce(verdict, '') AS verdict, coalesce(unseal(replacement), '') AS"
        " replacement, coalesce(unseal(by), '') AS decided_by, coalesce(at, '') AS decided_at"
        " FROM kept_text LEFT JOIN text_decision USING (value) WHERE out = ? GROUP BY kept_text.value",
        (out.name,),
    )
    return tuple(sorted((_reviewed(row) for row in rows.fetchall()), key=_urgency))


def shown_texts(connection: sqlite3.Connection) -> Mapping[str, str]:
    """What leaves the hospital in the place of a text that somebody decided about."""
    rows = connection.execute(
        "SELECT unseal(value) AS value, unseal(replacement) AS replacement FROM text_decision WHERE verdict <> 'keep'"
    )
    return {row["value"]: row["replacement"] for row in rows}


def _reviewed(row: sqlite3.Row) -> ReviewedText:
    return ReviewedText(
        text_id=text_id(row["value"]),
        value=row["value"],
        keywords=tuple(sorted(row["keywords"].split(","))),
        series=row["series"],
        unknown_words=unknown_words(row["value"]),
        verdict=row["verdict"],
        replacement=row["replacement"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
    )


def _urgency(text: ReviewedText) -> tuple[object, ...]:
    return (bool(text.verdict), text.is_harmless, text.keywords, -text.series, text.value)
