"""Sending a body in pieces without a task beside it, where it is short enough to be sent before anybody hangs up."""

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

# Watching for a client that hangs up costs more than sending so much to nobody.
_UNWATCHED_BYTES = 8 << 20


class PiecesResponse(StreamingResponse):
    """A body of known or unknown length from an iterator; long ones end when the client hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        length = self.headers.get("content-length")
        if length is None or int(length) > _UNWATCHED_BYTES:
            await super().__call__(scope, receive, send)
        else:
            await self.stream_response(send)
