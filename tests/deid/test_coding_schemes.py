"""Meanings of codes: registered ones stay, those a site wrote itself are free text, and dummies say nothing at all."""

import pydicom
import pytest
from pydicom.dataset import Dataset
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.engine import deidentify_file
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping
from radcommons.deid.verify import verify_deidentified

PATIENT = PatientMapping("MRN-7654321", "ALPHA-0001", -100)


def _code(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodeMeaning = value, meaning
    if scheme:
        item.CodingSchemeDesignator = scheme
    return item


def _deidentified(tmp_path, keyword, item):
    dataset = made_ct()
    setattr(dataset, keyword, [item])
    path = tmp_path / "out.dcm"
    outcome = deidentify_file(
        write_made(dataset, tmp_path / "in.dcm"),
        path,
        profile=load_profile("ricord"),
        key=PseudonymKey(bytes(32)),
        patient=PATIENT,
    )
    assert outcome.is_written, outcome.findings
    assert not any(finding.is_error for finding in verify_deidentified(path))
    return pydicom.dcmread(path)[keyword].value[0], path


@pytest.mark.parametrize("scheme", ["99LOCAL", "HOSPITAL", ""])
@pytest.mark.parametrize("keyword", ["AdmittingDiagnosesCodeSequence", "ProcedureCodeSequence", "ViewCodeSequence"])
def test_a_number_in_the_meaning_of_a_code_of_a_sites_own_goes(tmp_path, keyword, scheme):
    item, _ = _deidentified(tmp_path, keyword, _code("L1", scheme, "Chest room of MQL00524471"))
    assert "MQL00524471" not in item.CodeMeaning
    assert item.CodeMeaning.startswith("Chest")


def test_a_meaning_changed_by_the_site_is_cleaned_where_the_table_has_the_sequence_cleaned(tmp_path):
    item, _ = _deidentified(tmp_path, "AdmittingDiagnosesCodeSequence", _code("I21", "I10", "Chest pain, MQL00524471"))
    assert item.CodeMeaning == "Chest pain"


@pytest.mark.parametrize("keyword", ["AdmittingDiagnosesCodeSequence", "ViewCodeSequence"])
def test_a_registered_meaning_stays(tmp_path, keyword):
    item, _ = _deidentified(tmp_path, keyword, _code("398992004", "SCT", "Frontal projection"))
    assert (item.CodeValue, item.CodeMeaning) == ("398992004", "Frontal projection")


def test_a_sequence_that_becomes_a_dummy_keeps_no_text_that_the_table_does_not_list(tmp_path):
    item, path = _deidentified(tmp_path, "VerifyingObserverSequence", _code("L123", "99LOCAL", "Chest room"))
    assert (item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning) == ("REMOVED", "99RADCOMMONS", "REMOVED")
    dataset = pydicom.dcmread(path)
    dataset.VerifyingObserverSequence[0].CodeValue = "L123"
    dataset.save_as(path)
    assert "deid.forbidden-value" in {finding.code for finding in verify_deidentified(path)}


def test_what_the_table_lists_in_a_dummy_sequence_gets_its_own_dummy(tmp_path):
    observer = _code("L123", "99LOCAL", "Chest room")
    observer.VerifyingOrganization = "Mercy Valley Clinic"
    item, _ = _deidentified(tmp_path, "VerifyingObserverSequence", observer)
    assert item.get("VerifyingOrganization", "") != "Mercy Valley Clinic"
