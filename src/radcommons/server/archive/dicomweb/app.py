"""The DICOMweb application: one address grammar, one actor, one scope, one handler (PS3.18)."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from urllib.parse import quote

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.archive.dicomweb.address import Address, Resource, parse_address
from radcommons.server.archive.dicomweb.capabilities import describe
from radcommons.server.archive.dicomweb.exchange import Exchange, problem
from radcommons.server.archive.dicomweb.fast_path import Credentials, FastPath
from radcommons.server.archive.dicomweb.frames import answer_bulkdata, answer_frames
from radcommons.server.archive.dicomweb.pictures import answer_rendered, answer_thumbnail
from radcommons.server.archive.dicomweb.retrieving import answer_instances, answer_metadata
from radcommons.server.archive.dicomweb.searching import answer_search
from radcommons.server.archive.dicomweb.sending import Answer
from radcommons.server.archive.dicomweb.uri_service import uri_request
from radcommons.server.archive.dicomweb.values import answer_values
from radcommons.server.archive.origin import origin
from radcommons.server.archive.scopes import Scope, ScopeResolver
from radcommons.server.archive.threads import in_pool
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, admit
from radcommons.server.platform.settings import settings

logger = logging.getLogger(__name__)

ActorResolver = Callable[[Request], Actor]
Handler = Callable[[Exchange], Awaitable[Answer]]
Headers = Mapping[str, str]
ALLOWED = "GET, HEAD, OPTIONS"
_READING = ("GET", "HEAD")
_NO_PARAMETERS = QueryParams()
_HANDLERS: Mapping[Resource, Handler] = MappingProxyType(
    {
        Resource.SEARCH: answer_search,
        Resource.RETRIEVE: answer_instances,
        Resource.METADATA: answer_metadata,
        Resource.FRAMES: answer_frames,
        Resource.BULKDATA: answer_bulkdata,
        Resource.ALL_BULKDATA: answer_values,
        Resource.PIXEL_DATA: answer_values,
        Resource.RENDERED: answer_rendered,
        Resource.THUMBNAIL: answer_thumbnail,
    }
)
# What a browser asks before it lets a page of another origin read.
_PREFLIGHT = {
    "Allow": ALLOWED,
    "Access-Control-Allow-Methods": ALLOWED,
    "Access-Control-Allow-Headers": "Accept, Authorization, If-None-Match, If-Range, Range",
    "Access-Control-Max-Age": "86400",
}
_READ_ONLY = {
    "code": "archive.read-only",
    "message": (
        "Nothing is changed here: what can be asked is GET, HEAD and OPTIONS. Images enter by 'radcommons edge send', or by "
        "POST to /dicom-web/intake/<site>/<project>/studies, under the site's agreement."
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

    def admitted(connection: ASGIScope, credentials: Credentials, name: str) -> Scope:
        generation, actor = path.generation, path.actor(credentials)
        if actor is None:
            actor = resolve_actor(Request(connection))
            path.remember_actor(credentials, actor, generation=generation)
        admit(actor, Action.DICOMWEB_READ)
        return resolve_scope(name, actor)

    async def scope_of(connection: ASGIScope, headers: Headers, name: str) -> Scope:
        credentials = headers.get("authorization", ""), headers.get("cookie", "")
        visitor = (*credentials, name)
        scope = path.remembered(visitor)
        if scope is None:
            generation = path.generation
            scope = await in_pool(admitted, connection, credentials, name)
            path.remember(visitor, scope, generation=generation)
        return scope

    async def answered(connection: ASGIScope) -> Answer:
        headers = _headers(connection)
        address, query = _asked(connection)
        scope = await scope_of(connection, headers, address.scope)
        root = _root(connection, headers, address.scope)
        return await _HANDLERS[address.resource](Exchange(address, scope, path.holdings(scope), root, query, headers))

    async def app(connection: ASGIScope, receive: Receive, send: Send) -> None:
        if connection["method"] == "OPTIONS":
            answer = _options(connection)
        elif connection["method"] not in _READING:
            answer = Answer(
                orjson.dumps(_READ_ONLY), status_code=405, media_type="application/json", headers={"Allow": ALLOWED}
            )
        else:
            try:
                answer = await answered(connection)
                if connection["method"] == "GET":
                    await answer.begin()
            except RadCommonsError as error:
                answer = problem(error)
        await answer.send(connection, receive, send)

    return app


def _headers(connection: ASGIScope) -> Headers:
    """The request's headers by their names in lower case; lines of one name are one list (RFC 9110 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in connection["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        separator = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    return headers


def _path_below(connection: ASGIScope) -> str:
    return str(connection["path"]).removeprefix(connection.get("root_path", "").rstrip("/"))


def _asked(connection: ASGIScope) -> tuple[Address, QueryParams]:
    """What a request names, by its path or by the parameters of the URI service."""
    path, query_string = _path_below(connection), connection["query_string"]
    query = QueryParams(query_string) if query_string else _NO_PARAMETERS
    address = parse_address(path)
    if address is not None:
        return address, query
    named = uri_request(path, query)
    if named is None:
        raise NotFoundError("This is no DICOMweb resource (PS3.18 10): check the address.")
    return named


def _options(connection: ASGIScope) -> Answer:
    """What the root can do (PS3.18 8.9), or what may be asked of one resource."""
    headers, path = _headers(connection), _path_below(connection)
    is_preflight = "access-control-request-method" in headers
    if is_preflight or parse_address(path):
        return Answer(status_code=204, headers=dict(_PREFLIGHT))
    answer = describe(_root(connection, headers, path))
    answer.headers.update(_PREFLIGHT)
    return answer


def _root(connection: ASGIScope, headers: Headers, scope: str) -> str:
    """The absolute address of a scope, without a final slash."""
    mount, server = connection.get("root_path", "").rstrip("/"), connection.get("server")
    host = headers.get("host", "")
    begin = origin(connection["scheme"], host, tuple(server) if server else None, settings().public_url)
    return f"{begin}{mount}/{quote(scope.strip('/'))}"
