"""The DICOMweb application: one address grammar, one actor, one scope, one handler (PS3.18)."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.archive.dicomweb.address import Address, Resource, parse_address
from radcommons.server.archive.dicomweb.capabilities import describe
from radcommons.server.archive.dicomweb.exchange import Exchange, problem
from radcommons.server.archive.dicomweb.fast_path import Credentials, FastPath
from radcommons.server.archive.dicomweb.frames import answer_bulkdata, answer_frames
from radcommons.server.archive.dicomweb.origin import origin_of
from radcommons.server.archive.dicomweb.pictures import answer_rendered, answer_thumbnail
from radcommons.server.archive.dicomweb.retrieving import answer_instances, answer_metadata
from radcommons.server.archive.dicomweb.searching import answer_search
from radcommons.server.archive.dicomweb.threads import in_pool
from radcommons.server.archive.dicomweb.uri_service import uri_request
from radcommons.server.archive.scopes import Scope, ScopeResolver
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, admit
from radcommons.server.platform.settings import settings

logger = logging.getLogger(__name__)

ActorResolver = Callable[[Request], Actor]
Handler = Callable[[Exchange], Awaitable[Response]]
ALLOWED = "GET, HEAD, OPTIONS"
_READING = ("GET", "HEAD")
_HANDLERS: Mapping[Resource, Handler] = MappingProxyType(
    {
        Resource.SEARCH: answer_search,
        Resource.RETRIEVE: answer_instances,
        Resource.METADATA: answer_metadata,
        Resource.FRAMES: answer_frames,
        Resource.BULKDATA: answer_bulkdata,
        Resource.RENDERED: answer_rendered,
        Resource.THUMBNAIL: answer_thumbnail,
    }
)
# Viewers of other origins may read what needs no cookie: none is ever sent to an origin named "*" (Fetch 3.2).
_FOR_OTHER_ORIGINS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": ALLOWED,
    "Access-Control-Allow-Headers": "Accept, Authorization, If-None-Match, If-Range, Range",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, ETag, Warning",
    "Access-Control-Max-Age": "86400",
}
_READ_ONLY = {
    "code": "archive.read-only",
    "message": (
        "This DICOMweb root is read-only. Images enter by 'radcommons edge send', which seals a de-identified batch "
        "under the site's agreement."
    ),
}


def dicomweb_app(
    resolve_scope: ScopeResolver, resolve_actor: ActorResolver, *, fast_path: FastPath | None = None
) -> ASGIApp:
    """The application to be mounted; the rooms above decide what a scope is, the platform who is asking.

    Parameters
    ----------
    resolve_scope
        Called in a thread, with the path in front of ``/studies`` and the actor.
    resolve_actor
        Called in a thread, with the request.
    fast_path
        Serves scopes that never change; without it, or while it does not run, all are asked from the tables.
    """
    path = fast_path or FastPath()

    def admitted(request: Request, address: Address) -> Scope:
        credentials, generation = _credentials(request), path.generation
        actor = path.actor(credentials)
        if actor is None:
            actor = resolve_actor(request)
            path.remember_actor(credentials, actor, generation=generation)
        admit(actor, Action.DICOMWEB_READ)
        return resolve_scope(address.scope, actor)

    async def app(connection: ASGIScope, receive: Receive, send: Send) -> None:
        response = await answer(Request(connection, receive))
        await response(connection, receive, send)

    async def answer(request: Request) -> Response:
        if request.method == "OPTIONS":
            response = _options(request)
        elif request.method not in _READING:
            response = JSONResponse(_READ_ONLY, status_code=405, headers={"Allow": ALLOWED})
        else:
            try:
                response = await _answer(request, admitted, path)
            except RadCommonsError as error:
                response = problem(error)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.update(_FOR_OTHER_ORIGINS)
        return _without_body(response) if request.method == "HEAD" else response

    return app


def _options(request: Request) -> Response:
    """What the root can do (PS3.18 8.9), or what may be asked of one resource."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", "").rstrip("/"))
    is_preflight = "access-control-request-method" in request.headers
    response = Response(status_code=204) if is_preflight or parse_address(path) else describe(_root(request, path))
    response.headers["Allow"] = ALLOWED
    return response


def _root(request: Request, scope: str) -> str:
    """The absolute address of a scope, without a final slash."""
    mount = request.scope.get("root_path", "").rstrip("/")
    return f"{origin_of(request, settings().public_url)}{mount}/{quote(scope.strip('/'))}"


async def _answer(request: Request, admitted: Callable[[Request, Address], Scope], path: FastPath) -> Response:
    mount = request.scope.get("root_path", "").rstrip("/")
    path_below = request.scope["path"].removeprefix(mount)
    address, query = parse_address(path_below), request.query_params
    if address is None:
        named = uri_request(path_below, query)
        if named is None:
            raise NotFoundError("This is no DICOMweb resource (PS3.18 10): check the address.")
        address, query = named
    visitor = (*_credentials(request), address.scope)
    scope = path.remembered(visitor)
    if scope is None:
        generation = path.generation
        scope = await in_pool(admitted, request, address)
        path.remember(visitor, scope, generation=generation)
    exchange = Exchange(address, scope, path.holdings(scope), _root(request, address.scope), query, request.headers)
    return await _HANDLERS[address.resource](exchange)


def _credentials(request: Request) -> Credentials:
    return request.headers.get("authorization", ""), request.headers.get("cookie", "")


def _without_body(response: Response) -> Response:
    """The head of an answer; its length stays, its content is never read."""
    headless = StreamingResponse(_nothing(), status_code=response.status_code)
    headless.raw_headers = response.raw_headers
    return headless


async def _nothing() -> AsyncIterator[bytes]:
    for _ in range(0):
        yield b""
