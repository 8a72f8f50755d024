"""Identifiers in rows of numbers, in short names, in what options keep, and beside repeated attributes."""

import struct

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from tests.support.both_ways import at_length, in_short, made_job
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.identifiers import IdentifierPattern
from radcommons.deid.verify import verify_deidentified
from radcommons.dicom.text import is_numeric


def _raw(dataset, tag, vr, value):
    dataset._dict[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)


def _made(dataset, tmp_path, profile="ricord"):
    source = write_made(dataset, tmp_path / "in.dcm")
    made = at_length(source, tmp_path, made_job(profile))
    assert in_short(source, tmp_path, made_job(profile)) in (None, made)
    return made[0]


@pytest.mark.parametrize("text", ["1.2.7654321.19310317", "v1.0.7654321", "7654321.2.840"])
def test_a_number_in_a_row_of_numbers_is_found(text):
    assert IdentifierPattern(["MRN-7654321"]).spans(text, is_thorough=False)


@pytest.mark.parametrize("text", ["0.7654321", "12.7654321", "7654321.5", "1,7654321"])
def test_a_decimal_number_is_another_number(text):
    assert not IdentifierPattern(["MRN-7654321"]).spans(text, is_thorough=False)


@pytest.mark.parametrize("text", ["李明", "明李", "CT 李 明 胸", "李-明"])
def test_a_chinese_name_of_two_characters_is_found(text):
    assert IdentifierPattern(["Li^Ming=李^明"]).spans(text, is_thorough=True)


@pytest.mark.parametrize(
    ("value", "is_plain"),
    [(b"1.5", True), (b"-12.25E-3\\+4", True), (b" 1 \\ 2 ", True), (b"", True), (b"1.2.7654321", False), (b"7654321", False)],
)  # fmt: skip
def test_a_row_of_numbers_is_no_plain_number(value, is_plain):
    assert is_numeric(value) is is_plain


@pytest.mark.parametrize("profile", ["basic", "ricord", "tcia"])
@pytest.mark.parametrize(
    ("tag", "vr"), [(0x00280030, "DS"), (0x00200011, "IS"), (0x00181150, "IS"), (0x00080008, "CS")]
)
def test_a_record_number_in_a_row_of_numbers_does_not_leave(tag, vr, profile, tmp_path):
    dataset = made_ct()
    _raw(dataset, tag, vr, b"1.2.7654321.19310317")
    assert b"7654321" not in _made(dataset, tmp_path, profile)


def test_an_owner_of_private_attributes_with_a_second_name_owns_nothing(tmp_path):
    dataset = made_ct()
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", "1")
    assert b"SIEMENS MR HEADER" in _made(dataset, tmp_path, "tcia")
    _raw(dataset, 0x00190010, "LO", b"SIEMENS MR HEADER\\Quixotesen")
    assert b"SIEMENS MR HEADER" not in _made(dataset, tmp_path, "tcia")


def test_the_number_of_the_patient_in_the_uid_of_a_device_is_replaced(tmp_path):
    content = _made(made_ct(DeviceUID="1.2.276.0.7654321.9"), tmp_path, "tcia")
    assert b"7654321" not in content
    assert b"1.2.276.0.7654322.9" in _made(made_ct(DeviceUID="1.2.276.0.7654322.9"), tmp_path, "tcia")


@pytest.mark.parametrize("vr", ["UI", "CS", "LO"])
def test_a_text_that_calls_itself_a_uid_is_replaced(vr, tmp_path):
    dataset = made_ct()
    _raw(dataset, 0x00181020, vr, b"1.2.276.0.55.66.77")
    assert (b"1.2.276.0.55.66.77" in _made(dataset, tmp_path)) is (vr != "UI")


def test_the_name_of_the_patient_in_the_number_of_a_device_is_replaced(tmp_path):
    assert b"GANTRY 3" in _made(made_ct(GantryID="GANTRY 3"), tmp_path, "tcia")
    content = _made(made_ct(GantryID="QUIXOTESEN 3"), tmp_path, "tcia")
    assert b"QUIXOTESEN" not in content


def test_of_repeated_character_sets_the_last_counts_for_names_and_for_texts(tmp_path):
    dataset = made_ct(
        SpecificCharacterSet="GB18030", PatientName="Wang^XiaoDong=王^小东", SeriesDescription="胸 王小东"
    )
    source = write_made(dataset, tmp_path / "in.dcm")
    whole = source.read_bytes()
    at = whole.index(struct.pack("<HH2s", 0x0008, 0x0005, b"CS"))
    first = struct.pack("<HH2sH", 0x0008, 0x0005, b"CS", 10) + b"ISO_IR 100"
    source.write_bytes(whole[:at] + first + whole[at:])
    content, _ = at_length(source, tmp_path, made_job())
    assert "小东".encode("gb18030") not in content


