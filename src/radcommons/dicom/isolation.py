"""Running a function over strangers' data in child processes with limits, so that one poisoned item fails alone.

A crash, a hang or a memory explosion costs one child and one item; the child is replaced and the rest go on. A child may
also end through no fault of its item: killed from outside, or spent by the items before. So an item is blamed for a crash
only by a child that did nothing else before; any other hands it on to such a child.
"""

import multiprocessing
import resource
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.forkserver import ensure_running
from types import TracebackType
from typing import Generic, Self, TypeVar

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.finding import Finding, Severity

T = TypeVar("T")
R = TypeVar("R")

DEFAULT_MEMORY_BYTES = 900 * 2**20
DEFAULT_TIMEOUT_S = 60.0
START_ALLOWANCE_S = 60.0
STARTS_IN_VAIN = 3
_POLL_S = 1.0
# Small items are handed over several at a time: enough to be worth a message, few enough that no child works long alone.
_HANDED_OVER_S = 0.05
_MOST_TOGETHER = 64

MAY_BE_ANOTHERS_FAULT = frozenset({"isolation.crashed", "isolation.memory"})
_MESSAGES = {
    "isolation.crashed": "The process that read this object ended unexpectedly; the object was left out.",
    "isolation.timeout": "Reading this object took longer than allowed; the object was left out.",
    "isolation.memory": "Reading this object needed more memory than allowed; the object was left out.",
    "isolation.failed": "Reading this object failed in an unforeseen way; the object was left out.",
}


class NoProcessError(RadCommonsError):
    """No child process could be started, several times in a row; nothing is said about any item."""

    def __init__(self) -> None:
        message = (
            "No process could be started to read objects in. Check the memory and the number of processes this machine allows, "
            "then retry."
        )
        super().__init__(Kind.UNAVAILABLE, "isolation.no-process", message)


@dataclass(frozen=True, slots=True)
class Named(Generic[T, R]):
    """A function that children load by its name, so that this process holds neither it nor what it needs.

    Parameters
    ----------
    module, name
        Where it is.
    """

    module: str
    name: str

    def __call__(self, *items: T) -> R:
        """Load it, where that was not done yet, and apply it; children apply it to one item at a time."""
        result: R = getattr(import_module(self.module), self.name)(*items)
        return result


_preloaded: dict[str, None] = {}


def preload(*modules: str) -> None:
    """Name modules that children find loaded, because the process that they are forked from loads them once.

    What is named after this process ran its first pool is loaded by each child, as is everything that nobody names.
    """
    _preloaded.update(dict.fromkeys(modules))


