"""Handlers of frames and bulk data: cut out of the stored file by offset; decoded only when nothing else will do."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from radcommons.server.archive import metadata, rendering
from radcommons.server.archive.dicomweb.accept import (
    MULTIPART,
    OCTETS,
    FrameForm,
    MediaRange,
    choose,
    choose_frame_form,
    is_encapsulated,
)
from radcommons.server.archive.dicomweb.exchange import Exchange
from radcommons.server.archive.dicomweb.holdings import HeldInstance
from radcommons.server.archive.dicomweb.intact import assure, stored_bytes
from radcommons.server.archive.dicomweb.multipart import MultipartWriter
from radcommons.server.archive.dicomweb.sending import Answer
from radcommons.server.archive.encodings import FRAME_ENCODINGS
from radcommons.server.archive.pixel_jobs import DecodeFrame, EncodeFrame, ReadValue
from radcommons.server.archive.rules import frame_spans
from radcommons.server.platform.errors import NotFoundError

PIXEL_DATA = "7FE00010"
_ENCAPSULATED_DOCUMENT = "00420011"
_DOCUMENT_TYPE = "00420012"
# Media types in which a document inside an instance may be shown by a browser without doing anything.
_SAFE_DOCUMENTS = frozenset({"application/pdf"})


@dataclass(frozen=True, slots=True)
class FrameBytes:
    """One frame: where it lies in the file, or its decoded pixels."""

    spans: tuple[tuple[int, int], ...] = ()
    decoded: bytes = b""

    @property
    def size_bytes(self) -> int:
        """The number of bytes sent for it."""
        return len(self.decoded) or sum(length for _, length in self.spans)


async def answer_frames(exchange: Exchange) -> Answer:
    """Frames in their stored encoding where the client takes it, decoded otherwise."""
    instance = await exchange.holdings.one(exchange.address)
    numbers = exchange.address.frame_numbers
    if not instance.is_image or not all(1 <= number <= instance.number_of_frames for number in numbers):
        raise NotFoundError("There is no such frame in this instance.")
    form = choose_frame_form(
        exchange.accepted,
        instance.transfer_syntax_uid,
        is_single=len(numbers) == 1,
        has_table=bool(instance.frames),
    )
    return await _answer_frames(exchange, instance, [number - 1 for number in numbers], form)


async def _answer_frames(exchange: Exchange, instance: HeldInstance, indexes: Sequence[int], form: FrameForm) -> Answer:
    etag = f'W/"{instance.sha256[:32]}-{form.transfer_syntax}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    await assure(instance.sha256, instance.size_bytes)
    content_type = f"{form.media_type}; transfer-syntax={form.transfer_syntax}"
    headers = exchange.cache_headers(etag)
    first = await _frame(instance, indexes[0], form)
    if not form.is_multipart:
        headers["Content-Length"] = str(first.size_bytes)
        return Answer(_frame_bytes(instance, first), media_type=content_type, headers=headers)
    writer = MultipartWriter(form.media_type)
    if first.spans:
        sizes = [sum(length for _, length in frame_spans(instance.frames, index)) for index in indexes]
        headers["Content-Length"] = str(writer.length(Counter({content_type: len(sizes)}), sum(sizes)))
    parts = _frame_parts(instance, indexes, form, first, writer)
    return Answer(parts, media_type=writer.content_type, headers=headers)


async def _frame_parts(
    instance: HeldInstance, indexes: Sequence[int], form: FrameForm, first: FrameBytes, writer: MultipartWriter
) -> AsyncIterator[bytes | memoryview]:
    content_type = f"{form.media_type}; transfer-syntax={form.transfer_syntax}"
    for position, index in enumerate(indexes):
        frame = await _frame(instance, index, form) if position else first
        head, tail = writer.open_part(content_type), writer.close() if position + 1 == len(indexes) else b""
        async for chunk in _frame_bytes(instance, frame, before=head, after=tail):
            yield chunk


async def _frame(instance: HeldInstance, index: int, form: FrameForm) -> FrameBytes:
    spans = () if form.is_decoded else frame_spans(instance.frames, index)
    if spans:
        return FrameBytes(spans)
    is_encoded = form.transfer_syntax in FRAME_ENCODINGS
    work = EncodeFrame(index, form.transfer_syntax) if is_encoded else DecodeFrame(index)
    return FrameBytes(decoded=await rendering.in_worker(instance.sha256, work))


async def _frame_bytes(
    instance: HeldInstance, frame: FrameBytes, *, before: bytes = b"", after: bytes = b""
) -> AsyncIterator[bytes | memoryview]:
    if not frame.spans:
        yield before + frame.decoded + after
    for position, (start, length) in enumerate(frame.spans):
        head = before if not position else b""
        tail = after if position + 1 == len(frame.spans) else b""
        async for chunk in stored_bytes(instance.sha256, start, length, before=head, after=tail):
            yield chunk


async def answer_bulkdata(exchange: Exchange) -> Answer:
    """One value that the metadata only points at."""
    instance = await exchange.holdings.one(exchange.address)
    tag_path = exchange.address.tag_path
    if tag_path == PIXEL_DATA and is_encapsulated(instance.transfer_syntax_uid):
        form = choose_frame_form(
            exchange.accepted, instance.transfer_syntax_uid, is_single=False, has_table=bool(instance.frames)
        )
        return await _answer_frames(exchange, instance, range(instance.number_of_frames), form)
    etag = f'"{instance.sha256[:32]}-{tag_path.replace("/", ".")}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    await assure(instance.sha256, instance.size_bytes)
    media_type = await _value_type(exchange, tag_path)
    return _answer_value(instance, await _value(instance, tag_path), media_type, exchange.cache_headers(etag))


async def _value(instance: HeldInstance, tag_path: str) -> FrameBytes:
    if tag_path == PIXEL_DATA and instance.pixel_offset is not None and instance.pixel_length:
        return FrameBytes(((instance.pixel_offset, instance.pixel_length),))
    return FrameBytes(decoded=await rendering.in_worker(instance.sha256, ReadValue(tag_path)))


async def value_parts(
    instance: HeldInstance, tag_path: str, accepted: Sequence[MediaRange], writer: MultipartWriter, location: str
) -> AsyncIterator[bytes | memoryview]:
    """One value as parts of a message that goes on: one part, or of encapsulated pixel data one for each frame."""
    await assure(instance.sha256, instance.size_bytes)
    if tag_path != PIXEL_DATA or not is_encapsulated(instance.transfer_syntax_uid):
        value = await _value(instance, tag_path)
        async for chunk in _frame_bytes(instance, value, before=writer.open_part(OCTETS, location)):
            yield chunk
        return
    syntax, has_table = instance.transfer_syntax_uid, bool(instance.frames)
    form = choose_frame_form(accepted, syntax, is_single=False, has_table=has_table)
    for index in range(instance.number_of_frames):
        frame = await _frame(instance, index, form)
        head = writer.open_part(f"{form.media_type}; transfer-syntax={form.transfer_syntax}", location)
        async for chunk in _frame_bytes(instance, frame, before=head):
            yield chunk


async def _value_type(exchange: Exchange, tag_path: str) -> str:
    """How a value is sent; parts by default, since that is what clients of bulk data expect (PS3.18 8.7.2)."""
    offered = [OCTETS]
    if tag_path == _ENCAPSULATED_DOCUMENT:
        kind = metadata.text_of(await exchange.holdings.attributes(exchange.address), _DOCUMENT_TYPE).lower()
        offered += [kind] if kind in _SAFE_DOCUMENTS else []
    for item in exchange.accepted:
        if item.media_type == "*/*" or (item.is_multipart and item.part_type in {"*/*", OCTETS}):
            return MULTIPART
        if item.media_type in offered:
            return item.media_type
    return choose((), offered)


def _answer_value(instance: HeldInstance, value: FrameBytes, media_type: str, headers: dict[str, str]) -> Answer:
    if media_type != MULTIPART:
        headers["Content-Length"] = str(value.size_bytes)
        return Answer(_frame_bytes(instance, value), media_type=media_type, headers=headers)
    writer = MultipartWriter(OCTETS)
    headers["Content-Length"] = str(writer.length(Counter([OCTETS]), value.size_bytes))

    parts = _frame_bytes(instance, value, before=writer.open_part(OCTETS), after=writer.close())
    return Answer(parts, media_type=writer.content_type, headers=headers)
