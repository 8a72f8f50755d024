"""Forgetting a patient for good."""

import pytest
from tests.support.hospital_folder import SECRET, datasets, write_original

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.database import database
from radcommons.edge.deidentify import deidentify_folder
from radcommons.edge.home import HomeChoices, Pseudonyms, init_home
from radcommons.edge.mapping.changes import confirm_patients, forget_patients
from radcommons.edge.mapping.entries import list_subjects
from radcommons.edge.mapping.events import Because, crosswalk_events

BECAUSE = Because("Dr Example", "the patient asked")


@pytest.fixture
def made(home, folder, out):
    """Two patients, de-identified."""
    write_original(folder / "adaeze.dcm", study="a")
    write_original(folder / "john.dcm", study="b", PatientID="MRN-7", PatientName="Doe^John")
    deidentify_folder(home, folder, out=out)
    return home


def subject_of(out, name):
    return next(each.PatientID for each in datasets(out) if each.StudyInstanceUID == name)


def bytes_of(home):
    return b"".join(path.read_bytes() for path in home.path.rglob("*") if path.is_file())


def test_a_forgotten_patient_leaves_no_byte(made):
    sealed = [made.sealer().seal(each) for each in ("id:mrn-7", "john.dcm")]
    before = bytes_of(made)
    assert all(each in before for each in sealed)

    done = forget_patients(made, patient_ids=["mrn-7"], because=BECAUSE)

    afterwards = bytes_of(made)
    assert (done.subjects, done.patient_ids, done.results) == (1, 1, 1)
    assert not any(each in afterwards for each in sealed)
    assert made.sealer().seal("id:mrn-0048213") in afterwards
    assert crosswalk_events(made)[-1].verb == "forget"


def test_later_studies_of_a_forgotten_patient_get_a_new_subject(made, folder, out, tmp_path):
    before = {each.subject_id for each in list_subjects(made).subjects}
    forget_patients(made, patient_ids=["MRN-7"], because=BECAUSE)
    kept = {each.subject_id for each in list_subjects(made).subjects}
    write_original(folder / "later.dcm", study="later", PatientID="MRN-7", PatientName="Doe^John")

    deidentify_folder(made, folder, out=tmp_path / "out2")

    afterwards = {each.subject_id for each in list_subjects(made).subjects}
    assert len(before) == len(afterwards) == 2
    assert afterwards & before == kept
    assert len(kept) == 1


def test_a_subject_can_be_named_instead(made):
    subjects = [each.subject_id for each in list_subjects(made).subjects]

    assert forget_patients(made, subject_ids=subjects, because=BECAUSE).subjects == 2
    assert list_subjects(made).subjects == ()


def test_one_unknown_patient_stops_all(made):
    with pytest.raises(RadCommonsError, match="1 of 2") as refusal:
        forget_patients(made, patient_ids=["mrn-7", "mrn-8"], because=BECAUSE)

    assert refusal.value.code == "edge.no-such-subject"
    assert len(list_subjects(made).subjects) == 2


def test_what_was_made_of_a_forgotten_patient_is_removed_from_out_by_the_next_run(made, folder, out):
    assert len(datasets(out)) == 2
    forget_patients(made, patient_ids=["mrn-7"], because=BECAUSE)
    (folder / "john.dcm").unlink()

    deidentify_folder(made, folder, out=out)

    assert len(datasets(out)) == 1


def test_a_home_without_a_table_says_that_it_cannot_forget(tmp_path):
    choices = HomeChoices(pseudonyms=Pseudonyms.KEYED)
    home = init_home(tmp_path / "keyed", site="ALPHA", project="p", secret=SECRET, choices=choices)

    with pytest.raises(RadCommonsError) as refusal:
        forget_patients(home, subject_ids=["ALPHA-1"], because=BECAUSE)

    assert refusal.value.code == "edge.keyed-has-no-table"


def test_confirming_somebody_who_was_never_scanned_is_counted_as_unknown(home):
    confirmed = confirm_patients(home, ["mrn-1", "mrn-2"], because=BECAUSE)

    assert (confirmed.patients, confirmed.unknown) == (0, 2)
    with database(home) as connection:
        assert connection.execute("SELECT count(*) FROM confirmed_patient").fetchone()[0] == 0
