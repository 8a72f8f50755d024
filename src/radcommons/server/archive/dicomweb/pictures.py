"""Handlers of rendered resources and thumbnails (PS3.18 10.4.1.3): consumer pictures, made in limited processes."""

import hashlib
from dataclasses import replace

from radcommons.server.archive import rendering
from radcommons.server.archive.captions import captions
from radcommons.server.archive.dicomweb.accept import choose
from radcommons.server.archive.dicomweb.address import Address
from radcommons.server.archive.dicomweb.exchange import Exchange
from radcommons.server.archive.dicomweb.holdings import HeldInstance
from radcommons.server.archive.dicomweb.intact import assure
from radcommons.server.archive.dicomweb.keys import Level
from radcommons.server.archive.dicomweb.sending import Answer
from radcommons.server.archive.errors import QueryInvalidError
from radcommons.server.archive.pixel_jobs import RenderFrame
from radcommons.server.archive.rendered_query import RenderedQuery, parse_rendered, parse_thumbnail
from radcommons.server.archive.rules import SLIDE_CLASS, middle_index
from radcommons.server.platform.errors import NotFoundError

JPEG = "image/jpeg"
PNG = "image/png"


async def answer_rendered(exchange: Exchange) -> Answer:
    """A picture of a frame, an instance (its first frame), a series or study (its middle image)."""
    media_type = choose(exchange.accepted, [JPEG, PNG])
    query = parse_rendered(exchange.query)
    instance, frame_index = await _shown(exchange)
    if query.crop is not None and (query.crop[0] >= (instance.columns or 0) or query.crop[1] >= (instance.rows or 0)):
        raise QueryInvalidError("The part of viewport lies outside the image.")
    etag = f'"{instance.sha256[:32]}-{frame_index}-{_digest(query, media_type)}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    await assure(instance.sha256, instance.size_bytes)
    quality = query.quality if media_type == JPEG else None
    attributes = await exchange.holdings.attributes(_address_of(exchange, instance)) if query.annotations else {}
    work = RenderFrame(
        frame_index,
        window=query.window,
        function=query.function,
        crop=query.crop,
        size=query.size,
        quality=quality,
        flip=query.flip,
        lines=captions(attributes, query.annotations),
    )
    picture = await rendering.picture(instance.sha256, work)
    return Answer(picture, media_type=media_type, headers=exchange.cache_headers(etag))


async def answer_thumbnail(exchange: Exchange) -> Answer:
    """A small picture that stands for a study, series, instance or frame; its middle image."""
    choose(exchange.accepted, [JPEG])
    size = parse_thumbnail(exchange.query)
    instance, frame_index = await _shown(exchange)
    etag = f'"{instance.sha256[:32]}-{frame_index}-thumbnail-{size}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    await assure(instance.sha256, instance.size_bytes)
    if size is None:
        picture = await rendering.thumbnail(instance.sha256, frame_index)
    else:
        picture = await rendering.picture(instance.sha256, RenderFrame(frame_index, size=size))
    return Answer(picture, media_type=JPEG, headers=exchange.cache_headers(etag))


def _address_of(exchange: Exchange, instance: HeldInstance) -> Address:
    return replace(exchange.address, level=Level.INSTANCE, sop_instance_uid=instance.sop_instance_uid)


def _digest(query: RenderedQuery, media_type: str) -> str:
    return hashlib.sha256(f"{query} {media_type}".encode()).hexdigest()[:16]


async def _shown(exchange: Exchange) -> tuple[HeldInstance, int]:
    """The instance and frame that stand for what an address names."""
    address = exchange.address
    instance = await exchange.holdings.representative(address)
    numbers = address.frame_numbers or (_usual_frame(address, instance),)
    if len(numbers) > 1 or not 1 <= numbers[0] <= instance.number_of_frames:
        raise NotFoundError("There is no such frame in this instance.")
    return instance, numbers[0] - 1


def _usual_frame(address: Address, instance: HeldInstance) -> int:
    """The frame that is shown where none is named: the first, but a tile from the middle for a slide as a whole."""
    is_slide = instance.sop_class_uid == SLIDE_CLASS and address.level is not Level.INSTANCE
    return middle_index(instance.number_of_frames) + 1 if is_slide else 1
