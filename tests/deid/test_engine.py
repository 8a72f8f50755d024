"""De-identifying files: what goes, what stays, what is refused; pixels untouched, bytes repeatable."""

import hashlib
import re
import struct
import zlib

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.cleaning import Cleaning
from radcommons.deid.engine import deidentify_file, harvest_file
from radcommons.deid.pixel_text import PixelText
from radcommons.deid.pixels.boxes import Box
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.pydicom_reading import read_with_pydicom
from radcommons.deid.rewriting import PatientMapping
from radcommons.deid.verify import verify_deidentified
from radcommons.deid.writing import IMPLEMENTATION_CLASS_UID
from radcommons.dicom.elements import FormatError

PROFILE = load_profile("ricord")
KEY = PseudonymKey(bytes(range(32)))
PATIENT = PatientMapping("MRN-7654321", "ALPHA-0001", -1000)
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


def _run(source, tmp_path, *, patient=PATIENT, key=KEY, name="out.dcm"):
    destination = tmp_path / name
    return deidentify_file(source, destination, profile=PROFILE, key=key, patient=patient), destination


def _deidentified(tmp_path, dataset, syntax=ExplicitVRLittleEndian):
    outcome, path = _run(write_made(dataset, tmp_path / "in.dcm", syntax), tmp_path)
    assert outcome.is_written, outcome.findings
    return pydicom.dcmread(path), outcome


def _item(**attributes):
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _codes(outcome):
    return {finding.code for finding in outcome.findings}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_native_syntax_is_kept_and_its_pixels_too(tmp_path, syntax):
    original = made_ct()
    after, _ = _deidentified(tmp_path, original, syntax)
    assert after.file_meta.TransferSyntaxUID == syntax
    assert after.PixelData == original.PixelData
    assert after.StudyDescription == "CT CHEST"


def test_the_patient_becomes_a_subject(tmp_path):
    after, _ = _deidentified(tmp_path, made_ct(OtherPatientIDs=["A1", "B2"], EthnicGroup="x", PatientWeight="70"))
    assert (after.PatientID, str(after.PatientName), after.PatientBirthDate) == ("ALPHA-0001", "ALPHA-0001", "")
    assert (after.PatientSex, after.PatientAge, after.PatientWeight) == ("F", "070Y", 70)
    assert "OtherPatientIDs" not in after


def test_type_2_attributes_are_emptied_and_type_3_removed(tmp_path):
    after, _ = _deidentified(tmp_path, made_ct(InstitutionName="Mercy Valley", OperatorsName="Tech^Tina"))
    assert (after.AccessionNumber, after.StudyID, str(after.ReferringPhysicianName)) == ("", "", "")
    assert "InstitutionName" not in after
    assert "OperatorsName" not in after


def test_dates_move_together_and_times_stay(tmp_path):
    after, _ = _deidentified(tmp_path, made_ct(SeriesDate="20200401", AcquisitionDateTime="20200401120000.5+0100"))
    assert (after.StudyDate, after.SeriesDate, after.StudyTime) == ("20170619", "20170706", "101500")
    assert after.AcquisitionDateTime == "20170706120000.5+0100"
    assert after.LongitudinalTemporalInformationModified == "MODIFIED"


@pytest.mark.parametrize(("age", "kept"), [("095Y", "090Y"), ("090Y", "090Y"), ("089Y", "089Y"), ("011M", "011M")])
def test_high_ages_become_one_category(tmp_path, age, kept):
    assert _deidentified(tmp_path, made_ct(PatientAge=age))[0].PatientAge == kept


def test_uids_are_replaced_everywhere_and_references_still_lead_to_their_targets(tmp_path):
    referenced = made_ct()
    nested = _item(ReferencedSOPClassUID=referenced.SOPClassUID, ReferencedSOPInstanceUID=referenced.SOPInstanceUID)
    after, _ = _deidentified(tmp_path, made_ct(SOPInstanceUID="1.2.3.4", SourceImageSequence=[nested]))
    item = after.SourceImageSequence[0]
    assert item.ReferencedSOPInstanceUID == KEY.map_uid(referenced.SOPInstanceUID)
    assert item.ReferencedSOPClassUID == referenced.SOPClassUID
    assert after.FrameOfReferenceUID == KEY.map_uid(referenced.FrameOfReferenceUID)
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID == KEY.map_uid("1.2.3.4")


