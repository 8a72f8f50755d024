"""While the database does not answer: programs at the doors outside Django are told to come again, and when."""

import logging
from http import HTTPStatus

from django.db import InterfaceError, OperationalError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radcommons.server.platform.doors import RETRY_AFTER_S
from radcommons.server.platform.problems import NO_DATABASE

logger = logging.getLogger(__name__)


class DatabaseAway:
    """Answers 503 for an application that failed because of the database, unless its answer had begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except (OperationalError, InterfaceError) as error:
            if has_begun or scope["type"] != "http":
                raise
            logger.warning("the database did not answer: %s", type(error).__name__)
            headers = {"Retry-After": str(RETRY_AFTER_S), "Cache-Control": "no-store"}
            answer = JSONResponse(NO_DATABASE, HTTPStatus.SERVICE_UNAVAILABLE, headers)
            await answer(scope, receive, send)
