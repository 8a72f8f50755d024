"""Attributes that only newer editions know, and sequences nothing names: the engine and its second look read them alike."""

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.support.both_ways import KEY, PATIENT, at_length, in_short, made_job, read_by_pydicom
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.engine import deidentify_file
from radcommons.deid.profile import load_profile
from radcommons.deid.tables import attribute_rows
from radcommons.deid.verify import verify_deidentified
from radcommons.dicom.elements import vr_of_tag

DIAGNOSIS, PRIVATE, UNKNOWN = 0x00081302, 0x00091003, 0x00081366
SELECTOR_UN_VALUE = 0x0072006D
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]
PROFILES = ["basic", "ricord", "tcia"]


def _code():
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "R05", "I10", "Cough"
    return item


def _source(tmp_path, syntax, *, is_undefined):
    dataset = made_ct()
    dataset.add_new(0x00090010, "LO", "MAKER")
    for tag in (DIAGNOSIS, PRIVATE, UNKNOWN):
        dataset.add_new(tag, "SQ", [_code()])
        dataset[tag].is_undefined_length = is_undefined
    dataset.add_new(0x0040A035, "DT", "20200315101500")
    dataset.add_new(0x0040B036, "DT", "20200316")
    return write_made(dataset, tmp_path / "in.dcm", syntax)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("is_undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_they_are_treated_alike_in_every_encoding_and_with_every_length(tmp_path, syntax, is_undefined, profile):
    source, destination = _source(tmp_path, syntax, is_undefined=is_undefined), tmp_path / "out.dcm"
    rules = load_profile(profile)
    outcome = deidentify_file(source, destination, profile=rules, key=KEY, patient=PATIENT)
    assert outcome.is_written, outcome.findings
    assert not [finding for finding in verify_deidentified(destination, profile=rules) if finding.is_error]
    after = pydicom.dcmread(destination)
    assert PRIVATE not in after
    assert UNKNOWN not in after
    assert (DIAGNOSIS in after) is (rules.codes[DIAGNOSIS] == "C")
    assert (0x0040A035 in after) is (0x0040B036 in after) is (rules.codes[0x0040A035] == "C")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_new_dates_move_as_all_others_do(tmp_path, syntax):
    source, destination = _source(tmp_path, syntax, is_undefined=True), tmp_path / "out.dcm"
    deidentify_file(source, destination, profile=load_profile("ricord"), key=KEY, patient=PATIENT)
    values = [pydicom.dcmread(destination)[tag].value for tag in (0x0040A035, 0x0040B036)]
    assert [value.decode().strip() if isinstance(value, bytes) else value for value in values] == [
        "20170619101500",
        "20170620",
    ]


@pytest.mark.parametrize("is_undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_they_come_out_alike_by_every_way(tmp_path, syntax, is_undefined):
    source = _source(tmp_path, syntax, is_undefined=is_undefined)
    expected = at_length(source, tmp_path, made_job())
    assert expected is not None
    assert read_by_pydicom(source, tmp_path, made_job())[0] == expected[0]
    short = in_short(source, tmp_path, made_job())
    assert short is None or short == expected


def test_every_attribute_of_the_table_has_a_value_representation():
    assert [tag for tag in attribute_rows() if vr_of_tag(tag) == "UN"] == [SELECTOR_UN_VALUE]
