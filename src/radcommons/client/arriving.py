"""A file of a download while it arrives: under its name with ``.part``, until it is whole and right.

Places are texts: a path as an object costs as much as asking for a small file, of which a download has millions.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from os import PathLike
from pathlib import Path

from radcommons.client.digests import hasher
from radcommons.client.errors import on_disk
from radcommons.client.http1 import BUFFER_BYTES

# For a larger write the system takes larger pieces of memory, which a virtual machine has often given back to its host and fetches again
# page by page: 2,000 files of 528 kB took 2.8 seconds of the system's time in writes of 256 KiB, 1.1 to 2.2 in 64, 0.9 to 1.3 in these; 16 are
# more again.
WRITE_BYTES = 1 << 15


@contextmanager
def opened(part: str | Path, mode: str, start: int) -> Iterator[FileIO]:
    """A file to be written from a place on: one that is there (``r+``), or anew (``w``); never another to which a link leads."""
    with on_disk():
        sink = FileIO(part, mode, opener=_unlinked)
    with sink:
        if start:
            sink.seek(start)
        yield sink


def _unlinked(path: str, flags: int) -> int:
    """Open a file itself. In a folder that others may write, a link of its name would have somebody else's file written."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def write_all(sink: FileIO, rest: memoryview) -> None:
    """Write bytes to a file; the system may take fewer at a time than it is given."""
    with on_disk():
        while rest:
            rest = rest[sink.write(rest[:WRITE_BYTES]) :]


def write_document(place: Path, data: bytes) -> None:
    """Write a small file anew, itself and never another to which a link of its name leads."""
    with opened(place, "w", 0) as sink:
        write_all(sink, memoryview(data))


def size_of_part(path: str) -> int:
    """How many bytes are there; none where there is no file."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def kept(part: str, expected: str) -> tuple["hashlib._Hash", int]:
    """Hash state and length of what an earlier attempt at an expected digest left; the bytes are trusted, no side file is."""
    digest, size = hasher(expected), 0
    with suppress(FileNotFoundError), FileIO(part) as file:
        while chunk := file.read(BUFFER_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return digest, size


def put_in_place(part: str, destination: str | PathLike[str]) -> None:
    """Give a file its name, in one step."""
    with on_disk():
        os.replace(part, destination)


def forget(part: str) -> None:
    """Keep nothing of what arrived."""
    with suppress(FileNotFoundError):
        os.unlink(part)
