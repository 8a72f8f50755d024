"""Bulk download: files and instances of published versions over HTTP, streamed, resumable, cacheable for ever.

Where the operator allows it, large objects are answered with a presigned address in the bucket (307): who may read was
decided here before, the address opens one object for minutes, and only what is published ever has one. What is restricted always
comes through here, and nobody on the way keeps it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar

import orjson
from django.db import close_old_connections
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.server.access.ledger import ledger
from radcommons.server.access.queries import (
    REDIRECT_VALID_S,
    Download,
    addresses_of,
    download_at,
    is_redirected,
)
from radcommons.server.access.services import count_downloads
from radcommons.server.archive.conditional import is_unchanged, requested_range
from radcommons.server.archive.dicomweb.intact import checked_bytes, checked_file
from radcommons.server.archive.errors import RangeInvalidError
from radcommons.server.platform.errors import InvalidError
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Action, Actor, admit
from radcommons.server.platform.problems import status_of
from radcommons.server.releases.reading import readable_release
from radcommons.transfer.release.paths import is_sha256

ActorResolver = Callable[[Request], Actor]
Result = TypeVar("Result")

MOST_BODY_BYTES = 1 << 17
MOST_ADDRESSES = 1000
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"
NEVER = "private, no-store"


def files_app(resolve_actor: ActorResolver) -> Starlette:
    """The application to be mounted at ``/files``; the wiring says how a request becomes an actor."""

    def find(request: Request) -> tuple[Actor, Download]:
        actor = resolve_actor(request)
        admit(actor, Action.ACCESS_DOWNLOAD)
        parts = request.path_params
        return actor, download_at(parts["slug"], parts["version"], parts["path"], actor)

    async def serve(request: Request) -> Response:
        try:
            actor, download = await _in_thread(partial(find, request))
            return await _answer(request, actor, download)
        except RadCommonsError as error:
            headers = {"Cache-Control": "no-store"}
            if isinstance(error, RangeInvalidError):
                return JSONResponse(error.to_json(), status_code=416, headers=headers)
            return _refusal(error)

    async def addresses(request: Request) -> Response:
        try:
            document = await _in_thread(partial(presigned, request, await _body(request)))
            return JSONResponse(document, headers={"Cache-Control": "no-store"})
        except RadCommonsError as error:
            return _refusal(error)

    def presigned(request: Request, body: bytes) -> dict[str, object]:
        actor = resolve_actor(request)
        admit(actor, Action.ACCESS_DOWNLOAD)
        release = readable_release(request.path_params["slug"], request.path_params["version"], actor)
        found = addresses_of(release, _digests(body))
        counts = ledger.add(found.release_id, actor.user_id or 0, found.size_bytes, files=len(found.by_sha256))
        if counts:
            count_downloads(counts)
        return {"valid_s": REDIRECT_VALID_S, "addresses": found.by_sha256}

    return Starlette(
        routes=[
            Route("/releases/{slug}/{version}/addresses", addresses, methods=["POST"]),
            Route("/releases/{slug}/{version}/{path:path}", serve, methods=["GET", "HEAD"]),
        ]
    )


def _refusal(error: RadCommonsError) -> Response:
    """An error; where a token would help, the header by which programs are asked for one (RFC 6750 3)."""
    headers = {"Cache-Control": "no-store"}
    if error.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error.to_json(), status_code=status_of(error), headers=headers)


async def _body(request: Request) -> bytes:
    """What was sent, as far as it is looked at."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            break
    return bytes(body)


def _digests(body: bytes) -> list[str]:
    """The digests that are asked for.

    Raises
    ------
    InvalidError
        When the body is too long or no list of digests.
    """
    if len(body) > MOST_BODY_BYTES:
        raise InvalidError("access.addresses-body", f"Ask for at most {MOST_ADDRESSES} digests at once.")
    try:
        digests = orjson.loads(body)["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidError("access.addresses-body", 'The body must be {"sha256": [digests]}.') from error
    if not isinstance(digests, list) or len(digests) > MOST_ADDRESSES or not all(map(_is_digest, digests)):
        raise InvalidError("access.addresses-body", f"Ask for at most {MOST_ADDRESSES} digests at once.")
    return digests


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and is_sha256(value)


async def _answer(request: Request, actor: Actor, download: Download) -> Response:
    keep = FOR_EVER if download.is_immutable else ASK_AGAIN
    headers = {
        "ETag": download.etag,
        "Cache-Control": NEVER if download.is_restricted else keep,
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Access-Control-Allow-Origin": "*",
    }
    if is_unchanged(request.headers.get("if-none-match"), download.etag):
        return Response(status_code=304, headers=headers)
    part = requested_range(
        request.headers.get("range"),
        download.size_bytes,
        if_range=request.headers.get("if-range"),
        etag=download.etag,
    )
    start, length = part or (0, download.size_bytes)
    headers["Content-Length"] = str(length)
    if part:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{download.size_bytes}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=download.media_type)
    if download.body:
        body = download.body[start : start + length]
        return Response(body, status_code=status, headers=headers, media_type=download.media_type)
    counts = ledger.add(download.release_id, actor.user_id or 0, length)
    if counts:
        await _in_thread(partial(count_downloads, counts))
    if is_redirected(download.size_bytes) and not download.is_restricted:
        address = await _in_thread(partial(object_store().signed_url, download.object_key, valid_s=REDIRECT_VALID_S))
        if address:
            headers = {"Location": address, "Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}
            return Response(status_code=307, headers=headers)
    chunks = await _sent(download, start, length)
    return StreamingResponse(chunks, status_code=status, headers=headers, media_type=download.media_type)


async def _sent(download: Download, start: int, length: int) -> AsyncIterator[bytes | memoryview]:
    if download.is_instance:
        return await checked_bytes(download.sha256, download.size_bytes, start, length)
    return await checked_file(download.object_key, download.sha256, start, length)


def _in_thread(function: Callable[[], Result]) -> Awaitable[Result]:
    return asyncio.get_running_loop().run_in_executor(None, partial(_with_connection, function))


def _with_connection(function: Callable[[], Result]) -> Result:
    close_old_connections()
    try:
        return function()
    finally:
        close_old_connections()
