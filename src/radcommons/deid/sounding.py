"""Names as they are heard and mistyped: Schmitt for Schmidt, Catharina for Katharina, Bob for Robert, Stephnson for Stephenson.

Who takes a name on the telephone writes it as it sounds. Only words that no vocabulary knows are compared, and only with
the names of the study itself, so that a word of imaging is never taken for one.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

from radcommons.deid.folding import fold, is_east_asian
from radcommons.deid.recalling import recalled
from radcommons.deid.vocabulary import unknown_spans

_LEAST_LETTERS = 4
_LEAST_CONSONANTS = 3
# In this order: what several letters say together before what single ones say.
_SPELLINGS = tuple(
    (re.compile(written), said)
    for written, said in (
        (r"^(?:ye|je|e)(?=[kv])", "e"),
        (r"[^a-z]", ""),
        (r"t?sch|tch|cz|sz|sh|tz|ts|zh", "s"),
        (r"ch(?=[lr])|ck|kh|q(?=u)", "k"),
        (r"ch", "k"),
        (r"ph|pf|v|w", "f"),
        (r"dt|th|d$", "t"),
        (r"b$", "p"),
        (r"x", "ks"),
        (r"c(?=[eiy])|z", "s"),
        (r"[cq]|g$", "k"),
        (r"^[jy](?=[aeiou])", "j"),
        (r"[ae][iyj]|ij", "y"),
        (r"ie|ee|i", "y"),
        (r"oo|ou", "u"),
        (r"(?<=.)h", ""),
        (r"(.)\1+", r"\1"),
    )
)
_VOWEL = re.compile(r"[aeiouy]")
_MARK = "~"
# Of names of seven letters and more one letter may be missing, too many, another or in another place.
_LEAST_MISTYPED = 7
_LONGEST_MISTYPED = 32
_MISTYPED = "±"


def sounds_of(word: str) -> str:
    """How one word sounds, as consonants, with its vowels where these are few; empty when it is too short to be told apart.

    Words that sound alike have the same answer; it begins with a mark, so that it is never taken for letters of a text.
    """
    letters = fold(word).text
    if len(letters) < _LEAST_LETTERS or not letters.isascii() or not letters.isalpha():
        return ""
    for written, said in _SPELLINGS:
        letters = written.sub(said, letters)
    consonants = letters[:1] + _VOWEL.sub("", letters[1:])
    return _MARK + (consonants if len(consonants) >= _LEAST_CONSONANTS else letters)


def signs_of(word: str) -> Iterator[str]:
    """By what a word is known although it is written otherwise: how it sounds, and what it is with one letter less.

    Two long words that have a sign in common differ by one letter. Signs begin with a mark, so that they are never taken for
    letters of a text.
    """
    if sound := sounds_of(word):
        yield sound
    letters = fold(word).text
    if _LEAST_MISTYPED <= len(letters) <= _LONGEST_MISTYPED and not is_east_asian(letters):
        yield _MISTYPED + letters
        yield from {_MISTYPED + letters[:place] + letters[place + 1 :] for place in range(len(letters))}


def signs_of_name(name: str) -> Iterator[str]:
    """The signs of a word that is a part of a name, which fields of a fixed length cut short as well."""
    yield from signs_of(name)
    letters = fold(name).text
    if not is_east_asian(letters):
        yield from (_MISTYPED + letters[:end] for end in range(_LEAST_MISTYPED, len(letters)))


@recalled
def sounding_spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Where words stand that no vocabulary knows, and each sign of theirs."""
    for start, end in unknown_spans(text):
        for sign in signs_of(text[start:end]):
            yield start, end, sign


@lru_cache(maxsize=1)
def _families() -> dict[str, frozenset[str]]:
    lines = (files("radcommons.deid") / "data" / "short_names.txt").read_text(encoding="utf-8").splitlines()
    found: dict[str, set[str]] = {}
    for line in lines:
        names = () if line.startswith("#") else line.split()
        for name in names:
            found.setdefault(name, set()).update(names)
    return {name: frozenset(names - {name}) for name, names in found.items()}


def short_names_of(name: str) -> frozenset[str]:
    """What people call somebody of a given name as well, folded; the longer forms of a short one too."""
    return _families().get(name, frozenset())
