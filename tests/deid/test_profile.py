"""Profiles: the tables of the standard, options, compound codes, and own stricter actions."""

import pytest
from pydicom.datadict import dictionary_has_tag, keyword_for_tag, tag_for_keyword

from radcommons.deid.attribute_types import AttributeType, attribute_type
from radcommons.deid.profile import Action, ProfileError, load_profile
from radcommons.deid.tables import OPTION_CODES, PIXEL_OPTIONS, code_of, table

CT = "1.2.840.10008.5.1.4.1.1.2"
MINIMAL = 'schema = "radcommons.profile/1"\nname = "own"\nversion = "1"\nedition = "2026d"\noptions = []\n'


@pytest.fixture(scope="module")
def ricord():
    return load_profile("ricord")


def _action(profile, keyword, kind=AttributeType.OPTIONAL):
    return profile.action_for(tag_for_keyword(keyword), attribute_type=kind)


def _own(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text)
    return load_profile(path)


def test_the_table_is_whole_and_of_its_edition():
    attributes, items = table("ps3_15_e1_1"), table("ps3_15_e3_4_1")
    assert attributes["edition"] == items["edition"] == "2026d"
    assert (len(attributes["rows"]), len(items["rows"])) == (657, 214)
    assert set(attributes["options"]) == set(OPTION_CODES) - PIXEL_OPTIONS


def test_every_code_of_the_table_is_one_the_standard_knows():
    known = {"X", "Z", "D", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*"}
    rows = table("ps3_15_e1_1")["rows"]
    assert {row["basic"] for row in rows} <= known
    assert {code for row in rows for code in row["options"].values()} <= {"K", "C"}


def test_names_of_the_table_are_those_of_the_dictionary():
    known = 0
    for row in table("ps3_15_e1_1")["rows"]:
        if (
            row["tag"].isalnum()
            and "x" not in row["tag"]
            and row["tag"] != "PRIVATE"
            and dictionary_has_tag(int(row["tag"], 16))
        ):
            letters = [c for c in row["name"] if c.isalnum()]
            keyword = keyword_for_tag(int(row["tag"], 16))
            # Keywords drop apostrophes and a few have other spellings; the first letters always agree.
            known += not keyword or keyword[:3].lower() == "".join(letters)[:3].lower()
    assert known > 580


@pytest.mark.parametrize(
    ("keyword", "action"),
    [
        ("PatientBirthDate", Action.EMPTY),
        ("PatientAge", Action.KEEP),
        ("PatientSex", Action.KEEP),
        ("PatientWeight", Action.KEEP),
        ("AccessionNumber", Action.EMPTY),
        ("InstitutionName", Action.REMOVE),
        ("OtherPatientIDs", Action.REMOVE),
        ("StudyDescription", Action.CLEAN),
        ("SeriesDate", Action.CLEAN),
        ("StudyInstanceUID", Action.UID),
        ("FrameOfReferenceUID", Action.UID),
        ("DeviceSerialNumber", Action.DUMMY),
        ("StationName", Action.DUMMY),
        ("LensMake", Action.KEEP),
        ("PatientComments", Action.REMOVE),
        ("IconImageSequence", Action.REMOVE),
        ("ReferencedImageSequence", Action.CLEAN),
        ("KVP", Action.KEEP),
        ("SOPClassUID", Action.KEEP),
        ("CodingSchemeUID", Action.KEEP),
        ("NameOfPhysiciansReadingStudy", Action.REMOVE),
    ],
)
def test_the_packaged_profile_decides_as_ricord_did(ricord, keyword, action):
    assert _action(ricord, keyword) is action


@pytest.mark.parametrize(
    "tag", [0x00091001, 0x00090010, 0x00080000, 0x50000010, 0x60003000, 0x60020022, 0xFFFAFFFA, 0xFFFCFFFC, 0x00080999]
)
def test_private_graphic_trailing_and_unknown_attributes_go(ricord, tag):
    assert ricord.action_for(tag, "LO") is Action.REMOVE


@pytest.mark.parametrize(
    ("keyword", "vr", "action"),
    [
        ("PatientMotherBirthName", "PN", Action.REMOVE),
        ("IdentifyingComments", "UN", Action.REMOVE),
        ("DimensionOrganizationUID", "UI", Action.UID),
        ("SOPClassesSupported", "UI", Action.KEEP),
    ],
)
def test_what_could_name_somebody_is_denied(ricord, keyword, vr, action):
    assert ricord.action_for(tag_for_keyword(keyword), vr) is action


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        (AttributeType.OPTIONAL, Action.REMOVE),
        (AttributeType.MAY_BE_EMPTY, Action.EMPTY),
        (AttributeType.REQUIRED, Action.DUMMY),
    ],
)
def test_compound_codes_follow_the_type_of_the_attribute(tmp_path, kind, action):
    assert _action(_own(tmp_path, MINIMAL), "DeviceSerialNumber", kind) is action


