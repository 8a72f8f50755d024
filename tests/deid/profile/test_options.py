"""Every option of PS3.15 E.3 does what its name says, in written files, and is claimed only where it was applied."""

import struct

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    BasicTextSRStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
)
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.cleaning import Cleaning
from radcommons.deid.engine import deidentify_file
from radcommons.deid.profile import READY_PROFILES, load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping
from radcommons.deid.verify import verify_deidentified

KEY = PseudonymKey(bytes(range(32)))
PATIENT = PatientMapping("MRN-7654321", "ALPHA-0001", -1000)
HEAD = 'schema = "radcommons.profile/1"\nname = "own"\nversion = "1"\nedition = "2026d"\n'


@pytest.fixture
def run(tmp_path):
    """De-identify a made object with some options (and more of a profile); its data set and its outcome."""

    def go(dataset, *options, syntax=ExplicitVRLittleEndian, more="", cleaning=None):
        listed = ", ".join(f'"{option}"' for option in options)
        path = tmp_path / "own.toml"
        path.write_text(f"{HEAD}options = [{listed}]\n{more}")
        load_profile.cache_clear()
        profile = load_profile(path)
        source, target = write_made(dataset, tmp_path / "in.dcm", syntax), tmp_path / "out.dcm"
        outcome = deidentify_file(
            source, target, profile=profile, key=KEY, patient=PATIENT, cleaning=cleaning or Cleaning()
        )
        assert outcome.is_written, outcome.findings
        assert not [finding for finding in verify_deidentified(target, profile=profile) if finding.is_error]
        return pydicom.dcmread(target)

    return go


def _claimed(after):
    return [item.CodeValue for item in after.DeidentificationMethodCodeSequence]


def _item(**attributes):
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def test_without_options_dates_descriptions_and_characteristics_go(run):
    after = run(made_ct(PatientWeight="70", SeriesDate="20200401"))
    assert (after.StudyDate, after.PatientSex) == ("", "")
    assert {"SeriesDate", "StudyDescription", "PatientAge", "PatientWeight"}.isdisjoint(after.dir())
    assert after.LongitudinalTemporalInformationModified == "REMOVED"
    assert _claimed(after) == ["113100"]


def test_dummies_tell_no_interval_when_dates_are_removed(run):
    dataset = made_ct(ContentDate="20200316", ContentTime="101112")
    dataset.SOPClassUID = GrayscaleSoftcopyPresentationStateStorage
    dataset.PresentationCreationDate, dataset.PresentationCreationTime = "20200316", "101112"
    after = run(dataset)
    assert (after.PresentationCreationDate, after.PresentationCreationTime) == ("19000101", "000000")


def test_modified_dates_move_and_full_dates_stay(run):
    moved = run(made_ct(SeriesDate="20200401"), "Retain Longitudinal Modified Dates")
    assert (moved.StudyDate, moved.SeriesDate) == ("20170619", "20170706")
    assert (moved.LongitudinalTemporalInformationModified, _claimed(moved)) == ("MODIFIED", ["113100", "113107"])
    kept = run(made_ct(SeriesDate="20200401"), "Retain Longitudinal Full Dates")
    assert (kept.StudyDate, kept.SeriesDate, kept.PatientBirthDate) == ("20200315", "20200401", "")
    assert (kept.LongitudinalTemporalInformationModified, _claimed(kept)) == ("UNMODIFIED", ["113100", "113106"])


def test_retained_uids_stay_everywhere(run):
    original = made_ct()
    nested = _item(ReferencedSOPClassUID=original.SOPClassUID, ReferencedSOPInstanceUID="1.2.3.4.5")
    original.SourceImageSequence = [nested]
    after = run(original, "Retain UIDs")
    assert after.StudyInstanceUID == original.StudyInstanceUID
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID == original.SOPInstanceUID
    assert after.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4.5"
    assert "113110" in _claimed(after)


def test_what_only_pretends_to_be_a_uid_is_replaced_even_where_uids_stay(run):
    after = run(made_ct(FrameOfReferenceUID="1.2.QUIXOTESEN"), "Retain UIDs")
    assert after.FrameOfReferenceUID == KEY.map_uid("1.2.QUIXOTESEN")


