"""Clocks, peak memory of process trees, and results as people and programs read them."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

MEGABYTE = 2**20
_SAMPLE_S = 0.05
Look = Callable[[psutil.Process], tuple[int, float]]


@dataclass(slots=True)
class Span:
    """What one measured stretch took: seconds, and the peak of the resident sets of the watched processes together.

    ``cpu_s`` is the processor time of these processes, with all that they started, until shortly before they ended.
    """

    seconds: float = 0.0
    peak_bytes: int = 0
    cpu_s: float = 0.0


@contextmanager
def watched(*process_ids: int, counts_shared_once: bool = False) -> Iterator[Span]:
    """Measure a stretch of time and the memory of processes with all their children.

    Parameters
    ----------
    counts_shared_once
        Whether memory shared by several processes counts once (proportional sets), which takes longer to look at; otherwise
        it counts for each of them.
    """
    span, stop = Span(), threading.Event()
    taken = _taken_once if counts_shared_once else _taken
    sampler = threading.Thread(target=_sample, args=(span, process_ids, stop, taken), daemon=True)
    sampler.start()
    begin = time.perf_counter()
    try:
        yield span
    finally:
        span.seconds = time.perf_counter() - begin
        stop.set()
        sampler.join()


def _sample(span: Span, process_ids: tuple[int, ...], stop: threading.Event, look: Look) -> None:
    while True:
        taken = [_tree(process_id, look) for process_id in process_ids]
        span.peak_bytes = max(span.peak_bytes, sum(size_bytes for size_bytes, _ in taken))
        span.cpu_s = max(span.cpu_s, sum(cpu_s for _, cpu_s in taken))
        if stop.wait(_SAMPLE_S):
            return


def _tree(process_id: int, look: Look) -> tuple[int, float]:
    """Resident bytes and processor seconds of a process and all that it started."""
    try:
        root = psutil.Process(process_id)
        parts = [look(process) for process in (root, *root.children(recursive=True))]
    except psutil.Error:
        return 0, 0.0
    return sum(size_bytes for size_bytes, _ in parts), sum(cpu_s for _, cpu_s in parts)


def _taken(process: psutil.Process) -> tuple[int, float]:
    try:
        with process.oneshot():
            return int(process.memory_info().rss), float(sum(process.cpu_times()[:4]))
    except psutil.Error:
        return 0, 0.0


def _taken_once(process: psutil.Process) -> tuple[int, float]:
    try:
        return int(process.memory_full_info().pss), float(sum(process.cpu_times()[:4]))
    except psutil.Error:
        return 0, 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """One figure.

    Parameters
    ----------
    name
        What was done.
    count, unit
        How many of what.
    seconds
        How long it took.
    size_bytes
        Bytes that went through; 0 where bytes are not the point.
    baseline, baseline_seconds
        What it is compared with, done to the same bytes or requests in the same run.
    peak_bytes
        Of the processes that did it.
    """

    name: str
    count: int
    unit: str
    seconds: float
    size_bytes: int
    baseline: str
    baseline_seconds: float
    peak_bytes: int

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.count / self.seconds

    @property
    def ratio(self) -> float:
        """How many times as long as the baseline it took."""
        return self.seconds / self.baseline_seconds if self.baseline_seconds else float("nan")

    def to_json(self) -> dict[str, object]:
        """The figure with what follows from it."""
        megabytes_a_second = self.size_bytes / MEGABYTE / self.seconds
        return {
            **asdict(self),
            "rate_per_second": round(self.rate, 2),
            "megabytes_per_second": round(megabytes_a_second, 2),
            "times_the_baseline": round(self.ratio, 2),
        }

    def line(self) -> str:
        """The figure as one line of a table."""
        speed = f"{self.size_bytes / MEGABYTE / self.seconds:8.1f} MB/s" if self.size_bytes else " " * 13
        memory = f"{self.peak_bytes / MEGABYTE:6.0f} MB" if self.peak_bytes else ""
        head = f"{self.name:<14}{self.rate:10.1f} {self.unit + '/s':<14}{speed}"
        return f"{head}  {self.ratio:7.1f} × {self.baseline:<18}{memory}"


@dataclass(slots=True)
class Copying:
    """Plain copying of a folder's files, the baseline of everything that moves files."""

    folder: Path
    size_bytes: int = 0
    seconds: float = field(default=0.0)

    def measure(self, aside: Path) -> "Copying":
        """Copy once to warm the caches, once to measure."""
        for _ in range(2):
            shutil.rmtree(aside, ignore_errors=True)
            begin = time.perf_counter()
            shutil.copytree(self.folder, aside)
            self.seconds = time.perf_counter() - begin
        self.size_bytes = sum(path.stat().st_size for path in aside.rglob("*") if path.is_file())
        shutil.rmtree(aside)
        return self
