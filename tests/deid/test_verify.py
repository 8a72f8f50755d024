"""The second look: clean files pass, every kind of leftover is named."""

import warnings

import pydicom
import pytest
from pydicom.dataset import Dataset
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.engine import deidentify_file
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping
from radcommons.deid.verify import residual_scan, verify_deidentified

IDENTIFIERS = ("Quixotesen^Ulrika", "MRN-7654321", "Mercy Valley Clinic")


@pytest.fixture
def clean(tmp_path):
    path = tmp_path / "clean.dcm"
    outcome = deidentify_file(
        write_made(made_ct(), tmp_path / "in.dcm"),
        path,
        profile=load_profile("ricord"),
        key=PseudonymKey(bytes(32)),
        patient=PatientMapping("MRN-7654321", "ALPHA-0001", -100),
    )
    assert outcome.is_written
    return path


def _changed(path, change):
    dataset = pydicom.dcmread(path)
    change(dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path)
    return {finding.code for finding in verify_deidentified(path)}


def _private(dataset):
    dataset.private_block(0x0029, "ACME", create=True).add_new(1, "LO", "x")


def _nested_name(dataset):
    item = Dataset()
    item.PersonName = "Somebody^Else"
    dataset.ReferencedImageSequence = [item]


def _set(keyword, value):
    return lambda dataset: setattr(dataset, keyword, value)


def _unset(keyword):
    return lambda dataset: delattr(dataset, keyword)


def test_a_deidentified_file_passes(clean):
    assert verify_deidentified(clean) == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_set("PatientIdentityRemoved", "NO"), "deid.not-marked"),
        (_unset("PatientIdentityRemoved"), "deid.not-marked"),
        (_unset("DeidentificationMethodCodeSequence"), "deid.no-method"),
        (_unset("LongitudinalTemporalInformationModified"), "deid.dates-not-marked"),
        (_set("PatientID", ""), "deid.no-subject"),
        (_set("PatientName", "Real^Name"), "deid.person-name"),
        (_nested_name, "deid.person-name"),
        (_set("PatientBirthDate", "19500203"), "deid.forbidden-value"),
        (_set("AccessionNumber", "ACC1"), "deid.forbidden-value"),
        (_set("InstitutionName", "Mercy"), "deid.forbidden-attribute"),
        (_set("OtherPatientIDs", "X"), "deid.forbidden-attribute"),
        (_set("StudyInstanceUID", "1.2.3.4"), "deid.uid"),
        (_set("FrameOfReferenceUID", "1.2.3.4"), "deid.uid"),
        (_set("PatientAge", "095Y"), "deid.age"),
        (_private, "deid.private-attribute"),
        (_set("preamble", b"II*\0".ljust(128, b"x")), "deid.preamble"),
        (lambda dataset: dataset.add_new(0x60003000, "OW", b"\0\0"), "deid.forbidden-attribute"),
        (lambda dataset: setattr(dataset.file_meta, "SourceApplicationEntityTitle", "PACS"), "deid.file-meta"),
        (_set("SOPClassUID", "1.2.840.10008.5.1.4.1.1.104.1"), "deid.unsupported-object"),
    ],
)
def test_every_kind_of_leftover_is_named(clean, change, code):
    assert code in _changed(clean, change)


def test_suspicious_text_is_a_warning_for_a_person(clean):
    dataset = pydicom.dcmread(clean)
    dataset.StudyDescription = "CT for Dr Lindqvist on 2020-03-15"
    dataset.save_as(clean)
    (finding,) = verify_deidentified(clean)
    assert (finding.code, finding.is_error) == ("deid.suspicious-text", False)


def test_dates_in_texts_are_not_suspicious_where_the_profile_moves_them(clean):
    dataset = pydicom.dcmread(clean)
    dataset.StudyDescription = "CT compared with 15 March 2020, 14:30"
    dataset.save_as(clean)
    assert verify_deidentified(clean) == ()


def test_bytes_after_the_data_set_are_named(clean):
    clean.write_bytes(clean.read_bytes() + b"and something more that is long")
    assert "deid.trailing-bytes" in {finding.code for finding in verify_deidentified(clean)}


def test_an_untouched_file_fails(tmp_path):
    findings = verify_deidentified(write_made(made_ct(), tmp_path / "a"))
    assert {"deid.not-marked", "deid.person-name", "deid.uid"} <= {finding.code for finding in findings}


def test_unreadable_files_are_findings(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"nothing")
    assert [finding.code for finding in verify_deidentified(path)] == ["dicom.not-dicom"]
    assert [finding.code for finding in residual_scan(path, IDENTIFIERS)] == ["dicom.not-dicom"]


def test_a_clean_header_has_no_residues(clean):
    assert residual_scan(clean, IDENTIFIERS) == ()


@pytest.mark.parametrize(
    "change",
    [
        _set("SoftwareVersions", "quixotesen 1"),
        _set("StudyDescription", "CT 7654321"),
        _set("BodyPartExamined", "ULRIKA"),
        _set("Manufacturer", "MERCY VALLEY clinic"),
        lambda dataset: dataset.add_new(0x00281201, "OB", b"\1\2Quixotesen\0"),
    ],
)
def test_residues_are_found_in_any_attribute_and_not_repeated(clean, change):
    dataset = pydicom.dcmread(clean)
    change(dataset)
    dataset.save_as(clean)
    (finding,) = residual_scan(clean, IDENTIFIERS)
    assert finding.code == "deid.residual-identifier"
    assert "uixotesen" not in str(finding.to_json()).lower()


def test_the_new_name_of_the_subject_is_no_residue(clean):
    assert residual_scan(clean, ("ALPHA-0001",)) == ()


def test_warnings_in_plenty_hide_no_error(clean):
    def fill(dataset):
        holder = dataset
        for _ in range(30):
            item = Dataset()
            item.ImageComments = item.DerivationDescription = "on 20200412"
            holder.SourceImageSequence = [item]
            holder = item
        dataset.private_block(0x7FD1, "ACME", create=True).add_new(1, "LO", "x")

    assert "deid.private-attribute" in _changed(clean, fill)


def test_meta_information_of_another_object_is_named(clean):
    data = clean.read_bytes()
    uid = pydicom.dcmread(clean).SOPInstanceUID.encode()
    clean.write_bytes(data.replace(uid, b"1" * len(uid), 1))
    assert {finding.code for finding in verify_deidentified(clean)} == {"deid.file-meta"}


def test_bytes_after_the_last_frame_are_named(clean):
    assert "deid.trailing-bytes" in _changed(
        clean, lambda dataset: setattr(dataset, "PixelData", dataset.PixelData * 2)
    )
