"""A child process with limits whose answers an event loop awaits: no thread waits, and no answer of any size stops the loop.

Limits, and who is to blame when a child ends, are those of :mod:`.isolation`.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Generic, TypeVar

from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import (
    DEFAULT_MEMORY_BYTES,
    DEFAULT_TIMEOUT_S,
    MAY_BE_ANOTHERS_FAULT,
    START_ALLOWANCE_S,
    STARTS_IN_VAIN,
    NoProcessError,
    cause_of_death,
    end_child,
    finding_of,
    start_child,
)

T = TypeVar("T")
R = TypeVar("R")

_PIECE_BYTES = 1 << 18
# How the connections of multiprocessing frame a message: its length, or -1 and the length of a very long one.
_LENGTH, _LONG_LENGTH = struct.Struct("!i"), struct.Struct("!Q")


class AwaitedProcess(Generic[T, R]):
    """One child that applies a function to one item after another; started when first needed, replaced when it ends.

    Parameters
    ----------
    function, memory_bytes, timeout_s
        As for a :class:`~.isolation.LimitedPool`.
    """

    def __init__(
        self,
        function: Callable[[T], R],
        *,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        self._function = function
        self._memory_bytes = memory_bytes
        self._timeout_s = timeout_s
        self._child: _Child | None = None

    async def run(self, item: T) -> R | Finding:
        """Apply the function to an item, one at a time, from whatever event loop.

        Returns
        -------
        The result, or the Finding that says why there is none.

        Raises
        ------
        NoProcessError
            When children end again and again before they take any item.
        """
        try:
            code, value, is_fresh = await self._asked(item)
            if code in MAY_BE_ANOTHERS_FAULT and not is_fresh:
                code, value, _ = await self._asked(item)
        except BaseException:
            # An answer that nobody waited for would be taken for that of the next item.
            self.close()
            raise
        return value if code == "done" else finding_of(code)

    async def _asked(self, item: T) -> tuple[str, Any, bool]:
        """The code and the value of an answer, and whether the child had done nothing before."""
        child = self._child
        if child is None or child.has_ended:
            child = await self._fresh_child()
        is_fresh, child.served = not child.served, child.served + 1
        try:
            async with asyncio.timeout(self._timeout_s):
                await child.send([item])
                code, value = await child.receive()
        except TimeoutError:
            code, value = "isolation.timeout", None
        except (EOFError, ConnectionError):
            code, value = await asyncio.to_thread(cause_of_death, child.process), None
        if code != "done":
            # After a refused allocation its heap cannot be trusted to serve the next item, nor after anything else.
            await asyncio.to_thread(self.close)
        return code, value, is_fresh

    async def _fresh_child(self) -> "_Child":
        for _ in range(STARTS_IN_VAIN):
            await asyncio.to_thread(self.close)
            child = self._child = await asyncio.to_thread(self._start)
            try:
                async with asyncio.timeout(START_ALLOWANCE_S):
                    await child.receive()
            except (EOFError, ConnectionError, TimeoutError):
                continue
            return child
        raise NoProcessError

    def _start(self) -> "_Child":
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        answers = Connection(theirs.detach())
        process = start_child(self._function, answers, memory_bytes=self._memory_bytes, timeout_s=self._timeout_s)
        return _Child(process, ours)

    def close(self) -> None:
        """End the child; an item in work is abandoned."""
        child, self._child = self._child, None
        if child is not None:
            child.end()


class _Child:
    """A child and the pipe to it."""

    def __init__(self, process: ForkServerProcess, pipe: socket.socket) -> None:
        self.process = process
        self.served = 0
        self._pipe = pipe
        self._held = bytearray()

    @property
    def has_ended(self) -> bool:
        """Whether a child without work is gone: whatever can be read of it then is the end of its pipe."""
        try:
            self._pipe.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    async def send(self, message: object) -> None:
        """Write a message."""
        content = bytes(ForkingPickler.dumps(message))
        await asyncio.get_running_loop().sock_sendall(self._pipe, _LENGTH.pack(len(content)) + content)

    async def receive(self) -> tuple[str, Any]:
        """Read a message.

        Raises
        ------
        EOFError, ConnectionError
            When the child is gone.
        """
        (length,) = _LENGTH.unpack(await self._exactly(_LENGTH.size))
        if length < 0:
            (length,) = _LONG_LENGTH.unpack(await self._exactly(_LONG_LENGTH.size))
        code, value = ForkingPickler.loads(await self._exactly(length))
        return code, value

    async def _exactly(self, count: int) -> bytes:
        loop, held = asyncio.get_running_loop(), self._held
        while len(held) < count:
            piece = await loop.sock_recv(self._pipe, _PIECE_BYTES)
            if not piece:
                raise EOFError
            held += piece
        with memoryview(held) as view:
            taken = bytes(view[:count])
        del held[:count]
        return taken

    def end(self) -> None:
        """End it at once."""
        self._pipe.close()
        end_child(self.process)
