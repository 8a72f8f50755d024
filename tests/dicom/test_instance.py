"""Describing files: right on sound ones, total on all others."""

import hashlib
import warnings

import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.uid import DeflatedExplicitVRLittleEndian
from tests.support.made_dicom import made_ct, write_made

from radcommons.dicom.instance import describe_file


def _codes(findings):
    return {finding.code for finding in findings}


def test_the_description_says_what_the_header_says(tmp_path):
    path = write_made(made_ct(SliceThickness="1.25", BodyPartExamined="CHEST"), tmp_path / "a.dcm")
    description, findings = describe_file(path)
    assert findings == ()
    assert description.patient_id == "MRN-7654321"
    assert description.image_type == ("ORIGINAL", "PRIMARY", "AXIAL")
    assert (description.rows, description.columns, description.number_of_frames) == (8, 6, 1)
    assert description.slice_thickness_mm == 1.25
    assert (description.series_number, description.instance_number) == (2, 3)
    assert description.size_bytes == path.stat().st_size
    assert description.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_frames_point_at_their_bytes(tmp_path):
    dataset = made_ct(NumberOfFrames=3)
    dataset.PixelData = bytes(range(96)) * 3
    path = write_made(dataset, tmp_path / "a.dcm")
    description, _ = describe_file(path)
    data = path.read_bytes()
    assert [data[offset : offset + length] for offset, length in description.frames] == [bytes(range(96))] * 3


def test_the_json_can_be_left_out(tmp_path):
    assert describe_file(write_made(made_ct(), tmp_path / "a"), with_json=False)[0].dicom_json == b""


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"])
def test_an_instance_without_its_uids_is_refused(tmp_path, keyword):
    path = write_made(made_ct(), tmp_path / "a")
    dataset = pydicom.dcmread(path)
    delattr(dataset, keyword)
    dataset.save_as(path)
    description, findings = describe_file(path)
    assert description is None
    assert _codes(findings) == {"dicom.missing-uid"}


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2.840;drop", "1." * 40])
def test_a_uid_that_could_do_harm_is_refused(tmp_path, uid):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = write_made(made_ct(StudyInstanceUID=uid), tmp_path / "a")
    description, findings = describe_file(path)
    assert description is None
    assert _codes(findings) == {"dicom.invalid-uid"}


def test_a_uid_with_leading_zeros_is_odd_but_usable(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = write_made(made_ct(StudyInstanceUID="1.2.03.4"), tmp_path / "a")
    description, findings = describe_file(path)
    assert description.study_instance_uid == "1.2.03.4"
    assert _codes(findings) == {"dicom.irregular-uid"}


def test_a_directory_of_a_medium_is_no_instance(shared_data):
    description, findings = describe_file(shared_data / "zoo/dicomdir/DICOMDIR")
    assert description is None
    assert "dicom.is-dicomdir" in _codes(findings)


def test_pixels_of_a_deflated_file_have_no_place_in_it(tmp_path):
    description, _ = describe_file(write_made(made_ct(), tmp_path / "a", DeflatedExplicitVRLittleEndian))
    assert description.is_image
    assert (description.pixel_offset, description.pixel_length, description.frames) == (-1, 0, ())


def test_frames_of_all_compressed_files_are_those_pydicom_finds(shared_data):
    compared = 0
    for path in sorted((shared_data / "zoo").rglob("*")):
        description, _ = describe_file(path, with_json=False) if path.is_file() else (None, ())
        if description is None or not description.frames:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True)
        if "PixelData" not in dataset or not dataset["PixelData"].is_undefined_length:
            continue
        expected = list(generate_frames(dataset.PixelData, number_of_frames=description.number_of_frames))
        data = path.read_bytes()
        groups = description.fragments or tuple((run,) for run in description.frames)
        found = [b"".join(data[offset : offset + length] for offset, length in group) for group in groups]
        assert found == expected, path.name
        compared += 1
    assert compared > 60
