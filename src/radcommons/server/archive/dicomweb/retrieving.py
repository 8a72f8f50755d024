"""Handlers of retrieval: metadata, instances, frames, bulk data (WADO-RS, PS3.18 10.4)."""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from radcommons.server.archive.conditional import requested_range
from radcommons.server.archive.dicomweb.accept import DICOM, DICOM_XML, ZIP, InstanceForm, choose_instance_form
from radcommons.server.archive.dicomweb.exchange import Exchange
from radcommons.server.archive.dicomweb.holdings import Selection, StoredObject
from radcommons.server.archive.dicomweb.intact import (
    assure,
    checked_bytes,
    damaged_among,
    stored_bytes,
    whole_object,
)
from radcommons.server.archive.dicomweb.multipart import MultipartWriter
from radcommons.server.archive.dicomweb.sending import Answer
from radcommons.server.archive.dicomweb.xml_parts import xml_parts
from radcommons.server.archive.errors import DamagedObjectError, NotRenderableError
from radcommons.server.archive.transcoded import transcoded_files
from radcommons.server.archive.zip_stream import Entry, zip_pieces, zip_size
from radcommons.server.platform.errors import NotFoundError


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
    """Instances as they were received, or in the transfer syntax asked for: parts of one message, a ZIP archive, or one file."""
    selection = await exchange.holdings.select(exchange.address)
    form = choose_instance_form(
        exchange.accepted, frozenset(selection.transfer_syntaxes), is_single=selection.count == 1
    )
    if not form.is_multipart and not form.is_zip:
        return await _one_file(exchange, form)
    suffix = "-zip" if form.is_zip else f"-{form.transfer_syntax}" if form.is_transcoded else ""
    etag = f'W/"{selection.digest[:32]}{suffix}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    if selection.count == 1 and form.is_multipart and not form.is_transcoded:
        return await _one_part(selection, exchange.cache_headers(etag))
    sent = await _sendable(selection)
    headers = {"Cache-Control": "no-store"} if sent.damaged else exchange.cache_headers(etag)
    if form.is_zip:
        answer = await _archive(exchange, sent, headers)
    elif form.is_transcoded and form.transfer_syntax is not None:
        answer = await _transcoded(exchange, sent, form.transfer_syntax, headers)
    else:
        writer = MultipartWriter(DICOM)
        kinds = Counter({_dicom_type(syntax): count for syntax, count in sent.transfer_syntaxes.items()})
        headers["Content-Length"] = str(writer.length(kinds, sent.size_bytes))
        answer = Answer(_instance_parts(sent, writer), media_type=writer.content_type, headers=headers)
    if sent.damaged:
        answer.warn(
            f'299 radcommons "{selection.count - sent.count} of {selection.count} instances are damaged in this repository '
            'and were left out; the operator was told."'
        )
    return answer


async def _one_part(selection: Selection, headers: dict[str, str]) -> Answer:
    """One instance in a message of one part: what viewers ask for most."""
    stored = [each async for page in selection.objects() for each in page]
    if not stored:
        raise NotFoundError
    sha256, size_bytes, transfer_syntax_uid, _ = stored[0]
    writer, kind = MultipartWriter(DICOM), _dicom_type(transfer_syntax_uid)
    before, after = writer.open_part(kind), writer.close()
    headers["Content-Length"] = str(len(before) + size_bytes + len(after))
    if await assure(sha256, size_bytes, will_pass=True):
        body = stored_bytes(sha256, 0, size_bytes, before=before, after=after)
    else:
        body = whole_object(sha256, size_bytes, before=before, after=after)
    return Answer(body, media_type=writer.content_type, headers=headers)


@dataclass(frozen=True, slots=True)
class _Sendable:
    """What is sent of a selection: everything but what is damaged."""

    selection: Selection
    damaged: frozenset[str]
    count: int
    size_bytes: int
    transfer_syntaxes: Counter[str]

    async def objects(self) -> AsyncIterator[StoredObject]:
        async for page in self.selection.objects():
            for each in page:
                if each[0] not in self.damaged:
                    yield each


