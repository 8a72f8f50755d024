"""What pixel data can hold beside the picture, in compressed frames and the tables that lead to them."""

import io
import struct

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, SecondaryCaptureImageStorage
from tests.support.both_ways import made_job
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.engine import deidentify_at_length
from radcommons.deid.verify import verify_deidentified

NAME = b"Quixotesen^Ulrika 7654321"
PICTURE = (np.add.outer(np.arange(32), np.arange(32)) * 4).astype("u1")


def _jpeg(*segments):
    stream = io.BytesIO()
    Image.fromarray(PICTURE).save(stream, "JPEG")
    whole = stream.getvalue()
    return whole[:2] + b"".join(segments) + whole[2:]


def _segment(marker, body):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def _source(path, frame, **attributes):
    dataset = made_ct(
        SOPClassUID=SecondaryCaptureImageStorage, Modality="OT", Rows=32, Columns=32, BitsAllocated=8, BitsStored=8,
        HighBit=7, PixelRepresentation=0, RescaleSlope=None, RescaleIntercept=None,
    )  # fmt: skip
    dataset.PixelData = encapsulate([frame], has_bot=not attributes)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return write_made(dataset, path, JPEGBaseline8Bit)


def _written(frame, tmp_path, **attributes):
    source = _source(tmp_path / "in.dcm", frame, **attributes)
    outcome = deidentify_at_length(source, tmp_path / "out.dcm", made_job())
    return outcome, (tmp_path / "out.dcm")


@pytest.mark.parametrize("marker", [0xFE, 0xE1, 0xF0, 0xFD, 0x02, 0xBF])
def test_comments_and_reserved_segments_go_and_the_picture_stays(marker, tmp_path):
    _source(tmp_path / "plain.dcm", _jpeg())
    expected = pydicom.dcmread(tmp_path / "plain.dcm").pixel_array
    outcome, path = _written(_jpeg(_segment(marker, NAME)), tmp_path)
    assert "dicom.codestream-comments" in {finding.code for finding in outcome.findings}
    assert b"Quixotesen" not in path.read_bytes()
    assert np.array_equal(pydicom.dcmread(path).pixel_array, expected)


HIDDEN = {
    "a table of codes": _jpeg(_segment(0xC4, b"\x03" + bytes(15) + bytes([len(NAME)]) + NAME)),
    "a table of steps": _jpeg(_segment(0xDB, b"\x0f" + NAME.ljust(64, b"Q"))),
    "a picture of several sizes": _jpeg(_segment(0xDF, NAME)),
    "a codestream that cannot be followed": _jpeg(_segment(0xFE, NAME), b"\0\0"),
    "no codestream at all": NAME * 9,
}


@pytest.mark.parametrize("place", HIDDEN)
def test_a_name_where_nothing_can_be_stripped_keeps_the_object_in(place, tmp_path):
    outcome, path = _written(HIDDEN[place], tmp_path)
    assert "deid.residual-identifier" in {finding.code for finding in outcome.findings}
    assert not path.exists()


def test_an_offset_table_of_letters_goes(tmp_path):
    tables = {"ExtendedOffsetTable": NAME[:8], "ExtendedOffsetTableLengths": NAME[8:16]}
    outcome, path = _written(_jpeg(), tmp_path, **tables)
    assert outcome.is_written
    assert NAME[:8] not in path.read_bytes()
    assert pydicom.dcmread(path).pixel_array.shape == (32, 32)


def test_the_second_look_finds_comments_in_compressed_frames(tmp_path):
    outcome, path = _written(_jpeg(), tmp_path)
    assert outcome.is_written
    assert not [each for each in verify_deidentified(path) if each.is_error]
    dataset = pydicom.dcmread(path)
    dataset.PixelData = encapsulate([_jpeg(_segment(0xFE, b"a stranger's name"))])
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)
    found = {each.code for each in verify_deidentified(path) if each.is_error}
    assert "deid.codestream-comments" in found
