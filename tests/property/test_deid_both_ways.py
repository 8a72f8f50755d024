"""Whatever a data set holds, all ways through the engine come to the same bytes and say the same."""

import struct
import tempfile
import warnings
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from tests.support.both_ways import at_length, forget, in_short, made_job, read_by_pydicom
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.direct import STAYING
from radcommons.deid.engine import deidentify_at_length
from radcommons.deid.identifiers import IDENTIFYING_TAGS, harvest_identifiers, pattern_of
from radcommons.deid.levels import Level
from radcommons.dicom.element_writing import write_elements
from radcommons.dicom.elements import EXPLICIT_LITTLE, Element, vr_of_tag
from radcommons.dicom.part10 import open_part10

LITTLE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
words = st.lists(
    st.sampled_from(
        ["CT", "chest", "Quixotesen", "Müller", "山田", "20200315", "7654321", "lung 1.0", "Dr Zwingli", "^", ""]
    ),
    max_size=4,
).map(" ".join)
codes = st.sampled_from(["AXIAL", "ORIGINAL", "YES", "NO", "FFS", "", "Quixotesen"])
numbers = st.decimals(-999, 999, places=2).map(str)
uids = st.sampled_from(["1.2.3.4", "1.2.840.10008.5.1.4.1.1.2", "2.25.7", "1.02.3", ""])
dates = st.sampled_from(["20200315", "2020.03.15", "18991231", "soon", ""])
times = st.sampled_from(["101500", "101500.25", "10:15", "late", ""])
person = st.sampled_from(["Quixotesen^Ulrika", "Zwingli", "Müller^Jörg", "Yamada^Tarou=山田^太郎", ""])
ATTRIBUTES = {
    "ImageType": st.lists(codes, min_size=1, max_size=3),
    "InstanceCreationDate": dates,
    "InstanceCreationTime": times,
    "AcquisitionDateTime": st.sampled_from(["20200315101500.5+0100", "2020", "", "never"]),
    "StudyDescription": words,
    "SeriesDescription": words,
    "ImageComments": words,
    "ProtocolName": words,
    "InstitutionName": words,
    "OperatorsName": person,
    "RequestingPhysician": person,
    "PatientComments": words,
    "PatientAge": st.sampled_from(["070Y", "095Y", "3", ""]),
    "DeviceSerialNumber": words,
    "SoftwareVersions": st.lists(words.map(lambda text: text.replace("\\", "")), max_size=2),
    "KVP": numbers,
    "SliceLocation": numbers,
    "ExposureTime": st.integers(0, 999).map(str),
    "SmallestImagePixelValue": st.integers(-99, 99),
    "CTDIvol": st.floats(allow_nan=False, width=32),
    "IrradiationEventUID": uids,
    "ConcatenationUID": uids,
    "LongCodeValue": words,
    "TextComments": words,
    "BurnedInAnnotation": codes,
    "PatientIdentityRemoved": codes,
}
code_items = st.fixed_dictionaries({"CodeValue": codes, "CodingSchemeDesignator": codes, "CodeMeaning": words})
request_items = st.fixed_dictionaries(
    {"RequestedProcedureID": words, "AccessionNumber": words, "RequestedProcedureDescription": words}
)
reference_items = st.fixed_dictionaries({"ReferencedSOPClassUID": uids, "ReferencedSOPInstanceUID": uids})
SEQUENCES = {
    "ProcedureCodeSequence": code_items,
    "RequestAttributesSequence": request_items,
    "ReferencedImageSequence": reference_items,
    "DeidentificationMethodCodeSequence": code_items,
}
private = st.lists(
    st.tuples(st.sampled_from(["LO", "DS", "UN", "OB", "UI", "SQ"]), words, st.integers(0, 3)), max_size=4
)
headers = st.fixed_dictionaries(
    {},
    optional={
        **ATTRIBUTES,
        **{keyword: st.lists(items, max_size=2) for keyword, items in SEQUENCES.items()},
    },
)
often = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _item(values, *, is_undefined):
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    item.is_undefined_length_sequence_item = is_undefined
    return item


def _dataset(header, blocks, charset, *, is_undefined):
    dataset = made_ct(SpecificCharacterSet=charset)
    for keyword, value in header.items():
        if keyword in SEQUENCES:
            setattr(dataset, keyword, Sequence([_item(each, is_undefined=is_undefined) for each in value]))
            dataset[keyword].is_undefined_length = is_undefined
        else:
            setattr(dataset, keyword, value)
    for vr, text, owner in blocks:
        block = dataset.private_block(0x0029, f"OWNER {owner}" if owner else "SIEMENS MR HEADER", create=True)
        if vr == "SQ":
            value = Sequence([_item({"PatientName": text}, is_undefined=is_undefined)])
        else:
            value = {"DS": "1.5", "UI": "1.2.3", "LO": text}.get(
                vr, text.encode("utf-8") + b" " * (len(text.encode()) & 1)
            )
        block.add_new(0x08 + ["LO", "DS", "UN", "OB", "UI", "SQ"].index(vr), vr, value)
    return dataset


