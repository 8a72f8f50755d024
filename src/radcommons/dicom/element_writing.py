"""Data elements back into bytes (PS3.5 7). What nobody changed is written exactly as it came, whatever its faults."""

import struct
from collections.abc import Iterable, Iterator

from radcommons.dicom.elements import LONG_FORM_VRS, UNDEFINED_LENGTH, Element, Encoding, concrete_vr, vr_of_tag

_SHORT_LENGTH_LIMIT = 0xFFFF


def write_elements(elements: Iterable[Element], encoding: Encoding) -> bytes:
    """Write elements in ascending order of their tags, sequences with defined lengths.

    Where nothing but an undefined length tells a reader that an element is a sequence, it has one: in implicit encoding
    private sequences, and those the dictionary does not know.

    Encapsulated pixel data are written with their delimiter; large values are better streamed by the caller.
    """
    return b"".join(_pieces(elements, encoding))


def _pieces(elements: Iterable[Element], encoding: Encoding) -> Iterator[bytes]:
    for element in sorted(elements, key=lambda each: each.tag):
        if element.items is not None:
            body = b"".join(_item_pieces(element.items, encoding))
            is_delimited = encoding.is_implicit and vr_of_tag(element.tag) != "SQ"
            yield element_head(element.tag, "SQ", UNDEFINED_LENGTH if is_delimited else len(body), encoding)
            yield body
            if is_delimited:
                yield struct.pack(encoding.order + "HHI", 0xFFFE, 0xE0DD, 0)
        elif element.is_encapsulated:
            yield element_head(element.tag, element.vr, UNDEFINED_LENGTH, encoding)
            yield bytes(element.value)
            yield struct.pack(encoding.order + "HHI", 0xFFFE, 0xE0DD, 0)
        else:
            padding = len(element.value) & 1
            yield element_head(element.tag, element.vr, len(element.value) + padding, encoding)
            yield bytes(element.value)
            if padding:
                yield b"\0" if element.vr in {"UI", "OB", "UN"} else b" "


def _item_pieces(items: tuple[tuple[Element, ...], ...], encoding: Encoding) -> Iterator[bytes]:
    for item in items:
        body = write_elements(item, encoding)
        yield struct.pack(encoding.order + "HHI", 0xFFFE, 0xE000, len(body))
        yield body


def element_head(tag: int, vr: str, length: int, encoding: Encoding) -> bytes:
    """The header of one element: tag, value representation and length as the encoding lays them out (PS3.5 7.1)."""
    group, number = tag >> 16, tag & 0xFFFF
    if encoding.is_implicit:
        return struct.pack(encoding.order + "HHI", group, number, length)
    letters = concrete_vr(vr)
    if letters not in LONG_FORM_VRS and length > _SHORT_LENGTH_LIMIT:
        letters = "UN"
    if letters in LONG_FORM_VRS:
        return struct.pack(encoding.order + "HH2sHI", group, number, letters.encode("ascii"), 0, length)
    return struct.pack(encoding.order + "HH2sH", group, number, letters.encode("ascii"), length)
