"""Attributes as XML, one part for each instance or result, made in a thread from the JSON that is kept."""

from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from radcommons.server.archive.dicomweb.accept import DICOM_XML
from radcommons.server.archive.dicomweb.holdings import objects_in
from radcommons.server.archive.dicomweb.multipart import MultipartWriter
from radcommons.server.archive.native_model import to_xml

_AT_ONCE = 50


async def xml_parts(json_array: bytes | AsyncIterator[bytes], writer: MultipartWriter) -> AsyncIterator[bytes]:
    """The parts of a message.

    Parameters
    ----------
    json_array
        An array of DICOM JSON objects, whole, or in pieces that end between two of them.
    """
    async for objects in objects_in(json_array):
        for start in range(0, len(objects), _AT_ONCE):
            yield await run_in_threadpool(_joined, objects[start : start + _AT_ONCE], writer)
    yield writer.close()


def _joined(objects: list[dict[str, object]], writer: MultipartWriter) -> bytes:
    return b"".join(writer.open_part(DICOM_XML) + to_xml(each) for each in objects)