def test_retained_institution_stays_and_names_nobody_else(run):
    dataset = made_ct(
        InstitutionName="Mercy Valley Hospital",
        InstitutionAddress="12 Elm Road, Ashford",
        InstitutionalDepartmentName="Radiology",
        OperatorsName="Tech^Tina",
    )
    after = run(dataset, "Retain Institution Identity", "Clean Descriptors")
    assert (after.InstitutionName, after.InstitutionAddress) == ("Mercy Valley Hospital", "12 Elm Road, Ashford")
    assert "OperatorsName" not in after
    assert "113112" in _claimed(after)
    assert "InstitutionName" not in run(dataset, "Clean Descriptors")


def test_retained_devices_keep_their_serial_numbers(run):
    dataset = made_ct(DeviceSerialNumber="SN-4711-8899", StationName="CTAWP7", GantryID="G-12345", DeviceUID="1.2.3.9")
    after = run(dataset, "Retain Device Identity")
    assert (after.DeviceSerialNumber, after.StationName, after.GantryID) == ("SN-4711-8899", "CTAWP7", "G-12345")
    assert after.DeviceUID == "1.2.3.9"
    assert {"DeviceSerialNumber", "GantryID", "DeviceUID"} & set(run(dataset).dir()) == {"DeviceUID"}


def test_retained_characteristics_stay_but_high_ages_become_a_category(run):
    dataset = made_ct(PatientAge="093Y", PatientWeight="70", EthnicGroup="x", PatientState="asleep")
    after = run(dataset, "Retain Patient Characteristics", more="maximum_age_years = 89\n")
    assert (after.PatientAge, after.PatientWeight, after.PatientSex) == ("090Y", 70, "F")


def test_descriptors_are_cleaned_or_gone(run):
    dataset = made_ct(StudyDescription="CT CHEST Quixotesen 03.02.1950")
    assert run(dataset, "Clean Descriptors").StudyDescription == "CT CHEST"
    assert "StudyDescription" not in run(dataset)


def _report():
    dataset = made_ct()
    for keyword in ("PixelData", "Rows", "Columns", "FrameOfReferenceUID"):
        delattr(dataset, keyword)
    dataset.SOPClassUID, dataset.Modality = BasicTextSRStorage, "SR"
    dataset.ContentDate, dataset.ContentTime = "20200315", "101500"
    name = _item(CodeValue="121071", CodingSchemeDesignator="DCM", CodeMeaning="Finding")
    dataset.ContentSequence = [
        _item(
            RelationshipType="CONTAINS",
            ValueType="TEXT",
            ConceptNameCodeSequence=[name],
            TextValue="No pneumothorax in Ulrika Quixotesen.",
        )
    ]
    return dataset


def test_content_trees_are_cleaned_or_left_as_a_form(run):
    cleaned = run(_report(), "Clean Structured Content", "Clean Descriptors")
    assert cleaned.ContentSequence[0].TextValue.startswith("No pneumothorax")
    assert "Quixotesen" not in cleaned.ContentSequence[0].TextValue
    assert "113104" in _claimed(cleaned)
    form = run(_report())
    assert (form.ContentSequence[0].TextValue, form.ContentSequence[0].ValueType) == ("REMOVED", "TEXT")
    assert "113104" not in _claimed(form)


def test_structured_content_is_not_claimed_for_images(run):
    assert "113104" not in _claimed(run(made_ct(), "Clean Structured Content"))


def _annotated():
    dataset = made_ct()
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(dataset, keyword)
    dataset.SOPClassUID, dataset.Modality = GrayscaleSoftcopyPresentationStateStorage, "PR"
    dataset.PresentationCreationDate, dataset.PresentationCreationTime = "20200315", "101500"
    line = _item(GraphicDimensions=2, NumberOfGraphicPoints=2, GraphicData=[1.0, 1.0, 5.0, 5.0], GraphicType="POLYLINE")
    text = _item(UnformattedTextValue="Nodule of Ulrika Quixotesen, 8 mm")
    dataset.GraphicAnnotationSequence = [
        _item(GraphicLayer="A", TextObjectSequence=[text], GraphicObjectSequence=[line])
    ]
    return dataset


