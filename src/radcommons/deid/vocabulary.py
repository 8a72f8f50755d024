"""Words that by themselves say nothing of a person, and which words of a text are none of them."""

import re
from functools import lru_cache
from importlib.resources import files

from radcommons.deid.folding import fold

_WORD = re.compile(r"[^\W\d_]+")
_SHORTEST_UNKNOWN = 3
# Endings of medicine that no family name has; the last one needs a long stem, for Ingram is a name.
_MEDICAL = re.compile(
    r".{4,}(?:fraktur(?:en)?|befunde?|aufnahmen?|stellungnahmen?|zeichen|kriterien|zysten?|la(?:e)?sion(?:en)?|tumor(?:en|s)?|karzinome?|metastasen?|ruptur(?:en)?|prothesen?|spitzen?|gelenke?s?|"
    r"erguss|ergusse|infiltrate?|itat(?:en)?|ierung(?:en)?|igkeit(?:en)?|ismus|scheur|breuk|osiques?|ptiques?|ogiques?|tions?|sions?|cion|ciones|zione|zioni|cao|coes|logia|grafia|scopia|patia)|"
    # Few family names end so, and those are short: Hartung.
    r".{5,}ung(?:en)?|"
    r".{3,}(?:graph(?:y|ie|ies|ic)|grafi[ae]|scop(?:y|ie|ic)|ectomy|ektomie|ectomie|otomy|ostomy|plast(?:y|ie|ik)|itis|osis|ose[sn]|aemia|emia|[äa]mie|path(?:y|ie|ic)|megaly|"
    r"algi[ae]|centesis|penia|plegia|sklerose|metrie|metry|therap(?:y|ie|ia)|ization|isation|ectasis|iliac|thoracic|abdominal)|.{5,}(?:gramm?s?|oma[st]?)"
)


@lru_cache(maxsize=1)
def vocabulary() -> frozenset[str]:
    """Words of imaging, medicine and hospitals that identify nobody by themselves, without case and accents."""
    return _words("vocabulary.txt") | imaging_words()


@lru_cache(maxsize=1)
def imaging_words() -> frozenset[str]:
    """The part of the vocabulary that says what was imaged and how; without it a description is worth nothing."""
    return _words("imaging_words.txt")


def unknown_words(text: str) -> tuple[str, ...]:
    """The words of three letters and more that are not in the vocabulary, as they stand in the text, each once.

    Letters that belong to a code with digits (``B31f``, ``t1``) are no words. A plural of a known word is known.
    """
    found: dict[str, None] = {}
    for start, end in unknown_spans(text):
        found[text[start:end]] = None
    return tuple(found)


def unknown_spans(text: str) -> list[tuple[int, int]]:
    """Where the words stand that :func:`unknown_words` tells."""
    return [match.span() for match in _WORD.finditer(text) if not _is_harmless(text, match)]


@lru_cache(maxsize=65536)
def is_known(word: str) -> bool:
    """Whether a word is in the vocabulary, or is a plural, a compound or a formation of medicine; case does not matter."""
    folded = fold(word).text
    if folded in vocabulary() or (folded.endswith("s") and folded[:-1] in vocabulary()):
        return True
    return _MEDICAL.fullmatch(folded) is not None or _is_compound(folded)


def _is_compound(word: str) -> bool:
    """Whether two known words of four letters and more are written as one, as protocol names do."""
    shortest = 4
    return any(
        word[:cut] in imaging_words() and word[cut:] in vocabulary()
        for cut in range(shortest, len(word) - shortest + 1)
    )


def _is_harmless(text: str, match: re.Match[str]) -> bool:
    word = match[0]
    if len(word) < _SHORTEST_UNKNOWN and word.isascii():
        return True
    around = text[match.start() - 1 : match.start()] + text[match.end() : match.end() + 1]
    is_code = len(word) <= _SHORTEST_UNKNOWN and any(character.isdecimal() for character in around)
    return is_code or is_known(word)


def _words(name: str) -> frozenset[str]:
    text = (files("radcommons.deid") / "data" / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    # Of cross-table only the whole is a word of imaging.
    every = (re.sub(r"[\W\d_]", "", word) for line in lines for word in line.split())
    return frozenset(fold(word).text for word in every if len(word) > 1)
