"""What objects need: no profile takes away what any object of the standard must have."""

import pytest
from pydicom.datadict import tag_for_keyword

from radcommons.deid.attribute_types import AttributeType, attribute_type, object_of
from radcommons.deid.profile import READY_PROFILES, Action, load_profile
from radcommons.deid.tables import rows_of, table
from radcommons.dicom.elements import vr_of_tag

CT = "1.2.840.10008.5.1.4.1.1.2"
CLASSES = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "CT": CT,
    "enhanced CT": "1.2.840.10008.5.1.4.1.1.2.1",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "enhanced MR": "1.2.840.10008.5.1.4.1.1.4.1",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
    "ECG": "1.2.840.10008.5.1.4.1.1.9.1.1",
    "PR": "1.2.840.10008.5.1.4.1.1.11.1",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
    "RF": "1.2.840.10008.5.1.4.1.1.12.2",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
    "SEG": "1.2.840.10008.5.1.4.1.1.66.4",
    "WSI": "1.2.840.10008.5.1.4.1.1.77.1.6",
    "SR": "1.2.840.10008.5.1.4.1.1.88.33",
    "KO": "1.2.840.10008.5.1.4.1.1.88.59",
    "PDF": "1.2.840.10008.5.1.4.1.1.104.1",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "RTDOSE": "1.2.840.10008.5.1.4.1.1.481.2",
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
    "RTPLAN": "1.2.840.10008.5.1.4.1.1.481.5",
}
# Groups that belong to messages, files and media, never to an object's data set, and attributes of whole groups.
OUTER = {0x0000, 0x0002, 0x0004, 0xFFFA}


def _places(name):
    """Every attribute an object needs without condition: (parent or 0, tag, its type)."""
    for row in rows_of("ps3_3_types"):
        others = {each: kind for kind, names in row.get("except", {}).items() for each in names}
        kind = others.get(name, row["type"])
        tag = int(row["tag"], 16)
        if kind in {"1", "2"} and tag >> 16 not in OUTER and tag >> 24 not in {0x50, 0x60}:
            yield int(row["in"] or "0", 16), tag, kind


@pytest.mark.parametrize("profile", READY_PROFILES)
@pytest.mark.parametrize("modality", CLASSES)
def test_no_profile_removes_what_an_object_must_have(profile, modality):
    uid = CLASSES[modality]
    loaded = load_profile(profile)
    lost, seen = [], 0
    for parent, tag, kind in _places(object_of(uid)):
        seen += 1
        needed = attribute_type(tag, uid, (parent,) if parent else ())
        action = loaded.action_for(tag, vr_of_tag(tag), attribute_type=needed)
        may_be_empty = kind == "2"
        if action is Action.REMOVE or (action is Action.EMPTY and not may_be_empty):
            lost.append((f"{parent:08X}", f"{tag:08X}", action))
    assert seen > 100
    assert lost == []


def test_all_common_objects_are_known():
    assert all(object_of(uid) != "unknown" for uid in CLASSES.values())
    assert len(table("ps3_3_types")["classes"]) == 180


def test_retired_classes_need_what_their_successors_need():
    assert object_of("1.2.840.10008.5.1.4.1.1.6") == "ultrasound-image"
    assert object_of("1.2.3") == "unknown"


def test_a_condition_counts_where_the_attribute_is_there_unless_the_standard_removes_it_anyway():
    assert attribute_type(tag_for_keyword("FrameOfReferenceUID"), CT) is AttributeType.REQUIRED
    request = (tag_for_keyword("RequestAttributesSequence"),)
    assert attribute_type(tag_for_keyword("RequestedProcedureID"), CT, request) is AttributeType.OPTIONAL
    referenced = (tag_for_keyword("ReferencedRequestSequence"),)
    assert (
        attribute_type(tag_for_keyword("RequestedProcedureID"), CLASSES["SR"], referenced) is AttributeType.MAY_BE_EMPTY
    )
