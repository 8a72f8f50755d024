"""What a document of reads is, is seen by what stands in it."""

import json

import pytest

from radcommons.transfer.annotation.recognition import recognise


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("nc/ricord-1c_mdai_annotations.json", "mdai"),
        ("annotations/midrc_mrale_training_annotations.csv", "mrale"),
        ("ct/lidc-idri-0001/lidc_reads.xml", "lidc"),
    ],
)
def test_real_documents_are_known(shared_data, place, kind):
    assert recognise((shared_data / place).read_bytes()).kind == kind


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"format": "radcommons.readings/1", "schema": {}, "readings": []}, "readings"),
        ({"images": [], "annotations": [], "categories": []}, "coco"),
        ([{"annotation_name": "midrc_mdai_chestxr"}], "midrc"),
        ({"annotation_method": "Retrospective_expert"}, "midrc"),
    ],
)
def test_documents_are_known_by_their_keys_whatever_stands_before_them(value, kind):
    data = json.dumps(value).encode()
    assert recognise(b"\xef\xbb\xbf\r\n " + data).kind == kind == recognise(data).kind


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 9, b"\xff\xfe{", b"{", b"<a>", b"[" * 100_000, b'{"images": 1}', b"a,b\n1,2"]
)
def test_what_is_none_is_refused_in_words_and_without_its_values(data):
    told = recognise(data)
    assert told.kind == ""
    assert len(told.refusal) > 10
