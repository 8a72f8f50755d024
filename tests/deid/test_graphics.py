"""Overlays and curves: regions, outlines and signals stay; what looks like writing goes."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from radcommons.deid.graphics import has_writing, is_safe_graphic, shapes_of
from radcommons.dicom.elements import Element

SIZE = (256, 320)


def _bitmap(draw):
    picture = Image.new("L", SIZE[::-1], 0)
    draw(ImageDraw.Draw(picture))
    return (np.asarray(picture) > 127).astype(np.uint8)


def _text(text, size, **how):
    return _bitmap(lambda pen: pen.text((40, 90), text, font=ImageFont.load_default(size), fill=255, **how))


def _overlay(bitmap, **changed):
    rows, columns = bitmap.shape[-2:]
    values = {
        0x60000010: ("US", struct.pack("<H", rows)),
        0x60000011: ("US", struct.pack("<H", columns)),
        0x60000040: ("CS", b"R "),
        0x60000100: ("US", b"\1\0"),
        0x60003000: ("OW", np.packbits(bitmap, bitorder="little").tobytes()),
        **{int(tag, 16): value for tag, value in changed.items()},
    }
    return {tag: Element(tag, vr, value) for tag, (vr, value) in values.items()}


@pytest.mark.parametrize("size", [9, 12, 16, 24, 36])
@pytest.mark.parametrize("text", ["DOE^JANE", "Müller 12345", "Li", "12/03/1970", "JD"])
def test_writing_is_seen(text, size):
    assert has_writing(_text(text, size))


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_turned_writing_is_seen(turn):
    assert has_writing(np.ascontiguousarray(np.rot90(_text("DOE^JANE", 18), turn)))


def test_letters_cut_out_of_a_bar_are_seen():
    def draw(pen):
        pen.rectangle((20, 60, 300, 130), fill=255)
        pen.text((40, 80), "SMITH", font=ImageFont.load_default(24), fill=0)

    assert has_writing(_bitmap(draw))


def test_speckle_is_taken_for_writing_rather_than_trusted():
    assert has_writing((np.random.default_rng(1).random(SIZE) > 0.7).astype(np.uint8))


@pytest.mark.parametrize(
    "draw",
    [
        lambda pen: pen.ellipse((50, 50, 200, 180), outline=255),
        lambda pen: pen.ellipse((50, 50, 200, 180), fill=255),
        lambda pen: (pen.ellipse((20, 20, 60, 60), fill=255), pen.ellipse((200, 160, 240, 205), fill=255)),
        lambda pen: (pen.line((30, 30, 150, 120), fill=255), pen.line((150, 120, 140, 90), fill=255)),
        lambda pen: pen.text((10, 10), "L", font=ImageFont.load_default(20), fill=255),
        lambda pen: pen.point((0, 0), fill=0),
    ],
    ids=["outline", "region", "two regions", "arrow", "one letter", "nothing"],
)
def test_regions_outlines_and_arrows_are_no_writing(draw):
    assert not has_writing(_bitmap(draw))


def test_shapes_are_told_apart_and_joined_across_rows():
    bitmap = np.zeros((6, 8), dtype=np.uint8)
    bitmap[0, 0:3] = bitmap[1, 3] = bitmap[4:6, 6] = 1
    found = sorted((shape.left, shape.top, shape.width, shape.height) for shape in shapes_of(bitmap))
    assert found == [(0, 0, 4, 2), (6, 4, 1, 2)]


def test_a_plane_without_writing_is_safe_and_one_with_it_is_not():
    region = _bitmap(lambda pen: pen.ellipse((50, 50, 200, 180), fill=255))
    assert is_safe_graphic(_overlay(region), 0x6000)
    assert not is_safe_graphic(_overlay(_text("DOE^JANE", 16)), 0x6000)


def test_every_frame_of_a_plane_is_looked_at():
    region = _bitmap(lambda pen: pen.ellipse((50, 50, 200, 180), fill=255))
    frames = np.stack([region, region, _text("DOE^JANE", 16)])
    assert not is_safe_graphic(_overlay(frames, **{"60000015": ("IS", b"3 ")}), 0x6000)


@pytest.mark.parametrize(
    "changed",
    [
        {"60000100": ("US", b"\20\0")},
        {"60000010": ("US", b"\xff\xff")},
        {"60000010": ("US", b"\0\0")},
        {"60000015": ("IS", b"many")},
        {"60003000": ("OW", b"")},
    ],
)
def test_planes_that_cannot_be_read_are_not_safe(changed):
    region = _bitmap(lambda pen: pen.ellipse((50, 50, 200, 180), fill=255))
    assert not is_safe_graphic(_overlay(region, **changed), 0x6000)


def test_bytes_behind_a_bitmap_are_not_safe():
    region = _bitmap(lambda pen: pen.ellipse((50, 50, 200, 180), fill=255))
    data = np.packbits(region, bitorder="little").tobytes() + b"DOE^JANE"
    assert not is_safe_graphic(_overlay(region, **{"60003000": ("OW", data)}), 0x6000)


def _curve(kind=b"ECG ", points=50, data=None, **more):
    values = {
        0x50000005: ("US", b"\1\0"),
        0x50000010: ("US", struct.pack("<H", points)),
        0x50000020: ("CS", kind),
        0x50000103: ("US", b"\0\0"),
        0x50003000: ("OW", data if data is not None else bytes(2 * points)),
        **{int(tag, 16): value for tag, value in more.items()},
    }
    return {tag: Element(tag, vr, value) for tag, (vr, value) in values.items()}


def test_signals_stay_and_free_lines_voices_and_surplus_bytes_do_not():
    assert is_safe_graphic(_curve(), 0x5000)
    assert not is_safe_graphic(_curve(b"POLY"), 0x5000)
    assert not is_safe_graphic(_curve(data=bytes(400)), 0x5000)
    assert not is_safe_graphic(_curve(**{"50002000": ("US", b"\0\0")}), 0x5000)
    assert not is_safe_graphic({}, 0x5000)
