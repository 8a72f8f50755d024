"""Where frames lie: uncompressed, encapsulated, fragmented, with and without tables."""

import struct

from radcommons.dicom.elements import Element
from radcommons.dicom.frames import PixelShape, index_frames

RAW = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.50"


def _shape(frames=1, bits=16, samples=1, photometric="MONOCHROME2"):
    return PixelShape(4, 6, samples, bits, photometric, frames)


def _items(*values):
    return b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value for value in values)


def _compressed(*values):
    return Element(0x7FE00010, "OB", _items(*values), offset=1000, is_encapsulated=True)


def _jpeg(body):
    return b"\xff\xd8\xff\xe0" + body


def _codes(index):
    return [finding.code for finding in index.findings]


def test_uncompressed_frames_follow_each_other():
    index = index_frames(Element(0x7FE00010, "OW", bytes(96), offset=500), _shape(2), transfer_syntax_uid=RAW)
    assert index.frames == ((500, 48), (548, 48))


def test_subsampled_colour_has_two_samples_a_pixel():
    assert _shape(samples=3, bits=8, photometric="YBR_FULL_422").bits_per_frame == 4 * 6 * 2 * 8


def test_frames_that_share_a_byte_cannot_be_pointed_at():
    shape = PixelShape(3, 3, 1, 1, "MONOCHROME2", 3)
    index = index_frames(Element(0x7FE00010, "OB", bytes(4), offset=0), shape, transfer_syntax_uid=RAW)
    assert index.frames == ()
    assert _codes(index) == ["dicom.frames-not-byte-aligned"]


def test_pixel_data_shorter_than_its_frames_are_told():
    index = index_frames(Element(0x7FE00010, "OW", bytes(90), offset=0), _shape(2), transfer_syntax_uid=RAW)
    assert _codes(index) == ["dicom.pixel-data-short"]


def test_an_impossible_number_of_frames_is_told():
    for frames in (0, -1, 2_000_000_000):
        index = index_frames(Element(0x7FE00010, "OW", bytes(48), offset=0), _shape(frames), transfer_syntax_uid=RAW)
        assert _codes(index) == ["dicom.number-of-frames"]


def test_one_fragment_a_frame_is_one_run_a_frame():
    index = index_frames(_compressed(b"", b"aaaa", b"bb"), _shape(2), transfer_syntax_uid=JPEG)
    assert index.frames == ((1016, 4), (1028, 2))
    assert index.fragments == ()


def test_all_fragments_of_a_single_frame_belong_to_it():
    index = index_frames(_compressed(b"", b"aaaa", b"bb"), _shape(), transfer_syntax_uid=JPEG)
    assert index.fragments == (((1016, 4), (1028, 2)),)
    assert index.frames == ((1016, 14),)


def test_the_basic_offset_table_groups_fragments():
    table = struct.pack("<2I", 0, 24)
    index = index_frames(_compressed(table, b"aaaa", b"bbbb", b"cccc"), _shape(2), transfer_syntax_uid=JPEG)
    assert [len(group) for group in index.fragments] == [2, 1]


def test_the_extended_offset_table_groups_fragments():
    table = struct.pack("<2Q", 0, 12)
    index = index_frames(
        _compressed(b"", b"aaaa", b"bbbb", b"cccc"), _shape(2), transfer_syntax_uid=JPEG, extended_offsets=table
    )
    assert [len(group) for group in index.fragments] == [1, 2]


def test_without_a_table_frames_begin_where_a_codestream_begins():
    pixels = _compressed(b"", _jpeg(b"aaaa"), b"rest", _jpeg(b"bbbb"))
    index = index_frames(pixels, _shape(2), transfer_syntax_uid=JPEG)
    assert [len(group) for group in index.fragments] == [2, 1]


def test_fragments_without_any_sign_are_not_guessed():
    index = index_frames(_compressed(b"", b"aaaa", b"bbbb", b"cccc"), _shape(2), transfer_syntax_uid=JPEG)
    assert _codes(index) == ["dicom.frames-not-found"]


def test_fewer_fragments_than_frames_are_told():
    index = index_frames(_compressed(b"", b"aaaa"), _shape(2), transfer_syntax_uid=JPEG)
    assert _codes(index) == ["dicom.pixel-data-short"]


def test_compressed_pixel_data_must_be_encapsulated():
    index = index_frames(Element(0x7FE00010, "OW", bytes(48), offset=0), _shape(), transfer_syntax_uid=JPEG)
    assert _codes(index) == ["dicom.not-encapsulated"]