@often
@given(
    st.lists(headers, min_size=2, max_size=4),
    private,
    st.sampled_from(["ISO_IR 192", "ISO_IR 100", "GB18030", "", ["", "ISO 2022 IR 87"]]),
    st.sampled_from([*LITTLE, *LITTLE, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]),
    st.booleans(),
    st.sampled_from(["ricord", "tcia", "basic"]),
)
def test_all_ways_come_to_the_same(rows, blocks, charset, syntax, is_undefined, profile):
    """Several files one after the other, so that what was remembered of one meets what is new in the next."""
    forget()
    job = made_job(profile)
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name)
        for number, header in enumerate([*rows, *rows]):
            dataset = _dataset(header, blocks, charset, is_undefined=is_undefined)
            dataset.SOPInstanceUID = f"1.2.826.0.1.3680043.99.{number + 1}"
            dataset.InstanceNumber = number
            source = write_made(dataset, folder / "in.dcm", syntax)
            expected = at_length(source, folder, job)
            assert read_by_pydicom(source, folder, job) == expected
            short = in_short(source, folder, job)
            if syntax in LITTLE and expected is not None and not expected[1][1]:
                assert short == expected
            else:
                assert short in (None, expected)


KEYWORDS = (
    *("InstanceCreationTime", "SOPInstanceUID", "AcquisitionTime", "AcquisitionDateTime", "SeriesDescription"),
    *("PatientName", "PatientAge", "KVP", "CTDIvol", "SmallestImagePixelValue", "ImagePositionPatient", "UID"),
    *("ConceptNameCodeSequence", "ReferencedSOPInstanceUID", "ReferencedSOPClassUID", "RequestAttributesSequence"),
)
PRIVATE = (0x00290010, 0x00291010)
tags = st.sampled_from([*map(tag_for_keyword, KEYWORDS), *PRIVATE, *sorted(IDENTIFYING_TAGS)[:10]])
values = st.one_of(
    st.binary(max_size=12),
    *(each.map(lambda text: text.encode("utf-8")) for each in (numbers, times, uids, words, dates)),
)


@settings(max_examples=400, deadline=None)
@given(tags, values, st.sampled_from(["ricord", "tcia", "basic"]))
def test_what_is_said_of_plain_values_at_once_is_what_is_decided_for_each(tag, value, profile):
    vr, level = vr_of_tag(tag), Level()
    rewriter = made_job(profile).rewriter("1.2.840.10008.5.1.4.1.1.2", pattern_of(frozenset({"Quixotesen^Ulrika"})))
    direct = rewriter.direct(tag, vr, level)
    if direct is None or vr == "SQ" or not direct.form.fullmatch(value) or not value:
        return
    decided = rewriter.rewrite_element(Element(tag, vr, value), level)
    if direct.is_removed:
        assert decided is None
    elif direct.new_uid is None:
        assert decided == Element(tag, vr, value)
        assert not rewriter.report
        assert not rewriter.kept_texts
    else:
        new = direct.new_uid(value.rstrip(b"\0").decode())
        assert new is None or decided.value.rstrip(b"\0") == new.encode()


@settings(max_examples=300, deadline=None)
@given(tags, values)
def test_plain_values_identify_nobody(tag, value):
    vr = vr_of_tag(tag)
    if vr in STAYING and STAYING[vr].form.fullmatch(value) and tag not in IDENTIFYING_TAGS:
        assert not harvest_identifiers((Element(tag, vr, value),))


@settings(max_examples=60, deadline=None)
@given(st.lists(headers, min_size=1, max_size=1))
def test_what_a_data_set_identifies_is_what_its_elements_identify(rows):
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = write_made(_dataset(rows[0], [], "ISO_IR 192", is_undefined=False), Path(name) / "in.dcm")
        elements = open_part10(source).elements
    level = Level().holding(elements)
    single = (harvest_identifiers((element,), level.encodings) for element in elements)
    assert frozenset().union(*single) == harvest_identifiers(elements)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3), st.sampled_from([b"LO", b"UT", b"CS", b"DS"]), st.binary(max_size=20))
def test_what_only_pydicom_bears_is_read_by_it_or_refused_by_name(spare, vr, content):
    """Texts of undefined length stand in no edition of the standard, and yet in some archives."""
    element = struct.pack("<HH2s", 0x0029, 0x1001, vr) + (b"\0\0" if vr == b"UT" else b"")
    element += b"\xff\xff\xff\xff" if vr == b"UT" else b"\xff\xff"
    element += content + b"\xfe\xff\xdd\xe0" + bytes(4 + spare)
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name)
        source = write_made(made_ct(), folder / "in.dcm")
        whole = source.read_bytes()
        at = whole.index(write_elements((Element(0x00280002, "US", b"\1\0"),), EXPLICIT_LITTLE))
        source.write_bytes(whole[:at] + element + whole[at:])
        outcome = deidentify_at_length(source, folder / "out.dcm", made_job())
        assert outcome.is_written or {each.code for each in outcome.findings if each.is_error}
