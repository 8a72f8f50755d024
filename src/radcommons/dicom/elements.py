"""Data elements as they lie in the bytes, read within limits (PS3.5 7). Values stay bytes, whatever their faults."""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pydicom.datadict import dictionary_VR

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.newer_attributes import NEWER_VRS

MAX_DEPTH = 32
MAX_ELEMENTS = 500_000
UNDEFINED_LENGTH = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})

_DELIMITER_GROUP = 0xFFFE
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_TRAILING_PADDING = 0xFFFCFFFC
_COPY_UP_TO_BYTES = 65_536
LONG_FORM_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_SHORT_FORM_VRS = frozenset({"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"})  # fmt: skip
KNOWN_VRS = LONG_FORM_VRS | _SHORT_FORM_VRS


class FormatError(RadCommonsError):
    """Bytes that are not a data set within the limits; ``code`` says how, ``where`` at which attribute."""

    def __init__(self, code: str, message: str, *, where: str = "object") -> None:
        super().__init__(Kind.INVALID, code, message)
        self.where = where


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are laid out: with or without value representations, and in which byte order."""

    is_implicit: bool
    is_little_endian: bool

    @property
    def order(self) -> str:
        """The byte order as :mod:`struct` writes it."""
        return "<" if self.is_little_endian else ">"


IMPLICIT_LITTLE = Encoding(is_implicit=True, is_little_endian=True)
EXPLICIT_LITTLE = Encoding(is_implicit=False, is_little_endian=True)
EXPLICIT_BIG = Encoding(is_implicit=False, is_little_endian=False)


@dataclass(frozen=True, slots=True)
class Element:
    """One data element.

    Parameters
    ----------
    tag
        Group and element number as one integer, ``0xGGGGEEEE``.
    vr
        Two letters; ``US or SS`` and the like where implicit encoding leaves it open.
    value
        The raw value bytes; for encapsulated pixel data the items without the closing delimiter; empty for sequences.
    items
        The items of a sequence, each a tuple of elements; ``None`` for everything else.
    offset
        Where the value begins in the buffer it was read from, -1 for one made here.
    is_encapsulated
        Whether the value is a row of fragments of undefined total length (PS3.5 A.4).
    """

    tag: int
    vr: str
    value: bytes | memoryview = b""
    items: tuple[tuple["Element", ...], ...] | None = None
    offset: int = -1
    is_encapsulated: bool = False

    @property
    def group(self) -> int:
        """The group number."""
        return self.tag >> 16

    @property
    def is_private(self) -> bool:
        """Whether the group is odd (PS3.5 7.8)."""
        return bool(self.group & 1)


@lru_cache(maxsize=8192)
def vr_of_tag(tag: int) -> str:
    """The value representation the dictionary gives a tag; ``UN`` for private and unknown ones (PS3.6)."""
    if tag & 0xFFFF == 0:
        return "UL"
    if tag >> 16 & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"  # noqa: PLR2004  private creators, PS3.5 7.8.1
    try:
        return dictionary_VR(tag)
    except KeyError:
        return NEWER_VRS.get(tag, "UN")


def tag_text(tag: int) -> str:
    """A tag as the standard prints it: ``(0010,0020)``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


# Letters of a value representation as they lie in the bytes: what they are, and whether a long length follows them.
LETTERS = {vr.encode("ascii"): (vr, vr in LONG_FORM_VRS) for vr in KNOWN_VRS}


_SHORT_FORMS = {letters: vr for letters, (vr, is_long) in LETTERS.items() if not is_long}


class _Heads(NamedTuple):
    """How the head of an element is unpacked in one byte order."""

    explicit: struct.Struct
    length: struct.Struct


_HEADS = {
    True: _Heads(struct.Struct("<HH2sH"), struct.Struct("<I")),
    False: _Heads(struct.Struct(">HH2sH"), struct.Struct(">I")),
}


class _Head(NamedTuple):
    tag: int
    vr: str
    length: int
    value_at: int


