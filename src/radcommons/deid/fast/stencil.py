"""What the headers of a series have in common, as stretches of bytes, and the slots between them where they differ.

The files of a series differ in a few numbers, times and UIDs. Comparing the stretches between them takes a few machine
instructions a byte, and tells as surely as reading every element that everything there is the same.
"""

import struct
from collections.abc import Sequence

from radcommons.deid.fast.layout import META_END, START, NotOrdinaryError, end_of_element, is_long_form
from radcommons.dicom.elements import UNDEFINED_LENGTH

_SHORT = struct.Struct("<H")
_LONG = struct.Struct("<I")


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
        self._is_implicit = is_implicit
        self._cuts: list[tuple[bytes, int, int, struct.Struct, int]] = []
        start = 0
        for index in self.slots:
            raw = raws[index]
            is_without_vr = is_implicit and tags[index] >= META_END
            # The stretch before a slot reaches over its tag and value representation, up to its length.
            head = 4 if is_without_vr else 8 if is_long_form(raw) else 6
            width = _LONG if head != 6 else _SHORT  # noqa: PLR2004  tag and two letters, PS3.5 7.1.2
            stretch = b"".join(raws[start:index]) + raw[:head]
            self._cuts.append((stretch, len(stretch), head, width, width.size))
            start = index + 1
        self._last = b"".join(raws[start:]) + tail

    def matched(self, data: bytes) -> tuple[list[bytes], int] | None:
        """The raw elements in the slots of another header, and where its last stretch ends; ``None`` when it differs."""
        position = START
        found = []
        for stretch, size, head, width, width_size in self._cuts:
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
            found.append(data[start:position])
        if not data.startswith(self._last, position):
            return None
        return found, position + len(self._last)

    def _end(self, data: bytes, start: int) -> int:
        try:
            return end_of_element(data, start, is_implicit=self._is_implicit)
        except (NotOrdinaryError, struct.error):
            return len(data)
