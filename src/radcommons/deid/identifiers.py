"""The identifiers a study itself carries, and how to find them again in any text.

Names, numbers, dates and addresses are harvested from the header before anything is removed; descriptions and comments
are then searched for them in every way people write them (:mod:`radcommons.deid.spellings`). General name recognition is
the wrong tool for DICOM strings; this finds exactly what must not remain.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from pydicom.datadict import tag_for_keyword

from radcommons.deid.cues import cue_spans
from radcommons.deid.declared_vr import judged
from radcommons.deid.encoded import encoded_texts
from radcommons.deid.folding import BEGINNING, FoldedText, beginnings, fold, is_east_asian, listed
from radcommons.deid.readings import texts_as_meant, texts_in_utf8
from radcommons.deid.recalling import is_short, recalled
from radcommons.deid.spellings import Gap, Needle, date_of, everyday_surnames_of, is_name, name_words_of, needles_of
from radcommons.deid.vocabulary import unknown_spans, vocabulary
from radcommons.dicom.elements import Element
from radcommons.dicom.text import DEFAULT_ENCODINGS, encodings_of, texts_of

_MAX_IDENTIFIER_LENGTH = 256
_LONGEST_GAP = 3
_DATE_LENGTH = len("YYYYMMDD")
_SHORT_NAME_LENGTH = 3
# What short names are beside a number: units of measurement.
_UNITS = listed("ma mas kv ng mg ml mm cm dl pg mo min sec ms hz mhz gy sv hu mgy yo fr ga to al")
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
    """The values of an element, as declared and as UTF-8 where they are that."""
    yield from texts_as_meant(element, encodings)
    yield from texts_in_utf8(element, encodings)


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
        self._all_beginnings = self._beginnings | {word[:BEGINNING] for word in names | self._surnames}
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
        is_known = is_short(text) and self._beginnings.isdisjoint(beginnings_in(text))
        if is_known or not text or not self._beginnings:
            return []
        found = self._plain_spans(text, is_thorough=is_thorough)
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
                    span = _Place(text, folded, squeezed.origins, position).span(needle)
                    if span is not None:
                        found.append(folded.span(*span))
                        free = position + len(needle.text)
                        break
        return found

    def is_silent_on(self, beginnings: frozenset[str]) -> bool:
        """Whether nothing is found in texts, because no identifier and no part of a name begins as :func:`beginnings_in` tells."""
        return self._all_beginnings.isdisjoint(beginnings)

    def names_persons(self, texts: Iterable[str]) -> bool:
        """Whether a person is named in texts that are identifiers themselves, such as the name of an institution."""
        persons = pattern_of(self._persons)
        return any(persons.spans(text, is_thorough=False) for text in texts)

    def is_short_number(self, value: str) -> bool:
        """Whether a number, as a whole, is a short record number: too short to be looked for inside of texts."""
        return bool(self._short_numbers) and _core_of_number(value) in self._short_numbers

    def is_number(self, number: int) -> bool:
        """Whether a number of five digits and more is one of a person."""
        return str(number) in self._numbers

    def is_in_uid(self, uid: str) -> bool:
        """Whether a component of a UID is a known number."""
        return any(component in self._numbers for component in uid.split("."))

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


@recalled
def beginnings_in(text: str) -> Iterator[str]:
    """Everything with which an identifier may begin in a text, or in what is encoded there, each once."""
    texts = (text, *(said for _, _, said in encoded_texts(text)))
    yield from {each for letters in texts for each in beginnings(fold(letters).squeezed().text)}


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


class _Place:
    """A place in a text where the letters of a needle stand; whether they really are it depends on what is around."""

    def __init__(self, text: str, folded: FoldedText, places: Sequence[int], position: int) -> None:
        self._text = text
        self._folded = folded
        self._places = places
        self._position = position

    def span(self, needle: Needle) -> tuple[int, int] | None:
        """The span in the folded text, or none."""
        places = self._places[self._position : self._position + len(needle.text)]
        first, last = places[0], places[-1]
        if not self._are_gaps_allowed(needle, places):
            return None
        if is_east_asian(needle.text):
            return first, last + 1
        if needle.is_number:
            while first and self._folded.text[first - 1] == "0":
                first -= 1
        if self._is_bounded(first, last):
            return None if self._is_word_after_all(needle, first, last) else (first, last + 1)
        return self._around(first, last) if needle.is_embedded else None

    def _are_gaps_allowed(self, needle: Needle, places: Sequence[int]) -> bool:
        length = len(needle.text)
        if places[-1] - places[0] == length - 1:
            return needle.gap is Gap.ANY
        gaps = {index: places[index] - places[index - 1] - 1 for index in range(1, length)}
        gaps = {index: width for index, width in gaps.items() if width and not self._is_apostrophe(places[index] - 1)}
        if not gaps:
            return needle.gap is Gap.ANY
        if needle.is_number:
            if len(gaps) == length - 1 and set(gaps.values()) == {1}:
                return True
            # A single point or comma makes another number of it.
            is_decimal = len(gaps) == 1 and self._folded.text[places[next(iter(gaps))] - 1] in ".,"
            return max(gaps.values()) == 1 and len(gaps) <= max(2, length // 2) and not is_decimal
        if gaps.keys() <= needle.joints and max(gaps.values()) <= _LONGEST_GAP:
            between = "".join(self._folded.text[places[index - 1] + 1 : places[index]] for index in gaps)
            between += self._folded.text[places[-1] + 1 : places[-1] + 2]
            return needle.gap is not Gap.PUNCTUATION or any(mark in between for mark in ".,^")
        if self._is_broken(needle, places, gaps):
            return True
        # Letters that are all set apart: D O E, D.O.E.
        return length >= _SHORT_NAME_LENGTH and len(gaps) == length - 1 and set(gaps.values()) == {1}

    def _is_broken(self, needle: Needle, places: Sequence[int], gaps: dict[int, int]) -> bool:
        """Whether a long name is only broken by a hyphen, a point or the end of a line: Quixo-tesen; two words are none."""
        if not needle.is_embedded or needle.joints or len(gaps) > 1 or not self._is_bounded(places[0], places[-1]):
            return False
        (index, width), *_ = gaps.items()
        pieces = (needle.text[:index], needle.text[index:])
        return width <= _LONGEST_GAP and not any(len(piece) > 1 and piece in vocabulary() for piece in pieces)

    def _is_apostrophe(self, place: int) -> bool:
        return self._folded.text[place] in "'’`´"

    def _is_bounded(self, first: int, last: int) -> bool:
        text = self._folded.text
        before, after = text[first - 1 : first], text[last + 1 : last + 2]
        if text[first].isalpha():
            is_free = not before.isalpha() or self._is_hump(first)
        else:
            is_free = not before.isdigit() and not (before in {".", ","} and self._is_decimal(first - 1))
        if text[last].isalpha():
            return is_free and (not after.isalpha() or self._is_hump(last + 1))
        return is_free and not after.isdigit() and not (after == "." and self._is_decimal(last + 1))

    def _is_decimal(self, place: int) -> bool:
        """Whether a point between digits is that of a decimal number, and not of a row of numbers like a UID."""
        text = self._folded.text
        if not (text[place - 1 : place].isdigit() and text[place + 1 : place + 2].isdigit()):
            return False
        start, end = place, place + 1
        while start and (text[start - 1].isdigit() or text[start - 1] == text[place]):
            start -= 1
        while end < len(text) and (text[end].isdigit() or text[end] == text[place]):
            end += 1
        return text.count(text[place], start, end) == 1

    def _is_hump(self, place: int) -> bool:
        """Whether a capital begins a new word within letters: ``ChestDoe``."""
        here, before = self._folded.origins[place], self._folded.origins[place - 1]
        return self._text[here].isupper() and self._text[before].islower()

    def _is_word_after_all(self, needle: Needle, first: int, last: int) -> bool:
        """Whether a short name is a unit beside its number, or the beginning of a known word with a hyphen."""
        if len(needle.text) > _SHORT_NAME_LENGTH or needle.joints:
            return False
        text = self._folded.text
        if needle.text in _UNITS and text[:first].rstrip(" ")[-1:].isdigit():
            return True
        rest = text[last + 1 :]
        joined = rest[:1] == "-" and _leading_letters(rest[1:])
        return bool(joined) and needle.text + str(joined) in vocabulary()

    def _around(self, first: int, last: int) -> tuple[int, int] | None:
        """What goes when a name stands inside a longer word: all of it, unless the rest is known words."""
        text = self._folded.text
        start, end = first, last + 1
        while start and text[start - 1].isalpha():
            start -= 1
        while end < len(text) and text[end].isalpha():
            end += 1
        if text[start:end] in vocabulary():
            return None
        rests = (text[start:first], text[last + 1 : end])
        return (first, last + 1) if all(not rest or _is_word(rest) for rest in rests) else (start, end)


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


def _is_word(rest: str) -> bool:
    return len(rest) >= _SHORT_NAME_LENGTH and rest in vocabulary()


def _leading_letters(text: str) -> str:
    end = 0
    while end < len(text) and text[end].isalpha():
        end += 1
    return text[:end]