class ElementReader:
    """Reads the elements of one buffer, counting and measuring as it goes.

    Parameters
    ----------
    buffer
        The whole file or the inflated data set.
    encoding
        How its elements are laid out.
    """

    def __init__(self, buffer: memoryview, encoding: Encoding) -> None:
        self._buffer = buffer
        self._encoding = encoding
        self._count = 0
        self.trailing_offset: int | None = None

    def read_data_set(self, start: int) -> tuple[Element, ...]:
        """Read all elements from an offset to the end of the buffer.

        Bytes after the pixel data that are no elements are left alone; ``trailing_offset`` tells where they begin.

        Raises
        ------
        FormatError
            When the bytes are cut short, nested too deeply, too many, or no elements.
        """
        elements: list[Element] = []
        position, end = start, len(self._buffer)
        has_pixels = False
        while position < end:
            try:
                element, following = self._read_element(position, end, self._encoding, 0)
            except FormatError:
                if not has_pixels:
                    raise
                self.trailing_offset = position
                break
            if has_pixels and element.tag not in {0xFFFAFFFA, _TRAILING_PADDING} and element.tag <= PIXEL_DATA:
                self.trailing_offset = position
                break
            has_pixels = has_pixels or element.tag in PIXEL_TAGS
            # Delimiters that close nothing say nothing; some writers leave them behind.
            if element.tag >> 16 != _DELIMITER_GROUP:
                elements.append(element)
            position = following
        return tuple(elements)

    def read_group(self, start: int, group: int) -> tuple[tuple[Element, ...], int]:
        """Read the elements of one group from an offset on; also the offset after the last of them."""
        elements: list[Element] = []
        position, end = start, len(self._buffer)
        group_at = struct.Struct(self._encoding.order + "H").unpack_from
        while position + 8 <= end and group_at(self._buffer, position) == (group,):
            element, position = self._read_element(position, end, self._encoding, 0)
            elements.append(element)
        return tuple(elements), position

    def read_element(self, position: int) -> tuple[Element, int]:
        """Read the one element at an offset; also the offset after it.

        Raises
        ------
        FormatError
            As for :meth:`read_data_set`.
        """
        return self._read_element(position, len(self._buffer), self._encoding, 0)

    def _read_head(self, position: int, end: int, encoding: Encoding) -> tuple[int, str, int, int]:
        """Tag, value representation, length and where the value begins."""
        if position + 8 > end:
            raise FormatError("dicom.truncated", "The data set ends inside an element header.")
        heads = _HEADS[encoding.is_little_endian]
        group, number, letters, short = heads.explicit.unpack_from(self._buffer, position)
        tag = group << 16 | number
        if not encoding.is_implicit and group != _DELIMITER_GROUP:
            form = LETTERS.get(letters)
            if form is not None and not form[1]:
                return tag, form[0], short, position + 8
            if form is not None:
                if position + 12 > end:
                    raise FormatError("dicom.truncated", "The data set ends inside an element header.")
                return tag, form[0], heads.length.unpack_from(self._buffer, position + 8)[0], position + 12
            if letters.isalpha() and letters.isupper():
                return tag, letters.decode("ascii"), short, position + 8
        # Some writers drop back to the implicit form for single elements; other readers accept it too.
        return tag, vr_of_tag(tag), heads.length.unpack_from(self._buffer, position + 4)[0], position + 8

    def _counted(self) -> None:
        """Count an element or an item; both cost time and memory, empty ones too."""
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise FormatError("dicom.too-many-elements", f"The object has more than {MAX_ELEMENTS} elements.")

    def _read_element(self, position: int, end: int, encoding: Encoding, depth: int) -> tuple[Element, int]:
        self._counted()
        if encoding is EXPLICIT_LITTLE and position + 8 <= end:
            # Nearly all elements of nearly all files: a short value with its length in two bytes. All others go at length.
            group, number, letters, length = _HEADS[True].explicit.unpack_from(self._buffer, position)
            vr, following = _SHORT_FORMS.get(letters), position + 8 + length
            if vr is not None and group != _DELIMITER_GROUP and following <= end:
                value = bytes(self._buffer[position + 8 : following])
                return Element(group << 16 | number, vr, value, None, position + 8), following
        return self._read_any(position, end, encoding, depth)

    def _read_any(self, position: int, end: int, encoding: Encoding, depth: int) -> tuple[Element, int]:
        tag, vr, length, value_at = self._read_head(position, end, encoding)
        if tag >> 16 == _DELIMITER_GROUP and length:
            raise FormatError("dicom.malformed", "An item stands where an element belongs.", where=tag_text(tag))
        if length == UNDEFINED_LENGTH:
            return self._read_undefined(_Head(tag, vr, length, value_at), end, encoding, depth)
        following = value_at + length
        if following > end:
            raise FormatError("dicom.truncated", "A value is longer than the rest of the object.", where=tag_text(tag))
        inner = encoding
        if vr == "UN" and not tag >> 16 & 1 and encoding.is_little_endian:
            # A public attribute that travelled as UN has its dictionary's VR, in implicit little endian (PS3.5 6.2.2).
            vr, inner = vr_of_tag(tag), IMPLICIT_LITTLE
        if vr == "SQ":
            items, _ = self._read_items(value_at, following, inner, depth + 1)
            return Element(tag, "SQ", items=items, offset=value_at), following
        return Element(tag, vr, self._slice(value_at, following), None, value_at), following

    def _slice(self, start: int, end: int) -> bytes | memoryview:
        part = self._buffer[start:end]
        return part if end - start > _COPY_UP_TO_BYTES else bytes(part)

    def _read_undefined(self, head: _Head, end: int, encoding: Encoding, depth: int) -> tuple[Element, int]:
        if (head.tag in PIXEL_TAGS and depth == 0) or head.vr in {"OB", "OW"}:
            stop = self._skip_fragments(head.value_at, end, encoding)
            element = Element(
                head.tag,
                "OB" if head.vr not in {"OB", "OW", "UN"} else head.vr,
                self._slice(head.value_at, stop),
                offset=head.value_at,
                is_encapsulated=True,
            )
            return element, min(stop + 8, end)
        if head.vr not in {"SQ", "UN"} or (head.vr == "UN" and not encoding.is_little_endian):
            raise FormatError(
                "dicom.malformed", "An element of undefined length is no sequence.", where=tag_text(head.tag)
            )
        inner = IMPLICIT_LITTLE if head.vr == "UN" else encoding
        items, following = self._read_items(head.value_at, end, inner, depth + 1, is_delimited=True)
        return Element(head.tag, "SQ", items=items, offset=head.value_at), following

    def _skip_fragments(self, position: int, end: int, encoding: Encoding) -> int:
        while position + 8 <= end:
            head = _Head(*self._read_head(position, end, encoding))
            if head.tag == _SEQUENCE_END:
                return position
            if head.tag != _ITEM:
                raise FormatError("dicom.malformed", "Encapsulated pixel data hold something that is no fragment.")
            position = head.value_at + head.length
        raise FormatError("dicom.truncated", "Encapsulated pixel data end without their delimiter.")

    def _read_items(
        self, position: int, end: int, encoding: Encoding, depth: int, *, is_delimited: bool = False
    ) -> tuple[tuple[tuple[Element, ...], ...], int]:
        if depth > MAX_DEPTH:
            raise FormatError("dicom.too-deep", f"Sequences are nested more than {MAX_DEPTH} levels deep.")
        items: list[tuple[Element, ...]] = []
        while position < end:
            head = _Head(*self._read_head(position, end, encoding))
            if head.tag == _SEQUENCE_END:
                return tuple(items), head.value_at
            if head.tag != _ITEM:
                raise FormatError("dicom.malformed", "A sequence holds something that is no item.")
            self._counted()
            if head.length == UNDEFINED_LENGTH:
                elements, position = self._read_item(head.value_at, end, encoding, depth, is_delimited=True)
            else:
                stop = head.value_at + head.length
                if stop > end:
                    raise FormatError("dicom.truncated", "An item is longer than its sequence.")
                elements, position = self._read_item(head.value_at, stop, encoding, depth)
            items.append(elements)
        if is_delimited:
            raise FormatError("dicom.truncated", "A sequence ends without its delimiter.")
        return tuple(items), position

    def _read_item(
        self, position: int, end: int, encoding: Encoding, depth: int, *, is_delimited: bool = False
    ) -> tuple[tuple[Element, ...], int]:
        elements: list[Element] = []
        while position < end:
            if is_delimited and position + 8 <= end:
                tag, _, _, value_at = self._read_head(position, end, encoding)
                if tag == _ITEM_END:
                    return tuple(elements), value_at
            element, position = self._read_element(position, end, encoding, depth)
            if element.group != _DELIMITER_GROUP:
                elements.append(element)
        if is_delimited:
            raise FormatError("dicom.truncated", "An item ends without its delimiter.")
        return tuple(elements), position


def concrete_vr(vr: str, *, is_signed: bool = False) -> str:
    """One value representation where implicit encoding leaves two or three open (PS3.5 A.1)."""
    if " or " not in vr:
        return vr
    if vr.startswith("US or SS"):
        return "SS" if is_signed else "US"
    return "OW"
