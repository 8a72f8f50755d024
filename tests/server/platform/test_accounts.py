from datetime import timedelta

import pytest
from django.utils import timezone

from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_request, actor_of_token
from radcommons.server.platform.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthenticatedError,
)
from radcommons.server.platform.models import ApiToken, SetupLink
from radcommons.server.platform.policy import Actor, Role

SYSTEM = Actor.system("tests")
PASSWORD = "a long enough pass phrase"

pytestmark = pytest.mark.django_db


def test_the_first_link_makes_the_first_administrator_once():
    link = accounts.issue_setup_link(actor=SYSTEM)
    user = accounts.redeem_setup_link(link, username="ada", password=PASSWORD)
    assert user.check_password(PASSWORD)
    assert accounts.has_administrator()
    with pytest.raises(NotFoundError):
        accounts.redeem_setup_link(link, username="eve", password=PASSWORD)


def test_the_link_of_the_first_start_ends_when_somebody_became_administrator_in_another_way():
    link = accounts.issue_setup_link(actor=SYSTEM)
    accounts.create_account("ada", actor=SYSTEM, password=PASSWORD)
    accounts.grant_role("ada", Role.ADMINISTRATOR, actor=SYSTEM)
    with pytest.raises(NotFoundError):
        accounts.redeem_setup_link(link, username="eve", password=PASSWORD)
    with pytest.raises(ConflictError, match="name the account"):
        accounts.issue_setup_link(actor=SYSTEM)


def test_a_newer_link_makes_the_older_one_useless():
    old = accounts.issue_setup_link(actor=SYSTEM)
    accounts.issue_setup_link(actor=SYSTEM)
    with pytest.raises(NotFoundError):
        accounts.open_setup_link(old)


def test_a_link_ends_after_a_day():
    link = accounts.issue_setup_link(actor=SYSTEM)
    SetupLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotFoundError):
        accounts.open_setup_link(link)


def test_a_weak_password_is_refused_and_leaves_the_link_usable():
    link = accounts.issue_setup_link(actor=SYSTEM)
    with pytest.raises(InvalidError, match="too short"):
        accounts.redeem_setup_link(link, username="ada", password="short")
    assert accounts.redeem_setup_link(link, username="ada", password=PASSWORD).username == "ada"


def test_the_last_administrator_keeps_the_role_and_the_account():
    accounts.redeem_setup_link(accounts.issue_setup_link(actor=SYSTEM), username="ada", password=PASSWORD)
    with pytest.raises(ConflictError):
        accounts.revoke_role("ada", Role.ADMINISTRATOR, actor=SYSTEM)
    with pytest.raises(ConflictError):
        accounts.set_active("ada", actor=SYSTEM, is_active=False)
    accounts.create_account("bo", actor=SYSTEM, password=PASSWORD)
    accounts.grant_role("bo", Role.ADMINISTRATOR, actor=SYSTEM)
    accounts.revoke_role("ada", Role.ADMINISTRATOR, actor=SYSTEM)
    assert accounts.has_administrator()


def test_an_ordinary_account_can_be_closed_while_one_administrator_is_left():
    accounts.redeem_setup_link(accounts.issue_setup_link(actor=SYSTEM), username="ada", password=PASSWORD)
    accounts.create_account("bo", actor=SYSTEM, password=PASSWORD)
    accounts.set_active("bo", actor=SYSTEM, is_active=False)
    with pytest.raises(NotFoundError):
        accounts.actor_named("bo")


@pytest.mark.parametrize(("role", "site"), [(Role.SITE_COORDINATOR, ""), (Role.CURATOR, "ALPHA")])
def test_only_coordinators_belong_to_a_site(role, site):
    accounts.create_account("bo", actor=SYSTEM, password=PASSWORD)
    with pytest.raises(InvalidError):
        accounts.grant_role("bo", role, actor=SYSTEM, site_code=site)


def test_people_are_managed_by_administrators_only(actor_of):
    with pytest.raises(ForbiddenError):
        accounts.create_account("bo", actor=actor_of(Role.CURATOR))


def test_a_personal_token_acts_as_its_owner_until_it_is_revoked():
    user = accounts.create_account("bo", actor=SYSTEM, password=PASSWORD)
    accounts.grant_role("bo", Role.RESEARCHER, actor=SYSTEM)
    plain = accounts.issue_api_token(user, "notebook", actor=SYSTEM)
    assert actor_of_token(plain).has_role(Role.RESEARCHER)
    assert not ApiToken.objects.filter(sha256=plain).exists()
    accounts.revoke_api_token(ApiToken.objects.get().pk, user=user, actor=SYSTEM)
    with pytest.raises(UnauthenticatedError):
        actor_of_token(plain)


def test_a_bad_bearer_token_is_refused_and_a_bad_session_is_anonymous():
    with pytest.raises(UnauthenticatedError):
        actor_of_request(authorization="Bearer rcu_nonsense", session_key=None)
    with pytest.raises(UnauthenticatedError):
        actor_of_request(authorization="Basic eDp5", session_key=None)
    assert not actor_of_request(authorization=None, session_key="unknown").is_authenticated
