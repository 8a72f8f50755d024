"""Decoding and rendering: equal to pydicom's numbers, right to the eye's rules, safe on impossible sizes."""

import io
import struct
import warnings
import zlib

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array
from tests.support.made_dicom import COLUMNS, ROWS, made_ct, write_made

from radcommons.dicom.errors import Kind
from radcommons.dicom.instance import describe_file
from radcommons.dicom.packed_frames import DEFLATED_FRAMES, RLE, unpack
from radcommons.dicom.pixels import PixelDecodeError, decode_frame, render_frame

SPREAD = np.linspace(-1000, 1000, ROWS * COLUMNS).astype("<i2").reshape(ROWS, COLUMNS)


def _picture(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def _rendered(tmp_path, *, window=None, **attributes):
    dataset = made_ct(RescaleIntercept="0", PixelData=SPREAD.tobytes(), **attributes)
    return _picture(render_frame(write_made(dataset, tmp_path / "a"), 0, window=window, media_type="image/png"))


def test_all_frames_of_the_zoo_decode_as_pydicom_decodes_them(shared_data):
    compared, undecodable = 0, []
    for path in sorted((shared_data / "zoo").rglob("*.dcm")):
        description, _ = describe_file(path, with_json=False)
        if description is None or not description.is_image or "hostile" in path.parts:
            continue
        last = description.number_of_frames - 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                ours = decode_frame(path, last)
            except PixelDecodeError:
                undecodable.append(path.name)
                continue
            try:
                theirs = pixel_array(path, index=last)
            except (AttributeError, ValueError, NotImplementedError, RuntimeError):
                # Some processes of JPEG are decoded here only.
                continue
        assert np.array_equal(ours, theirs), path.name
        compared += 1
    assert compared > 120
    # The codestream of this one is cut short.
    assert undecodable == ["JPEG2000-embedded-sequence-delimiter.dcm"]


@pytest.mark.parametrize("packing", ["rle", "deflate"])
@pytest.mark.parametrize("size", ["", "nonbyte_aligned_"])
def test_packed_single_bits_are_those_of_the_same_object_unpacked(shared_data, packing, size):
    folder = next((shared_data / "zoo").rglob(f"liver_{size}{packing}.dcm")).parent
    frames = pydicom.dcmread(folder / f"liver_{size}{packing}.dcm").NumberOfFrames
    plain = folder / f"liver{'_nonbyte_aligned' if size else ''}.dcm"
    for index in range(int(frames)):
        packed = decode_frame(folder / f"liver_{size}{packing}.dcm", index)
        assert set(np.unique(packed)) <= {0, 1}
        assert not plain.is_file() or np.array_equal(packed, decode_frame(plain, index))


def test_packed_frames_never_grow_beyond_their_size_and_broken_ones_are_refused():
    bomb = zlib.compress(bytes(1 << 24), wbits=-15)
    assert unpack(bomb, DEFLATED_FRAMES, size_bytes=100) == bytes(100)
    runs = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x80" + b"\x81\xff" * 4000
    assert unpack(runs, RLE, size_bytes=1000) == b"\xff" * 1000
    for broken in (b"", b"\xff" * 100, struct.pack("<16I", 3, 64, *[0] * 14), runs[:70]):
        for syntax in (RLE, DEFLATED_FRAMES):
            with pytest.raises(ValueError, match=r"frame|bits"):
                unpack(broken, syntax, size_bytes=1000)


def test_the_window_spreads_its_range_over_the_grey_scale(tmp_path):
    grey = _rendered(tmp_path, window=(0, 200))
    assert grey[SPREAD <= -101].max() == 0
    assert grey[SPREAD >= 101].min() == 255
    assert abs(int(grey[np.abs(SPREAD) < 30].mean()) - 128) < 10


def test_the_objects_own_first_window_is_the_default(tmp_path):
    own = _rendered(tmp_path, WindowCenter=["-600", "40"], WindowWidth=["1500", "400"])
    assert np.array_equal(own, _rendered(tmp_path, window=(-600, 1500)))


def test_without_a_window_the_whole_range_is_shown(tmp_path):
    grey = _rendered(tmp_path)
    assert (grey.min(), grey.max()) == (0, 255)


def test_monochrome1_is_shown_inverted(tmp_path):
    normal = _rendered(tmp_path, window=(0, 2000))
    inverted = _rendered(tmp_path, window=(0, 2000), PhotometricInterpretation="MONOCHROME1")
    assert np.abs(255 - normal.astype(int) - inverted).max() <= 1


def test_padding_does_not_count_for_the_range(tmp_path):
    values = SPREAD.copy()
    values[0, :] = -32768
    dataset = made_ct(PixelData=values.tobytes())
    dataset.add_new(0x00280120, "SS", -32768)
    grey = _picture(render_frame(write_made(dataset, tmp_path / "a"), 0, media_type="image/png"))
    assert grey[1:].std() > 50


def test_rescaling_comes_before_the_window(tmp_path):
    dataset = made_ct(PixelData=SPREAD.tobytes(), RescaleSlope="2", RescaleIntercept="100")
    grey = _picture(render_frame(write_made(dataset, tmp_path / "a"), 0, window=(100, 400), media_type="image/png"))
    assert np.array_equal(grey, _rendered(tmp_path, window=(0.25, 200.5))) or abs(int(grey.mean()) - 128) < 6


def test_windows_in_functional_groups_are_found(tmp_path):
    voi, group = Dataset(), Dataset()
    voi.WindowCenter, voi.WindowWidth = "0", "100"
    group.FrameVOILUTSequence = [voi]
    grouped = _rendered(tmp_path, SharedFunctionalGroupsSequence=[group])
    assert np.array_equal(grouped, _rendered(tmp_path, window=(0, 100)))


def test_a_lookup_table_is_applied(tmp_path):
    lut = Dataset()
    lut.add_new(0x00283002, "SS", [3, 0, 16])
    lut.add_new(0x00283006, "US", [0, 32768, 65535])
    values = np.tile(np.array([0, 1, 2, 2, 1, 0], dtype="<i2"), (ROWS, 1))
    dataset = made_ct(RescaleIntercept="0", PixelData=values.tobytes(), VOILUTSequence=[lut])
    grey = _picture(render_frame(write_made(dataset, tmp_path / "a"), 0, media_type="image/png"))
    assert sorted(set(grey[0].tolist())) == [0, 128, 255]


def test_palette_colours_are_looked_up(shared_data):
    picture = _picture(
        render_frame(shared_data / "zoo/color-and-pixels/no-pixel-spacing.dcm", 0, media_type="image/png")
    )
    assert picture.shape[2] == 3
    assert np.ptp(picture.astype(int), axis=2).max() > 0


def test_thumbnails_keep_proportions_and_are_never_enlarged(shared_data):
    path = shared_data / "cxr/nema-wg04/RG1_J2KI.dcm"
    small = Image.open(io.BytesIO(render_frame(path, 0, size=(128, 128))))
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    assert max(small.size) == 128
    assert small.size[0] / small.size[1] == pytest.approx(dataset.Columns / dataset.Rows, rel=0.02)
    assert small.format == "JPEG"


def test_small_pictures_stay_small(tmp_path):
    data = render_frame(write_made(made_ct(), tmp_path / "a"), 0, size=(500, 500))
    assert Image.open(io.BytesIO(data)).size == (COLUMNS, ROWS)


def test_bytes_can_be_given_instead_of_a_file(tmp_path):
    path = write_made(made_ct(), tmp_path / "a")
    assert np.array_equal(decode_frame(path.read_bytes(), 0), decode_frame(path, 0))


@pytest.mark.parametrize(
    ("attributes", "index", "kind"),
    [
        ({}, 1, Kind.NOT_FOUND),
        ({}, -1, Kind.NOT_FOUND),
        ({"PixelData": None}, 0, Kind.NOT_FOUND),
        ({"Rows": 65535, "Columns": 65535}, 0, Kind.TOO_LARGE),
        ({"Rows": 400}, 0, Kind.UNSUPPORTED),
        ({"BitsAllocated": 13}, 0, Kind.UNSUPPORTED),
    ],
)
def test_impossible_requests_are_refused_by_kind(tmp_path, attributes, index, kind):
    path = write_made(made_ct(**attributes), tmp_path / "a")
    with pytest.raises(PixelDecodeError) as caught:
        decode_frame(path, index)
    assert caught.value.kind is kind


def test_other_files_are_refused_as_invalid(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"no image")
    with pytest.raises(PixelDecodeError) as caught:
        render_frame(path, 0)
    assert caught.value.kind is Kind.INVALID


@pytest.mark.parametrize("bits_stored", [5, 8, 12, 16])
@pytest.mark.parametrize("is_signed", [0, 1])
def test_plain_values_are_those_of_pydicom_whatever_stands_in_their_unused_bits(tmp_path, bits_stored, is_signed):
    bits_allocated = 8 if bits_stored <= 8 else 16
    noise = np.random.default_rng(bits_stored).bytes(ROWS * COLUMNS * bits_allocated // 8)
    dataset = made_ct(
        BitsAllocated=bits_allocated,
        BitsStored=bits_stored,
        HighBit=bits_stored - 1,
        PixelRepresentation=is_signed,
        PixelData=noise,
    )
    path = write_made(dataset, tmp_path / "a")
    ours = decode_frame(path, 0)
    assert np.array_equal(ours, pixel_array(path))
    assert ours.dtype.kind == ("i" if is_signed else "u")


def test_frames_of_single_bits_may_begin_inside_a_byte(tmp_path):
    masks = np.random.default_rng(1).integers(0, 2, (5, 7, 5), dtype=np.uint8)
    packed = np.packbits(masks.ravel(), bitorder="little").tobytes()
    dataset = made_ct(
        Rows=7, Columns=5, NumberOfFrames=5, BitsAllocated=1, BitsStored=1, HighBit=0, PixelRepresentation=0
    )
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    path = write_made(dataset, tmp_path / "masks")
    assert np.array_equal(np.stack([decode_frame(path, number) for number in range(5)]), masks)
