"""The fold: from the facts of a study, in the order in which they were recorded, to its state and what is to be done.

The order of *delivery* does not matter. Every delivery folds all facts of the study again; facts that failed before are
given another chance by those that arrived since. When a fact arrives late, after others that were recorded behind it,
its effects are settled anew from the whole story instead of being applied on top of it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from radcommons.server.journey.table import TABLE, FactKind, State, Transition, Verb

UNKNOWN_PAIR = "journey.impossible"
UNKNOWN_FACT = "journey.unknown-fact"
_CATALOG = (Verb.CATALOG_STUDY, Verb.REMOVE_STUDY)


@dataclass(frozen=True, slots=True)
class FactLine:
    """One fact, by the number under which it was recorded; numbers grow."""

    fact_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one fact did: from where to where, or why it did nothing."""

    fact: FactLine
    from_state: State
    transition: Transition | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A verb to be asked for, on account of a fact."""

    verb: Verb
    fact_id: int


def fold(facts: Sequence[FactLine], *, blocked: Collection[int] = ()) -> tuple[Step, ...]:
    """Walk the facts in the order of their numbers.

    Parameters
    ----------
    blocked
        Facts whose verbs failed and wait for an operator; they do not move the study.
    """
    state = State.UNKNOWN
    steps = []
    for fact in sorted(facts, key=lambda line: line.fact_id):
        if fact.fact_id in blocked:
            continue
        step = _step(state, fact)
        steps.append(step)
        state = step.transition.next_state if step.transition else state
    return tuple(steps)


def _step(state: State, fact: FactLine) -> Step:
    if fact.kind not in set(FactKind):
        return Step(fact, state, None, UNKNOWN_FACT)
    transition = TABLE.get((state, FactKind(fact.kind)))
    return Step(fact, state, transition, "" if transition else UNKNOWN_PAIR)


def end_state(steps: Sequence[Step]) -> State:
    """The state after all steps."""
    moves = [step.transition.next_state for step in steps if step.transition]
    return moves[-1] if moves else State.UNKNOWN


def calls(steps: Sequence[Step], *, delivered: Collection[int]) -> tuple[Call, ...]:
    """The verbs to ask for now.

    Parameters
    ----------
    steps
        The fold over everything known.
    delivered
        The facts that were acted upon before.

    Returns
    -------
    calls
        In the ordinary case, new facts behind all delivered ones, simply their verbs. When one is late: of the catalog's
        verbs the last one of the whole story; a case where none was opened yet or one is still wanted; every new
        statement about the subject.
    """
    possible = [step for step in steps if step.transition]
    new = [step for step in possible if step.fact.fact_id not in delivered]
    newest_delivered = max((step.fact.fact_id for step in possible if step.fact.fact_id in delivered), default=0)
    if all(step.fact.fact_id > newest_delivered for step in new):
        return tuple(Call(verb, step.fact.fact_id) for step in new for verb in _verbs(step))
    return tuple(_settling(steps, possible, new, delivered))


def _verbs(step: Step) -> tuple[Verb, ...]:
    return step.transition.verbs if step.transition else ()


def _settling(
    steps: Sequence[Step], possible: Sequence[Step], new: Sequence[Step], delivered: Collection[int]
) -> list[Call]:
    found: list[Call] = []
    statements = [step for step in possible if Verb.RECORD_SUBJECT in _verbs(step)]
    if any(Verb.RECORD_SUBJECT in _verbs(step) for step in new):
        found.append(Call(Verb.RECORD_SUBJECT, statements[-1].fact.fact_id))
    openings = [step for step in possible if Verb.OPEN_CASE in _verbs(step)]
    was_opened = any(step.fact.fact_id in delivered for step in openings)
    is_wanted = end_state(steps) not in (State.CLEARED, State.RELEASED, State.RETURNED, State.WITHDRAWN)
    if any(Verb.OPEN_CASE in _verbs(step) for step in new) and (is_wanted or not was_opened):
        found.append(Call(Verb.OPEN_CASE, openings[-1].fact.fact_id))
    found += [Call(Verb.TAKE_BACK, step.fact.fact_id) for step in new if Verb.TAKE_BACK in _verbs(step)]
    catalogued = [(step, verb) for step in possible for verb in _verbs(step) if verb in _CATALOG]
    if catalogued:
        step, verb = catalogued[-1]
        found.append(Call(verb, step.fact.fact_id))
    return found
