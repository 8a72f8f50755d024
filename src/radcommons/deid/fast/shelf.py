"""A short row of examples, the one that served last in front; a new one learns from an old one where files differ."""

from typing import Protocol, Self, TypeVar

_MOST = 4


class Example(Protocol):
    """A file whose like is expected."""

    slots: tuple[int, ...]

    def differing(self, other: Self) -> frozenset[int] | None:
        """The positions at which another file differs; ``None`` when it is of another kind."""

    def open_slots(self, slots: frozenset[int]) -> bool:
        """Expect files that differ at some positions; whether that is worth while."""


_E = TypeVar("_E", bound=Example)


def put(shelf: list[_E], new: _E) -> None:
    """Put an example in front, in place of one of its kind."""
    for old in shelf:
        differing = new.differing(old)
        if differing is not None:
            new.open_slots(differing | frozenset(old.slots))
            shelf.remove(old)
            break
    shelf.insert(0, new)
    del shelf[_MOST:]


def bring_forward(shelf: list[_E], example: _E) -> None:
    """Have the example that served at hand first."""
    if shelf[0] is not example:
        shelf.remove(example)
        shelf.insert(0, example)
