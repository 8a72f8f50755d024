"""What no browser and no honest program sends: each has a plain answer, and none tells or opens more than it must."""

import re

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth import hashers
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client

from radcommons.server.platform import accounts
from radcommons.server.platform.errors import ConflictError, InvalidError
from radcommons.server.platform.models import AuditEvent, User
from radcommons.server.platform.policy import Actor, Role

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("tests")
PASSWORD = "correct horse battery"
OTHER_PASSWORD = "another horse battery"
SCHEMAS = "/api/v1/annotation/schemas"
DEEP = 100_000


@pytest.fixture(autouse=True)
def _no_guesses_are_counted():
    cache.clear()


@pytest.fixture
def anna():
    return accounts.create_account("anna", actor=SYSTEM, email="anna@hospital.example", password=PASSWORD)


def signing_in(login="anna", password=PASSWORD):
    browser = Client()
    return browser, browser.post("/accounts/login/", {"login": login, "password": password})


def events(action):
    return list(AuditEvent.objects.filter(action=action).order_by("pk").values_list("actor", "object_id"))


def test_a_form_in_another_alphabet_is_not_understood_and_breaks_nothing():
    browser = Client(enforce_csrf_checks=True)
    browser.get("/survey/")
    answer = browser.generic(
        "POST", "/survey/", b"a=1", content_type="application/x-www-form-urlencoded; charset=utf-7"
    )
    assert answer.status_code == 400
    assert "could not be understood" in answer.content.decode()


@pytest.mark.parametrize(
    "body", [b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP, b"\xff\xfe", b'{"key":"\\u0000"}', b"{"]
)
def test_bodies_that_are_no_sound_json_get_the_answer_of_the_house(client_of, body):
    answer = client_of(Role.PROJECT_MANAGER).generic("POST", SCHEMAS, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "platform.request-unreadable"


def test_programs_are_told_in_json_of_addresses_and_methods_that_are_not_there(client_of):
    missing = client_of("anonymous").get("/api/v1/no-such-thing")
    assert (missing.status_code, missing.json()["code"]) == (404, "platform.not-found")
    refused = client_of("anonymous").delete("/api/v1/releases/demonstration")
    assert (refused.status_code, refused.json()["code"]) == (405, "platform.method-not-allowed")
    assert "GET" in refused.headers["Allow"]


def test_while_the_database_does_not_answer_people_and_programs_are_told_to_come_again(client_of):
    def silent(*_: object) -> None:
        raise OperationalError("connection refused")

    browser = client_of(Role.CURATOR)
    browser.raise_request_exception = False
    with connection.execute_wrapper(silent):
        page, answer = browser.get("/curation/"), browser.get("/api/v1/releases")
    assert (page.status_code, answer.status_code) == (503, 503)
    assert "<h1>Not available just now</h1>" in page.content.decode()
    assert "connection refused" not in page.content.decode()
    assert answer.json()["code"] == "platform.database-unavailable"
    assert page.headers["Retry-After"] == answer.headers["Retry-After"]


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\t//evil.example"],
)
def test_signing_in_and_out_never_leads_to_another_site(anna, elsewhere):
    browser = Client()
    answer = browser.post("/accounts/login/", {"login": "anna", "password": PASSWORD, "next": elsewhere})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert browser.post("/accounts/logout/", {"next": elsewhere}).headers["Location"] == "/"


def test_signing_in_and_wrong_passwords_leave_a_line_each_and_nothing_that_was_typed(anna):
    signing_in()
    signing_in("ANNA", "wrong")
    signing_in("anna@hospital.example", "wrong")
    signing_in("my password by mistake", "wrong")
    assert events("account.signed-in") == [("user:anna", "anna")]
    assert events("account.sign-in-refused") == [("anonymous", "anna"), ("anonymous", "anna"), ("anonymous", "unknown")]


def test_a_wrong_password_is_answered_alike_whoever_is_known(anna):
    accounts.create_account("invited", actor=SYSTEM)
    accounts.create_account("closed", actor=SYSTEM, password=PASSWORD)
    accounts.set_active("closed", actor=SYSTEM, is_active=False)
    said = set()
    for login in ("anna", "invited", "closed", "nobody"):
        _, answer = signing_in(login, "wrong")
        said.add((answer.status_code, re.sub(r'value="[^"]*"', "", answer.content.decode())))
    assert len(said) == 1


