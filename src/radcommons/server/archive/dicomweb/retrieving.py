"""Handlers of retrieval: metadata, instances, frames, bulk data (WADO-RS, PS3.18 10.4)."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import islice

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.responses import Response, StreamingResponse

from radcommons.server.archive import metadata
from radcommons.server.archive.dicomweb.accept import DICOM, choose_instance_form
from radcommons.server.archive.dicomweb.conditional import requested_range
from radcommons.server.archive.dicomweb.exchange import Exchange, gzipped
from radcommons.server.archive.dicomweb.multipart import MultipartWriter
from radcommons.server.archive.dicomweb.selection import Selection, one_at, pages, select
from radcommons.server.archive.dicomweb.threads import each_in_pool, in_pool
from radcommons.server.archive.models import Instance
from radcommons.server.platform.objects import CHUNK_BYTES, instance_key, object_store

_JOINED = 200


async def answer_metadata(exchange: Exchange) -> Response:
    """The DICOM JSON of all instances an address names, from what was stored at ingest."""
    media_type = exchange.json_type()
    selection = await in_pool(select, exchange.scope.instances, exchange.address)
    version = hashlib.sha256(f"{selection.digest} {exchange.root}".encode()).hexdigest()
    etag = f'W/"{version[:32]}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    pieces = _metadata_pieces(selection, exchange.root)
    headers = exchange.cache_headers(etag)
    if exchange.accepts_gzip:
        pieces = gzipped(pieces)
        headers["Content-Encoding"] = "gzip"
    return StreamingResponse(each_in_pool(pieces), media_type=media_type, headers=headers)


def _metadata_pieces(selection: Selection, root: str) -> Iterator[bytes]:
    columns = ("series__study__study_instance_uid", "series__series_instance_uid", "sop_instance_uid", "dicom_json")
    objects = (
        (packed, f"{root}/studies/{study}/series/{series}/instances/{instance}")
        for page in pages(selection, *columns)
        for study, series, instance, packed in page
    )
    pieces = metadata.joined(objects)
    while piece := b"".join(islice(pieces, _JOINED)):
        yield piece


async def answer_instances(exchange: Exchange) -> Response:
    """Instances as they were received: parts of one message, or one file with ranges."""
    selection = await in_pool(select, exchange.scope.instances, exchange.address)
    stored = frozenset(selection.transfer_syntaxes)
    form = choose_instance_form(exchange.accepted, stored, is_single=len(selection.keys) == 1)
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
    async for page in each_in_pool(pages(selection, "sha256", "transfer_syntax_uid")):
        for sha256, transfer_syntax_uid in page:
            yield writer.open_part(_dicom_type(str(transfer_syntax_uid)))
            async for chunk in iterate_in_threadpool(store.stream(instance_key(str(sha256)))):
                yield chunk
    yield writer.close()


async def _one_file(exchange: Exchange) -> Response:
    """One instance as application/dicom, whole or a range of it."""
    instance = await in_pool(one_at, exchange.scope.instances, exchange.address)
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


async def stored_bytes(instance: Instance, start: int, length: int) -> AsyncIterator[bytes]:
    """Part of an instance's file in pieces of at most 1 MiB."""
    key = instance_key(instance.sha256)
    if length <= CHUNK_BYTES:
        yield await run_in_threadpool(object_store().read, key, start=start, length=length)
        return
    async for chunk in iterate_in_threadpool(object_store().stream(key, start=start, length=length)):
        yield chunk
