"""The identifiers a study itself carries, and how to find them again in any text.

Names, numbers, dates and addresses are harvested from the header before anything is removed; descriptions and comments
are then searched for them in every way people write them (:mod:`radcommons.deid.spellings`). General name recognition is
the wrong tool for DICOM strings; this finds exactly what must not remain.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from pydicom.datadict import tag_for_keyword

from radcommons.deid.cues import cue_spans
from radcommons.deid.declared_vr import judged
from radcommons.deid.encoded import encoded_texts
from radcommons.deid.folding import BEGINNING, beginnings, fold, is_east_asian, listed
from radcommons.deid.needle_places import Place
from radcommons.deid.needles import Needle
from radcommons.deid.readings import texts_as_meant, texts_of_others
from radcommons.deid.recalling import is_short, recalled
from radcommons.deid.sounding import signs_of_name, sounding_spans
from radcommons.deid.spellings import date_of, everyday_surnames_of, is_name, name_words_of, needles_of
from radcommons.deid.vocabulary import imaging_words, unknown_spans
from radcommons.dicom.elements import Element
from radcommons.dicom.text import DEFAULT_ENCODINGS, encodings_of, texts_of

_MAX_IDENTIFIER_LENGTH = 256
_DATE_LENGTH = len("YYYYMMDD")
# In technical texts a word is a name after these, or as the last of a clause, or capitalised among small words.
_ANNOUNCING = listed(
    "for of by from to with per pt patient name fur von vom bei durch de du des del della di da do van voor door pour par para por mr mrs ms"
)
_CAPITALISED = re.compile(r"(?<![\w'’-])[^\W\d_a-z][^\W\d_]+(?![\w-])")
_WORD_BEFORE = re.compile(r"([^\W\d_]+)[\s.:,_]{0,4}$")
_CLAUSE_END = re.compile(r"\s*(?:$|[,;:.()\[\]/\\\n])|['’]s(?!\w)")
# Said of nobody: conventions for a date that is not known.
_NO_DATES = frozenset({"19000101", "00010101", "19700101", "99991231", "18991230"})

_IDENTIFYING_KEYWORDS = listed(
    """
