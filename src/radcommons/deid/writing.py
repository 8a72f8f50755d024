"""Writing an object whose elements are at hand: empty preamble, new meta information, pixel data in small steps.

Pixel data are copied byte for byte, in the transfer syntax they came in; encapsulated fragments stay as they are.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from radcommons.dicom import uids
from radcommons.dicom.element_writing import element_head, write_elements
from radcommons.dicom.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PIXEL_TAGS,
    UNDEFINED_LENGTH,
    Element,
    Encoding,
)
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import leave

# A UUID of this project as a UID (PS3.5 B.2): the same in every release, since the files say their version themselves.
IMPLEMENTATION_CLASS_UID = "2.25.281693518021466240957461230893317125377"
IMPLEMENTATION_VERSION_NAME = "RADCOMMONS_1"
PREAMBLE = bytes(128) + b"DICM"
COPY_CHUNK_BYTES = 2**22
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def write_object(path: Path, elements: tuple[Element, ...], transfer_syntax_uid: str) -> None:
    """Write a whole file.

    Parameters
    ----------
    path
        Where; what is there is replaced.
    elements
        The data set in ascending order of its tags.
    transfer_syntax_uid
        In which form; pixel data are in it already.
    """
    header = Header(elements, EXPLICIT_LITTLE)
    pieces = _data_set_pieces(elements, encoding_of(transfer_syntax_uid))
    with path.open("wb") as stream:
        stream.write(PREAMBLE)
        stream.write(meta_bytes(header.text(0x00080016), header.text(0x00080018), transfer_syntax_uid))
        if transfer_syntax_uid == uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
            pieces = _deflated(pieces)
        for piece in pieces:
            stream.write(piece)


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """How a transfer syntax lays out elements (PS3.5 A)."""
    return {uids.IMPLICIT_VR_LITTLE_ENDIAN: IMPLICIT_LITTLE, uids.EXPLICIT_VR_BIG_ENDIAN: EXPLICIT_BIG}.get(
        transfer_syntax_uid, EXPLICIT_LITTLE
    )


def meta_bytes(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """The file meta information of a new object, which says nothing but what it must (PS3.10 7.1)."""
    body = write_elements(
        (
            Element(0x00020001, "OB", b"\0\1"),
            Element(0x00020002, "UI", sop_class_uid.encode("ascii")),
            Element(0x00020003, "UI", sop_instance_uid.encode("ascii")),
            Element(0x00020010, "UI", transfer_syntax_uid.encode("ascii")),
            Element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode("ascii")),
            Element(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode("ascii")),
        ),
        EXPLICIT_LITTLE,
    )
    return element_head(0x00020000, "UL", 4, EXPLICIT_LITTLE) + struct.pack("<I", len(body)) + body


def _data_set_pieces(elements: tuple[Element, ...], encoding: Encoding) -> Iterator[bytes | memoryview]:
    yield write_elements((each for each in elements if each.tag not in PIXEL_TAGS), encoding)
    for element in elements:
        if element.tag not in PIXEL_TAGS:
            continue
        padding = len(element.value) & 1
        length = UNDEFINED_LENGTH if element.is_encapsulated else len(element.value) + padding
        yield element_head(element.tag, element.vr, length, encoding)
        value = memoryview(element.value)
        for start in range(0, len(value), COPY_CHUNK_BYTES):
            yield value[start : start + COPY_CHUNK_BYTES]
            leave(value)
        yield _SEQUENCE_END if element.is_encapsulated else b"\0" * padding


def _deflated(pieces: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    machine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = 0
    for piece in pieces:
        packed = machine.compress(piece)
        size += len(packed)
        yield packed
    last = machine.flush()
    yield last + b"\0" * ((size + len(last)) & 1)
