"""All values of a study, series or instance that its metadata only point at, in one message (PS3.18 10.4.1.1.5, 10.4.1.1.6)."""

from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import chain
from typing import Any

from radcommons.server.archive.dicomweb.accept import OCTETS, choose_frame_form
from radcommons.server.archive.dicomweb.address import Resource, parse_address
from radcommons.server.archive.dicomweb.exchange import Exchange
from radcommons.server.archive.dicomweb.frames import PIXEL_DATA, value_parts
from radcommons.server.archive.dicomweb.holdings import Selection, objects_in
from radcommons.server.archive.dicomweb.multipart import MultipartWriter
from radcommons.server.archive.dicomweb.sending import Answer, Piece
from radcommons.server.platform.errors import NotFoundError


async def answer_values(exchange: Exchange) -> Answer:
    """Every value, or the pixel data only, each part with the address at which it is given alone too.

    Raises
    ------
    NotAcceptableError
        When parts are not accepted, or nothing in which the pixel data of all instances can be given.
    """
    selection = await exchange.holdings.select(exchange.address)
    forms = [choose_frame_form(exchange.accepted, syntax, is_single=False) for syntax in selection.transfer_syntaxes]
    etag = f'W/"{selection.digest[:32]}-{exchange.address.resource.replace(" ", "-")}"'
    if (unchanged := exchange.unchanged(etag)) is not None:
        return unchanged
    writer = MultipartWriter(forms[0].media_type if len({form.media_type for form in forms}) == 1 else OCTETS)
    parts = _parts(exchange, selection, writer)
    return Answer(parts, media_type=writer.content_type, headers=exchange.cache_headers(etag))


async def _parts(exchange: Exchange, selection: Selection, writer: MultipartWriter) -> AsyncIterator[Piece]:
    is_empty = True
    async for objects in objects_in(await selection.metadata(exchange.root, is_gzip=False)):
        for location in chain.from_iterable(map(_locations, objects)):
            address = parse_address(f"/{exchange.address.scope}{location.removeprefix(exchange.root)}")
            if address is None or not _is_wanted(exchange.address.resource, address.tag_path):
                continue
            instance = await exchange.holdings.one(address)
            async for piece in value_parts(instance, address.tag_path, exchange.accepted, writer, location):
                is_empty = False
                yield piece
    if is_empty:
        raise NotFoundError("Nothing of this is kept apart from its metadata.")
    yield writer.close()


def _is_wanted(resource: Resource, tag_path: str) -> bool:
    return resource is Resource.ALL_BULKDATA or tag_path == PIXEL_DATA


def _locations(attributes: Mapping[str, Any]) -> Iterator[str]:
    for attribute in attributes.values():
        if "BulkDataURI" in attribute:
            yield attribute["BulkDataURI"]
        elif attribute["vr"] == "SQ":
            for item in attribute.get("Value", ()):
                yield from _locations(item)
