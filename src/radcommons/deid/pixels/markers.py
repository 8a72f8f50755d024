"""Writing that belongs to the picture and says nothing about the patient: sides, projections, positions, scales."""

import re
import unicodedata
from difflib import get_close_matches
from functools import lru_cache

# Sides, projections, positions and techniques as technologists write them on radiographs, in several languages.
MARKERS = frozenset(
    """
    l r li re lt rt left right links rechts gauche droite sinistra destra izquierda derecha
    ap pa lat lateral seitlich obl oblique dv vd cc mlo ml lm rcc lcc rmlo lmlo rml lml xccl
    erect upright standing stehend supine prone decubitus decub liegend lying sitting sitzend semierect semisupine recumbent
    portable mobile bedside bett bettaufnahme debout couche assis
    insp inspiration inspiratory exp expiration expiratory
    cm mm kv kvp ma mas uas mgy µgy cgy dap hz khz mhz db fps
    anterior posterior superior inferior medial cranial caudal ventral dorsal
    grid raster semi semiupright
    """.split()  # noqa: SIM905  a list of words reads as one
)
_LOOKALIKES = str.maketrans({"Ｌ": "L", "Ｒ": "R", "：": ":", "．": ".", "（": "(", "）": ")"})
_WORD = re.compile(r"[^\W\d_]+")
_MEASURE = re.compile(
    r"\d{1,4}(?:[.,]\d{1,3})?\s*(?:cm|mm|kvp?|mas|ma|ms|hz|khz|mhz|db|fps|µgy|mgy|cgy|%)", re.IGNORECASE
)
_MOST_WORDS = 4
_LONG_WORD, _ALIKE = 10, 0.7


@lru_cache(maxsize=64)
def marker_words(extra: tuple[str, ...] = ()) -> frozenset[str]:
    """The built-in markers and further ones, in the form they are compared in."""
    return MARKERS | {_plain(word) for text in extra for word in _WORD.findall(text)} | {_plain(text) for text in extra}


def is_marker_text(text: str, words: frozenset[str]) -> bool:
    """Whether a text consists of nothing but markers and measures with their unit.

    Bare numbers are none: they may be an age, a day or part of a record number. More than four words are no marker.
    """
    plain = _plain(text.translate(_LOOKALIKES))
    if not plain:
        return False
    if plain in words:
        return True
    rest = _MEASURE.sub(" ", plain)
    if any(character.isdigit() for character in rest):
        return False
    found = _WORD.findall(rest)
    if _is_word("".join(found), words):
        return True
    is_bare_measure = not found and rest != plain
    return is_bare_measure or (0 < len(found) <= _MOST_WORDS and all(_is_word(word, words) for word in found))


def _is_word(word: str, words: frozenset[str]) -> bool:
    """Whether a word is a marker, or a long one with a few letters misread."""
    if word in words:
        return True
    return len(word) >= _LONG_WORD and bool(get_close_matches(word, _long_words(words), n=1, cutoff=_ALIKE))


@lru_cache(maxsize=64)
def _long_words(words: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(word for word in words if len(word) >= _LONG_WORD))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
