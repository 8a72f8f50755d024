"""Who reads what, for any number of readers and cases; lots; the moves and wishes of a project."""

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.rules.lots import Lot
from radcommons.server.annotation.rules.planning import (
    FIRST,
    REPEAT,
    CaseToPlan,
    ListedTask,
    Plan,
    held_back,
    next_reader,
    plan_tasks,
)
from radcommons.server.annotation.rules.proposals import accepted_items, check_verdicts, without
from radcommons.server.annotation.rules.states import (
    DONE,
    PROJECT_MOVES,
    WRITABLE,
    Phase,
    ProjectState,
    ProjectVerb,
    TaskState,
    phases_open,
)
from radcommons.server.annotation.rules.wishes import LARGEST_SEED, Blinding, ProjectWish, Stopping

NAMES = st.integers(1, 7).map(lambda count: tuple(f"R{number}" for number in range(1, count + 1)))
CASES = st.lists(st.sampled_from([Phase.MAIN, Phase.MAIN, Phase.MAIN, Phase.PILOT, Phase.TRAINING]), max_size=30).map(
    lambda phases: [CaseToPlan(number, phase) for number, phase in enumerate(phases)]
)
PLANS = st.builds(Plan, st.integers(1, 9), st.floats(0, 1), st.floats(0, 1), st.integers(0, LARGEST_SEED - 1))


def lists_of(tasks):
    """Each reader's tasks in the order of the reader's list."""
    found = {}
    for task in sorted(tasks, key=lambda task: task.position):
        found.setdefault(task.reader, []).append(task)
    return found


@settings(max_examples=60, deadline=None)
@given(CASES, NAMES, PLANS)
def test_no_reader_has_more_than_one_main_case_more_than_another(cases, readers, plan):
    first = [task for task in plan_tasks(cases, readers, plan) if task.occasion == FIRST and task.phase is Phase.MAIN]
    loads = Counter(task.reader for task in first)

    assert max(loads[reader] for reader in readers) - min(loads[reader] for reader in readers) <= 1


@settings(max_examples=60, deadline=None)
@given(CASES, NAMES, PLANS)
def test_every_case_gets_its_readers_and_none_of_them_twice(cases, readers, plan):
    first = [task for task in plan_tasks(cases, readers, plan) if task.occasion == FIRST]
    assert len({(task.reader, task.case_id) for task in first}) == len(first)

    counts = Counter(task.case_id for task in first)
    main = [case.case_id for case in cases if case.phase is Phase.MAIN]
    wanted, overlapping = min(plan.readers_per_case, len(readers)), round(plan.overlap_share * len(main))
    expected = [wanted] * overlapping + [1] * (len(main) - overlapping)
    assert sorted(counts[case] for case in main) == sorted(expected)
    assert all(counts[case.case_id] == len(readers) for case in cases if case.phase is not Phase.MAIN)


@settings(max_examples=60, deadline=None)
@given(CASES, NAMES, PLANS)
def test_repeats_are_main_cases_of_the_same_reader_after_the_first_read(cases, readers, plan):
    for own in lists_of(plan_tasks(cases, readers, plan)).values():
        assert [task.position for task in own] == list(range(1, len(own) + 1))
        assert all(before.phase is after.phase or before.phase != Phase.MAIN for before, after in pairwise(own))
        first = {task.case_id: task.position for task in own if task.occasion == FIRST}
        again = [task for task in own if task.occasion == REPEAT]
        main = [task for task in own if task.occasion == FIRST and task.phase is Phase.MAIN]
        assert len(again) == len({task.case_id for task in again}) == round(plan.repeat_share * len(main))
        for task in again:
            assert task.phase is Phase.MAIN
            assert first[task.case_id] < task.position
            # In the second half of the main list, as long as that was before any repeat.
            assert task.position - (len(own) - len(main) - len(again)) > len(main) // 2


