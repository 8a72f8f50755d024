"""Blackening compressed frames: decoded values outside the boxes stay, untouched frames keep their bytes."""

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import generate_frames, parse_basic_offsets
from tests.support.drawn import capture, values_of, write_capture, write_encapsulated

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.redaction import redact
from radcommons.dicom.element_writing import write_elements
from radcommons.dicom.header import Header
from radcommons.dicom.instance import frame_index_of
from radcommons.dicom.part10 import open_part10
from radcommons.dicom.pixels import FrameReader

RLE, JPEG, JPEG_LS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80"
JPEG_2000_LOSSLESS, JPEG_2000 = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
DEFLATED_FRAMES, NATIVE = "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.1"
ROWS, COLUMNS = 40, 48
BOX = Box(8, 4, 20, 10)
GREY = {"BitsAllocated": 16, "BitsStored": 12}
SIGNED = {"BitsAllocated": 16, "BitsStored": 16, "PixelRepresentation": 1}
COLOR = {"BitsAllocated": 8, "BitsStored": 8, "SamplesPerPixel": 3}


def smooth(form, frames=3):
    """Values that compress like a picture, in the range of a form."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    low = -500 if form.get("PixelRepresentation") else 0
    top = min(4000, (1 << form["BitsStored"]) - 1)
    planes = [
        (low + (top - low) * (0.5 + 0.5 * np.sin(x / 7 + number + channel) * np.cos(y / 9))).astype(int)
        for number in range(frames)
        for channel in range(form.get("SamplesPerPixel", 1))
    ]
    stacked = np.array(planes).reshape(frames, -1, ROWS, COLUMNS).transpose(0, 2, 3, 1)
    return stacked.astype(values_of(form, 2, 2).dtype)


def made(path, form, syntax, frames=3, **attributes):
    extra = {key: value for key, value in form.items() if key != "SamplesPerPixel"}
    return write_capture(capture(smooth(form, frames), **(extra | attributes)), path, syntax)


def frames_of(file):
    reader = FrameReader(file)
    return np.stack([reader.decode(number) for number in range(reader.number_of_frames)])


def inside(box=BOX):
    mask = np.zeros((ROWS, COLUMNS), dtype=bool)
    mask[box.top : box.bottom, box.left : box.right] = True
    return mask


def blackened(path, *boxes):
    file = open_part10(path)
    redaction = redact(file, boxes)
    assert not redaction.findings
    return file, redaction.file


@pytest.mark.parametrize("syntax", [RLE, JPEG_LS, JPEG_2000_LOSSLESS])
@pytest.mark.parametrize("form", [GREY, SIGNED, COLOR], ids=["grey", "signed", "colour"])
def test_only_touched_frames_are_compressed_anew(tmp_path, syntax, form):
    before, after = blackened(made(tmp_path / "a.dcm", form, syntax), Box(8, 4, 20, 10, (1,)))

    assert after.transfer_syntax_uid == syntax
    old, new = frames_of(before), frames_of(after)
    assert np.array_equal(old[[0, 2]], new[[0, 2]])
    assert np.array_equal(old[1][~inside()], new[1][~inside()])
    assert len(np.unique(new[1][inside()].reshape(-1, *new.shape[3:]), axis=0)) == 1
    first, last = (
        list(generate_frames(bytes(file.pixel_element().value), number_of_frames=3)) for file in (before, after)
    )
    assert (first[0], first[2]) == (last[0], last[2])
    assert first[1] != last[1]


def test_the_table_of_frames_is_right(tmp_path):
    _, after = blackened(made(tmp_path / "a.dcm", GREY, RLE), Box(8, 4, 20, 10, (0,)))

    value = bytes(after.pixel_element().value)
    offsets = parse_basic_offsets(value)
    index = frame_index_of(after)
    start = 8 + 4 * len(offsets)
    assert [offset - after.pixel_element().offset - start - 8 for offset, _ in index.frames] == offsets
    assert all(value[start + offset : start + offset + 4] == b"\xfe\xff\x00\xe0" for offset in offsets)


def test_a_frame_in_several_fragments_is_one_afterwards(tmp_path):
    dataset = capture(smooth(GREY, 2), **GREY)
    path = write_capture(dataset, tmp_path / "a.dcm", JPEG_2000_LOSSLESS)
    dataset = pydicom.dcmread(path)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=2))
    halves = [piece for frame in frames for piece in (frame[:200], frame[200:])]
    pieces = [struct.pack("<HHI", 0xFFFE, 0xE000, 0)]
    pieces += [
        struct.pack("<HHI", 0xFFFE, 0xE000, len(piece) + len(piece) % 2) + piece + b"\0" * (len(piece) % 2)
        for piece in halves
    ]
    dataset.PixelData = b"".join(pieces)
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path)

    before, after = blackened(path, Box(8, 4, 20, 10, (0,)))

    assert np.array_equal(frames_of(before)[1], frames_of(after)[1])
    assert len(frame_index_of(after).frames) == 2


def jpeg_bytes(values, **options):
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "JPEG", quality=88, **options)
    return stream.getvalue()


def test_a_lossy_object_is_stored_without_further_loss_and_still_says_that_it_was_lossy(tmp_path):
    pictures = smooth(COLOR, 2)
    dataset = capture(pictures, PhotometricInterpretation="YBR_FULL_422", LossyImageCompressionRatio="7.5")
    path = write_encapsulated(dataset, tmp_path / "a.dcm", [jpeg_bytes(each, subsampling=1) for each in pictures], JPEG)

    before, after = blackened(path, Box(8, 4, 20, 10, (0,)))

    header = Header(after.elements, after.encoding)
    assert after.transfer_syntax_uid == JPEG_LS
    assert (header.text(0x00280004), header.integer(0x00280006)) == ("RGB", 0)
    assert (header.text(0x00282110), header.text(0x00282112)) == ("01", "7.5")
    old, new = frames_of(before), frames_of(after)
    assert np.array_equal(old[1], new[1])
    assert np.array_equal(old[0][~inside()], new[0][~inside()])
    assert (new[0][inside()] == 0).all()


def test_an_irreversible_colour_transform_takes_the_whole_object_along(tmp_path):
    path = made(tmp_path / "a.dcm", COLOR, JPEG_2000_LOSSLESS, frames=1, PhotometricInterpretation="RGB")
    dataset = pydicom.dcmread(path)
    dataset.PhotometricInterpretation = "YBR_ICT"
    dataset.file_meta.TransferSyntaxUID = JPEG_2000
    dataset.save_as(path)

    before, after = blackened(path, BOX)

    assert after.transfer_syntax_uid == JPEG_LS
    assert Header(after.elements, after.encoding).text(0x00280004) == "RGB"
    assert np.array_equal(frames_of(before)[0][~inside()], frames_of(after)[0][~inside()])


def test_frames_deflated_one_by_one_are_patched(tmp_path):
    values = smooth(GREY, 2)
    packers = [zlib.compressobj(6, zlib.DEFLATED, -15) for _ in values]
    frames = [packer.compress(each.tobytes()) + packer.flush() for packer, each in zip(packers, values, strict=True)]
    path = write_encapsulated(capture(values, **GREY), tmp_path / "a.dcm", frames, JPEG_LS)
    file = replace(open_part10(path), transfer_syntax_uid=DEFLATED_FRAMES)

    after = redact(file, [Box(8, 4, 20, 10, (1,))]).file

    packed = list(generate_frames(bytes(after.pixel_element().value), number_of_frames=2))
    new = [np.frombuffer(zlib.decompress(each, -15), "<u2").reshape(ROWS, COLUMNS) for each in packed]
    assert np.array_equal(new[0], values[0, :, :, 0])
    assert np.array_equal(new[1][~inside()], values[1, :, :, 0][~inside()])
    assert len(np.unique(new[1][inside()])) == 1


def test_what_no_lossless_encoder_takes_becomes_uncompressed(tmp_path):
    values = np.zeros((1, 3, 3, 3), "u1") + 90
    path = write_encapsulated(
        capture(values, PhotometricInterpretation="YBR_FULL"), tmp_path / "a.dcm", [jpeg_bytes(values[0])], JPEG
    )
    before, after = blackened(path, Box(0, 0, 1, 1))

    assert after.transfer_syntax_uid == NATIVE
    assert not after.pixel_element().is_encapsulated
    assert np.array_equal(frames_of(before)[0, 1:], frames_of(after)[0, 1:])


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.102"])
def test_what_cannot_be_decoded_is_refused(tmp_path, syntax):
    values = smooth(COLOR, 1)
    path = write_encapsulated(capture(values), tmp_path / "a.dcm", [jpeg_bytes(values[0])], syntax)

    redaction = redact(open_part10(path), [BOX])

    assert redaction.is_refused
    assert redaction.findings[0].code == "deid.cannot-redact"


def test_broken_frames_are_refused(tmp_path):
    dataset = capture(smooth(GREY, 2), **GREY)
    path = write_encapsulated(dataset, tmp_path / "a.dcm", [b"\xff\xd8nothing", b"\xff\xd8nothing"], JPEG)
    assert redact(open_part10(path), [BOX]).is_refused

    dataset.NumberOfFrames = 7
    path = write_encapsulated(dataset, tmp_path / "b.dcm", [b"\xff\xd8nothing", b"\xff\xd8nothing"], JPEG)
    assert redact(open_part10(path), [BOX]).is_refused


def test_the_same_boxes_give_the_same_bytes(tmp_path):
    file = open_part10(made(tmp_path / "a.dcm", GREY, JPEG_LS))
    first, second = (write_elements(redact(file, [BOX]).file.elements, file.encoding) for _ in range(2))

    assert first == second
