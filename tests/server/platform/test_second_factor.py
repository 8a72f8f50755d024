"""A second factor from its first code on: by the pages, and as it lies in the database."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import Client

from radcommons.server.platform import accounts, keys
from radcommons.server.platform.errors import UnavailableError
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.sealing import seal, unseal

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
LOGIN = {"login": "anna", "password": PASSWORD}
SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def _no_guesses_are_counted():
    cache.clear()


@pytest.fixture
def anna():
    return accounts.create_account("anna", actor=Actor.system("tests"), password=PASSWORD)


def code_of(secret):
    return totp.format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())))


def in_the_database():
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator")
        return [text for (text,) in cursor.fetchall()]


@pytest.mark.usefixtures("anna")
def test_a_second_factor_is_asked_for_and_its_secret_stands_nowhere_in_the_database():
    browser = Client()
    browser.post("/accounts/login/", LOGIN)
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = browser.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r"[A-Z2-7]{32}", page)[0]
    browser.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    kept = in_the_database()
    assert kept
    assert not any(secret in text for text in kept)

    another = Client()
    assert another.post("/accounts/login/", LOGIN).url == "/accounts/2fa/authenticate/"
    assert another.get("/account/").status_code == 302
    cache.clear()
    another.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert another.get("/account/").status_code == 200


def test_what_another_key_sealed_is_told_and_not_guessed(tmp_path, monkeypatch):
    sealed = seal(SECRET)
    assert unseal(sealed) == SECRET
    assert seal(SECRET) != sealed
    monkeypatch.setattr(
        "radcommons.server.platform.sealing.second_factor_key", lambda: keys.read_or_make(tmp_path / "k")
    )
    for text in (sealed, SECRET, "", "ÄÖ"):
        with pytest.raises(UnavailableError, match=r"second-factor\.key"):
            unseal(text)


def test_factors_from_before_are_sealed_by_the_upgrade(anna):
    Authenticator.objects.create(user=anna, type="totp", data={"secret": SECRET})
    Authenticator.objects.create(user=anna, type="recovery_codes", data={"seed": "ab" * 40, "used_mask": 1})
    loader = MigrationLoader(connection)
    apps = loader.project_state().apps
    operation = loader.get_migration("platform", "0005_sealed_second_factors").operations[0]
    operation.code(apps, None)
    assert not any(SECRET in text or "abab" in text for text in in_the_database())
    kept = {each.type: each.data for each in Authenticator.objects.all()}
    assert unseal(kept["totp"]["secret"]) == SECRET
    assert kept["recovery_codes"]["used_mask"] == 1
    operation.reverse_code(apps, None)
    assert Authenticator.objects.get(type="totp").data == {"secret": SECRET}
