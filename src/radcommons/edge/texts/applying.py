"""Decisions about texts from a person's door: recorded, and the objects they change made anew at once."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from radcommons.deid.profile import engine_digest, load_profile
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import database
from radcommons.edge.deciders import checked_name
from radcommons.edge.deidentify import make_again
from radcommons.edge.home import EdgeHome, exclusive
from radcommons.edge.outfolder import OutFolder, opened
from radcommons.edge.report import profile_stamp, write_report
from radcommons.edge.text_memory import HELD
from radcommons.edge.texts.deciding import TextDecision, decide_texts, keep_undecided
from radcommons.edge.texts.listing import ReviewedText, reviewed_texts


@dataclass(frozen=True, slots=True)
class TextsResult:
    """Where the texts of an OUT folder stand.

    Parameters
    ----------
    distinct_texts
        Distinct texts that cleaning left.
    undecided
        Of these, those nobody decided about.
    with_unknown_words
        Of the undecided, those with a word outside the vocabulary.
    decided
        New or changed verdicts recorded now.
    made_again
        Instances made anew now.
    waiting
        Instances of this OUT folder that stay at the hospital until they were made anew, because their source cannot be
        read now or another profile made them; ``radcommons edge deidentify`` does that.
    """

    distinct_texts: int
    undecided: int
    with_unknown_words: int
    decided: int = 0
    made_again: int = 0
    waiting: int = 0


def read_texts(home: EdgeHome, out: Path) -> tuple[ReviewedText, ...]:
    """Every distinct text of an OUT folder, what to read first first."""
    folder = opened(home, out)
    with database(home) as connection:
        return reviewed_texts(connection, folder)


def text_state(home: EdgeHome, out: Path) -> TextsResult:
    """Where the texts of an OUT folder stand."""
    folder = opened(home, out)
    with database(home) as connection:
        return _result(connection, folder)


def settle_texts(home: EdgeHome, out: Path, decisions: tuple[TextDecision, ...], *, by: str) -> TextsResult:
    """Record what a named person decided, and make anew what it changes in this OUT folder.

    Raises
    ------
    RadCommonsError
        ``edge.name-needed``, ``edge.no-such-text``, ``edge.invalid-text``, ``edge.busy``; nothing is recorded then.
    """
    return _settled(
        home, out, lambda connection, folder: decide_texts(connection, folder, decisions, by=checked_name(by)).decided
    )


def keep_harmless(home: EdgeHome, out: Path, *, by: str) -> TextsResult:
    """Keep every undecided text that has only words of imaging; raises as :func:`settle_texts` does."""
    name = checked_name(by)
    return _settled(
        home, out, lambda connection, folder: keep_undecided(connection, folder, by=name, only_harmless=True)
    )


def _settled(home: EdgeHome, out: Path, decide: Callable[[sqlite3.Connection, OutFolder], int]) -> TextsResult:
    folder = opened(home, out)
    with exclusive(home), database(home) as connection:
        decided = decide(connection, folder)
        made = _make_again(connection, home, folder)
        return _result(connection, folder, decided=decided, made_again=made)


def _make_again(connection: sqlite3.Connection, home: EdgeHome, out: OutFolder) -> int:
    row = connection.execute("SELECT digest, engine FROM out_profile WHERE out = ?", (out.name,)).fetchone()
    profile = load_profile(home.profile)
    is_same = row is not None and (row["digest"], row["engine"]) == (profile.digest, engine_digest())
    if not is_same or not _waiting(connection, out):
        return 0
    made = make_again(connection, home, out=out, profile=profile)
    write_report(connection, out, profile=profile_stamp(profile))
    return made


def _waiting(connection: sqlite3.Connection, out: OutFolder) -> int:
    row = connection.execute(
        "SELECT count(*) FROM output WHERE out = ? AND is_kept AND text_recipe = ?", (out.name, HELD)
    )
    return int(row.fetchone()[0])


def _result(connection: sqlite3.Connection, out: OutFolder, *, decided: int = 0, made_again: int = 0) -> TextsResult:
    if not out.report_path.exists():
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.nothing-made",
            "De-identification has not finished. Run `radcommons edge deidentify` again.",
        )
    texts = reviewed_texts(connection, out)
    undecided = [text for text in texts if not text.verdict]
    return TextsResult(
        distinct_texts=len(texts),
        undecided=len(undecided),
        with_unknown_words=sum(not text.is_harmless for text in undecided),
        decided=decided,
        made_again=made_again,
        waiting=_waiting(connection, out),
    )
