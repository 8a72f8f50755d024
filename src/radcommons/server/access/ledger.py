"""Counts of downloads in memory, written now and then, so that a download costs no write per file."""

import threading
import time

from radcommons.server.access.services import Served, count_downloads

FLUSH_AFTER = 200
FLUSH_AFTER_S = 10.0
Counts = dict[tuple[int, int], Served]


class Ledger:
    """What was served and not written yet, by version and account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counts = {}
        self._waiting = 0
        self._written_at = time.monotonic()

    def add(self, release_id: int, user_id: int, size_bytes: int, *, files: int = 1) -> Counts:
        """Count some files; returns what is to be written, mostly nothing."""
        with self._lock:
            known = self._counts.get((release_id, user_id), Served(0, 0))
            self._counts[release_id, user_id] = Served(known.files + files, known.size_bytes + size_bytes)
            self._waiting += 1
            is_due = self._waiting >= FLUSH_AFTER or time.monotonic() - self._written_at >= FLUSH_AFTER_S
            return self._take() if is_due else {}

    def take(self) -> Counts:
        """Everything not written yet."""
        with self._lock:
            return self._take()

    def _take(self) -> Counts:
        counts, self._counts, self._waiting = self._counts, {}, 0
        self._written_at = time.monotonic()
        return counts


ledger = Ledger()


def flush_counts() -> None:
    """Write the download counts that are still in memory; at shutdown and in tests."""
    counts = ledger.take()
    if counts:
        count_downloads(counts)
