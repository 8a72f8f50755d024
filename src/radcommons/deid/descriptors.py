"""Cleaning free text: what names, dates, numbers and addresses there are go, the clinical words stay (PS3.15 E.3.5).

Spans are marked by three rules: the study's own identifiers, forms (dates, telephone numbers, addresses, long numbers)
and words that announce a person or a place. What is marked is cut out; nothing is put in its place, but for dates, which
move with all dates of the patient where the profile says so. Cleaning a cleaned text changes nothing more, dates apart. All functions are pure: the same text and identifiers always give the same answer.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from radcommons.deid.cues import component_spans, cue_spans
from radcommons.deid.folding import with_plain_signs
from radcommons.deid.identifiers import IdentifierPattern
from radcommons.deid.patterns import date_spans, mail_spans, pattern_spans, uid_spans, with_time
from radcommons.deid.vocabulary import unknown_spans
from radcommons.deid.written_dates import DateReading, shift_written_date

_OWN = "identifier of the study"
_UNKNOWN = "unknown word"
_MOVED = "date moved"
# Private characters stand for moved dates while the rest is cleaned.
_FIRST_PLACEHOLDER = 0xE000
_PLACEHOLDER = re.compile(r"[\ue000-\ue3ff]")
_MOST_MOVED = 0x400
# Between the parts of a number.
_JOINING = "-/._"
# Words that are left hanging where what they announced was cut out.
_HANGING = re.compile(
    r"(?<![^\W_])(?:(?:for|by|at|from|with|w/|of|on|to|the|and|und|et|mrs?|ms|dr|prof|sister|seen by|seen|dictated by|reported by|read by|signed by|referred by|performed by|ordered by|"
    r"requested by|reviewed by|lives (?:at|in)|address|compared (?:with|to)|comparison|c/w|vs|since|dated|born|dob|e-?mail|phone|tel(?:efon|ephone)?|fax|mrn|acc(?:ession)?|patient name|name|"
    r"von|vom|am|durch|herrn?|frau|geb(?:oren)?|überwiesen von|befundet von|verglichen mit|im vergleich (?:zu|mit)|"
    r"par|du|le|chez|adressée? par|vue? par|née? le|por|del|vist[oa] por|dal?|st|refertato da|door|van|d[.]|visto por)"
    r"(?![^\W_])[\s.:#]{0,8})+$",
    re.IGNORECASE,
)
_LEFT_OVER = " \t\r\n\f,;:-/_^#|=+&"
_EMPTY_BRACKETS = re.compile(r"\(\s*[.,;:/-]?\s*\)|\[\s*\]|<\s*>|\"\s*\"")
_LONE_GENITIVE = re.compile(r"(?<!\S)['’]s(?!\w)")
_SEPARATOR = re.compile(r"[\s_,;:./^|-]*$")
# Longer texts than any protocol or finding; nobody would review them.
MAX_TEXT_LENGTH = 65_536
_MOST_ROUNDS = 8
_MOST_YEARS_BETWEEN = 20
_YEAR_WITHOUT_STUDY = 2010


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
    text: str,
    identifiers: IdentifierPattern,
    *,
    dates: DateReading | None = None,
    are_unknown_words_removed: bool = False,
) -> CleanedText:
    """Clean free text thoroughly: identifiers, telling forms, announced persons and places go.

    Parameters
    ----------
    text
        One value.
    identifiers
        What the study carries.
    dates
        How dates move; those that are not understood go, and all go when it is ``None``.
    are_unknown_words_removed
        Whether every word outside the vocabulary goes too, rather than being shown to a reviewer.
    """
    if len(text) > MAX_TEXT_LENGTH:
        return CleanedText("", ("too long to be cleaned",))
    reasons: set[str] = set()
    moved: list[str] = []
    rest = text if dates is None else _with_moved_dates(text, identifiers, dates, moved)
    if moved:
        reasons.add(_MOVED)
    for _ in range(_MOST_ROUNDS):
        # Cutting may bring together what was apart, so the result is looked at again.
        spans = [
            *((start, end, _OWN) for start, end in identifiers.spans(rest, is_thorough=True)),
            *pattern_spans(rest, are_times_kept=dates is not None),
            *cue_spans(rest, identifiers.name_words),
        ]
        if are_unknown_words_removed:
            spans.extend((start, end, _UNKNOWN) for start, end in unknown_spans(rest))
        if not spans:
            return CleanedText(
                _PLACEHOLDER.sub(lambda place: moved[ord(place[0]) - _FIRST_PLACEHOLDER], rest), _listed(reasons)
            )
        reasons.update(reason for _, _, reason in spans)
        rest = _tidied(_cut(rest, [with_time(rest, span) for span in spans], is_prose=True))
    return CleanedText("", _listed(reasons))


def looks_identifying(text: str, *, may_hold_dates: bool) -> bool:
    """Whether a cleaned text still holds what cleaning would take out, by rules alone; moved dates may be there."""
    if may_hold_dates:
        for start, end in reversed(_merged(date_spans(text))):
            text = f"{text[:start]} {text[end:]}"
    reasons = {reason for _, _, reason in (*pattern_spans(text, are_times_kept=may_hold_dates), *cue_spans(text))}
    return bool(reasons)


def clean_technical(text: str, identifiers: IdentifierPattern) -> CleanedText:
    """Clean a kept technical or coded text: the study's own identifiers where they mean them, names in components, e-mail, UIDs."""
    reasons: set[str] = set()
    rest = text
    for _ in range(_MOST_ROUNDS):
        spans = [
            *((start, end, _OWN) for start, end in identifiers.spans(rest, is_thorough=False)),
            *((start, end, _OWN) for start, end in identifiers.written_names(rest)),
            *component_spans(rest),
            *mail_spans(rest),
            *uid_spans(rest),
        ]
        if not spans:
            return CleanedText(rest, _listed(reasons))
        reasons.update(reason for _, _, reason in spans)
        rest = _cut(rest, spans, is_prose=False).strip(_LEFT_OVER)
    return CleanedText("", _listed(reasons))


