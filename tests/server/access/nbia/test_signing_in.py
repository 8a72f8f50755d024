"""Tokens for programs that insist on signing in."""

import pytest
from tests.conftest import SYSTEM

from radcommons.server.access.nbia.app import MOST_FORM_BYTES
from radcommons.server.access.nbia.requests import Parameters
from radcommons.server.access.nbia.signing_in import GUEST_TOKEN, answer
from radcommons.server.platform import accounts
from radcommons.server.platform.models import ApiToken

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def token():
    user = accounts.create_account("ada", actor=SYSTEM, password=PASSWORD)
    return accounts.issue_api_token(user, "retriever", actor=SYSTEM)


def asked(**fields):
    return answer(Parameters.of(list({"grant_type": "password", **fields}.items())))


def test_a_personal_token_is_the_password(token):
    status, document = asked(username="ada", password=token)
    assert (status, document["access_token"], document["token_type"]) == (200, token, "bearer")
    assert 0 < document["expires_in"] <= 365 * 24 * 3600
    assert asked(grant_type="refresh_token", refresh_token=token)[0] == 200


def test_the_accounts_password_another_name_and_a_revoked_token_are_refused_alike(token):
    ApiToken.objects.filter(name="lost").update(revoked_at=None)
    refusals = [
        asked(username="ada", password=PASSWORD),
        asked(username="bob", password=token),
        asked(username="", password="rcu_unknown"),
    ]
    row = ApiToken.objects.get()
    accounts.revoke_api_token(row.pk, user=row.user, actor=SYSTEM)
    refusals.append(asked(username="ada", password=token))
    assert {status for status, _ in refusals} == {400}
    assert len({str(document) for _, document in refusals}) == 1
    assert refusals[0][1]["error"] == "invalid_grant"


def test_the_guest_is_nobody():
    status, document = asked(username="nbia_guest", password="")
    assert (status, document["access_token"]) == (200, GUEST_TOKEN)
    assert asked(grant_type="refresh_token", refresh_token=GUEST_TOKEN)[0] == 200


def test_other_grants_are_unsupported():
    assert asked(grant_type="client_credentials") == (400, {"error": "unsupported_grant_type"})


def test_the_guests_token_opens_what_is_open_and_a_wrong_one_nothing(ask):
    address = "/nbia-api/services/v2/getCollectionValues"
    assert ask.get(address, headers={"Authorization": f"Bearer {GUEST_TOKEN}"}).status_code == 200
    refused = ask.get(address, headers={"Authorization": "Bearer made-up"})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    granted = ask.post("/nbia-api/oauth/token", data={"grant_type": "password", "username": "nbia_guest"})
    assert granted.json()["access_token"] == GUEST_TOKEN
    assert granted.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("body", [bytes(MOST_FORM_BYTES + 1), b"username=%ff"])
def test_a_form_that_is_too_long_or_no_text_is_refused_as_the_standard_says(ask, body):
    refused = ask.post("/nbia-api/oauth/token", content=body)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert refused.headers["cache-control"] == "no-store"