def get_ready() -> None:
    """Start the process that children are forked from, which loads what :func:`preload` named: nobody waits for it later."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_preloaded))
    ensure_running()


def start_child(
    function: Callable[[T], R], answers: Connection, *, memory_bytes: int, timeout_s: float
) -> ForkServerProcess:
    """Start a child that says it is ready, then answers lists of items on a pipe until that is closed.

    Each answer is a code and a value: ``done`` with the result, or why there is none.
    """
    context = multiprocessing.get_context("forkserver")
    preload(_module_of(function))
    context.set_forkserver_preload(list(_preloaded))
    process = context.Process(target=_serve, args=(answers, function, memory_bytes, timeout_s), daemon=True)
    process.start()
    answers.close()
    return process


def _module_of(function: Callable[[T], R]) -> str:
    if isinstance(function, Named):
        return function.module
    return (function.func if isinstance(function, partial) else function).__module__


def end_child(process: ForkServerProcess) -> None:
    """End a child at once, whatever it is at."""
    if process.is_alive():
        process.kill()
    process.join()
    process.close()


def cause_of_death(process: ForkServerProcess) -> str:
    """Why a child is gone that closed its pipe."""
    process.join(timeout=0.5)
    return "isolation.timeout" if process.exitcode == -signal.SIGXCPU else "isolation.crashed"


def finding_of(code: str) -> Finding:
    """Why there is no result of an item."""
    return Finding(Severity.ERROR, code, "object", _MESSAGES[code])


def _limit_child(memory_bytes: int, cpu_s: float) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit_cpu(cpu_s)


def _limit_cpu(cpu_s: float) -> None:
    used = time.process_time()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + cpu_s) + 2, hard))


def _serve(connection: Connection, function: Callable[[T], R], memory_bytes: int, timeout_s: float) -> None:
    """Answer lists of items, one answer an item, until the parent closes the pipe; runs in the child."""
    _limit_child(memory_bytes, timeout_s)
    connection.send(("ready", None))
    while True:
        try:
            items = connection.recv()
        except (EOFError, ConnectionResetError):
            # A parent that leaves while its last answer is unread resets the connection instead of ending it.
            return
        for item in items:
            _limit_cpu(timeout_s)
            try:
                connection.send(_answer(function, item))
            except MemoryError:
                connection.send(("isolation.memory", None))
            except (BrokenPipeError, ConnectionResetError):
                return


def _answer(function: Callable[[T], R], item: T) -> tuple[str, R | None]:
    try:
        return "done", function(item)
    except MemoryError:
        return "isolation.memory", None
    except Exception:  # noqa: BLE001  a door: whatever the item did, the parent hears of it and goes on
        return "isolation.failed", None


def _readable(connections: Iterable[Connection], *, timeout_s: float = 0.0) -> bool:
    """Whether something, or the end, can be read from one of some pipes, waiting so long for it.

    The library's own question makes and unmakes a selector each time, which costs as much as a small answer.
    """
    poll = select.poll()
    for connection in connections:
        poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


@dataclass(slots=True, eq=False)
class _Child:
    """One child process and the items it was given, the one in work first."""

    process: ForkServerProcess
    connection: Connection
    deadline: float
    is_ready: bool = False
    items: deque[object] = field(default_factory=deque)
    handed_over_at: float = 0.0
    handed_over: int = 0
    served: int = 0


class LimitedPool(Generic[T, R]):
    """Child processes that apply one function to many items, each within limits of memory and time.

    Parameters
    ----------
    function
        A picklable top-level function (or a ``functools.partial`` of one) of one item, or the :class:`Named` one.
    processes
        How many children work side by side.
    memory_bytes
        The most private memory one child may allocate (``RLIMIT_DATA``).
    timeout_s
        The longest one item may take, by the clock and by processor time.

    Notes
    -----
    Children are forked from a server process that was spawned, never from the parent, so that no descriptor, lock or
    secret of the parent reaches them. The server loads the function's module and what :func:`preload` names once, so
    that a child is there in milliseconds; it parses nothing itself and ends with the parent.
    """

    def __init__(
        self,
        function: Callable[[T], R],
        *,
        processes: int = 1,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        if processes < 1:
            raise ValueError("A pool needs at least one process.")
        self._function = function
        self._processes = processes
        self._memory_bytes = memory_bytes
        self._timeout_s = timeout_s
        self._children: list[_Child] = []
        # What a child that ended had not begun, and what it was at although others had been at work in it before.
        self._given_back: deque[T] = deque()
        self._suspects: deque[T] = deque()
        self._starts_in_vain = 0
        self._together = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all children at once; items in work are abandoned."""
        for child in self._children:
            self._end(child)
        self._children.clear()
        self._given_back.clear()
        self._suspects.clear()

    def run(self, items: Iterable[T]) -> Iterator[tuple[T, R | Finding]]:
        """Apply the function to every item, in no particular order, reading ahead by no more than a moment's work a child.

        An item that ends its child is blamed alone; what the child had not begun goes to another.

        Yields
        ------
        The item with the function's result, or with the Finding that says why there is none
        (``isolation.crashed``, ``isolation.timeout``, ``isolation.memory``, ``isolation.failed``).

        Raises
        ------
        NoProcessError
            When children end again and again before they take any item.
        """
        source = iter(items)
        while True:
            while self._suspects and self._has_room():
                self._fresh_child().items.append(self._suspects.popleft())
            while self._has_room() and (taken := self._take(source)):
                child = self._idle_child()
                child.items.extend(taken)
                if child.is_ready:
                    self._hand_over(child)
            busy = [child for child in self._children if child.items]
            if not busy:
                return
            yield from self._collect(busy)

    def _take(self, source: Iterator[T]) -> list[T]:
        if self._given_back:
            return [self._given_back.popleft()]
        return list(islice(source, self._together))

    def _has_room(self) -> bool:
        return len(self._children) < self._processes or not all(child.items for child in self._children)

    def _idle_child(self) -> _Child:
        for child in [each for each in self._children if not each.items]:
            # One without work says nothing: whatever can be read is the end of its pipe.
            if not _readable([child.connection]):
                return child
            self._drop(child)
        return self._start()

    def _fresh_child(self) -> _Child:
        if len(self._children) >= self._processes:
            self._drop(next(child for child in self._children if not child.items))
        return self._start()

    def _drop(self, child: _Child) -> None:
        self._children.remove(child)
        self._end(child)

    def _start(self) -> _Child:
        ours, theirs = multiprocessing.Pipe()
        process = start_child(self._function, theirs, memory_bytes=self._memory_bytes, timeout_s=self._timeout_s)
        child = _Child(process, ours, time.monotonic() + START_ALLOWANCE_S)
        self._children.append(child)
        return child

    def _hand_over(self, child: _Child) -> None:
        child.handed_over_at, child.handed_over = time.monotonic(), len(child.items)
        child.deadline = child.handed_over_at + self._timeout_s
        try:
            child.connection.send(list(child.items))
        except (BrokenPipeError, ConnectionResetError):
            # The child died this very moment; the collection below sees the closed pipe.
            child.deadline = child.handed_over_at

    def _collect(self, busy: list[_Child]) -> Iterator[tuple[T, R | Finding]]:
        now = time.monotonic()
        patience = max(0.0, min([_POLL_S, *(child.deadline - now for child in busy)]))
        _readable([child.connection for child in busy], timeout_s=patience)
        for child in busy:
            if _readable([child.connection]):
                yield from self._answers(child)
            elif time.monotonic() > child.deadline:
                yield from self._replace(child, "isolation.timeout")

    def _answers(self, child: _Child) -> Iterator[tuple[T, R | Finding]]:
        """Every answer that lies in a child's pipe."""
        try:
            kind, value = child.connection.recv()
            if kind == "ready":
                child.is_ready, self._starts_in_vain = True, 0
                self._hand_over(child)
                return
            while kind == "done":
                item: T = child.items.popleft()  # type: ignore[assignment]  # the pipe carries no types
                child.served += 1
                yield item, value
                if not child.items:
                    self._learn(time.monotonic() - child.handed_over_at, child.handed_over)
                    return
                child.deadline = time.monotonic() + self._timeout_s
                if not _readable([child.connection]):
                    return
                kind, value = child.connection.recv()
        except (EOFError, ConnectionResetError):
            kind = "isolation.crashed"
        # After a refused allocation the child's heap cannot be trusted to serve the next item.
        yield from self._replace(child, kind)

    def _learn(self, seconds: float, count: int) -> None:
        """Hand over as many items together next time as took the time that is meant, growing gently."""
        fitting = int(_HANDED_OVER_S * count / max(seconds, 1e-6))
        self._together = max(1, min(fitting, self._together * 2, _MOST_TOGETHER))

    def _replace(self, child: _Child, code: str) -> Iterator[tuple[T, Finding]]:
        """Take a child out of service that ended or has to; the item it was at, when that is to blame."""
        if code == "isolation.crashed":
            code = cause_of_death(child.process)
        self._drop(child)
        items: list[T] = list(child.items)  # type: ignore[arg-type]  # the pipe carries no types
        if not child.is_ready:
            self._given_back.extend(items)
            self._starts_in_vain += 1
            if self._starts_in_vain >= STARTS_IN_VAIN:
                raise NoProcessError
            return
        item, *others = items
        self._given_back.extend(others)
        if child.served and code in MAY_BE_ANOTHERS_FAULT:
            self._suspects.append(item)
        else:
            yield item, finding_of(code)

    @staticmethod
    def _end(child: _Child) -> None:
        child.connection.close()
        end_child(child.process)
