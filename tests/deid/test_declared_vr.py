"""A wrong value representation helps no date, name or text past the rules for it."""

import struct

import pydicom
import pytest
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.declared_vr import judged
from radcommons.deid.engine import deidentify_file
from radcommons.deid.identifiers import pattern_of
from radcommons.deid.levels import Level
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping, Rewriter
from radcommons.deid.verify import verify_deidentified
from radcommons.dicom.elements import LONG_FORM_VRS, Element
from radcommons.dicom.part10 import open_part10

PATIENT = PatientMapping("MRN-7654321", "ALPHA-0001", -100)


def _with(tmp_path, tag, vr, value):
    """A made CT with one element as a broken writer would write it, in its place among the others."""
    path = write_made(made_ct(), tmp_path / "in.dcm")
    data = path.read_bytes()
    form = "<HH2sHI" if vr in LONG_FORM_VRS else "<HH2sH"
    zero = (0,) if vr in LONG_FORM_VRS else ()
    head = struct.pack(form, tag >> 16, tag & 0xFFFF, vr.encode(), *zero, len(value))
    for element in open_part10(path).elements:
        length = 12 if element.vr in LONG_FORM_VRS else 8
        if element.tag >= tag:
            start = element.offset - length
            end = start + length + len(element.value) if element.tag == tag else start
            path.write_bytes(data[:start] + head + value + data[end:])
            return path
    raise AssertionError(tag)


def _deidentified(path, tmp_path):
    destination = tmp_path / "out.dcm"
    outcome = deidentify_file(
        path, destination, profile=load_profile("ricord"), key=PseudonymKey(bytes(32)), patient=PATIENT
    )
    assert outcome.is_written, outcome.findings
    return destination


@pytest.mark.parametrize(
    "vr", ["AE", "AT", "CS", "DS", "IS", "LO", "LT", "OB", "SH", "TM", "UI", "UN", "US", "UT", "ZZ"]
)
def test_a_date_by_another_name_is_still_moved_or_removed(tmp_path, vr):
    after = _deidentified(_with(tmp_path, 0x00080022, vr, b"20200310"), tmp_path)
    assert b"20200310" not in after.read_bytes()
    assert verify_deidentified(after) == ()


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00101010, "CS", b"095Y"),
        (0x00101010, "LO", b"095Y"),
        (0x00083010, "LO", b"1.2.3.777.99"),
        (0x00200052, "SH", b"1.2.3.777.99"),
        (0x0008103E, "OB", b"Zwingli was here"),
        (0x00081030, "ZZ", b"film of Dr Zwingli"),
        (0x00181030, "ZZ", b"film of Dr Zwingli"),
        (0x0040A123, "LO", b"Zwingli^Anna"),
    ],
)
def test_ages_uids_names_and_texts_by_another_name_do_not_stay(tmp_path, tag, vr, value):
    after = _deidentified(_with(tmp_path, tag, vr, value), tmp_path).read_bytes()
    assert value not in after
    assert b"Zwingli" not in after


def test_the_second_look_judges_by_the_attribute_too(tmp_path):
    path = _deidentified(write_made(made_ct(), tmp_path / "in.dcm"), tmp_path)
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x00081048, "LO", "Somebody^Else")
    dataset.save_as(path)
    assert "deid.forbidden-attribute" in {finding.code for finding in verify_deidentified(path)}


@pytest.mark.parametrize(
    ("tag", "declared", "taken"),
    [
        (0x00080020, "LO", "DA"),
        (0x00080020, "OB", "UN"),
        (0x00081140, "LT", "UN"),
        (0x0008103E, "SH", "SH"),
        (0x00280010, "IS", "UN"),
        (0x00280106, "US or SS", "US or SS"),
        (0x00091001, "LO", "LO"),
        (0x00081030, "ZZ", "LO"),
        (0x00280010, "ZZ", "UN"),
        (0x00080018, "OB", "UN"),
    ],
)
def test_only_what_would_escape_a_rule_is_taken_for_something_else(tag, declared, taken):
    assert judged(Element(tag, declared, b"x ")).vr == taken


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00280010, "SH", b"ACC7310148"),
        (0x00540050, "SH", b"ACC7310148"),
        (0x00180060, "DS", b"ACC7310148"),
        (0x00180050, "LO", b"Dr Okonjo "),
        (0x00200013, "IS", b"Okonjo"),
        (0x00180050, "DS", b" " * 1_000_000 + b"Okonjo"),
    ],
)
def test_a_text_where_only_numbers_can_stand_is_not_trusted(tag, vr, value):
    assert judged(Element(tag, vr, value)).vr == "UN"


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00180060, "DS", b"120 kV"),
        (0x00180050, "DS", b"0,5"),
        (0x00280030, "DS", b"0.5\\0.5 "),
        (0x00200013, "IS", b"12/30 "),
        (0x00280010, "IS", b"512 "),
        (0x00180060, "DS", b"nan "),
        (0x00180060, "FD", b"\x00\x00\x00\x00\x00\x00^@"),
        (0x00180060, "OB", b"120 "),
        (0x00280010, "US", b"\x00\x02"),
    ],
)
def test_numbers_stay_though_they_are_badly_written(tag, vr, value):
    assert judged(Element(tag, vr, value)).vr == vr


@pytest.mark.parametrize("vr", ["AT", "FD", "OW", "UN"])
def test_a_uid_that_is_declared_as_numbers_is_still_replaced(tmp_path, vr):
    after = _deidentified(_with(tmp_path, 0x00200052, vr, b"1.2.826.0.1.3680043.8.498.1\0"), tmp_path)
    assert b"1.2.826.0.1.3680043.8.498" not in after.read_bytes()
    assert verify_deidentified(after) == ()


@pytest.mark.parametrize("vr", ["FD", "LO", "OB"])
def test_bytes_in_place_of_a_needed_sequence_leave_an_object_that_can_be_read(tmp_path, vr):
    source = _with(tmp_path, 0x00081115, vr, b"Okonjo^C")
    written = []
    for sop_class in ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.11.1"):
        rewriter = Rewriter(
            load_profile("ricord"), PseudonymKey(bytes(32)), PATIENT, sop_class, pattern_of(frozenset())
        )
        new = rewriter.rewrite_element(next(e for e in open_part10(source).elements if e.tag == 0x00081115), Level())
        written.append(None if new is None else (new.vr, new.items))
    assert set(written) <= {None, ("SQ", ())}
    assert ("SQ", ()) in written
