"""What the headers of a series have in common, as stretches of bytes, and the slots between them where they differ.

The files of a series differ in a few numbers, times and UIDs. Comparing the stretches between them takes a few machine
instructions a byte, and tells as surely as reading every element that everything there is the same.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from radcommons.deid.fast.layout import META_END, START, NotOrdinaryError, end_of_element, is_long_form
from radcommons.dicom.elements import UNDEFINED_LENGTH

_SHORT = struct.Struct("<H")
_LONG = struct.Struct("<I")
_ENDLESS = _LONG.pack(UNDEFINED_LENGTH)
_MOST_FORMS = 64
_P = TypeVar("_P")
# Which slot, the stretch before it, the length of that, the bytes of the element before its length, the length's width.
_Cut = tuple[int, bytes, int, int, struct.Struct, int]


@dataclass(frozen=True, slots=True)
class SlotHead:
    """A slot of which the length is known: which, and the bytes of the element before its value."""

    slot: int
    raw: bytes
    length: int


@dataclass(frozen=True, slots=True)
class _Form(Generic[_P]):
    """A header of which every slot is as long as it was before, so that all of it is taken apart and compared at once.

    Parameters
    ----------
    parts
        The lengths of the stretches and of the values between them, in turns.
    stretches
        The bytes outside the values.
    end
        Where the last of them ends.
    plan
        What is to be done with the values, as whoever keeps the stencil says.
    """

    parts: struct.Struct
    stretches: tuple[bytes, ...]
    end: int
    plan: _P


class Stencil(Generic[_P]):
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
    plan
        What is to be done with headers that differ in some slots only, each of a known length; ``None`` where that cannot
        be said once for all of them.
    """

    def __init__(
        self,
        tags: Sequence[int],
        raws: Sequence[bytes],
        slots: Sequence[int],
        *,
        tail: bytes,
        is_implicit: bool,
        plan: Callable[[Sequence[SlotHead]], _P | None],
    ) -> None:
        self.slots = tuple(slots)
        self._tags = tags
        self._raws = list(raws)
        self._tail = tail
        self._is_implicit = is_implicit
        self._plan = plan
        self._known = [raws[index] for index in self.slots]
        self._every = self._cut(range(len(self.slots)))
        self._differing: frozenset[int] = frozenset()
        self._few: tuple[list[_Cut], bytes] | None = None
        self._forms: dict[tuple[int, ...], _Form[_P] | None] = {}
        self._form: _Form[_P] | None = None

    def planned(self, data: bytes) -> tuple[_P, tuple[bytes, ...], int] | None:
        """What is to be done with another header, the values in its slots, and where its last stretch ends.

        ``None`` when there is no plan for it; it may match all the same. Nothing is remembered of it.
        """
        form = self._form
        values = _values(data, form) if form is not None else None
        if values is None:
            lengths = self._lengths(data)
            form = self._forms.get(lengths) if lengths is not None else None
            values = _values(data, form) if form is not None else None
        if form is None or values is None:
            return None
        self._form = form
        return form.plan, values, form.end

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
        is_as_usual = self._few is not None and found <= self._differing and 2 * len(found) >= len(self._differing)
        if not is_as_usual:
            # A new series differs from the one before in much, and within itself in little.
            self._differing = found if found <= self._differing else self._differing | found
            self._few = self._cut(sorted(self._differing))
            self._forms.clear()
            self._form = None

    def expect_like(self) -> None:
        """Make a plan for headers with slots as long as those of the one that was taken last."""
        if self._few is None:
            return
        cuts, last = self._few
        raws = [self._known[slot] for slot, *_ in cuts]
        if any(raw[head : head + width] == _ENDLESS for raw, (*_, head, _, width) in zip(raws, cuts, strict=True)):
            return
        heads = [
            SlotHead(slot, raw[: head + width], len(raw) - head - width)
            for raw, (slot, _, _, head, _, width) in zip(raws, cuts, strict=True)
        ]
        lengths = tuple(each.length for each in heads)
        if lengths not in self._forms:
            if len(self._forms) >= _MOST_FORMS:
                self._forms.clear()
            self._forms[lengths] = self._formed(heads, cuts, last)
        self._form = self._forms[lengths]

    def _formed(self, heads: Sequence[SlotHead], cuts: list[_Cut], last: bytes) -> _Form[_P] | None:
        plan = self._plan(heads)
        if plan is None:
            return None
        stretches = (*(cut[1] + each.raw[cut[3] :] for cut, each in zip(cuts, heads, strict=True)), last)
        layout = "".join(f"{len(stretch)}s{each.length}s" for stretch, each in zip(stretches[:-1], heads, strict=True))
        parts = struct.Struct(f"<{layout}{len(last)}s")
        return _Form(parts, stretches, START + parts.size, plan)

    def _lengths(self, data: bytes) -> tuple[int, ...] | None:
        """How long the values would be in those slots that differed last, if this header has the stretches between them."""
        if self._few is None:
            return None
        lengths, position, available = [], START, len(data)
        for _, _, size, _, width, width_size in self._few[0]:
            position += size
            if position + width_size > available:
                return None
            (length,) = width.unpack_from(data, position)
            lengths.append(length)
            position += width_size + length
        return tuple(lengths)

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


def _values(data: bytes, form: _Form[_P]) -> tuple[bytes, ...] | None:
    """The values in the slots of a header; ``None`` when anything else in it is different."""
    if len(data) < form.end:
        return None
    parts = form.parts.unpack_from(data, START)
    return parts[1::2] if parts[::2] == form.stretches else None
