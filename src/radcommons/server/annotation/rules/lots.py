"""Drawing lots that can be drawn again, by any program in any year: SHA-256 of the seed and a counter, no library's generator."""

import hashlib
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

T = TypeVar("T")


class Lot:
    """Draws that follow from a seed alone, one after the other."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._drawn = 0

    def below(self, bound: int) -> int:
        """A whole number from 0 to ``bound`` - 1; of 256 bits, so that none is noticeably likelier."""
        self._drawn += 1
        digest = hashlib.sha256(f"{self._seed}/{self._drawn}".encode()).digest()
        return int.from_bytes(digest, "big") % bound

    def between(self, first: int, last: int) -> int:
        """A whole number from ``first`` to ``last``, both included."""
        return first + self.below(last - first + 1)

    def choice(self, items: Sequence[T]) -> T:
        """One of some items."""
        return items[self.below(len(items))]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Put items into an order drawn by lot (Fisher and Yates)."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """Some of some items, each at most once."""
        mixed = list(items)
        self.shuffle(mixed)
        return mixed[:count]
