"""Rotating the secret and protecting it: what stays, what changes, and what an interruption leaves."""

import os
import subprocess
import sys
from datetime import date

import pytest
from tests.support.hospital_folder import SECRET, datasets, uid, write_original

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.crosswalk import known_subject_id, map_patients
from radcommons.edge.database import database, transaction
from radcommons.edge.deidentify import deidentify_folder
from radcommons.edge.home import HomeChoices, Pseudonyms, init_home, open_home
from radcommons.edge.mapping.entries import list_subjects
from radcommons.edge.mapping.events import Because, crosswalk_events
from radcommons.edge.mapping.keys import key_state, protect_key, rotate_key, unprotect_key
from radcommons.edge.outfolder import opened
from radcommons.edge.review import Decision, record_review
from radcommons.edge.scan import scan_folder
from radcommons.edge.sealing import seal

BECAUSE = Because("Dr Example", "a laptop was stolen")
PASSPHRASE = "four random words here"


@pytest.fixture
def made(home, folder, out):
    """One patient with two studies, de-identified."""
    write_original(folder / "1.dcm", study="a", StudyDate="20200414")
    write_original(folder / "2.dcm", study="b", StudyDate="20200501")
    deidentify_folder(home, folder, out=out)
    return home


def as_day(text):
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def dates_and_studies(out):
    return {(each.PatientID, each.StudyDate, each.StudyInstanceUID) for each in datasets(out)}


def test_keeping_subjects_keeps_who_and_how_long_between_and_changes_uids(made, folder, out):
    before = dates_and_studies(out)

    done = rotate_key(made, is_keeping_subjects=True, because=BECAUSE)
    deidentify_folder(made, folder, out=out)

    after = dates_and_studies(out)
    assert (done.generation, done.subjects_kept, done.subjects_forgotten, done.results_forgotten) == (2, 1, 0, 2)
    assert {each[:2] for each in after} == {each[:2] for each in before}
    assert {each[2] for each in after}.isdisjoint(each[2] for each in before)
    assert crosswalk_events(made)[-1].generation == 2


def test_new_subjects_share_nothing_with_the_old_ones(made, folder, out):
    before = dates_and_studies(out)

    done = rotate_key(made, is_keeping_subjects=False, because=BECAUSE)
    deidentify_folder(made, folder, out=out)

    after = dates_and_studies(out)
    assert (done.subjects_kept, done.subjects_forgotten) == (0, 1)
    assert all({each[place] for each in after}.isdisjoint(each[place] for each in before) for place in (0, 1, 2))
    days = sorted(as_day(each[1]) for each in after)
    assert (days[1] - days[0]).days == 17


def test_new_patients_follow_the_new_key(made, folder, out):
    old = made.key().date_shift_days("mrn-7")
    rotate_key(made, is_keeping_subjects=True, because=BECAUSE)
    write_original(folder / "3.dcm", study="c", PatientID="MRN-7", StudyDate="20200414")

    deidentify_folder(made, folder, out=out)

    (moved,) = {each.StudyDate for each in datasets(out)} - {
        each.StudyDate for each in datasets(out) if each.PatientID == known(made, "id:mrn-0048213")
    }
    assert made.key().date_shift_days("mrn-7") != old
    assert (as_day(moved) - date(2020, 4, 14)).days == made.key().date_shift_days("mrn-7")


def known(home, patient_key):
    with database(home) as connection:
        return known_subject_id(connection, home, patient_key)


def test_an_out_folder_of_the_old_key_is_not_sent_before_it_is_made_anew(made, folder, out):
    record_review(made, out, decision=Decision("Dr Example", is_approval=True))
    seal(made, out)
    rotate_key(made, is_keeping_subjects=True, because=BECAUSE)

    for verb in (lambda: opened(made, out), lambda: seal(made, out)):
        with pytest.raises(RadCommonsError, match="edge deidentify") as refusal:
            verb()
        assert refusal.value.code == "edge.out-of-earlier-key"

    deidentify_folder(made, folder, out=out)
    with pytest.raises(RadCommonsError) as refusal:
        seal(made, out)
    assert refusal.value.code == "edge.not-approved"
    record_review(made, out, decision=Decision("Dr Example", is_approval=True))
    assert seal(made, out).files == 2


def test_what_was_scanned_and_selected_stays_readable(made, folder):
    rotate_key(made, is_keeping_subjects=True, because=BECAUSE)
    rotate_key(made, is_keeping_subjects=True, because=BECAUSE)

    result = scan_folder(open_home(made.path), folder)

    assert (result.instances, result.patients) == (2, 1)
    assert key_state(made).generation == 3
    assert [each.reason for each in crosswalk_events(made)] == ["a laptop was stolen"] * 2


