"""A short row of examples, the one that served last in front; a new one learns from old ones where files differ."""

from collections.abc import Hashable, Iterator
from typing import Generic, Protocol, Self, TypeVar

_MOST = 4
_MOST_KINDS = 256


class Example(Protocol):
    """A file whose like is expected."""

    slots: tuple[int, ...]

    @property
    def kind(self) -> Hashable:
        """What files have in common that are made alike, whoever the patient is."""

    def differing(self, other: Self) -> frozenset[int] | None:
        """The positions at which another file differs; ``None`` when it is of another kind."""

    def open_slots(self, slots: frozenset[int]) -> bool:
        """Expect files that differ at some positions; whether that is worth while."""


_E = TypeVar("_E", bound=Example)


class Habits(dict[Hashable, frozenset[int]]):
    """At which positions the files of a kind were seen to differ: positions only, nothing of what stood there."""

    def learn(self, kind: Hashable, slots: frozenset[int]) -> frozenset[int]:
        """Add to what is known of a kind; all that is known."""
        if len(self) >= _MOST_KINDS and kind not in self:
            self.clear()
        every = self[kind] = self.get(kind, frozenset()) | slots
        return every


class Shelf(Generic[_E]):
    """See the module.

    Parameters
    ----------
    habits
        What was learned from files of other shelves.
    """

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._examples: list[_E] = []

    def __iter__(self) -> Iterator[_E]:
        return iter(self._examples)

    def put(self, new: _E) -> None:
        """Put an example in front, in place of one of its kind."""
        slots = frozenset[int]()
        for old in self._examples:
            differing = new.differing(old)
            if differing is not None:
                slots = differing | frozenset(old.slots)
                self._examples.remove(old)
                break
        every = self._habits.learn(new.kind, slots)
        if every and not new.open_slots(every) and slots:
            new.open_slots(slots)
        self._examples.insert(0, new)
        del self._examples[_MOST:]

    def bring_forward(self, example: _E) -> None:
        """Have the example that served at hand first."""
        if self._examples[0] is not example:
            self._examples.remove(example)
            self._examples.insert(0, example)
