"""What was decided about a sender's rights, remembered for a moment: a batch is thousands of requests of one sender."""

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
REMEMBERED_S = 5.0


class Admissions(Generic[K, V]):
    """Decisions by what was asked, for as long as nobody's rights change; refusals are made anew each time.

    Parameters
    ----------
    rights
        The state of everybody's rights, as a number that no other state has; None while nothing may be remembered.
    remembered_s
        A second line behind what tells of changes: whatever goes wrong, nothing is remembered longer than this.
    """

    def __init__(self, rights: Callable[[], int | None], *, remembered_s: float = REMEMBERED_S) -> None:
        self._rights = rights
        self._remembered_s = remembered_s
        self._known: dict[K, tuple[V, float, int]] = {}

    def get(self, asked: K, decide: Callable[[], V]) -> V:
        """The decision, made now unless it is remembered."""
        now, rights = time.monotonic(), self._rights()
        found = self._known.get(asked)
        if found is not None and found[1] >= now and found[2] == rights:
            return found[0]
        decision = decide()
        if rights is not None:
            self._known = {key: entry for key, entry in self._known.items() if entry[1] >= now}
            self._known[asked] = decision, now + self._remembered_s, rights
        return decision
