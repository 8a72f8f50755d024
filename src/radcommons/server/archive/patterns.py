"""Wildcard matching (PS3.4 C.2.2.2.4) as conditions that an index can serve where it is possible."""

import re
import unicodedata
from functools import cache

from django.db.models import Q

_LATIN = range(0x00C0, 0x0250)
# What stands in front of a component, or of a word in it: PS3.5 6.2.1.1.
_WORD_BEGIN = r"(^|[[:space:]^=,-])"


def text_condition(column: str, text: str, *, is_case_sensitive: bool) -> Q:
    """Rows whose column fits a text in which ``*`` stands for any text and ``?`` for one character."""
    prefix = "" if is_case_sensitive else "i"
    core = text.strip("*")
    if "*" not in core and "?" not in core:
        starts, ends = text.startswith("*"), text.endswith("*")
        lookup = {(False, False): "exact", (True, False): "endswith", (False, True): "startswith"}.get((starts, ends))
        return Q(**{f"{column}__{prefix}{lookup or 'contains'}": core})
    pieces = [{"*": ".*", "?": "."}.get(piece, re.escape(piece)) for piece in re.split(r"([*?])", text)]
    return Q(**{f"{column}__{prefix}regex": f"^{''.join(pieces)}$"})


def fuzzy_regex(word: str) -> str:
    """A regular expression of PostgreSQL for names with a word that begins so, to be used without regard to capitals."""
    variants = _variants()
    return _WORD_BEGIN + "".join(
        f"[{letter}{variants[letter]}]" if letter in variants else re.escape(letter) for letter in _folded(word)
    )


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@cache
def _variants() -> dict[str, str]:
    """For each plain letter its forms with accents, small and capital."""
    found: dict[str, str] = {}
    for point in _LATIN:
        base = _folded(chr(point))
        if len(base) == 1 and base.isascii() and base.isalpha():
            found[base] = found.get(base, "") + chr(point)
    return found
