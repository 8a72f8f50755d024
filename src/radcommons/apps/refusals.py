"""Refusals of requests that Django never sees: the portal's page for people, JSON for programs."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Scope

from radcommons.server.platform.doors import API_PREFIX, page_for_nobody
from radcommons.server.platform.headers import CONTENT_SECURITY_POLICY

_NOT_FOUND = 404
_NOTHING = {"code": "platform.not-found", "message": "There is nothing here, or it is not open to you."}


async def refusal(
    scope: Scope, status: int, error: Mapping[str, str], *, headers: Mapping[str, str] | None = None
) -> Response:
    """What a refused request is answered.

    Parameters
    ----------
    status
        The HTTP status; ``<status>.html`` is its page.
    error
        Code and message, for whoever does not ask for a page.
    """
    is_page = "text/html" in Request(scope).headers.get("accept", "") and not scope["path"].startswith(API_PREFIX)
    if not is_page:
        return JSONResponse(dict(error), status_code=status, headers=headers)
    page = await run_in_threadpool(page_for_nobody, f"{status}.html")
    return HTMLResponse(page, status, {**(headers or {}), "Content-Security-Policy": CONTENT_SECURITY_POLICY})


async def refused_by_routes(request: Request, error: Exception) -> Response:
    """What is answered where no route takes the address (404) or the method (405)."""
    status = error.status_code if isinstance(error, HTTPException) else _NOT_FOUND
    headers = dict(getattr(error, "headers", None) or {}) | {"Cache-Control": "no-store"}
    if status == _NOT_FOUND:
        return await refusal(request.scope, status, _NOTHING, headers=headers)
    refused = {"code": "platform.method-not-allowed", "message": "This address does not take this method."}
    return JSONResponse(refused, status_code=status, headers=headers)
