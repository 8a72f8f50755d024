"""Which decision leads where, as a table."""

import pytest

from radcommons.server.curation.rules import (
    FACT_KINDS,
    CaseState,
    Verb,
    needs_reason,
    next_state,
    state_after_checks,
    verbs_from,
)


@pytest.mark.parametrize(
    ("state", "verbs"),
    [
        (CaseState.OPEN, (Verb.CLEAR, Verb.HOLD, Verb.RETURN, Verb.REJECT)),
        (CaseState.HELD, (Verb.CLEAR, Verb.RETURN, Verb.REJECT)),
        (CaseState.CLEARED, (Verb.HOLD,)),
        (CaseState.RETURNED, ()),
        (CaseState.REJECTED, ()),
    ],
)
def test_a_state_offers_exactly_its_verbs(state, verbs):
    assert verbs_from(state) == verbs
    assert all(next_state(state, verb) is None for verb in Verb if verb not in verbs)


def test_every_verb_announces_a_fact():
    assert set(FACT_KINDS) == set(Verb)


@pytest.mark.parametrize("verb", [Verb.HOLD, Verb.RETURN, Verb.REJECT])
def test_whatever_others_read_later_needs_a_reason(verb):
    assert needs_reason(verb, error_count=0)


def test_clearing_needs_a_reason_only_against_an_error():
    assert not needs_reason(Verb.CLEAR, error_count=0)
    assert needs_reason(Verb.CLEAR, error_count=1)


@pytest.mark.parametrize(
    ("before", "is_changed", "after"),
    [
        (None, True, CaseState.OPEN),
        (CaseState.CLEARED, False, CaseState.CLEARED),
        (CaseState.CLEARED, True, CaseState.OPEN),
        (CaseState.RETURNED, True, CaseState.OPEN),
        (CaseState.HELD, True, CaseState.HELD),
        (CaseState.REJECTED, True, CaseState.REJECTED),
    ],
)
def test_a_decision_holds_only_for_what_was_looked_at(before, is_changed, after):
    assert state_after_checks(before, is_changed=is_changed) is after