def test_annotations_keep_their_lines_and_cleaned_texts_or_no_texts(run):
    kept = run(_annotated(), "Clean Graphics", "Clean Descriptors").GraphicAnnotationSequence[0]
    text = kept.TextObjectSequence[0].UnformattedTextValue
    assert text.startswith("Nodule")
    assert "8 mm" in text
    assert "Quixotesen" not in text
    assert kept.GraphicObjectSequence[0].GraphicData == [1.0, 1.0, 5.0, 5.0]
    form = run(_annotated()).GraphicAnnotationSequence[0]
    assert form.TextObjectSequence[0].UnformattedTextValue == "REMOVED"


def _with_overlay(dataset, bitmap, group=0x6000):
    rows, columns = bitmap.shape
    dataset.add_new(group << 16 | 0x10, "US", rows)
    dataset.add_new(group << 16 | 0x11, "US", columns)
    dataset.add_new(group << 16 | 0x22, "LO", "region drawn for Quixotesen")
    dataset.add_new(group << 16 | 0x40, "CS", "R")
    dataset.add_new(group << 16 | 0x50, "SS", [1, 1])
    dataset.add_new(group << 16 | 0x100, "US", 1)
    dataset.add_new(group << 16 | 0x102, "US", 0)
    packed = np.packbits(bitmap, bitorder="little").tobytes()
    dataset.add_new(group << 16 | 0x3000, "OW", packed + b"\0" * (len(packed) & 1))
    return dataset


def _drawn(draw):
    picture = Image.new("L", (128, 96), 0)
    draw(ImageDraw.Draw(picture))
    return (np.asarray(picture) > 127).astype(np.uint8)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_overlays_of_regions_stay_and_those_of_writing_go(run, syntax):
    region = _drawn(lambda pen: pen.ellipse((20, 20, 90, 80), fill=255))
    name = _drawn(lambda pen: pen.text((5, 30), "QUIXOTESEN", font=ImageFont.load_default(14), fill=255))
    dataset = _with_overlay(_with_overlay(made_ct(), region), name, 0x6002)
    after = run(dataset, "Clean Graphics", syntax=syntax)
    assert bytes(after[0x60003000].value) == bytes(dataset[0x60003000].value)
    assert "Quixotesen" not in after[0x60000022].value
    assert not [element.tag for element in after if element.tag.group == 0x6002]
    assert not [element.tag for element in run(dataset, syntax=syntax) if element.tag.group >> 8 == 0x60]


def _private(dataset, *, siemens=b"800 "):
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", siemens.decode())
    block.add_new(0x0E, "FD", [0.0, 0.6, 0.8])
    block.add_new(0x0A, "US", 7)
    strange = dataset.private_block(0x0019, "ACME 1.1", create=True)
    strange.add_new(0x0C, "IS", "800")
    named = dataset.private_block(0x0099, "NQHeader", create=True)
    named.add_new(0x02, "UI", "1.2.3.4.5.6")
    named.add_new(0x05, "LT", "done for Ulrika Quixotesen")
    return dataset


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_safe_private_attributes_stay_with_their_creators_only(run, syntax):
    after = run(_private(made_ct()), "Retain Safe Private", syntax=syntax)
    block = after.private_block(0x0019, "SIEMENS MR HEADER")
    assert (int(block[0x0C].value), list(block[0x0E].value)) == (800, [0.0, 0.6, 0.8])
    assert 0x0A not in block
    creators = {element.value for element in after if element.tag.is_private_creator}
    assert creators == {"SIEMENS MR HEADER", "NQHeader"}
    assert "113111" in _claimed(after)


def test_uids_and_texts_in_safe_private_attributes_are_treated_like_others(run):
    block = run(_private(made_ct()), "Retain Safe Private").private_block(0x0099, "NQHeader")
    assert block[0x02].value == KEY.map_uid("1.2.3.4.5.6")
    assert "Quixotesen" not in block[0x05].value
    assert block[0x05].value.startswith("done")


