"""The hospital's own state: made once, private, never overwritten."""

import os
import re
import stat
import subprocess
import sys

import pytest

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.crosswalk import known_subject_id, map_patients, patient_key_of
from radcommons.edge.database import database
from radcommons.edge.home import exclusive, init_home, is_initialised, open_home


def test_a_new_home_is_private_and_has_a_random_key(tmp_path):
    first = init_home(tmp_path / "one", site="ALPHA", project="covid19")
    second = init_home(tmp_path / "two", site="ALPHA", project="covid19")

    assert stat.S_IMODE(first.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((first.path / "secret.key").stat().st_mode) == 0o600
    assert first.key().map_uid("1.2.3") != second.key().map_uid("1.2.3")
    assert open_home(tmp_path / "one") == first
    assert sorted(path.name for path in first.path.iterdir()) == ["edge.toml", "secret.key"]


def test_a_home_is_never_made_twice(tmp_path):
    made = init_home(tmp_path / "home", site="ALPHA", project="covid19")
    key = (made.path / "secret.key").read_bytes()

    with pytest.raises(RadCommonsError, match="second pseudonym") as refusal:
        init_home(tmp_path / "home", site="BETA", project="covid19")

    assert (refusal.value.kind, refusal.value.code) == (Kind.CONFLICT, "edge.already-initialised")
    assert (made.path / "secret.key").read_bytes() == key
    assert open_home(made.path).site == "ALPHA"


@pytest.mark.parametrize(
    "setting",
    [
        {"site": "alpha"},
        {"site": ""},
        {"site": 'A"\nsite="B'},
        {"site": "A" * 33},
        {"project": "Covid 19"},
        {"project": "../x"},
        {"profile": 'a"b'},
        {"secret": b"short"},
    ],
)
def test_malformed_settings_are_refused_before_anything_is_made(tmp_path, setting):
    with pytest.raises(RadCommonsError) as refusal:
        init_home(tmp_path / "home", **{"site": "ALPHA", "project": "covid19", **setting})

    assert refusal.value.code == "edge.invalid-setting"
    assert not (tmp_path / "home").exists()


def test_a_folder_that_is_no_home_is_said_to_be_none(tmp_path):
    assert not is_initialised(tmp_path)
    with pytest.raises(RadCommonsError, match="edge init") as refusal:
        open_home(tmp_path)
    assert refusal.value.kind is Kind.NOT_FOUND


def test_a_key_that_others_may_read_is_not_used(home):
    (home.path / "secret.key").chmod(0o640)

    with pytest.raises(RadCommonsError, match="chmod 600"):
        home.key()


@pytest.mark.parametrize("content", ["", "zz", "abcd", "\n"])
def test_a_damaged_key_is_not_used(home, content):
    (home.path / "secret.key").write_text(content)

    with pytest.raises(RadCommonsError, match="never remake"):
        home.key()


def test_a_damaged_settings_file_is_named(home):
    (home.path / "edge.toml").write_text("site = ")

    with pytest.raises(RadCommonsError) as refusal:
        open_home(home.path)

    assert refusal.value.code == "edge.invalid-setting"


def test_one_command_works_with_a_home_at_a_time(home):
    with exclusive(home), pytest.raises(RadCommonsError) as refusal, exclusive(home):
        pass

    assert refusal.value.code == "edge.busy"
    with exclusive(home):
        pass


def test_the_lock_ends_with_a_killed_process(home):
    code = (
        "import os, sys, signal; from pathlib import Path; from radcommons.edge.home import exclusive, open_home\n"
        "with exclusive(open_home(Path(sys.argv[1]))): os.kill(os.getpid(), signal.SIGKILL)"
    )

    killed = subprocess.run([sys.executable, "-c", code, str(home.path)], check=False)

    assert killed.returncode == -9
    with exclusive(home):
        pass


def test_the_database_is_private(home):
    with database(home):
        pass

    assert stat.S_IMODE(home.database_path.stat().st_mode) & 0o077 == 0


def test_a_home_of_a_newer_program_is_left_alone(home):
    with database(home) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(RadCommonsError, match="Upgrade"), database(home):
        pass


def test_the_modules_of_the_hospital_know_no_server():
    code = "import sys, radcommons.edge.commands; print([n for n in sys.modules if 'django' in n or 'radcommons.server' in n])"

    told = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=dict(os.environ)
    )

    assert told.stdout.strip() == "[]"


class TestPseudonyms:
    """One stable pseudonym for one patient."""

    def test_a_patient_keeps_the_pseudonym_and_the_date_shift(self, home):
        with database(home) as connection:
            first = map_patients(connection, home, [("id:a", "1.1"), ("id:b", "1.2")])
            again = map_patients(connection, home, [("id:b", "1.3"), ("id:c", "1.4")])

            assert again["id:b"] == first["id:b"]
            assert len({each.subject_id for each in (*first.values(), *again.values())}) == 3
            assert known_subject_id(connection, home, "id:a") == first["id:a"].subject_id
            assert known_subject_id(connection, home, "id:z") is None
        assert all(re.fullmatch(r"ALPHA-\d{6}", each.subject_id) for each in first.values())
        assert first["id:a"].date_shift_days == home.key().date_shift_days("a")

    def test_the_order_of_patients_does_not_show(self, home, tmp_path):
        other = init_home(
            tmp_path / "other", site="ALPHA", project="covid19", secret=b"a made-up secret of 32 bytes ..."
        )
        keys = [f"id:{number}" for number in range(50)]
        with database(home) as connection, database(other) as second:
            forward = map_patients(connection, home, [(key, key) for key in keys])
            one_by_one = {key: map_patients(second, other, [(key, key)])[key] for key in reversed(keys)}

        assert forward == one_by_one
        allotted = [forward[key].subject_id for key in keys]
        assert allotted != sorted(allotted)

    def test_a_number_never_stands_for_two_patients(self, home):
        studies = [(f"id:{number}", str(number)) for number in range(3000)]

        with database(home) as connection:
            allotted = map_patients(connection, home, studies)

        assert len({each.subject_id for each in allotted.values()}) == 3000

    def test_spelling_does_not_make_another_person(self):
        assert patient_key_of("MRN-0048213", "1.2") == patient_key_of(" mrn-0048213 \x00", "3.4")
        assert patient_key_of("MRN 1", "1.2") == patient_key_of("MRN  1", "1.2")
        assert patient_key_of("A", "1.2") != patient_key_of("B", "1.2")

    def test_without_an_identifier_every_study_is_a_person(self):
        assert patient_key_of("", "1.2") != patient_key_of(" ", "3.4")
        assert patient_key_of("", "1.2") == patient_key_of("  ", "1.2")
        assert patient_key_of("1.2", "") != patient_key_of("", "1.2")