def test_a_plain_removal_empties_what_must_stay(tmp_path):
    assert _action(_own(tmp_path, MINIMAL), "PatientAge", AttributeType.MAY_BE_EMPTY) is Action.EMPTY


def test_without_options_the_basic_profile_rules(tmp_path):
    profile = _own(tmp_path, MINIMAL)
    assert _action(profile, "StudyDescription") is Action.REMOVE
    assert _action(profile, "PatientSex") is Action.EMPTY


def test_cleaning_goes_before_keeping():
    row = {"basic": "X", "options": {"retain_device_identity": "K", "clean_descriptors": "C"}}
    assert code_of(row, ("retain_device_identity",)) == "K"
    assert code_of(row, ("clean_descriptors", "retain_device_identity")) == "C"
    assert code_of(row, ()) == "X"


def test_the_digest_changes_with_the_content(tmp_path, ricord):
    other = _own(tmp_path, MINIMAL)
    assert len(ricord.digest) == 64
    assert ricord.digest != other.digest
    assert load_profile("ricord").digest == ricord.digest


@pytest.mark.parametrize(
    "text",
    [
        "not toml [",
        'schema = "other"',
        MINIMAL.replace("2026d", "2011"),
        MINIMAL.replace("[]", '["retain_everything"]'),
        MINIMAL.replace("[]", '"clean_descriptors"'),
        MINIMAL + '[actions]\nNoSuchKeyword = "X"\n',
        MINIMAL + '[actions]\nPatientName = "K"\n',
        MINIMAL + "[actions]\nPatientName = 3\n",
        MINIMAL.replace('name = "own"\n', ""),
    ],
)
def test_profiles_that_cannot_be_kept_are_refused(tmp_path, text):
    with pytest.raises(ProfileError):
        _own(tmp_path, text)


def test_a_missing_profile_is_refused():
    with pytest.raises(ProfileError):
        load_profile("nothing-of-this-name")


@pytest.mark.parametrize(
    ("keyword", "sop_class", "parents", "kind"),
    [
        ("PatientName", CT, (), AttributeType.MAY_BE_EMPTY),
        ("PatientName", CT, (0x00101002,), AttributeType.OPTIONAL),
        ("StudyInstanceUID", CT, (), AttributeType.REQUIRED),
        ("OperatorsName", CT, (), AttributeType.OPTIONAL),
        ("OperatorsName", "1.2.840.10008.5.1.4.1.1.481.3", (), AttributeType.MAY_BE_EMPTY),
        ("ContentDate", "1.2.840.10008.5.1.4.1.1.88.11", (), AttributeType.REQUIRED),
        ("AccessionNumber", "1.2.840.10008.5.1.4.1.1.88.11", (0x0040A370,), AttributeType.MAY_BE_EMPTY),
        ("ReferencedPerformedProcedureStepSequence", "1.2.840.10008.5.1.4.1.1.88.11", (), AttributeType.MAY_BE_EMPTY),
    ],
)
def test_types_depend_on_the_object_and_the_place(keyword, sop_class, parents, kind):
    assert attribute_type(tag_for_keyword(keyword), sop_class, parents) is kind
