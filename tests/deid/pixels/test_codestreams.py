"""What compressed frames hold beside the picture goes; the picture stays."""

import io
import struct

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import generate_frames
from tests.support.drawn import capture, values_of, write_capture, write_encapsulated

from radcommons.deid.hidden_pixels import without_tail
from radcommons.deid.pixels.codestreams import MalformedCodestreamError, stripped
from radcommons.dicom.part10 import open_part10
from radcommons.dicom.pixels import FrameReader

NAME = b"OKAFOR^AMARA 03.02.1950"
GREY = {"BitsAllocated": 8, "BitsStored": 8}
SYNTAXES = {
    "RLE": "1.2.840.10008.1.2.5",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
    "JPEG": "1.2.840.10008.1.2.4.50",
}


def segment(marker, body):
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg(**options):
    stream = io.BytesIO()
    Image.fromarray(values_of(GREY, 64, 64)[0, :, :, 0]).save(stream, "JPEG", **options)
    return stream.getvalue()


def frame_of(kind, tmp_path):
    if kind == "JPEG":
        return jpeg()
    path = write_capture(capture(values_of(GREY, 64, 64)), tmp_path / "plain.dcm", SYNTAXES[kind])
    return next(generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1))


def with_comment(kind, frame):
    """The frame with a name in a comment, where its format has comments."""
    if kind == "JPEG 2000":
        size = frame[2:4] + frame[4:6]
        end = 2 + 2 + struct.unpack(">H", size[2:])[0]
        return frame[:end] + b"\xff\x64" + struct.pack(">HH", len(NAME) + 4, 1) + NAME + frame[end:]
    return frame[:2] + segment(0xFE, NAME) + segment(0xE1, b"Exif\0\0" + NAME) + frame[2:]


def cleaned(kind, frames, tmp_path):
    values = values_of(GREY, 64, 64, frames=len(frames))
    path = write_encapsulated(capture(values), tmp_path / "odd.dcm", frames, SYNTAXES[kind])
    before = open_part10(path)
    after, findings = without_tail(before)
    return before, after, [finding.code for finding in findings]


def pictures(file):
    reader = FrameReader(file)
    return np.stack([reader.decode(number) for number in range(reader.number_of_frames)])


@pytest.mark.parametrize("kind", ["JPEG", "JPEG-LS", "JPEG 2000"])
def test_comments_go_and_the_picture_stays(kind, tmp_path):
    plain = frame_of(kind, tmp_path)
    before, after, codes = cleaned(kind, [with_comment(kind, plain), plain], tmp_path)

    assert NAME in bytes(before.pixel_element().value)
    assert NAME not in bytes(after.pixel_element().value)
    assert codes == ["dicom.codestream-comments"]
    assert np.array_equal(pictures(before), pictures(after))


@pytest.mark.parametrize("kind", SYNTAXES)
def test_bytes_behind_the_end_go(kind, tmp_path):
    plain = frame_of(kind, tmp_path)
    before, after, codes = cleaned(kind, [plain, plain + NAME * 2], tmp_path)

    assert NAME not in bytes(after.pixel_element().value)
    assert codes == ["dicom.codestream-comments"]
    assert np.array_equal(pictures(before), pictures(after))


@pytest.mark.parametrize("kind", SYNTAXES)
def test_a_plain_frame_is_left_as_it_is(kind, tmp_path):
    before, after, codes = cleaned(kind, [frame_of(kind, tmp_path)], tmp_path)

    assert after is before
    assert codes == []


def test_a_comment_in_a_tile_part_goes_and_lengths_are_right(tmp_path):
    frame = frame_of("JPEG 2000", tmp_path)
    start = frame.index(b"\xff\x90")
    comment = b"\xff\x64" + struct.pack(">HH", len(NAME) + 4, 1) + NAME
    length = struct.unpack_from(">I", frame, start + 6)[0]
    head = frame[: start + 6] + struct.pack(">I", length + len(comment)) + frame[start + 10 : start + 12]
    odd = head + comment + frame[start + 12 :]

    assert stripped(odd) == frame.removesuffix(b"\0")


def test_a_file_wrapper_around_a_codestream_goes(tmp_path):
    frame = frame_of("JPEG 2000", tmp_path)
    boxes = b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I4s", len(NAME) + 8, b"xml ") + NAME
    wrapped = boxes + struct.pack(">I4s", 0, b"jp2c") + frame

    assert stripped(wrapped) == frame.removesuffix(b"\0")
    with pytest.raises(MalformedCodestreamError):
        stripped(boxes)


def test_thumbnails_go_and_colour_marks_stay():
    adobe = segment(0xEE, b"Adobe\0d\0\0\0\0\1" + NAME)
    small = segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\2\2" + NAME[:12])
    more = segment(0xE0, b"JFXX\0\x10" + NAME)
    plain = jpeg()
    result = stripped(plain[:2] + adobe + small + more + plain[2:])

    assert NAME[:6] not in result
    assert segment(0xEE, b"Adobe\0d\0\0\0\0\1") in result
    assert segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0") in result


@pytest.mark.parametrize(
    ("comment", "is_kept"),
    [
        (b"Lavc57.107.100\0", True),
        (b"CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), default quality\n", True),
        (b"LEAD Technologies Inc. V1.01\0", True),
        (b"Lavc57.107.100 OKAFOR", False),
        (b"Kakadu-19500203", False),
        (b"anything else", False),
    ],
)
def test_encoders_may_name_themselves_and_nothing_more(comment, is_kept):
    plain = jpeg()
    frame = plain[:2] + segment(0xFE, comment) + plain[2:]

    assert (stripped(frame) is frame) == is_kept
    assert (comment in stripped(frame)) == is_kept


def test_a_progressive_picture_is_followed_through_its_scans():
    plain = jpeg(progressive=True)
    second = plain.index(b"\xff\xda", plain.index(b"\xff\xda") + 2)
    frame = plain[:second] + segment(0xFE, NAME) + plain[second:]

    assert stripped(frame) == plain


@pytest.mark.parametrize(
    "odd", [b"", b"nothing", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8text", b"\xff\x4f\xff\x51\0\xff"]
)
def test_what_cannot_be_followed_is_said_and_kept(odd, tmp_path):
    with pytest.raises(MalformedCodestreamError):
        stripped(odd)
    _, after, codes = cleaned("JPEG", [odd + b"  "], tmp_path)
    assert codes == ["deid.codestream-not-followed"]
    assert after.pixel_element() is not None


@pytest.mark.parametrize(
    "odd", [bytes(64), struct.pack("<16I", 1, 64, *[0] * 14), struct.pack("<16I", 99, *[64] * 15) + b"x"]
)
def test_broken_run_lengths_are_malformed(odd):
    with pytest.raises(MalformedCodestreamError):
        stripped(odd, is_rle=True, segment_bytes=100)


def test_a_table_of_frames_that_holds_something_else_is_made_anew(tmp_path):
    plain = frame_of("JPEG", tmp_path)
    path = write_encapsulated(capture(values_of(GREY, 64, 64)), tmp_path / "a.dcm", [plain], SYNTAXES["JPEG"])
    dataset = pydicom.dcmread(path)
    table = NAME + b" "
    body = dataset.PixelData[8 + struct.unpack_from("<I", dataset.PixelData, 4)[0] :]
    dataset.PixelData = struct.pack("<HHI", 0xFFFE, 0xE000, len(table)) + table + body
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path)

    after, findings = without_tail(open_part10(path))

    assert NAME not in bytes(after.pixel_element().value)
    assert [finding.code for finding in findings] == ["dicom.codestream-comments"]