@settings(max_examples=30, deadline=None)
@given(CASES, NAMES, PLANS, st.randoms())
def test_the_seed_alone_decides_and_not_the_order_in_which_cases_are_listed(cases, readers, plan, random):
    mixed = list(cases)
    random.shuffle(mixed)

    assert plan_tasks(mixed, readers, plan) == plan_tasks(cases, readers, plan)


def test_without_readers_or_without_cases_there_is_nothing_to_read():
    assert plan_tasks([CaseToPlan(1, Phase.MAIN)], (), Plan(3, 1.0, 1.0, 1)) == ()
    assert plan_tasks([], ("R1", "R2"), Plan(3, 1.0, 1.0, 1)) == ()
    alone = plan_tasks([CaseToPlan(1, Phase.MAIN)], ("R1",), Plan(3, 1.0, 1.0, 1))
    assert [(task.occasion, task.position) for task in alone] == [(FIRST, 1), (REPEAT, 2)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 3)), min_size=1, unique_by=lambda pair: pair[0]))
def test_a_read_is_taken_over_by_one_of_those_with_the_least_left(loads):
    taker = next_reader(loads, seed="7/12")

    assert dict(loads)[taker] == min(load for _, load in loads)
    assert next_reader(loads[::-1], seed="7/12") == taker


def test_lots_are_those_of_sha_256_in_any_program():
    lot = Lot("11/cases")
    # printf '11/cases/1' | sha256sum, read as one number, modulo a thousand.
    assert [lot.below(1000) for _ in range(4)] == [81, 52, 137, 660]
    assert Lot("x").between(5, 5) == 5
    assert [Lot("x").choice(["only"]), Lot("x").sample([], 3), Lot("x").sample([1, 2], 9)] == ["only", [], [1, 2]]


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=9), st.lists(st.integers(), max_size=20), st.integers(0, 25))
def test_a_shuffle_keeps_everything_and_a_sample_takes_each_at_most_once(seed, items, count):
    mixed = list(items)
    Lot(seed).shuffle(mixed)
    assert sorted(mixed) == sorted(items)

    taken = Lot(seed).sample(items, count)
    assert len(taken) == min(count, len(items))
    assert not Counter(taken) - Counter(items)


def test_every_order_of_three_is_as_likely_as_every_other():
    orders = Counter()
    for seed in range(1200):
        items = ["a", "b", "c"]
        Lot(str(seed)).shuffle(items)
        orders["".join(items)] += 1

    assert len(orders) == 6
    # Chi squared of five degrees of freedom: above 20.5 in one of a thousand fair lots; these are always the same lots.
    assert sum((count - 200) ** 2 / 200 for count in orders.values()) < 20.5


def test_a_closed_project_goes_nowhere_and_every_other_state_can_be_left_and_reached():
    moves = {(state, verb) for state, verb in PROJECT_MOVES if state is ProjectState.CLOSED}
    assert moves == set()
    assert set(PROJECT_MOVES.values()) == set(ProjectState) - {ProjectState.DRAFT}
    assert {state for state, _ in PROJECT_MOVES} == set(ProjectState) - {ProjectState.CLOSED}
    assert (ProjectState.DRAFT, ProjectVerb.CLOSE) not in PROJECT_MOVES
    assert phases_open(ProjectState.READING) == set(Phase)
    assert phases_open(ProjectState.PILOT) == {Phase.TRAINING, Phase.PILOT}
    assert [phases_open(state) for state in ("draft", "paused", "closed")] == [frozenset()] * 3
    assert not WRITABLE & DONE
    assert set(TaskState) - WRITABLE - DONE == {TaskState.REVOKED}