def test_private_unknown_and_graphic_attributes_go(tmp_path):
    dataset = made_ct()
    block = dataset.private_block(0x0029, "ACME 1.1", create=True)
    block.add_new(0x10, "LO", "Quixotesen")
    block.add_new(0x11, "SQ", Sequence([_item(PatientName="Quixotesen")]))
    dataset.add_new(0x60000022, "LO", "Quixotesen overlay")
    dataset.add_new(0x60003000, "OW", b"\0\0")
    dataset.add_new(0x00080999, "UN", b"Quixotesen")
    after, outcome = _deidentified(tmp_path, dataset)
    assert not any(element.tag.is_private for element in after.iterall())
    assert 0x60003000 not in after
    assert 0x60000022 not in after
    assert 0x00080999 not in after
    assert {"private", "profile"} <= {line.reason for line in outcome.report}


def test_names_found_in_the_header_are_cut_from_descriptions(tmp_path):
    after, outcome = _deidentified(
        tmp_path,
        made_ct(
            StudyDescription="CT CHEST for Ulrika Quixotesen",
            SeriesDescription="Zwingli protocol 1.25 mm",
            ImageComments="MRN 7654321 repeated on 2020-03-15",
            ProtocolName="Chest routine",
            SoftwareVersions="QUIXOTESEN VE11",
        ),
    )
    assert after.StudyDescription == "CT CHEST"
    assert after.SeriesDescription == "protocol 1.25 mm"
    assert re.fullmatch(r"repeated on 20\d\d-\d\d-\d\d", after.ImageComments)
    assert "2020-03-15" not in after.ImageComments
    assert after.ProtocolName == "Chest routine"
    assert after.SoftwareVersions == "VE11"
    assert outcome.redactions == 4
    assert ("ProtocolName", "Chest routine") in outcome.kept_texts


def test_what_other_files_of_the_patient_know_is_used(tmp_path):
    other = write_made(made_ct(PatientMotherBirthName="Eze^Ngozi"), tmp_path / "other.dcm")
    patient = PatientMapping("MRN-7654321", "ALPHA-0001", -1000, harvest_file(other))
    source = write_made(made_ct(ImageComments="called Ngozi afterwards"), tmp_path / "in.dcm")
    outcome, path = _run(source, tmp_path, patient=patient)
    assert outcome.is_written
    assert "Ngozi" not in pydicom.dcmread(path).ImageComments


def test_devices_stay_apart_without_their_numbers(tmp_path):
    first, _ = _deidentified(tmp_path, made_ct(DeviceSerialNumber="SN-1", StationName="MERCY-CT1"))
    again, _ = _deidentified(tmp_path, made_ct(DeviceSerialNumber="SN-1", StationName="MERCY-CT2"))
    assert first.DeviceSerialNumber == again.DeviceSerialNumber != "SN-1"
    assert first.StationName != again.StationName
    assert first.Manufacturer == "Maker"


def test_nested_people_and_numbers_go(tmp_path):
    request = _item(
        RequestingPhysician="Zwingli^H",
        RequestedProcedureDescription="CT for Mrs Quixotesen",
        AccessionNumber="ACC9988776",
        RequestedProcedureID="P1",
    )
    operator = _item(InstitutionName="Mercy", PersonTelephoneNumbers="1234567")
    after, _ = _deidentified(
        tmp_path, made_ct(RequestAttributesSequence=[request], OperatorIdentificationSequence=[operator])
    )
    assert "OperatorIdentificationSequence" not in after
    assert after.RequestAttributesSequence[0].RequestedProcedureDescription == "CT"
    assert "RequestingPhysician" not in after.RequestAttributesSequence[0]


