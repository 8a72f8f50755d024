"""Cutting the header of an ordinary file into its elements, without reading them.

Ordinary is: preamble and meta information, explicit or implicit little endian, known value representations, tags in
ascending order, and pixel data (or none) as the last element, up to the last byte. Everything else is left to the reader
that knows oddities.
"""

import struct
from dataclasses import dataclass

from radcommons.dicom.elements import (
    KNOWN_VRS,
    LONG_FORM_VRS,
    MAX_DEPTH,
    PIXEL_DATA,
    PIXEL_TAGS,
    UNDEFINED_LENGTH,
    vr_of_tag,
)

PREAMBLE_LENGTH = 128
START = PREAMBLE_LENGTH + 4
META_END = 0x00030000
_LONG_FORMS = frozenset(vr.encode("ascii") for vr in LONG_FORM_VRS)
_SHORT_FORMS = frozenset(vr.encode("ascii") for vr in KNOWN_VRS - LONG_FORM_VRS)
_TRANSFER_SYNTAX = 0x00020010
_SYNTAXES = {"1.2.840.10008.1.2": True, "1.2.840.10008.1.2.1": False}
# JPEG, JPEG-LS, JPEG 2000, HTJ2K, RLE and plain frames in fragments (PS3.5 A.4); not videos nor deflated frames.
_COMPRESSED = frozenset(
    {
        *(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203)),
        *("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.98"),
    }
)
_GRAPHIC_GROUPS = frozenset({0x50, 0x60})
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_EXPLICIT = struct.Struct("<HH2sH")
_IMPLICIT = struct.Struct("<HHI")
_LENGTH = struct.Struct("<I")


class NotOrdinaryError(Exception):
    """The file is for the long way; nothing is wrong with it for that."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The header of one file.

    Parameters
    ----------
    tags, raws
        Every element in order, meta information first, with its raw bytes from its tag to the end of its value.
    transfer_syntax_uid
        Its transfer syntax.
    is_implicit
        Whether the data set has no value representations.
    pixels_at
        Where the pixel data element begins; the size of the file when there is none.
    value_at
        Where its value begins; compressed frames, in fragments.
    """

    tags: tuple[int, ...]
    raws: tuple[bytes, ...]
    transfer_syntax_uid: str
    is_implicit: bool
    pixels_at: int
    value_at: int


def layout_of(data: bytes, size: int) -> Layout:
    """Cut a header.

    Parameters
    ----------
    data
        The file, or as much from its beginning as holds the header.
    size
        The size of the whole file.

    Raises
    ------
    NotOrdinaryError
        When the file is not ordinary in the sense above.
    """
    if data[PREAMBLE_LENGTH:START] != b"DICM":
        raise NotOrdinaryError
    tags: list[int] = []
    raws: list[bytes] = []
    try:
        position = _walk(data, START, size, is_implicit=False, until=META_END, tags=tags, raws=raws)
        syntax = raws[tags.index(_TRANSFER_SYNTAX)][8:].rstrip(b"\0").decode("ascii")
        is_compressed = syntax in _COMPRESSED
        is_implicit = not is_compressed and _SYNTAXES[syntax]
        # The reader at length goes by what the first element looks like; here it must look as declared.
        has_vr = data[position + 4 : position + 6] in _LONG_FORMS | _SHORT_FORMS
        must(has_vr is not is_implicit and data[position + 1] == 0)
        position = _walk(data, position, size, is_implicit=is_implicit, until=min(PIXEL_TAGS), tags=tags, raws=raws)
        value_at = (_fragments if is_compressed else _pixel_value)(data, position, size, is_implicit=is_implicit)
    except (struct.error, ValueError, KeyError, IndexError) as error:
        raise NotOrdinaryError from error
    return Layout(tuple(tags), tuple(raws), syntax, is_implicit, position, value_at)


def is_long_form(raw: bytes) -> bool:
    """Whether an explicit element has a length of four bytes (PS3.5 7.1.2)."""
    return raw[4:6] in _LONG_FORMS


def end_of_element(data: bytes, position: int, *, is_implicit: bool) -> int:
    """Where the element after one begins, sequences of undefined length skipped item by item.

    Raises
    ------
    NotOrdinaryError, struct.error
        When it is no element, or longer than the data.
    """
    return _skip(data, position, is_implicit=is_implicit, depth=0)


