"""Handlers of retrieval: metadata, instances, frames, bulk data (WADO-RS, PS3.18 10.4)."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from radcommons.server.archive.dicomweb.accept import DICOM, DICOM_XML, InstanceForm, choose_instance_form
from radcommons.server.archive.dicomweb.conditional import requested_range
from radcommons.server.archive.dicomweb.exchange import Exchange
from radcommons.server.archive.dicomweb.holdings import Selection
from radcommons.server.archive.dicomweb.multipart import MultipartWriter
from radcommons.server.archive.dicomweb.sending import Answer
from radcommons.server.archive.dicomweb.xml_parts import xml_parts
from radcommons.server.archive.errors import NotRenderableError
from radcommons.server.archive.transcoded import transcoded_files
from radcommons.server.platform.errors import UnavailableError
from radcommons.server.platform.objects import CHUNK_BYTES, instance_key, object_store


async def answer_metadata(exchange: Exchange) -> Answer:
    """The attributes of all instances an address names, from what was stored at ingest, as JSON or XML."""
    media_type = exchange.attributes_type()
    selection = await exchange.holdings.select(exchange.address)
    version = hashlib.sha256(f"{selection.digest} {exchange.root} {media_type}".encode()).hexdigest()
    etag = f'W/"{version[:32]}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    headers = exchange.cache_headers(etag)
    if media_type == DICOM_XML:
        writer = MultipartWriter(DICOM_XML)
        parts = xml_parts(await selection.metadata(exchange.root, is_gzip=False), writer)
        return Answer(parts, media_type=writer.content_type, headers=headers)
    if exchange.accepts_gzip:
        headers["Content-Encoding"] = "gzip"
    body = await selection.metadata(exchange.root, is_gzip=exchange.accepts_gzip)
    if isinstance(body, bytes):
        return Answer(body, media_type=media_type, headers=headers)
    return Answer(body, media_type=media_type, headers=headers)


async def answer_instances(exchange: Exchange) -> Answer:
    """Instances as they were received, or in the transfer syntax asked for: parts of one message, or one file with ranges."""
    selection = await exchange.holdings.select(exchange.address)
    stored = frozenset(selection.transfer_syntaxes)
    form = choose_instance_form(exchange.accepted, stored, is_single=selection.count == 1)
    if not form.is_multipart:
        return await _one_file(exchange, form)
    etag = f'W/"{selection.digest[:32]}{f"-{form.transfer_syntax}" if form.is_transcoded else ""}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    writer = MultipartWriter(DICOM)
    if form.is_transcoded and form.transfer_syntax is not None:
        if selection.count == 1:
            # Alone it is given in the syntax asked for, or refused.
            instance = await exchange.holdings.one(exchange.address)
            await transcoded_files().size(instance.sha256, form.transfer_syntax)
        parts = _transcoded_parts(selection, form.transfer_syntax, writer)
        return Answer(parts, media_type=writer.content_type, headers=exchange.cache_headers(etag))
    kinds = Counter({_dicom_type(syntax): count for syntax, count in selection.transfer_syntaxes.items()})
    headers = exchange.cache_headers(etag)
    headers["Content-Length"] = str(writer.length(kinds, selection.size_bytes))
    return Answer(_instance_parts(selection, writer), media_type=writer.content_type, headers=headers)


def _dicom_type(transfer_syntax_uid: str) -> str:
    return f"{DICOM}; transfer-syntax={transfer_syntax_uid}"


async def _instance_parts(selection: Selection, writer: MultipartWriter) -> AsyncIterator[bytes | memoryview]:
    left = selection.count
    async for page in selection.objects():
        for sha256, size_bytes, transfer_syntax_uid in page:
            left -= 1
            head, tail = writer.open_part(_dicom_type(transfer_syntax_uid)), b"" if left else writer.close()
            async for chunk in stored_bytes(sha256, 0, size_bytes, before=head, after=tail):
                yield chunk


async def _transcoded_parts(
    selection: Selection, syntax: str, writer: MultipartWriter
) -> AsyncIterator[bytes | memoryview]:
    """Parts in a transfer syntax; what has no pixels or does not decode comes as stored, as its part says."""
    files = transcoded_files()
    async for page in selection.objects():
        for sha256, size_bytes, stored in page:
            is_made = stored != syntax
            try:
                is_made = is_made and bool(await files.size(sha256, syntax))
            except NotRenderableError:
                is_made = False
            yield writer.open_part(_dicom_type(syntax if is_made else stored))
            pieces = files.read(sha256, syntax) if is_made else stored_bytes(sha256, 0, size_bytes)
            async for piece in pieces:
                yield piece
    yield writer.close()


async def _one_file(exchange: Exchange, form: InstanceForm) -> Answer:
    """One instance as application/dicom, whole or a range of it."""
    instance = await exchange.holdings.one(exchange.address)
    syntax = form.transfer_syntax if form.is_transcoded else None
    etag = f'"{instance.sha256}{f"-{syntax}" if syntax else ""}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    size_bytes = await transcoded_files().size(instance.sha256, syntax) if syntax else instance.size_bytes
    part = requested_range(
        exchange.headers.get("range"), size_bytes, if_range=exchange.headers.get("if-range"), etag=etag
    )
    start, length = part or (0, size_bytes)
    headers = exchange.cache_headers(etag) | {"Accept-Ranges": "bytes", "Content-Length": str(length)}
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size_bytes}"
    made = transcoded_files().read(instance.sha256, syntax, start=start, length=length) if syntax else None
    return Answer(
        made or stored_bytes(instance.sha256, start, length),
        status_code=206 if part is not None else 200,
        media_type=_dicom_type(syntax or instance.transfer_syntax_uid),
        headers=headers,
    )


async def stored_bytes(
    sha256: str, start: int, length: int, *, before: bytes = b"", after: bytes = b""
) -> AsyncIterator[bytes | memoryview]:
    """Part of a stored file in pieces of about 1 MiB, without a detour through a thread where it is in memory.

    Parameters
    ----------
    before, after
        What is sent in front of it and behind it, in the same pieces: every piece costs a call of the kernel.
    """
    key, store, end = instance_key(sha256), object_store(), start + length
    while start < end:
        size = min(CHUNK_BYTES, end - start)
        tail = after if start + size == end else b""
        piece: bytes | memoryview | None = store.read_at_once(key, start=start, length=size, before=before, after=tail)
        if piece is None:
            read = await run_in_threadpool(store.read, key, start=start, length=size)
            if len(read) != size:
                # The file is shorter than it was: the client must see a broken answer, not a short one that looks whole.
                raise UnavailableError("archive.object-damaged", "A stored object is shorter than it should be.")
            piece = before + read + tail if before or tail else read
        yield piece
        start, before = start + size, b""
