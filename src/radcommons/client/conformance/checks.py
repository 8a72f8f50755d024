"""What a check is, what it finds, and how it says so."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from radcommons.client.errors import printable

# Takes what is known of a server (see :mod:`.sample`) and returns when the server does right.
Statement = Callable[..., None]
LONGEST_MESSAGE = 400


class Demand(StrEnum):
    """How much the standard wants it: ``shall``, or what it allows and clients are glad of."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class Verdict(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class CheckFailedError(Exception):
    """The server did otherwise; the message says what was expected and what came."""


class CheckSkippedError(Exception):
    """The server holds nothing on which this can be checked."""


@dataclass(frozen=True, slots=True)
class Check:
    """One statement about a server.

    Parameters
    ----------
    name
        Stable, as ``search.studies.range``.
    clause
        The paragraph of PS3.18 (or an RFC) that says so.
    title
        The statement itself.
    """

    name: str
    clause: str
    title: str
    demand: Demand
    run: Statement


@dataclass(frozen=True, slots=True)
class Result:
    """A check and its verdict; ``message`` says what was seen when it did not pass."""

    check: Check
    verdict: Verdict
    message: str = ""

    def __post_init__(self) -> None:
        """Keep what a server said short, and without what a terminal would obey."""
        object.__setattr__(self, "message", printable(self.message, LONGEST_MESSAGE))

    def to_json(self) -> dict[str, str]:
        """The result as ``--json`` shows it."""
        return {
            "check": self.check.name,
            "clause": self.check.clause,
            "title": self.check.title,
            "demand": self.check.demand.value,
            "verdict": self.verdict.value,
            "message": self.message,
        }


CHECKS: dict[str, Check] = {}


def check(name: str, clause: str, title: str, *, is_optional: bool = False) -> Callable[[Statement], Statement]:
    """Register a function as a check; it returns when the server does right."""

    def register(function: Statement) -> Statement:
        if name in CHECKS:
            raise ValueError(f"Two checks are called {name}.")
        demand = Demand.OPTIONAL if is_optional else Demand.REQUIRED
        CHECKS[name] = Check(name, clause, title, demand, function)
        return function

    return register


def expect(condition: object, message: str) -> None:
    """Fail the check unless something holds.

    Raises
    ------
    CheckFailedError
        With the message.
    """
    if not condition:
        raise CheckFailedError(message)


def need(value: object, message: str) -> None:
    """Skip the check unless the server holds what it needs.

    Raises
    ------
    CheckSkippedError
        With the message.
    """
    if not value:
        raise CheckSkippedError(message)