def test_the_object_says_how_it_was_deidentified(tmp_path):
    after, _ = _deidentified(tmp_path, made_ct())
    assert after.PatientIdentityRemoved == "YES"
    assert [(item.CodeValue, item.CodingSchemeDesignator) for item in after.DeidentificationMethodCodeSequence] == [
        ("113100", "DCM"),
        ("113105", "DCM"),
        ("113107", "DCM"),
        ("113108", "DCM"),
        ("113109", "DCM"),
    ]
    assert PROFILE.digest in after.DeidentificationMethod
    assert len(PROFILE.digest) <= 64


def test_preamble_and_meta_information_are_made_anew(tmp_path):
    source = write_made(made_ct(), tmp_path / "in.dcm")
    dataset = pydicom.dcmread(source)
    dataset.preamble = b"QUIXOTESEN".ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = "MERCY_PACS"
    dataset.save_as(source)
    outcome, path = _run(source, tmp_path)
    after = pydicom.dcmread(path)
    assert outcome.is_written
    assert after.preamble == bytes(128)
    assert "SourceApplicationEntityTitle" not in after.file_meta
    assert after.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID


def test_what_follows_the_pixel_data_goes(tmp_path):
    dataset = made_ct(DataSetTrailingPadding=b"QUIXOTESEN")
    dataset.DigitalSignaturesSequence = [_item(MACIDNumber=1)]
    after, _ = _deidentified(tmp_path, dataset)
    assert max(element.tag for element in after) == 0x7FE00010


def test_bytes_after_the_data_set_go_and_are_told(tmp_path):
    source = write_made(made_ct(), tmp_path / "in.dcm")
    source.write_bytes(source.read_bytes() + b"QUIXOTESEN ULRIKA and more")
    outcome, path = _run(source, tmp_path)
    assert outcome.is_written
    assert "dicom.trailing-bytes" in _codes(outcome)
    assert b"QUIXOTESEN" not in path.read_bytes()


def test_compressed_fragments_are_kept_as_they_are(tmp_path):
    fragments = struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE000, 6) + b"\xff\xd8\xff\xe0ab"
    dataset = made_ct(PixelData=fragments + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    source = write_made(dataset, tmp_path / "in.dcm", JPEGBaseline8Bit)
    outcome, path = _run(source, tmp_path)
    assert outcome.is_written
    assert path.read_bytes().endswith(fragments + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))


def test_the_same_input_gives_the_same_bytes(tmp_path):
    source = write_made(made_ct(), tmp_path / "in.dcm")
    digests = set()
    for name in ("a", "b"):
        _, path = _run(source, tmp_path, name=name)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_another_key_gives_other_uids(tmp_path):
    source = write_made(made_ct(), tmp_path / "in.dcm")
    uids = {_run(source, tmp_path, key=PseudonymKey(bytes([n]) * 32))[0].description.study_instance_uid for n in (1, 2)}
    assert len(uids) == 2


def test_the_description_is_of_the_new_object(tmp_path):
    _, outcome = _deidentified(tmp_path, made_ct())
    assert outcome.description.patient_id == "ALPHA-0001"
    assert outcome.description.size_bytes == (tmp_path / "out.dcm").stat().st_size
    assert outcome.pixel_text is PixelText.NOT_APPLICABLE


def test_broken_dates_and_ages_become_empty(tmp_path):
    source = write_made(made_ct(), tmp_path / "in.dcm")
    data = source.read_bytes().replace(b"20200315", b"99999999").replace(b"070Y", b"OLD!")
    source.write_bytes(data)
    outcome, path = _run(source, tmp_path)
    after = pydicom.dcmread(path)
    assert outcome.is_written
    assert (after.StudyDate, after.PatientAge) == ("", "")


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"SOPClassUID": EncapsulatedPDFStorage}, "deid.unsupported-object"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66"}, "deid.unsupported-object"),
        ({"SOPClassUID": "1.2.826.0.1.99"}, "deid.private-object"),
        ({"SOPClassUID": "1.2.840.10008.1.1"}, "deid.unknown-object"),
    ],
)
def test_objects_that_may_hold_anything_are_refused(tmp_path, attributes, code):
    outcome, path = _run(write_made(made_ct(**attributes), tmp_path / "in.dcm"), tmp_path)
    assert _codes(outcome) == {code}
    assert not path.exists()


