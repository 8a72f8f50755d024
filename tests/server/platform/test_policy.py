import pytest

from radcommons.server.platform.errors import ForbiddenError, UnauthenticatedError
from radcommons.server.platform.policy import (
    POLICY,
    Action,
    Actor,
    ActorKind,
    Everyone,
    Grant,
    Role,
    admit,
    authorise,
    holds,
    may,
    sites_for,
)


def _person(*grants: Grant) -> Actor:
    return Actor(ActorKind.USER, "user:test", frozenset(grants), user_id=1)


def test_every_action_stands_in_the_table():
    assert set(POLICY) == set(Action)


def test_an_account_without_roles_may_do_only_what_everybody_may():
    nobody = _person()
    for action, allowed in POLICY.items():
        assert may(nobody, action) == bool(allowed & {Everyone.PUBLIC, Everyone.SIGNED_IN})


def test_a_visitor_may_do_only_what_is_public():
    for action, allowed in POLICY.items():
        assert holds(Actor.anonymous(), action) == (Everyone.PUBLIC in allowed)


def test_a_coordinator_is_confined_to_the_own_site():
    coordinator = _person(Grant(Role.SITE_COORDINATOR, "ALPHA"))
    assert holds(coordinator, Action.INTAKE_READ_BATCH)
    assert may(coordinator, Action.INTAKE_READ_BATCH, site_code="ALPHA")
    assert not may(coordinator, Action.INTAKE_READ_BATCH, site_code="BETA")
    assert not may(coordinator, Action.INTAKE_READ_BATCH)
    assert sites_for(coordinator, Action.INTAKE_READ_BATCH) == {"ALPHA"}


def test_a_contributor_key_sends_for_its_site_and_reads_nothing_else():
    key = Actor.contributor("ALPHA")
    assert may(key, Action.INTAKE_SEND, site_code="ALPHA")
    assert not may(key, Action.INTAKE_SEND, site_code="BETA")
    assert not may(key, Action.CURATION_READ)
    assert sites_for(key, Action.INTAKE_READ_BATCH) == {"ALPHA"}
    assert sites_for(key, Action.CURATION_READ) == frozenset()


def test_a_curator_sees_all_sites_and_manages_no_people():
    curator = _person(Grant(Role.CURATOR))
    assert sites_for(curator, Action.SITES_READ) is None
    assert not may(curator, Action.PLATFORM_MANAGE_PEOPLE)


def test_refusals_say_whether_signing_in_would_help():
    with pytest.raises(UnauthenticatedError):
        admit(Actor.anonymous(), Action.CURATION_READ)
    with pytest.raises(ForbiddenError):
        admit(_person(), Action.CURATION_READ)
    with pytest.raises(ForbiddenError):
        authorise(_person(Grant(Role.SITE_COORDINATOR, "ALPHA")), Action.SITES_MANAGE_KEYS, site_code="BETA")
