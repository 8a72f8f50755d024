"""The table of the journey, walked pair by pair."""

import pytest

from radcommons.server.journey import rules, services
from radcommons.server.journey.rules import FactLine
from radcommons.server.journey.table import IMPOSSIBLE, NEXT_STEPS, SENTENCES, TABLE, FactKind, State, Verb

PAIRS = [(state, kind) for state in State for kind in FactKind]


@pytest.mark.parametrize(("state", "kind"), PAIRS)
def test_every_pair_is_either_possible_or_named_impossible_with_a_reason(state, kind):
    pair = (state, kind)
    assert (pair in TABLE) != (pair in IMPOSSIBLE)
    assert pair in TABLE or IMPOSSIBLE[pair].endswith(".")


def test_the_table_names_nothing_that_does_not_exist():
    assert set(TABLE) | set(IMPOSSIBLE) == set(PAIRS)
    assert set(SENTENCES) == set(FactKind)
    assert set(NEXT_STEPS) == set(State)
    assert {verb for transition in TABLE.values() for verb in transition.verbs} == set(Verb) == set(services.VERBS)


def test_every_state_can_be_reached():
    reached, frontier = {State.UNKNOWN}, [State.UNKNOWN]
    while frontier:
        state = frontier.pop()
        nexts = {transition.next_state for (start, _), transition in TABLE.items() if start is state} - reached
        reached |= nexts
        frontier += nexts
    assert reached == set(State)


@pytest.mark.parametrize("state", State)
def test_only_cleared_states_stand_in_the_catalog(state):
    """Whatever leads into a state leaves the catalog as that state demands."""
    wanted = state in (State.CLEARED, State.RELEASED)
    for (start, kind), transition in TABLE.items():
        if transition.next_state is not state:
            continue
        stood = start in (State.CLEARED, State.RELEASED)
        if Verb.CATALOG_STUDY in transition.verbs:
            stood = True
        if Verb.REMOVE_STUDY in transition.verbs:
            stood = False
        assert stood == wanted, (start, kind)


def test_withdrawal_is_final():
    assert {transition.next_state for (state, _), transition in TABLE.items() if state is State.WITHDRAWN} == {
        State.WITHDRAWN
    }


def test_a_fact_of_an_unknown_kind_is_a_problem_and_stops_nothing():
    steps = rules.fold([FactLine(1, "InstancesStored"), FactLine(2, "StudyTeleported"), FactLine(3, "StudyCleared")])
    assert [step.problem for step in steps] == ["", rules.UNKNOWN_FACT, ""]
    assert rules.end_state(steps) is State.CLEARED


def test_a_blocked_fact_does_not_move_the_study():
    facts = [FactLine(1, "InstancesStored"), FactLine(2, "StudyCleared"), FactLine(3, "StudyReleased")]
    steps = rules.fold(facts, blocked={2})
    assert rules.end_state(steps) is State.REOPENED
    assert rules.end_state(rules.fold(facts)) is State.RELEASED
