"""Which frames only GDCM decodes, and that a codestream that is none is refused as such."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from radcommons.dicom.gdcm_frames import decode_with_gdcm, is_for_gdcm
from radcommons.dicom.pixels import PixelDecodeError, decode_frame

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
JPEG = "1.2.840.10008.1.2.4."


@pytest.mark.parametrize(
    ("process", "bits_stored", "samples", "expected"),
    [
        ("51", 12, 1, True),
        ("51", 8, 1, False),
        ("51", 16, 1, False),
        ("51", 12, 3, False),
        ("53", 8, 1, True),
        ("55", 12, 1, True),
        ("55", 8, 3, False),
        ("50", 12, 1, False),
        ("70", 12, 1, False),
        ("90", 12, 1, False),
    ],
)
def test_grey_frames_of_twelve_bits_and_of_progressive_processes_are_for_gdcm(process, bits_stored, samples, expected):
    assert is_for_gdcm(JPEG + process, bits_stored=bits_stored, samples_per_pixel=samples) is expected


@pytest.fixture
def twelve_bits():
    dataset = pydicom.dcmread(BUNDLED / "JPGExtended.dcm")
    return dataset, next(generate_frames(dataset.PixelData, number_of_frames=1))


def test_a_frame_of_twelve_bits_is_decoded_to_its_shape_and_range(twelve_bits):
    dataset, frame = twelve_bits
    shape = dataset.Rows, dataset.Columns
    samples = decode_with_gdcm(frame, JPEG + "51", shape, bits_allocated=16, bits_stored=12)
    assert (samples.shape, samples.dtype) == (shape, np.dtype("<u2"))
    assert 255 < samples.max() < 4096
    assert np.array_equal(samples, decode_frame(BUNDLED / "JPGExtended.dcm", 0))


@pytest.mark.parametrize("change", [(1, 0), (0, 1), (-1, 0)])
def test_a_codestream_of_another_size_than_the_header_says_is_refused(twelve_bits, change):
    dataset, frame = twelve_bits
    shape = dataset.Rows + change[0], dataset.Columns + change[1]
    with pytest.raises(ValueError, match="codestream"):
        decode_with_gdcm(frame, JPEG + "51", shape, bits_allocated=16, bits_stored=12)


@pytest.mark.parametrize("encoded", [b"", b"\xff\xd8\xff\xd9", b"no JPEG!", b"\xff" * 64])
def test_what_is_no_codestream_is_refused(encoded):
    with pytest.raises(ValueError, match="codestream"):
        decode_with_gdcm(encoded, JPEG + "51", (4, 4), bits_allocated=16, bits_stored=12)


def test_a_file_whose_frame_is_none_is_refused_as_pixels_that_cannot_be_decoded(tmp_path, twelve_bits):
    dataset, _ = twelve_bits
    dataset.PixelData = pydicom.encaps.encapsulate([b"no JPEG!"])
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(tmp_path / "broken.dcm")
    with pytest.raises(PixelDecodeError):
        decode_frame(tmp_path / "broken.dcm", 0)
