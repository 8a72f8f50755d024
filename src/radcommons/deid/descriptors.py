"""Cleaning free text: what names, dates, numbers and addresses there are go, the clinical words stay (PS3.15 E.3.5).

Spans are marked by three rules: the study's own identifiers, forms (dates, telephone numbers, addresses, long numbers)
and words that announce a person or a place. What is marked is cut out; nothing is put in its place. Cleaning a cleaned
text changes nothing. All functions are pure: the same text and identifiers always give the same answer.
"""

import re
from dataclasses import dataclass

from radcommons.deid.cues import cue_spans
from radcommons.deid.identifiers import IdentifierPattern
from radcommons.deid.patterns import pattern_spans, uid_spans
from radcommons.deid.vocabulary import unknown_spans

_OWN = "identifier of the study"
_UNKNOWN = "unknown word"
# Words that are left hanging where what they announced was cut out.
_DANGLING = re.compile(
    r"(?<![^\W_])(?:(?:for|by|at|from|with|of|on|to|the|and by|mrs?|ms|dr|prof|sister|seen by|seen|dictated by|reported by|read by|signed by|referred by|performed by|ordered by|"
    r"requested by|reviewed by|lives (?:at|in)|address|compared (?:with|to)|comparison|c/w|vs|since|dated|born|dob|e-?mail|phone|tel(?:efon|ephone)?|fax|mrn|acc(?:ession)?|patient name|name|"
    r"von|vom|am|durch|herrn?|frau|geb(?:oren)?|überwiesen von|befundet von|verglichen mit|im vergleich (?:zu|mit)|"
    r"par|du|le|chez|adressée? par|vue? par|née? le|por|del|vist[oa] por|dal?|refertato da|door|van|d[.]|visto por)"
    r"(?![^\W_])[\s.:#]{0,8})+(?=$|[,.;)\]])",
    re.IGNORECASE,
)
_LEFT_OVER = " \t\r\n\f,;:-/_^#|=+&"
_EMPTY_BRACKETS = re.compile(r"\(\s*[.,;:/-]?\s*\)|\[\s*\]|<\s*>|\"\s*\"")
_SEPARATOR = re.compile(r"[\s_,;:./^|-]*$")
# Longer texts than any protocol or finding; nobody would review them.
MAX_TEXT_LENGTH = 65_536
_MOST_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class CleanedText:
    """A text after cleaning, and why parts of it went."""

    text: str
    reasons: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether anything was taken out."""
        return bool(self.reasons)


def clean_descriptor(
    text: str, identifiers: IdentifierPattern, *, are_unknown_words_removed: bool = False
) -> CleanedText:
    """Clean free text thoroughly: identifiers, telling forms, announced persons and places go.

    Parameters
    ----------
    text
        One value.
    identifiers
        What the study carries.
    are_unknown_words_removed
        Whether every word outside the vocabulary goes too, rather than being shown to a reviewer.
    """
    if len(text) > MAX_TEXT_LENGTH:
        return CleanedText("", ("too long to be cleaned",))
    reasons: set[str] = set()
    rest = text
    for _ in range(_MOST_ROUNDS):
        # Cutting may bring together what was apart, so the result is looked at again.
        spans = [
            *((start, end, _OWN) for start, end in identifiers.spans(rest, is_thorough=True)),
            *pattern_spans(rest),
            *cue_spans(rest, identifiers.name_words),
        ]
        if are_unknown_words_removed:
            spans.extend((start, end, _UNKNOWN) for start, end in unknown_spans(rest))
        if not spans:
            return CleanedText(rest, tuple(sorted(reasons)))
        reasons.update(reason for _, _, reason in spans)
        rest = _tidied(_cut(rest, spans))
    return CleanedText("", tuple(sorted(reasons)))


def clean_technical(text: str, identifiers: IdentifierPattern) -> CleanedText:
    """Clean a kept technical or coded text: only the study's own distinctive identifiers and UIDs go."""
    reasons: set[str] = set()
    rest = text
    for _ in range(_MOST_ROUNDS):
        spans = [
            *((start, end, _OWN) for start, end in identifiers.spans(rest, is_thorough=False)),
            *uid_spans(rest),
        ]
        if not spans:
            return CleanedText(rest, tuple(sorted(reasons)))
        reasons.update(reason for _, _, reason in spans)
        rest = _cut(rest, spans).strip(_LEFT_OVER)
    return CleanedText("", tuple(sorted(reasons)))


def _cut(text: str, spans: list[tuple[int, int, str]]) -> str:
    """The text without some spans; of the separators around each hole the stronger one stays."""
    rest, position = "", 0
    for start, end, _ in sorted(spans):
        if start >= position:
            rest = _bridged(rest, text[position:start])
        position = max(position, end)
    return _bridged(rest, text[position:])


def _bridged(left: str, right: str) -> str:
    if not left or not right:
        return left + right
    before = _SEPARATOR.search(left)
    separator = before[0] if before is not None else ""
    stripped = right.lstrip(" _\t,;:/^|-")
    after = right[: len(right) - len(stripped)]
    if not stripped:
        return left
    kept = next((mark for mark in ("\n", "_", ";", ",", " ") if mark in separator + after), " ")
    if kept in {";", ","}:
        kept += " "
    return left[: len(left) - len(separator)] + ("\n" if "\n" in after else kept) + stripped


def _tidied(text: str) -> str:
    rest = _DANGLING.sub("", _EMPTY_BRACKETS.sub(" ", text))
    rest = re.sub(r"[ \t]{2,}", " ", re.sub(r"(?<!\s)[ \t]{1,8}([,;.)])", r"\1", rest))
    return re.sub(r"([,;])\s{0,2}(?=[,;.])", "", rest).lstrip(_LEFT_OVER + ".)").rstrip(_LEFT_OVER + "(")
