"""De-identifying an ordinary file the short way, or leaving it to the long one.

Copying half a megabyte of pixels empties the processor's caches, and what comes after it takes twice as long. Everything
that has to be decided about a file is therefore decided before its pixels are touched: its header is read, made anew and
looked at; then header and pixels are written in one piece, and what the disk holds is compared with what was looked at.
"""

import ctypes
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from radcommons.deid.fast.layout import NotOrdinaryError, must
from radcommons.deid.fast.pixels import Pixels
from radcommons.deid.fast.plan import Draft
from radcommons.deid.fast.room import Bench, Room, room_of
from radcommons.deid.job import Job
from radcommons.deid.outcome import Outcome
from radcommons.dicom.part10 import MAX_FILE_BYTES

# A header larger than half of this is not ordinary; most files are smaller as a whole. It is the size of a large page.
_BUFFER_BYTES = 2**21
_USUAL_HEAD_BYTES = 2**16
_LARGEST_HEAD_BYTES = 2**20
# Every cell of pixels is as long as this, or a part of it.
_CELL_BYTES = 64
_READ = os.O_RDONLY | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


class _Own(threading.local):
    """A buffer for each thread: memory that is already there takes files in at the speed of copying.

    Half of what it takes to move a file into small pages goes into finding them; where the system has large ones, they are
    used. A large page begins at multiples of its size, so that twice as much is asked for.
    """

    def __init__(self) -> None:
        pages = mmap.mmap(-1, 2 * _BUFFER_BYTES, flags=mmap.MAP_PRIVATE)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with suppress(OSError):
                pages.madvise(mmap.MADV_HUGEPAGE)
        first = -ctypes.addressof(ctypes.c_char.from_buffer(pages)) % _BUFFER_BYTES
        self.buffer = memoryview(pages)[first : first + _BUFFER_BYTES]
        """What was in it is gone with the next file."""


_own = _Own()


def deidentify_ordinary(source: Path, destination: Path, job: Job) -> Outcome | None:
    """De-identify a file, or ``None`` when it has to go the long way; then nothing was written.

    What comes of a file never depends on what was remembered, only how fast.
    """
    if job.cleaning.boxes:
        return None
    try:
        with _opened(os.fspath(source), _READ) as reading:
            return _deidentify(reading, os.fspath(destination), room_of(job))
    except (NotOrdinaryError, OSError):
        return None


def _deidentify(reading: int, destination: str, room: Room) -> Outcome:
    size = os.fstat(reading).st_size
    must(0 < size <= MAX_FILE_BYTES)
    bench, draft = room.followed(os.pread(reading, room.expected_bytes, 0), size) or _drafted(reading, size, room)
    # Files that begin alike may still end differently: the pixel data must reach to the last byte.
    pixels, context, pixel_length = draft.pixels, bench.context, draft.pixels.length_in(size, draft.value_at)
    must(draft.value_at + pixel_length == size)
    must(pixels.length is not None or pixels.are_pictures_alone(reading, draft.value_at, context.identifiers))
    header = room.header(context, draft)
    seen = bench.eye.look(header, len(header) + pixel_length, draft.originals)
    _put_in_place(reading, destination, header, draft, end=size)
    notes = draft.notes
    return Outcome(seen.description, notes.report, seen.findings, seen.pixel_text, notes.kept_texts, notes.redactions)


def _drafted(reading: int, size: int, room: Room) -> tuple[Bench, Draft]:
    try:
        return room.draft(os.pread(reading, _USUAL_HEAD_BYTES, 0), size)
    except NotOrdinaryError:
        if size <= _USUAL_HEAD_BYTES:
            raise
        return room.draft(os.pread(reading, _LARGEST_HEAD_BYTES, 0), size)


def _put_in_place(reading: int, destination: str, header: bytes, draft: Draft, *, end: int) -> None:
    """Write a header that was looked at and the pixels behind it; the file appears whole or not at all."""
    buffer, filled = _own.buffer, len(header)
    must(filled <= _LARGEST_HEAD_BYTES)
    buffer[:filled] = header
    position, pixels = draft.value_at, draft.pixels
    stop = filled + min(end - position, (len(buffer) - filled) & -_CELL_BYTES)
    _fill(reading, buffer[filled:stop], position, pixels)
    partial, is_placed = destination + ".part", False
    try:
        with _opened(partial, _WRITE) as writing:
            _write(writing, buffer[:stop])
            for start in range(position + stop - filled, end, len(buffer)):
                piece = buffer[: end - start]
                _fill(reading, piece, start, pixels)
                _write(writing, piece)
            must(os.fstat(writing).st_size == filled + end - position)
            must(os.pread(writing, filled, 0) == header)
        os.replace(partial, destination)  # noqa: PTH105  paths as objects cost as much as the header
        is_placed = True
    finally:
        if not is_placed:
            Path(partial).unlink(missing_ok=True)


def _fill(reading: int, piece: memoryview, position: int, pixels: Pixels) -> None:
    """Read pixels that begin with a whole cell; nothing may be in their unused bits."""
    must(os.preadv(reading, [piece], position) == len(piece))
    must(pixels.have_empty_bits(piece))


@contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write(descriptor: int, content: memoryview) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
