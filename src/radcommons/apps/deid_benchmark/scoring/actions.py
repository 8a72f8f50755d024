"""The ten actions of MIDI-B as its public script judges them, loop-holes included.

An absent attribute passes removal, shifting and consistency; a deleted date counts as shifted. That is why leaks are
counted apart (:mod:`leaks`) and stricter questions are asked (:mod:`stricter`). Only writing in pixels is judged otherwise:
by the stored letters instead of by text recognition.
"""

import string
from collections.abc import Mapping

from radcommons.apps.deid_benchmark.attribute_path import FILE_NAME
from radcommons.apps.deid_benchmark.key import Action, Check
from radcommons.apps.deid_benchmark.scoring.looking import Looked

_STOP_WORDS = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "below",
        "between",
        "both",
        "but",
        "by",
        "can",
        "did",
        "do",
        "does",
        "doing",
        "down",
        "during",
        "each",
        "few",
        "for",
        "from",
        "further",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "more",
        "most",
        "my",
        "no",
        "nor",
        "not",
        "now",
        "of",
        "off",
        "on",
        "once",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "own",
        "s",
        "same",
        "she",
        "should",
        "so",
        "some",
        "such",
        "t",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "until",
        "up",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "you",
        "your",
    ]
)


def is_passed(check: Check, output: Looked, *, uids: Mapping[str, str], patients: Mapping[str, str]) -> bool:
    """Whether one check passes; pixel checks of hidden writing are decided elsewhere."""
    is_there = check.path in output.values
    text = output.path if check.path == FILE_NAME else output.text(check.path)
    match Action(check.action):
        case Action.TAG_RETAINED:
            return is_there
        case Action.TEXT_NOTNULL:
            return text != ""
        case Action.TEXT_RETAINED:
            return text != "" and is_retained(text, check.text)
        case Action.TEXT_REMOVED:
            return text == "" or is_removed(text, check.text)
        case Action.DATE_SHIFTED | Action.UID_CHANGED:
            return check.text not in text
        case Action.UID_CONSISTENT:
            return not is_there or text == uids.get(check.text, "")
        case Action.PATID_CONSISTENT:
            return not is_there or text == patients.get(check.text, "")
        case Action.PIXELS_RETAINED:
            return output.pixels_md5 == check.text
        case Action.PIXELS_HIDDEN:
            raise ValueError("Hidden writing is judged by its letters.")


def is_retained(found: str, wanted: str) -> bool:
    """Whether a text is contained, or all its words are; numbers are compared as numbers."""
    found, wanted = _plain(found), _plain(wanted)
    if _is_number(found) and _is_number(wanted):
        return float(found) == float(wanted)
    return wanted in found or all(word in found for word in _words(wanted))


def is_removed(found: str, secret: str) -> bool:
    """Whether neither a text nor any of its words is contained."""
    found, secret = _plain(found), _plain(secret)
    if _is_number(found) and _is_number(secret):
        return float(found) != float(secret)
    return secret not in found and not any(word in found for word in _words(secret))


def _plain(text: str) -> str:
    return text.replace("<", "").replace(">", "").strip().lower()


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit() and text.isascii()


def _words(text: str) -> list[str]:
    stripped = (word.strip(string.punctuation) for word in text.split())
    return [word for word in stripped if word and word not in _STOP_WORDS]