def test_the_old_secret_opens_nothing_any_more(made):
    old = made.key_path.read_text()
    sealed = made.sealer().seal("id:mrn-0048213")
    rotate_key(made, is_keeping_subjects=True, because=BECAUSE)

    content = b"".join(path.read_bytes() for path in made.path.rglob("*") if path.is_file())
    assert sealed not in content
    assert bytes.fromhex(SECRET.hex()) not in content
    assert not made.next_key_path.exists()
    made.key_path.write_text(old)
    with pytest.raises(RadCommonsError) as refusal, database(made):
        pass
    assert refusal.value.code == "edge.wrong-secret"


@pytest.mark.parametrize("step", ["replace_private", "_forget_results", "_seal_anew", "note_event", "finish_rotation"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_killed_at_any_step_leaves_the_old_or_the_new_secret_in_force(home, folder, step, moment):
    code = (
        "import os, signal, sys; from pathlib import Path; from radcommons.edge.mapping import keys\n"
        "from radcommons.edge.home import open_home; from radcommons.edge.mapping.events import Because\n"
        f"done = keys.{step}\n"
        "def killed(*given, **named):\n"
        f"    if {moment == 'after'}: done(*given, **named)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"keys.{step} = killed\n"
        "keys.rotate_key(open_home(Path(sys.argv[1])), is_keeping_subjects=True, because=Because('a', 'b'))"
    )
    write_original(folder / "1.dcm")
    scan_folder(home, folder)
    with database(home) as connection:
        map_patients(connection, home, [("id:mrn-0048213", uid("study"))])
    subjects = list_subjects(home).subjects

    killed = subprocess.run([sys.executable, "-c", code, str(home.path)], check=False, env=dict(os.environ))

    assert killed.returncode == -9
    again = open_home(home.path)
    assert list_subjects(again).subjects == subjects
    assert scan_folder(again, folder).patients == 1
    is_new = step == "finish_rotation"
    assert key_state(again).generation == (2 if is_new else 1)
    assert rotate_key(again, is_keeping_subjects=True, because=BECAUSE).generation == (3 if is_new else 2)


def test_a_connection_from_before_a_rotation_writes_nothing(made):
    with database(made) as connection:
        rotate_key(made, is_keeping_subjects=True, because=BECAUSE)

        with pytest.raises(RadCommonsError) as refusal, transaction(connection):
            pass

    assert refusal.value.code == "edge.wrong-secret"


def test_a_keyed_home_cannot_keep_subjects(tmp_path):
    choices = HomeChoices(pseudonyms=Pseudonyms.KEYED)
    home = init_home(tmp_path / "keyed", site="ALPHA", project="p", choices=choices)

    with pytest.raises(RadCommonsError, match="--new-subjects"):
        rotate_key(home, is_keeping_subjects=True, because=BECAUSE)
    assert rotate_key(home, is_keeping_subjects=False, because=BECAUSE).generation == 2


class TestProtection:
    """The secret behind a passphrase, and in front of it again."""

    def test_a_key_is_locked_changed_and_unlocked_without_changing_the_secret(self, made):
        signing = key_state(made).signing_key
        assert not key_state(made).is_protected

        assert protect_key(made, PASSPHRASE, because=BECAUSE).is_protected
        with pytest.raises(RadCommonsError), database(made):
            pass
        first = open_home(made.path, ask_passphrase=lambda: PASSPHRASE)
        protect_key(first, "quite another passphrase", because=BECAUSE)
        with pytest.raises(RadCommonsError) as refusal:
            key_state(first)
        assert refusal.value.code == "edge.wrong-passphrase"
        second = open_home(made.path, ask_passphrase=lambda: "quite another passphrase")
        assert key_state(second).signing_key == signing
        assert not unprotect_key(second, because=BECAUSE).is_protected

        assert key_state(made).signing_key == signing
        assert [each.verb for each in crosswalk_events(made)] == ["protect", "protect", "unprotect"]

    def test_a_protected_home_stays_protected_when_rotated(self, made):
        protect_key(made, PASSPHRASE, because=BECAUSE)
        home = open_home(made.path, ask_passphrase=lambda: PASSPHRASE)

        rotate_key(home, is_keeping_subjects=True, because=BECAUSE)

        assert key_state(home).is_protected
        assert home.key_file().secret.hex() not in home.key_path.read_text()

    def test_a_short_passphrase_changes_nothing(self, made):
        with pytest.raises(RadCommonsError) as refusal:
            protect_key(made, "short", because=BECAUSE)

        assert refusal.value.code == "edge.passphrase-too-short"
        assert not key_state(made).is_protected
        assert crosswalk_events(made) == ()


def test_the_signing_key_belongs_to_the_secret(home, tmp_path):
    same = init_home(tmp_path / "same", site="ALPHA", project="covid19", secret=SECRET)
    other = init_home(tmp_path / "other", site="ALPHA", project="covid19")

    assert key_state(home).signing_key == key_state(same).signing_key != key_state(other).signing_key
    signature = home.signing_key().sign(b"a batch")
    same.signing_key().public_key().verify(signature, b"a batch")
