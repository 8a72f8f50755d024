"""Making the header of a file in which nothing is new but plain values, as nearly every file of a series is made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from radcommons.deid.fast.context import Context
from radcommons.deid.fast.layout import META_END
from radcommons.deid.fast.memories import NOTHING, Notes
from radcommons.deid.fast.pixels import Pixels
from radcommons.deid.fast.plain import Plain
from radcommons.deid.fast.slots import SOP_INSTANCE_UID, Slot
from radcommons.deid.fast.stencil import SlotHead
from radcommons.deid.last_look import ORIGINAL_UID_TAGS


@dataclass(frozen=True, slots=True)
class Draft:
    """A new header before it is written.

    Parameters
    ----------
    pieces
        The data set up to the value of the pixel data, in order.
    notes
        What is to be said about it.
    sop_instance_uid
        The new one, for the meta information.
    originals
        The UIDs of the object it was made from, which must not remain.
    value_at
        Where the value of the pixel data begins in the source, which is its end when there is none.
    pixels
        What the source says of them.
    """

    pieces: list[bytes]
    notes: Notes
    sop_instance_uid: bytes
    originals: tuple[bytes, ...]
    value_at: int
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of headers that differ in some slots only, each of a known length, when all values are plain.

    Parameters
    ----------
    plain
        What the values must be like.
    pieces
        The new header, but for the values.
    staying
        Which pieces are values as they came: their positions, and which values.
    uids
        Which values are UIDs to be replaced: their positions among the pieces, which, and how.
    asked
        Which values are decided about by themselves.
    notes
        What is to be said about the whole object.
    sop_instance_uid
        Which value is the object's own UID.
    originals, original_uids
        The UIDs that are the same in all of them, and which values are others.
    pixels
        What all of them say of their pixel data.
    """

    plain: Plain
    pieces: list[bytes]
    staying: tuple[tuple[int, int], ...]
    uids: tuple[tuple[int, int, Slot, Callable[[str], str | None]], ...]
    asked: tuple[tuple[int, int, bytes, Slot], ...]
    notes: Notes
    sop_instance_uid: int
    originals: tuple[bytes, ...]
    original_uids: tuple[int, ...]
    pixels: Pixels

    def draft(self, values: Sequence[bytes], value_at: int, *, context: Context) -> Draft | None:
        """The new header of a file with some values; ``None`` when a value is not plain."""
        if not self.plain.holds(values):
            return None
        pieces = self.pieces.copy()
        for place, number in self.staying:
            pieces[place] = values[number]
        new_uid = values[self.sop_instance_uid].rstrip(b"\0 ")
        for place, number, slot, replacement in self.uids:
            new = replacement(values[number].rstrip(b"\0").decode("ascii"))
            if new is None:
                return None
            pieces[place] = slot.measured(new)
            new_uid = new.encode("ascii") if number == self.sop_instance_uid else new_uid
        for place, number, head, slot in self.asked:
            decided = slot.decided(head + values[number], context)
            if decided is None or decided[1] is not slot.decision.notes:
                return None
            pieces[place] = decided[0]
        originals = self.originals + tuple([values[number].rstrip(b"\0 ") for number in self.original_uids])
        return Draft(pieces, self.notes, new_uid, originals, value_at, self.pixels)


def plan_of(
    heads: Sequence[SlotHead],
    slots: Sequence[Slot],
    pieces: Sequence[bytes],
    *,
    originals: Mapping[int, bytes],
    pixels: Pixels,
    merged: Callable[[Mapping[int, Notes]], Notes | None],
) -> Plan | None:
    """The plan for headers that differ in some slots only, each of a known length; ``None`` when there can be none.

    Parameters
    ----------
    heads, slots
        Those slots.
    pieces
        The new header of one such file: the stretches and, at odd positions, what is in its slots, these and others.
    originals
        The UIDs of that file by their attributes.
    pixels
        What it says of its pixel data.
    merged
        What is to be said of a whole object when something is to be said of those slots; ``None`` when it cannot be.
    """
    tags = [slot.tag for slot in slots]
    if SOP_INSTANCE_UID not in tags or any(each.length & 1 for each in heads):
        return None
    new, notes = list(pieces), {}
    plain, staying, uids, asked = [], [], [], []
    for number, (each, slot) in enumerate(zip(heads, slots, strict=True)):
        place, direct = 2 * each.slot + 1, slot.direct
        notes[each.slot] = slot.decision.notes
        if slot.staying is not None:
            plain.append((number, slot.staying))
            staying.append((place, number))
            new[place - 1] += each.raw
            notes[each.slot] = NOTHING
        elif slot.tag < META_END or (direct is not None and direct.is_removed and not slot.may_identify):
            new[place] = b""
        elif direct is not None and direct.new_uid is not None and not slot.may_identify:
            plain.append((number, direct.form))
            uids.append((place, number, slot, direct.new_uid))
            new[place - 1] += each.raw[: slot.length_at]
        else:
            asked.append((place, number, each.raw, slot))
    said = merged(notes)
    if said is None:
        return None
    return Plan(
        Plain(plain),
        new,
        tuple(staying),
        tuple(uids),
        tuple(asked),
        said,
        tags.index(SOP_INSTANCE_UID),
        tuple(value for tag, value in originals.items() if tag not in tags),
        tuple(number for number, tag in enumerate(tags) if tag in ORIGINAL_UID_TAGS),
        pixels,
    )
