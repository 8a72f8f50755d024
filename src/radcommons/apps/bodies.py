"""How much anybody may send to a page or the JSON interface, before a byte of it is kept.

Django writes a whole body to the disk before it asks who sends it. Here strangers are stopped after what a form needs, and
everybody after what the interface takes; uploads of images do not come this way.
"""

from collections.abc import Callable

from django.conf import settings as django_settings
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radcommons.apps.refusals import refusal
from radcommons.server.platform.errors import UnauthenticatedError
from radcommons.server.platform.policy import Actor

STRANGERS_BYTES = 1 << 20
TOO_LARGE = {"code": "platform.body-too-large", "message": "What was sent is larger than this address takes."}


class BoundedBodies:
    """Refuses bodies that are larger than their sender may send, with 413.

    Parameters
    ----------
    app
        Answers what is small enough.
    resolve_actor
        Who is asking; called only for bodies that a stranger may not send.
    """

    def __init__(self, app: ASGIApp, resolve_actor: Callable[[Request], Actor]) -> None:
        self._app = app
        self._resolve_actor = resolve_actor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; a body that grows too large looks to the application like a sender who went away."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Request(scope).headers.get("content-length", "")
        received_bytes, limit_bytes = int(length) if length.isdecimal() else 0, STRANGERS_BYTES
        is_refused = False
        if received_bytes > limit_bytes:
            limit_bytes = await self._limit(scope)
            is_refused = received_bytes > limit_bytes
        received_bytes = 0

        async def bounded() -> Message:
            nonlocal received_bytes, limit_bytes, is_refused
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if STRANGERS_BYTES == limit_bytes < received_bytes:
                limit_bytes = await self._limit(scope)
            is_refused = is_refused or received_bytes > limit_bytes
            return {"type": "http.disconnect"} if is_refused else message

        if not is_refused:
            await self._app(scope, bounded, send)
        if is_refused:
            # The rest of the body stays unread, so the connection can carry no other request.
            answer = await refusal(scope, 413, TOO_LARGE, headers={"Connection": "close"})
            await answer(scope, receive, send)

    async def _limit(self, scope: Scope) -> int:
        try:
            actor = await run_in_threadpool(self._resolve_actor, Request(scope))
        except UnauthenticatedError:
            return STRANGERS_BYTES
        return int(django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) if actor.is_authenticated else STRANGERS_BYTES
