"""Whether entries under one identifier are one person."""

import pytest

from radcommons.dicom.elements import EXPLICIT_LITTLE, Element
from radcommons.dicom.header import Header
from radcommons.edge.persons import Person, are_two, bare_id, differences, normal_name, person_of


def person(name="doe john", born="19560101", issuer="", patient_id="MRN-1"):
    return Person(patient_id, issuer, name, born)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Doe^John", "DOE^JOHN^^^"),
        ("Doe^John^Albert^Dr", "doe^john"),
        ("Müller^Jörg", "MUELLER^JOERG"),
        ("Núñez^María", "Nunez^Maria"),
        ("O'Neil^Anne-Marie", "O NEIL^ANNE MARIE"),
        ("Doe John", "Doe^John"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "YAMADA^TAROU"),
        ("=山田^太郎", "=山田^太郎="),
    ],
)
def test_typing_makes_no_other_name(one, other):
    assert normal_name(one) == normal_name(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Doe^John", "Doe^Jane"), ("Doe^John", "John^Doe"), ("山田^太郎", "山田^花子")]
)
def test_other_names_are_other(one, other):
    assert normal_name(one) != normal_name(other)


@pytest.mark.parametrize("name", ["", "^^^^", "=", "^ ^"])
def test_no_name_is_none(name):
    assert normal_name(name) == ""


@pytest.mark.parametrize(
    ("other", "are_different"),
    [
        (person(), False),
        (person(name="roe jane"), False),
        (person(born="19991231"), False),
        (person(name="roe jane", born="19991231"), True),
        (person(name="", born="19991231"), False),
        (person(name="roe jane", born=""), False),
        (person(issuer="other hospital"), False),
        (person(issuer="hospital", name="roe jane"), False),
    ],
    ids=str,
)
def test_name_and_birth_date_together_tell_two_persons(other, are_different):
    assert are_two(person(), other) is are_different
    assert are_two(other, person()) is are_different


@pytest.mark.parametrize(
    ("other", "are_different"),
    [
        (person(issuer="b"), False),
        (person(issuer="b", name="roe jane"), True),
        (person(issuer="b", born="19991231"), True),
        (person(issuer="b", name=""), True),
        (person(issuer="b", born=""), True),
    ],
    ids=str,
)
def test_two_issuers_need_name_and_birth_date_to_be_one_person(other, are_different):
    assert are_two(person(issuer="a"), other) is are_different
    assert are_two(other, person(issuer="a")) is are_different


def test_differences_are_named_once():
    assert list(differences([person(), person(name="roe jane", patient_id="mrn-1")])) == ["name", "spelling"]
    assert list(differences([person(), person(born="19570101"), person(issuer="a")])) == ["birth-date"]
    assert list(differences([person(issuer="a"), person(issuer="b")])) == ["issuer"]
    assert list(differences([person(), person(name="roe jane", born="19991231")])) == ["two-persons"]
    assert list(differences([person()])) == []


def test_more_entries_than_one_person_has_are_never_one():
    assert list(differences([person(name=f"name {number}") for number in range(60)])) == ["two-persons"]


def test_punctuation_and_zeros_are_not_part_of_a_bare_identifier():
    assert bare_id("MRN-0048213") == bare_id("mrn 0048213") == bare_id("MRN/0048213")
    assert bare_id("0048213") == bare_id("48213")
    assert bare_id("MRN-0048213") != bare_id("0048213")


def test_a_person_is_stored_and_read_again():
    assert Person.from_text(person(issuer="a").to_text()) == person(issuer="a")


@pytest.mark.parametrize("declared", [b"", b"ISO_IR 100", b"ISO_IR 192"])
def test_a_forgotten_character_set_makes_no_other_person(declared):
    name = Element(0x00100010, "PN", "Øverlændsen^Torbjørn".encode())
    header = Header((Element(0x00080005, "CS", declared), name), EXPLICIT_LITTLE)
    assert person_of(header).name == normal_name("Øverlændsen^Torbjørn")


def test_a_name_in_latin_1_is_read_as_declared():
    name = Element(0x00100010, "PN", "Müller^Jörg".encode("latin-1"))
    assert person_of(Header((name,), EXPLICIT_LITTLE)).name == "mueller joerg"