def wish(**changes):
    return ProjectWish(**{"slug": "lungs", "title": "Lungs", "schema_name": "co-rads", "schema_version": 1,
                          "source_kind": "cohort", "source_name": "all", **changes})  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"slug": "a"}, {"slug": "a" * 64}, {"readers_per_case": 1}, {"readers_per_case": 20},
        {"overlap_share": 0}, {"repeat_share": 1}, {"washout_days": 0}, {"washout_days": 365},
        {"return_after_days": 1}, {"seed": 0}, {"seed": LARGEST_SEED - 1},
    ],
)  # fmt: skip
def test_a_wish_at_its_limits_can_be_granted(changes):
    assert wish(**changes).problem() == ""


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"slug": ""}, "name"), ({"slug": "a" * 65}, "name"), ({"slug": "-a"}, "name"), ({"slug": "a-"}, "name"),
        ({"slug": "Lungs"}, "name"), ({"slug": "a\n"}, "name"), ({"title": " "}, "title"),
        ({"readers_per_case": 0}, "readers"), ({"readers_per_case": 21}, "readers"),
        ({"overlap_share": 1.001}, "overlapping"), ({"overlap_share": math.nan}, "overlapping"),
        ({"repeat_share": -0.001}, "repeats"), ({"washout_days": -1}, "wash-out"), ({"washout_days": 366}, "wash-out"),
        ({"pilot_cases": -1}, "pilot"), ({"return_after_days": 0}, "wait"), ({"seed": LARGEST_SEED}, "seed"),
        ({"seed": -1}, "seed"),
    ],
)  # fmt: skip
def test_a_wish_beyond_its_limits_is_told_what_is_wrong(changes, word):
    assert word in wish(**changes).problem()


def test_nothing_is_shown_to_a_reader_that_was_not_plainly_switched_on():
    assert Blinding.from_mapping({}) == Blinding()
    assert Blinding.from_mapping({"shows_ai": True}).shows_ai
    for switches in ({"shows_all": True}, {"shows_ai": "no"}, {"shows_site": 1}, {"shows_priors": None}):
        with pytest.raises(ProjectInvalidError):
            Blinding.from_mapping(switches)


def test_a_stopping_rule_of_other_types_is_refused():
    assert Stopping.from_mapping({"label": "look", "width": 1, "cases": 50}) == Stopping("look", 1, 50)
    for rule in ({"label": 1}, {"width": "0.2"}, {"cases": 2.5}, {"cases": True}, {"width": False}, {"days": 3}):
        with pytest.raises(ProjectInvalidError):
            Stopping.from_mapping(rule)


def test_a_review_needs_a_word_on_each_proposal_and_keeps_what_was_accepted():
    proposals = [{"id": "p1", "value": True}, {"id": "p2", "value": True}]

    assert check_verdicts(proposals, {"p1": "accept", "p2": "reject"}, is_complete=True) == []
    assert check_verdicts(proposals, {}, is_complete=False) == []
    codes = [found.code for found in check_verdicts(proposals, {"p9": "maybe"}, is_complete=True)]
    assert codes == ["annotation.verdict", "annotation.verdict", "annotation.verdict-missing"]
    assert accepted_items(proposals, {"p1": "reject", "p2": "accept"}) == [proposals[1]]
    assert without(proposals, [{"id": "p1"}, {"id": "mine"}, "no item"]) == [{"id": "mine"}, "no item"]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2**32)), max_size=40))
def test_along_with_each_waiting_repeat_one_first_read_waits_while_there_are_any(entries):
    tasks = [ListedTask(f"{key:024x}", place, is_repeat) for place, (is_repeat, key) in enumerate(entries)]
    tasks = list({task.key: task for task in tasks}.values())
    repeats = {task.key for task in tasks if task.is_waiting_repeat}
    held = held_back(tasks)
    assert not held & repeats
    assert len(held) == min(len(repeats), len(tasks) - len(repeats))


def test_the_companion_of_a_repeat_lies_before_or_after_it_by_lot_and_stays_while_others_are_read():
    free = [ListedTask(f"{place:024x}", place, is_waiting_repeat=False) for place in (1, 2, 4, 5)]
    for key, companion in (("0" * 23 + "6", 4), ("0" * 23 + "7", 2)):
        repeat = ListedTask(key, 3, is_waiting_repeat=True)
        assert held_back([*free, repeat]) == {f"{companion:024x}"}
        left = [task for task in free if task.position in {1, 5, companion}]
        assert held_back([*left, repeat]) == {f"{companion:024x}"}
