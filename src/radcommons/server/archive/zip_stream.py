"""ZIP archives that are sent while they are made: nothing is compressed, nothing is held, the length is known before.

Images are compressed already, or a client asked for them as they are; so entries are *stored* (APPNOTE 4.4.5, method 0).
Their CRC-32 stands in front of them: Java's ``ZipInputStream``, with which NBIA's Data Retriever unpacks, refuses stored
entries with a data descriptor. It is remembered of what never changes; of anything else a small file is read once into memory,
a large one twice.
"""

import struct
import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

from starlette.concurrency import run_in_threadpool

from radcommons.server.archive.recently_used import RecentlyUsed

Piece = bytes | memoryview
# One file of this size is held per archive under way.
_AT_ONCE_BYTES = 4 << 20
# The CRC-32 of contents by their keys: to take it costs as much as reading and sending them.
_checksums: RecentlyUsed[str, int] = RecentlyUsed(4 << 20)
_CHECKSUM_BYTES = 300
_LIMIT_32 = 0xFFFFFFFF
_LIMIT_16 = 0xFFFF
_VERSION = 20
_VERSION_64 = 45
_UNIX = 3 << 8
_FILE_MODE = 0o100644 << 16
# 1 January 1980: the same content gives the same archive.
_DATE = 0x0021
_UTF8 = 1 << 11


class Read(Protocol):
    """Gives an entry's bytes in pieces, from the start each time it is called, with something in front of the first."""

    def __call__(self, *, before: bytes = b"") -> AsyncIterator[Piece]:
        """Read them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive.

    Parameters
    ----------
    size_bytes
        How many bytes ``read`` gives; anything else breaks the archive off.
    sha256
        What names the content, where that never changes; empty for others.
    """

    name: str
    size_bytes: int
    read: Read
    sha256: str = ""


class ChangedEntryError(Exception):
    """An entry gave more or fewer bytes than it said; what was sent so far must not look complete."""


def zip_size(entries: Iterable[Entry]) -> int:
    """The length of the archive in bytes."""
    offset, directory, count = 0, 0, 0
    for entry in entries:
        directory += len(_central(entry, offset, 0))
        offset += len(_local(entry, 0)) + entry.size_bytes
        count += 1
    return offset + directory + len(_end(count, offset, directory))


async def zip_pieces(entries: Sequence[Entry]) -> AsyncIterator[Piece]:
    """The archive in pieces.

    Raises
    ------
    ChangedEntryError
        When an entry does not have the size it said.
    """
    offset = 0
    directory: list[bytes] = []
    for entry in entries:
        crc, held = await _read_beforehand(entry)
        head = _local(entry, crc)
        if held:
            yield head
            for piece in held:
                yield piece
        else:
            async for piece in _counted(entry, before=head):
                yield piece
        directory.append(_central(entry, offset, crc))
        offset += len(head) + entry.size_bytes
    listed = b"".join(directory)
    yield listed + _end(len(entries), offset, len(listed))


async def _read_beforehand(entry: Entry) -> tuple[int, list[Piece]]:
    """The checksum of an entry, and its bytes where they were read for it and are few."""
    known = _checksums.get(entry.sha256) if entry.sha256 else None
    if known is not None:
        return known, []
    if entry.size_bytes <= _AT_ONCE_BYTES:
        held = [piece async for piece in _counted(entry)]
        crc = reduce(lambda so_far, piece: zlib.crc32(piece, so_far), held, 0)
    else:
        crc, held = 0, []
        async for piece in _counted(entry):
            # In a thread: nothing else waits between the pieces of a file that is in memory.
            crc = await run_in_threadpool(zlib.crc32, piece, crc)
    if entry.sha256:
        _checksums.put(entry.sha256, crc, size_bytes=_CHECKSUM_BYTES)
    return crc, held


async def _counted(entry: Entry, *, before: bytes = b"") -> AsyncIterator[Piece]:
    left = len(before) + entry.size_bytes
    async for piece in entry.read(before=before):
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        raise ChangedEntryError


def _local(entry: Entry, crc: int) -> bytes:
    """Local file header (APPNOTE 4.3.7)."""
    name, is_large = entry.name.encode(), entry.size_bytes >= _LIMIT_32
    extra = struct.pack("<HHQQ", 1, 16, entry.size_bytes, entry.size_bytes) if is_large else b""
    size = _LIMIT_32 if is_large else entry.size_bytes
    version = _VERSION_64 if is_large else _VERSION
    fixed = (0x04034B50, version, _UTF8, 0, 0, _DATE, crc, size, size, len(name), len(extra))
    return struct.pack("<IHHHHHIIIHH", *fixed) + name + extra


def _central(entry: Entry, offset: int, crc: int) -> bytes:
    """Central directory header (APPNOTE 4.3.12)."""
    name, is_large, is_far = entry.name.encode(), entry.size_bytes >= _LIMIT_32, offset >= _LIMIT_32
    values = [entry.size_bytes] * 2 * is_large + [offset] * is_far
    extra = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""
    size = _LIMIT_32 if is_large else entry.size_bytes
    version = _VERSION_64 if values else _VERSION
    fixed = (0x02014B50, _UNIX | version, version, _UTF8, 0, 0, _DATE, crc, size, size, len(name), len(extra))
    place = (0, 0, 0, _FILE_MODE, _LIMIT_32 if is_far else offset)
    return struct.pack("<IHHHHHHIIIHHHHHII", *fixed, *place) + name + extra


def _end(count: int, offset: int, size: int) -> bytes:
    """End of the central directory, with its ZIP64 record where it is needed (APPNOTE 4.3.14 to 4.3.16)."""
    is_zip64 = count >= _LIMIT_16 or offset >= _LIMIT_32 or size >= _LIMIT_32
    record = b""
    if is_zip64:
        fixed = (0x06064B50, 44, _UNIX | _VERSION_64, _VERSION_64, 0, 0, count, count, size, offset)
        record = struct.pack("<IQHHIIQQQQ", *fixed) + struct.pack("<IIQI", 0x07064B50, 0, offset + size, 1)
    number, length, place = min(count, _LIMIT_16), min(size, _LIMIT_32), min(offset, _LIMIT_32)
    return record + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, number, number, length, place, 0)
