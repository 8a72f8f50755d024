"""The last look sees what was written, on the short way too: whatever is slipped into a written file keeps it out."""

import re
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.both_ways import PATIENT, made_job
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.engine import deidentify_at_length
from radcommons.deid.fast.context import Context
from radcommons.deid.fast.layout import NotOrdinaryError, layout_of
from radcommons.deid.fast.look import Eye
from radcommons.deid.fast.memories import Harvest
from radcommons.deid.fast.shelf import Habits
from radcommons.deid.last_look import look_again
from radcommons.dicom.elements import EXPLICIT_LITTLE
from radcommons.dicom.part10 import open_part10

IDENTIFIERS = frozenset({"Quixotesen^Ulrika", "MRN-7654321", "ACC9988776", "Zwingli^Huldrych"})
ORIGINALS = (b"1.2.826.0.1.3680043.7.1", b"1.2.826.0.1.3680043.7.99")
JOB = made_job()


def _written(folder, number):
    """A slice as it was de-identified, and its original."""
    dataset = made_ct(
        SOPInstanceUID=f"1.2.826.0.1.3680043.7.{number}",
        StudyInstanceUID="1.2.826.0.1.3680043.7.99",
        InstanceNumber=number,
        AcquisitionTime=f"1015{number:02d}",
        SliceLocation=f"{number}.5",
        ImageComments="kept words",
        PatientSize="1.74",
    )
    source, path = write_made(dataset, folder / f"in-{number}.dcm"), folder / f"out-{number}.dcm"
    assert deidentify_at_length(source, path, JOB).is_written
    return path.read_bytes(), source


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slices")
    return folder, [_written(folder, number) for number in range(1, 6)]


def _eye():
    context = Context(JOB, "1.2.840.10008.5.1.4.1.1.2", Harvest(EXPLICIT_LITTLE, ("iso8859",)), IDENTIFIERS)
    return Eye(context, Habits())


def _look(eye, content, folder, *, originals=ORIGINALS):
    path = folder / "looked-at.dcm"
    path.write_bytes(content)
    try:
        layout = layout_of(content, len(content))
    except NotOrdinaryError:
        return None
    try:
        return eye.look(content[: layout.value_at], len(content), originals)
    except NotOrdinaryError:
        return None


@pytest.fixture
def practised(slices):
    """A look that has seen slices of this series before, and knows where they differ."""
    folder, written = slices
    eye = _eye()
    for content, _ in written[:3]:
        assert _look(eye, content, folder) is not None
    return eye


def test_a_good_file_is_described(slices, practised):
    folder, written = slices
    seen = _look(practised, written[4][0], folder)
    assert seen.description.instance_number == 5
    assert seen.description.patient_id == PATIENT.subject_id
    assert seen.description.size_bytes == len(written[4][0])
    assert seen.findings == ()


def _put(content, old, new):
    assert len(old) == len(new)
    assert old in content
    return content.replace(old, new)


def _insert(content, before, element):
    at = content.index(before)
    return content[:at] + element + content[at:]


SLIPPED_IN = {
    "a name in a text": lambda content: _put(content, b"kept words", b"Quixotesen"),
    "a name in other letters": lambda content: _put(content, b"kept words", b"QUIXOTESEN"),
    "a record number": lambda content: _put(content, b"kept words", b"7654321   "),
    "a name for a time of day": lambda content: _put(content, b"101504", b"Ulrika"),
    "an original UID in a text": lambda content: _insert(
        content, b"\x10\0\x10\0PN", struct.pack("<HH2sH", 0x0008, 0x9999, b"LO", 24) + ORIGINALS[1]
    ),
    "a foreign UID": lambda content: content.replace(b"2.25.", b"1.25."),
    "a private element": lambda content: _insert(
        content, b"\x10\0\x10\0PN", struct.pack("<HH2sH", 0x0009, 0x0010, b"LO", 4) + b"ACME"
    ),
    "an element the profile removes": lambda content: _insert(
        content, b"\x08\0\x90\0PN", struct.pack("<HH2sH", 0x0008, 0x0081, b"ST", 4) + b"Main"
    ),
    "another patient": lambda content: _put(content, b"ALPHA-000001", b"ALPHA-000002"),
    "no mark": lambda content: _put(content, b"\x12\0\x62\0CS\4\0YES ", b"\x12\0\x62\0CS\4\0NO  "),
    "a preamble": lambda content: b"MZ" + content[2:],
    "a meta element": lambda content: _insert(
        content, b"\2\0\x12\0UI", struct.pack("<HH2sH", 0x0002, 0x0011, b"AE", 4) + b"MAIN"
    ),
    "no class": lambda content: _put(content, b"\x08\0\x16\0UI", b"\x08\0\x17\0UI"),
    "a high age": lambda content: _put(content, b"070Y", b"097Y"),
}


@pytest.mark.parametrize("name", SLIPPED_IN)
@pytest.mark.parametrize("is_practised", [False, True])
def test_what_is_slipped_in_is_seen(slices, practised, name, is_practised):
    folder, written = slices
    eye = practised if is_practised else _eye()
    assert _look(eye, SLIPPED_IN[name](written[3][0]), folder) is None
    assert _look(eye, written[3][0], folder) is not None


def test_meta_information_of_another_object_is_seen(slices, practised):
    folder, written = slices
    fourth, fifth = written[3][0], written[4][0]
    start = fifth.index(b"\x08\0\5\0") if b"\x08\0\5\0" in fifth else fifth.index(b"\x08\0\x08\0CS")
    assert _look(practised, fourth[:start] + fifth[start:], folder) is None


@pytest.mark.parametrize("place", [0, -1])
def test_the_uid_in_one_of_its_two_places_is_seen(slices, practised, place):
    folder, written = slices
    fourth, fifth = written[3][0], written[4][0]
    mine, others = (next(iter(re.findall(rb"2\.25\.\d+", content))) for content in (fourth, fifth))
    before, _, after = fourth.partition(mine) if place == 0 else fourth.rpartition(mine)
    assert len(mine) == len(others)
    assert _look(practised, before + others + after, folder) is None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_the_short_look_lets_pass_the_long_one_lets_pass_too(slices, practised, data):
    """Any bytes anywhere in the header: the short look may be stricter than the long one, never milder."""
    folder, written = slices
    content, source = written[3]
    end = layout_of(content, len(content)).pixels_at
    place = data.draw(st.integers(0, end - 1))
    noise = data.draw(
        st.one_of(st.binary(min_size=1, max_size=3), st.sampled_from([b"Quixotesen", b"7654321", b"1.2.3"]))
    )
    changed = content[:place] + noise[: end - place] + content[place + len(noise[: end - place]) :]
    if _look(practised, changed, folder) is not None:
        path = folder / "looked-at.dcm"
        look = look_again(path, open_part10(source), IDENTIFIERS, profile=JOB.profile, cleaning=JOB.cleaning)
        assert look.description is not None, look.findings
