"""The last look on the short way: the header is read back from the disk, and every element in it has to be vouched for.

It knows nothing of how the header was made. An element counts as seen when exactly these bytes went through the second
look (:mod:`radcommons.deid.element_look`) in this context before, or when its value is a plain number, a time of day or a
new UID where such a value was allowed. Whatever it cannot vouch for goes the long way, whose look then speaks.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from radcommons.deid.direct import BINARY_NUMBERS, STAYING, UID_FORM
from radcommons.deid.element_look import private_findings
from radcommons.deid.fast.context import Context, creators_in
from radcommons.deid.fast.layout import META_END, Layout, NotOrdinaryError, layout_of
from radcommons.deid.fast.memories import Memory, parsed
from radcommons.deid.fast.recipe import SHAPE_TAGS, SOP_INSTANCE_UID
from radcommons.deid.fast.shelf import Habits, Shelf
from radcommons.deid.fast.stencil import Stencil
from radcommons.deid.hidden_pixels import tail_bytes
from radcommons.deid.identifiers import IDENTIFYING_TAGS
from radcommons.deid.last_look import instance_of, pixel_text_of
from radcommons.deid.levels import Level, creator_tag_of
from radcommons.deid.outcome import WrittenInstance
from radcommons.deid.pixel_text import PixelText
from radcommons.deid.verify import META_TAGS, META_TWINS, mark_findings
from radcommons.deid.writing import PREAMBLE
from radcommons.dicom.elements import Element
from radcommons.dicom.finding import Finding
from radcommons.dicom.header import Header
from radcommons.dicom.instance import describe_parsed
from radcommons.dicom.part10 import Part10File, map_file
from radcommons.dicom.text import SPECIFIC_CHARACTER_SET

_LARGEST_EXAMPLE_BYTES = 2**16
_SYNTAX = 0x00020010
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
        self._by_tag = dict(zip(layout.tags, layout.raws, strict=True))
        # The attributes that tell of an object what is not read from each.
        self._telling = dict.fromkeys(tag for tag in layout.tags if tag in _DESCRIBED and tag not in _READ_FROM_EACH)
        self._description: tuple[WrittenInstance, PixelText] | None = None
        self._descriptions: Memory[tuple[WrittenInstance, PixelText]] = Memory()
        self._slots: list[_Slot] = []
        self._stencil: Stencil | None = None
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
        twins = all(_value(self._by_tag[tag]) == _value(self._by_tag[META_TWINS[tag]]) for tag in META_TWINS)
        is_subject = header.text(_PATIENT_ID) == self._context.job.patient.subject_id
        if found or set(meta) != META_TAGS or not twins or not is_subject:
            raise NotOrdinaryError

    def seen(self, path: str, size: int) -> Seen:
        """What was seen of the file itself, or of the one compared last."""
        return self._seen(path, size)

    @property
    def kind(self) -> Hashable:
        """The elements, and how the pixels follow."""
        return self.layout.tags, self.layout.is_implicit, bool(self._tail)

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
        self._slots = [self._slot(index) for index in self.slots]
        self._stencil = Stencil(layout.tags, layout.raws, self.slots, tail=self._tail, is_implicit=layout.is_implicit)
        return True

    def _slot(self, index: int) -> "_Slot":
        """What is needed to look at other values of an attribute in which nothing was found."""
        tag, raw = self.layout.tags[index], self.layout.raws[index]
        anybody = self._context.anybody
        vr, value_at = anybody.vr(tag, raw), anybody.value_at(raw)
        # An attribute that must be empty was seen empty; then nothing is said about values.
        # Numbers in private attributes may be record numbers.
        may_identify = tag in IDENTIFYING_TAGS or tag >> 16 & 1
        is_allowed = len(raw) > value_at and not self._findings[index] and not may_identify
        form = _NEW_UID if vr == "UI" else STAYING[vr].form if vr in STAYING else None
        form = form if is_allowed and tag >= META_END else None
        return _Slot(tag, index, value_at, form, is_binary=form is not None and vr in BINARY_NUMBERS)

    def compared(self, data: bytes, path: str, size: int) -> Seen | None:
        """What is seen of another file; ``None`` when it is not like this one, or has something new in it."""
        stencil = self._stencil
        matched = stencil.matched(data) if stencil is not None else None
        if stencil is None or matched is None or matched[1] != len(data):
            return None
        own: dict[int, bytes] = {}
        findings = self._findings
        for number, raw in matched[0]:
            slot = self._slots[number]
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
        if self._raw_uid(own, _TWIN) != self._raw_uid(own, SOP_INSTANCE_UID):
            return None
        # The next file is compared with this one: neighbours differ in less than strangers.
        stencil.take(matched[0])
        self._by_tag.update(own)
        self._findings = findings
        if not own.keys().isdisjoint(self._telling):
            self._description = None
        return self._seen(path, size)

    def _seen(self, path: str, size: int) -> Seen:
        if self._description is None:
            telling = tuple([self._by_tag[tag] for tag in self._telling])
            self._description = self._descriptions.get(telling)
            if self._description is None:
                self._description = self._descriptions.keep(telling, self._described(path))
        description, pixel_text = self._description
        return Seen(
            WrittenInstance(
                self._uid(_STUDY),
                self._uid(_SERIES),
                self._uid(SOP_INSTANCE_UID),
                description.sop_class_uid,
                description.patient_id,
                description.modality,
                self._number(),
                description.number_of_frames,
                description.is_image,
                size,
            ),
            pixel_text,
            tuple(dict.fromkeys(chain.from_iterable(self._findings))) if any(self._findings) else (),
        )

    def _described(self, path: str) -> tuple[WrittenInstance, PixelText]:
        """Describe the object by its few telling elements, as the whole of it would be described."""
        elements = list(self._elements(_DESCRIBED))
        if self._tail:
            pixels = parsed(self._tail[:-4] + bytes(4), self._context.encoding)
            elements.append(replace(pixels, value=map_file(Path(path))[-self._pixel_length :]))
        syntax = _value(self._by_tag[_SYNTAX]).decode("ascii")
        file = Part10File(memoryview(b""), (), tuple(elements), syntax, self._context.encoding, False, ())
        description, odd = describe_parsed(file, memoryview(b""), with_json=False, with_digest=False)
        if description is None or odd or tail_bytes(file):
            raise NotOrdinaryError
        return instance_of(description), pixel_text_of(description, self._context.job.cleaning)

    def _elements(self, tags: frozenset[int]) -> list[Element]:
        return [parsed(raw, self._context.encoding) for tag, raw in self._by_tag.items() if tag in tags]

    def _raw_uid(self, own: dict[int, bytes], tag: int) -> bytes:
        return _value(own[tag] if tag in own else self._by_tag[tag])

    def _uid(self, tag: int) -> str:
        return _value(self._by_tag[tag]).decode("ascii")

    def _number(self) -> int | None:
        raw = self._by_tag.get(_NUMBER)
        if raw is None:
            return None
        text = raw[8:].strip(b" ")
        if text.isdigit():
            return int(text) if len(text) <= 20 else None  # noqa: PLR2004  as Header reads it
        return Header((parsed(raw, self._context.encoding),), self._context.encoding).integer(_NUMBER)


def _value(raw: bytes) -> bytes:
    """The value of a raw UID, whose header has eight bytes in either encoding, without padding."""
    return raw[8:].rstrip(b"\0 ")


class Eye:
    """The last look of one context, with what it saw before.

    Parameters
    ----------
    context
        What files should have been through.
    habits
        Where files of a kind differ.
    """

    def __init__(self, context: Context, habits: Habits) -> None:
        self._context = context
        self._sights: Shelf[Sight] = Shelf(habits)

    def look(self, data: bytes, path: str, size: int, originals: tuple[bytes, ...]) -> Seen:
        """Look at a written file.

        Parameters
        ----------
        data
            Its bytes up to the pixel value, read from the disk.
        path, size
            The file.
        originals
            UIDs that must not be found in it.

        Raises
        ------
        NotOrdinaryError
            When it cannot be vouched for.
        """
        if not data.startswith(PREAMBLE) or any(original in data for original in originals):
            raise NotOrdinaryError
        for sight in self._sights:
            seen = sight.compared(data, path, size)
            if seen is not None:
                self._sights.bring_forward(sight)
                return seen
        layout = layout_of(data, size)
        if layout.value_at != len(data):
            raise NotOrdinaryError
        sight = Sight(layout, self._context, tail=data[layout.pixels_at :], pixel_length=size - layout.value_at)
        seen = sight.seen(path, size)
        if len(data) <= _LARGEST_EXAMPLE_BYTES:
            self._sights.put(sight)
        return seen
