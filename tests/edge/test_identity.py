"""Wrong and mixed identifiers are found before anybody is mapped, in one folder, over folders and over time."""

import shutil

import pytest
from tests.support.hospital_folder import datasets, write_original

from radcommons.edge.database import database
from radcommons.edge.deidentify import deidentify_folder
from radcommons.edge.mapping.changes import confirm_patients
from radcommons.edge.mapping.events import Because
from radcommons.edge.scan import scan_folder

BECAUSE = Because("Dr Example", "asked the ward")


def found(home, folder):
    return scan_folder(home, folder).findings_by_code


def subjects_in(out):
    return {each.PatientID for each in datasets(out)}


def test_one_study_of_two_patients_is_kept_out(home, folder, out):
    write_original(folder / "1.dcm", study="a", number=1, PatientID="MRN-1")
    write_original(folder / "2.dcm", study="a", number=2, PatientID="MRN-2")
    write_original(folder / "3.dcm", study="b", PatientID="MRN-1")

    assert found(home, folder)["edge.mixed-patients"] == 2
    assert deidentify_folder(home, folder, out=out).asked == 1


def test_one_study_of_two_patients_in_two_folders_is_kept_out_of_both(home, folder, tmp_path, out):
    write_original(folder / "1.dcm", study="a", number=1, PatientID="MRN-1")
    write_original(tmp_path / "second" / "2.dcm", study="a", number=2, PatientID="MRN-2")

    assert "edge.mixed-patients" not in found(home, folder)
    assert found(home, tmp_path / "second")["edge.mixed-patients"] == 1
    assert deidentify_folder(home, folder, out=out).asked == 0


def test_a_corrected_folder_is_taken_when_the_wrong_one_is_gone(home, folder, tmp_path):
    write_original(folder / "1.dcm", study="a", PatientID="MRN-1")
    write_original(tmp_path / "second" / "1.dcm", study="a", PatientID="MRN-2")
    scan_folder(home, folder)
    assert found(home, tmp_path / "second")["edge.mixed-patients"] == 1

    shutil.rmtree(folder)

    assert "edge.mixed-patients" not in found(home, tmp_path / "second")


def test_a_study_that_was_another_patients_before_is_not_mapped_again(home, folder, tmp_path, out):
    write_original(folder / "1.dcm", study="a", PatientID="MRN-1")
    deidentify_folder(home, folder, out=out)
    shutil.rmtree(folder)
    write_original(tmp_path / "second" / "1.dcm", study="a", PatientID="MRN-2")

    assert found(home, tmp_path / "second")["edge.study-of-another-patient"] == 1
    assert deidentify_folder(home, tmp_path / "second", out=tmp_path / "out2").asked == 0

    confirmed = confirm_patients(home, ["MRN-2"], because=BECAUSE)

    assert (confirmed.patients, confirmed.studies, confirmed.unknown) == (1, 1, 0)
    assert deidentify_folder(home, tmp_path / "second", out=tmp_path / "out2").asked == 1
    assert subjects_in(tmp_path / "out2").isdisjoint(subjects_in(out))


def test_two_persons_under_one_identifier_are_kept_out_until_somebody_answers_for_it(home, folder, out):
    write_original(folder / "1.dcm", study="a", PatientName="Doe^John", PatientBirthDate="19560101")
    write_original(folder / "2.dcm", study="b", PatientName="Roe^Jane", PatientBirthDate="19991231")
    write_original(folder / "3.dcm", study="c", PatientID="MRN-9", PatientName="Moe^Max")

    assert found(home, folder)["edge.two-persons"] == 2
    assert deidentify_folder(home, folder, out=out).asked == 1
    confirm_patients(home, [" mrn-0048213 "], because=BECAUSE)
    assert "edge.two-persons" not in found(home, folder)
    assert deidentify_folder(home, folder, out=out).asked == 3

    write_original(folder / "4.dcm", study="d", PatientName="Poe^Ann", PatientBirthDate="19800101")

    assert found(home, folder)["edge.two-persons"] == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PatientName": "Okonkwo-Smith^Adaeze"}, "edge.patient-names-differ"),
        ({"PatientBirthDate": "19561104"}, "edge.birth-dates-differ"),
        ({"PatientID": "mrn-0048213 "}, "edge.patient-id-spellings"),
    ],
    ids=str,
)
def test_small_differences_are_told_and_stay_one_person(home, folder, out, changes, code):
    write_original(folder / "1.dcm", study="a")
    write_original(folder / "2.dcm", study="b", **changes)

    assert found(home, folder)[code] == 1
    assert deidentify_folder(home, folder, out=out).asked == 2
    assert len(subjects_in(out)) == 1


def test_two_issuers_of_one_identifier_need_the_same_name_and_birth_date(home, folder):
    write_original(folder / "1.dcm", study="a", IssuerOfPatientID="HOSPITAL A")
    write_original(folder / "2.dcm", study="b", IssuerOfPatientID="HOSPITAL B")
    assert found(home, folder)["edge.issuers-differ"] == 1

    write_original(folder / "3.dcm", study="c", IssuerOfPatientID="HOSPITAL B", PatientName="Doe^John")

    assert found(home, folder)["edge.two-persons"] == 3


def test_one_person_under_two_spellings_of_an_identifier_is_pointed_out(home, folder):
    write_original(folder / "1.dcm", study="a", PatientID="MRN-0048213")
    write_original(folder / "2.dcm", study="b", PatientID="MRN 0048213")
    write_original(folder / "3.dcm", study="c", PatientID="OTHER-5", PatientName="Doe^John")

    findings = [each for each in scan_folder(home, folder).findings if each.code == "edge.two-ids-of-one-person"]

    assert [each.where for each in findings] == ["1.dcm", "2.dcm"] or [each.where for each in findings] == [
        "2.dcm",
        "1.dcm",
    ]


def test_no_finding_names_the_patient(home, folder):
    write_original(folder / "1.dcm", study="a", number=1, PatientName="Doe^John", PatientBirthDate="19560101")
    write_original(folder / "2.dcm", study="a", number=2, PatientName="Roe^Jane", PatientBirthDate="19991231")
    write_original(folder / "3.dcm", study="a", number=3, PatientID="MRN 0048213")

    for finding in scan_folder(home, folder).findings:
        assert not any(each in finding.message for each in ("Doe", "Roe", "0048213", "1956"))


def test_studies_without_any_identifier_stay_apart(home, folder, out):
    write_original(folder / "1.dcm", study="a", PatientID="")
    write_original(folder / "2.dcm", study="b", PatientID="", PatientName="Roe^Jane", PatientBirthDate="19991231")

    deidentify_folder(home, folder, out=out)

    assert len(subjects_in(out)) == 2
    with database(home) as connection:
        assert connection.execute("SELECT count(*) FROM mapped_study").fetchone()[0] == 2
