"""The limited child processes that look into strangers' files, kept between requests and jobs.

Starting one takes as long as looking into a hundred files; so they wait, a few for each process of the centre, and end
when nobody has needed them for a while.
"""

import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager

from radcommons.dicom import isolation
from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool, Named, preload
from radcommons.server.intake.foreseen import foreseen
from radcommons.server.intake.rules import Inspection, PartClaim
from radcommons.server.platform.settings import settings

Inspectors = LimitedPool[PartClaim, Inspection]
Inspected = tuple[PartClaim, Inspection]
# Processes, bytes of memory and seconds.
Limits = tuple[int, int, float]
# By its name: the web process, which has files looked into while they arrive, needs nothing of what looks.
INSPECT: Named[PartClaim, Inspection] = Named("radcommons.server.intake.inspection", "inspect_part")
_READY = "radcommons.server.intake.inspection_ready"

_AT_ONCE = 2
_IDLE_S = 120.0
# Files that are looked into together while others still arrive: enough to be worth waking a child, few enough that the
# last of them are soon seen.
_WORTH_WAKING = 4
_lock = threading.Lock()
_free = threading.BoundedSemaphore(_AT_ONCE)
_looking = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="look")
_idle: list[tuple[float, Limits, Inspectors]] = []
# What ends idle processes; one at a time, however many requests come.
_closing: list[threading.Timer] = []


def get_ready() -> None:
    """Load what a look needs before the first file comes."""
    preload(INSPECT.module, _READY)
    isolation.get_ready()


def inspected(claims: Sequence[PartClaim]) -> Generator[Inspected]:
    """Look into files, unless that was done while others arrived; what was found, in the order of the claims.

    The first instance of a study tells the archive what the study is: two runs over the same files must agree.
    """
    early = foreseen.taken(claims)
    with closing(_seen_by_children([each for each in claims if each.part_id not in early])) as coming:
        for claim in claims:
            while claim.part_id not in early:
                finished, found = next(coming)
                early[finished.part_id] = found
            yield claim, early.pop(claim.part_id)
        # To its end, or the children would be taken for broken off.
        deque(coming, maxlen=0)


def _seen_by_children(claims: Sequence[PartClaim]) -> Generator[Inspected]:
    if not claims:
        return
    with _taken() as pool:
        for finished, result in pool.run(claims):
            yield finished, Inspection(None, (result,)) if isinstance(result, Finding) else result


class LookAhead:
    """Looks into files while others still arrive: a few at a time, as many as came while it was busy."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[PartClaim] = []
        self._found: list[Inspection] = []
        self._runs: list[Future[None]] = []
        self._is_running = False

    def add(self, claim: PartClaim) -> None:
        """Give another file."""
        with self._lock:
            self._waiting.append(claim)
            if not self._is_running and len(self._waiting) >= _WORTH_WAKING:
                self._is_running = True
                self._runs.append(_looking.submit(self._run))

    def found(self) -> list[Inspection]:
        """What was found, in the order in which files were given.

        Raises
        ------
        NoProcessError
            When no process could be started to look.
        """
        for run in self._runs:
            run.result()
        self._look(self._waiting)
        self._waiting = []
        return self._found

    def close(self) -> None:
        """Look into no more; what is being looked at ends by itself."""
        with self._lock:
            self._waiting.clear()

    def _run(self) -> None:
        while True:
            with self._lock:
                self._is_running = len(self._waiting) >= _WORTH_WAKING
                if not self._is_running:
                    return
                group, self._waiting = self._waiting, []
            self._look(group)

    def _look(self, group: Sequence[PartClaim]) -> None:
        self._found.extend(inspection for _, inspection in inspected(group))


@contextmanager
def _taken() -> Iterator[Inspectors]:
    """A pool for one use; one whose use was broken off is not used again."""
    current = settings()
    limits = (current.worker_processes, current.worker_memory_bytes, float(current.parse_timeout_s))
    with _free:
        pool = _reused(limits) or _started(limits)
        try:
            yield pool
        except BaseException:
            pool.close()
            raise
        with _lock:
            _idle.append((time.monotonic(), limits, pool))
            if not _closing:
                _close_later()


def _close_later() -> None:
    timer = threading.Timer(_IDLE_S, _close_old)
    timer.daemon = True
    _closing[:] = [timer]
    timer.start()


def _close_old() -> None:
    close_idle()
    with _lock:
        _closing.clear()
        if _idle:
            _close_later()


def _reused(limits: Limits) -> Inspectors | None:
    with _lock:
        for number, (_, had, pool) in enumerate(_idle):
            if had == limits:
                del _idle[number]
                return pool
    return None


def _started(limits: Limits) -> Inspectors:
    processes, memory_bytes, timeout_s = limits
    preload(_READY)
    return LimitedPool(INSPECT, processes=processes, memory_bytes=memory_bytes, timeout_s=timeout_s)


def close_idle(*, idle_s: float = _IDLE_S) -> None:
    """End the processes that nobody has needed for some seconds."""
    before = time.monotonic() - idle_s
    with _lock:
        old = [each for each in _idle if each[0] <= before]
        _idle[:] = [each for each in _idle if each[0] > before]
    for _, _, pool in old:
        pool.close()
