"""Opening files: with and without preamble, meta information and a true transfer syntax."""

import zlib

import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from tests.support.made_dicom import made_ct, write_made

from radcommons.dicom.elements import FormatError
from radcommons.dicom.part10 import inflate, map_file, open_part10, parse_part10

SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


def _codes(file):
    return {finding.code for finding in file.findings}


def _data_set_start(data):
    return 144 + int.from_bytes(data[140:144], "little")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_native_syntax_is_read(tmp_path, syntax):
    file = open_part10(write_made(made_ct(), tmp_path / "a", syntax))
    assert file.transfer_syntax_uid == syntax
    assert bytes(file.element(0x00100020).value) == b"MRN-7654321 "
    assert file.findings == ()
    assert len(file.pixel_element().value) == 96


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
def test_a_bare_data_set_is_read_by_looking_at_it(tmp_path, syntax):
    data = write_made(made_ct(), tmp_path / "a", syntax).read_bytes()
    file = parse_part10(memoryview(data[_data_set_start(data) :]))
    assert file.transfer_syntax_uid == syntax
    assert _codes(file) == {"dicom.no-preamble", "dicom.no-meta", "dicom.no-transfer-syntax"}


def test_a_file_that_begins_with_its_meta_information_is_read(tmp_path):
    data = write_made(made_ct(), tmp_path / "a").read_bytes()
    assert _codes(parse_part10(memoryview(data[132:]))) == {"dicom.no-preamble"}


def test_a_wrong_transfer_syntax_is_noticed_and_the_true_one_taken(tmp_path):
    explicit = write_made(made_ct(), tmp_path / "a").read_bytes()
    implicit = write_made(made_ct(), tmp_path / "b", ImplicitVRLittleEndian).read_bytes()
    mixed = explicit[: _data_set_start(explicit)] + implicit[_data_set_start(implicit) :]
    file = parse_part10(memoryview(mixed))
    assert file.transfer_syntax_uid == ImplicitVRLittleEndian
    assert _codes(file) == {"dicom.wrong-transfer-syntax"}


def test_a_transfer_syntax_of_nobody_is_refused(tmp_path):
    data = write_made(made_ct(), tmp_path / "a").read_bytes()
    with pytest.raises(FormatError) as caught:
        parse_part10(memoryview(data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.999.10008.1.2.1\0", 1)))
    assert caught.value.code == "dicom.unknown-transfer-syntax"


def test_what_inflates_without_end_is_refused():
    bomb = zlib.compress(bytes(10_000_000), wbits=-15)
    assert len(bomb) < 20_000
    with pytest.raises(FormatError) as caught:
        inflate(bomb, max_bytes=100_000)
    assert caught.value.code == "dicom.too-large"


def test_what_follows_a_deflated_data_set_is_named(tmp_path):
    data = write_made(made_ct(), tmp_path / "a", DeflatedExplicitVRLittleEndian).read_bytes()
    assert _codes(parse_part10(memoryview(data))) == set()
    assert _codes(parse_part10(memoryview(data + b"behind the stream"))) == {"dicom.trailing-bytes"}


def test_what_cannot_be_inflated_is_refused(tmp_path):
    data = write_made(made_ct(), tmp_path / "a", DeflatedExplicitVRLittleEndian).read_bytes()
    broken = data[: _data_set_start(data)] + zlib.compress(b"no raw stream")
    with pytest.raises(FormatError):
        parse_part10(memoryview(broken))


@pytest.mark.parametrize("content", [b"", b"hello, this is no image", b"\x89PNG\r\n\x1a\n" + b"\0" * 200, b"\0" * 500])
def test_other_files_are_told_from_dicom(tmp_path, content):
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        open_part10(path)
    assert caught.value.code == "dicom.not-dicom"


def test_a_missing_file_is_a_format_error(tmp_path):
    with pytest.raises(FormatError) as caught:
        map_file(tmp_path / "nothing")
    assert caught.value.code == "dicom.unreadable"


def test_of_a_repeated_element_the_last_one_counts(tmp_path):
    data = write_made(made_ct(), tmp_path / "a").read_bytes()
    again = b"\x10\0\x20\0LO\x02\0XY"
    file = parse_part10(memoryview(data[: _data_set_start(data)] + b"\x10\0\x20\0LO\x02\0AB" + again))
    assert bytes(file.element(0x00100020).value) == b"XY"