async def _sendable(selection: Selection) -> _Sendable:
    """What can be sent of a selection.

    Raises
    ------
    DamagedObjectError
        When all of it is damaged.
    """
    damaged = await damaged_among(selection)
    if not damaged:
        return _Sendable(selection, damaged, selection.count, selection.size_bytes, selection.transfer_syntaxes)
    kept = [each async for page in selection.objects() for each in page if each[0] not in damaged]
    if not kept:
        raise DamagedObjectError
    kinds = Counter(syntax for _, _, syntax, _ in kept)
    return _Sendable(selection, damaged, len(kept), sum(size for _, size, _, _ in kept), kinds)


def _dicom_type(transfer_syntax_uid: str) -> str:
    return f"{DICOM}; transfer-syntax={transfer_syntax_uid}"


async def _instance_parts(sent: _Sendable, writer: MultipartWriter) -> AsyncIterator[bytes | memoryview]:
    left = sent.count
    async for sha256, size_bytes, transfer_syntax_uid, _ in sent.objects():
        left -= 1
        head, tail = writer.open_part(_dicom_type(transfer_syntax_uid)), b"" if left else writer.close()
        async for chunk in whole_object(sha256, size_bytes, before=head, after=tail):
            yield chunk


async def _archive(exchange: Exchange, sent: _Sendable, headers: dict[str, str]) -> Answer:
    """A ZIP archive of files, each called by its SOP Instance UID (PS3.18 8.6.1.3)."""
    entries = [
        Entry(f"{uid}.dcm", size_bytes, partial(whole_object, sha256, size_bytes), sha256)
        async for sha256, size_bytes, _, uid in sent.objects()
    ]
    address = exchange.address
    name = address.sop_instance_uid or address.series_instance_uid or address.study_instance_uid
    headers |= {"Content-Length": str(zip_size(entries)), "Content-Disposition": f'attachment; filename="{name}.zip"'}
    return Answer(zip_pieces(entries), media_type=ZIP, headers=headers)


async def _transcoded(exchange: Exchange, sent: _Sendable, syntax: str, headers: dict[str, str]) -> Answer:
    writer = MultipartWriter(DICOM)
    if sent.selection.count == 1:
        # Alone it is given in the syntax asked for, or refused.
        instance = await exchange.holdings.one(exchange.address)
        await transcoded_files().size(instance.sha256, syntax)
    return Answer(_transcoded_parts(sent, syntax, writer), media_type=writer.content_type, headers=headers)


async def _transcoded_parts(sent: _Sendable, syntax: str, writer: MultipartWriter) -> AsyncIterator[bytes | memoryview]:
    """Parts in a transfer syntax; what has no pixels or does not decode comes as stored, as its part says."""
    files = transcoded_files()
    async for sha256, size_bytes, stored, _ in sent.objects():
        is_made = stored != syntax
        try:
            is_made = is_made and bool(await files.size(sha256, syntax))
        except NotRenderableError:
            is_made = False
        yield writer.open_part(_dicom_type(syntax if is_made else stored))
        pieces = files.read(sha256, syntax) if is_made else whole_object(sha256, size_bytes)
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
    size_bytes = instance.size_bytes
    if syntax:
        await assure(instance.sha256, size_bytes)
        size_bytes = await transcoded_files().size(instance.sha256, syntax)
    part = requested_range(
        exchange.headers.get("range"), size_bytes, if_range=exchange.headers.get("if-range"), etag=etag
    )
    start, length = part or (0, size_bytes)
    headers = exchange.cache_headers(etag) | {"Accept-Ranges": "bytes", "Content-Length": str(length)}
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size_bytes}"
    body: AsyncIterator[bytes | memoryview]
    if syntax:
        body = transcoded_files().read(instance.sha256, syntax, start=start, length=length)
    else:
        # So that whoever asks for a file can prove what came (RFC 9530 3).
        headers["Repr-Digest"] = f"sha-256=:{b64encode(bytes.fromhex(instance.sha256)).decode()}:"
        body = await checked_bytes(instance.sha256, size_bytes, start, length)
    return Answer(
        body,
        status_code=206 if part is not None else 200,
        media_type=_dicom_type(syntax or instance.transfer_syntax_uid),
        headers=headers,
    )
