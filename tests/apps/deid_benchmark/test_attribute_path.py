"""Names of places: ours, and those of the MIDI-B scripts."""

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.support.benchmark_objects import made, written

from radcommons.apps.deid_benchmark.attribute_path import (
    flatten,
    is_outside,
    midi_path,
    midi_tag,
    walk,
    without_indices,
)


def nested():
    inner = Dataset()
    inner.CodeMeaning = "Thorax"
    block = inner.private_block(0x0019, "ACME 1", create=True)
    block.add_new(0x92, "LO", "secret")
    outer = Dataset()
    outer.PatientName = "Case^Grace"
    outer.RequestAttributesSequence = Sequence([Dataset(), inner])
    outer.add_new(0x60003000, "OW", b"\1\0")
    return outer


def test_values_are_named_by_keyword_item_and_creator():
    values = flatten(nested())

    assert values["PatientName"].text == "Case^Grace"
    assert values["RequestAttributesSequence[1].CodeMeaning"].text == "Thorax"
    assert values['RequestAttributesSequence[1].(0019,"ACME 1",92)'].text == "secret"
    assert "(6000,3000)" in values


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("PatientName", "<(0010,0010)>"),
        ("RequestAttributesSequence[0].ScheduledProcedureStepDescription", "<(0040,0275)>[<0000>]<(0040,0007)>"),
        ('(0019,"Acme 1",92)', '<(0019,"ACME 1",92)>'),
        ('ContentSequence[12].(0019,"A",01)[3].UID', '<(0040,a730)>[<0012>]<(0019,"A",01)>[<0003>]<(0040,a124)>'),
        ("(0010,0016)", "<(0010,0016)>"),
    ],
)
def test_the_midi_b_form_names_the_same_place(path, wanted):
    assert midi_path(path) == wanted
    assert wanted.endswith(midi_tag(path))


def test_a_word_that_is_no_keyword_has_no_midi_b_form():
    with pytest.raises(ValueError, match="keyword"):
        midi_path("NotAnAttribute")


def test_item_numbers_can_be_left_out_to_find_what_moved():
    assert without_indices("ContentSequence[1].ContentSequence[20].UID") == "ContentSequence.ContentSequence.UID"


@pytest.mark.parametrize("path", ["(file name)", "(preamble)", "(meta).SourceApplicationEntityTitle"])
def test_places_around_the_data_set_are_told_apart(path):
    assert is_outside(path)
    assert not is_outside("PatientName")


def test_a_value_that_cannot_be_converted_is_still_seen(tmp_path):
    written(made({"Rows": 7}), tmp_path / "a.dcm")
    raw = (tmp_path / "a.dcm").read_bytes()
    # Three bytes are no whole number of two bytes each.
    (tmp_path / "b.dcm").write_bytes(raw.replace(b"\x28\0\x10\0US\x02\0\x07\0", b"\x28\0\x10\0US\x03\0abc"))

    values = flatten(pydicom.dcmread(tmp_path / "b.dcm"))

    assert values["Rows"].text == "abc"


def test_several_values_are_joined_as_dicom_writes_them():
    dataset = Dataset()
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.PixelSpacing = ["0.5", "0.50"]
    dataset.PatientName = None

    values = flatten(dataset)

    assert values["ImageType"].text == "ORIGINAL\\PRIMARY"
    assert values["PixelSpacing"].text == "0.5\\0.50"
    assert values["PatientName"].text == ""


def test_a_thousand_levels_end_without_an_error():
    dataset = Dataset()
    for _ in range(200):
        outer = Dataset()
        outer.ContentSequence = Sequence([dataset])
        dataset = outer

    assert len(list(walk(dataset))) < 100
