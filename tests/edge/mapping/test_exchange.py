"""Taking the crosswalk out and in: protected, audited, all or nothing."""

import csv
import json
import stat

import pytest
from tests.support.hospital_folder import SECRET, write_original

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.crosswalk import map_patients
from radcommons.edge.database import database
from radcommons.edge.deidentify import deidentify_folder
from radcommons.edge.home import HomeChoices, Pseudonyms, init_home
from radcommons.edge.mapping.entries import list_subjects, look_up
from radcommons.edge.mapping.events import Because, crosswalk_events
from radcommons.edge.mapping.exchange import export_crosswalk, import_crosswalk

BECAUSE = Because("Dr Example", "moved to another machine")
PASSPHRASE = "four random words here"


@pytest.fixture
def mapped(home):
    """Three patients, one of them a study without an identifier."""
    with database(home) as connection:
        map_patients(
            connection, home, [("id:mrn-1", "1.1"), ("id:mrn-2", "1.2"), ("id:mrn-2", "1.3"), ("study:1.4", "1.4")]
        )
    return home


@pytest.fixture
def other(tmp_path):
    """A home with another key."""
    return init_home(tmp_path / "other", site="ALPHA", project="covid19")


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_csv(path, *rows, header="patient_id,subject_id"):
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def test_an_export_is_private_whole_and_noted(mapped, tmp_path):
    made = export_crosswalk(mapped, tmp_path / "crosswalk.csv", because=BECAUSE)

    rows = rows_of(made.path)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert (made.entries, made.is_protected) == (3, False)
    assert {(row["patient_id"], row["study_instance_uid"]) for row in rows} == {
        ("mrn-1", ""),
        ("mrn-2", ""),
        ("", "1.4"),
    }
    assert all(row["subject_id"].startswith("ALPHA-") and int(row["date_shift_days"]) <= -30 for row in rows)
    event = crosswalk_events(mapped)[-1]
    assert (event.verb, event.subjects, event.by, event.reason) == (
        "export",
        3,
        "Dr Example",
        "moved to another machine",
    )


def test_an_export_moves_everything_to_a_home_with_another_key(mapped, other, tmp_path):
    made = export_crosswalk(mapped, tmp_path / "crosswalk.csv", because=BECAUSE)

    taken = import_crosswalk(other, made.path, because=BECAUSE)

    again = export_crosswalk(other, tmp_path / "again.csv", because=BECAUSE)
    assert (taken.added, taken.unchanged) == (3, 0)
    assert rows_of(again.path) == rows_of(made.path)
    assert import_crosswalk(other, made.path, because=BECAUSE).unchanged == 3


def test_a_protected_export_says_nothing_without_its_passphrase(mapped, other, tmp_path):
    made = export_crosswalk(mapped, tmp_path / "crosswalk.json", because=BECAUSE, passphrase=PASSPHRASE)

    assert b"mrn-1" not in made.path.read_bytes()
    assert b"ALPHA-" not in made.path.read_bytes()
    for wrong, code in ((None, "edge.passphrase-needed"), ("another passphrase", "edge.wrong-passphrase")):
        with pytest.raises(RadCommonsError) as refusal:
            import_crosswalk(other, made.path, because=BECAUSE, passphrase=wrong)
        assert refusal.value.code == code
    assert import_crosswalk(other, made.path, because=BECAUSE, passphrase=PASSPHRASE).added == 3


def test_nothing_is_overwritten_and_nothing_lands_in_an_out_folder(mapped, folder, out, tmp_path):
    (tmp_path / "there.csv").write_text("mine")
    write_original(folder / "1.dcm")
    deidentify_folder(mapped, folder, out=out)

    for path, code in (
        (tmp_path / "there.csv", "edge.file-exists"),
        (out / "review" / "crosswalk.csv", "edge.export-into-out"),
        (tmp_path / "nowhere" / "crosswalk.csv", "edge.file-unwritable"),
    ):
        with pytest.raises(RadCommonsError) as refusal:
            export_crosswalk(mapped, path, because=BECAUSE)
        assert refusal.value.code == code
    assert (tmp_path / "there.csv").read_text() == "mine"


@pytest.mark.parametrize("because", [Because("", "why"), Because("who", " "), Because("who", "x" * 900)], ids=str)
def test_without_a_name_and_a_reason_nothing_leaves(mapped, tmp_path, because):
    with pytest.raises(RadCommonsError) as refusal:
        export_crosswalk(mapped, tmp_path / "crosswalk.csv", because=because)

    assert refusal.value.code == "edge.reason-needed"
    assert not (tmp_path / "crosswalk.csv").exists()


