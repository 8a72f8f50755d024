"""What the headers of a series have in common, as stretches of bytes, and the slots between them where they differ.

The files of a series differ in a few numbers, times and UIDs. Comparing the stretches between them takes a few machine
instructions a byte, and tells as surely as reading every element that everything there is the same.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from radcommons.deid.fast.layout import META_END, START, NotOrdinaryError, end_of_element, is_long_form
from radcommons.dicom.elements import UNDEFINED_LENGTH

_SHORT = struct.Struct("<H")
_LONG = struct.Struct("<I")
_ENDLESS = _LONG.pack(UNDEFINED_LENGTH)
_MOST_FORMS = 64
# Which slot, the stretch before it, the length of that, the bytes of the element before its length, the length's width.
_Cut = tuple[int, bytes, int, int, struct.Struct, int]


@dataclass(frozen=True, slots=True)
class _Form:
    """A header of which every slot is as long as it was before, so that all of it is taken apart and compared at once.

    Parameters
    ----------
    parts
        The lengths of the stretches and of the slots between them, in turns.
    stretches
        The bytes outside the slots.
    """

    parts: struct.Struct
    stretches: tuple[bytes, ...]


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
        self._forms: dict[tuple[int, ...], _Form] = {}
        self._form: _Form | None = None

    def matched(self, data: bytes) -> tuple[list[tuple[int, bytes]], int] | None:
        """What is in those slots of another header that differ, and where its last stretch ends.

        Slots are open for all that may differ, and within a series little does: those that did last are tried first.

        Returns
        -------
        Pairs of the number of a slot, from 0, and the raw element in it, ascending; ``None`` when the header differs
        elsewhere too.
        """
        found = self._matched_at_once(data) if self._form is not None else None
        if found is None and self._few is not None:
            found = self._matched(data, *self._few)
        return self._matched(data, *self._every) if found is None else found

    def take(self, differing: Sequence[tuple[int, bytes]]) -> None:
        """Compare with that header from now on, since neighbours differ in less than strangers.

        Parameters
        ----------
        differing
            What was found in its slots.
        """
        known = self._known
        are_as_long = self._form is not None
        for slot, raw in differing:
            are_as_long = are_as_long and len(raw) == len(known[slot])
            known[slot] = self._raws[self.slots[slot]] = raw
        found = frozenset([slot for slot, _ in differing])
        is_as_usual = self._few is not None and found <= self._differing and 2 * len(found) >= len(self._differing)
        if not is_as_usual:
            # A new series differs from the one before in much, and within itself in little.
            self._differing = found if found <= self._differing else self._differing | found
            self._few = self._cut(sorted(self._differing))
            self._forms.clear()
        if self._few is not None and not (is_as_usual and are_as_long):
            self._form = self._formed(*self._few)

    def _formed(self, cuts: list[_Cut], last: bytes) -> _Form | None:
        """How headers are taken apart that have slots as long as this one; ``None`` where lengths do not tell the ends."""
        raws = [self._known[slot] for slot, *_ in cuts]
        lengths = tuple(map(len, raws))
        if lengths not in self._forms:
            if any(raw[head : head + width] == _ENDLESS for raw, (*_, head, _, width) in zip(raws, cuts, strict=True)):
                return None
            if len(self._forms) >= _MOST_FORMS:
                self._forms.clear()
            stretches = (*(stretch[: size - head] for _, stretch, size, head, _, _ in cuts), last)
            parts = "".join(f"{len(stretch)}s{len(raw)}s" for stretch, raw in zip(stretches, raws, strict=False))
            self._forms[lengths] = _Form(struct.Struct(f"<{parts}{len(last)}s"), stretches)
        return self._forms[lengths]

    def _matched_at_once(self, data: bytes) -> tuple[list[tuple[int, bytes]], int] | None:
        form, few = self._form, self._few
        if form is None or few is None or len(data) < START + form.parts.size:
            return None
        parts = form.parts.unpack_from(data, START)
        if parts[::2] != form.stretches:
            return None
        known, found = self._known, []
        for cut, raw in zip(few[0], parts[1::2], strict=True):
            old = known[cut[0]]
            if raw != old:
                before_value = cut[3] + cut[5]
                if raw[:before_value] != old[:before_value]:
                    return None
                found.append((cut[0], raw))
        return found, START + form.parts.size

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
