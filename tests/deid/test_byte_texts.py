"""Words in values that should be numbers or bytes: they are found in every form, and numbers are not taken for words."""

import random
import re
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.support.both_ways import at_length, in_short, made_job
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.byte_texts import PLAIN_NUMBERS, text_in_codestream, texts_in_bytes
from radcommons.deid.engine import deidentify_at_length
from radcommons.deid.verify import residual_scan, verify_deidentified

NAME = b"Quixotesen^Ulrika "


@pytest.mark.parametrize("codec", ["latin-1", "utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_name_in_bytes_is_read_in_every_encoding(codec):
    value = bytes(50) + "Quixotesen^Zoë".encode(codec) + bytes(50)
    texts = [text.replace("\0", "") for text in texts_in_bytes(value, ("iso8859",))]
    assert any("Quixotesen" in text for text in texts)


def test_names_in_the_character_set_of_the_object_are_read():
    assert any("山田" in text for text in texts_in_bytes(bytes(20) + "山田太郎".encode("gb18030"), ("GB18030",)))
    assert any("山田" in text for text in texts_in_bytes(bytes(20) + "山田太郎".encode(), ("iso8859",)))


written = st.sampled_from([*(bytes((byte,)) for byte in b"aZ09 ^,._'-"), b"Quixotesen", b"\n", b"\xe9", b"\0"])


@given(st.lists(written, max_size=40).map(b"".join))
def test_every_word_of_six_letters_is_read_among_compressed_bytes_and_nothing_shorter(value):
    words = re.findall(rb"[0-9A-Za-z][0-9A-Za-z ^,._'-]{5,}", value)
    assert text_in_codestream(value) == b"\n".join(words).decode("ascii")


def test_a_name_among_compressed_bytes_is_read_wherever_it_lies():
    for place in (0, 2**22 - 5, 2**22, 2**22 + 100):
        value = bytearray(b"\xf3" * (2**22 + 200))
        value[place : place + len(NAME)] = NAME
        assert "Quixotesen^Ulrika" in text_in_codestream(memoryview(value)), place
    assert text_in_codestream(bytes(range(256)) * 10).count("\n") < 100


def test_numbers_are_plain_and_words_are_not():
    chance = random.Random(3)
    doubles = [struct.pack("<d", chance.uniform(-2000, 2000)) for _ in range(500)]
    plain = [value for value in doubles if PLAIN_NUMBERS.fullmatch(value)]
    assert len(plain) > 450
    assert not any(texts_in_bytes(value, ("iso8859",)) for value in plain)
    assert not PLAIN_NUMBERS.fullmatch(b"\0\0Ulrika\0\0")
    assert not PLAIN_NUMBERS.fullmatch("Ulri".encode("utf-16-le"))
    assert not PLAIN_NUMBERS.fullmatch(bytes(18))


BYTES = {
    "a look-up table": (0x00281201, "OW", NAME * 4),
    "a colour profile of a megabyte": (0x00282000, "OB", bytes(1_100_000) + NAME),
    "floating point numbers": (0x00181638, "OF", NAME + b"\0\0"),
    "double numbers": (0x00189073, "FD", b"Ulrika\0\0"),
    "short numbers": (0x00283002, "US", NAME),
    "long numbers": (0x00209157, "UL", NAME + b"\0\0"),
    "tags": (0x00280009, "AT", NAME + b"\0\0"),
}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("place", BYTES)
def test_an_object_with_a_name_among_numbers_is_refused(place, syntax, tmp_path):
    dataset = made_ct()
    tag, vr, value = BYTES[place]
    dataset._dict[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
    source = write_made(dataset, tmp_path / "in.dcm", syntax)
    outcome = deidentify_at_length(source, tmp_path / "out.dcm", made_job())
    assert [finding.code for finding in outcome.findings] == ["deid.residual-identifier"]
    assert in_short(source, tmp_path, made_job()) is None


OPAQUE = {
    "encrypted content": (0x04000520, "OB"),
    "a plotter's document": (0x00686300, "OB"),
    "pixel data of a variable group": (0x7F020010, "OW"),
    "coefficients of wavelets": (0x7FE00020, "OW"),
    "a retired compression table": (0x10100003, "US"),
}


@pytest.mark.parametrize("profile", ["basic", "ricord", "tcia"])
@pytest.mark.parametrize("place", OPAQUE)
def test_bytes_that_no_picture_needs_are_left_out(place, profile, tmp_path):
    secret = zlib.compress(NAME * 3)
    secret += b"\0" * (len(secret) & 1)
    tag, vr = OPAQUE[place]
    dataset = made_ct()
    dataset.add_new(tag, "OW" if vr == "US" else vr, secret)
    source = write_made(dataset, tmp_path / "in.dcm")
    content, _ = at_length(source, tmp_path, made_job(profile))
    assert secret in source.read_bytes()
    assert secret not in content


@pytest.mark.parametrize("profile", ["basic", "ricord", "tcia"])
def test_pixels_inside_items_are_left_out(profile, tmp_path):
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    item.add_new(0x7FE00010, "OW", b"\x99\x88" * 8)
    source = write_made(made_ct(ReferencedImageSequence=[item]), tmp_path / "in.dcm")
    content, _ = at_length(source, tmp_path, made_job(profile))
    assert content.count(b"\xe0\x7f\x10\0OW") == 1
    assert b"\x99\x88" * 8 not in content


def test_the_second_look_finds_names_among_numbers_and_pixels_inside_items(tmp_path):
    write_made(made_ct(), tmp_path / "in.dcm")
    outcome = deidentify_at_length(tmp_path / "in.dcm", tmp_path / "out.dcm", made_job())
    assert outcome.is_written
    planted = (tmp_path / "out.dcm").read_bytes()
    table = struct.pack("<HH2sHI", 0x0028, 0x1201, b"OW", 0, len(NAME)) + NAME
    inner = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 4) + bytes(4)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
    sequence = struct.pack("<HH2sHI", 0x0028, 0x3000, b"SQ", 0, len(item)) + item
    pixels = planted.index(b"\xe0\x7f\x10\0OW")
    (tmp_path / "out.dcm").write_bytes(planted[:pixels] + table + sequence + planted[pixels:])
    found = verify_deidentified(tmp_path / "out.dcm")
    assert ("deid.forbidden-attribute", "(0028,3000)/(7FE0,0010)") in {(each.code, each.where) for each in found}
    places = {each.where for each in residual_scan(tmp_path / "out.dcm", ["Quixotesen^Ulrika"])}
    assert places == {"(0028,1201)"}
