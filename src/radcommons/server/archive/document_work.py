"""What a limited process does with a PDF inside a stored file: count its pages, read their words, draw one (PS3.3 A.45).

PDFium draws and runs nothing: it is built without JavaScript here, no form is filled in, no link is followed.
"""

import io
from contextlib import closing
from pathlib import Path

import orjson
import pypdfium2

from radcommons.dicom.dicom_json import find_bulk
from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.part10 import map_file, parse_part10
from radcommons.server.archive.pixel_jobs import DrawPage, Job, ReadDocument, Refusal

DOCUMENT = "00420011"
MAX_DOCUMENT_BYTES = 256 * 2**20
MAX_PAGES = 200
_MAX_WORDS = 20_000
_MAX_PIXELS = 12_000_000


def perform(job: Job) -> bytes | Refusal:
    """Do one piece of work in a child process."""
    try:
        element = find_bulk(parse_part10(map_file(Path(job.path))).elements, DOCUMENT)
    except RadCommonsError as error:
        return Refusal(error.code)
    if element is None or element.items is not None:
        return Refusal("archive.no-such-value")
    if len(element.value) > MAX_DOCUMENT_BYTES:
        return Refusal("archive.value-too-large")
    try:
        with closing(pypdfium2.PdfDocument(bytes(element.value))) as document:
            match job.work:
                case ReadDocument():
                    return _words(document)
                case DrawPage(page_index=page_index, width=width) if page_index < len(document):
                    return _drawn(document[page_index], width)
    except pypdfium2.PdfiumError:
        return Refusal("archive.document-unreadable")
    return Refusal("archive.no-such-value")


def _words(document: pypdfium2.PdfDocument) -> bytes:
    """A list of the words of each page, as JSON; there are as many as pages, up to the limit."""
    texts = []
    for index in range(min(len(document), MAX_PAGES)):
        with closing(document[index]) as page, closing(page.get_textpage()) as words:
            texts.append(words.get_text_bounded()[:_MAX_WORDS])
    # Characters that are none (halves of pairs) come from broken fonts.
    clean = [text.encode("utf-8", "replace").decode() for text in texts]
    return orjson.dumps({"page_count": len(document), "texts": clean})


def _drawn(page: pypdfium2.PdfPage, width: int) -> bytes:
    """A page as PNG, of a width or less where it would grow beyond reason."""
    across, down = (max(1.0, length) for length in page.get_size())
    scale = min(width / across, (_MAX_PIXELS / (across * down)) ** 0.5)
    stream = io.BytesIO()
    page.render(scale=scale, limit_image_cache=True).to_pil().save(stream, "PNG", compress_level=3)
    return stream.getvalue()
