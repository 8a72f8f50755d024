"""Whether the instances of one patient identifier show one person, and whether one person has one identifier.

Names are misspelled and change, birth dates are mistyped; a person at the hospital decides what that means. What must
not happen is that two people become one subject, or one study two subjects: those are kept out until somebody decided.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from radcommons.deid.pseudonyms import normal_patient_id
from radcommons.deid.readings import texts_in_utf8
from radcommons.dicom.header import Header

_SEPARATOR = "\x1f"
_ISSUER_OF_PATIENT_ID = 0x00100021
_MOST_COMPARED = 40
# What Python calls the character sets of one byte.
_ONE_BYTE = ("iso8859", "latin_1")


@dataclass(frozen=True, slots=True, order=True)
class Person:
    """Who an instance says its patient is.

    Parameters
    ----------
    patient_id
        As written, without padding.
    issuer
        IssuerOfPatientID in one spelling.
    name
        Family and given name of the alphabetic representation in one spelling: without case, accents and titles.
    birth_date
        ``YYYYMMDD`` or empty.
    """

    patient_id: str
    issuer: str
    name: str
    birth_date: str

    def to_text(self) -> str:
        """The person as stored."""
        return _SEPARATOR.join((self.patient_id, self.issuer, self.name, self.birth_date))

    @classmethod
    def from_text(cls, stored: str) -> "Person":
        """Read what :meth:`to_text` wrote."""
        patient_id, issuer, name, birth_date = stored.split(_SEPARATOR)
        return cls(patient_id, issuer, name, birth_date)


def person_of(header: Header) -> Person:
    """The person in the header of an instance."""
    patient_id, issuer, name, birth_date = (
        _text(header, tag).replace(_SEPARATOR, " ").replace("\0", "").strip()
        for tag in (0x00100020, _ISSUER_OF_PATIENT_ID, 0x00100010, 0x00100030)
    )
    return Person(patient_id, normal_patient_id(issuer), normal_name(name), birth_date)


def _text(header: Header, tag: int) -> str:
    """The first value of a text, as UTF-8 where it is that although a character set of one byte is declared, or none.

    Programs forget to declare it, for some of a patient's objects: that makes no other person.
    """
    element = header.element(tag)
    if element is None or element.items is not None or not header.encodings[0].startswith(_ONE_BYTE):
        return header.text(tag)
    return next(iter(texts_in_utf8(element, header.encodings)), header.text(tag))


def normal_name(name: str) -> str:
    """Family and given name without what typing changes (PS3.5 6.2, PN): the components after the second are dropped.

    A name in ideographs only is compared as it is.
    """
    groups = [each for each in name.split("=") if each.strip("^ ")]
    family_given = " ".join(groups[0].split("^")[:2]) if groups else ""
    for umlaut, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        family_given = family_given.casefold().replace(umlaut, plain)
    plain_letters = "".join(
        each for each in unicodedata.normalize("NFKD", family_given) if not unicodedata.combining(each)
    )
    return " ".join("".join(each if each.isalnum() else " " for each in plain_letters).split())


def are_two(first: Person, second: Person) -> bool:
    """Whether two entries under one identifier are too different for one person.

    They are when name and birth date both differ, or when two issuers gave the identifier and not both name and birth
    date say that it is the same person. What is absent contradicts nothing.
    """
    is_other_name = _differ(first.name, second.name)
    is_other_birth = _differ(first.birth_date, second.birth_date)
    if _differ(first.issuer, second.issuer):
        is_same = bool(first.name and first.birth_date) and not (is_other_name or is_other_birth)
        return not (is_same and second.name and second.birth_date)
    return is_other_name and is_other_birth


def differences(persons: Iterable[Person]) -> Iterator[str]:
    """In what the entries under one identifier differ: ``two-persons``, ``name``, ``birth-date``, ``issuer``, ``spelling``."""
    found = sorted(set(persons))
    compared = found[:_MOST_COMPARED]
    if any(are_two(*pair) for pair in combinations(compared, 2)) or len(found) > _MOST_COMPARED:
        yield "two-persons"
        return
    for what, values in (
        ("name", {each.name for each in found}),
        ("birth-date", {each.birth_date for each in found}),
        ("issuer", {each.issuer for each in found}),
    ):
        if len(values - {""}) > 1:
            yield what
    if len({each.patient_id for each in found}) > 1:
        yield "spelling"


def bare_id(patient_id: str) -> str:
    """An identifier without punctuation and leading zeros, which two systems of one hospital may write differently."""
    return "".join(each for each in patient_id.casefold() if each.isalnum()).lstrip("0")


def _differ(first: str, second: str) -> bool:
    return bool(first and second) and first != second