class TestTakingIn:
    """A table of an earlier project."""

    def test_patients_of_an_earlier_project_keep_their_subjects(self, home, folder, out, tmp_path):
        table = write_csv(tmp_path / "table.csv", " MRN-0048213 ,EARLIER-007", "mrn-9,EARLIER-009")
        import_crosswalk(home, table, because=BECAUSE)
        write_original(folder / "1.dcm")

        deidentify_folder(home, folder, out=out)

        assert {each.subject_id: each.studies for each in list_subjects(home).subjects} == {
            "EARLIER-007": 1,
            "EARLIER-009": 0,
        }

    def test_every_conflict_is_named_by_its_row_and_nothing_changes(self, mapped, tmp_path):
        before = list_subjects(mapped)
        taken = before.subjects[0].subject_id
        table = write_csv(
            tmp_path / "table.csv",
            "new-1,SUB-1",
            "mrn-1,OTHER-1",
            f"new-2,{taken}",
            "new-3,SUB-1",
            "new-1,SUB-2",
            "new-1,SUB-1",
        )

        with pytest.raises(RadCommonsError) as refusal:
            import_crosswalk(mapped, table, because=BECAUSE)

        assert refusal.value.code == "edge.crosswalk-conflict"
        assert [each["row"] for each in refusal.value.facts["rows"]] == [3, 4, 5, 6]
        assert list_subjects(mapped) == before
        told = refusal.value.message + json.dumps(refusal.value.facts)
        assert not any(each in told for each in ("mrn-1", "new-1", "SUB-1", taken))

    @pytest.mark.parametrize(
        "row",
        [",S-1", "mrn-7,", "mrn-7,small letters", "mrn-7,MRN-7", "mrn-7,S-1,,0", "mrn-7,S-1,,5", "mrn-7,S-1,1.2.3,-5"],
    )
    def test_malformed_rows_are_named(self, home, tmp_path, row):
        header = "patient_id,subject_id,study_instance_uid,date_shift_days"
        table = write_csv(tmp_path / "table.csv", "mrn-1,GOOD-1,,-40", row, header=header)

        with pytest.raises(RadCommonsError) as refusal:
            import_crosswalk(home, table, because=BECAUSE)

        assert [each["row"] for each in refusal.value.facts["rows"]] == [3]
        assert list_subjects(home).subjects == ()

    @pytest.mark.parametrize(
        "content", ["", "a,b\n1,2\n", "subject_id\nS-1\n", '{"schema": "x"}', "{", b"\xff\xfe"], ids=str
    )
    def test_a_file_that_is_no_crosswalk_is_refused(self, home, tmp_path, content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

        with pytest.raises(RadCommonsError) as refusal:
            import_crosswalk(home, path, because=BECAUSE)

        assert refusal.value.code == "edge.invalid-crosswalk"

    def test_two_identifiers_of_one_person_become_one_subject_with_one_shift(self, home, tmp_path):
        table = write_csv(tmp_path / "table.csv", "mrn-0048213,SAME-1", "old-77,SAME-1")
        with pytest.raises(RadCommonsError, match="--same-person"):
            import_crosswalk(home, table, because=BECAUSE)

        import_crosswalk(home, table, because=BECAUSE, is_same_person=True)

        with database(home) as connection:
            mapped = map_patients(connection, home, [("id:mrn-0048213", "1.1"), ("id:old-77", "1.2")])
        assert len(set(mapped.values())) == 1
        assert list_subjects(home).subjects[0].patient_ids == 2

    def test_a_shift_that_contradicts_the_known_one_is_a_conflict(self, mapped, tmp_path):
        row = rows_of(export_crosswalk(mapped, tmp_path / "crosswalk.csv", because=BECAUSE).path)[0]
        changed = (
            f"{row['patient_id']},{row['subject_id']},{row['study_instance_uid']},{int(row['date_shift_days']) - 1}"
        )
        header = "patient_id,subject_id,study_instance_uid,date_shift_days"

        with pytest.raises(RadCommonsError, match="Row 2 moves a patient's dates otherwise"):
            import_crosswalk(mapped, write_csv(tmp_path / "t.csv", changed, header=header), because=BECAUSE)


class TestKeyedHome:
    """Subjects from the key alone."""

    @pytest.fixture
    def keyed(self, tmp_path):
        choices = HomeChoices(pseudonyms=Pseudonyms.KEYED)
        return init_home(tmp_path / "keyed", site="ALPHA", project="covid19", secret=SECRET, choices=choices)

    def test_two_machines_with_one_key_agree_without_exchanging_anything(self, keyed, tmp_path):
        choices = HomeChoices(pseudonyms=Pseudonyms.KEYED)
        second = init_home(tmp_path / "second", site="ALPHA", project="covid19", secret=SECRET, choices=choices)
        with database(keyed) as connection:
            here = map_patients(connection, keyed, [("id:a", "1.1"), ("id:b", "1.2")])
            assert connection.execute("SELECT count(*) FROM subject").fetchone()[0] == 0
        with database(second) as connection:
            there = map_patients(connection, second, [("id:b", "1.2"), ("id:c", "1.3")])

        assert here["id:b"] == there["id:b"]
        assert len({here["id:a"], here["id:b"], there["id:c"]}) == 3
        assert len(here["id:a"].subject_id) == len("ALPHA-") + 24

    def test_who_is_behind_a_subject_can_still_be_found(self, keyed, tmp_path):
        with database(keyed) as connection:
            subject = map_patients(connection, keyed, [("id:a", "1.1")])["id:a"].subject_id

        found = look_up(keyed, [subject], because=BECAUSE)

        assert [each.patient_id for each in found.entries] == ["a"]
        assert export_crosswalk(keyed, tmp_path / "c.csv", because=BECAUSE).entries == 1


def test_looking_up_is_noted_and_unknown_subjects_are_said_to_be(mapped):
    subject = list_subjects(mapped).subjects[0].subject_id

    found = look_up(mapped, [subject, "ALPHA-999999"], because=BECAUSE)

    assert (len(found.entries), found.unknown) == (1, ("ALPHA-999999",))
    assert [each.verb for each in crosswalk_events(mapped)] == ["lookup"]
    with pytest.raises(RadCommonsError) as refusal:
        look_up(mapped, ["ALPHA-999999"], because=BECAUSE)
    assert refusal.value.code == "edge.no-such-subject"
