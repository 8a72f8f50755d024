"""A large catalog is counted from memory, and read again when it changed."""

from itertools import count

import pytest
from tests.support.releases import clear_study, signed_site, store_study

from radcommons.server.catalog import counting
from radcommons.server.catalog.counting import KeptCube
from radcommons.server.catalog.services import remove_study

pytestmark = pytest.mark.django_db

# However fast it is read, it counts as large.
LARGE = -1.0


def test_a_small_catalog_is_what_the_database_holds_now(tmp_path):
    first = clear_study_of(tmp_path, "one")
    assert counting.cube().total({}).studies == 1
    clear_study_of(tmp_path, "two")
    assert counting.cube().total({}).studies == 2
    remove_study(first)
    assert counting.cube().total({}).studies == 1


def test_a_large_catalog_is_read_once_while_nothing_changes_and_again_afterwards(tmp_path):
    clear_study_of(tmp_path, "one")
    written = [counting.changes()]
    kept = KeptCube(moment_s=LARGE, patience=0, changes=lambda: written[-1])
    first = kept.cube()
    assert first.total({}).studies == 1

    clear_study_of(tmp_path, "two")
    assert kept.cube() is first

    written.append(written[-1] + 1)
    assert kept.cube().total({}).studies == 2


def test_a_large_catalog_that_changes_all_the_time_is_not_read_all_the_time(tmp_path):
    clear_study_of(tmp_path, "one")
    kept = KeptCube(moment_s=LARGE, patience=1_000_000, changes=count(1_000_000).__next__)
    first = kept.cube()
    clear_study_of(tmp_path, "two")
    assert kept.cube() is first


def clear_study_of(folder, name):
    uid = store_study(folder, signed_site(), name)
    clear_study(uid)
    return uid
