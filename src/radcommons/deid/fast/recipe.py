"""From a raw header to a new one: element by element the first time, by a stencil for the files that resemble it."""

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property

from radcommons.deid.direct import UID_FORM
from radcommons.deid.fast.context import Context, creators_in
from radcommons.deid.fast.layout import Layout, NotOrdinaryError
from radcommons.deid.fast.memories import NOTHING, Decision, Memory, Notes, parsed, together
from radcommons.deid.fast.pixels import SHAPE_TAGS, pixels_of
from radcommons.deid.fast.plan import Draft, Plan, plan_of
from radcommons.deid.fast.slots import IDENTITY_TAGS, SOP_INSTANCE_UID, Slot, slot_of
from radcommons.deid.fast.stencil import SlotHead, Stencil
from radcommons.deid.last_look import ORIGINAL_UID_TAGS
from radcommons.deid.levels import creator_tag_of, idle_creators, is_creator_tag
from radcommons.dicom.text import SPECIFIC_CHARACTER_SET

# What decides how the rest is to be understood is the same in every file of a recipe.
_PINNED = frozenset({0x00020010, SPECIFIC_CHARACTER_SET, 0x00080016, *SHAPE_TAGS})
_MAX_SLOTS = 96


class Recipe:
    """What became of one file, element by element, and how others like it are made.

    Parameters
    ----------
    layout
        The file's header.
    context
        Where decisions are made and kept.
    tail
        The bytes of the pixel data element before its value.

    Raises
    ------
    NotOrdinaryError
        When the file has not the UIDs an object must have.
    """

    def __init__(self, layout: Layout, context: Context, tail: bytes) -> None:
        self.layout = layout
        self.context = context
        self.tail = tail
        self._merges: Memory[Notes] = Memory()
        tags, raws = layout.tags, layout.raws
        owners = creators_in(tags, raws, context.encoding, context.harvest.encodings)
        self._creators = tuple(owners.get(creator_tag_of(tag), "") if tag >> 16 & 1 else "" for tag in tags)
        self._check_identity()
        shape = (parsed(raw, context.encoding) for tag, raw in zip(tags, raws, strict=True) if tag in SHAPE_TAGS)
        self._pixels = pixels_of(tail, shape, layout.transfer_syntax_uid, context.encoding)
        self._decisions = self._decided()
        self._notes = together(each.notes for each in self._decisions)
        self._placed, self._closing = self._with_marks()
        self._originals = {tag: _value(raw) for tag, raw in zip(tags, raws, strict=True) if tag in ORIGINAL_UID_TAGS}
        self._stencil: Stencil[Plan] | None = None
        self.slots: tuple[int, ...] = ()
        self._slots: dict[int, Slot] = {}
        self._slot_notes: list[Notes] = []
        self._merged = self._notes
        self._pieces: list[bytes] = []
        self._uid_piece = 0

    @cached_property
    def own_draft(self) -> Draft:
        """The new header of the file itself."""
        new_uid = self._decisions[self.layout.tags.index(SOP_INSTANCE_UID)].raw
        originals = tuple(self._originals.values())
        pieces = [*self._placed, self._closing, self.tail]
        return Draft(pieces, self._notes, _value(new_uid), originals, self.layout.value_at, self._pixels)

    @property
    def kind(self) -> Hashable:
        """The elements, and how the pixels follow."""
        return self.layout.tags, self.layout.transfer_syntax_uid, bool(self.tail)

    def differing(self, other: "Recipe") -> frozenset[int] | None:
        """The positions at which another file of the same elements differs; ``None`` when it is not alike enough."""
        if self.layout.tags != other.layout.tags or self.tail != other.tail:
            return None
        pairs = zip(self.layout.tags, self.layout.raws, other.layout.raws, strict=True)
        found = frozenset(index for index, (_, mine, others) in enumerate(pairs) if mine != others)
        return None if any(self._is_pinned(self.layout.tags[index]) for index in found) else found

    def open_slots(self, slots: frozenset[int]) -> bool:
        """Make ready for files that differ at some positions; whether that is worth while."""
        layout = self.layout
        order = tuple(index for index in sorted(slots) if not self._is_pinned(layout.tags[index]))
        if len(order) > _MAX_SLOTS or SOP_INSTANCE_UID not in {layout.tags[index] for index in order}:
            return False
        self.slots = order
        self._stencil = Stencil(
            layout.tags, layout.raws, order, tail=self.tail, is_implicit=layout.is_implicit, plan=self._planned
        )
        self._slots.clear()
        self._slot_notes = [self._decisions[index].notes for index in order]
        self._uid_piece = 2 * order.index(layout.tags.index(SOP_INSTANCE_UID)) + 1
        self._pieces = []
        start = 0
        for index in order:
            # Marks that come before the element in the slot belong to the stretch.
            decided = self._decisions[index].raw
            placed = self._placed[index]
            self._pieces += [b"".join(self._placed[start:index]) + placed[: len(placed) - len(decided)], decided]
            start = index + 1
        self._pieces.append(b"".join(self._placed[start:]) + self._closing + self.tail)
        return True

    def follow(self, data: bytes, size: int) -> Draft | None:
        """The new header of another file; ``None`` when it is not like this one."""
        stencil = self._stencil
        if stencil is None:
            return None
        planned = stencil.planned(data)
        if planned is not None and (planned[2] == size or self.tail):
            plan, values, value_at = planned
            draft = plan.draft(values, value_at, context=self.context)
            if draft is not None:
                return draft
        matched = stencil.matched(data)
        if matched is None or (matched[1] != size and not self.tail):
            return None
        differing, value_at = matched
        pieces, notes, originals = self._pieces.copy(), self._slot_notes, self._originals
        for number, raw in differing:
            slot = self._slot(number)
            staying = slot.staying
            if staying is not None and staying.fullmatch(raw, slot.value_at) and not len(raw) & 1:
                pieces[2 * number + 1], note = raw, NOTHING
            else:
                decision = slot.decided(raw, self.context)
                if decision is None:
                    return None
                pieces[2 * number + 1], note = decision
            if note is not notes[number]:
                notes = notes.copy() if notes is self._slot_notes else notes
                notes[number] = note
            if slot.tag in originals:
                originals = {**originals, slot.tag: _value(raw)}
        merged = self._merged if notes is self._slot_notes else self._merge(notes)
        if merged.has_cleaned_content is not self._notes.has_cleaned_content:
            return None
        # The next file is compared with this one: neighbours differ in less than strangers.
        stencil.take(differing)
        self._pieces, self._slot_notes, self._originals, self._merged = pieces, notes, originals, merged
        stencil.expect_like()
        new_uid = _value(pieces[self._uid_piece])
        return Draft(pieces, merged, new_uid, tuple(originals.values()), value_at, self._pixels)

    def _planned(self, heads: Sequence[SlotHead]) -> Plan | None:
        def merged(new: Mapping[int, Notes]) -> Notes | None:
            notes = [new.get(number, note) for number, note in enumerate(self._slot_notes)]
            merged = self._merge(notes)
            return merged if merged.has_cleaned_content is self._notes.has_cleaned_content else None

        slots = [self._slot(each.slot) for each in heads]
        return plan_of(heads, slots, self._pieces, originals=self._originals, pixels=self._pixels, merged=merged)

    def _merge(self, notes: list[Notes]) -> Notes:
        """What is to be said of the whole object when some slots have other notes than in the known file."""
        key = tuple(notes)
        merged = self._merges.get(key)
        if merged is None:
            every = [each.notes for each in self._decisions]
            for slot, note in zip(self.slots, notes, strict=True):
                every[slot] = note
            merged = self._merges.keep(key, together(every))
        return merged

    def _is_pinned(self, tag: int) -> bool:
        return tag in _PINNED or is_creator_tag(tag) or tag in self.context.marked_tags

    def _check_identity(self) -> None:
        values = {
            tag: _value(raw)
            for tag, raw in zip(self.layout.tags, self.layout.raws, strict=True)
            if tag in IDENTITY_TAGS
        }
        if len(values) < len(IDENTITY_TAGS) or not all(map(UID_FORM.fullmatch, values.values())):
            raise NotOrdinaryError

    def _decided(self) -> list[Decision]:
        tags, raws = self.layout.tags, self.layout.raws
        decisions = [
            self.context.decide(tag, raw, creator) for tag, raw, creator in zip(tags, raws, self._creators, strict=True)
        ]
        kept = (tag for tag, decision in zip(tags, decisions, strict=True) if decision.raw)
        idle = idle_creators(kept)
        return [
            self.context.idle(tag, raw) if tag in idle else decision
            for tag, raw, decision in zip(tags, raws, decisions, strict=True)
        ]

    def _with_marks(self) -> tuple[list[bytes], bytes]:
        """What stands in the place of each element, marks before it included, and the marks after the last one."""
        marks = self.context.marks(
            has_cleaned_content=self._notes.has_cleaned_content,
            has_pixels=self.layout.pixels_at != self.layout.value_at,
        )
        waiting = list(marks.items())
        placed = []
        for tag, decision in zip(self.layout.tags, self._decisions, strict=True):
            before = b""
            while waiting and waiting[0][0] < tag:
                before += waiting.pop(0)[1][0]
            own = decision.raw
            if waiting and waiting[0][0] == tag:
                mark, is_always = waiting.pop(0)[1]
                own = mark if is_always or not own else own
            placed.append(before + own)
        return placed, b"".join(mark for _, (mark, _) in waiting)

    def _slot(self, number: int) -> Slot:
        slot = self._slots.get(number)
        if slot is None:
            index = self.slots[number]
            tag, raw, decision = self.layout.tags[index], self.layout.raws[index], self._decisions[index]
            slot = slot_of(tag, raw, self._creators[index], decision=decision, context=self.context)
            self._slots[number] = slot
        return slot


def _value(raw: bytes) -> bytes:
    """The value of a raw UID, whose header has eight bytes in either encoding, without padding."""
    return raw[8:].rstrip(b"\0 ")