def test_a_refused_file_leaves_nothing_behind(tmp_path):
    source = tmp_path / "in.dcm"
    source.write_bytes(b"no image at all")
    outcome, _ = _run(source, tmp_path)
    assert not outcome.is_written
    assert sorted(tmp_path.iterdir()) == [source]


def test_a_damaged_deflated_file_is_refused_by_both_readers(tmp_path):
    source = write_made(made_ct(), tmp_path / "in.dcm", DeflatedExplicitVRLittleEndian)
    data = bytearray(source.read_bytes())
    # A kind of block that there is none of.
    data[144 + int.from_bytes(data[140:144], "little")] = 0xFF
    source.write_bytes(bytes(data))
    with pytest.raises(FormatError):
        read_with_pydicom(source)
    outcome = deidentify_file(source, tmp_path / "out.dcm", profile=load_profile("ricord"), key=KEY, patient=PATIENT)
    assert [finding.code for finding in outcome.findings if finding.is_error] == ["dicom.malformed"]
    assert not outcome.is_written


def test_deflated_files_are_padded_to_even_length(tmp_path):
    source = write_made(made_ct(), tmp_path / "in.dcm", DeflatedExplicitVRLittleEndian)
    _, path = _run(source, tmp_path)
    data = path.read_bytes()
    start = 144 + int.from_bytes(data[140:144], "little")
    assert len(data[start:]) % 2 == 0
    assert b"ALPHA-0001" in zlib.decompress(data[start:], -15)


def test_reports_keep_their_tree_without_people_and_dates(shared_data, tmp_path):
    outcome, path = _run(shared_data / "deid/synthetic/12_report_sr.dcm", tmp_path)
    after = pydicom.dcmread(path)
    assert outcome.is_written
    assert "bilateral peripheral opacities" in after.ContentSequence[0].TextValue
    assert "113104" in {item.CodeValue for item in after.DeidentificationMethodCodeSequence}
    for word in ("Okonkwo", "Lindqvist", "02.04.2020"):
        assert word not in after.ContentSequence[0].TextValue


def test_segmentations_still_refer_to_their_images(shared_data, tmp_path):
    folder = shared_data / "zoo/highdicom"
    _, image = _run(folder / "ct_image.dcm", tmp_path, name="image.dcm")
    _, segmentation = _run(folder / "seg_image_ct_binary_single_frame.dcm", tmp_path, name="seg.dcm")
    before = pydicom.dcmread(folder / "seg_image_ct_binary_single_frame.dcm")
    after = pydicom.dcmread(segmentation)
    originals = [
        item.ReferencedSOPInstanceUID for item in before.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    ]
    mapped = [item.ReferencedSOPInstanceUID for item in after.ReferencedSeriesSequence[0].ReferencedInstanceSequence]
    assert mapped == [KEY.map_uid(uid) for uid in originals]
    assert pydicom.dcmread(image).StudyInstanceUID == after.StudyInstanceUID
    assert len(after.PerFrameFunctionalGroupsSequence) == len(before.PerFrameFunctionalGroupsSequence)


def test_bytes_after_the_last_frame_stay_behind(tmp_path):
    original = made_ct()
    picture = original.PixelData
    original.PixelData = picture + b"behind the picture"
    after, outcome = _deidentified(tmp_path, original)
    assert after.PixelData == picture
    assert "dicom.trailing-bytes" in _codes(outcome)


def test_an_overlay_in_the_unused_bits_of_the_pixels_is_refused(tmp_path):
    dataset = made_ct()
    dataset.add_new(0x60000010, "US", 8)
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 12)
    outcome, path = _run(write_made(dataset, tmp_path / "in.dcm"), tmp_path)
    assert _codes(outcome) == {"deid.overlay-in-pixels"}
    assert not path.exists()


def test_addresses_file_names_and_private_numbers_do_not_stay(tmp_path):
    dataset = made_ct(RetrieveURL="https://pacs.hospital.example/?study=1.2.3", CodingSchemeUID="DOE^JOHN")
    dataset.add_new(0x00041500, "CS", ["QUIX", "FILE1"])
    dataset.add_new(0x0074100C, "LO", "Anna Somebody")
    dataset.StudyInstanceUID = "1.2.840.10008.99.20200315.1"
    after, _ = _deidentified(tmp_path, dataset)
    assert "RetrieveURL" not in after
    assert 0x00041500 not in after
    assert 0x0074100C not in after
    assert after.StudyInstanceUID.startswith("2.25.")
    assert after.CodingSchemeUID.startswith("2.25.")


