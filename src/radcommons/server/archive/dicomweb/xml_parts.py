"""Attributes as XML, one part for each instance or result, made in a thread from the JSON that is kept."""

from collections.abc import AsyncIterator

import orjson
from starlette.concurrency import run_in_threadpool

from radcommons.server.archive.dicomweb.accept import DICOM_XML
from radcommons.server.archive.dicomweb.multipart import MultipartWriter
from radcommons.server.archive.dicomweb.native_model import to_xml

_AT_ONCE = 50


async def xml_parts(json_array: bytes | AsyncIterator[bytes], writer: MultipartWriter) -> AsyncIterator[bytes]:
    """The parts of a message.

    Parameters
    ----------
    json_array
        An array of DICOM JSON objects, whole, or in pieces that end between two of them.
    """
    pieces = _one(json_array) if isinstance(json_array, bytes) else json_array
    async for piece in pieces:
        objects = await run_in_threadpool(orjson.loads, b"[" + piece.strip(b"[],\n") + b"]")
        for start in range(0, len(objects), _AT_ONCE):
            yield await run_in_threadpool(_joined, objects[start : start + _AT_ONCE], writer)
    yield writer.close()


async def _one(whole: bytes) -> AsyncIterator[bytes]:
    yield whole


def _joined(objects: list[dict[str, object]], writer: MultipartWriter) -> bytes:
    return b"".join(writer.open_part(DICOM_XML) + to_xml(each) for each in objects)
