"""One connection of HTTP/1.1 (RFC 9112) with little work a request: a head into a mapping, a body straight into a buffer.

A download is many small answers. The standard library's client spends on each of them, mostly on reading its head as an e-mail's,
more than the digest of half a megabyte costs. Pure but for its socket; what a server says is never believed beyond its limits.
"""

import re
import socket
from collections.abc import Mapping

LONGEST_HEAD_BYTES = 64 << 10
LONGEST_LINE_BYTES = 8 << 10
_RECEIVE_BYTES = 16 << 10
_HEAD_ENDS = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: .*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_BODY = frozenset({204, 304})
_FINAL = 200


class ProtocolError(OSError):
    """The other side does not speak HTTP/1.1."""


class CutOffError(ProtocolError):
    """The connection ended before the answer did."""


class UnansweredError(CutOffError):
    """The connection ended before the answer began: a kept one that was closed in the meantime."""


class Stream:
    """What arrives on a socket: heads and lines, and bytes that go straight where they belong."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._held = memoryview(b"")

    def head(self) -> bytes:
        """Everything before the next empty line."""
        data = bytes(self._held)
        while not (end := _HEAD_ENDS.search(data)):
            if len(data) > LONGEST_HEAD_BYTES:
                raise ProtocolError("The head of an answer is too long.")
            more = self.socket.recv(_RECEIVE_BYTES)
            if not more:
                raise CutOffError("The connection ended in a head.") if data else UnansweredError("No answer came.")
            data += more
        self._held = memoryview(data)[end.end() :]
        return data[: end.start()]

    def line(self) -> bytes:
        """Everything before the next line feed."""
        data = bytes(self._held)
        while (end := data.find(b"\n")) < 0:
            if len(data) > LONGEST_LINE_BYTES:
                raise ProtocolError("A line of an answer is too long.")
            more = self.socket.recv(_RECEIVE_BYTES)
            if not more:
                raise CutOffError("The connection ended in a line.")
            data += more
        self._held = memoryview(data)[end + 1 :]
        return data[:end].rstrip(b"\r")

    def readinto(self, buffer: memoryview) -> int:
        """Some bytes, at least one; 0 when the other side has closed."""
        count = min(len(self._held), len(buffer))
        if not count:
            return self.socket.recv_into(buffer)
        buffer[:count], self._held = self._held[:count], self._held[count:]
        return count


class Response:
    """An answer whose head has been read, and its body, of known length, in chunks, or until the connection ends."""

    def __init__(self, status: int, headers: Mapping[str, str], stream: Stream, *, is_kept: bool) -> None:
        self.status, self.headers, self._stream = status, headers, stream
        self._is_chunked = headers.get("transfer-encoding", "").lower().endswith("chunked")
        self._left = self._length()
        # Without a length the end of the body is the end of the connection.
        self.may_keep = is_kept and self._left is not None
        self._broken: OSError | None = None

    def _length(self) -> int | None:
        """Bytes that must still come before something else does; None when that is not told."""
        if self._is_chunked or self.status in _NO_BODY:
            return 0
        text = self.headers.get("content-length")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit()):
            raise ProtocolError("The length of an answer is no number.")
        return int(text)

    @property
    def is_finished(self) -> bool:
        """Whether the body was read to its end, so that the connection can be asked again."""
        return self._left == 0 and not self._is_chunked

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer as far as the body goes; 0 at its end.

        Raises
        ------
        OSError
            When the connection breaks. What came before is given first.
        """
        if self._broken is not None:
            raise self._broken
        filled = 0
        try:
            while filled < len(buffer) and (count := self._some(buffer[filled:])):
                filled += count
        except OSError as error:
            if not filled:
                raise
            self._broken = error
        return filled

    def _some(self, buffer: memoryview) -> int:
        if self._left is None:
            return self._stream.readinto(buffer)
        if not self._left and not (self._is_chunked and self._next_chunk()):
            return 0
        count = self._stream.readinto(buffer[: self._left])
        if not count:
            raise CutOffError("The connection ended in a body.")
        self._left -= count
        if self._is_chunked and not self._left and self._stream.line():
            raise ProtocolError("A chunk is longer than it said.")
        return count

    def _next_chunk(self) -> bool:
        """Read the size of the next chunk; False after the last one and its trailers."""
        text = self._stream.line().split(b";")[0].strip()
        try:
            # Python's int() takes signs and underscores, which no chunk has.
            size = int(text, 16) if text.isalnum() else -1
        except ValueError as error:
            raise ProtocolError("The size of a chunk is no number.") from error
        if size < 0:
            raise ProtocolError("The size of a chunk is no number.")
        if size:
            self._left = size
            return True
        trailers = 0
        while line := self._stream.line():
            trailers += len(line)
            if trailers > LONGEST_HEAD_BYTES:
                raise ProtocolError("The trailers of an answer are too long.")
        self._is_chunked = False
        return False


def exchange(
    stream: Stream, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None
) -> Response:
    """Send a request and read the head of its answer.

    Raises
    ------
    ProtocolError
        When the answer is none.
    OSError
        When the connection breaks.
    """
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    stream.socket.sendall("\r\n".join([*lines, "\r\n"]).encode("latin-1") + (body or b""))
    while True:
        first, _, rest = stream.head().partition(b"\n")
        found = _STATUS.fullmatch(first.rstrip(b"\r"))
        if not found:
            raise ProtocolError("The answer is not HTTP/1.1.")
        status = int(found[2])
        # An interim answer (100 Continue, 103 Early Hints) is followed by the one that was asked for.
        if status >= _FINAL:
            fields = headers_of(rest)
            words = fields.get("connection", "").lower()
            is_kept = "close" not in words and (found[1] == b"1" or "keep-alive" in words)
            return Response(status, fields, stream, is_kept=is_kept)


def headers_of(lines: bytes) -> dict[str, str]:
    """Header fields by their names in small letters; several of a name are one, joined by commas (RFC 9110 5.2)."""
    found: dict[str, str] = {}
    for line in lines.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise ProtocolError("A header field is malformed.")
        key, value = name.lower(), value.strip(" \t")
        if key == "content-length" and found.get(key, value) != value:
            raise ProtocolError("The answer has two lengths.")
        found[key] = value if key not in found or key == "content-length" else f"{found[key]}, {value}"
    return found
