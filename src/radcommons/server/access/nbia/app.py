"""NBIA's programming interface, at ``/nbia-api``: what TCIA's programs ask, answered from published versions.

Everything here reads, so a POST needs no form token. An error is a status with a sentence, never a body with status 200:
these clients save what they get.
"""

from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.server.access.errors import NbiaRefusalError
from radcommons.server.access.ledger import ledger
from radcommons.server.access.nbia import signing_in
from radcommons.server.access.nbia.calls import Answer, Call, SingleFile, Thumbnail, call_named
from radcommons.server.access.nbia.formats import Encoded, encode
from radcommons.server.access.nbia.images import Archive
from radcommons.server.access.nbia.listing import Table
from radcommons.server.access.nbia.requests import Asked, Parameters, check_names, check_required
from radcommons.server.access.services import count_downloads
from radcommons.server.archive import rendering
from radcommons.server.archive.dicomweb.intact import whole_object
from radcommons.server.archive.origin import origin_of
from radcommons.server.archive.threads import in_pool
from radcommons.server.archive.zip_stream import Piece, zip_pieces, zip_size
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor, admit
from radcommons.server.platform.problems import status_of
from radcommons.server.platform.settings import settings

ActorResolver = Callable[[Request], Actor]
# A list of ten thousand series, as tcia_utils sends it, takes 650 kB.
MOST_FORM_BYTES = 8 << 20
_BAD_REQUEST = 400
_NO_ACCESS = "The user has not been granted the access to what was asked for: it is not published here."
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Cookie",
}


def nbia_app(resolve_actor: ActorResolver) -> Starlette:
    """The application to be mounted at ``/nbia-api``; the wiring says how a request becomes an actor."""

    async def answer(request: Request) -> Response:
        try:
            return await _answer(request, resolve_actor)
        except RadCommonsError as error:
            return _refusal(error)

    async def token(request: Request) -> Response:
        headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
        try:
            parameters = Parameters.of(await _form(request))
        except RadCommonsError as error:
            refusal = {"error": "invalid_request", "error_description": error.message}
            return JSONResponse(refusal, status_code=_BAD_REQUEST, headers=headers)
        status, document = await in_pool(signing_in.answer, parameters)
        return JSONResponse(document, status_code=status, headers=headers)

    return Starlette(
        routes=[
            Route("/oauth/token", token, methods=["POST"]),
            Route("/services/{version}/{call}", answer, methods=["GET", "POST"]),
        ]
    )


async def _answer(request: Request, resolve_actor: ActorResolver) -> Response:
    call = call_named(request.path_params["version"], request.path_params["call"])
    if call is None:
        raise NotFoundError("There is no such call here. The documentation lists those that are answered.")
    if call.is_form != (request.method == "POST"):
        allowed = "POST" if call.is_form else "GET, HEAD"
        return PlainTextResponse(f"This call takes {allowed}.", status_code=405, headers={**_HEADERS, "Allow": allowed})
    pairs = await _form(request) if call.is_form else request.query_params.multi_items()
    parameters = Parameters.of(pairs)
    if not call.any_name:
        check_names(tuple(parameters.values), call.allowed, is_form=call.is_form)
    check_required(parameters, call.required)
    actor, found = await in_pool(_decide, request, resolve_actor, call, parameters)
    response = await _response(request, actor, found)
    # What somebody is told who is signed in may be of restricted versions.
    kept = {"Cache-Control": "private, no-store"} if actor.is_authenticated else {}
    for name, value in {**_HEADERS, **kept}.items():
        response.headers.setdefault(name, value)
    return response


def _decide(
    request: Request, resolve_actor: ActorResolver, call: Call, parameters: Parameters
) -> tuple[Actor, Encoded | Archive | SingleFile | Thumbnail]:
    """Ask who it is, whether they may, and for the answer; in a thread, since all of it reads the database."""
    actor = signing_in.actor_of(request, resolve_actor)
    admit(actor, call.action)
    found = call.answer(Asked(parameters, origin_of(request, settings().public_url), actor))
    return actor, _encoded(found, parameters.text("format") or call.default_format)


def _encoded(found: Answer, wanted: str) -> Encoded | Archive | SingleFile | Thumbnail:
    if not isinstance(found, Table):
        return found
    encoded = encode(wanted, found.columns, found.rows)
    if encoded is None:
        raise NbiaRefusalError("The format must be JSON, HTML, XML, CSV, CSVQUOTED or CSV-DOWNLOAD.")
    return encoded


async def _response(request: Request, actor: Actor, found: Encoded | Archive | SingleFile | Thumbnail) -> Response:
    match found:
        case Encoded():
            headers = _attached(found.file_name) if found.file_name else {}
            return Response(found.body, media_type=found.media_type, headers=headers)
        case Thumbnail():
            return Response(await rendering.thumbnail(found.sha256, 0), media_type="image/jpeg")
        case SingleFile():
            instance = found.instance
            pieces = whole_object(instance.sha256, instance.size_bytes)
            media_type, file_name, size_bytes = "application/dicom", found.file_name, instance.size_bytes
            release_id, files, counted = found.release_id, 1, size_bytes
        case Archive():
            pieces = zip_pieces(found.entries)
            file_name, size_bytes = f"{found.series.series_instance_uid}.zip", zip_size(found.entries)
            media_type, release_id = "application/octet-stream", found.series.collection.release.pk
            files, counted = found.files, found.size_bytes
    headers = {**_attached(file_name), "Content-Length": str(size_bytes)}
    if request.method == "HEAD":
        return Response(headers=headers, media_type=media_type)
    # The first piece is read before the status is sent: a store that does not answer is an error, not half a file.
    first = await anext(pieces, b"")
    if due := ledger.add(release_id, actor.user_id or 0, counted, files=files):
        await in_pool(count_downloads, due)
    return StreamingResponse(_joined(first, pieces), headers=headers, media_type=media_type)


async def _joined(first: Piece, rest: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
    yield first
    async for piece in rest:
        yield piece


def _attached(file_name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{file_name}"'}


async def _form(request: Request) -> list[tuple[str, str]]:
    """The fields of a form.

    Raises
    ------
    NbiaRefusalError
        When it is too long or not UTF-8.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_FORM_BYTES:
            raise NbiaRefusalError("The form is too long. Send the list in parts.")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=200_000)
    except ValueError as error:
        raise NbiaRefusalError("The body is no URL-encoded form.") from error


def _refusal(error: RadCommonsError) -> Response:
    """An error as NBIA tells it: a sentence. What is not published, and what does not exist, are told alike."""
    status, text = status_of(error), error.message
    if error.kind is Kind.INVALID:
        status = _BAD_REQUEST
    elif error.kind in {Kind.FORBIDDEN, Kind.NOT_FOUND} and not text.startswith("There is no such call"):
        status, text = _BAD_REQUEST, _NO_ACCESS
    headers = {**_HEADERS, "Cache-Control": "no-store"}
    if error.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    return PlainTextResponse(text, status_code=status, headers=headers)