def must(is_so: bool) -> None:  # noqa: FBT001  an assertion has no other argument
    """Leave the file to the long way unless something is so."""
    if not is_so:
        raise NotOrdinaryError


def _walk(
    data: bytes, position: int, size: int, *, is_implicit: bool, until: int, tags: list[int], raws: list[bytes]
) -> int:
    """Append the elements below a tag; where the next one begins."""
    last = tags[-1] if tags else 0
    unpack_explicit, unpack_implicit, available = _EXPLICIT.unpack_from, _IMPLICIT.unpack_from, len(data)
    while position < size:
        group, number, vr, length = unpack_explicit(data, position)
        tag = group << 16 | number
        if tag >= until:
            return position
        following = position + 8 + length
        if is_implicit:
            group, number, length = unpack_implicit(data, position)
            following = position + 8 + length
        elif vr not in _SHORT_FORMS:
            must(vr in _LONG_FORMS)
            (length,) = _LENGTH.unpack_from(data, position + 8)
            following = position + 12 + length
        if length == UNDEFINED_LENGTH:
            following = _skip(data, position, is_implicit=is_implicit, depth=0)
        must(tag > last and following <= available and group >> 8 not in _GRAPHIC_GROUPS)
        tags.append(tag)
        raws.append(data[position:following])
        last, position = tag, following
    must(position == size)
    return position


def _skip(data: bytes, position: int, *, is_implicit: bool, depth: int) -> int:
    """Where the element after one begins that may be a sequence of undefined length."""
    must(depth <= MAX_DEPTH)
    if is_implicit:
        group, number, length = _IMPLICIT.unpack_from(data, position)
        value_at, is_sequence = position + 8, vr_of_tag(group << 16 | number) == "SQ"
    else:
        group, number, vr, length = _EXPLICIT.unpack_from(data, position)
        value_at, is_sequence = position + 8, vr == b"SQ"
        if vr not in _SHORT_FORMS:
            must(vr in _LONG_FORMS)
            (length,) = _LENGTH.unpack_from(data, position + 8)
            value_at += 4
    if length != UNDEFINED_LENGTH:
        return int(value_at + length)
    must(is_sequence)
    return _skip_items(data, value_at, is_implicit=is_implicit, depth=depth + 1)


def _skip_items(data: bytes, position: int, *, is_implicit: bool, depth: int) -> int:
    while True:
        group, number, length = _IMPLICIT.unpack_from(data, position)
        tag, position = group << 16 | number, position + 8
        if tag == _SEQUENCE_END:
            return position
        must(tag == _ITEM)
        if length != UNDEFINED_LENGTH:
            position += length
            continue
        while _tag_at(data, position) != _ITEM_END:
            position = _skip(data, position, is_implicit=is_implicit, depth=depth)
        position += 8


def _tag_at(data: bytes, position: int) -> int:
    group, number, _ = _IMPLICIT.unpack_from(data, position)
    return int(group << 16 | number)


def _pixel_value(data: bytes, position: int, size: int, *, is_implicit: bool) -> int:
    """Where the pixel value begins; it must reach to the end of the file."""
    if position == size:
        return size
    must(_tag_at(data, position) in PIXEL_TAGS)
    length, value_at = _pixel_length(data, position, is_implicit=is_implicit)
    must(length != UNDEFINED_LENGTH and value_at + length == size and length & 1 == 0)
    return value_at


def _fragments(data: bytes, position: int, size: int, *, is_implicit: bool) -> int:
    """Where the fragments begin; whether they reach to the end of the file is seen where they are."""
    must(
        position < size
        and _tag_at(data, position) == PIXEL_DATA
        and data[position + 4 : position + 6] in {b"OB", b"OW"}
    )
    length, value_at = _pixel_length(data, position, is_implicit=is_implicit)
    must(length == UNDEFINED_LENGTH)
    return value_at


def _pixel_length(data: bytes, position: int, *, is_implicit: bool) -> tuple[int, int]:
    """The length of the pixel data and where its value begins."""
    value_at = position + 8
    if not is_implicit:
        vr = data[position + 4 : position + 6]
        must(vr in {b"OB", b"OW", b"OF", b"OD"} and data[position + 6 : position + 8] == b"\0\0")
        value_at = position + 12
    return int(_LENGTH.unpack_from(data, value_at - 4)[0]), value_at
