"""Which agreement lets data in, and what a site should do next."""

from datetime import date, timedelta

import pytest

from radcommons.server.sites import rules
from radcommons.server.sites.countries import COUNTRIES
from radcommons.server.sites.rules import AgreementState, AgreementTerms

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("on", "state"),
    [
        (FIRST - DAY, AgreementState.NOT_YET),
        (FIRST, AgreementState.IN_FORCE),
        (LAST, AgreementState.IN_FORCE),
        (LAST + DAY, AgreementState.ENDED),
    ],
)
def test_an_agreement_is_in_force_from_its_first_to_its_last_day(on, state):
    assert rules.agreement_state(AgreementTerms(FIRST, LAST, is_revoked=False), on) is state


def test_a_revoked_agreement_is_never_in_force_and_an_open_one_always():
    assert rules.agreement_state(AgreementTerms(FIRST, None, is_revoked=True), FIRST) is AgreementState.REVOKED
    assert (
        rules.agreement_state(AgreementTerms(FIRST, None, is_revoked=False), date(2099, 1, 1))
        is AgreementState.IN_FORCE
    )


def test_the_best_of_several_agreements_counts():
    assert rules.best_state([AgreementState.REVOKED, AgreementState.IN_FORCE]) is AgreementState.IN_FORCE
    assert rules.best_state([]) is AgreementState.MISSING


@pytest.mark.parametrize("state", [state for state in AgreementState if state is not AgreementState.IN_FORCE])
def test_every_refusal_says_what_to_do(state):
    text = rules.refusal(state, "ALPHA", "covid19")
    assert "ALPHA" in text
    assert "Ask the repository's office" in text


@pytest.mark.parametrize(
    ("code", "is_good"), [("ALPHA", True), ("S-07", True), ("alpha", False), ("", False), ("A/B", False)]
)
def test_a_code_is_capital_letters_digits_and_hyphens(code, is_good):
    assert rules.is_site_code(code) is is_good


def test_the_next_step_follows_agreement_key_and_first_batch():
    def step(state=AgreementState.IN_FORCE, *, has_key=True, has_batch=True):
        return rules.next_step(state, has_key=has_key, has_batch=has_batch)

    assert "agreement signed" in step(AgreementState.MISSING)
    assert "contributor key" in step(has_key=False)
    assert "first batch" in step(has_batch=False)
    assert "Nothing is waiting" in step()
    returned = rules.next_step(AgreementState.IN_FORCE, has_key=True, has_batch=True, returned=2)
    assert "came back to you" in returned


def test_countries_have_codes_of_two_letters():
    assert len(COUNTRIES) > 190
    assert all(len(code) == 2 and code.isupper() and name for code, name in COUNTRIES.items())
    assert (COUNTRIES["DE"], COUNTRIES["US"]) == ("Germany", "United States")


def test_a_text_reads_as_it_is_written_in_every_script():
    assert rules.as_written("ana@\u202egro.live\u202c \u2066x\u2069") == "ana@gro.live x"
    assert rules.as_written("مستشفى الأمل · בית חולים") == "مستشفى الأمل · בית חולים"
