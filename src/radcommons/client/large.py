"""A large file in parts: several at once, each to its place, and only those again that are missing."""

import mmap
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from radcommons.client.closing import Closing
from radcommons.client.digests import hasher, is_right
from radcommons.client.errors import DigestError, LocalDiskError, RemoteError
from radcommons.client.journal import Journal
from radcommons.client.remote import Address, Expected, Remote

LARGE_BYTES = 64 << 20
# Two of the pieces in which the archive sends a file to its store: a store reads a whole piece for any part of it, and none is read
# twice when parts end where pieces do. Small enough that the digest, which takes one part after the other, does not begin late nor
# end long after the last part.
PART_BYTES = 16 << 20


class LargeFiles(Closing):
    """Fetches large files in parts, which the journal remembers.

    Each part is asked for where the bucket has it, or when that address is no longer good, of the repository, which signs anew.

    Parameters
    ----------
    threads
        How many parts are fetched at once, of however many files.
    part_bytes
        How large a part is.
    report
        Called with the path and the bytes of each part that is in place, from the thread that brought it.
    """

    def __init__(
        self,
        remote: Remote,
        journal: Journal,
        threads: int,
        *,
        part_bytes: int = PART_BYTES,
        report: Callable[[str, int], None] = lambda _, __: None,
    ) -> None:
        self._remote, self._journal, self._report = remote, journal, report
        self._part_bytes = part_bytes
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="part")

    def close(self) -> None:
        """Wait for the parts that are being fetched; no others begin."""
        self._pool.shutdown(cancel_futures=True)

    def fetch(
        self, path: str, address: str, destination: Path, expected: Expected, *, direct: Address | None = None
    ) -> bool:
        """Bring a file to its place; False when the server sends no parts and it must be asked for whole.

        Parameters
        ----------
        direct
            Where the bucket has it, as long as that address is good.

        Raises
        ------
        RemoteError, LocalDiskError
            When the server refuses or stays unreachable, or the disk takes no more; what arrived is kept.
        DigestError
            When the parts together are not the promised file; nothing is kept.
        """
        aside = destination.with_name(destination.name + ".part")
        try:
            digest = self._fetch_parts(path, (address, direct), aside, expected)
        except RemoteError as error:
            if error.code != "client.no-ranges":
                raise
            self._begin_anew(path, aside)
            return False
        if not is_right(digest, expected.digest):
            self._begin_anew(path, aside)
            raise DigestError("A file arrived with other bytes than the release promises.")
        aside.replace(destination)
        return True

    def _fetch_parts(self, path: str, places: tuple[str, Address | None], aside: Path, expected: Expected) -> str:
        """Bring all parts to their places; the digest of the whole, read part by part while the next ones arrive."""
        size_bytes, size = expected.size_bytes, self._part_bytes
        address, direct = places
        there = self._journal.parts_of(path) if aside.exists() and aside.stat().st_size == size_bytes else frozenset()
        # A link would lead to another file: it is taken away, what it leads to stays as it is.
        if not there or aside.is_symlink():
            there = frozenset()
            self._begin_anew(path, aside)
        with aside.open("ab", buffering=0) as file:
            _reserve(file.fileno(), size_bytes)

        def bring(number: int) -> None:
            start = number * size
            length = min(size, size_bytes - start)
            self._remote.fetch_range(address, aside, start, length, direct=direct)
            self._journal.mark_part(path, number)
            self._report(path, length)

        numbers, digest = range(-(-size_bytes // size)), hasher(expected.digest)
        parts = {number: self._pool.submit(bring, number) for number in numbers if number not in there}
        try:
            with aside.open("rb", buffering=0) as file:
                for number in numbers:
                    if number in parts:
                        parts[number].result()
                    with _mapped(file.fileno(), number * size, min(size, size_bytes - number * size)) as part:
                        digest.update(part)
        finally:
            # Whatever is still writing must end before the file is given up or takes its name.
            wait([each for each in parts.values() if not each.cancel()])
        return digest.hexdigest()

    def _begin_anew(self, path: str, aside: Path) -> None:
        aside.unlink(missing_ok=True)
        self._journal.forget_parts(path)


def _reserve(descriptor: int, size_bytes: int) -> None:
    """Take the room before the first byte arrives, so that a full disk is told at once."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size_bytes)
        else:
            os.ftruncate(descriptor, size_bytes)
    except OSError as error:
        raise LocalDiskError(error.strerror or "error") from error


@contextmanager
def _mapped(descriptor: int, start: int, length: int) -> Iterator[memoryview]:
    """A part that has just arrived where it still is in memory; reading it would copy it."""
    before = start % mmap.ALLOCATIONGRANULARITY
    with (
        mmap.mmap(descriptor, before + length, access=mmap.ACCESS_READ, offset=start - before) as pages,
        memoryview(pages) as all_bytes,
        all_bytes[before:] as part,
    ):
        yield part
