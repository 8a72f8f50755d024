"""Safe private attributes: known by creator, group and last digits, and only as long as the value is what it should be."""

import struct

import pytest

from radcommons.deid.private import PrivateAttribute, fitting, standard_private_attributes
from radcommons.dicom.elements import Element

PET = (0x7053, "Philips PET Private Group", 0x09)


def _attribute(vr, vm="1"):
    return PrivateAttribute("ACME", 0x0019, 0x01, vr, vm, "made up", "test")


def _element(vr, value, items=None):
    return Element(0x00191001, vr, value, items=items)


def test_the_table_is_whole():
    every = standard_private_attributes()
    assert len(every) == 479
    assert len({creator for _, creator, _ in every}) == 20
    assert every[PET].vr == "DS"
    assert every[PET].text() == "(7053,xx09) Philips PET Private Group"


def test_the_diffusion_values_that_research_needs_are_in_it():
    every = standard_private_attributes()
    for key in [
        (0x0019, "SIEMENS MR HEADER", 0x0C),
        (0x0019, "SIEMENS MR HEADER", 0x0E),
        (0x0043, "GEMS_PARM_01", 0x39),
        (0x2001, "Philips Imaging DD 001", 0x03),
        (0x2005, "Philips MR Imaging DD 001", 0x0E),
    ]:
        assert key in every


@pytest.mark.parametrize(
    ("vr", "vm", "value"),
    [
        ("DS", "1", b"4.25 "),
        ("DS", "3-4", b"1\\2\\3 "),
        ("DS", "1-n", b"-1.5E-3\\7"),
        ("IS", "4", b"1000\\8\\0\\0"),
        ("CS", "1", b"DIRECTIONAL "),
        ("FD", "3", struct.pack("<3d", 0, 0, 1)),
        ("FL", "2-2n", struct.pack("<4f", 0, 0, 1, 2)),
        ("US", "1", b"\1\0"),
        ("LO", "1", b"EPI fast"),
        ("UI", "1", b"1.2.3\0"),
        ("DA", "1", b"20200102"),
        ("OB", "1", bytes(100)),
        ("DS", "1", b""),
    ],
)
def test_values_of_the_right_form_fit(vr, vm, value):
    element = _element(vr, value)
    assert fitting(_attribute(vr, vm), element) is element


@pytest.mark.parametrize(
    ("vr", "vm", "value"),
    [
        ("DS", "1", b"JANE DOE"),
        ("DS", "1", b"1\\2 "),
        ("DS", "1", b"4.2 seen by Dr Hart on Monday "),
        ("IS", "1", b"12.5"),
        ("IS", "4", b"1\\2\\3 "),
        ("CS", "1", b"Doe^Jane"),
        ("CS", "1", b"A LONG TEXT THAT IS NO CODE "),
        ("SH", "1", b"more than sixteen letters "),
        ("LO", "1", b"two\x00lines"),
        ("FD", "3", bytes(12)),
        ("US", "1", b"DOE^JANE"),
        ("UI", "1", b"1.2.DOE "),
        ("DA", "1", b"born 02 "),
        ("TM", "1", b"noon"),
        ("AS", "1", b"old "),
    ],
)
def test_a_safe_attribute_that_holds_something_else_is_not_safe(vr, vm, value):
    assert fitting(_attribute(vr, vm), _element(vr, value)) is None


def test_another_value_representation_does_not_fit():
    assert fitting(_attribute("DS"), _element("LO", b"4.25")) is None
    assert fitting(_attribute("DS"), _element("SQ", b"", items=())) is None
    assert fitting(_attribute("SQ"), _element("OB", bytes(8))) is None


def test_unknown_bytes_get_the_representation_of_the_table_when_they_have_its_form():
    assert fitting(_attribute("DS"), _element("UN", b"0.773 ")).vr == "DS"
    assert fitting(_attribute("OW/OB"), _element("UN", bytes(4))).vr == "OW"
    assert fitting(_attribute("DS"), _element("UN", b"DOE^JANE")) is None
    assert fitting(_attribute("SQ"), _element("UN", bytes(8))) is None


def test_where_the_table_names_no_representation_only_numbers_fit():
    assert fitting(_attribute(""), _element("FD", bytes(8))) is not None
    assert fitting(_attribute(""), _element("LO", b"text")) is None
    assert fitting(_attribute(""), _element("UN", bytes(8))) is None
