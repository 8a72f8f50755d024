"""Broken and malicious documents are refused with a reason; no reader of them ever fails in another way."""

import random
from datetime import datetime

import pytest
from tests.support.readings import EVERY_KIND, ct_headers, full_reading, radiograph_header

from radcommons.dicom.errors import RadCommonsError
from radcommons.transfer.annotation.content_tree import read_content
from radcommons.transfer.annotation.dicom_seg import read_segmentation, segments_of
from radcommons.transfer.annotation.dicom_seg_writing import write_segmentation
from radcommons.transfer.annotation.dicom_sr import write_report
from radcommons.transfer.annotation.dicom_sr_reading import read_report
from radcommons.transfer.annotation.documents import open_csv, open_json, open_xml
from radcommons.transfer.annotation.objects import ObjectIdentity, source_stack
from radcommons.transfer.annotation.rtstruct import read_structure_set, write_structure_set
from radcommons.transfer.annotation.untyped import AnnotationFormatError, Node

IDENTITY = ObjectIdentity("2.25.4", "2.25.5", datetime(2026, 1, 2), "0.1")  # noqa: DTZ001
STACK = source_stack(ct_headers())
BOMB = b"""<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><a>&d;</a>"""


def mutated(data, seed):
    """The same bytes with a few of them changed, lost or added."""
    chance, changed = random.Random(seed), bytearray(data)
    for _ in range(chance.randrange(1, 12)):
        place, kind = chance.randrange(len(changed)), chance.random()
        if kind < 0.6:
            changed[place] = chance.randrange(256)
        elif kind < 0.8:
            del changed[place : place + chance.randrange(1, 9)]
        else:
            changed[place:place] = chance.randbytes(chance.randrange(1, 5))
    return bytes(changed)


@pytest.fixture(scope="module")
def objects():
    reading = full_reading()
    return {
        read_segmentation: write_segmentation(STACK, segments_of(EVERY_KIND, reading, STACK), reading, IDENTITY),
        read_report: write_report([radiograph_header()], EVERY_KIND, reading, IDENTITY),
        lambda data: read_structure_set(data, STACK): write_structure_set(STACK, EVERY_KIND, reading, IDENTITY),
    }


def refusal(read, data):
    """The error of the house that reading ends in; None when it does not."""
    try:
        read(data)
    except RadCommonsError as error:
        return error
    return None


def test_damaged_objects_are_read_or_refused_with_a_code(objects):
    refusals = [refusal(read, mutated(data, seed)) for read, data in objects.items() for seed in range(100)]
    codes = {error.code for error in refusals if error}

    assert sum(error is not None for error in refusals) > 200
    assert all(code.startswith("annotation.") for code in codes)
    assert len(codes) > 2


def test_no_object_of_the_zoo_is_mistaken_for_one_of_ours(shared_data):
    files = [path for path in (shared_data / "zoo").rglob("*") if path.is_file() and path.stat().st_size < 60_000]

    assert len(files) > 150
    for path in files:
        data = path.read_bytes()
        assert refusal(read_report, data)
        assert refusal(lambda data: read_structure_set(data, STACK), data)
        for read in (read_segmentation, read_content):
            error = refusal(read, data)
            assert error is None or path.name not in error.message


@pytest.mark.parametrize(
    "raw",
    [
        BOMB,
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x"><a/>',
        b"<a>" * 65 + b"</a>" * 65,
        b"<a/><b/>",
        b"<a>&b;</a>",
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b'<?xml version="1.0" encoding="unheard"?><a/>',
    ],
)
def test_xml_with_a_document_type_too_deep_or_in_another_encoding_is_refused(raw):
    with pytest.raises(AnnotationFormatError):
        open_xml(raw)


def test_documents_above_their_limit_are_refused():
    for read in (open_json, open_xml, lambda data, limit: list(open_csv(data, limit=limit))):
        with pytest.raises(AnnotationFormatError, match="larger than"):
            read(b"1234", limit=3)


def test_a_refusal_names_the_place_and_never_the_value():
    with pytest.raises(AnnotationFormatError) as refused:
        next(Node([{"b": "secret"}], "list").each())["b"].number()
    with pytest.raises(AnnotationFormatError) as long:
        Node(1, "x" * 500).text()

    assert refused.value.facts["where"] == "list[0].b"
    assert "secret" not in refused.value.message
    assert len(str(long.value.facts["where"])) < 130


@pytest.mark.parametrize("raw", [b'a\n"b', b"a\x00b"])
def test_what_is_no_csv_is_refused(raw):
    with pytest.raises(AnnotationFormatError):
        list(open_csv(raw))
