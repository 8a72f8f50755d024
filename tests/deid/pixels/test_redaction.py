"""Blackening uncompressed pixels: the boxes and nothing else."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from tests.support.drawn import capture, values_of, write_capture
from tests.support.made_dicom import write_made

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.redaction import redact
from radcommons.deid.pixels.spool import Spool
from radcommons.dicom.element_writing import write_elements
from radcommons.dicom.elements import Element
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import open_part10
from radcommons.dicom.pixels import FrameReader

ROWS, COLUMNS = 14, 18
BOX = Box(4, 3, 6, 5)
LAYOUTS = {
    "8 bit": {"BitsAllocated": 8, "BitsStored": 8},
    "12 of 16 bit": {"BitsAllocated": 16, "BitsStored": 12},
    "16 bit signed": {"BitsAllocated": 16, "BitsStored": 16, "PixelRepresentation": 1},
    "12 of 16 bit signed": {"BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 1},
    "16 bit inverted": {"BitsAllocated": 16, "BitsStored": 10, "PhotometricInterpretation": "MONOCHROME1"},
    "32 bit": {"BitsAllocated": 32, "BitsStored": 32},
    "colour by pixel": {"BitsAllocated": 8, "BitsStored": 8, "SamplesPerPixel": 3},
    "colour by plane": {"BitsAllocated": 8, "BitsStored": 8, "SamplesPerPixel": 3, "PlanarConfiguration": 1},
    "luminance and chroma": {
        "BitsAllocated": 8,
        "BitsStored": 8,
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "YBR_FULL",
    },
    "16 bit colour": {"BitsAllocated": 16, "BitsStored": 16, "SamplesPerPixel": 3},
}


def blackened(path, boxes):
    """The file before and after blackening; the result must not be refused."""
    file = open_part10(path)
    redaction = redact(file, boxes)
    assert not redaction.findings
    return file, redaction.file


def frames_of(file):
    reader = FrameReader(file)
    return np.stack([reader.decode(number, is_raw=True) for number in range(reader.number_of_frames)])


def outside(box=BOX, shape=(ROWS, COLUMNS)):
    mask = np.ones(shape, dtype=bool)
    mask[box.top : box.bottom, box.left : box.right] = False
    return mask


@pytest.mark.parametrize("layout", LAYOUTS, ids=LAYOUTS)
@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big", "deflated"])
@pytest.mark.parametrize("frames", [1, 3])
def test_the_box_becomes_even_and_every_other_pixel_keeps_its_value(tmp_path, layout, syntax, frames):
    form = LAYOUTS[layout]
    values = values_of(form, ROWS, COLUMNS, frames=frames)
    dataset = capture(values, **{key: value for key, value in form.items() if key != "SamplesPerPixel"})
    path = write_capture(dataset, tmp_path / "a.dcm")
    if syntax != "explicit":
        path = rewritten(path, syntax)

    before, after = blackened(path, [replace(BOX, frames=(0,) if frames > 1 else None)])

    old, new = frames_of(before), frames_of(after)
    assert np.array_equal(old[0][outside()], new[0][outside()])
    inside = new[0][~outside()].reshape(-1, *new[0].shape[2:])
    assert len(np.unique(inside, axis=0)) == 1
    assert np.array_equal(old[1:], new[1:])
    assert not np.array_equal(old[0], new[0])
    assert len(after.pixel_element().value) == len(before.pixel_element().value)


def rewritten(path, syntax):
    """The same object in another uncompressed transfer syntax, written by pydicom."""
    dataset = pydicom.dcmread(path)
    uid = {
        "implicit": ImplicitVRLittleEndian,
        "big": ExplicitVRBigEndian,
        "deflated": DeflatedExplicitVRLittleEndian,
    }[syntax]
    if syntax == "big":
        words = np.frombuffer(dataset.PixelData, dtype=f"<u{max(2, dataset.BitsAllocated // 8)}")
        dataset.PixelData = words.astype(words.dtype.newbyteorder(">")).tobytes()
        dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = uid
    fresh = pydicom.Dataset()
    fresh.update(dataset)
    fresh.file_meta = dataset.file_meta
    fresh.save_as(path, enforce_file_format=True, implicit_vr=syntax == "implicit", little_endian=syntax != "big")
    return path


def grey_in(path, box=BOX):
    _, after = blackened(path, [box])
    return frames_of(after)[0][box.top, box.left]


def test_black_is_the_smallest_value_of_the_rest_and_the_largest_where_grey_is_inverted(tmp_path):
    values = np.full((1, ROWS, COLUMNS, 1), 700, dtype="<u2")
    values[0, 0, 0], values[0, 0, 1], values[0, BOX.top, BOX.left] = 40, 3000, 0
    plain = write_capture(capture(values, BitsStored=12), tmp_path / "a.dcm")
    inverted = write_capture(
        capture(values, BitsStored=12, PhotometricInterpretation="MONOCHROME1"), tmp_path / "b.dcm"
    )

    assert (grey_in(plain), grey_in(inverted)) == (40, 3000)


def test_black_is_the_padding_where_that_is_dark_and_never_counts_as_a_value(tmp_path):
    values = np.full((1, ROWS, COLUMNS, 1), 50, dtype="<i2")
    values[0, 0, 0], values[0, 0, 1] = -2000, -1000
    dark = write_capture(capture(values, PixelPaddingValue=-2000), tmp_path / "a.dcm")
    values[0, 0, 0] = 30000
    bright = write_capture(
        capture(values, PixelPaddingValue=30000, PhotometricInterpretation="MONOCHROME1"), tmp_path / "b.dcm"
    )
    values[0, 0, 2] = 60
    light = write_capture(capture(values, PixelPaddingValue=30000), tmp_path / "c.dcm")

    assert (grey_in(dark), grey_in(bright), grey_in(light)) == (-2000, 30000, -1000)


def test_black_of_a_palette_is_its_darkest_entry(tmp_path):
    values = np.tile(np.arange(COLUMNS, dtype="u1")[None, None, :, None], (1, ROWS, 1, 1)) % 4
    dataset = capture(values, PhotometricInterpretation="PALETTE COLOR")
    for color in ("Red", "Green", "Blue"):
        setattr(dataset, f"{color}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(dataset, f"{color}PaletteColorLookupTableData", np.array([65535, 300, 40000, 9000], "<u2").tobytes())

    assert grey_in(write_capture(dataset, tmp_path / "a.dcm")) == 1


def test_black_of_luminance_and_chroma_has_no_colour(tmp_path):
    dataset = capture(values_of(LAYOUTS["colour by pixel"], ROWS, COLUMNS), PhotometricInterpretation="YBR_FULL")

    assert list(grey_in(write_capture(dataset, tmp_path / "a.dcm"))) == [0, 128, 128]


def test_a_box_in_subsampled_chroma_grows_to_whole_pairs(tmp_path):
    values = values_of({"BitsAllocated": 8, "BitsStored": 8}, ROWS, COLUMNS * 2)
    dataset = capture(values, SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL_422", PlanarConfiguration=0)
    dataset.Columns = COLUMNS
    before, after = blackened(write_capture(dataset, tmp_path / "a.dcm"), [Box(5, 3, 4, 2)])

    old, new = (np.frombuffer(file.pixel_element().value, "u1").reshape(ROWS, -1, 4) for file in (before, after))
    changed = (old != new).any(axis=-1)
    assert sorted({int(column) for _, column in np.argwhere(changed)}) == [2, 3, 4]
    assert (new[3:5, 2:5] == [0, 0, 128, 128]).all()


def test_single_bits_are_patched_though_frames_begin_inside_bytes(tmp_path):
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, (3, 5, 7)).astype("u1")
    dataset = capture(np.zeros((3, 5, 7, 1), "u1"))
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) & 1)
    _, after = blackened(write_made(dataset, tmp_path / "a.dcm"), [Box(2, 1, 3, 2, (1,))])

    unpacked = np.unpackbits(np.frombuffer(after.pixel_element().value, "u1"), bitorder="little")[: bits.size]
    bits[1, 1:3, 2:5] = 0
    assert np.array_equal(unpacked.reshape(bits.shape), bits)


def test_floating_point_takes_its_smallest_finite_value(tmp_path):
    values = np.linspace(-2.5, 9.0, ROWS * COLUMNS, dtype="<f4")
    values[0] = np.nan
    dataset = capture(np.zeros((1, ROWS, COLUMNS, 1), "<u4"))
    del dataset.PixelData
    dataset.FloatPixelData = values.tobytes()
    _, after = blackened(write_made(dataset, tmp_path / "a.dcm"), [BOX])

    new = np.frombuffer(after.pixel_element().value, "<f4").reshape(ROWS, COLUMNS)
    assert (new[~outside()] == values[1]).all()
    assert np.array_equal(new[outside()], values.reshape(ROWS, COLUMNS)[outside()], equal_nan=True)


def test_what_describes_the_old_pixels_goes(tmp_path):
    dataset = capture(values_of(LAYOUTS["12 of 16 bit"], ROWS, COLUMNS), SmallestImagePixelValue=0)
    dataset.LargestImagePixelValue = 4095
    dataset.IconImageSequence = [pydicom.Dataset()]
    dataset.WindowCenter = "40"
    _, after = blackened(write_capture(dataset, tmp_path / "a.dcm"), [BOX])

    header = Header(after.elements, after.encoding)
    assert not any(header.has(tag) for tag in (0x00280106, 0x00280107, 0x00880200))
    assert header.has(0x00281050)


def test_no_boxes_change_nothing_and_boxes_outside_change_nothing(tmp_path):
    path = write_capture(capture(values_of(LAYOUTS["8 bit"], ROWS, COLUMNS)), tmp_path / "a.dcm")
    file = open_part10(path)

    assert redact(file, []).file is file
    after = redact(file, [Box(500, 500, 3, 3)]).file
    assert bytes(after.pixel_element().value) == bytes(file.pixel_element().value)


def test_the_whole_image_can_be_black(tmp_path):
    path = write_capture(capture(values_of(LAYOUTS["12 of 16 bit"], ROWS, COLUMNS)), tmp_path / "a.dcm")
    _, after = blackened(path, [Box(0, 0, 999, 999)])

    assert len(np.unique(frames_of(after))) == 1


def without(file, tag):
    return replace(file, elements=tuple(element for element in file.elements if element.tag != tag))


def test_what_cannot_be_understood_is_refused_by_a_finding_that_names_no_text(tmp_path):
    file = open_part10(write_capture(capture(values_of(LAYOUTS["8 bit"], ROWS, COLUMNS)), tmp_path / "a.dcm"))
    short = replace(
        file,
        elements=tuple(
            replace(each, value=bytes(each.value)[:40]) if each.tag == 0x7FE00010 else each for each in file.elements
        ),
    )
    packed = replace(
        file,
        elements=tuple(
            Element(each.tag, "US", b"\x0c\0") if each.tag == 0x00280100 else each for each in file.elements
        ),
    )
    wrong = replace(file, transfer_syntax_uid="1.2.840.10008.1.2.4.50")

    for odd in (without(file, 0x7FE00010), without(file, 0x00280010), short, packed, wrong):
        redaction = redact(odd, [BOX])
        assert redaction.is_refused
        assert [finding.code for finding in redaction.findings] == ["deid.cannot-redact"]
        assert redaction.file is odd


def test_the_result_can_be_written_and_read_by_others(tmp_path):
    path = write_capture(capture(values_of(LAYOUTS["16 bit signed"], ROWS, COLUMNS, frames=2)), tmp_path / "a.dcm")
    before, after = blackened(path, [BOX])
    start = bytes(before.buffer).index(b"DICM") + 4
    meta = len(write_elements(before.meta, before.encoding))
    body = bytes(before.buffer)[: start + meta] + write_elements(after.elements, after.encoding)
    (tmp_path / "b.dcm").write_bytes(body)

    pixels = pydicom.dcmread(tmp_path / "b.dcm").pixel_array
    assert np.array_equal(pixels, frames_of(after).reshape(pixels.shape))


def test_large_values_leave_memory_and_come_back_whole(tmp_path):
    spool = Spool(tmp_path, in_memory_bytes=100)
    spool.reserve(4)
    for number in range(50):
        spool.write(bytes([number]) * 7)
    spool.fill_reserved(b"head")

    view = spool.view()
    assert isinstance(view, memoryview)
    assert bytes(view) == b"head" + b"".join(bytes([number]) * 7 for number in range(50))
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="another size"):
        Spool().fill_reserved(b"x")
