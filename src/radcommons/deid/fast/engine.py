"""De-identifying an ordinary file the short way, or leaving it to the long one."""

import ctypes
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from radcommons.deid.fast.layout import NotOrdinaryError, must
from radcommons.deid.fast.recipe import Draft
from radcommons.deid.fast.room import Bench, Room, room_of
from radcommons.deid.job import Job
from radcommons.deid.outcome import Outcome
from radcommons.deid.writing import PREAMBLE
from radcommons.dicom.part10 import MAX_FILE_BYTES

# A header larger than this is not ordinary; most files are smaller as a whole. It is the size of a large page.
_BUFFER_BYTES = 2**21
_USUAL_HEAD_BYTES = 2**16
# What lies in the processor's lines of memory as it will in the new file is copied a sixth faster.
_LINE_BYTES = 64
# The buffer holds whole cells of this size, and smaller ones.
_CELL_BITS = 16


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
        self._bytes = memoryview(pages)[first : first + _BUFFER_BYTES]

    def buffer(self) -> memoryview:
        """The buffer; what was in it is gone with the next file."""
        return self._bytes


_own = _Own()


def deidentify_ordinary(source: Path, destination: Path, job: Job) -> Outcome | None:
    """De-identify a file, or ``None`` when it has to go the long way; then nothing was written.

    What comes of a file never depends on what was remembered, only how fast.
    """
    if job.cleaning.boxes:
        return None
    reading = None
    try:
        reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        return _deidentify(reading, os.fspath(destination), room_of(job))
    except (NotOrdinaryError, OSError):
        return None
    finally:
        if reading is not None:
            os.close(reading)


def _deidentify(reading: int, destination: str, room: Room) -> Outcome:
    size = os.fstat(reading).st_size
    buffer = _own.buffer()[room.lead_bytes :]
    available = os.readv(reading, [buffer])
    must(0 < size <= MAX_FILE_BYTES and available == min(size, len(buffer)))
    made = room.followed(bytes(buffer[: min(available, room.expected_bytes)]), size)
    bench, draft = made or _drafted(buffer[:available], size, room)
    # Files that begin alike may still end differently: the pixel data must reach to the last byte.
    length = int.from_bytes(buffer[draft.value_at - 4 : draft.value_at], "little")
    must(draft.value_at == size or draft.value_at + length == size)
    must(_has_empty_bits(buffer[draft.value_at : available], draft, is_whole=available == size))
    meta = room.meta(bench.context, draft.sop_instance_uid)
    header = b"".join((PREAMBLE, meta, *draft.pieces, buffer[draft.pixels_at : draft.value_at]))
    new_size = len(header) + size - draft.value_at
    room.lead_bytes = (len(header) - draft.value_at) % _LINE_BYTES & ~1
    partial = destination + ".part"
    try:
        with _new_file(partial) as writing:
            _write(writing, header, buffer[draft.value_at : available])
            for _ in range(available, size, len(buffer)):
                piece = buffer[: os.readv(reading, [buffer])]
                must(_has_empty_bits(piece, draft, is_whole=False))
                _write(writing, b"", piece)
            must(os.fstat(writing).st_size == new_size)
            written = os.pread(writing, len(header), 0)
        seen = bench.eye.look(written, partial, new_size, draft.originals)
        os.replace(partial, destination)  # noqa: PTH105  paths as objects cost as much as the header
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    notes = draft.notes
    return Outcome(seen.description, notes.report, seen.findings, seen.pixel_text, notes.kept_texts, notes.redactions)


def _has_empty_bits(pixels: memoryview, draft: Draft, *, is_whole: bool) -> bool:
    """Whether nothing is in the unused bits of the pixels, or of a part of them that begins with a whole cell."""
    depth = draft.depth
    if depth is None:
        return True
    is_even = is_whole or (depth.allocated <= _CELL_BITS and draft.value_at % 2 == 0)
    return depth.is_aligned and is_even and not depth.has_strays(pixels)


def _drafted(available: memoryview, size: int, room: Room) -> tuple[Bench, Draft]:
    try:
        return room.draft(bytes(available[:_USUAL_HEAD_BYTES]), size)
    except NotOrdinaryError:
        if len(available) <= _USUAL_HEAD_BYTES:
            raise
        return room.draft(bytes(available), size)


@contextmanager
def _new_file(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write(descriptor: int, first: bytes, then: memoryview) -> None:
    written = os.writev(descriptor, [first, then])
    if written < len(first) + len(then):
        rest = memoryview(first + bytes(then))[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]
