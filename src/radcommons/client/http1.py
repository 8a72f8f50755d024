"""Answers of HTTP/1.1 (RFC 9112) on one connection, with little work each: a head into a mapping, a body piece by piece in one buffer.

A download is many small answers, each hashed while it arrives. Nothing that a server says is believed beyond its limits. Why not
the standard library's reader: see ``docs/decisions/0017``.
"""

import os
import re
import socket
import ssl
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus

from radcommons.client.closing import Closing

BUFFER_BYTES = 1 << 18
LONGEST_REST_BYTES = 1 << 16
LONGEST_HEAD_BYTES = 64 << 10
MOST_FIELDS = 100
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: .*)?")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)
_NO_BODY = frozenset({204, 304})


class ProtocolError(OSError):
    """The other side does not speak HTTP/1.1."""


class CutOffError(ProtocolError):
    """The connection ended before the answer did."""


class UnansweredError(ConnectionError):
    """The connection ended before an answer began: a kept one that was closed in the meantime."""


class Wire:
    """What arrives on a socket, in one buffer that is used again and again.

    Parameters
    ----------
    timeout_s
        How long the other side may be silent.
    give_back
        Called when nobody asks on it any more.
    """

    def __init__(self, sock: socket.socket, *, timeout_s: float, give_back: "Callable[[Wire], None]") -> None:
        self.socket, self._give_back = sock, give_back
        self._until_whole = _let_wait(sock, timeout_s)
        # Whether it can be asked, because what was asked last is answered to the end.
        self.is_idle = True
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        # Bytes that arrived and were not given yet lie from the one to the other.
        self._begin = self._end = 0

    def close(self) -> None:
        """End the connection."""
        self.socket.close()

    def release(self) -> None:
        """Give it back to whoever keeps it."""
        self._give_back(self)

    def break_off(self) -> None:
        """Let whoever waits for bytes in another thread get an error."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def finish(self, *, is_kept: bool) -> None:
        """An answer was read to its end; what lies behind it was not asked for and makes the connection useless."""
        self.is_idle = is_kept and self._begin == self._end

    def until(self, ending: re.Pattern[bytes]) -> bytes:
        """Everything before what ends a line or a head, which is left out.

        Raises
        ------
        ProtocolError
            When it takes longer than any head does.
        """
        looked = self._begin
        while not (found := ending.search(self._buffer, looked, self._end)):
            if self._end - self._begin >= LONGEST_HEAD_BYTES:
                raise ProtocolError("A line or the head of an answer is too long.")
            # An ending of four bytes may have begun in the last three.
            looked = max(self._begin, self._end - 3) - self._begin
            if not self._receive():
                raise CutOffError("The connection ended in an answer.")
            looked += self._begin
        data = bytes(self._view[self._begin : found.start()])
        self._begin = found.end()
        return data

    def has_more(self) -> bool:
        """Whether anything comes before the other side closes; waits for it."""
        return self._begin < self._end or bool(self._receive())

    def some(self, most: int) -> memoryview:
        """So many bytes, or as many as the buffer takes, good until the next call; fewer when the other side breaks off before.

        A small file is one piece: each goes through the hands of three who let other threads run meanwhile.
        """
        most = min(most, BUFFER_BYTES)
        try:
            while (missing := most - (self._end - self._begin)) > 0 and self._receive(missing, self._until_whole):
                pass
        except OSError:
            # What came before the break is given first; the next call meets it again.
            if self._begin == self._end:
                raise
        begin = self._begin
        self._begin = min(begin + most, self._end)
        return self._view[begin : self._begin]

    @property
    def can_splice(self) -> bool:
        """Whether bytes can go elsewhere within the system."""
        return hasattr(os, "splice") and not isinstance(self.socket, ssl.SSLSocket)

    def into_pipe(self, pipe: int, most: int) -> int:
        """Move at most so many bytes into an empty pipe that takes them; how many, none when the other side has closed."""
        if self._begin == self._end:
            return os.splice(self.socket.fileno(), pipe, most)
        count = os.write(pipe, self._view[self._begin : min(self._end, self._begin + most)])
        self._begin += count
        return count

    def _receive(self, most: int = BUFFER_BYTES, flags: int = 0) -> int:
        if self._begin == self._end:
            self._begin = self._end = 0
        elif self._end + most > BUFFER_BYTES and self._begin:
            rest = self._end - self._begin
            self._buffer[:rest] = self._buffer[self._begin : self._end]
            self._begin, self._end = 0, rest
        count = self.socket.recv_into(self._view[self._end :], min(most, BUFFER_BYTES - self._end), flags)
        self._end += count
        return count


class Answer(Closing):
    """An answer whose head has been read and whose body is still to be read; it holds its connection until it is closed."""

    def __init__(self, wire: Wire, status: int, fields: Mapping[str, str], *, is_kept: bool) -> None:
        self.status, self._wire, self._fields = status, wire, fields
        self._is_chunked = fields.get("transfer-encoding", "").lower().endswith("chunked")
        self._length = self._announced()
        # Without a length the end of the body is the end of the connection.
        self._is_kept = is_kept and (self._is_chunked or self._length is not None)
        self._body = self._read()
        if self._length == 0:
            wire.finish(is_kept=self._is_kept)

    def close(self) -> None:
        """Give its connection back, to be asked again when it was read to its end, as what an error says besides is when it is short."""
        if self.status >= HTTPStatus.MULTIPLE_CHOICES:
            with suppress(OSError):
                self.beginning(LONGEST_REST_BYTES)
        self._wire.release()

    def header(self, name: str) -> str:
        """A header's value by its name in small letters; empty when it is absent."""
        return self._fields.get(name, "")

    def pieces(self) -> Iterator[memoryview]:
        """The body as it arrives, or what is left of it; each piece is good until the next.

        Raises
        ------
        OSError
            When the connection breaks, or ends before the body does. What came before is given first.
        """
        return self._body

    @property
    def can_splice(self) -> bool:
        """Whether :meth:`into_pipe` can be used, instead of :meth:`pieces`."""
        return self._length is not None and self._wire.can_splice

    @property
    def length(self) -> int:
        """How many bytes of the body are still to come, where that was announced."""
        return self._length or 0

    def into_pipe(self, pipe: int, most: int) -> int:
        """Move the next bytes of the body into an empty pipe that takes so many; how many, none at its end.

        Raises
        ------
        OSError
            When the connection breaks, or ends before the body does.
        """
        if not self._length:
            return 0
        count = self._wire.into_pipe(pipe, min(most, self._length))
        if not count:
            raise CutOffError("The connection ended in an answer.")
        self._length -= count
        if not self._length:
            self._wire.finish(is_kept=self._is_kept)
        return count

    def beginning(self, most: int) -> bytes:
        """A body that is short, or of a longer one at least so many bytes."""
        found = bytearray()
        for piece in self._body:
            found += piece
            if len(found) >= most:
                break
        return bytes(found)

    def _read(self) -> Iterator[memoryview]:
        if self._is_chunked:
            yield from self._chunks()
        elif self._length is not None:
            yield from self._some(self._length)
        else:
            # Where nothing tells the end, the connection's is the body's; without a single byte it rather broke in the head.
            if not self._wire.has_more():
                raise CutOffError("The connection ended in an answer.")
            while piece := self._wire.some(BUFFER_BYTES):
                yield piece
        self._wire.finish(is_kept=self._is_kept)

    def _announced(self) -> int | None:
        if self._is_chunked:
            return None
        if self.status in _NO_BODY:
            return 0
        text = self._fields.get("content-length")
        if text is None:
            return None
        if not _LENGTH.fullmatch(text):
            raise ProtocolError("The length of an answer is no number.")
        return int(text)

    def _some(self, length: int) -> Iterator[memoryview]:
        while length:
            piece = self._wire.some(min(length, BUFFER_BYTES))
            if not piece:
                raise CutOffError("The connection ended in an answer.")
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[memoryview]:
        while size := self._next_size():
            yield from self._some(size)
            if self._wire.until(_LINE_END):
                raise ProtocolError("A chunk is longer than it said.")
        for _ in range(MOST_FIELDS):
            if not self._wire.until(_LINE_END):
                return
        raise ProtocolError("An answer has too many trailers.")

    def _next_size(self) -> int:
        found = _CHUNK_SIZE.fullmatch(self._wire.until(_LINE_END))
        if not found:
            raise ProtocolError("The size of a chunk is no number.")
        return int(found[1], 16)


