import pytest
from tests.support.releases import ACTOR, clear_study, frozen_cohort, publish, signed_site, store_study, wish

from radcommons.server.access.scopes import release_scope
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.releases import services
from radcommons.server.releases.errors import WithdrawnReleaseError

pytestmark = pytest.mark.usefixtures("db", "tmp_store")
ANYBODY = Actor.anonymous()


def test_a_release_shows_its_instances_and_no_others(tmp_path):
    publish(tmp_path, studies=["one"])
    store_study(tmp_path, signed_site(), "unreleased")
    scope = release_scope("releases/chest-ct/1.0.0", ANYBODY)
    assert scope.name == "releases/chest-ct/1.0.0"
    assert scope.is_immutable
    assert {i.series.study.subject.subject_id for i in scope.instances} == {"S-one"}


def test_what_is_added_to_a_study_later_is_not_shown(tmp_path):
    publish(tmp_path, studies=["one"])
    store_study(tmp_path, signed_site(), "one", series="later")
    assert release_scope("releases/chest-ct/1.0.0", ANYBODY).instances.count() == 2


def test_latest_is_an_alias_that_may_change(tmp_path):
    publish(tmp_path)
    scope = release_scope("releases/chest-ct/latest", ANYBODY)
    assert scope.name == "releases/chest-ct/1.0.0"
    assert not scope.is_immutable


def test_a_draft_is_no_scope_for_anybody(tmp_path, actor_of):
    clear_study(store_study(tmp_path, signed_site(), "one"))
    services.draft(wish(), frozen_cohort(), actor=ACTOR)
    for actor in (ANYBODY, actor_of("release_manager"), actor_of("administrator")):
        with pytest.raises(NotFoundError):
            release_scope("releases/chest-ct/1.0.0", actor)


@pytest.mark.parametrize(
    "path", ["releases", "releases/x", "releases/x/1.0.0/y", "curation", "releases//", "batches/1/2"]
)
def test_other_paths_are_not_ours(path):
    with pytest.raises(NotFoundError):
        release_scope(path, ANYBODY)


def test_a_withdrawn_release_is_gone(tmp_path):
    services.withdraw(publish(tmp_path).pk, reason="consent", actor=ACTOR)
    with pytest.raises(WithdrawnReleaseError):
        release_scope("releases/chest-ct/1.0.0", ANYBODY)
