"""HTTP/1.1 as uvicorn speaks it, with the head of an answer and its body on the wire together, and fewer copies of what comes.

Sent apart, the head alone wakes the client, which finds nothing to do and sleeps again: on a busy machine that costs more
than the answer. What comes is read into memory that is there already, and a body is handed on as the parser gives it.
"""

import asyncio
import threading
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# A body of up to so much is copied behind its head; with a larger one the kernel is given both in one call.
_COPIED_BYTES = 64 << 10
_HEAD = b"HTTP/1.1 "
# No head of a request is longer, and the parser itself would keep one of any length.
MOST_HEAD_BYTES = 64 << 10
# Of a body so much waits for who reads it, and one read of the event loop more. With less, reading is stopped and begun again
# for each of them, which took a fifth of what receiving a body costs.
MOST_WAITING_BYTES = 256 << 10
READ_BYTES = 512 << 10


class _Arriving(threading.local):
    """What one event loop reads into: the bytes are copied out of it before it reads again, for whichever connection."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(READ_BYTES))


_arriving = _Arriving()


class BufferedReads(asyncio.BufferedProtocol):
    """Has a transport read into memory that is there, not into a new object each time.

    Parameters
    ----------
    protocol
        What takes the bytes, which it must not keep as they are, and hears of everything else.
    """

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol
        self.connection_lost = protocol.connection_lost  # type: ignore[method-assign]
        self.eof_received = protocol.eof_received  # type: ignore[method-assign]
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to read into."""
        del sizehint
        return _arriving.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on what was read."""
        self._protocol.data_received(_arriving.buffer[:nbytes])  # type: ignore[arg-type]  # the parser takes any buffer


class JoinedWrites:
    """A transport that holds a head back until the body comes, or the event loop comes round.

    Parameters
    ----------
    transport
        Where everything goes; what is not named here is its own.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes | memoryview) -> None:
        """Send it, behind what was held back."""
        held, self._held = self._held, b""
        if held and len(data) <= _COPIED_BYTES:
            self._transport.write(held + data)
        elif held:
            self._transport.writelines((held, data))
        elif isinstance(data, bytes) and data.startswith(_HEAD):
            self._held = data
            asyncio.get_running_loop().call_soon(self._release)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Send what was held back, and close."""
        self._release()
        self._transport.close()

    def _release(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._transport.write(held)


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer through a transport that joins what belongs together."""
        self._is_in_head, self._head_bytes = False, 0
        super().connection_made(JoinedWrites(transport))  # type: ignore[arg-type]  # has all of a transport
        transport.set_protocol(BufferedReads(self))

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that does not end is refused before it fills the memory."""
        was_in_head = self._is_in_head
        super().data_received(data)
        if was_in_head and self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Answer."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep what came for who reads it, and read no more once that is enough."""
        cycle = self.cycle
        if (self.parser.should_upgrade() and self._should_upgrade()) or cycle.response_complete:
            return
        if not cycle.body:
            cycle.body = body  # type: ignore[assignment]  # it is handed on as bytes either way
        else:
            if isinstance(cycle.body, bytes):
                cycle.body = bytearray(cycle.body)
            cycle.body += body
        if len(cycle.body) > MOST_WAITING_BYTES:
            self.flow.pause_reading()
        cycle.message_event.set()