AccessionNumber AdmissionID AffectedSOPInstanceUID CassetteID ClinicalTrialSiteID ClinicalTrialSiteName ClinicalTrialSubjectID
ClinicalTrialSubjectReadingID ConfidentialityCode ContainerIdentifier CountryOfResidence CurrentPatientLocation DetectorID DeviceSerialNumber
FillerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequestRetired FillerOrderNumberProcedure GantryID
InstitutionAddress InstitutionName InstitutionalDepartmentName InsurancePlanIdentification IssuerOfAdmissionID IssuerOfPatientID
IssuerOfServiceEpisodeID MedicalRecordLocator MilitaryRank OrderCallbackPhoneNumber OrderCallbackTelecomInformation
OtherPatientIDs PatientAddress PatientID PatientInstitutionResidence PatientReligiousPreference PatientTelecomInformation
PatientTelephoneNumbers PerformedLocation PerformedProcedureStepID PerformedStationAETitle PerformedStationName PersonAddress
PersonTelecomInformation PersonTelephoneNumbers PhysicianOfRecordAddress PlacerOrderNumberImagingServiceRequest
PlacerOrderNumberImagingServiceRequestRetired PlacerOrderNumberProcedure PlateID ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers
RegionOfResidence RequestedProcedureID ResponsibleOrganization RetrieveAETitle ScheduledPatientInstitutionResidence
ScheduledProcedureStepID ScheduledProcedureStepLocation ScheduledStationAETitle ScheduledStationName ScheduledStudyLocation ServiceEpisodeID
SourceSerialNumber SpecimenIdentifier StationAETitle StationName StudyID UniqueDeviceIdentifier
"""
)
IDENTIFYING_TAGS = frozenset(tag for tag in map(tag_for_keyword, _IDENTIFYING_KEYWORDS) if tag is not None)
# The name of a service identifies by what is its own in it; "Cardiology" is one in every hospital, and a word of descriptions.
_REQUESTING_SERVICE = 0x00321033
# A number of four or five digits alone; shorter ones are everywhere, longer ones are looked for in all texts.
_SHORT_NUMBER = re.compile(r"\+?0*([1-9][0-9]{3,4})(?:\.0*)?")
_IN_WORDS = re.compile(r"[^\W\d_]+(?:[^\w]+[^\W\d_]+)+[^\w]*")
_LONG_NUMBER = re.compile(r"\d(?:[-./ ]?\d){4,}")


def harvest_identifiers(elements: Iterable[Element], inherited: tuple[str, ...] = DEFAULT_ENCODINGS) -> frozenset[str]:
    """All names, numbers, dates, addresses and telephone numbers a data set carries in its own attributes.

    Every person name and every date counts, at whatever depth; of private attributes only person names, since what is in
    the others nobody knows.
    """
    return frozenset(_harvest(tuple(elements), inherited))


def _harvest(elements: tuple[Element, ...], inherited: tuple[str, ...]) -> Iterator[str]:
    encodings = encodings_of(elements, inherited)
    for element in map(judged, elements):
        if element.items is not None:
            for item in () if element.is_private else element.items:
                yield from _harvest(item, encodings)
        elif element.vr == "PN":
            for name in map(str.strip, _every_text(element, encodings)):
                if name.strip("^= "):
                    yield name if "^" in name else f"^{name}"
        elif element.is_private:
            continue
        elif element.vr in {"DA", "DT"}:
            yield from (day for text in texts_of(element) if (day := _day(text)))
        elif element.tag in IDENTIFYING_TAGS:
            yield from (text for text in map(str.strip, _every_text(element, encodings)) if text)
        elif element.tag == _REQUESTING_SERVICE:
            yield from (part for text in texts_of(element, encodings) for part in _own_parts(text) if part)


def _every_text(element: Element, encodings: tuple[str, ...]) -> Iterator[str]:
    """The values of an element, as declared and as the other character sets read them that programs forget to declare."""
    yield from texts_as_meant(element, encodings)
    yield from texts_of_others(element, encodings)


def _own_parts(text: str) -> Iterator[str]:
    """What is in the name of a service beside words that every hospital has: announced persons, unknown words side by side, long numbers."""
    yield from (f"^{text[start:stop]}" for start, stop, reason in cue_spans(text) if reason == "announced person")
    run = slice(0, 0)
    for start, stop in unknown_spans(text):
        if run.stop and not text[run.stop : start].strip(" '’-"):
            run = slice(run.start, stop)
            continue
        yield text[run]
        run = slice(start, stop)
    yield text[run]
    yield from _LONG_NUMBER.findall(text)


def _day(text: str) -> str:
    day = text.strip().replace(".", "")[:_DATE_LENGTH]
    return day if len(day) == _DATE_LENGTH and day.isdecimal() and day not in _NO_DATES else ""


class IdentifierPattern:
    """Finds known identifiers in texts.

    Parameters
    ----------
    identifiers
        Values as they stand in headers; person names with ``^`` between their components.
    """

    def __init__(self, identifiers: Iterable[str]) -> None:
        identifiers = tuple(identifiers)
        self._persons = frozenset(filter(is_name, identifiers))
        # Of several words without a figure, as hospitals and their departments are called; devices are called by one, or with numbers.
        self._places = frozenset(each for each in identifiers if _IN_WORDS.fullmatch(each.strip())) - self._persons
        self._needles: dict[str, list[Needle]] = {}
        names: set[str] = set()
        self._surnames: set[str] = set()
        found: dict[Needle, None] = {}
        for identifier in sorted(identifiers):
            shortened = identifier[:_MAX_IDENTIFIER_LENGTH]
            found.update(dict.fromkeys(needles_of(shortened)))
            names.update(name_words_of(shortened))
            self._surnames.update(everyday_surnames_of(shortened))
        # The longest first, so that a whole name goes before its parts.
        for needle in sorted(found, key=lambda each: (-len(each.text), each.text)):
            self._needles.setdefault(needle.text[:2], []).append(needle)
        self._beginnings = frozenset(needle.text[:BEGINNING] for needle in found)
        self.name_words = frozenset(names)
        """The parts of all names, folded, those that are words of imaging too."""
        self._signs = frozenset(sign for name in names - imaging_words() for sign in signs_of_name(name))
        parts = {part for name in self._persons for part in re.split(r"[\^=\s]+", fold(name).text)}
        self._alone = frozenset(part for part in parts if len(part) == 1 and is_east_asian(part)) - imaging_words()
        self._all_beginnings = self._beginnings | self._signs | {word[:BEGINNING] for word in names | self._surnames}
        self._numbers = frozenset(needle.text for needle in found if needle.is_number)
        self._short_numbers = frozenset(
            core for identifier in identifiers if (core := _core_of_number(identifier)) is not None
        )
        self.dates = frozenset(day for identifier in identifiers if (day := date_of(identifier)) is not None)
        """The dates among the identifiers."""

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
        is_known = is_short(text) and self._all_beginnings.isdisjoint(beginnings_in(text))
        if (is_known and not self._alone) or not text or not self._beginnings:
            return []
        found = self._plain_spans(text, is_thorough=is_thorough)
        if is_thorough:
            heard = {(start, end) for start, end, sign in sounding_spans(text) if sign in self._signs}
            found += _apart((*heard, *self._standing_alone(text)), found, length=len(text))
        # Of what is encoded only what is distinct counts: a short name may come out of any word by chance.
        encoded = [span[:2] for span in encoded_texts(text) if self._plain_spans(span[2], is_thorough=False)]
        return sorted({*found, *encoded}) if encoded else found

    def _plain_spans(self, text: str, *, is_thorough: bool) -> list[tuple[int, int]]:
        folded = fold(text)
        squeezed = folded.squeezed()
        letters, found, free = squeezed.text, [], 0
        for position in range(len(letters) - 1):
            pair, three = letters[position : position + 2], letters[position : position + BEGINNING]
            if position < free or not (three in self._beginnings or pair in self._beginnings):
                continue
            for needle in self._needles[pair]:
                if (needle.is_distinct or is_thorough) and letters.startswith(needle.text, position):
                    span = Place(text, folded, squeezed.origins, position).span(needle)
                    if span is not None:
                        found.append(folded.span(*span))
                        free = position + len(needle.text)
                        break
        return found

    def _standing_alone(self, text: str) -> Iterator[tuple[int, int]]:
        """Names of one character that stand by themselves; among others such a character is part of any word."""
        for place, character in enumerate(text if self._alone else ""):
            if fold(character).text in self._alone and not is_east_asian(
                text[place - 1 : place] + text[place + 1 : place + 2]
            ):
                yield place, place + 1

    def is_silent_on(self, beginnings: frozenset[str]) -> bool:
        """Whether nothing is found in texts, because no identifier and no part of a name begins as :func:`beginnings_in` tells."""
        return self._all_beginnings.isdisjoint(beginnings)

    def names_persons(self, texts: Iterable[str], patient_id: str = "") -> bool:
        """Whether a person, the hospital, or the patient by number, is named in texts that are identifiers themselves, as that of a device."""
        texts = tuple(texts)
        others = self._places.difference(map(str.strip, texts))
        named = pattern_of(self._persons | others | {patient_id})
        return any(named.spans(text, is_thorough=False) for text in texts)

    def is_short_number(self, value: str) -> bool:
        """Whether a number, as a whole, is a short record number: too short to be looked for inside of texts."""
        return bool(self._short_numbers) and _core_of_number(value) in self._short_numbers

    def is_number(self, number: int) -> bool:
        """Whether a number of five digits and more is one of a person."""
        return str(number) in self._numbers

    def is_in_uid(self, uid: str) -> bool:
        """Whether a component of a UID is a known number."""
        return any(component.lstrip("0") in self._numbers for component in uid.split("."))

    def written_names(self, text: str) -> list[tuple[int, int]]:
        """Where family names that are everyday words stand in a technical text, written as names: ``for Brown``.

        A word in capitals counts after a word that announces a name, or as the last of several; codes are written so.
        """
        if self._surnames.isdisjoint(_capitalised_words(text)):
            return []
        words = (
            match
            for match in _CAPITALISED.finditer(text)
            if fold(match[0]).text in self._surnames and match[0][0].isupper()
        )
        return [
            (match.start(), _with_genitive(text, match.end())) for match in words if _is_written_as_name(text, match)
        ]


def _apart(spans: Iterable[tuple[int, int]], taken: Iterable[tuple[int, int]], *, length: int) -> list[tuple[int, int]]:
    """The spans of a text of a length that have nothing in common with those taken."""
    is_taken = bytearray(length)
    for start, end in taken:
        is_taken[start:end] = b"\1" * (end - start)
    return [(start, end) for start, end in spans if not any(is_taken[start:end])]


@recalled
def beginnings_in(text: str) -> Iterator[str]:
    """Everything with which an identifier may begin in a text, or in what is encoded there, each once."""
    texts = (text, *(said for _, _, said in encoded_texts(text)))
    yield from {each for letters in texts for each in beginnings(fold(letters).squeezed().text)}
    yield from {sign for _, _, sign in sounding_spans(text)}


@recalled
def _capitalised_words(text: str) -> Iterator[str]:
    return (fold(match[0]).text for match in _CAPITALISED.finditer(text))


def _core_of_number(value: str) -> str | None:
    match = _SHORT_NUMBER.fullmatch(value.strip())
    return None if match is None else match[1]


@lru_cache(maxsize=1024)
def pattern_of(identifiers: frozenset[str]) -> IdentifierPattern:
    """The pattern of a set of identifiers, kept because the files of a series share theirs."""
    return IdentifierPattern(identifiers)


def _with_genitive(text: str, end: int) -> int:
    return end + 2 if text[end : end + 2] in {"'s", "’s"} else end


def _is_written_as_name(text: str, match: re.Match[str]) -> bool:
    before = _WORD_BEFORE.search(text, 0, match.start())
    if before is not None and fold(before[1]).text in _ANNOUNCING:
        return True
    is_last = _CLAUSE_END.match(text, match.end()) is not None
    if not match[0].istitle():
        return is_last and before is not None and text[match.start() - 1] == " "
    return is_last or (before is not None and text[match.end() :].lstrip()[:1].islower())
