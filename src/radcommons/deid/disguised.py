"""Words that are written with other signs than they read: ``Qu1xotesen``, ``M@rchetti``, a Cyrillic а among Latin letters.

What comes out counts where it is a name of the study itself, so that ``T1WATER`` and ``5MM`` stay.
"""

import re
import unicodedata
from collections.abc import Iterator

from radcommons.deid.folding import fold

_LEAST_LETTERS = 3
# Letters, figures, signs that stand for letters, marks and what is invisible; spaces and hyphens separate words.
_WORD = re.compile(r"[^\W_](?:[^\W_]|[@$!|€\u0300-\u036f\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff])*")
_MIXED = re.compile(r"[^\W\d_][0-9@$!|€]|[0-9@$!|€][^\W\d_]")
_SIGNS = str.maketrans("023456789@$!|€", "ozeasgtbgasile")
# The figure one is an i or an l.
_ONES = ("i", "l")
# Cyrillic, Greek and Armenian letters with the Latin ones they look like, which capitals and small ones do differently.
_LOOKALIKES = str.maketrans(
    "авгеёіїјкмнопрстухьԁһԛԝѕүАВЕЁІЇЈКМНОПРСТУХЅԜҮαβγεηικνορτυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧոսօ",
    "abreeiijkmhonpctyxbdhqwsyABEEIIJKMHOnPCTYXSWYabyenikvoptuxwABEZHIKMNOPTYXnuo",
)


def disguised_words(text: str) -> Iterator[tuple[int, int, str]]:
    """The words of a text that mix letters with figures or signs, or show letters of another alphabet, and what they may say."""
    if text.isascii() and not _MIXED.search(text):
        return
    for match in _WORD.finditer(text):
        word = match[0]
        shown = word if word.isascii() else _shown(word)
        if sum(map(str.isalpha, shown)) < _LEAST_LETTERS:
            continue
        if _MIXED.search(shown):
            said = shown.translate(_SIGNS)
            yield from ((match.start(), match.end(), said.replace("1", one)) for one in _ONES[: 1 + ("1" in said)])
        elif fold(shown).text != fold(word).text:
            yield match.start(), match.end(), shown


def _shown(word: str) -> str:
    """What a word looks like in Latin letters; as it is where it has a letter that looks like none of them."""
    parts = unicodedata.normalize("NFKD", word)
    plain = "".join(each for each in parts if unicodedata.category(each) not in {"Mn", "Cf"})
    shown = plain.translate(_LOOKALIKES)
    return shown if shown.isascii() else word
