"""The demonstration's reading project: made once, with three readers and an adjudicator."""

import pytest
from tests.support.releases import clear_study, signed_site, store_study

from radcommons.apps.demo import centre_steps
from radcommons.apps.demo.hospitals import Hospital
from radcommons.server.annotation.models import ReadingProject

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tmp_store")]


def test_three_readers_get_every_ct_and_a_second_run_finds_it_done(tmp_path):
    for name in ("one", "two"):
        clear_study(store_study(tmp_path, signed_site(), name))
    hospital = Hospital("ALPHA", "Alpha", "DE", tmp_path, tmp_path, clinical_table=None, is_made_up=False)
    people = {account.role: account.username for account in centre_steps.open_accounts([hospital])}
    first = centre_steps.begin_reading(people["project_manager"])
    assert [(one.slug, one.cases, one.reads) for one in first] == [("demonstration-ct", 2, 6)]
    assert centre_steps.begin_reading(people["project_manager"]) == first
    project = ReadingProject.objects.get()
    assert (project.state, project.schema.name) == ("reading", "ricord-1a")
    assert sorted(project.readers.values_list("pseudonym", flat=True)) == ["A1", "R1", "R2", "R3"]
