"""Cutting a header into raw elements: without a gap, and only where everything is in order."""

import struct

import pydicom
import pytest
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.fast.layout import START, NotOrdinaryError, end_of_element, layout_of


def _content(tmp_path, dataset, syntax):
    return write_made(dataset, tmp_path / "in.dcm", syntax).read_bytes()


def _nested():
    item = made_ct(PixelData=None)
    dataset = made_ct(ReferencedImageSequence=Sequence([item, made_ct(PixelData=None, ProcedureCodeSequence=[item])]))
    dataset["ReferencedImageSequence"].is_undefined_length = True
    item.is_undefined_length_sequence_item = True
    return dataset


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_the_raw_elements_are_the_header_without_a_gap(tmp_path, syntax):
    content = _content(tmp_path, _nested(), syntax)
    layout = layout_of(content, len(content))
    assert b"".join(layout.raws) == content[START : layout.pixels_at]
    assert content[layout.value_at :] == made_ct().PixelData
    read = pydicom.dcmread(tmp_path / "in.dcm")
    assert list(layout.tags) == [*read.file_meta.keys(), *(each.tag for each in read if each.tag != 0x7FE00010)]


def test_the_header_is_enough(tmp_path):
    content = _content(tmp_path, made_ct(), ExplicitVRLittleEndian)
    whole = layout_of(content, len(content))
    assert layout_of(content[: whole.value_at], len(content)) == whole
    with pytest.raises(NotOrdinaryError):
        layout_of(content[: whole.value_at - 1], len(content))


def test_objects_without_pixels_end_with_their_last_element(tmp_path):
    content = _content(tmp_path, made_ct(PixelData=None), ExplicitVRLittleEndian)
    layout = layout_of(content, len(content))
    assert layout.pixels_at == layout.value_at == len(content)


@pytest.mark.parametrize("length", range(0, 2000, 7))
def test_a_file_that_is_cut_short_is_never_in_order(tmp_path, length):
    content = _content(tmp_path, _nested(), ExplicitVRLittleEndian)
    cut = content[: length % len(content)]
    with pytest.raises(NotOrdinaryError):
        layout_of(cut, len(content))


def test_sequences_nested_without_end_are_left_alone():
    deep = b"".join(
        struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\0\xe0\xff\xff\xff\xff" for _ in range(99)
    )
    with pytest.raises((NotOrdinaryError, struct.error)):
        end_of_element(deep, 0, is_implicit=False)