def test_decided_boxes_are_blackened_and_the_object_says_so(tmp_path):
    original = made_ct(BurnedInAnnotation="YES")
    source, destination = write_made(original, tmp_path / "in.dcm"), tmp_path / "out.dcm"
    cleaning = Cleaning(boxes=(Box(1, 2, 3, 4),))
    outcome = deidentify_file(source, destination, profile=PROFILE, key=KEY, patient=PATIENT, cleaning=cleaning)
    after = pydicom.dcmread(destination)
    expected = original.pixel_array.copy()
    changed = after.pixel_array != expected
    changed[2:6, 1:4] = False
    assert not changed.any()
    assert len(set(after.pixel_array[2:6, 1:4].ravel())) == 1
    assert outcome.pixel_text is PixelText.REDACTED
    assert after.BurnedInAnnotation == "NO"
    assert "113101" in [item.CodeValue for item in after.DeidentificationMethodCodeSequence]


def test_pixels_that_were_looked_at_and_hold_nothing_are_clean_and_unchanged(tmp_path):
    original = made_ct(Modality="OT", SOPClassUID=SecondaryCaptureImageStorage)
    source, destination = write_made(original, tmp_path / "in.dcm"), tmp_path / "out.dcm"
    cleaning = Cleaning(boxes=())
    outcome = deidentify_file(source, destination, profile=PROFILE, key=KEY, patient=PATIENT, cleaning=cleaning)
    after = pydicom.dcmread(destination)
    assert outcome.pixel_text is PixelText.CLEAN
    assert (after.BurnedInAnnotation, after.PixelData) == ("NO", original.PixelData)


def test_what_a_person_decided_for_a_text_stands_wherever_the_text_does(tmp_path):
    item = _item(CodeMeaning="Heritage ward protocol", CodeValue="1", CodingSchemeDesignator="99X")
    original = made_ct(
        SeriesDescription="Heritage ward protocol", ProtocolName="Old wing", ProcedureCodeSequence=[item]
    )
    source, destination = write_made(original, tmp_path / "in.dcm"), tmp_path / "out.dcm"
    decisions = {"Heritage ward protocol": "Ward protocol", "Old wing": "", "CT CHEST": None}
    cleaning = Cleaning(text_decisions=decisions)
    outcome = deidentify_file(source, destination, profile=PROFILE, key=KEY, patient=PATIENT, cleaning=cleaning)
    after = pydicom.dcmread(destination)
    assert after.SeriesDescription == after.ProcedureCodeSequence[0].CodeMeaning == "Ward protocol"
    assert (after.ProtocolName, after.StudyDescription) == ("", "CT CHEST")
    assert any(line.reason == "decided by a person" for line in outcome.report)


def test_a_class_that_a_person_released_is_written_and_every_other_refusal_stands(tmp_path):
    released = Cleaning(released_classes=frozenset({EncapsulatedPDFStorage, "1.2.840.10008.1.3.10"}))
    original = made_ct(SOPClassUID=EncapsulatedPDFStorage, PixelData=None)
    source, destination = write_made(original, tmp_path / "in.dcm"), tmp_path / "out.dcm"
    run = {"profile": PROFILE, "key": KEY, "patient": PATIENT}
    assert not deidentify_file(source, destination, **run).is_written
    assert deidentify_file(source, destination, **run, cleaning=released).is_written
    assert verify_deidentified(destination, profile=PROFILE)
    assert not verify_deidentified(destination, profile=PROFILE, released_classes=released.released_classes)


def test_a_number_of_the_patient_goes_from_numeric_strings_too(tmp_path):
    after, _ = _deidentified(
        tmp_path, made_ct(AcquisitionNumber="7654321", ExposureInuAs="150000", SliceThickness="1.25")
    )
    assert after.AcquisitionNumber == 0
    assert after.ExposureInuAs == 150000
    assert after.SliceThickness == 1.25
