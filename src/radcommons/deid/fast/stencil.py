"""What the headers of a series have in common, as stretches of bytes, and the slots between them where they differ.

The files of a series differ in a few numbers, times and UIDs. Comparing the stretches between them takes a few machine
instructions a byte, and tells as surely as reading every element that everything there is the same.
"""

import struct
from collections.abc import Iterable, Sequence

from radcommons.deid.fast.layout import META_END, START, NotOrdinaryError, end_of_element, is_long_form
from radcommons.dicom.elements import UNDEFINED_LENGTH

_SHORT = struct.Struct("<H")
_LONG = struct.Struct("<I")
# Which slot, the stretch before it, the length of that, the bytes of the element before its length, the length's width.
_Cut = tuple[int, bytes, int, int, struct.Struct, int]


class Stencil:
    """A header cut at its slots.

    Parameters
    ----------
    tags, raws
        The elements of one header, meta information first.
    slots
        Which of them differ from file to file, by their positions, ascending.
    tail
        The bytes between the last element and the pixel value, or nothing.
    is_implicit
        Whether the data set has no value representations.
    """

    def __init__(
        self, tags: Sequence[int], raws: Sequence[bytes], slots: Sequence[int], *, tail: bytes, is_implicit: bool
    ) -> None:
        self.slots = tuple(slots)
        self._tags = tags
        self._raws = list(raws)
        self._tail = tail
        self._is_implicit = is_implicit
        self._known = [raws[index] for index in self.slots]
        self._every = self._cut(range(len(self.slots)))
        self._differing: frozenset[int] = frozenset()
        self._few: tuple[list[_Cut], bytes] | None = None

    def matched(self, data: bytes) -> tuple[list[tuple[int, bytes]], int] | None:
        """What is in those slots of another header that differ, and where its last stretch ends.

        Slots are open for all that may differ, and within a series little does: those that did last are tried first.

        Returns
        -------
        Pairs of the number of a slot, from 0, and the raw element in it, ascending; ``None`` when the header differs
        elsewhere too.
        """
        found = self._matched(data, *self._few) if self._few is not None else None
        return self._matched(data, *self._every) if found is None else found

    def take(self, differing: Sequence[tuple[int, bytes]]) -> None:
        """Compare with that header from now on, since neighbours differ in less than strangers.

        Parameters
        ----------
        differing
            What was found in its slots.
        """
        for slot, raw in differing:
            self._known[slot] = self._raws[self.slots[slot]] = raw
        found = frozenset([slot for slot, _ in differing])
        if not found <= self._differing:
            self._differing |= found
        elif 2 * len(found) < len(self._differing):
            # A new series differs from the one before in much, and within itself in little.
            self._differing = found
        elif self._few is not None:
            return
        self._few = self._cut(sorted(self._differing))

    def _cut(self, slots: Iterable[int]) -> tuple[list[_Cut], bytes]:
        """The cuts at some of the slots, and the stretch after the last one."""
        cuts: list[_Cut] = []
        start = 0
        for slot in slots:
            index = self.slots[slot]
            raw = self._raws[index]
            is_without_vr = self._is_implicit and self._tags[index] >= META_END
            # The stretch before a slot reaches over its tag and value representation, up to its length.
            head = 4 if is_without_vr else 8 if is_long_form(raw) else 6
            width = _LONG if head != 6 else _SHORT  # noqa: PLR2004  tag and two letters, PS3.5 7.1.2
            stretch = b"".join(self._raws[start:index]) + raw[:head]
            cuts.append((slot, stretch, len(stretch), head, width, width.size))
            start = index + 1
        return cuts, b"".join(self._raws[start:]) + self._tail

    def _matched(self, data: bytes, cuts: list[_Cut], last: bytes) -> tuple[list[tuple[int, bytes]], int] | None:
        position = START
        found = []
        known = self._known
        for slot, stretch, size, head, width, width_size in cuts:
            if not data.startswith(stretch, position):
                return None
            length_at = position + size
            if length_at + width_size > len(data):
                return None
            (length,) = width.unpack_from(data, length_at)
            start = length_at - head
            position = length_at + width_size + length
            if length == UNDEFINED_LENGTH:
                position = self._end(data, start)
            raw = data[start:position]
            if raw != known[slot]:
                found.append((slot, raw))
        if not data.startswith(last, position):
            return None
        return found, position + len(last)

    def _end(self, data: bytes, start: int) -> int:
        try:
            return end_of_element(data, start, is_implicit=self._is_implicit)
        except (NotOrdinaryError, struct.error):
            return len(data)
