"""Elements that were read before: instances of a series repeat most of their header byte for byte, at the same place.

What repeats is given again as the very same object, whole sequences with it. Whoever makes something of elements can keep
what it made by the object, without taking it apart to compare it.
"""

from collections.abc import Callable, Iterable, Iterator
from struct import Struct
from typing import Generic, NamedTuple, TypeVar

from radcommons.dicom.elements import (
    EXPLICIT_LITTLE,
    LETTERS,
    MAX_ELEMENTS,
    Element,
    ElementReader,
    Encoding,
)

M = TypeVar("M")

_KEPT = 5000
# Longer values are mostly different in each instance.
_LONGEST_BYTES = 4096
_HEAD = Struct("<HH2sHI")
_LAST_GROUP = 0x7FE0


# Where an element begins, and its bytes.
Key = tuple[int, bytes]


class Read(NamedTuple):
    """An element, where it ends, and how many elements and items it is, with all inside."""

    element: Element
    following: int
    inside: int


class ElementMemory:
    """The elements that one reader after the other came upon; some megabytes at most."""

    def __init__(self) -> None:
        self.read: dict[Key, Read] = {}
        self._held: dict[int, Element] = {}

    def holds(self, element: Element) -> bool:
        """Whether the same bytes at the same place will be this object again."""
        return self._held.get(id(element)) is element

    def keep(self, key: Key, read: Read) -> None:
        """Remember an element."""
        if len(self.read) >= _KEPT:
            self.read.clear()
            self._held.clear()
        self.read[key] = read
        self._held[id(read.element)] = read.element


class MadeOfElements(Generic[M]):
    """What was made of elements that a memory holds; what is made of others is made anew each time."""

    def __init__(self, elements: ElementMemory) -> None:
        self._elements = elements
        self._made: dict[int, tuple[Element, M]] = {}

    def __len__(self) -> int:
        return len(self._made)

    def made_of(self, elements: Iterable[Element], make: Callable[[Element], M]) -> Iterator[M]:
        """What is made of each element, in their order."""
        known = self._made.get
        for element in elements:
            entry = known(id(element))
            # A number is given to another object once the first is gone; what is kept here cannot be gone.
            if entry is not None and entry[0] is element:
                yield entry[1]
                continue
            made = make(element)
            if self._elements.holds(element):
                if len(self._made) >= _KEPT:
                    self._made.clear()
                self._made[id(element)] = element, made
            yield made


class RememberingReader(ElementReader):
    """Reads what an :class:`.ElementReader` reads, and of the same bytes at the same place the same objects."""

    def __init__(self, buffer: memoryview, encoding: Encoding, memory: ElementMemory) -> None:
        super().__init__(buffer, encoding)
        self._memory = memory

    def read_data_set(self, start: int) -> tuple[Element, ...]:
        """Read all elements; see :meth:`.ElementReader.read_data_set`."""
        return (*self._header(start), *super().read_data_set(self._reached))

    def _header(self, position: int) -> list[Element]:
        """The elements in front of the first that is long, odd or of pixels; ``_reached`` tells where that begins.

        What an element of defined length is follows from its bytes alone.
        """
        elements: list[Element] = []
        buffer, end, recall = self._buffer, len(self._buffer) - _HEAD.size, self._memory.read.get
        while position <= end and self._encoding is EXPLICIT_LITTLE:
            group, _, letters, short, long = _HEAD.unpack_from(buffer, position)
            form = LETTERS.get(letters)
            if form is None or group >= _LAST_GROUP:
                break
            size_bytes = 12 + long if form[1] else 8 + short
            if size_bytes > _LONGEST_BYTES or position + size_bytes > len(buffer):
                break
            key = position, bytes(buffer[position : position + size_bytes])
            read = recall(key) or self._learned(key)
            self._count += read.inside
            if self._count > MAX_ELEMENTS:
                break
            elements.append(read.element)
            position = read.following
        self._reached = position
        return elements

    def _learned(self, key: Key) -> Read:
        before = self._count
        element, following = self.read_element(key[0])
        read = Read(element, following, self._count - before)
        self._count = before
        self._memory.keep(key, read)
        return read
