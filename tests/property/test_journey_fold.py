"""Whatever the order of delivery, however often, with crashes in between: the same facts lead to the same end."""

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from radcommons.server.journey import rules
from radcommons.server.journey.rules import FactLine
from radcommons.server.journey.table import FactKind, State, Verb

KINDS = st.lists(st.sampled_from([*FactKind]), min_size=1, max_size=9)


@dataclass(frozen=True)
class World:
    """What the rooms would look like, and what the journey remembers."""

    is_catalogued: bool = False
    has_case: bool = False
    statement: int = 0
    state: State = State.UNKNOWN
    delivered: frozenset[int] = frozenset()
    known: frozenset[FactLine] = field(default_factory=frozenset)


def deliver(world: World, fact: FactLine, *, crash_before: int | None = None) -> World:
    """One delivery: fold, verbs, state; all of it or nothing, as the transaction demands."""
    known = world.known | {fact}
    steps = rules.fold(sorted(known, key=lambda line: line.fact_id))
    after = replace(world, known=known)
    for number, call in enumerate(rules.calls(steps, delivered=world.delivered)):
        if number == crash_before:
            return world
        after = _do(after, call)
    possible = {step.fact.fact_id for step in steps if step.transition}
    return replace(after, delivered=world.delivered | possible, state=rules.end_state(steps))


def _do(world: World, call: rules.Call) -> World:
    match call.verb:
        case Verb.CATALOG_STUDY:
            return replace(world, is_catalogued=True)
        case Verb.REMOVE_STUDY:
            return replace(world, is_catalogued=False)
        case Verb.OPEN_CASE:
            return replace(world, has_case=True)
        case Verb.TAKE_BACK | Verb.ACCEPT_DERIVED:
            # What a curator's case becomes depends on when people decided, which the case itself knows.
            return world
        case Verb.RECORD_SUBJECT:
            return replace(world, statement=call.fact_id)


def _end(world: World) -> tuple[object, ...]:
    return world.state, world.is_catalogued, world.has_case, world.statement


def _in_order(facts: list[FactLine]) -> World:
    world = World()
    for fact in facts:
        world = deliver(world, fact)
    return world


@settings(max_examples=400, deadline=None)
@given(kinds=KINDS, data=st.data())
def test_any_order_with_repetitions_and_crashes_ends_as_the_recorded_order(kinds, data):
    facts = [FactLine(number, kind.value) for number, kind in enumerate(kinds, start=1)]
    expected = _end(_in_order(facts))
    shuffled = data.draw(st.permutations(facts))
    repeated = data.draw(st.lists(st.sampled_from(facts), max_size=5))
    world = World()
    for fact in [*shuffled, *repeated]:
        crash = data.draw(st.none() | st.integers(0, 2))
        world = deliver(world, fact, crash_before=crash)
        world = deliver(world, fact)
    assert _end(world) == expected


@settings(max_examples=200, deadline=None)
@given(kinds=KINDS)
def test_the_catalog_holds_a_study_exactly_while_it_is_cleared(kinds):
    world = _in_order([FactLine(number, kind.value) for number, kind in enumerate(kinds, start=1)])
    assert world.is_catalogued == (world.state in (State.CLEARED, State.RELEASED))


@settings(max_examples=200, deadline=None)
@given(kinds=KINDS)
def test_acting_upon_everything_at_once_ends_as_acting_one_by_one(kinds):
    facts = [FactLine(number, kind.value) for number, kind in enumerate(kinds, start=1)]
    one_by_one = _in_order(facts)
    at_once = deliver(World(known=frozenset(facts[:-1])), facts[-1])
    assert _end(at_once) == _end(one_by_one)
