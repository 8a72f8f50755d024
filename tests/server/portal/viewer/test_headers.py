"""The table of attributes."""

from typing import Any

from pydicom.dataset import Dataset

from radcommons.server.portal.viewer.headers import MAX_DEPTH, MAX_ROWS, MAX_VALUE, rows_of


def test_attributes_are_named_and_sequences_unfolded() -> None:
    item, dataset = Dataset(), Dataset()
    item.CodeMeaning = "Chest"
    dataset.Modality, dataset.ImageType, dataset.AnatomicRegionSequence = "CT", ["ORIGINAL", "PRIMARY"], [item]
    rows = rows_of(dataset.to_json_dict())
    assert [(row.depth, row.tag, row.name, row.value) for row in rows] == [
        (0, "(0008,0008)", "Image Type", "ORIGINAL \\ PRIMARY"),
        (0, "(0008,0060)", "Modality", "CT"),
        (0, "(0008,2218)", "Anatomic Region Sequence", "1 item"),
        (1, "", "Item 1", ""),
        (1, "(0008,0104)", "Code Meaning", "Chest"),
    ]


def test_large_and_binary_values_are_said_not_shown() -> None:
    rows = rows_of(
        {
            "00420011": {"vr": "OB", "BulkDataURI": "bulkdata/00420011"},
            "00282000": {"vr": "OB", "InlineBinary": "AAAA"},
            "00081030": {"vr": "LO", "Value": ["x" * 1000]},
        }
    )
    assert [row.value for row in rows] == ["x" * MAX_VALUE + "…", "3 bytes", "large value, kept in the file"]


def test_private_and_unknown_attributes_are_called_so() -> None:
    names = [row.name for row in rows_of({"00091001": {"vr": "LO"}, "00080FF0": {"vr": "UN"}})]
    assert names == ["Unknown attribute", "Private attribute"]


def test_depth_and_length_have_an_end() -> None:
    nested: dict[str, Any] = {"00080060": {"vr": "CS", "Value": ["CT"]}}
    for _ in range(MAX_DEPTH + 10):
        nested = {"00081140": {"vr": "SQ", "Value": [nested]}}
    assert max(row.depth for row in rows_of(nested)) == MAX_DEPTH
    assert len(rows_of({"00081140": {"vr": "SQ", "Value": [{}] * (2 * MAX_ROWS)}})) == MAX_ROWS
