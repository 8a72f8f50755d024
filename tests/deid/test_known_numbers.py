"""Numbers of the patient among the values of private attributes."""

import struct

import pytest

from radcommons.deid.identifiers import pattern_of
from radcommons.deid.known_numbers import has_known_number
from radcommons.dicom.elements import Element

KNOWN = pattern_of(frozenset({"MRN-7654321", "4711", "Quixotesen^Ulrika"}))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("vr", "code"), [("UL", "I"), ("SL", "i"), ("FD", "d"), ("FL", "f"), ("UV", "Q"), ("SV", "q")])
def test_a_record_number_is_found_in_every_binary_form(vr, code, order):
    value = struct.pack(f"{order}3{code}", 1, 7654321, 2)
    assert has_known_number(Element(0x00191001, vr, value), KNOWN)
    assert not has_known_number(Element(0x00191001, vr, struct.pack(f"{order}3{code}", 1, 7654322, 2)), KNOWN)


def test_a_record_number_is_found_as_a_text_short_ones_too():
    assert has_known_number(Element(0x00191001, "IS", b"004711"), KNOWN)
    assert has_known_number(Element(0x00191001, "DS", b"1.0\\4711.0"), KNOWN)
    assert not has_known_number(Element(0x00191001, "DS", b"4711.5"), KNOWN)


def test_short_numbers_in_binary_values_and_what_is_no_number_are_measurements():
    assert not has_known_number(Element(0x00191001, "UL", struct.pack("<I", 4711)), KNOWN)
    assert not has_known_number(Element(0x00191001, "FD", struct.pack("<2d", float("nan"), float("inf"))), KNOWN)
    assert not has_known_number(Element(0x00191001, "FD", b"\0\1"), KNOWN)
    assert not has_known_number(Element(0x00191001, "OB", b"7654321"), KNOWN)