LEFT_OVER = b"CT\x08\x00\x80\x00\x16\x00\x00\x00Mercy Hospital \x00Someone"


@pytest.mark.parametrize("profile", ["ricord", "tcia"])
@pytest.mark.parametrize(
    ("tag", "vr"), [(0x00080060, "CS"), (0x00181020, "LO"), (0x0008103E, "LO"), (0x00181210, "SH")]
)
def test_what_follows_the_end_of_a_text_in_memory_goes(tag, vr, profile, tmp_path):
    dataset = made_ct()
    _raw(dataset, tag, vr, LEFT_OVER)
    content = _made(dataset, tmp_path, profile)
    assert b"Mercy" not in content
    assert b"Someone" not in content
    assert struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), 2) + b"CT" in content


def test_lines_and_tabs_belong_to_a_text(tmp_path):
    assert b"first\r\n\tsecond\x0cthird " in _made(made_ct(AcquisitionComments="first\r\n\tsecond\x0cthird "), tmp_path)


@pytest.mark.parametrize("profile", ["basic", "ricord", "tcia"])
def test_a_strangers_name_in_components_goes_from_technical_texts_too(profile, tmp_path):
    dataset = made_ct(SoftwareVersions="Haverkampen^Jutta", ConvolutionKernel="B70f")
    content = _made(dataset, tmp_path, profile)
    assert b"Haverkampen" not in content
    assert b"B70f" in content
    assert b"CHEST^LUNG" in _made(made_ct(SoftwareVersions="CHEST^LUNG"), tmp_path, profile)


@pytest.mark.parametrize("profile", ["basic", "ricord", "tcia"])
def test_an_address_of_e_mail_goes_from_technical_texts_too(profile, tmp_path):
    content = _made(made_ct(SoftwareVersions="VB20 jane.doe@example.org"), tmp_path, profile)
    assert b"example" not in content
    assert b"VB20" in content


def test_the_second_look_warns_of_what_follows_the_end_of_a_text(tmp_path):
    content = _made(made_ct(SoftwareVersions="VB20 12345"), tmp_path)
    (tmp_path / "out.dcm").write_bytes(content.replace(b"VB20 12345", b"VB20\0\0Jane"))
    found = [(each.code, each.where) for each in verify_deidentified(tmp_path / "out.dcm")]
    assert found == [("deid.suspicious-text", "(0018,1020)")]


@pytest.mark.parametrize("values", [["Quixo", "tesen"], ["ORIGINAL", "QUIXO", "TESEN"], ["AXIAL", "03", "02", "1950"]])
def test_an_identifier_divided_among_several_values_goes(values, tmp_path):
    content = _made(made_ct(SeriesDescription=values), tmp_path)
    assert "\\".join(values[-2:]).encode() not in content


@pytest.mark.parametrize("values", [["LUNG", "AXIAL"], ["Quantum", "Iterative"]])
def test_values_that_mean_nobody_together_stay(values, tmp_path):
    assert "\\".join(values).encode() in _made(made_ct(SeriesDescription=values), tmp_path)


@pytest.mark.parametrize("keyword", ["GantryID", "PlateID", "DetectorID", "SecondaryCaptureDeviceID", "DeviceID"])
def test_numbers_of_single_devices_are_replaced_by_ricord_and_stay_by_tcia(keyword, tmp_path):
    dataset = made_ct(**{keyword: "WOLKENSTEIN 3"})
    assert b"WOLKENSTEIN" not in _made(dataset, tmp_path, "ricord")
    assert b"WOLKENSTEIN" in _made(dataset, tmp_path, "tcia")


@pytest.mark.parametrize("number", ["7654321", "MRN 7654321-2", "007654321"])
def test_the_number_of_the_patient_on_a_plate_is_replaced_although_devices_keep_theirs(number, tmp_path):
    assert b"7654321" not in _made(made_ct(PlateID=number), tmp_path, "tcia")
    assert b"7654329" in _made(made_ct(PlateID="7654329"), tmp_path, "tcia")


def test_a_number_of_the_patient_with_leading_zeros_in_a_uid_that_may_stay_is_replaced(tmp_path):
    content = _made(made_ct(OriginalSpecializedSOPClassUID="1.2.3.007654321"), tmp_path, "tcia")
    assert b"7654321" not in content
