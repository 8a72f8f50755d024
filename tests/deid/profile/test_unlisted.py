"""Attributes that Table E.1-1 does not list: what numbers somebody goes, what people type is cleaned, technique stays."""

import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from radcommons.deid.engine import deidentify_file
from radcommons.deid.identifiers import IDENTIFYING_TAGS
from radcommons.deid.profile import READY_PROFILES, Action, explain, load_profile
from radcommons.deid.profile.unlisted import is_typed_by_people, unlisted_code
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping

TYPED = "Lesion, Dr. Hüttenrauch 0151/2345678"


def _action(profile, keyword):
    tag = tag_for_keyword(keyword)
    return load_profile(profile).action_for(tag, dictionary_VR(tag))


@pytest.mark.parametrize("profile", READY_PROFILES)
@pytest.mark.parametrize(
    "keyword",
    [
        "PatientBirthDateInAlternativeCalendar",
        "PatientDeathDateInAlternativeCalendar",
        "PlacerOrderNumberProcedure",
        "FillerOrderNumberImagingServiceRequestRetired",
        "HangingProtocolCreator",
        "LocalNamespaceEntityID",
    ],
)
def test_numbers_names_and_births_go(profile, keyword):
    assert _action(profile, keyword) is Action.REMOVE


@pytest.mark.parametrize("profile", READY_PROFILES)
def test_no_profile_keeps_an_identifying_attribute_that_no_row_lists(profile):
    loaded = load_profile(profile)
    unlisted = IDENTIFYING_TAGS - loaded.codes.keys()
    assert unlisted
    assert {loaded.action_for(tag) for tag in unlisted} == {Action.REMOVE}


def test_narratives_go_with_descriptions_and_codes_stay():
    for keyword in ("SegmentDescription", "CommentsOnTheScheduledProcedureStep", "PotentialReasonsForProcedure"):
        assert (_action("basic", keyword), _action("ricord", keyword)) == (Action.REMOVE, Action.CLEAN)
    for keyword in ("LongCodeValue", "CodingSchemeName", "TextValue"):
        assert _action("basic", keyword) is Action.KEEP


def test_devices_stay_only_with_their_option():
    assert (_action("basic", "DeviceID"), _action("tcia", "DeviceID")) == (Action.REMOVE, Action.KEEP)


@pytest.mark.parametrize(
    "keyword", ["SegmentLabel", "DoseComment", "BeamName", "WindowCenterWidthExplanation", "ImageID"]
)
def test_labels_and_comments_are_typed_by_people(keyword):
    assert is_typed_by_people(tag_for_keyword(keyword))


@pytest.mark.parametrize(
    "keyword", ["ManufacturerModelName", "ConvolutionKernel", "SequenceName", "CodeValue", "Manufacturer"]
)
def test_technical_names_are_not(keyword):
    assert not is_typed_by_people(tag_for_keyword(keyword))


def test_an_explanation_gives_the_reason_that_decided():
    tag = tag_for_keyword("PatientBirthDateInAlternativeCalendar")
    told = explain(load_profile("ricord"), tag)
    assert told.actions == {"any": "X"}
    assert told.reasons[-1] == unlisted_code(tag, "LO", ())[1]


@pytest.mark.parametrize(
    ("attribute", "letter", "reason"),
    [
        ("PatientName", "D", "code of the subject"),
        ("PatientAge", "K", "Ages above 89 years become one category, 090Y"),
        ("PixelData", "K", "Writing in it is looked for"),
        ("SegmentLabel", "C", "People type into it"),
        ("SOPClassUID", "K", "names a class"),
        ("SegmentDescription", "C", "option for descriptors"),
    ],
)
def test_an_explanation_says_what_really_happens(attribute, letter, reason):
    told = explain(load_profile("ricord"), tag_for_keyword(attribute))
    assert told.actions == {"any": letter}
    assert reason in " ".join(told.reasons)


@pytest.mark.parametrize("profile", READY_PROFILES)
def test_whatever_is_typed_into_an_object_loses_strangers_and_keeps_its_words(tmp_path, profile):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, "1.2.3.4"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3.5", "1.2.3.6"
    ds.PatientID, ds.Modality = "P-774411", "CT"
    keywords = (
        "ContentDescription",
        "AcquisitionProtocolName",
        "SegmentLabel",
        "DoseComment",
        "RTImageName",
        "SegmentDescription",
    )
    for keyword in keywords:
        setattr(ds, keyword, TYPED)
    ds.PlacerOrderNumberProcedure = "POP7"
    ds.PatientBirthDateInAlternativeCalendar = "13600215"
    ds.ConvolutionKernel = "B60f"
    source, destination = tmp_path / "in.dcm", tmp_path / "out.dcm"
    ds.save_as(source, enforce_file_format=True)
    patient = PatientMapping("P-774411", "ALPHA-000001", -77)
    outcome = deidentify_file(
        source, destination, profile=load_profile(profile), key=PseudonymKey(bytes(32)), patient=patient
    )
    assert outcome.is_written
    written = destination.read_bytes()
    assert not [each for each in ("Hüttenrauch", "2345678", "POP7", "13600215") if each.encode() in written]
    assert b"B60f" in written
    assert written.count(b"Lesion") == (5 if profile == "basic" else len(keywords))
