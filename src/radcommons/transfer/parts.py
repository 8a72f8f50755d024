"""Many files of a batch in one request: first the list of what comes, then the bytes, one file after the other.

A request for each file costs both ends more than its bytes do. The list is eight bytes that name the format, the count as
four bytes, and for each file its SHA-256 (32 bytes) and its size (8 bytes), all big-endian. A request that ends after its
list is a question: the answer names which of the files the centre lacks.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

MEDIA_TYPE = "application/vnd.radcommons.parts"
MAXIMUM_PARTS = 512
_OPENING = struct.Struct(">8sI")
_ENTRY = struct.Struct(">32sQ")
_FORMAT = b"RCPARTS1"
OPENING_BYTES = _OPENING.size


@dataclass(frozen=True, slots=True)
class AnnouncedPart:
    """One file of a request: SHA-256 as hexadecimal digits, and how many bytes come."""

    sha256: str
    size_bytes: int


def announcement(parts: Sequence[AnnouncedPart]) -> bytes:
    """The list that a request begins with."""
    entries = (_ENTRY.pack(bytes.fromhex(each.sha256), each.size_bytes) for each in parts)
    return b"".join((_OPENING.pack(_FORMAT, len(parts)), *entries))


def announcement_size(opening: bytes) -> int:
    """How many bytes a list has, by its first :data:`OPENING_BYTES`.

    Raises
    ------
    ValueError
        When it is another format, or has no entry or too many.
    """
    name: bytes
    count: int
    name, count = _OPENING.unpack(opening)
    if name != _FORMAT:
        raise ValueError("it does not begin as a list of parts")
    if not 0 < count <= MAXIMUM_PARTS:
        raise ValueError(f"it announces not between one and {MAXIMUM_PARTS} parts")
    return OPENING_BYTES + count * _ENTRY.size


def read_announcement(data: bytes) -> tuple[AnnouncedPart, ...]:
    """What a list of :func:`announcement_size` bytes announces.

    Raises
    ------
    ValueError
        When a part is there twice.
    """
    parts = tuple(AnnouncedPart(digest.hex(), size) for digest, size in _ENTRY.iter_unpack(data[OPENING_BYTES:]))
    if len({each.sha256 for each in parts}) != len(parts):
        raise ValueError("it announces a part twice")
    return parts
