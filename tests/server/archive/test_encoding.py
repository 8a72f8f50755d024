"""Encoding anew without loss: the same samples come out, whatever went in."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.server.archive.conftest import dicom_file

from radcommons.dicom.instance import describe_file
from radcommons.dicom.pixels import PixelDecodeError, decode_frame
from radcommons.server.archive.encoding import encode_frame, transcode_file
from radcommons.server.archive.encodings import DECODED, FRAME_ENCODINGS, WRITTEN
from radcommons.server.archive.htj2k import HTJ2K_LOSSLESS

LOSSY = {f"1.2.840.10008.1.2.4.{process}" for process in (50, 51, 53, 55, 81, 91)}


def chest_slices(shared_data: Path) -> dict[str, Path]:
    folder = shared_data / "zoo" / "ct-chest-all-syntaxes"
    return {path.stem.rpartition("_")[2]: path for path in sorted(folder.glob("*.dcm"))}


def test_all_thirteen_encodings_of_a_slice_give_the_same_picture(shared_data):
    slices = chest_slices(shared_data)
    reference = decode_frame(slices["1.2.840.10008.1.2.2"], 0).astype(int)
    assert len(slices) == 13
    assert set(slices) <= DECODED
    for syntax, path in slices.items():
        samples = decode_frame(path, 0).astype(int)
        assert samples.shape == reference.shape
        if syntax in LOSSY:
            # Some of them were scaled to fewer bits first.
            assert np.corrcoef(samples.ravel(), reference.ravel())[0, 1] > 0.999, syntax
        else:
            assert np.array_equal(samples, reference), syntax


@pytest.mark.parametrize("wanted", sorted(WRITTEN))
def test_every_decodable_file_is_written_in_every_offered_syntax_with_its_samples_and_header(
    shared_data, tmp_path, wanted
):
    for syntax, path in chest_slices(shared_data).items():
        if syntax not in DECODED:
            continue
        target = tmp_path / f"{syntax}.dcm"
        transcode_file(path, wanted, target)
        made, original = dcmread(target), dcmread(path)

        assert made.file_meta.TransferSyntaxUID == wanted
        assert made.SOPInstanceUID == original.SOPInstanceUID
        assert np.array_equal(decode_frame(target, 0), decode_frame(path, 0)), syntax
        pixels = {"PixelData", "PhotometricInterpretation", "PlanarConfiguration", "PixelRepresentation"}
        # What encodes HTJ2K declares all bits of a word stored.
        pixels |= {"BitsStored", "HighBit"} if wanted == HTJ2K_LOSSLESS else set()
        same = {e.keyword for e in original if e.keyword not in pixels and e.VR not in {"SQ", "OW", "UN"}}
        assert all(made[name].value == original[name].value for name in same if name in made)
        description, findings = describe_file(target)
        assert description is not None, findings


@pytest.mark.parametrize("wanted", sorted(FRAME_ENCODINGS))
@pytest.mark.parametrize("samples", [1, 3], ids=["grey", "colour"])
def test_one_frame_of_several_is_encoded_alone(tmp_path, wanted, samples):
    path = dicom_file(tmp_path, frames=3)
    dataset = dcmread(path)
    # OpenJPEG writes nothing smaller than its wavelets.
    dataset.Rows = dataset.Columns = 64
    shape = (3, 64, 64, samples) if samples > 1 else (3, 64, 64)
    dataset.PixelData = np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8).tobytes()
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    if samples > 1:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = samples, "RGB", 0
    dataset.save_as(path)
    whole = tmp_path / "whole.dcm"
    transcode_file(path, wanted, whole)

    assert encode_frame(path, 1, wanted) != encode_frame(path, 2, wanted)
    assert np.array_equal(decode_frame(whole, 1), decode_frame(path, 1))


def test_what_has_no_pixels_is_not_encoded_but_written_plainly(tmp_path):
    path = dicom_file(tmp_path, EncapsulatedDocument=b"%PDF", MIMETypeOfEncapsulatedDocument="application/pdf")
    dataset = dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)

    with pytest.raises(PixelDecodeError):
        transcode_file(path, "1.2.840.10008.1.2.4.80", tmp_path / "encoded.dcm")
    transcode_file(path, ImplicitVRLittleEndian, tmp_path / "plain.dcm")
    assert dcmread(tmp_path / "plain.dcm").EncapsulatedDocument == b"%PDF"


def test_values_of_words_are_turned_from_big_endian(tmp_path, shared_data):
    path = chest_slices(shared_data)["1.2.840.10008.1.2.2"]
    dataset = dcmread(path)
    dataset.add_new(0x00281201, "OW", b"\x01\x02\x03\x04")
    dataset.save_as(tmp_path / "big.dcm")
    transcode_file(tmp_path / "big.dcm", ExplicitVRLittleEndian, tmp_path / "little.dcm")

    assert dcmread(tmp_path / "little.dcm")[0x00281201].value == b"\x02\x01\x04\x03"
    assert UID(dcmread(tmp_path / "little.dcm").file_meta.TransferSyntaxUID) == ExplicitVRLittleEndian
