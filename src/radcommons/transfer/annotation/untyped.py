"""Reading untyped JSON with a finger on the place: every refusal names the path that is wrong and never the value."""

import math
import re
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import TypeVar

from radcommons.dicom.errors import Kind, RadCommonsError

T = TypeVar("T")
S = TypeVar("S", bound=StrEnum)

LONGEST_TEXT = 10_000
LONGEST_PATH = 120
# The largest whole number that JSON readers agree on (RFC 8259 6).
LARGEST_WHOLE = 2**53 - 1
# What no table and no file in UTF-8 can keep, and control characters but tabs and ends of lines.
_UNKEPT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def plain(number: float) -> float:
    """A number as JavaScript writes it, whole ones without a fraction: equal numbers have equal JSON."""
    return int(number) if float(number).is_integer() else number


class AnnotationFormatError(RadCommonsError):
    """A document that cannot be read as what it claims to be; kind invalid, code ``annotation.format``.

    Parameters
    ----------
    where
        The path inside the document, as ``groups[2].labels[0].id``; the line for XML and CSV.
    what
        What is wrong there, as a phrase without the offending value.
    """

    def __init__(self, where: str, what: str) -> None:
        place = where if len(where) <= LONGEST_PATH else f"{where[:LONGEST_PATH]}…"
        super().__init__(Kind.INVALID, "annotation.format", f"{place}: {what}.", where=place)


class Node:
    """One place in a decoded JSON document.

    Parameters
    ----------
    value
        What ``json`` made of it.
    path
        Where it stands, for messages.
    """

    __slots__ = ("path", "value")

    def __init__(self, value: object, path: str = "document") -> None:
        self.value = value
        self.path = path

    def wrong(self, what: str) -> AnnotationFormatError:
        """The refusal of this place."""
        return AnnotationFormatError(self.path, what)

    def fields(self, known: AbstractSet[str], *, required: AbstractSet[str] = frozenset()) -> "Node":
        """Demand an object with no other keys than ``known`` and at least the ``required`` ones, and return it."""
        keys = self._object().keys()
        if missing := required - keys:
            raise self.wrong(f"lacks {', '.join(sorted(missing))}")
        if keys - known:
            raise self.wrong("has keys that the format does not know")
        return self

    def _object(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            raise self.wrong("is not an object")
        return self.value

    def has(self, key: str) -> bool:
        """Whether a key is there with another value than null."""
        return self._object().get(key) is not None

    def __getitem__(self, key: str) -> "Node":
        found = self._object()
        if key not in found:
            raise self.wrong(f"lacks {key}")
        return Node(found[key], f"{self.path}.{key}")

    def get(self, key: str, read: Callable[["Node"], T], default: T) -> T:
        """What ``read`` makes of the value under a key, or ``default`` when it is absent or null."""
        return read(self[key]) if self.has(key) else default

    def tuple_of(self, key: str, read: Callable[["Node"], T], *, most: int) -> tuple[T, ...]:
        """What ``read`` makes of each element of the list under a key; empty when it is absent or null."""
        return tuple(read(element) for element in self[key].each(most=most)) if self.has(key) else ()

    def each(self, *, most: int = 1_000_000) -> Iterator["Node"]:
        """The elements of a list of at most ``most``."""
        if not isinstance(self.value, list):
            raise self.wrong("is not a list")
        if len(self.value) > most:
            raise self.wrong(f"has more than {most} elements")
        for index, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{index}]")

    def text(self, *, longest: int = LONGEST_TEXT) -> str:
        """A text that may be empty and may have line breaks; no other control characters, no halves of characters."""
        if not isinstance(self.value, str):
            raise self.wrong("is not a text")
        if len(self.value) > longest:
            raise self.wrong(f"is longer than {longest} characters")
        if _UNKEPT.search(self.value):
            raise self.wrong("has control characters, or halves of characters")
        return self.value

    def name(self) -> str:
        """A text that is not empty, of at most 256 characters, on one line."""
        found = self.text(longest=256)
        if not found.strip() or not found.isprintable():
            raise self.wrong("is empty or not printable")
        return found

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("is neither true nor false")
        return self.value

    def whole(self, *, least: int = -LARGEST_WHOLE, most: int = LARGEST_WHOLE) -> int:
        """A whole number within limits; ``3.0`` is one, as JavaScript does not tell them apart."""
        found = self.value
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        if not isinstance(found, int) or isinstance(found, bool):
            raise self.wrong("is not a whole number")
        if not least <= found <= most:
            raise self.wrong(f"is not between {least} and {most}")
        return found

    def number(self) -> float:
        """A finite number."""
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise self.wrong("is not a number")
        if abs(self.value) > LARGEST_WHOLE or not math.isfinite(self.value):
            raise self.wrong("is not finite or too large")
        return float(self.value)

    def choice(self, kind: type[S]) -> S:
        """A member of an enumeration, by its value."""
        if not isinstance(self.value, str) or self.value not in set(kind):
            raise self.wrong(f"is none of {', '.join(kind)}")
        return kind(self.value)
