"""Decisions of curation: which verb leads from which state to which, and what must be said with it."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class CaseState(StrEnum):
    """Where a study stands with the curators."""

    OPEN = "open"
    HELD = "held"
    CLEARED = "cleared"
    RETURNED = "returned"
    REJECTED = "rejected"


class Verb(StrEnum):
    """What a curator can do with a study."""

    CLEAR = "clear"
    HOLD = "hold"
    RETURN = "return"
    REJECT = "reject"


TRANSITIONS: Mapping[tuple[CaseState, Verb], CaseState] = MappingProxyType(
    {
        (CaseState.OPEN, Verb.CLEAR): CaseState.CLEARED,
        (CaseState.OPEN, Verb.HOLD): CaseState.HELD,
        (CaseState.OPEN, Verb.RETURN): CaseState.RETURNED,
        (CaseState.OPEN, Verb.REJECT): CaseState.REJECTED,
        (CaseState.HELD, Verb.CLEAR): CaseState.CLEARED,
        (CaseState.HELD, Verb.RETURN): CaseState.RETURNED,
        (CaseState.HELD, Verb.REJECT): CaseState.REJECTED,
        (CaseState.CLEARED, Verb.HOLD): CaseState.HELD,
    }
)

FACT_KINDS: Mapping[Verb, str] = MappingProxyType(
    {
        Verb.CLEAR: "StudyCleared",
        Verb.HOLD: "StudyHeld",
        Verb.RETURN: "StudyReturned",
        Verb.REJECT: "StudyRejected",
    }
)


def next_state(state: CaseState, verb: Verb) -> CaseState | None:
    """Where a verb leads from a state; None when it is not possible there."""
    return TRANSITIONS.get((state, verb))


def verbs_from(state: CaseState) -> tuple[Verb, ...]:
    """What a curator can do with a case in a state, in the order in which pages offer it."""
    return tuple(verb for verb in Verb if (state, verb) in TRANSITIONS)


def needs_reason(verb: Verb, *, error_count: int) -> bool:
    """Whether a decision must say why: always unless it clears a study in which the checks found no error."""
    return verb is not Verb.CLEAR or error_count > 0


def state_after_checks(state: CaseState | None, *, is_changed: bool) -> CaseState:
    """The state of a case whose study has (new) contents.

    A decision holds for what was looked at: new contents open a cleared or returned case again, while a held one
    stays held and a rejected one rejected until a person says otherwise.
    """
    if state is None:
        return CaseState.OPEN
    if is_changed and state in (CaseState.CLEARED, CaseState.RETURNED):
        return CaseState.OPEN
    return state
