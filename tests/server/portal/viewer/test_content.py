"""Content trees of reports, made with pydicom and read from the DICOM JSON that the archive keeps."""

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code as DicomCode

from radcommons.server.portal.viewer.content import MAX_DEPTH, content_of, references_in, text

LENGTH = DicomCode("103339001", "SCT", "Long axis")


def coded(code: DicomCode) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return made


def item(kind: str, name: str, relationship: str = "CONTAINS", **values: Any) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = relationship, kind
    made.ConceptNameCodeSequence = [coded(DicomCode("1", "99TEST", name))]
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def measurement(value: str, unit: str) -> Dataset:
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = [coded(DicomCode(unit, "UCUM", "unit"))]
    return item("NUM", "Long axis", MeasuredValueSequence=[measured])


def image(uid: str, frames: list[int] | None = None) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
    if frames:
        reference.ReferencedFrameNumber = frames
    return item("IMAGE", "Source", "INFERRED FROM", ReferencedSOPSequence=[reference])


def report(*below: Dataset) -> dict[str, Any]:
    root = item("CONTAINER", "Imaging report")
    root.ContentSequence = list(below)
    return root.to_json_dict()


def test_a_report_is_read_with_meanings_values_and_units() -> None:
    group = item("CONTAINER", "Measurement group", ContentSequence=[measurement("24.3", "mm")])
    finding = item("CODE", "Finding", ConceptCodeSequence=[coded(DicomCode("233604007", "SCT", "Pneumonia"))])
    content = content_of(report(item("TEXT", "History", TextValue="Fever & cough"), finding, group))
    assert content.name.meaning == "Imaging report"
    history, found, measured = content.items
    assert (history.name.meaning, history.value) == ("History", "Fever & cough")
    assert (found.value, found.code) == ("Pneumonia", "SCT 233604007")
    assert measured.is_container
    assert (measured.items[0].value, measured.items[0].unit) == ("24.3", "mm")


@pytest.mark.parametrize(
    ("unit", "shown"), [("1", ""), ("{score}", ""), ("[hnsf'U]", "HU"), ("mm3", "mm³"), ("kg", "kg")]
)
def test_units_are_written_as_people_do_and_left_out_where_they_say_nothing(unit: str, shown: str) -> None:
    assert content_of(report(measurement("3", unit))).items[0].unit == shown


def test_dates_and_times_are_written_with_separators() -> None:
    content = content_of(
        report(
            item("DATE", "Day", Date="20200401"),
            item("TIME", "Hour", Time="101530.25"),
            item("DATETIME", "Moment", DateTime="20200401101530"),
        )
    )
    assert [one.value for one in content.items] == ["2020-04-01", "10:15:30", "2020-04-01 10:15:30"]


def test_references_keep_their_frames_and_say_how_they_belong() -> None:
    measured = measurement("24.3", "mm")
    measured.ContentSequence = [image("2.25.7", [3, 4])]
    source = content_of(report(measured)).items[0].items[0]
    assert source.relationship == "inferred from"
    assert (source.references[0].sop_instance_uid, source.references[0].frame_numbers) == ("2.25.7", (3, 4))


@pytest.mark.parametrize("frame", ["²", "①", "9" * 5000, "one"])
def test_a_frame_number_that_is_none_is_left_out(frame: str) -> None:
    told = report(image("2.25.7", [3]))
    told["0040A730"]["Value"][0]["00081199"]["Value"][0]["00081160"]["Value"] = [frame, 4]
    assert content_of(told).items[0].references[0].frame_numbers == (4,)


@pytest.mark.parametrize(
    ("kept", "shown"), [(128.0, "128"), (24.3, "24.3"), (-0.5, "-0.5"), (1e-7, "1e-07"), (1e20, "1e+20")]
)
def test_numbers_are_shown_without_an_empty_fraction(kept: float, shown: str) -> None:
    assert text({"00281051": {"vr": "DS", "Value": [kept]}}, "00281051") == shown


def test_shapes_say_how_many_points_they_have() -> None:
    polyline = item("SCOORD", "Region", GraphicType="POLYLINE", GraphicData=[1.0, 1.0, 2.0, 2.0, 1.0, 1.0])
    assert content_of(report(polyline)).items[0].value == "polyline, 3 points"


def test_a_measurement_without_a_value_gives_its_reason() -> None:
    missing = item("NUM", "Volume")
    missing.NumericValueQualifierCodeSequence = [coded(DicomCode("114000", "DCM", "Not a number"))]
    assert content_of(report(missing)).items[0].value == "no value: Not a number"


def test_what_lies_too_deep_is_counted_and_not_shown() -> None:
    deep = item("TEXT", "Bottom", TextValue="x")
    for _ in range(MAX_DEPTH + 5):
        deep = item("CONTAINER", "Level", ContentSequence=[deep])
    content = content_of(report(deep))
    depth = 0
    while content.items:
        content, depth = content.items[0], depth + 1
    assert depth == MAX_DEPTH
    assert content.hidden == 1


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"0040A730": {"vr": "SQ"}},
        {"0040A730": {"vr": "SQ", "Value": [None, "text", {}]}},
        {"0040A043": {"vr": "SQ", "Value": [{}]}, "0040A040": {"vr": "CS", "Value": [None]}},
    ],
)
def test_a_report_that_breaks_its_rules_is_shown_as_far_as_it_goes(attributes: dict[str, Any]) -> None:
    assert content_of(attributes).value == ""


def test_references_are_found_at_any_depth_and_once() -> None:
    attributes = report(image("2.25.7"), item("CONTAINER", "More", ContentSequence=[image("2.25.7"), image("2.25.8")]))
    assert [one.sop_instance_uid for one in references_in(attributes)] == ["2.25.7", "2.25.8"]


def test_a_name_is_shown_in_letters() -> None:
    assert text({"0040A123": {"vr": "PN", "Value": [{"Alphabetic": "Reader^One"}]}}, "0040A123") == "Reader^One"


def test_an_image_library_is_one_line() -> None:
    content = content_of(
        report(image("2.25.7"), image("2.25.8"), item("TEXT", "Between", TextValue="x"), image("2.25.9"))
    )
    assert [len(one.references) for one in content.items] == [2, 0, 1]
