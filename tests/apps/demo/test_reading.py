"""The demonstration's reading project: made once, with three readers and an adjudicator."""

import pytest
from tests.support import studies
from tests.support.releases import clear_study, signed_site, store_study

from radcommons.apps.demo import centre_steps, labelling
from radcommons.apps.demo.hospitals import Hospital
from radcommons.server.annotation.models import Case, Consensus, ReadingProject
from radcommons.server.annotation.queries.worklist import own_projects
from radcommons.server.archive.services import announce_stored
from radcommons.server.journey.services import deliver_pending
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.models import User

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


def test_some_studies_are_labelled_and_the_next_version_holds_it(tmp_path):
    for number in (1, 2):
        study = store_study(tmp_path, signed_site(), f"ct-{number}", instances=5, subject=f"ALPHA-0000000{number}")
        announce_stored([study])
        clear_study(study)
    deliver_pending()
    hospital = Hospital("ALPHA", "Alpha", "DE", tmp_path, tmp_path, clinical_table=None, is_made_up=True)
    people = {account.role: account.username for account in centre_steps.open_accounts([hospital])}
    centre_steps.publish(people["release_manager"])
    deliver_pending()

    made = labelling.label(people["project_manager"])
    assert made.objects == {"rtstruct": 8, "seg": 8, "sr": 8}
    assert labelling.label(people["project_manager"]) == made
    assert sorted(Case.objects.values_list("state", flat=True)) == ["agreed", "decided"]
    deliver_pending()
    assert centre_steps.is_told()
    centre_steps.clear_cases(people["curator"])
    deliver_pending()
    release = labelling.publish_version(people["release_manager"])
    assert (release.version, release.instances) == ("1.1.0", 10 + 24)
    assert labelling.publish_version(people["release_manager"]) == release


def test_radiographs_wait_half_read_for_a_reader_and_an_adjudicator(tmp_path):
    hospital = Hospital("ALPHA", "Alpha", "DE", tmp_path, tmp_path, clinical_table=None, is_made_up=True)
    signed_site()
    for number, modality in enumerate(("DX", "CR", "DX", "CR", "DX", "DX")):
        subject = f"ALPHA-0000000{number}"
        study = studies.store_study(tmp_path, f"film-{number}", Modality=modality, PatientID=subject)
        announce_stored([study])
        clear_study(study)
    deliver_pending()
    people = {account.role: account.username for account in centre_steps.open_accounts([hospital])}
    [begun] = centre_steps.begin_reading(people["project_manager"])
    assert (begun.slug, begun.cases, begun.reads) == (centre_steps.MRALE, 6, 18)

    labelling.label(people["project_manager"])
    labelling.label(people["project_manager"])
    project = ReadingProject.objects.get(slug=centre_steps.MRALE)
    states = sorted(project.cases.values_list("state", flat=True))
    assert (project.state, states.count("decided"), states.count("reading")) == ("reading", 1, 2)
    assert "disputed" in states
    own = own_projects(actor_of_user(User.objects.get(username="reader-1")))
    assert [(one.slug, one.done, one.left) for one in own if one.left] == [(centre_steps.MRALE, 4, 2)]
    derived = Consensus.objects.values_list("project__slug", "method")
    assert set(derived) == {("demonstration-radiographs", "majority"), ("demonstration-radiographs", "dawid-skene")}
