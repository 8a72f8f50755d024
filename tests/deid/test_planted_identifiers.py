"""No identifier that was planted in the shared files survives in any output header."""

import json
import re

import pydicom
import pytest

from radcommons.deid.engine import deidentify_file, harvest_file
from radcommons.deid.pixel_text import PixelText
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping
from radcommons.deid.verify import residual_scan, verify_deidentified

KEY = PseudonymKey(b"k" * 32)
KEPT_BY_DESIGN = {"keep", "cap (older than 89)"}


def _header(path):
    """All bytes but the pixel data."""
    data = path.read_bytes()
    start = data.rfind(b"\xe0\x7f\x10\x00O")
    return data[:start] if start > 0 else data


def _spellings(planted):
    value = planted["value"].strip()
    values = re.findall(r"'([^']*)'", value) if value.startswith("[") else [value]
    if planted["vr"] == "PN":
        values += re.split(r"[\^=, ]+", value)
    return {each for each in values if len(each) >= 3}


@pytest.fixture(scope="module")
def cases(shared_data):
    return json.loads((shared_data / "deid/synthetic/answer_key.json").read_text())["cases"]


@pytest.fixture(scope="module")
def outputs(shared_data, cases, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deidentified")
    outcomes = {}
    for case in cases:
        source = shared_data / "deid/synthetic" / case["file"]
        patient = pydicom.dcmread(source, stop_before_pixels=True).PatientID
        mapping = PatientMapping(
            patient, f"S-{KEY.token(patient.strip().lower(), length=6)}", KEY.date_shift_days(patient)
        )
        path = folder / f"{len(outcomes):03d}.dcm"
        outcome = deidentify_file(source, path, profile=load_profile("ricord"), key=KEY, patient=mapping)
        outcomes[case["file"]] = (outcome, path)
    return outcomes


def test_all_files_but_the_document_are_written(outputs):
    refused = {name: outcome.findings for name, (outcome, _) in outputs.items() if not outcome.is_written}
    assert list(refused) == ["13_report_pdf.dcm"]
    assert refused["13_report_pdf.dcm"][0].code == "deid.unsupported-object"


def test_no_planted_identifier_is_in_any_header(cases, outputs):
    needles = {
        spelling: (case["file"], planted["path"])
        for case in cases
        for planted in case["phi"]
        if planted["action"] not in KEPT_BY_DESIGN and planted["type"] not in {"date", "document"}
        for spelling in _spellings(planted)
    }
    assert len(needles) > 80
    leaks = []
    for name, (outcome, path) in outputs.items():
        if not outcome.is_written:
            continue
        header = _header(path)
        for spelling, origin in needles.items():
            pattern = rb"(?<![A-Za-z])" + re.escape(spelling.encode()) + rb"(?![A-Za-z])"
            # "Per" and other first names are words too; they count where they stand alone in the same file.
            is_own = origin[0] == name or len(spelling) > 3
            if is_own and re.search(pattern, header, re.IGNORECASE if len(spelling) > 3 else 0):
                leaks.append((name, origin))
    assert leaks == []


def test_planted_dates_are_moved_in_their_own_files(cases, outputs):
    leaks = []
    for case in cases:
        outcome, path = outputs[case["file"]]
        dates = {planted["value"] for planted in case["phi"] if planted["type"] == "date"}
        if outcome.is_written:
            header = _header(path)
            leaks += [(case["file"], date) for date in dates if date.encode() in header]
    assert leaks == []


def test_what_should_be_kept_is_kept(cases, outputs):
    for case in cases:
        outcome, path = outputs[case["file"]]
        if not outcome.is_written:
            continue
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        for keyword, value in case["keep"].items():
            assert str(dataset.get(keyword)) == value, (case["file"], keyword)


def test_clinical_words_stay_when_the_names_around_them_go(outputs):
    dataset = pydicom.dcmread(outputs["06_free_text.dcm"][1])
    assert dataset.StudyDescription == "XR CHEST 1 VIEW AP"
    assert "fever 39C" in dataset.AdditionalPatientHistory
    assert "repeat AP" in dataset.ImageComments
    assert dataset.ProtocolName == "Chest AP portable"
    assert dataset.ReasonForStudy.startswith("COVID-19 follow-up")


def test_one_patient_written_in_two_ways_keeps_one_name_and_the_interval(outputs):
    first, second = (pydicom.dcmread(outputs[f"11_longitudinal_{part}.dcm"][1]) for part in "ab")
    assert first.PatientID == second.PatientID
    days = pydicom.valuerep.DA(second.StudyDate) - pydicom.valuerep.DA(first.StudyDate)
    assert days.days == 17


def test_pixels_equal_the_originals_byte_for_byte(shared_data, outputs):
    for name, (outcome, path) in outputs.items():
        if outcome.is_written:
            before = pydicom.dcmread(shared_data / "deid/synthetic" / name)
            assert pydicom.dcmread(path).get("PixelData") == before.get("PixelData"), name


def test_radiographs_are_marked_as_not_checked_for_writing(outputs):
    unchecked = {name for name, (outcome, _) in outputs.items() if outcome.pixel_text is PixelText.NOT_CHECKED}
    assert unchecked == set(outputs) - {"12_report_sr.dcm", "13_report_pdf.dcm"}


def test_the_second_look_agrees(shared_data, outputs):
    for name, (outcome, path) in outputs.items():
        if outcome.is_written:
            assert verify_deidentified(path) == (), name
            assert residual_scan(path, harvest_file(shared_data / "deid/synthetic" / name)) == (), name


@pytest.mark.parametrize("name", ["0_ORIGINAL_compressed.dcm", "0_ORIGINAL_no_pixels.dcm", "2_ORIGINAL.dicom"])
def test_the_published_pseudo_patients_lose_their_names(shared_data, tmp_path, name):
    source = shared_data / "deid/pseudo-phi" / name
    harvested = harvest_file(source)
    outcome = deidentify_file(
        source, tmp_path / "out", profile=load_profile("ricord"), key=KEY, patient=PatientMapping("x", "S-1", -400)
    )
    assert harvested
    assert outcome.is_written
    header = _header(tmp_path / "out").lower()
    for identifier in harvested:
        for word in re.split(r"[\^=, ]+", identifier):
            assert len(word) < 5 or word.lower().encode() not in header
