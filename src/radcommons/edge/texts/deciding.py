"""What a person decides about texts: keep, take out, or put other words in their place."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from radcommons.deid.descriptors import MAX_TEXT_LENGTH
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import transaction
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.text_memory import TextMemory
from radcommons.edge.texts.listing import ReviewedText, reviewed_texts

VERDICTS = ("keep", "remove", "replace")
OPEN = "open"
"""The verdict that takes an earlier one back: nobody has decided then."""


@dataclass(frozen=True, slots=True)
class TextDecision:
    """One verdict about one text.

    Parameters
    ----------
    text_id
        Which text, as :func:`~radcommons.edge.texts.listing.text_id` names it.
    verdict
        ``keep``, ``remove`` or ``replace``; ``open`` takes back what was decided.
    replacement
        The words to put in its place.
    """

    text_id: str
    verdict: str
    replacement: str = ""


@dataclass(frozen=True, slots=True)
class TextsDecided:
    """What came of decisions.

    Parameters
    ----------
    decided
        Texts with a new or changed verdict.
    held
        Results in all OUT folders of the home that have to be made anew.
    """

    decided: int
    held: int


def decide_texts(
    connection: sqlite3.Connection, out: OutFolder, decisions: Iterable[TextDecision], *, by: str
) -> TextsDecided:
    """Record what a named person decided about texts of an OUT folder, in one transaction; all or nothing.

    Results that a decision changes are held back in every OUT folder of the home until they were made anew.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-text``, ``edge.invalid-text`` for an unknown verdict or a replacement that cannot stand in a
        header.
    """
    by_id = {each.text_id: each for each in reviewed_texts(connection, out)}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    decided = 0
    with transaction(connection):
        for decision in decisions:
            text = by_id.get(decision.text_id)
            if text is None:
                raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-text", "There is no kept text with this id.")
            replacement = _checked(decision)
            if (text.verdict or OPEN, text.replacement) == (decision.verdict, replacement):
                continue
            if decision.verdict == OPEN:
                connection.execute("DELETE FROM text_decision WHERE value = seal(?)", (text.value,))
            else:
                connection.execute(
                    "INSERT OR REPLACE INTO text_decision (value, verdict, replacement, by, at)"
                    " VALUES (seal(?), ?, seal(?), seal(?), ?)",
                    (text.value, decision.verdict, replacement, by, now),
                )
            decided += 1
        held = TextMemory(connection).hold_overtaken()
    return TextsDecided(decided, held)


def keep_undecided(connection: sqlite3.Connection, out: OutFolder, *, by: str, only_harmless: bool = False) -> int:
    """Keep every text nobody decided about, or those of them in which all words are of imaging; how many."""
    wanted = [each for each in reviewed_texts(connection, out) if _is_open(each, only_harmless=only_harmless)]
    return decide_texts(connection, out, [TextDecision(each.text_id, "keep") for each in wanted], by=by).decided


def _is_open(text: ReviewedText, *, only_harmless: bool) -> bool:
    return not text.verdict and (text.is_harmless or not only_harmless)


def _checked(decision: TextDecision) -> str:
    if decision.verdict not in (*VERDICTS, OPEN):
        raise _invalid("A verdict is keep, remove or replace.")
    if decision.verdict != "replace":
        return ""
    replacement = " ".join(decision.replacement.split())
    if not replacement:
        raise _invalid("Give the words to put in the place of a text; to take it out, remove it.")
    if len(replacement) > MAX_TEXT_LENGTH or "\\" in replacement or not replacement.isprintable():
        raise _invalid("A text in a header holds no backslash and only characters that can be seen.")
    return replacement


def _invalid(message: str) -> RadCommonsError:
    return RadCommonsError(Kind.INVALID, "edge.invalid-text", message)