def _with_moved_dates(text: str, identifiers: IdentifierPattern, dates: DateReading, moved: list[str]) -> str:
    """The text with a placeholder for each date that is understood; the moved dates are added to ``moved``."""
    pieces, position = [], 0
    # Private characters of the text itself would be taken for places of dates.
    text = _PLACEHOLDER.sub("", text)
    days = _merged(date_spans(text))
    numbers = _numbers_in(text, identifiers) if days else []
    for start, end in days:
        is_part = any(_is_part_of_number(text, (start, end), number) for number in numbers)
        written = None if is_part else _moved(text[start:end], identifiers, dates)
        # What is not understood is cut with the rest.
        if written is not None and len(moved) < _MOST_MOVED:
            pieces += [text[position:start], chr(_FIRST_PLACEHOLDER + len(moved))]
            moved.append(written)
            position = end
    return "".join((*pieces, text[position:]))


def _numbers_in(text: str, identifiers: IdentifierPattern) -> list[tuple[int, int]]:
    """Where known identifiers stand, and what the form of a text says is a number of a person."""
    forms = [(start, end) for start, end, reason in pattern_spans(text) if reason == "number"]
    return [*identifiers.spans(text, is_thorough=True), *forms]


def _is_part_of_number(text: str, day: tuple[int, int], number: tuple[int, int]) -> bool:
    """Whether a date is only a part of a number, as of the accession number 20230417-0099: something is joined to it."""
    (start, end), (first, last) = day, number
    is_joined = first < start and (text[start - 1].isalnum() or text[start - 1] in _JOINING)
    return first <= start and end <= last and (is_joined or last > end)


def _moved(written: str, identifiers: IdentifierPattern, dates: DateReading) -> str | None:
    """A date as it stands in a text, moved; nothing when it is none, is a birth, or would become another of the patient."""
    written = with_plain_signs(written)
    latest = max((day.year for day in dates.known), default=_YEAR_WITHOUT_STUDY)
    numbers = re.findall(r"\d+", written)
    long = [int(number[:4]) for number in numbers if len(number) >= len("2020")]
    year = long[0] if long else latest - (latest - int(numbers[-1])) % 100
    if dates.days and year < latest - _MOST_YEARS_BETWEEN:
        # Decades older than the study: somebody's birth, which tells the age.
        return None
    moved = shift_written_date(written, dates)
    return None if moved is None or (dates.days and identifiers.spans(moved, is_thorough=True)) else moved


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _listed(reasons: set[str]) -> tuple[str, ...]:
    return tuple(sorted(reasons))


def _cut(text: str, spans: list[tuple[int, int, str]], *, is_prose: bool) -> str:
    """The text without some spans, in prose without the words that announced them; of separators the stronger stays."""
    pieces, position = [], 0
    for start, end, _ in sorted(spans):
        if start >= position:
            pieces.append(_HANGING.sub("", text[position:start]) if is_prose else text[position:start])
        position = max(position, end)
    rest = ""
    for piece in (*pieces, text[position:]):
        rest = _bridged(rest, piece)
    return rest


def _bridged(left: str, right: str) -> str:
    if not left or not right:
        return left + right
    before = _SEPARATOR.search(left)
    separator = before[0] if before is not None else ""
    stripped = right.lstrip(" _\t\r\n,;:/^|-")
    after = right[: len(right) - len(stripped)]
    if not stripped:
        return left
    kept = next((mark for mark in ("\n", "_", ";", ",", " ") if mark in separator + after), " ")
    if kept in {";", ","}:
        kept += " "
    return left[: len(left) - len(separator)] + ("\n" if "\n" in after else kept) + stripped


def _tidied(text: str) -> str:
    rest = re.sub(r"[ \t]{2,}", " ", _LONE_GENITIVE.sub("", _EMPTY_BRACKETS.sub(" ", text)))
    rest = re.sub(r"(?<!\s)[ \t]{1,8}([,;.)])", r"\1", rest)
    return re.sub(r"([,;])\s{0,2}(?=[,;.])", "", rest).lstrip(_LEFT_OVER + ".)").rstrip(_LEFT_OVER + "(")
