"""Identifiers where nobody expects them: none leaves, by any ready profile, whatever encoding it hides in."""

import base64
import json
import struct
from urllib.parse import quote

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.deid.engine import deidentify_file, harvest_file
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping

KEY = PseudonymKey(bytes(range(32)))
SECRETS = ("Quixotesen", "Ulrika", "7654321", "ACC5566778", "Okonjo", "Mercy Valley", "19310317")


def _base(*, charset="ISO_IR 192", name="Quixotesen-Möller^Ulrika Zoë", syntax=ExplicitVRLittleEndian):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    values = {
        "SpecificCharacterSet": charset,
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": "1.2.3.4.5.6.7",
        "StudyInstanceUID": "1.2.3.4",
        "SeriesInstanceUID": "1.2.3.4.5",
        "PatientName": name,
        "PatientID": "MRN-7654321",
        "PatientBirthDate": "19310317",
        "PatientSex": "F",
        "StudyDate": "20200415",
        "StudyTime": "101500",
        "StudyID": "4711",
        "StudyDescription": "CT CHEST",
        "AccessionNumber": "ACC5566778",
        "ReferringPhysicianName": "Okonjo^Chidi",
        "InstitutionName": "Mercy Valley Hospital",
        "Modality": "CT",
        "Rows": 2,
        "Columns": 2,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
    }
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    ds.add_new(0x7FE00010, "OW", bytes(8))
    return ds


def _raw(ds, tag, vr, value):
    value += b"\0" * (len(value) & 1)
    ds._dict[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)


def _item(**values):
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _with(**values):
    def make():
        ds = _base()
        for keyword, value in values.items():
            setattr(ds, keyword, value)
        return ds

    return make


def _private_sequence_in_implicit():
    ds = _base(syntax=ImplicitVRLittleEndian)
    block = ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    block.add_new(0x0E, "SQ", [_item(PatientName="Quixotesen^Ulrika", StudyDescription="for Ulrika Quixotesen")])
    block.add_new(0x37, "PN", "Quixotesen^Ulrika")
    return ds


def _sequence_called_unknown():
    ds = _base()
    inner = b"".join(
        struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value
        for tag, value in ((0x00100010, b"Quixotesen^Ulrika "), (0x00321060, b"CT for Quixotesen "))
    )
    _raw(ds, 0x00400275, "UN", struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner)
    return ds


def _wrong_character_set():
    ds = _base(charset="ISO_IR 100", name="Quixotesen^Ulrika")
    _raw(ds, 0x00081030, "LO", b"CT f\xc3\xbcr Quixotesen Zo\xc3\xab")
    ds.ImageComments = "seen by Okonjo"
    return ds


def _code_extensions():
    ds = _base(charset=["", "ISO 2022 IR 87"], name="Quixotesen^Ulrika=山田^太郎")
    _raw(ds, 0x00081030, "LO", b"CT \x1b$B;3ED\x1b(B Quixotesen")
    return ds


def _odd_padding():
    ds = _base()
    _raw(ds, 0x00081030, "LO", b"\0\0CT\0Quixotesen\0Ulrika\0\0")
    _raw(ds, 0x0008103E, "LO", "Quixotesen".encode("utf-16-le"))
    return ds


def _meta_information():
    ds = _base()
    ds.file_meta.SourceApplicationEntityTitle = "QUIXOTESEN"
    ds.file_meta.PrivateInformationCreatorUID = "1.2.3.7654321"
    ds.file_meta.PrivateInformation = b"Quixotesen^Ulrika "
    ds.add_new(0x00080001, "UL", 7654321)
    return ds


def _behind_the_pixels():
    ds = _base()
    ds.add_new(0xFFFCFFFC, "OB", b"Quixotesen^Ulrika MRN-7654321 ")
    return ds


def _overlay():
    ds = _base()
    for number, vr, value in (
        *((0x10, "US", 2), (0x11, "US", 2), (0x22, "LO", "Quixotesen"), (0x40, "CS", "G"), (0x50, "SS", [1, 1])),
        *(
            (0x100, "US", 1),
            (0x102, "US", 0),
            (0x1500, "LO", "Ulrika"),
            (0x3000, "OW", b"\0\0"),
            (0x4000, "LT", "7654321"),
        ),
    ):
        ds.add_new(0x60000000 | number, vr, value)
    return ds


def _curve():
    ds = _base()
    for number, vr, value in (
        (0x05, "US", 2),
        (0x22, "LO", "Quixotesen"),
        (0x2500, "LO", "Ulrika"),
        (0x3000, "OB", b"Quixotesen"),
    ):
        ds.add_new(0x50000000 | number, vr, value)
    return ds


