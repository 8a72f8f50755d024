"""Attributes as XML say what the same attributes say as JSON, read back by another parser."""

from xml.etree import ElementTree as ET

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dicom.test_skim_bundled import BUNDLED

from radcommons.dicom.dicom_json import data_set_json
from radcommons.dicom.elements import FormatError
from radcommons.dicom.part10 import map_file, parse_part10
from radcommons.server.archive.native_model import to_xml

NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
XML_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff", min_codepoint=0x20))


def read(document):
    """The attributes of a document by tag, private ones with their creator: VR and values."""
    return {
        (each.get("tag"), each.get("privateCreator")): (each.get("vr"), [_value(child) for child in each])
        for each in document
    }


def _value(child):
    kind = child.tag.removeprefix(NAMESPACE)
    if kind == "Item":
        return read(child)
    if kind == "PersonName":
        groups = {group.tag.removeprefix(NAMESPACE): group for group in child}
        parts = {name: [group.findtext(NAMESPACE + part) or "" for part in PARTS] for name, group in groups.items()}
        return {name: "^".join(found).rstrip("^") for name, found in parts.items()}
    return child.get("uri") if kind == "BulkData" else child.text or ""


def expected(attributes):
    """The same from DICOM JSON."""
    creators = {
        tag[:4] + tag[6:]: str((each.get("Value") or [""])[0]) for tag, each in attributes.items() if is_creator(tag)
    }
    found = {}
    for tag, each in attributes.items():
        if is_creator(tag) or tag.endswith("0000"):
            continue
        is_private = int(tag[3], 16) % 2
        shown = (tag[:4] + "00" + tag[6:], creators.get(tag[:6], "")) if is_private else (tag, None)
        bulk = [each[key] for key in ("BulkDataURI", "InlineBinary") if key in each]
        found[shown] = each["vr"], bulk + [_json_value(each["vr"], value) for value in each.get("Value", [])]
    return found


def is_creator(tag):
    return int(tag[3], 16) % 2 == 1 and tag[4:6] == "00" and tag[6:] >= "10"


def _json_value(vr, value):
    if vr == "SQ":
        return expected(value or {})
    if vr == "PN":
        return {name: text.rstrip("^") for name, text in (value or {}).items() if text}
    return "" if value is None else str(value)


def test_every_bundled_file_says_the_same_in_both():
    compared = 0
    for path in sorted(BUNDLED.glob("*.dcm")):
        try:
            file = parse_part10(map_file(path))
        except FormatError:
            continue
        attributes = orjson.loads(data_set_json(file.elements, file.encoding))
        assert read(ET.fromstring(to_xml(attributes))) == expected(attributes), path.name  # noqa: S314
        compared += 1
    assert compared > 50


@given(st.lists(XML_TEXT | st.sampled_from(["a\r\nb", "\r", "<&>\"'", "]]>", "&#13;", " \t\n "]), max_size=4))
def test_any_text_comes_back_with_its_line_ends(texts):
    attributes = {"00104000": {"vr": "LT", "Value": texts}, "00081030": {"vr": "LO"}}
    assert read(ET.fromstring(to_xml(attributes))) == expected(attributes)  # noqa: S314


@given(st.text(max_size=20))
def test_what_xml_cannot_hold_is_replaced_and_the_document_stays_one(text):
    attributes = {
        "00080060": {"vr": "CS", "Value": [text]},
        "00090010": {"vr": "LO", "Value": [text]},
        "00091001": {"vr": "LO", "Value": ["private"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": text}, None]},
    }
    found = read(ET.fromstring(to_xml(attributes)))  # noqa: S314
    assert {tag for tag, _ in found} == {"00080060", "00090001", "00100010"}
    assert len(found["00080060", None][1][0]) == len(text)


@pytest.mark.parametrize(
    ("tag", "attribute", "written"),
    [
        ("00080060", {"vr": "CS", "Value": [None, "B"]}, '<Value number="1"></Value><Value number="2">B</Value>'),
        ("00100010", {"vr": "PN", "Value": [{"Ideographic": "山田^太郎"}]}, "<FamilyName>山田</FamilyName>"),
        ("7FE00010", {"vr": "OW", "BulkDataURI": 'b?"&'}, "<BulkData uri='b?\"&amp;'/>"),
        ("00281050", {"vr": "DS", "Value": [1e-7, 40]}, '<Value number="1">1e-07</Value><Value number="2">40</Value>'),
        ("00081140", {"vr": "SQ", "Value": [{}, {}]}, '<Item number="1"></Item><Item number="2"></Item>'),
        ("00091001", {"vr": "LO", "Value": ["x"]}, '<DicomAttribute tag="00090001" vr="LO" privateCreator="">'),
        ("00100020", {"vr": "LO"}, '<DicomAttribute tag="00100020" vr="LO" keyword="PatientID"></DicomAttribute>'),
    ],
)
def test_attributes_are_written_as_the_standard_draws_them(tag, attribute, written):
    assert written in to_xml({tag: attribute}).decode()


def test_lengths_of_groups_and_reserved_blocks_are_left_out():
    attributes = {"00080000": {"vr": "UL", "Value": [4]}, "00090010": {"vr": "LO", "Value": ["ACME"]}}
    assert read(ET.fromstring(to_xml(attributes))) == {}  # noqa: S314
