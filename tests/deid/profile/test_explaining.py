"""Explanations: what happens to an attribute and why, in the words of the standard and of the profile."""

import pytest

from radcommons.deid.profile import explain, find_attribute, find_class, load_profile, tables_compared
from radcommons.dicom.errors import RadCommonsError

CT = "1.2.840.10008.5.1.4.1.1.2"
PLAN = "1.2.840.10008.5.1.4.1.1.481.5"


@pytest.fixture(scope="module")
def ricord():
    return load_profile("ricord")


@pytest.fixture(scope="module")
def tcia():
    return load_profile("tcia")


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("StationName", 0x00081010),
        ("(0008,1010)", 0x00081010),
        ("0008,1010", 0x00081010),
        ("00081010", 0x00081010),
        ("(0019,xx0C)", 0x0019100C),
        ("0019xx0c", 0x0019100C),
        ("OverlayData", 0x60003000),
        ("(60xx,3000)", 0x60003000),
        ("60XX3000", 0x60003000),
        ("CurveData", 0x50003000),
        ("(6002,3000)", 0x60023000),
        ("SourceImageIDs", 0x00203100),
        ("stationname", 0x00081010),
        ("(0040,0275)/(0040,0007)", 0x00400007),
        ("<(0040,0275)>[<0000>]<(0040,0007)>", 0x00400007),
        ("(0008,1030)[0]", 0x00081030),
    ],
)
def test_attributes_are_found_however_they_are_written(text, tag):
    assert find_attribute(text) == (tag, "")


@pytest.mark.parametrize("text", ["", "Nothing", "(0008)", "(0018,xx0C)", "zzzzzzzz"])
def test_what_is_no_attribute_is_refused(text):
    with pytest.raises(RadCommonsError, match="StationName"):
        find_attribute(text)


@pytest.mark.parametrize(
    "text",
    [
        '(0019,"SIEMENS MR HEADER",0C)',
        '<(0019,"siemens mr header",0c)>',
        "(0019,SIEMENS MR HEADER,xx0C)",
        "(0019,xx0C) SIEMENS MR HEADER",
        '(0040,0275)/(0019,"SIEMENS MR HEADER",0C)',
    ],
)
def test_a_private_attribute_is_named_with_its_creator(text):
    assert find_attribute(text) == (0x0019100C, "SIEMENS MR HEADER")


def test_a_keyword_with_an_error_gets_advice():
    with pytest.raises(RadCommonsError, match="Did you mean StudyDescription"):
        find_attribute("StudyDescriptn")


def test_classes_are_found_by_keyword_and_uid():
    assert find_class("CTImageStorage") == find_class(CT) == CT
    with pytest.raises(RadCommonsError, match="CTImageStorage"):
        find_class("ct")


def test_an_override_and_its_reason_come_first(ricord):
    answer = explain(ricord, find_attribute("StationName")[0])
    assert answer.actions == {"any": "D"}
    assert answer.reasons[0].startswith("Profile ricord 3 says D itself: numbers and names of single devices")
    assert "Option retain_device_identity says K; it is chosen." in answer.reasons


def test_options_that_are_not_chosen_are_told(ricord):
    answer = explain(ricord, find_attribute("InstitutionName")[0])
    assert answer.actions == {"any": "X"} or set(answer.actions.values()) <= {"X", "Z", "D"}
    assert "Option retain_institution_identity says K; it is not chosen." in answer.reasons


def test_compound_codes_differ_by_object(ricord):
    answer = explain(ricord, find_attribute("OperatorsName")[0])
    assert answer.code == "X/Z/D"
    assert (answer.actions["ct-image"], answer.actions["rt-structure-set"]) == ("X", "Z")
    one = explain(ricord, find_attribute("OperatorsName")[0], sop_class_uid=PLAN)
    assert one.actions == {"rt-plan": "Z"}
    assert one.reasons[-1] == "In a rt-plan it must be there and may be empty (type 2)."


@pytest.mark.parametrize(
    ("text", "vr", "letter", "word"),
    [
        ("PatientMotherBirthName", "", "X", "Table E.1-1"),
        ("(0008,0999)", "", "X", "dictionary does not know"),
        ("(6000,3000)", "", "X", "clean_graphics"),
        ("KVP", "", "K", "cannot name or date"),
        ("StudyDescription", "UN", "X", "no known form"),
        ("DimensionOrganizationUID", "", "U", "Table E.1-1"),
    ],
)
def test_the_reason_fits_the_kind_of_attribute(ricord, text, vr, letter, word):
    answer = explain(ricord, find_attribute(text)[0], vr=vr)
    assert answer.actions == {"any": letter}
    assert any(word in reason for reason in answer.reasons)


def test_private_attributes_are_explained_by_their_creator(ricord, tcia):
    tag, _ = find_attribute("(0019,xx0C)")
    kept = explain(tcia, tag, creator="SIEMENS MR HEADER")
    assert (kept.tag, kept.name, kept.vr, kept.actions) == ("(0019,xx0C)", "B Value", "IS", {"any": "K"})
    assert "Table E.3.10-1" in kept.reasons[0]
    assert explain(tcia, tag, creator="ACME").actions == {"any": "X"}
    assert "--creator" in explain(tcia, tag).reasons[0]
    assert "retain_safe_private is not chosen" in explain(ricord, tag, creator="SIEMENS MR HEADER").reasons[0]
    assert explain(tcia, tag, creator="SIEMENS MR HEADER", vr="LO").actions == {"any": "X"}


def test_an_explanation_reads_as_lines(tcia):
    lines = list(explain(tcia, find_attribute("PatientAge")[0]).lines())
    assert lines[0] == "(0010,1010) Patient's Age (PatientAge) AS"
    assert lines[1] == "  K: kept"
    assert all(line.startswith("  - ") for line in lines[2:])


def test_profiles_are_compared_attribute_by_attribute(ricord, tcia):
    rows = {name: (left, right) for name, left, right in tables_compared(ricord, tcia)}
    assert rows["(0018,1000) DeviceSerialNumber"] == ("D", "K")
    assert rows["(7053,xx09) Philips PET Private Group"] == ("X", "kept")
    assert not list(tables_compared(ricord, ricord))
    assert "(0010,0010) PatientName" not in rows


def test_rules_for_single_classes_are_compared_too(tmp_path, ricord):
    text = 'schema = "radcommons.profile/1"\nname = "own"\nversion = "1"\nedition = "2026d"\noptions = []\n'
    plain, special = tmp_path / "plain.toml", tmp_path / "special.toml"
    plain.write_text(text)
    special.write_text(text + '[classes.CTImageStorage.actions]\nManufacturer = "Z"\n')
    rows = list(tables_compared(load_profile(plain), load_profile(special)))
    assert [row[0] for row in rows] == ["(0008,0070) Manufacturer in CTImageStorage"]
    assert rows[0][2] == "Z"


def test_overlays_are_explained_by_the_keyword_of_their_data(ricord):
    answer = explain(ricord, find_attribute("OverlayData")[0])
    assert (answer.keyword, answer.actions) == ("OverlayData", {"any": "X"})
    assert "they show no writing" in answer.reasons[-1]
