"""Texts without case, accents and separators, each character traceable to the one it came from.

Identifiers and the texts they are searched in go through the same folding, so that ``Müller``, ``MULLER`` and ``müller``
are one, and ``O'Brien``, ``O BRIEN`` and ``OBRIEN`` too.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Letters that Unicode does not take apart into a base letter and a mark.
_LETTERS = {
    "ß": "ss",
    "ø": "o",
    "æ": "ae",
    "œ": "oe",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ı": "i",
    "ŋ": "n",
    "ħ": "h",
}
_HANGUL = range(0xAC00, 0xD7A4)
_KATAKANA = range(0x30A1, 0x30F7)
_KATAKANA_TO_HIRAGANA = 0x60
_FIRST_EAST_ASIAN = 0x2E80
BEGINNING, _SHORT_BEGINNING = 3, 2


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A text without case and accents, and which character of the original each of its characters came from."""

    text: str
    origins: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that a span of the folded one stands for."""
        return self.origins[start], self.origins[end - 1] + 1

    def squeezed(self) -> "FoldedText":
        """Only the letters and digits; the origins are places in this folded text."""
        places = [index for index, character in enumerate(self.text) if character.isalnum()]
        return FoldedText("".join([self.text[index] for index in places]), places)


def beginnings(letters: str) -> Iterator[str]:
    """The two and the three letters at each place, with which a word may begin there."""
    for start in range(len(letters)):
        yield letters[start : start + _SHORT_BEGINNING]
        yield letters[start : start + BEGINNING]


def listed(text: str) -> frozenset[str]:
    """The words of a list that is written as a text."""
    return frozenset(text.split())


def fold(text: str) -> FoldedText:
    """Lower case, no accents, nothing invisible, compatibility forms unified; every character traceable to its origin."""
    if text.isascii():
        return FoldedText(text.lower(), range(len(text)))
    letters: list[str] = []
    origins: list[int] = []
    for index, character in enumerate(text):
        for part in _folded(character):
            letters.append(part)
            origins.append(index)
    return FoldedText("".join(letters), origins)


def is_east_asian(word: str) -> bool:
    """Whether a word is in a script that writes no spaces between words."""
    return any(ord(character) >= _FIRST_EAST_ASIAN for character in word)


@lru_cache(maxsize=8192)
def _folded(character: str) -> str:
    if ord(character) in _HANGUL:
        return character
    parts = []
    for part in unicodedata.normalize("NFKD", character).casefold():
        if not unicodedata.combining(part) and unicodedata.category(part) != "Cf":
            part = _LETTERS.get(part, part)  # noqa: PLW2901  one letter may become two
            parts.append(chr(ord(part) - _KATAKANA_TO_HIRAGANA) if len(part) == 1 and ord(part) in _KATAKANA else part)
    return "".join(parts)
