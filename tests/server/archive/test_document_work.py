"""PDFs inside objects: pages are counted, read and drawn; broken and hostile ones are refused, each alone."""

import io
import math

import numpy as np
import orjson
import pytest
from PIL import Image
from pydicom import dcmread
from tests.server.archive.conftest import dicom_file
from tests.support.made_pdf import pdf

from radcommons.server.archive.pixel_jobs import DrawPage, Job, ReadDocument, Refusal
from radcommons.server.archive.pixel_work import perform


@pytest.fixture
def holding(tmp_path):
    def make(document):
        path = dicom_file(tmp_path, EncapsulatedDocument=document, MIMETypeOfEncapsulatedDocument="application/pdf")
        dataset = dcmread(path)
        del dataset.PixelData
        dataset.save_as(path)
        return str(path)

    return make


def test_the_words_of_every_page_are_read(holding):
    found = orjson.loads(perform(Job(holding(pdf("No lesion.", "Second page")), ReadDocument())))
    assert found == {"page_count": 2, "texts": ["No lesion.", "Second page"]}


def test_a_page_is_drawn_dark_on_white_in_the_width_asked_for(holding):
    path = holding(pdf("No lesion.", ""))
    words, empty = (Image.open(io.BytesIO(perform(Job(path, DrawPage(index, 600))))) for index in (0, 1))
    assert words.format == "PNG"
    assert words.width == 600
    assert words.height == math.ceil(600 * 842 / 595)
    shades = np.asarray(words.convert("L"))
    assert shades.min() < 64
    assert np.median(shades) > 250
    assert np.asarray(empty.convert("L")).min() == 255
    assert perform(Job(path, DrawPage(2, 600))) == Refusal("archive.no-such-value")


def test_a_page_of_impossible_proportions_is_drawn_small(holding):
    drawn = Image.open(io.BytesIO(perform(Job(holding(pdf("x", size=(1, 14400))), DrawPage(0, 1240)))))
    assert drawn.width * drawn.height <= 12_100_000


@pytest.mark.parametrize("document", [b"%PDF-1.4 and no more", b"\x00" * 64, pdf("cut")[:60]])
def test_what_is_no_document_is_refused(holding, document):
    for work in (ReadDocument(), DrawPage(0, 600)):
        assert perform(Job(holding(document), work)) == Refusal("archive.document-unreadable")


def test_an_object_without_a_document_has_no_pages(tmp_path):
    assert perform(Job(str(dicom_file(tmp_path)), ReadDocument())) == Refusal("archive.no-such-value")
    (tmp_path / "broken").write_bytes(b"no DICOM")
    assert perform(Job(str(tmp_path / "broken"), ReadDocument())).code.startswith("dicom.")
