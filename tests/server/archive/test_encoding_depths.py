"""Encoding anew at the edges: every depth and sign, odd sizes, and files that are broken."""

import numpy as np
import pydicom
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from tests.dicom.test_skim_bundled import BUNDLED
from tests.server.archive.conftest import dicom_file

from radcommons.dicom import uids
from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.pixels import decode_frame
from radcommons.server.archive.encoding import encode_frame, transcode_file
from radcommons.server.archive.encodings import FRAME_ENCODINGS, WRITTEN

JPEG_LS, JPEG_2000, RLE = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"


def grey_file(folder, samples, *, bits_stored):
    """A file with these samples, rows by columns."""
    path = dicom_file(folder)
    dataset = dcmread(path)
    dataset.Rows, dataset.Columns = samples.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = (
        samples.dtype.itemsize * 8,
        bits_stored,
        bits_stored - 1,
    )
    dataset.PixelRepresentation = int(samples.dtype.kind == "i")
    data = samples.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("wanted", sorted(FRAME_ENCODINGS))
@pytest.mark.parametrize(
    ("kind", "bits_stored"), [("u1", 8), ("<u2", 10), ("<u2", 12), ("<u2", 16), ("<i2", 12), ("<i2", 16)]
)
def test_the_lowest_and_highest_values_of_every_depth_and_sign_come_back(tmp_path, wanted, kind, bits_stored):
    is_signed = kind[-2] == "i"
    low = -(1 << (bits_stored - 1)) if is_signed else 0
    high = low + (1 << bits_stored) - 1
    samples = np.random.default_rng(7).integers(low, high + 1, (33, 47)).astype(kind)
    samples[0, 0], samples[-1, -1] = low, high
    path = grey_file(tmp_path, samples, bits_stored=bits_stored)
    transcode_file(path, wanted, tmp_path / "whole.dcm")
    assert np.array_equal(decode_frame(tmp_path / "whole.dcm", 0), samples)

    alone = dcmread(tmp_path / "whole.dcm")
    alone.PixelData = encapsulate([encode_frame(path, 0, wanted)])
    alone.save_as(tmp_path / "alone.dcm")
    assert np.array_equal(decode_frame(tmp_path / "alone.dcm", 0), samples)


@pytest.mark.parametrize("wanted", sorted(WRITTEN))
def test_encoding_the_same_twice_changes_nothing_more(tmp_path, wanted):
    path = dicom_file(tmp_path)
    transcode_file(BUNDLED / "MR_small_RLE.dcm", wanted, path)
    transcode_file(path, wanted, tmp_path / "again.dcm")
    assert np.array_equal(decode_frame(tmp_path / "again.dcm", 0), decode_frame(BUNDLED / "MR_small_RLE.dcm", 0))
    assert (tmp_path / "again.dcm").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["MR_truncated.dcm", "rtplan.dcm", "meta_missing_tsyntax.dcm", "rtdose_rle.dcm"])
@pytest.mark.parametrize("wanted", [JPEG_LS, RLE])
def test_what_cannot_be_encoded_is_refused_with_a_code_that_names_nothing(tmp_path, name, wanted):
    target = tmp_path / "made.dcm"
    with pytest.raises(RadCommonsError) as refusal:
        transcode_file(BUNDLED / name, wanted, target)
    assert refusal.value.code.startswith("dicom.")
    assert name not in str(refusal.value)


@pytest.mark.parametrize("damage", ["garbage", "empty", "cut", "syntax", "none"])
def test_a_damaged_file_is_refused_with_a_code_and_leaves_nothing(tmp_path, damage):
    path, target = tmp_path / "damaged.dcm", tmp_path / "target.dcm"
    dataset = dcmread(BUNDLED / "MR_small_RLE.dcm")
    if damage == "garbage":
        dataset.PixelData = encapsulate([b"\x01" + b"\xff" * 80])
    elif damage == "syntax":
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML
    elif damage == "none":
        del dataset.PixelData
    dataset.save_as(path)
    if damage in {"empty", "cut"}:
        path.write_bytes(path.read_bytes()[: 0 if damage == "empty" else 1500])
    with pytest.raises(RadCommonsError) as refusal:
        transcode_file(path, JPEG_2000, target)
    assert refusal.value.code.startswith("dicom.")
    assert not target.exists()
    with pytest.raises(RadCommonsError):
        encode_frame(path, 0, JPEG_2000)


def test_an_encoding_that_is_none_and_a_frame_that_is_not_there_are_refused(tmp_path):
    path = dicom_file(tmp_path)
    for index, syntax in ((0, "1.2.3"), (0, uids.EXPLICIT_VR_LITTLE_ENDIAN), (1, RLE), (-1, RLE)):
        with pytest.raises(RadCommonsError) as refusal:
            encode_frame(path, index, syntax)
        assert refusal.value.code.startswith("dicom."), (index, syntax)