def test_a_safe_private_attribute_with_an_unsafe_value_goes(run):
    dataset = made_ct()
    block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "LO", "0.0004")
    block.add_new(0x09, "UN", b"Quixotesen")
    after = run(dataset, "Retain Safe Private")
    assert not [element.tag for element in after if element.tag.is_private]


def test_private_attributes_inside_private_sequences_are_judged_by_their_own_creators(run):
    dataset, item = made_ct(), Dataset()
    inner = item.private_block(0x2001, "Philips Imaging DD 001", create=True)
    inner.add_new(0x2D, "SS", 12)
    inner.add_new(0x0D, "LO", "Quixotesen")
    item.PatientName = "Quixotesen^Ulrika"
    dataset.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x5F, "SQ", Sequence([item]))
    after = run(dataset, "Retain Safe Private").private_block(0x2001, "Philips Imaging DD 001")[0x5F].value[0]
    kept = after.private_block(0x2001, "Philips Imaging DD 001")
    assert kept[0x2D].value == 12
    assert 0x0D not in kept
    assert str(after.get("PatientName", "")) == ""


OWN_PRIVATE = """
[[private.keep]]
creator = "ACME 1.1"
tag = "(0019,xx0C)"
vr = "DA"
vm = "1"
reason = "conformance statement of ACME, table 7"
"""


def test_a_profile_names_safe_attributes_of_its_own_and_their_dates_move(run):
    dataset = made_ct()
    dataset.private_block(0x0019, "ACME 1.1", create=True).add_new(0x0C, "DA", "20200401")
    options = ("Retain Safe Private", "Retain Longitudinal Modified Dates")
    assert run(dataset, *options, more=OWN_PRIVATE).private_block(0x0019, "ACME 1.1")[0x0C].value == "20170706"
    assert not [element for element in run(dataset, *options) if element.tag.is_private]


def test_a_profile_may_distrust_a_creator(run):
    after = run(_private(made_ct()), "Retain Safe Private", more='[private]\nwithout_creators = ["NQHeader"]\n')
    assert {element.value for element in after if element.tag.is_private_creator} == {"SIEMENS MR HEADER"}


def test_clean_pixel_data_is_claimed_only_where_pixels_were_looked_at(run):
    assert "113101" not in _claimed(run(made_ct(), "Clean Pixel Data"))
    assert "113101" in _claimed(run(made_ct(), "Clean Pixel Data", cleaning=Cleaning(boxes=())))


def test_visual_features_are_not_claimed_while_no_tool_removed_them(run):
    assert "113102" not in _claimed(run(made_ct(), "Clean Recognizable Visual Features"))


def test_what_a_profile_keeps_with_a_reason_is_cleaned_and_stays(run):
    dataset = made_ct(ProtocolName="Chest Quixotesen", SeriesDescription="Lung")
    more = '[keep]\nProtocolName = "needed to choose series; reviewed by our data protection officer"\n'
    assert run(dataset, more=more).ProtocolName == "Chest"
    assert "ProtocolName" not in run(dataset)


def test_a_profile_may_be_stricter_for_one_class(run):
    more = '[classes.CTImageStorage.actions]\nManufacturer = "Z"\n'
    assert run(made_ct(), more=more).Manufacturer == ""
    other = made_ct()
    other.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    assert run(other, more=more).Manufacturer == "Maker"


@pytest.mark.parametrize("name", READY_PROFILES)
def test_the_ready_profiles_claim_what_they_apply(tmp_path, name):
    source, target = write_made(made_ct(), tmp_path / "in.dcm"), tmp_path / "out.dcm"
    profile = load_profile(name)
    assert deidentify_file(source, target, profile=profile, key=KEY, patient=PATIENT).is_written
    expected = {
        "basic": [],
        "ricord": ["113105", "113107", "113108", "113109"],
        "tcia": ["113105", "113107", "113108", "113109", "113111"],
    }
    after = pydicom.dcmread(target)
    assert _claimed(after) == ["113100", *expected[name]]
    assert after.DeidentificationMethod[1:] == [f"Profile {profile.name} {profile.version}", profile.digest]
    assert struct.unpack("<h", after.PixelData[:2]) == (0,)
