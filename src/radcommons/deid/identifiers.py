"""The identifiers a study itself carries, and how to find them again in any text.

Names, numbers and addresses are harvested from the header before anything is removed; descriptions and comments are then
searched for them in every way people write them: other case, order and separators, without accents, with or without
leading zeros. General name recognition is the wrong tool for DICOM strings; this finds exactly what must not remain.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from pydicom.datadict import tag_for_keyword

from radcommons.deid.declared_vr import judged
from radcommons.dicom.elements import Element
from radcommons.dicom.text import DEFAULT_ENCODINGS, encodings_of, texts_of

_MIN_NAME_LENGTH = 2
_MIN_DISTINCT_LENGTH = 4
_MIN_DIGITS = 5
_MIN_IDENTIFIER_LENGTH = 4
_MAX_IDENTIFIER_LENGTH = 256
_FIRST_EAST_ASIAN = 0x2E80
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae"})

_IDENTIFYING_KEYWORDS = [
    "AccessionNumber",
    "AdmissionID",
    "AffectedSOPInstanceUID",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "ConfidentialityCode",
    "CountryOfResidence",
    "DeviceSerialNumber",
    "FillerOrderNumberImagingServiceRequest",
    "FillerOrderNumberProcedure",
    "InstitutionAddress",
    "InstitutionName",
    "InsurancePlanIdentification",
    "IssuerOfPatientID",
    "IssueTimeOfImagingServiceRequest",
    "MedicalRecordLocator",
    "MilitaryRank",
    "OrderCallbackPhoneNumber",
    "OrderCallbackTelecomInformation",
    "OtherPatientIDs",
    "PatientAddress",
    "PatientID",
    "PatientInstitutionResidence",
    "PatientReligiousPreference",
    "PatientTelecomInformation",
    "PatientTelephoneNumbers",
    "PersonAddress",
    "PersonTelecomInformation",
    "PersonTelephoneNumbers",
    "PhysicianOfRecordAddress",
    "PlacerOrderNumberImagingServiceRequest",
    "PlacerOrderNumberProcedure",
    "ReferringPhysicianAddress",
    "ReferringPhysicianTelephoneNumbers",
    "RegionOfResidence",
    "RequestedProcedureID",
    "ResponsibleOrganization",
    "ServiceEpisodeID",
    "StationName",
]
IDENTIFYING_TAGS = frozenset(tag for tag in map(tag_for_keyword, _IDENTIFYING_KEYWORDS) if tag is not None)


@lru_cache(maxsize=1)
def vocabulary() -> frozenset[str]:
    """Words that identify nobody by themselves."""
    text = (files("radcommons.deid") / "data" / "vocabulary.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def harvest_identifiers(elements: Iterable[Element], inherited: tuple[str, ...] = DEFAULT_ENCODINGS) -> frozenset[str]:
    """All names, numbers, addresses and telephone numbers a data set carries in its own identifying attributes.

    Every person name counts, at whatever depth. Private attributes are not read: they are removed as a whole.
    """
    return frozenset(_harvest(tuple(elements), inherited))


def _harvest(elements: tuple[Element, ...], inherited: tuple[str, ...]) -> Iterator[str]:
    encodings = encodings_of(elements, inherited)
    for element in map(judged, elements):
        if element.is_private:
            continue
        if element.items is not None:
            for item in element.items:
                yield from _harvest(item, encodings)
        elif element.vr == "PN" or element.tag in IDENTIFYING_TAGS:
            for text in texts_of(element, encodings):
                if text.strip():
                    yield f"^{text.strip()}" if element.vr == "PN" and "^" not in text else text.strip()


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A text without case and accents, and which character of the original each of its characters came from."""

    text: str
    origins: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that a span of the folded one stands for."""
        return self.origins[start], self.origins[end - 1] + 1


def fold(text: str) -> FoldedText:
    """Lower case, no accents, nothing invisible, compatibility forms unified; every character traceable to its origin."""
    letters: list[str] = []
    origins: list[int] = []
    for index, character in enumerate(text):
        for part in unicodedata.normalize("NFKD", character).casefold():
            if not unicodedata.combining(part) and unicodedata.category(part) != "Cf":
                letters.append(part)
                origins.append(index)
    return FoldedText("".join(letters), tuple(origins))


class IdentifierPattern:
    """Finds known identifiers in texts.

    Parameters
    ----------
    identifiers
        Values as they stand in headers; person names with ``^`` between their components.
    """

    def __init__(self, identifiers: Iterable[str]) -> None:
        every: set[str] = set()
        distinct: set[str] = set()
        for identifier in identifiers:
            for expression, is_distinct in _expressions(identifier[:_MAX_IDENTIFIER_LENGTH]):
                every.add(expression)
                if is_distinct:
                    distinct.add(expression)
        self._every = _alternation(every)
        self._distinct = _alternation(distinct)

    def spans(self, text: str, *, is_thorough: bool) -> list[tuple[int, int]]:
        """Where identifiers stand in a text.

        Parameters
        ----------
        text
            Any text.
        is_thorough
            Whether short and common words count as well, as they must in free text; otherwise only what is
            distinctive, so that codes and technical values do not suffer.
        """
        pattern = self._every if is_thorough else self._distinct
        if pattern is None or not text:
            return []
        folded = fold(text)
        return [folded.span(*match.span()) for match in pattern.finditer(folded.text) if match.end() > match.start()]


@lru_cache(maxsize=256)
def pattern_of(identifiers: frozenset[str]) -> IdentifierPattern:
    """The pattern of a set of identifiers, kept because the files of a series share theirs."""
    return IdentifierPattern(identifiers)


def _alternation(expressions: set[str]) -> re.Pattern[str] | None:
    # The longest first, so that a whole name goes before its parts.
    ordered = sorted(expressions, key=lambda expression: (-len(expression), expression))
    return re.compile("|".join(ordered)) if ordered else None


def _expressions(identifier: str) -> Iterator[tuple[str, bool]]:
    """Regular expressions over folded text, each with whether it is distinctive."""
    if "^" in identifier or "=" in identifier:
        yield from _name_expressions(identifier)
        return
    words = re.findall(r"\w+", fold(identifier).text)
    joined = "".join(words)
    has_digit = any(character.isdecimal() for character in joined)
    if len(joined) >= _MIN_IDENTIFIER_LENGTH and not (len(words) == 1 and words[0] in vocabulary()):
        is_plain = all(word in vocabulary() for word in words)
        yield _bounded(r"[\W_]{0,3}".join(map(re.escape, words)), joined), not is_plain
    if has_digit:
        yield from _number_expressions(identifier)
    if len(words) > 1:
        for word in words:
            if word.isalpha() and len(word) >= _MIN_DISTINCT_LENGTH and word not in vocabulary():
                yield _bounded(re.escape(word), word), True
        for part in re.split(r"[,;\n]", fold(identifier).text):
            pieces = re.findall(r"\w+", part)
            if len("".join(pieces)) >= _MIN_IDENTIFIER_LENGTH and not all(piece in vocabulary() for piece in pieces):
                yield _bounded(r"[\W_]{0,3}".join(map(re.escape, pieces)), part), len(pieces) > 1


def _number_expressions(identifier: str) -> Iterator[tuple[str, bool]]:
    digits = re.sub(r"\D", "", identifier)
    core = digits.lstrip("0")
    # Leading zeros come and go, but what remains of a number without them may be as plain as 1.
    number, lead = (core, "0*") if len(core) >= _MIN_DISTINCT_LENGTH else (digits, "")
    if len(digits) >= _MIN_DIGITS:
        yield rf"(?<![\d.]){lead}" + r"[^\w.]?".join(number) + r"(?![\d.]\d)(?!\d)", True


def _name_expressions(name: str) -> Iterator[tuple[str, bool]]:
    for group in name.split("="):
        tokens = [token for token in re.split(r"[\W_]+", fold(group).text) if token]
        spelled = [token for token in re.split(r"[\W_]+", fold(group.casefold().translate(_UMLAUTS)).text) if token]
        for token in {*tokens, *spelled}:
            is_distinct = len(token) >= _MIN_DISTINCT_LENGTH and token not in vocabulary()
            if _is_east_asian(token):
                if len(token) >= _MIN_NAME_LENGTH:
                    yield re.escape(token), True
            elif len(token) >= _MIN_NAME_LENGTH and token not in vocabulary():
                yield _bounded(re.escape(token), token), is_distinct
        if 1 < len(tokens) <= 5:  # noqa: PLR2004  more parts are no longer a name somebody writes out
            # Family and given name are also written without the rest, in both orders.
            for order in (tokens, tokens[::-1], tokens[:2], tokens[1::-1]):
                is_plain = all(token in vocabulary() for token in order)
                yield _bounded(r"[\W_]{0,3}".join(map(re.escape, order)), "".join(order)), not is_plain


def _bounded(expression: str, word: str) -> str:
    """An expression that does not match inside a longer word."""
    if _is_east_asian(word):
        return expression
    before = r"(?<![^\W\d_])" if word[:1].isalpha() else r"(?<!\d)"
    after = r"(?![^\W\d_])" if word[-1:].isalpha() else r"(?!\d)"
    return before + expression + after


def _is_east_asian(word: str) -> bool:
    return any(ord(character) >= _FIRST_EAST_ASIAN for character in word)
