"""A large catalog is counted from memory, and read again when it changed."""

import pytest
from tests.support.releases import clear_study, signed_site, store_study

from radcommons.server.catalog import counting
from radcommons.server.catalog.services import remove_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def large(monkeypatch):
    """Every catalog counts as large, and is never too young to be read again."""
    monkeypatch.setattr(counting, "_kept", counting._Kept())
    monkeypatch.setattr(counting, "_MOMENT_S", 0.0)
    monkeypatch.setattr(counting, "_PATIENCE", 0)


def test_a_small_catalog_is_what_the_database_holds_now(tmp_path):
    first = clear_study_of(tmp_path, "one")
    assert counting.cube().total({}).studies == 1
    clear_study_of(tmp_path, "two")
    assert counting.cube().total({}).studies == 2
    remove_study(first)
    assert counting.cube().total({}).studies == 1


def test_a_large_catalog_is_read_once_while_nothing_changes(large, monkeypatch, tmp_path):
    clear_study_of(tmp_path, "one")
    assert counting.cube().total({}).studies == 1
    monkeypatch.setattr(counting, "_changes", lambda: counting._kept.changes)
    clear_study_of(tmp_path, "two")
    assert counting.cube() is counting.cube()
    assert counting.cube().total({}).studies == 1
    monkeypatch.setattr(counting, "_changes", lambda: counting._kept.changes + 1)
    assert counting.cube().total({}).studies == 2


def test_a_large_catalog_that_changes_all_the_time_is_not_read_all_the_time(large, monkeypatch, tmp_path):
    clear_study_of(tmp_path, "one")
    kept = counting.cube()
    monkeypatch.setattr(counting, "_PATIENCE", 1_000_000)
    monkeypatch.setattr(counting, "_changes", lambda: counting._kept.changes + 1)
    clear_study_of(tmp_path, "two")
    assert counting.cube() is kept


def clear_study_of(folder, name):
    uid = store_study(folder, signed_site(), name)
    clear_study(uid)
    return uid
