"""Handler of searches (QIDO-RS, PS3.18 10.6)."""

import hashlib

from radcommons.server.archive.dicomweb.accept import DICOM_XML
from radcommons.server.archive.dicomweb.exchange import Exchange
from radcommons.server.archive.dicomweb.keys import Level
from radcommons.server.archive.dicomweb.multipart import MultipartWriter
from radcommons.server.archive.dicomweb.query import MAX_RESULTS, parse_search
from radcommons.server.archive.dicomweb.sending import Answer
from radcommons.server.archive.dicomweb.xml_parts import xml_parts

_MORE_WARNING = (
    '299 radcommons "The number of results exceeded the maximum supported by the server. '
    'Additional results can be requested."'
)


async def answer_search(exchange: Exchange) -> Answer:
    """Results as a JSON array or as parts of XML; 204 when there are none."""
    address = exchange.address
    media_type = exchange.attributes_type()
    is_relational = address.level is not Level.STUDY and not address.study_instance_uid
    query = parse_search(address.level, exchange.query.multi_items(), is_relational=is_relational)
    body, count = await exchange.holdings.search(query, address, root=exchange.root)
    warnings = [*query.warnings, *([_MORE_WARNING] if count >= MAX_RESULTS else [])]
    form = "-xml" if media_type == DICOM_XML else ""
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}{form}"'
    answer = exchange.unchanged(etag) or _results(body if count else b"", media_type, exchange.cache_headers(etag))
    answer.warn(*warnings)
    return answer


def _results(body: bytes, media_type: str, headers: dict[str, str]) -> Answer:
    if not body:
        return Answer(status_code=204, headers=headers)
    if media_type == DICOM_XML:
        writer = MultipartWriter(DICOM_XML)
        return Answer(xml_parts(body, writer), media_type=writer.content_type, headers=headers)
    return Answer(body, media_type=media_type, headers=headers)