def _uids_of_numbers():
    ds = _base()
    ds.SOPInstanceUID = "1.2.19310317.7654321.1"
    ds.FrameOfReferenceUID = "1.2.840.10008.7654321.19310317"
    ds.ReferencedImageSequence = [
        _item(ReferencedSOPClassUID="1.2.840.10008.5.1.7654321", ReferencedSOPInstanceUID="1.2.840.10008.7654321")
    ]
    ds.RelatedGeneralSOPClassUID = "1.3.12.2.7654321"
    return ds


def _vendor_header():
    ds = _base()
    ds.Manufacturer = "SIEMENS"
    csa = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    csa.add_new(0x08, "CS", "IMAGE NUM 4")
    csa.add_new(0x10, "OB", b"SV10\4\3\2\1PatientName\0Quixotesen^Ulrika\0")
    header = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    for number, vr, value in ((0x08, "CS", "ULRIKA"), (0x0D, "CS", "QUIXOTESEN"), (0x0F, "SH", "Ulrika Q")):
        header.add_new(number, vr, value)
    return ds


def _numbers():
    ds = _base()
    for tag in (0x00200011, 0x00200013, 0x00180050):
        _raw(ds, tag, "DS" if tag == 0x00180050 else "IS", b"7654321")
    ds.PixelSpacing = ["7654321", "1"]
    ds.DateOfLastCalibration = "19310317"
    return ds


def _dates_and_times_that_are_none():
    ds = _base()
    for tag, vr in ((0x00080032, "TM"), (0x0008002A, "DT"), (0x00101010, "AS"), (0x00080022, "DA")):
        _raw(ds, tag, vr, b"Ulrika Quixotesen")
    return ds


def _private_without_owner():
    ds = _base()
    for tag, vr in ((0x00310010, "LO"), (0x00311001, "LO"), (0x00090001, "LO"), (0x00110011, "UN"), (0x00290001, "PN")):
        _raw(ds, tag, vr, b"Quixotesen^Ulrika")
    return ds


def _unknown_codes():
    meaning = "CT for Ulrika Quixotesen"
    ds = _base()
    ds.ProcedureCodeSequence = [
        _item(CodeValue="QUIX1", CodingSchemeDesignator="99X", CodingSchemeVersion="Ulrika", CodeMeaning=meaning)
    ]
    ds.AnatomicRegionSequence = [
        _item(CodeValue="T-D3000", CodingSchemeDesignator="SRT", CodeMeaning="Quixotesen", LongCodeValue="Ulrika")
    ]
    ds.ViewCodeSequence = [_item(CodeValue="7654321", URNCodeValue="urn:x:Quixotesen", CodeMeaning="Okonjo")]
    return ds


def _previous_values():
    old = _item(PatientName="Quixotesen^Ulrika", PatientID="MRN-7654321")
    change = _item(
        ModifiedAttributesSequence=[old], ModifyingSystem="Quixotesen", SourceOfPreviousValues="Mercy Valley Hospital"
    )
    return _with(OriginalAttributesSequence=[change])()


def _graphics():
    text = _item(UnformattedTextValue="Quixotesen")
    ds = _base()
    ds.GraphicAnnotationSequence = [_item(TextObjectSequence=[text], GraphicLayer="ULRIKA")]
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "QUIXOTESEN", "Ulrika", "Quixotesen^Ulrika"
    return ds


def _bytes_with_names():
    ds = _base()
    ds.add_new(0x00282000, "OB", b"\0\0acspQuixotesen^Ulrika ")
    ds.add_new(0x00420011, "OB", b"Quixotesen")
    return ds


