"""Headers as NBIA lists them."""

import pytest
from pydicom.dataset import Dataset

from radcommons.server.access.nbia.dicom_tags import LONGEST, tag_rows


@pytest.fixture
def header():
    inner, outer, dataset = Dataset(), Dataset(), Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3"
    outer.ReferencedInstanceSequence = [inner]
    outer.SeriesInstanceUID = "1.2.4"
    dataset.Modality = "SEG"
    dataset.PatientName = "S-1^^^"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.ReferencedSeriesSequence = [outer]
    dataset.SliceThickness = "2.5"
    return dataset.to_json_dict()


def elements(rows):
    return [row["element"] for row in rows]


def test_a_sequence_begins_and_ends_with_its_tag_and_depth_is_told(header):
    rows = tag_rows(header, meta={"00020010": "1.2.840.10008.1.2.1"})
    assert elements(rows) == [
        "(0002,0010)",
        "(0008,0008)",
        "(0008,0060)",
        "(0008,1115)",
        ">(0008,114A)",
        ">>(0008,1155)",
        ">(0008,114A)",
        ">(0020,000E)",
        "(0008,1115)",
        "(0010,0010)",
        "(0018,0050)",
    ]
    assert [row["name"] for row in rows[4:7:2]] == ["Referenced Instance Sequence", "End Referenced Instance Sequence"]


def test_values_are_joined_as_dicom_joins_them(header):
    told = {row["element"]: row["data"] for row in tag_rows(header, meta={})}
    assert told["(0008,0008)"] == "ORIGINAL\\PRIMARY"
    assert told["(0010,0010)"].startswith("S-1")
    assert told["(0018,0050)"] == "2.5"


def test_private_unknown_binary_and_long_values():
    rows = tag_rows(
        {
            "00091001": {"vr": "LO", "Value": ["x" * 5000]},
            "00280006": {"vr": "US"},
            "7FE00010": {"vr": "OW", "BulkDataURI": "bulkdata/7FE00010"},
            "00081140": {"vr": "SQ"},
            "00FE0000": {"vr": "LO", "Value": [None]},
        },
        meta={},
    )
    told = {row["element"]: row for row in rows}
    assert told["(0009,1001)"]["name"] == "Private Attribute"
    assert len(told["(0009,1001)"]["data"]) == LONGEST
    assert told["(7FE0,0010)"]["data"] == "Binary data not shown"
    assert told["(00FE,0000)"] == {"element": "(00FE,0000)", "name": "Unknown Attribute", "data": ""}
    assert elements(rows).count("(0008,1140)") == 2
