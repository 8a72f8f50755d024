"""From a raw header to a new one: element by element the first time, by a stencil for the files that resemble it."""

import re
from collections.abc import Hashable
from dataclasses import dataclass

from radcommons.deid.direct import STAYING, UID_FORM, Direct
from radcommons.deid.fast.context import Context, creators_in
from radcommons.deid.fast.layout import META_END, Layout, NotOrdinaryError, is_long_form
from radcommons.deid.fast.memories import NOTHING, Decision, Memory, Notes, parsed, together
from radcommons.deid.fast.stencil import Stencil
from radcommons.deid.identifiers import IDENTIFYING_TAGS
from radcommons.deid.last_look import ORIGINAL_UID_TAGS
from radcommons.deid.levels import creator_tag_of, idle_creators, is_creator_tag
from radcommons.deid.unused_bits import DEPTH_TAGS, Depth, depth_of
from radcommons.dicom.elements import vr_of_tag
from radcommons.dicom.header import Header
from radcommons.dicom.text import SPECIFIC_CHARACTER_SET

SOP_INSTANCE_UID = 0x00080018
IDENTITY_TAGS = frozenset({0x00080016, SOP_INSTANCE_UID, 0x0020000D, 0x0020000E})
SHAPE_TAGS = (0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011, *DEPTH_TAGS)
# What decides how the rest is to be understood is the same in every file of a recipe.
_PINNED = frozenset({0x00020010, SPECIFIC_CHARACTER_SET, 0x00080016, *SHAPE_TAGS})
_MAX_SLOTS = 96
# Nothing that names anybody is written in them, unless the attribute is itself an identifier.
_WORDLESS_VRS = frozenset({*STAYING, "OB", "OB or OW", "UI"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A new header before it is written.

    Parameters
    ----------
    pieces
        The data set up to the pixel data, in order.
    notes
        What is to be said about it.
    sop_instance_uid
        The new one, for the meta information.
    originals
        The UIDs of the object it was made from, which must not remain.
    pixels_at, value_at
        Where the pixel data element and its value begin in the source; both are its end when there is none.
    depth
        How the bits of its pixels are used, where some are not.
    """

    pieces: list[bytes]
    notes: Notes
    sop_instance_uid: bytes
    originals: tuple[bytes, ...]
    pixels_at: int
    value_at: int
    depth: Depth | None = None


@dataclass(frozen=True, slots=True)
class _Slot:
    """One element that differs from file to file.

    Parameters
    ----------
    tag, creator
        Which it is, and the owner of its private block.
    decision
        What was decided in the known file.
    length_at, value_at
        Where in its raw bytes its length and its value begin.
    staying
        What plain values match that stay as they are and identify nobody; ``None`` where there are none.
    direct
        What becomes of other plain values; the same is to be said of them as of the known one.
    may_identify
        Whether it may hold an identifier that the context does not know.
    """

    tag: int
    creator: str
    decision: Decision
    length_at: int
    value_at: int
    staying: re.Pattern[bytes] | None
    direct: Direct | None
    may_identify: bool


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
        self._depth = self._depth_of_pixels()
        self._decisions = self._decided()
        self._notes = together(each.notes for each in self._decisions)
        self._placed, self._closing = self._with_marks()
        self._originals = {tag: _value(raw) for tag, raw in zip(tags, raws, strict=True) if tag in ORIGINAL_UID_TAGS}
        self._stencil: Stencil | None = None
        self.slots: tuple[int, ...] = ()
        self._slots: list[_Slot] = []
        self._slot_notes: list[Notes] = []
        self._merged = self._notes
        self._pieces: list[bytes] = []
        self._uid_piece = 0

    def draft(self) -> Draft:
        """The new header of the file itself."""
        new_uid = self._decisions[self.layout.tags.index(SOP_INSTANCE_UID)].raw
        layout = self.layout
        return Draft(
            [*self._placed, self._closing],
            self._notes,
            _value(new_uid),
            tuple(self._originals.values()),
            layout.pixels_at,
            layout.value_at,
            self._depth,
        )

    @property
    def kind(self) -> Hashable:
        """The elements, and how the pixels follow."""
        return self.layout.tags, self.layout.is_implicit, bool(self.tail)

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
        self._stencil = Stencil(layout.tags, layout.raws, order, tail=self.tail, is_implicit=layout.is_implicit)
        self._slots = [self._slot(index) for index in order]
        self._slot_notes = [slot.decision.notes for slot in self._slots]
        self._uid_piece = 2 * order.index(layout.tags.index(SOP_INSTANCE_UID)) + 1
        self._pieces = []
        start = 0
        for index in order:
            # Marks that come before the element in the slot belong to the stretch.
            decided = self._decisions[index].raw
            placed = self._placed[index]
            self._pieces += [b"".join(self._placed[start:index]) + placed[: len(placed) - len(decided)], decided]
            start = index + 1
        self._pieces.append(b"".join(self._placed[start:]) + self._closing)
        return True

    def follow(self, data: bytes, size: int) -> Draft | None:
        """The new header of another file; ``None`` when it is not like this one."""
        stencil = self._stencil
        matched = stencil.matched(data) if stencil is not None else None
        if stencil is None or matched is None or (matched[1] != size and not self.tail):
            return None
        differing, value_at = matched
        pieces, notes, originals = self._pieces.copy(), self._slot_notes, self._originals
        for number, raw in differing:
            slot = self._slots[number]
            staying = slot.staying
            if staying is not None and staying.fullmatch(raw, slot.value_at) and not len(raw) & 1:
                pieces[2 * number + 1], note = raw, NOTHING
            else:
                decision = self._decide(slot, raw)
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
        new_uid = _value(pieces[self._uid_piece])
        return Draft(
            pieces, merged, new_uid, tuple(originals.values()), value_at - len(self.tail), value_at, self._depth
        )

    def _decide(self, slot: _Slot, raw: bytes) -> tuple[bytes, Notes] | None:
        """What becomes of the element in a slot, and what is to be said; ``None`` when this file must be walked."""
        if slot.may_identify and not self._is_known(slot.tag, raw):
            return None
        direct = slot.direct
        if direct is not None and direct.is_removed:
            return b"", slot.decision.notes
        if direct is not None and direct.new_uid is not None and direct.form.fullmatch(raw, slot.value_at):
            new = direct.new_uid(raw[slot.value_at :].rstrip(b"\0").decode("ascii"))
            if new is not None:
                return _with_value(raw, slot, new.encode("ascii")), slot.decision.notes
        if slot.tag in IDENTITY_TAGS and not UID_FORM.fullmatch(raw, slot.value_at):
            return None
        decision = self.context.decide(slot.tag, raw, slot.creator)
        return (decision.raw, decision.notes) if bool(decision.raw) is bool(slot.decision.raw) else None

    def _is_known(self, tag: int, raw: bytes) -> bool:
        found = self.context.harvest.of(tag, raw)
        return found - {self.context.job.patient.subject_id} <= self.context.identifiers

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

    def _depth_of_pixels(self) -> Depth | None:
        pairs = zip(self.layout.tags, self.layout.raws, strict=True)
        encoding = self.context.encoding
        elements = [parsed(raw, encoding) for tag, raw in pairs if tag in DEPTH_TAGS]
        return depth_of(Header(elements, encoding)) if self.tail else None

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

    def _slot(self, index: int) -> _Slot:
        tag, raw, creator = self.layout.tags[index], self.layout.raws[index], self._creators[index]
        decision = self._decisions[index]
        is_without_vr = self.layout.is_implicit and tag >= META_END
        vr = vr_of_tag(tag) if is_without_vr else raw[4:6].decode("ascii")
        is_long = not is_without_vr and is_long_form(raw)
        direct = self.context.direct(tag, vr, creator) if tag >= META_END else None
        if direct is not None and not direct.is_removed:
            # What was decided for this very element must be what would be said directly.
            is_unchanged = decision.raw == raw and decision.notes is NOTHING
            direct = direct if is_unchanged is (direct.new_uid is None) else None
        may_identify = tag >= META_END and (vr not in _WORDLESS_VRS or tag in IDENTIFYING_TAGS)
        is_staying = direct is not None and not direct.is_removed and direct.new_uid is None and not may_identify
        return _Slot(
            tag,
            creator,
            decision,
            4 if is_without_vr else 8 if is_long else 6,
            12 if is_long else 8,
            direct.form if direct is not None and is_staying else None,
            direct,
            may_identify=may_identify,
        )


def _value(raw: bytes) -> bytes:
    """The value of a raw UID, whose header has eight bytes in either encoding, without padding."""
    return raw[8:].rstrip(b"\0 ")


def _with_value(raw: bytes, slot: _Slot, value: bytes) -> bytes:
    value += b"\0" * (len(value) & 1)
    width = slot.value_at - slot.length_at
    return raw[: slot.length_at] + len(value).to_bytes(width, "little") + value