def test_a_wrong_password_costs_one_hash_whoever_is_known(anna, monkeypatch):
    accounts.create_account("invited", actor=SYSTEM)
    hasher, made = hashers.Argon2PasswordHasher, []

    def counting(name):
        plain = getattr(hasher, name)
        return lambda self, *args, **kwargs: made.append(name) or plain(self, *args, **kwargs)

    for name in ("encode", "verify"):
        monkeypatch.setattr(hasher, name, counting(name))
    for login in ("anna", "invited", "nobody", "anna@hospital.example", "nobody@hospital.example"):
        made.clear()
        signing_in(login, "wrong")
        assert len(made) == 1, login


def test_an_address_signs_in_where_it_is_one_persons(anna):
    assert signing_in("Anna@Hospital.example")[0].get("/account/").status_code == 200
    accounts.create_account("bo", actor=SYSTEM, email="anna@hospital.example", password=PASSWORD)
    assert signing_in("anna@hospital.example")[0].get("/account/").status_code == 302
    assert signing_in("bo")[0].get("/account/").status_code == 200


def test_a_forgotten_password_is_no_way_to_learn_who_has_an_account(client_of):
    page = client_of("anonymous").get("/accounts/password/reset/")
    assert "Ask one of its administrators" in page.content.decode()
    assert "<form" not in page.content.decode().partition("<main")[2]
    assert client_of("anonymous").post("/accounts/password/reset/", {"email": "a@b.example"}).status_code == 405


def test_another_password_ends_the_other_sessions(anna):
    mine, _ = signing_in()
    stolen, _ = signing_in()
    values = {"oldpassword": PASSWORD, "password1": OTHER_PASSWORD, "password2": OTHER_PASSWORD}
    mine.post("/accounts/password/change/", values)
    assert mine.get("/account/").status_code == 200
    assert stolen.get("/account/").status_code == 302
    plain = accounts.issue_setup_link(actor=SYSTEM, username="anna")
    accounts.redeem_setup_link(plain, password=PASSWORD)
    assert mine.get("/account/").status_code == 302


def test_names_that_differ_in_capitals_only_are_one_name(anna):
    # Signing in knows no capitals: of two such accounts neither could.
    with pytest.raises(ConflictError):
        accounts.create_account("Anna", actor=SYSTEM)
    for name in ("..", "@.+-_"):
        with pytest.raises(InvalidError):
            accounts.create_account(name, actor=SYSTEM)


class TestSecondFactor:
    @pytest.fixture
    def secret(self, anna):
        secret = totp.generate_totp_secret()
        totp.TOTP.activate(anna, secret)
        return secret

    def codes(self, secret):
        """The codes that hold now, and one that does not."""
        held = [totp.format_hotp_value(totp.hotp_value(secret, at)) for at in totp.yield_hotp_counters_from_time()]
        wrong = next(code for code in map("{:06}".format, range(10)) if code not in held)
        return held[len(held) // 2], wrong

    def answer(self, browser, code):
        browser.post("/accounts/2fa/authenticate/", {"code": code})
        return browser.get("/account/").status_code == 200

    @pytest.mark.usefixtures("secret")
    def test_the_password_alone_opens_nothing(self):
        browser, answer = signing_in()
        assert answer.headers["Location"].startswith("/accounts/2fa/authenticate/")
        assert browser.get("/account/").status_code == 302
        assert events("account.signed-in") == []

    def test_a_code_opens_once(self, secret):
        code, _ = self.codes(secret)
        first, second = signing_in()[0], signing_in()[0]
        assert self.answer(first, code)
        assert not self.answer(second, code)

    def test_codes_cannot_be_tried_one_after_the_other(self, secret):
        code, wrong = self.codes(secret)
        browser, _ = signing_in()
        for _ in range(5):
            assert not self.answer(browser, wrong)
        assert not self.answer(browser, code)
        assert not self.answer(signing_in()[0], code)

    @pytest.mark.usefixtures("secret")
    def test_an_administrator_takes_off_a_lost_one(self, client_of):
        office = client_of(Role.ADMINISTRATOR)
        assert "Take off the second factor" in office.get("/people/anna/").content.decode()
        office.post("/people/anna/second-factor/")
        assert events("second-factor.removed") == [("user:administrator-all", "anna")]
        assert signing_in()[0].get("/account/").status_code == 200
        again = office.post("/people/anna/second-factor/", follow=True).content.decode()
        assert "has no second factor" in again
        assert "Take off the second factor" not in again
        assert User.objects.get(username="anna").check_password(PASSWORD)