NAMES = "Ulrika Quixotesen"
PLACES = {
    "a private sequence of an implicit file": _private_sequence_in_implicit,
    "a sequence that calls itself unknown": _sequence_called_unknown,
    "a wrong character set": _wrong_character_set,
    "code extensions": _code_extensions,
    "zero bytes between words": _odd_padding,
    "meta information": _meta_information,
    "behind the pixels": _behind_the_pixels,
    "an overlay": _overlay,
    "a curve": _curve,
    "components of UIDs": _uids_of_numbers,
    "a vendor's header": _vendor_header,
    "numbers": _numbers,
    "dates and times that are none": _dates_and_times_that_are_none,
    "private elements nobody owns": _private_without_owner,
    "meanings and values of codes": _unknown_codes,
    "previous values": _previous_values,
    "graphics": _graphics,
    "public bytes": _bytes_with_names,
    "several values": _with(ImageType=["ORIGINAL", "PRIMARY", "QUIXOTESEN", "ULRIKA"], WindowCenterWidthExplanation=["Ulrika", "Quixotesen"]),
    "other orders and umlauts": _with(SeriesDescription="Ulrika Zoe QUIXOTESEN MOELLER", ProtocolName="QUIXOTESEN_MÖLLER,U.Z.", StudyDescription="Quixotesenmoeller chest"),
    "letters apart and look-alikes": _with(ImageComments="Q u i x o t e s e n", SeriesDescription="Qu\u200bixotesen", StudyDescription="Ｑｕｉｘｏｔｅｓｅｎ"),
    "base64": _with(ImageComments=f"blob {base64.b64encode(NAMES.encode()).decode()}", SeriesDescription=base64.urlsafe_b64encode(b"id:MRN-7654321").decode().rstrip("=")),
    "hexadecimal": _with(ImageComments=NAMES.encode().hex(), SeriesDescription="0x" + b"Quixotesen".hex().upper()),
    "URLs": _with(ImageComments=f"http://pacs/?n={quote('Ulrika Quixotesen-Möller')}&id=MRN%2D7654321", ProtocolName="%51uixotesen"),
    "XML and JSON": _with(ImageComments='<patient id="7654321"><name>Quixotesen</name><dob>19310317</dob></patient>', TextValue=json.dumps({"PatientName": "Quixotesen^Ulrika"})),
    "entities": _with(AdditionalPatientHistory="&#81;uixotesen &quot;Ulrika&quot; 7654321"),
}  # fmt: skip


def _spellings(secret):
    for text in {secret, secret.lower(), secret.upper()}:
        yield from (text.encode(codec) for codec in ("utf-8", "utf-16-le", "utf-16-be"))
        yield from (text.encode().hex().encode(), text.encode().hex().upper().encode(), quote(text).encode())
        for shift in range(3):
            # The letters in the middle are the same whatever stands around them.
            yield base64.b64encode(bytes(shift) + text.encode())[4:-4] if len(text) > 8 else text.encode()


@pytest.mark.parametrize("profile", ["basic", "ricord", "tcia"])
@pytest.mark.parametrize("place", PLACES)
def test_nothing_known_of_the_patient_leaves_in(place, profile, tmp_path):
    source, out = tmp_path / "in.dcm", tmp_path / "out.dcm"
    PLACES[place]().save_as(source, enforce_file_format=True)
    original = source.read_bytes()
    patient = PatientMapping("MRN-7654321", "ALPHA-000001", -1000, known_identifiers=harvest_file(source))
    outcome = deidentify_file(source, out, profile=load_profile(profile), key=KEY, patient=patient)
    assert any(form in original for secret in SECRETS for form in _spellings(secret))
    if not outcome.is_written:
        assert not out.exists()
        assert all(finding.code.startswith("deid.") for finding in outcome.findings)
        return
    written = out.read_bytes()
    assert [secret for secret in SECRETS for form in _spellings(secret) if form in written] == []


def test_few_of_the_odd_places_keep_an_object_in(tmp_path):
    refused = []
    for place, make in PLACES.items():
        make().save_as(tmp_path / "in.dcm", enforce_file_format=True)
        patient = PatientMapping("MRN-7654321", "ALPHA-000001", -1000)
        outcome = deidentify_file(
            tmp_path / "in.dcm", tmp_path / "out.dcm", profile=load_profile("ricord"), key=KEY, patient=patient
        )
        refused += [] if outcome.is_written else [place]
    assert refused == ["public bytes"]


@pytest.mark.parametrize(("value", "is_kept"), [("4711", False), ("04711", False), ("4712", True)])
def test_a_short_record_number_in_a_private_number_goes(value, is_kept, tmp_path):
    ds = _base()
    header = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    header.add_new(0x0C, "IS", value)
    ds.SeriesNumber = "4711"
    ds.save_as(tmp_path / "in.dcm", enforce_file_format=True)
    patient = PatientMapping("MRN-7654321", "ALPHA-000001", -1000)
    outcome = deidentify_file(
        tmp_path / "in.dcm", tmp_path / "out.dcm", profile=load_profile("tcia"), key=KEY, patient=patient
    )
    assert outcome.is_written
    content = (tmp_path / "out.dcm").read_bytes()
    assert (b"SIEMENS MR HEADER" in content) is is_kept
    assert b"\x20\0\x11\0IS\4\x004711" in content
