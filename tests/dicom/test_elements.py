"""Elements as they lie in the bytes: reading within limits and writing back."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_has_tag
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from tests.support.made_dicom import made_ct

from radcommons.dicom.element_writing import write_elements
from radcommons.dicom.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    MAX_DEPTH,
    MAX_ELEMENTS,
    Element,
    ElementReader,
    FormatError,
    concrete_vr,
    tag_text,
    vr_of_tag,
)
from radcommons.dicom.newer_attributes import NEWER_VRS


def _encoded(dataset, encoding):
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = encoding.is_little_endian, encoding.is_implicit
    write_dataset(stream, dataset)
    return stream.getvalue()


def _read(data, encoding=EXPLICIT_LITTLE):
    return ElementReader(memoryview(data), encoding).read_data_set(0)


def _nested(depth):
    inner = (Element(0x00100010, "PN", b"A^B "),)
    for _ in range(depth):
        inner = (Element(0x00081140, "SQ", items=(inner,)),)
    return write_elements(inner, EXPLICIT_LITTLE)


@pytest.mark.parametrize("encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG])
def test_what_pydicom_writes_is_read_and_written_back_byte_for_byte(encoding):
    data = _encoded(made_ct(), encoding)
    assert write_elements(_read(data, encoding), encoding) == data


@pytest.mark.parametrize("encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG])
def test_sequences_of_undefined_length_are_read(encoding):
    order = encoding.order
    head = struct.pack(order + "HH", 0x0008, 0x1140)
    head += struct.pack(order + "I", 0xFFFFFFFF) if encoding.is_implicit else b"SQ\0\0" + b"\xff" * 4
    item = struct.pack(order + "HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    inner = write_elements((Element(0x00081155, "UI", b"1.2\0"),), encoding)
    ends = struct.pack(order + "HHI", 0xFFFE, 0xE00D, 0) + struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0)
    (sequence,) = _read(head + item + inner + ends, encoding)
    assert [[bytes(each.value) for each in one] for one in sequence.items] == [[b"1.2\0"]]


def test_a_public_attribute_sent_as_unknown_gets_its_own_representation():
    (element,) = _read(b"\x10\0\x10\0UN\0\0\x04\0\0\0A^B ")
    assert element.vr == "PN"


def test_nesting_up_to_the_limit_is_read():
    assert len(_read(_nested(MAX_DEPTH))) == 1


def test_nesting_beyond_the_limit_is_refused():
    with pytest.raises(FormatError) as caught:
        _read(_nested(MAX_DEPTH + 1))
    assert caught.value.code == "dicom.too-deep"


@pytest.mark.parametrize("cut", [3, 9, 20, 40])
def test_bytes_that_end_too_early_are_refused(cut):
    data = write_elements((Element(0x00100010, "PN", b"A^B " * 10),), EXPLICIT_LITTLE)
    with pytest.raises(FormatError) as caught:
        _read(data[:cut])
    assert caught.value.code == "dicom.truncated"


def test_a_length_of_four_gigabytes_is_refused_without_reading_it():
    with pytest.raises(FormatError):
        _read(b"\x10\0\x10\0UT\0\0\xfe\xff\xff\xff" + b"A" * 20)


def test_bytes_after_the_pixel_data_are_left_and_told():
    data = write_elements((Element(0x7FE00010, "OW", b"\1\2"),), EXPLICIT_LITTLE)
    reader = ElementReader(memoryview(data + b"garbage that is no element"), EXPLICIT_LITTLE)
    assert [element.tag for element in reader.read_data_set(0)] == [0x7FE00010]
    assert reader.trailing_offset == len(data)


def test_digital_signatures_after_the_pixel_data_are_read():
    elements = (
        Element(0x7FE00010, "OW", b"\1\2"),
        Element(0xFFFAFFFA, "SQ", items=((Element(0x04000005, "US", b"\1\0"),),)),
    )
    assert _read(write_elements(elements, EXPLICIT_LITTLE))[1].items is not None


def test_fragments_are_one_value_without_their_delimiter():
    fragments = struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE000, 4) + b"abcd"
    element = Element(0x7FE00010, "OB", fragments, is_encapsulated=True)
    (read,) = _read(write_elements((element,), EXPLICIT_LITTLE))
    assert read.is_encapsulated
    assert bytes(read.value) == fragments


def test_a_sequence_that_holds_no_items_is_refused():
    with pytest.raises(FormatError) as caught:
        _read(b"\x08\0\x40\x11SQ\0\0\x08\0\0\0\x10\0\x10\0\0\0\0\0")
    assert caught.value.code == "dicom.malformed"


def test_delimiters_that_close_nothing_are_passed_over():
    stray = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    name = write_elements((Element(0x00100010, "PN", b"A^B "),), EXPLICIT_LITTLE)
    assert [element.tag for element in _read(stray + name + stray)] == [0x00100010]


def test_an_item_where_an_element_belongs_is_refused():
    with pytest.raises(FormatError):
        _read(struct.pack("<HHI", 0xFFFE, 0xE000, 4) + b"abcd")


def test_odd_values_are_padded_as_their_representation_asks():
    data = write_elements((Element(0x00080018, "UI", b"1.2.3"), Element(0x00100020, "LO", b"abc")), EXPLICIT_LITTLE)
    assert [bytes(element.value) for element in _read(data)] == [b"1.2.3\0", b"abc "]


def test_elements_are_written_in_the_order_of_their_tags():
    data = write_elements((Element(0x00100020, "LO", b"ab"), Element(0x00080018, "UI", b"1.2\0")), IMPLICIT_LITTLE)
    assert [element.tag for element in _read(data, IMPLICIT_LITTLE)] == [0x00080018, 0x00100020]


def test_a_value_too_long_for_its_representation_is_written_as_unknown():
    data = write_elements((Element(0x00104000, "LT", b"a" * 70_000),), EXPLICIT_LITTLE)
    assert data[4:6] == b"UN"
    assert _read(data)[0].vr == "LT"


@pytest.mark.parametrize(
    ("tag", "vr"), [(0x00100010, "PN"), (0x00090010, "LO"), (0x00091001, "UN"), (0x00080000, "UL"), (0x00081199, "SQ")]
)
def test_tags_have_the_representation_of_the_dictionary(tag, vr):
    assert vr_of_tag(tag) == vr


def test_newer_attributes_are_those_the_dictionary_does_not_have():
    assert not [tag for tag in NEWER_VRS if dictionary_has_tag(tag)]
    assert {tag: vr_of_tag(tag) for tag in NEWER_VRS} == NEWER_VRS


@pytest.mark.parametrize("tag", [0x00091001, 0x00081366])
@pytest.mark.parametrize("encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG])
def test_sequences_that_no_dictionary_knows_are_still_sequences_when_read_again(encoding, tag):
    inner = Element(0x00091002, "SQ", items=((Element(0x00100010, "PN", b"A^B "),), ()))
    (outer,) = _read(write_elements((Element(tag, "SQ", items=((inner,),)),), encoding), encoding)
    ((again,),) = outer.items
    assert [[(each.vr, each.value) for each in item] for item in again.items] == [[("PN", b"A^B ")], []]


def test_open_representations_are_settled_by_the_sign_of_the_pixels():
    assert concrete_vr("US or SS") == "US"
    assert concrete_vr("US or SS", is_signed=True) == "SS"
    assert concrete_vr("OB or OW") == "OW"


def test_tags_print_as_the_standard_does():
    assert tag_text(0x00100020) == "(0010,0020)"


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_but_never_crash(data):
    for encoding in (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG):
        with contextlib.suppress(FormatError):
            _read(data, encoding)


def test_items_count_as_elements_do():
    empty = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    data = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 8 * MAX_ELEMENTS) + empty * MAX_ELEMENTS
    with pytest.raises(FormatError) as caught:
        ElementReader(memoryview(data), EXPLICIT_LITTLE).read_data_set(0)
    assert caught.value.code == "dicom.too-many-elements"
