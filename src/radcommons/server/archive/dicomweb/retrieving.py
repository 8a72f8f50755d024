"""Handlers of retrieval: metadata, instances, frames, bulk data (WADO-RS, PS3.18 10.4)."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.responses import Response, StreamingResponse

from radcommons.server.archive.dicomweb.accept import DICOM, choose_instance_form
from radcommons.server.archive.dicomweb.conditional import requested_range
from radcommons.server.archive.dicomweb.exchange import Exchange, gzipped
from radcommons.server.archive.dicomweb.holdings import HeldInstance, Selection
from radcommons.server.archive.dicomweb.multipart import MultipartWriter
from radcommons.server.platform.objects import CHUNK_BYTES, instance_key, object_store


async def answer_metadata(exchange: Exchange) -> Response:
    """The DICOM JSON of all instances an address names, from what was stored at ingest."""
    media_type = exchange.json_type()
    selection = await exchange.holdings.select(exchange.address)
    version = hashlib.sha256(f"{selection.digest} {exchange.root}".encode()).hexdigest()
    etag = f'W/"{version[:32]}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    pieces = selection.metadata(exchange.root)
    headers = exchange.cache_headers(etag)
    if exchange.accepts_gzip:
        pieces = gzipped(pieces)
        headers["Content-Encoding"] = "gzip"
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


async def answer_instances(exchange: Exchange) -> Response:
    """Instances as they were received: parts of one message, or one file with ranges."""
    selection = await exchange.holdings.select(exchange.address)
    stored = frozenset(selection.transfer_syntaxes)
    form = choose_instance_form(exchange.accepted, stored, is_single=selection.count == 1)
    if not form.is_multipart:
        return await _one_file(exchange)
    etag = f'W/"{selection.digest[:32]}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    writer = MultipartWriter(DICOM)
    kinds = Counter({_dicom_type(syntax): count for syntax, count in selection.transfer_syntaxes.items()})
    headers = exchange.cache_headers(etag)
    headers["Content-Length"] = str(writer.length(kinds, selection.size_bytes))
    return StreamingResponse(_instance_parts(selection, writer), media_type=writer.content_type, headers=headers)


def _dicom_type(transfer_syntax_uid: str) -> str:
    return f"{DICOM}; transfer-syntax={transfer_syntax_uid}"


async def _instance_parts(selection: Selection, writer: MultipartWriter) -> AsyncIterator[bytes]:
    store = object_store()
    async for page in selection.objects():
        for sha256, transfer_syntax_uid in page:
            yield writer.open_part(_dicom_type(transfer_syntax_uid))
            async for chunk in iterate_in_threadpool(store.stream(instance_key(sha256))):
                yield chunk
    yield writer.close()


async def _one_file(exchange: Exchange) -> Response:
    """One instance as application/dicom, whole or a range of it."""
    instance = await exchange.holdings.one(exchange.address)
    etag = f'"{instance.sha256}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    part = requested_range(
        exchange.headers.get("range"), instance.size_bytes, if_range=exchange.headers.get("if-range"), etag=etag
    )
    start, length = part or (0, instance.size_bytes)
    headers = exchange.cache_headers(etag) | {"Accept-Ranges": "bytes", "Content-Length": str(length)}
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{instance.size_bytes}"
    return StreamingResponse(
        stored_bytes(instance, start, length),
        status_code=206 if part is not None else 200,
        media_type=_dicom_type(instance.transfer_syntax_uid),
        headers=headers,
    )


async def stored_bytes(instance: HeldInstance, start: int, length: int) -> AsyncIterator[bytes]:
    """Part of an instance's file in pieces of at most 1 MiB."""
    key = instance_key(instance.sha256)
    if length <= CHUNK_BYTES:
        yield await run_in_threadpool(object_store().read, key, start=start, length=length)
        return
    async for chunk in iterate_in_threadpool(object_store().stream(key, start=start, length=length)):
        yield chunk
