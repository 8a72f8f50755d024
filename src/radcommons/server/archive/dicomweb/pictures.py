"""Handlers of rendered resources and thumbnails (PS3.18 10.4.1.3): consumer pictures, made in limited processes."""

import hashlib

from starlette.responses import Response

from radcommons.server.archive import rendering
from radcommons.server.archive.dicomweb.accept import choose
from radcommons.server.archive.dicomweb.exchange import Exchange
from radcommons.server.archive.dicomweb.holdings import HeldInstance
from radcommons.server.archive.dicomweb.rendered_query import RenderedQuery, parse_rendered
from radcommons.server.archive.errors import QueryInvalidError
from radcommons.server.archive.pixel_work import RenderFrame
from radcommons.server.platform.errors import NotFoundError

JPEG = "image/jpeg"
PNG = "image/png"


async def answer_rendered(exchange: Exchange) -> Response:
    """A picture of a frame, an instance (its first frame) or a series (its middle image)."""
    media_type = choose(exchange.accepted, [JPEG, PNG])
    query = parse_rendered(exchange.query)
    instance, frame_index = await _shown(exchange)
    if query.crop is not None and (query.crop[0] >= (instance.columns or 0) or query.crop[1] >= (instance.rows or 0)):
        raise QueryInvalidError("The part of viewport lies outside the image.")
    etag = f'"{instance.sha256[:32]}-{frame_index}-{_digest(query, media_type)}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    quality = query.quality if media_type == JPEG else None
    work = RenderFrame(frame_index, window=query.window, crop=query.crop, size=query.size, quality=quality)
    picture = await rendering.in_worker(instance.sha256, work)
    return Response(picture, media_type=media_type, headers=exchange.cache_headers(etag))


async def answer_thumbnail(exchange: Exchange) -> Response:
    """A small picture that stands for a study, series, instance or frame; its middle image."""
    choose(exchange.accepted, [JPEG])
    instance, frame_index = await _shown(exchange)
    etag = f'"{instance.sha256[:32]}-{frame_index}-thumbnail"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    picture = await rendering.thumbnail(instance.sha256, frame_index)
    return Response(picture, media_type=JPEG, headers=exchange.cache_headers(etag))


def _digest(query: RenderedQuery, media_type: str) -> str:
    return hashlib.sha256(f"{query} {media_type}".encode()).hexdigest()[:16]


async def _shown(exchange: Exchange) -> tuple[HeldInstance, int]:
    """The instance and frame that stand for what an address names."""
    address = exchange.address
    instance = await exchange.holdings.representative(address)
    numbers = address.frame_numbers or (1,)
    if len(numbers) > 1 or not 1 <= numbers[0] <= instance.number_of_frames:
        raise NotFoundError("There is no such frame in this instance.")
    return instance, numbers[0] - 1
