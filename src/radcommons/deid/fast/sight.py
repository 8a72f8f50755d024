"""One new header in which nothing is that must not be there, and what is seen of those like it."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from radcommons.deid.direct import BINARY_NUMBERS, STAYING, UID_FORM
from radcommons.deid.element_look import private_findings
from radcommons.deid.fast.context import Context, creators_in
from radcommons.deid.fast.layout import META_END, Layout, NotOrdinaryError
from radcommons.deid.fast.memories import Memory, parsed
from radcommons.deid.fast.pixels import ONE_FRAME, SHAPE_TAGS
from radcommons.deid.fast.plain import Plain
from radcommons.deid.fast.slots import SOP_INSTANCE_UID
from radcommons.deid.fast.stencil import SlotHead, Stencil
from radcommons.deid.hidden_pixels import tail_bytes
from radcommons.deid.identifiers import IDENTIFYING_TAGS
from radcommons.deid.last_look import instance_of, pixel_text_of
from radcommons.deid.levels import Level, creator_tag_of
from radcommons.deid.outcome import WrittenInstance
from radcommons.deid.pixel_text import PixelText
from radcommons.deid.verify import META_TAGS, META_TWINS, mark_findings
from radcommons.dicom.elements import UNDEFINED_LENGTH, Element
from radcommons.dicom.finding import Finding
from radcommons.dicom.header import Header
from radcommons.dicom.instance import describe_parsed
from radcommons.dicom.part10 import Part10File
from radcommons.dicom.text import SPECIFIC_CHARACTER_SET

# As Header reads it.
_MOST_DIGITS = 20
_NO_PIXEL = np.zeros(1, np.uint8)
_SYNTAX = 0x00020010
_ENDLESS = UNDEFINED_LENGTH.to_bytes(4, "little")
_TWIN = 0x00020003
_PATIENT_ID = 0x00100020
_STUDY, _SERIES, _NUMBER = 0x0020000D, 0x0020000E, 0x00200013
# A legal UID below the root of the replacements (PS3.5 B.2).
_NEW_UID = re.compile(rb"(?=2\.25\.)" + UID_FORM.pattern)
_MARK_TAGS = frozenset({0x00100010, 0x00100020, 0x00120062, 0x00120063, 0x00120064, 0x00280303})
# All that a description tells; the attributes that differ in every file are read from each.
_DESCRIBED = frozenset(
    {
        *SHAPE_TAGS,
        *(0x00080008, 0x00080016, 0x00080018, 0x00080020, 0x00080030, 0x00080050, 0x00080060, 0x00080064, 0x00080070),
        *(0x00081030, 0x0008103E, 0x00081090, 0x00100020, 0x00100030, 0x00100040, 0x00101010, 0x00120062, 0x00180015),
        *(0x00180050, 0x00181030, _STUDY, _SERIES, 0x00200011, _NUMBER, 0x00280301),
    }
)
_READ_FROM_EACH = frozenset({SOP_INSTANCE_UID, _STUDY, _SERIES, _NUMBER})
_PINNED = frozenset({_SYNTAX, SPECIFIC_CHARACTER_SET, 0x00080016, *SHAPE_TAGS, *_MARK_TAGS})


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen: the new object, and warnings about it."""

    description: WrittenInstance
    pixel_text: PixelText
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Slot:
    """One attribute that differs from file to file.

    Parameters
    ----------
    tag, index
        Which it is, and its position among the elements.
    value_at
        Where in its raw bytes its value begins.
    form
        What plain values match: numbers, a time of day, a new UID; ``None`` where every value is looked at.
    is_binary
        Whether its values are numbers in binary, in which other values can only be wrong by what can be read in them.
    """

    tag: int
    index: int
    value_at: int
    form: re.Pattern[bytes] | None
    is_binary: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is seen of headers that differ in some slots only, each of a known length, when all values are plain.

    Parameters
    ----------
    plain
        What the values must be like.
    binary
        Which values are numbers in binary, and what those match in which nothing can be read.
    asked
        Which values are looked at by themselves: the bytes before them, and their slots.
    told
        Which values have to be as they are, since they are told of all of them.
    like
        What is to be said of all of them, but for the values told of each.
    sop_instance_uid, twin, number
        Which values are the object's own UID, the same in the meta information, and the instance number, where it differs.
    """

    plain: Plain
    binary: tuple[tuple[int, re.Pattern[bytes]], ...]
    asked: tuple[tuple[int, bytes, _Slot], ...]
    told: tuple[tuple[int, bytes], ...]
    like: Seen
    sop_instance_uid: int
    twin: int
    number: int | None


class Sight:
    """One written header in which nothing is that must not be there, and those like it.

    Parameters
    ----------
    layout
        The header.
    context
        What it should have been through.
    tail
        The bytes of the pixel data element before its value.
    pixel_length
        How long that value is.

    Raises
    ------
    NotOrdinaryError
        When something cannot be vouched for.
    """

    def __init__(self, layout: Layout, context: Context, *, tail: bytes, pixel_length: int) -> None:
        self.layout = layout
        self.slots: tuple[int, ...] = ()
        self._context = context
        self._tail = tail
        self._pixel_length = pixel_length
        owners = creators_in(layout.tags, layout.raws, context.encoding, context.harvest.encodings)
        self._creators = tuple(owners.get(creator_tag_of(tag), "") if tag >> 16 & 1 else "" for tag in layout.tags)
        self._findings = [
            context.findings(tag, raw, creator) if tag >= META_END else ()
            for tag, raw, creator in zip(layout.tags, layout.raws, self._creators, strict=True)
        ]
        self._first_findings = self._findings
        self._by_tag = dict(zip(layout.tags, layout.raws, strict=True))
        # The attributes that tell of an object what is not read from each.
        self._telling = dict.fromkeys(tag for tag in layout.tags if tag in _DESCRIBED and tag not in _READ_FROM_EACH)
        self._description: tuple[WrittenInstance, PixelText] | None = None
        self._descriptions: Memory[tuple[WrittenInstance, PixelText]] = Memory()
        self._slots: dict[int, _Slot] = {}
        self._stencil: Stencil[_Plan] | None = None
        self._check_whole()

    def _check_whole(self) -> None:
        tags = self.layout.tags
        meta = [tag for tag in tags if tag < META_END]
        header = Header(self._elements(_MARK_TAGS), self._context.encoding)
        found = [
            *(finding for findings in self._findings for finding in findings if finding.is_error),
            *private_findings((tag for tag in tags if tag >= META_END), Level()),
            *mark_findings(header, self._context.job.profile),
        ]
        twins = all(self._uid_at(tag) == self._uid_at(META_TWINS[tag]) != b"" for tag in META_TWINS)
        is_subject = header.text(_PATIENT_ID) == self._context.job.patient.subject_id
        if found or set(meta) != META_TAGS or not twins or not is_subject:
            raise NotOrdinaryError

    def seen(self, size: int) -> Seen:
        """What was seen of the file itself, or of the one compared last."""
        return self._seen(size)

    @property
    def kind(self) -> Hashable:
        """The elements, and how the pixels follow."""
        return self.layout.tags, self.layout.transfer_syntax_uid, bool(self._tail)

    def differing(self, other: "Sight") -> frozenset[int] | None:
        """The positions at which another file of the same elements differs; ``None`` when it is not alike enough."""
        if self.layout.tags != other.layout.tags or self._tail != other._tail:  # noqa: SLF001  of the same class
            return None
        pairs = enumerate(zip(self.layout.raws, other.layout.raws, strict=True))
        found = frozenset(index for index, (mine, others) in pairs if mine != others)
        return None if any(self.layout.tags[index] in _PINNED for index in found) else found

    def open_slots(self, slots: frozenset[int]) -> bool:
        """Expect files that differ at some positions."""
        layout = self.layout
        self.slots = tuple(index for index in sorted(slots) if layout.tags[index] not in _PINNED)
        self._slots.clear()
        self._stencil = Stencil(
            layout.tags,
            layout.raws,
            self.slots,
            tail=self._tail,
            is_implicit=layout.is_implicit,
            plan=self._planned,
        )
        return True

    def _slot(self, number: int) -> _Slot:
        """What is needed to look at other values of an attribute in which nothing was found."""
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = self._made_slot(self.slots[number])
        return slot

    def _made_slot(self, index: int) -> _Slot:
        tag, raw = self.layout.tags[index], self.layout.raws[index]
        anybody = self._context.anybody
        vr, value_at = anybody.vr(tag, raw), anybody.value_at(raw)
        # An attribute that must be empty was seen empty; then nothing is said about values.
        # Numbers in private attributes may be record numbers.
        may_identify = tag in IDENTIFYING_TAGS or tag >> 16 & 1
        is_allowed = len(raw) > value_at and not self._first_findings[index] and not may_identify
        form = _NEW_UID if vr == "UI" else STAYING[vr].form if vr in STAYING else None
        form = form if is_allowed and tag >= META_END else None
        return _Slot(tag, index, value_at, form, is_binary=form is not None and vr in BINARY_NUMBERS)

    def compared(self, data: bytes, size: int) -> Seen | None:
        """What is seen of another file; ``None`` when it is not like this one, or has something new in it."""
        stencil = self._stencil
        if stencil is None:
            return None
        seen = self._seen_as_planned(stencil, data, size)
        if seen is not None:
            return seen
        matched = stencil.matched(data)
        if matched is None or matched[1] != len(data):
            return None
        own: dict[int, bytes] = {}
        findings = self._findings
        for number, raw in matched[0]:
            slot = self._slot(number)
            own[slot.tag] = raw
            form = slot.form
            found: tuple[Finding, ...] = ()
            is_plain = form is not None and len(raw) > slot.value_at and form.fullmatch(raw, slot.value_at) is not None
            if slot.is_binary and not is_plain and len(raw) > slot.value_at:
                is_plain = not self._context.is_named_among_numbers(raw[slot.value_at :])
            if not is_plain and slot.tag >= META_END:
                found = self._context.findings(slot.tag, raw, self._creators[slot.index])
                if any(each.is_error for each in found):
                    return None
            if found != findings[slot.index]:
                findings = list(findings) if findings is self._findings else findings
                findings[slot.index] = found
        twins = (_value(own[tag]) if tag in own else self._uid_at(tag) for tag in (_TWIN, SOP_INSTANCE_UID))
        if len(set(twins)) > 1:
            return None
        # The next file is compared with this one: neighbours differ in less than strangers.
        stencil.take(matched[0])
        self._by_tag.update(own)
        self._findings = findings
        if not own.keys().isdisjoint(self._telling):
            self._description = None
        seen = self._seen(size)
        stencil.expect_like()
        return seen

    def _seen_as_planned(self, stencil: Stencil[_Plan], data: bytes, size: int) -> Seen | None:
        """What is seen of a file in which nothing is new but plain values."""
        planned = stencil.planned(data)
        if planned is None or planned[2] != len(data) or not planned[0].plain.holds(planned[1]):
            return None
        plan, values, _ = planned
        uid = values[plan.sop_instance_uid].rstrip(b"\0 ")
        if uid != values[plan.twin].rstrip(b"\0 "):
            return None
        for number, value in plan.told:
            if values[number] != value:
                return None
        for number, form in plan.binary:
            if not form.fullmatch(values[number]) and self._context.is_named_among_numbers(values[number]):
                return None
        for number, head, slot in plan.asked:
            if self._context.findings(slot.tag, head + values[number], self._creators[slot.index]):
                return None
        instance_number = plan.like.description.instance_number
        if plan.number is not None:
            digits = values[plan.number].strip(b" ")
            if not digits.isdigit() or len(digits) > _MOST_DIGITS:
                return None
            instance_number = int(digits)
        return _like(plan.like, uid.decode("ascii"), instance_number, size)

    def _planned(self, heads: Sequence[SlotHead]) -> _Plan | None:
        """See :class:`_Plan`."""
        slots = [self._slot(each.slot) for each in heads]
        places = {slot.tag: number for number, slot in enumerate(slots)}
        if not {_TWIN, SOP_INSTANCE_UID} <= places.keys():
            return None
        plain: list[tuple[int, re.Pattern[bytes]]] = []
        binary, asked, told, findings = list(plain), [], [], list(self._findings)
        for number, (each, slot) in enumerate(zip(heads, slots, strict=True)):
            if slot.tag in self._telling or slot.tag in {_STUDY, _SERIES}:
                told.append((number, self._by_tag[slot.tag][len(each.raw) :]))
                continue
            findings[slot.index] = ()
            if slot.form is not None and each.length:
                (binary if slot.is_binary else plain).append((number, slot.form))
            elif slot.tag >= META_END:
                asked.append((number, each.raw, slot))
        return _Plan(
            Plain(plain),
            tuple(binary),
            tuple(asked),
            tuple(told),
            replace(self._seen(0), findings=_once(findings)),
            places[SOP_INSTANCE_UID],
            places[_TWIN],
            places.get(_NUMBER),
        )

    def _seen(self, size: int) -> Seen:
        if self._description is None:
            telling = tuple([self._by_tag[tag] for tag in self._telling])
            self._description = self._descriptions.get(telling)
            if self._description is None:
                self._description = self._descriptions.keep(telling, self._described())
        description, pixel_text = self._description
        study, series = self._uid(_STUDY), self._uid(_SERIES)
        like = replace(description, study_instance_uid=study, series_instance_uid=series)
        seen = Seen(like, pixel_text, _once(self._findings))
        return _like(seen, self._uid(SOP_INSTANCE_UID), self._number(), size)

    def _described(self) -> tuple[WrittenInstance, PixelText]:
        """Describe the object by its few telling elements, as the whole of it would be described."""
        elements = list(self._elements(_DESCRIBED))
        if self._tail:
            pixels = parsed(self._tail[:-4] + bytes(4), self._context.encoding)
            # How many pixels there are is asked, and never what they are; compressed ones were looked through.
            if self._tail.endswith(_ENDLESS):
                pixels = replace(pixels, value=ONE_FRAME, is_encapsulated=True)
            else:
                pixels = replace(pixels, value=np.broadcast_to(_NO_PIXEL, self._pixel_length).data)
            elements.append(pixels)
        syntax = _value(self._by_tag[_SYNTAX]).decode("ascii")
        file = Part10File(memoryview(b""), (), tuple(elements), syntax, self._context.encoding, False, ())
        description, odd = describe_parsed(file, memoryview(b""), with_json=False, with_digest=False)
        if description is None or odd or tail_bytes(file):
            raise NotOrdinaryError
        return instance_of(description), pixel_text_of(description, self._context.job.cleaning)

    def _elements(self, tags: frozenset[int]) -> list[Element]:
        return [parsed(raw, self._context.encoding) for tag, raw in self._by_tag.items() if tag in tags]

    def _uid_at(self, tag: int) -> bytes:
        return _value(self._by_tag.get(tag, b""))

    def _uid(self, tag: int) -> str:
        return self._uid_at(tag).decode("ascii")

    def _number(self) -> int | None:
        raw = self._by_tag.get(_NUMBER)
        if raw is None:
            return None
        text = raw[8:].strip(b" ")
        if text.isdigit():
            return int(text) if len(text) <= _MOST_DIGITS else None
        return Header((parsed(raw, self._context.encoding),), self._context.encoding).integer(_NUMBER)


def _like(seen: Seen, sop_instance_uid: str, instance_number: int | None, size_bytes: int) -> Seen:
    """The same of another object of the series."""
    like = seen.description
    description = WrittenInstance(
        like.study_instance_uid,
        like.series_instance_uid,
        sop_instance_uid,
        like.sop_class_uid,
        like.patient_id,
        like.modality,
        instance_number,
        like.number_of_frames,
        like.is_image,
        size_bytes,
    )
    return Seen(description, seen.pixel_text, seen.findings)


def _once(findings: Sequence[tuple[Finding, ...]]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(findings))) if any(findings) else ()


def _value(raw: bytes) -> bytes:
    """The value of a raw UID, whose header has eight bytes in either encoding, without padding."""
    return raw[8:].rstrip(b"\0 ")