def _let_wait(sock: socket.socket, timeout_s: float) -> int:
    """Have the system itself wait for bytes, a whole piece at once; the flag by which it is asked to, none where it cannot."""
    if isinstance(sock, ssl.SSLSocket) or sys.platform == "win32":
        sock.settimeout(timeout_s)
        return 0
    limit = struct.pack("ll", *divmod(int(timeout_s * 1_000_000), 1_000_000))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    sock.settimeout(None)
    return socket.MSG_WAITALL


def asked(wire: Wire, method: str, target: str, fields: Mapping[str, str], body: bytes | None = None) -> Answer:
    """Send a request and read the head of its answer.

    Raises
    ------
    UnansweredError
        When the connection ended before the answer began.
    ProtocolError
        When the answer is none, or ends in its head.
    OSError
        When the connection breaks.
    """
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    wire.is_idle = False
    wire.socket.sendall("\r\n".join([*lines, "\r\n"]).encode("latin-1") + (body or b""))
    if not wire.has_more():
        raise UnansweredError("The connection ended before an answer began.")
    while True:
        first, *lines = wire.until(_HEAD_END).decode("latin-1").split("\n")
        found = _STATUS.fullmatch(first.rstrip("\r"))
        if not found:
            raise ProtocolError("The answer is not HTTP/1.1.")
        # An interim answer (100 Continue, 103 Early Hints) is followed by the one that was asked for.
        if int(found[2]) >= HTTPStatus.OK:
            answered = _fields_of(lines)
            words = answered.get("connection", "").lower()
            is_kept = "close" not in words and (found[1] == "1" or "keep-alive" in words)
            return Answer(wire, int(found[2]), answered, is_kept=is_kept)


def _fields_of(lines: list[str]) -> dict[str, str]:
    """Header fields by their names in small letters; several of a name are one, joined by commas (RFC 9110 5.3)."""
    if len(lines) > MOST_FIELDS:
        raise ProtocolError("An answer has too many header fields.")
    fields: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line.rstrip("\r"))
        if not found:
            raise ProtocolError("A header field is malformed.")
        name, value = found[1].lower(), found[2]
        if name not in fields:
            fields[name] = value
        elif name != "content-length":
            fields[name] += f", {value}"
        elif fields[name] != value:
            raise ProtocolError("An answer has two lengths.")
    return fields
