"""The home's database: every original in it is sealed, and what version 1 wrote in clear is sealed on the first opening."""

import os
import re
import sqlite3
import subprocess
import sys

import pytest
from tests.support.home_of_version_1 import ORIGINALS, make_home_of_version_1

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.crosswalk import known_subject_id, map_patients
from radcommons.edge.database import database, durable, transaction
from radcommons.edge.home import init_home, open_home
from radcommons.edge.schema import SCHEMA, VERSION
from radcommons.edge.status import home_status


def files_of(home):
    """Every byte of a home, with the log of the database."""
    return b"".join(path.read_bytes() for path in sorted(home.path.rglob("*")) if path.is_file())


@pytest.fixture
def old_home(tmp_path):
    return open_home(make_home_of_version_1(tmp_path / "old"))


class TestHomeOfVersion1:
    """Upgrading loses nothing that a scan does not find again, and leaves nothing in clear."""

    def test_everything_that_named_the_patient_was_in_clear_before(self, old_home):
        before = files_of(old_home)

        assert [each for each in ORIGINALS if each.encode() not in before] == []

    def test_nothing_is_in_clear_afterwards(self, old_home):
        with database(old_home) as connection:
            assert connection.execute("PRAGMA user_version").fetchone()[0] == VERSION
            while_open = files_of(old_home)

        afterwards = files_of(old_home)
        for each in ORIGINALS:
            assert each.encode() not in while_open
            assert each.encode() not in afterwards

    def test_the_patient_keeps_subject_and_date_shift(self, old_home):
        with database(old_home) as connection:
            mapped = map_patients(connection, old_home, [("id:mrn-0048213", "1.2.840.99.1")])

            assert mapped["id:mrn-0048213"].subject_id == "ALPHA-000007"
            assert mapped["id:mrn-0048213"].date_shift_days == old_home.key().date_shift_days("mrn-0048213")
            assert known_subject_id(connection, old_home, "id:mrn-0048213") == "ALPHA-000007"

    def test_results_selections_decisions_and_batches_stay(self, old_home):
        with database(old_home) as connection:
            query = "SELECT unseal(out), unseal(root), unseal(path), sop_uid FROM output"
            rows = [tuple(row) for row in connection.execute(query)]
            selected = connection.execute("SELECT unseal(study_uid) FROM selected_series").fetchone()[0]
            decided = connection.execute("SELECT unseal(value), verdict, unseal(by) FROM text_decision").fetchone()
            sent = connection.execute("SELECT unseal(out), state FROM sending").fetchone()

        assert rows == [("/data/out okonkwo", "/data/okonkwo_adaeze/export", "adaeze.dcm", "2.25.3")]
        assert selected == "1.2.840.99.1"
        assert tuple(decided) == ("seen by dr lindqvist", "keep", "Dr Example")
        assert tuple(sent) == ("/data/out okonkwo", "verified")
        assert home_status(old_home, batches=()).subjects == 1

    def test_an_interrupted_upgrade_leaves_the_old_file(self, old_home, monkeypatch):
        monkeypatch.setattr("radcommons.edge.database.FROM_1", "INSERT INTO subject SELECT 1 FROM v1_nowhere;\n")

        with pytest.raises(sqlite3.OperationalError), database(old_home):
            pass

        monkeypatch.undo()
        with database(old_home) as connection:
            assert known_subject_id(connection, old_home, "id:mrn-0048213") == "ALPHA-000007"

    def test_a_process_killed_in_the_middle_of_it_leaves_old_or_new(self, old_home):
        code = (
            "import os, signal, sys; from pathlib import Path; from radcommons.edge import database as d\n"
            "from radcommons.edge.home import open_home\n"
            "d._create = lambda connection: os.kill(os.getpid(), signal.SIGKILL)\n"
            "with d.database(open_home(Path(sys.argv[1]))): pass"
        )

        killed = subprocess.run([sys.executable, "-c", code, str(old_home.path)], check=False, env=dict(os.environ))

        assert killed.returncode == -9
        with database(old_home) as connection:
            assert known_subject_id(connection, old_home, "id:mrn-0048213") == "ALPHA-000007"


def test_a_new_home_and_an_upgraded_one_have_the_same_tables(home, old_home):
    query = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"
    with database(home) as new, database(old_home) as old:
        assert [tuple(row) for row in new.execute(query)] == [tuple(row) for row in old.execute(query)]


def test_a_home_of_version_2_learns_which_engine_made_its_results(home):
    with database(home) as connection:
        connection.execute(
            "INSERT INTO out_profile (out, name, version, digest) VALUES (seal('o'), 'ricord', '2', 'a')"
        )
        connection.execute("ALTER TABLE out_profile DROP COLUMN engine")
        connection.execute("DROP TABLE series_look")
        connection.execute("DROP TABLE pixel_suspect")
        connection.execute("PRAGMA user_version = 2")

    with database(home) as connection:
        assert connection.execute("SELECT engine FROM out_profile").fetchone()[0] == ""
        assert connection.execute("SELECT count(*) FROM series_look JOIN pixel_suspect").fetchone()[0] == 0
        assert connection.execute("PRAGMA user_version").fetchone()[0] == VERSION


def test_columns_that_hold_originals_are_of_the_sealed_kind():
    originals = r"root|path|member_name|patient_key|person|header|value|replacement|by|reason|body|found|out"
    declared = re.findall(rf"^\s+({originals})\s+(\w+)", SCHEMA, re.MULTILINE)

    assert len(declared) > 25
    assert {kind for _, kind in declared} == {"BLOB"}


def test_the_database_of_another_key_is_not_touched(home, tmp_path):
    with database(home) as connection:
        map_patients(connection, home, [("id:a", "1.2")])
    other = init_home(tmp_path / "other", site="ALPHA", project="covid19")
    home.key_path.write_text((other.key_path).read_text())

    with pytest.raises(RadCommonsError, match="same backup") as refusal, database(home):
        pass

    assert refusal.value.code == "edge.wrong-secret"


def test_what_is_deleted_leaves_no_byte(home):
    sealed = home.sealer().seal("a text that shall be gone")
    with database(home) as connection:
        connection.execute("INSERT INTO walk_finding (root, body) VALUES (seal('r'), ?)", (sealed,))
        assert sealed in files_of(home)
        with durable(connection):
            connection.execute("DELETE FROM walk_finding")

        assert sealed not in files_of(home)


def test_a_transaction_is_all_or_nothing(home):
    with database(home) as connection:
        with pytest.raises(sqlite3.IntegrityError), transaction(connection):
            connection.executemany("INSERT INTO forgotten_subject VALUES (?)", [("ALPHA-1",), ("ALPHA-1",)])

        assert connection.execute("SELECT count(*) FROM forgotten_subject").fetchone()[0] == 0


def test_the_journal_of_the_crosswalk_only_grows(home):
    with database(home) as connection:
        connection.execute(
            "INSERT INTO crosswalk_event (at, verb, subjects, generation, by, reason) VALUES ('', 'list', 0, 1, x'', x'')"
        )
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            connection.execute("DELETE FROM crosswalk_event")
