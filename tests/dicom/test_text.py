"""Texts and single values: character sets, padding, several values, odd ones."""

import pytest

from radcommons.dicom.elements import EXPLICIT_LITTLE, Element
from radcommons.dicom.header import Header
from radcommons.dicom.text import decode_text, encode_text, encodings_of, first_text, is_numeric, split_values, texts_of
from radcommons.dicom.uids import is_harmless_uid, is_storage_sop_class, is_valid_uid, name_of_uid


def _set(term):
    return encodings_of([Element(0x00080005, "CS", term)])


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (b"ISO_IR 100", "Äneas^Rüdiger"),
        (b"ISO_IR 192", "山田^太郎"),
        (b"ISO_IR 144", "Люкceмбypг"),
        (b"GB18030 ", "王^小东"),
        (b"\\ISO 2022 IR 87", "山田^太郎"),
        (b"\\ISO 2022 IR 149", "洪^吉洞"),
    ],
)
def test_texts_survive_their_character_set(term, text):
    encodings = _set(term)
    assert decode_text(encode_text(text, "PN", encodings), "PN", encodings) == text


def test_unknown_character_sets_keep_every_byte():
    assert decode_text(bytes(range(128, 256)), "LO", _set(b"NONSENSE"))[5] == "\x85"


def test_an_item_inherits_the_character_set_around_it():
    assert encodings_of([], ("utf8",)) == ("utf8",)


def test_characters_the_set_lacks_become_question_marks():
    assert encode_text("山", "LO", ("iso8859",)) == b"?"


def test_several_values_are_split_where_the_representation_allows():
    assert split_values("a \\ b", "LO") == ["a", "b"]
    assert split_values("a\\b", "LT") == ["a\\b"]
    assert split_values("  ", "LO") == []


def test_an_empty_element_has_no_first_text():
    assert first_text(None) == ""
    assert texts_of(Element(0x00100010, "PN", b"")) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"1.5\\-2", True),
        (b"1A", False),
        (b"", True),
        (b"Smith ", False),
        (b"0.703125\\-1.5e+10", True),
        (b"99999", True),
        (b"7654321 ", False),
        (b"1.5\\0048213", False),
        # Blanks that could be before or behind every number; trying both for each would not end.
        (b" \\" * 500 + b"x", False),
        (b" \\" * 500 + b"1", True),
    ],
)
def test_numbers_are_told_from_words(value, expected):
    assert is_numeric(value) is expected


@pytest.mark.parametrize(
    ("element", "integer", "number"),
    [
        (Element(0x00280010, "US", b"\x10\x02"), 528, None),
        (Element(0x00280010, "US", b"\x10"), None, None),
        (Element(0x00280010, "IS", b"12 "), 12, 12.0),
        (Element(0x00280010, "IS", b"9" * 30), None, 1e30),
        (Element(0x00280010, "DS", b"nan "), None, None),
        (Element(0x00280010, "DS", b"abc "), None, None),
        (Element(0x00280010, "SQ", items=()), None, None),
    ],
)
def test_odd_numbers_are_none(element, integer, number):
    header = Header([element], EXPLICIT_LITTLE)
    assert header.integer(0x00280010) == integer
    if element.vr != "US":
        assert header.number(0x00280010) == (pytest.approx(number) if number else None)


@pytest.mark.parametrize(
    ("uid", "is_valid", "is_harmless"),
    [
        ("1.2.840.10008.1.2", True, True),
        ("2.25.0", True, True),
        ("1.02.3", False, True),
        ("1", False, True),
        ("1.2.3.", False, True),
        ("1.2.a", False, False),
        ("", False, False),
        ("1." + "2" * 63, False, False),
    ],
)
def test_uids_are_judged_by_the_rules(uid, is_valid, is_harmless):
    assert is_valid_uid(uid) is is_valid
    assert is_harmless_uid(uid) is is_harmless


def test_registered_uids_have_names():
    assert name_of_uid("1.2.840.10008.5.1.4.1.1.2") == "CT Image Storage"
    assert name_of_uid("1.2.3") == "1.2.3"


def test_storage_classes_are_told_from_services():
    assert is_storage_sop_class("1.2.840.10008.5.1.4.1.1.2")
    assert is_storage_sop_class("1.2.840.10008.5.1.4.1.1.66.7")
    assert not is_storage_sop_class("1.2.840.10008.1.1")
