"""The transfers of one download: what a journal has open, several at once, each noted when it is in place and right."""

import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from urllib.parse import quote

from radcommons.client.answers import UNREACHABLE
from radcommons.client.digests import digest_of, is_right
from radcommons.client.errors import DiskSpaceError, Failures, LocalDiskError, RemoteError, made
from radcommons.client.journal import INSTANCES, Arrived, Item, Journal
from radcommons.client.large import LARGE_BYTES, PART_BYTES, LargeFiles
from radcommons.client.remote import ADDRESSES_TOGETHER, Address, Expected, Remote
from radcommons.dicom.errors import Kind, RadCommonsError

SPARE_BYTES = 64 * 2**20
MARK_EVERY = 200
# Small files go to a thread some at a time: handing one over costs as much as asking for it.
TOGETHER = 8
TOGETHER_BYTES = 16 << 20
LOOK_AHEAD_PER_THREAD = 2
GONE_AFTER = 8
# What is said to one file because of who asks, or of the whole release, is said to the others too.
_SAID_TO_ALL = frozenset({Kind.UNAUTHENTICATED, Kind.FORBIDDEN, Kind.GONE})


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a running download; sizes in bytes. ``trouble`` is why something is waited for."""

    done_bytes: int
    total_bytes: int
    files: int
    trouble: str = ""


Report = Callable[[Progress], None]


class Run:
    """The transfers of one download."""

    def __init__(
        self, remote: Remote, base: str, *, folder: Path, journal: Journal, threads: int, report: Report
    ) -> None:
        self._remote, self._base, self._folder, self._journal = remote, base, folder, journal
        self._threads, self._report = threads, report
        # Plain text: joining paths as objects costs more than asking for a small file.
        self._root, self._made = f"{folder.as_posix()}/", set[str]()
        self.large_bytes = LARGE_BYTES
        self._done: list[Arrived] = []
        self._in_vain = 0
        self._arrived_bytes = self._total_bytes = 0
        self._has_bucket = True
        # Where some files are had without the repository, by their paths; asked for one batch ahead.
        self.locate: Callable[[Sequence[Item]], dict[str, Address]] = self._presigned
        # Bytes of large files that are not whole yet, by path; told by the threads that fetch their parts.
        self._parts: Counter[str] = Counter()
        self._telling = threading.Lock()
        self.fetched = self.fetched_bytes = self.already_there = 0
        self.failures = Failures()
        remote.on_wait = lambda error: self._tell(error.message)

    def fetch_pending(self, *, instances: bool | None = None) -> None:
        """Fetch what the journal has open; one file that fails does not stop the others, a full disk does.

        Parameters
        ----------
        instances
            Whether the images of a release alone, or only its documents and tables; both without it. What failed stays open, so
            whoever asks for the same again waits for it again.
        """
        count, total = self._journal.pending_sum(instances=instances)
        demand_space(self._folder, total)
        self._arrived_bytes, self._total_bytes = 0, total
        most = max(1, min(TOGETHER, count // (self._threads * LOOK_AHEAD_PER_THREAD)))
        arrived: SimpleQueue[Future[list[_Outcome]]] = SimpleQueue()
        active = 0
        with self._large_files() as large, ThreadPoolExecutor(self._threads, thread_name_prefix="fetch") as pool:
            try:
                with ExitStack() as unfinished:
                    # What still runs when something goes wrong would go on to the end of its file, or of its pauses.
                    unfinished.callback(self._remote.stop)
                    for some in _together(self._addressed(instances=instances), most):
                        pool.submit(self._bring_all, some, large).add_done_callback(arrived.put)
                        active += 1
                        if active >= self._threads * LOOK_AHEAD_PER_THREAD:
                            self._settle(_next_of(arrived).result())
                            active -= 1
                    for _ in range(active):
                        self._settle(_next_of(arrived).result())
                    unfinished.pop_all()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                self._flush()

    def _addressed(self, *, instances: bool | None) -> Iterator[tuple[Item, Address | None]]:
        """What is open, with the addresses in the bucket that the repository gives; asked for one batch ahead."""
        pending = self._journal.pending(instances=instances)
        with ThreadPoolExecutor(1, thread_name_prefix="sign") as asking:
            following = self._ask(pending, asking)
            while following is not None:
                items, answer = following
                following = self._ask(pending, asking)
                addresses = answer.result()
                for item in items:
                    yield item, addresses.get(item.path)

    def _ask(
        self, pending: Iterator[Item], asking: ThreadPoolExecutor
    ) -> tuple[list[Item], Future[dict[str, Address]]] | None:
        items = list(islice(pending, ADDRESSES_TOGETHER))
        return (items, asking.submit(self.locate, items)) if items else None

    def _presigned(self, items: Sequence[Item]) -> dict[str, Address]:
        digests = [item.digest for item in items if item.address.startswith(INSTANCES)]
        if not digests or not self._has_bucket:
            return {}
        found = self._remote.presigned(self._base, digests)
        self._has_bucket = bool(found)
        return {item.path: found[item.digest] for item in items if item.digest in found}

    def _bring_all(self, some: "Sequence[_Wanted]", large: LargeFiles) -> "list[_Outcome]":
        """Bring some files one after the other; what becomes of one does not touch the next, unless the disk fails."""
        outcomes: list[_Outcome] = []
        for item, direct in some:
            try:
                outcomes.append(self._bring(item, direct, large))
            except RadCommonsError as error:
                outcomes.append(error)
                if isinstance(error, LocalDiskError):
                    break
        return outcomes

    def _bring(self, item: Item, direct: Address | None, large: LargeFiles) -> "_Brought":
        place = f"{self._root}{item.path}"
        with suppress(FileNotFoundError):
            state = os.stat(place)
            if state.st_size == item.size_bytes and is_right(digest_of(Path(place), item.digest), item.digest):
                return _Brought(item, state.st_mtime_ns, is_fetched=False)
            os.unlink(place)
        self._make_folder(item.path.rpartition("/")[0])
        # Another program's list names where each file is; a release's own files lie below its address.
        address = item.address if "://" in item.address else self._base + quote(item.address)
        expected = Expected(item.digest, item.size_bytes)
        is_large = item.size_bytes >= self.large_bytes
        if not (is_large and large.fetch(item.path, address, Path(place), expected, direct=direct)):
            self._remote.fetch(address, place, expected, direct=direct)
        return _Brought(item, os.stat(place).st_mtime_ns, is_fetched=True)

    def _make_folder(self, folder: str) -> None:
        if folder not in self._made:
            made(self._folder / folder)
            self._made.add(folder)

    def _large_files(self) -> LargeFiles:
        part_bytes = min(PART_BYTES, max(1, self.large_bytes // 2))
        return LargeFiles(self._remote, self._journal, self._threads, part_bytes=part_bytes, report=self._tell_part)

    def _tell_part(self, path: str, size_bytes: int) -> None:
        with self._telling:
            self._parts[path] += size_bytes
        self._tell()

    def _tell(self, trouble: str = "") -> None:
        with self._telling:
            done = self._arrived_bytes + self._parts.total()
            self._report(Progress(done, self._total_bytes, self.fetched + self.already_there, trouble))

    def _settle(self, outcomes: "Sequence[_Outcome]") -> None:
        for outcome in outcomes:
            if isinstance(outcome, _Brought):
                self._note(outcome)
            else:
                self._note_failure(outcome)
        if len(self._done) >= MARK_EVERY:
            self._flush()
        self._tell()

    def _note(self, brought: "_Brought") -> None:
        item, self._in_vain = brought.item, 0
        self._done.append(Arrived(item.path, brought.mtime_ns))
        with self._telling:
            self._parts.pop(item.path, None)
            self._arrived_bytes += item.size_bytes
        self.fetched += brought.is_fetched
        self.already_there += not brought.is_fetched
        self.fetched_bytes += item.size_bytes if brought.is_fetched else 0

    def _note_failure(self, error: RadCommonsError) -> None:
        if isinstance(error, LocalDiskError):
            raise error
        self.failures.note(error)
        is_gone = error.code == UNREACHABLE
        # The files of another program's list are of several releases and buckets, which have no base in common.
        is_for_all = bool(self._base) and error.kind in _SAID_TO_ALL
        self._in_vain = self._in_vain + 1 if is_gone or is_for_all else 0
        # Who answers nobody for a minute each, or refuses one after the other, will do so to the thousands that follow.
        if self._in_vain >= max(GONE_AFTER, self._threads):
            message = f"{error.message} What arrived is kept."
            if is_gone:
                message = "The repository no longer answers. What arrived is kept; run the same command again later."
            raise RemoteError(error.kind, error.code, message) from error

    def _flush(self) -> None:
        self._journal.mark_done(self._done)
        self._done.clear()


@dataclass(frozen=True, slots=True)
class _Brought:
    """A file that is in place and right."""

    item: Item
    mtime_ns: int
    is_fetched: bool


_Wanted = tuple[Item, Address | None]
_Outcome = _Brought | RadCommonsError


def _next_of(arrived: "SimpleQueue[Future[list[_Outcome]]]") -> "Future[list[_Outcome]]":
    """Wait for the next; in turns, because Ctrl-C in the instant before a wait begins is noticed only when the wait ends."""
    while True:
        with suppress(Empty):
            return arrived.get(timeout=1)


def _together(wanted: Iterable[_Wanted], most: int) -> Iterator[list[_Wanted]]:
    """What one thread does at a time: at most so many files and bytes."""
    some: list[_Wanted] = []
    size_bytes = 0
    for each in wanted:
        some.append(each)
        size_bytes += each[0].size_bytes
        if len(some) >= most or size_bytes >= TOGETHER_BYTES:
            yield some
            some, size_bytes = [], 0
    if some:
        yield some


def demand_space(folder: Path, needed_bytes: int) -> None:
    """Refuse before the first byte what will not fit beside a spare of 64 MiB.

    Raises
    ------
    DiskSpaceError
        When it will not.
    """
    free = shutil.disk_usage(folder).free
    if needed_bytes and needed_bytes + SPARE_BYTES > free:
        raise DiskSpaceError(needed_bytes, free)
