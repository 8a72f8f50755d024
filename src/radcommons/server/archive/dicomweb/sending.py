"""Answers: a status, headers and a body in one piece or several, put on the wire with as little as that takes."""

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

# Watching for a client that hangs up costs more than sending so much to nobody.
_UNWATCHED_BYTES = 8 << 20
# Viewers of other origins may read what needs no cookie: none is ever sent to an origin named "*" (Fetch 3.2).
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    # Opened as a page, no answer can do anything, whatever text a header holds.
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Content-Length, Content-Range, ETag, Warning"),
)
_WITHOUT_BODY = frozenset({204, 304})
Piece = bytes | memoryview


class Answer:
    """One answer of a DICOMweb root.

    Parameters
    ----------
    body
        All of it, or its pieces; pieces come with a ``Content-Length`` among the headers where it is known.
    """

    __slots__ = ("body", "headers", "status_code")

    def __init__(
        self,
        body: Piece | AsyncIterator[Piece] = b"",
        *,
        status_code: int = 200,
        media_type: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.body = body
        self.status_code = status_code
        self.headers = headers if headers is not None else {}
        if media_type is not None:
            self.headers["Content-Type"] = media_type
        if isinstance(body, (bytes, memoryview)) and status_code not in _WITHOUT_BODY:
            self.headers["Content-Length"] = str(len(body))

    def warn(self, *warnings: str) -> None:
        """Add values to the ``Warning`` header (PS3.18 8.4.3)."""
        values = [*([self.headers["Warning"]] if "Warning" in self.headers else []), *warnings]
        if values:
            self.headers["Warning"] = ", ".join(values)

    async def begin(self) -> None:
        """Have the first piece of the body at hand, so that what fails at once can still be answered with a status."""
        if not isinstance(self.body, (bytes, memoryview)):
            pieces = self.body
            first = await anext(pieces, b"")
            if self.headers.get("Content-Length") == str(len(first)):
                # All of it, and sent as such; whoever made it is still given its end.
                await anext(pieces, b"")
                self.body = first
            else:
                self.body = _joined(first, pieces)

    async def send(self, connection: Scope, receive: Receive, send: Send) -> None:
        """Send it; only its head where the request says so. A long one ends when the client hangs up."""
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        raw.extend(_ALWAYS)
        length = self.headers.get("Content-Length")
        is_head = connection["method"] == "HEAD"
        if not isinstance(self.body, (bytes, memoryview)) and not is_head:
            if length is None or int(length) > _UNWATCHED_BYTES:
                watched = StreamingResponse(self.body, status_code=self.status_code)
                watched.raw_headers = raw
                await watched(connection, receive, send)
                return
            await send({"type": "http.response.start", "status": self.status_code, "headers": raw})
            await _send_pieces(self.body, int(length), send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": raw})
        body = self.body if isinstance(self.body, (bytes, memoryview)) and not is_head else b""
        await send({"type": "http.response.body", "body": body})


async def _joined(first: Piece, rest: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
    yield first
    async for piece in rest:
        yield piece


async def _send_pieces(pieces: AsyncIterator[Piece], length: int, send: Send) -> None:
    async for piece in pieces:
        length -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": length > 0})
    if length > 0:
        # Says so: the server ends the connection of a message that is shorter than it said.
        await send({"type": "http.response.body", "body": b""})
