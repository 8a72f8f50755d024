"""Refusals of curation.

RadCommonsError
├── DecisionNotPossibleError   curation.decision-not-possible   the case is not in a state that allows it
└── ReasonMissingError         curation.reason-missing          a decision that needs a reason came without one
"""

from radcommons.server.curation.rules import CaseState, Verb
from radcommons.server.platform.errors import ConflictError, InvalidError


class DecisionNotPossibleError(ConflictError):
    """The case is in a state from which the verb does not lead on."""

    def __init__(self, verb: Verb, state: CaseState) -> None:
        message = f"The study is {state.value}; it cannot be changed by '{verb.value}'. Reload to see who decided."
        super().__init__("curation.decision-not-possible", message, state=state.value, verb=verb.value)


class ReasonMissingError(InvalidError):
    """The decision is read by others later, so it must say why."""

    def __init__(self, verb: Verb) -> None:
        message = f"To {verb.value} this study, give a reason: one sentence that its site or a colleague can act on."
        super().__init__("curation.reason-missing", message, verb=verb.value)
