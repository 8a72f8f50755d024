"""A look that remembers finds what a look that does not would find, in files that repeat each other and in ones that do not."""

from pathlib import Path

import pydicom
import pytest
from tests.support.batches import write_instance

from radcommons.deid.look_memory import LookMemory
from radcommons.deid.profile import load_profile
from radcommons.deid.verify import verify_deidentified, verify_parsed
from radcommons.dicom.element_memory import ElementMemory
from radcommons.dicom.elements import FormatError
from radcommons.dicom.part10 import map_file, parse_part10

PROFILE = load_profile("ricord")
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


class Remembering:
    """What one child process keeps between files."""

    def __init__(self):
        self.elements = ElementMemory()
        self.looks = LookMemory(self.elements)


def remembered(path, memory):
    buffer = map_file(path)
    return verify_parsed(buffer, parse_part10(buffer, memory=memory.elements), PROFILE, memory=memory.looks)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"PatientName": "Doe^Jane"},
        {"PatientID": "BETA-00000001"},
        {"StudyDescription": "Seen by Dr. Miller on 12.03.2020"},
        {"SOPInstanceUID": "1.2.840.99999.1"},
        {"PatientAge": "099Y"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {"SpecificCharacterSet": "ISO_IR 192"},
    ],
)
def test_what_was_remembered_of_others_changes_nothing(tmp_path, changes):
    memory = Remembering()
    plain = write_instance(tmp_path / "plain.dcm")
    remembered(plain, memory)
    remembered(write_instance(tmp_path / "other.dcm", PatientName="Roe^Richard", PatientID="ALPHA-00000009"), memory)
    path = write_instance(tmp_path / "changed.dcm", **changes)

    assert remembered(path, memory) == verify_deidentified(path, profile=PROFILE)
    assert remembered(plain, memory) == verify_deidentified(plain, profile=PROFILE)


def test_items_of_sequences_and_private_owners_are_part_of_what_is_remembered(tmp_path):
    memory = Remembering()
    for name, owner, text in (("a", "SIEMENS MED", "5"), ("b", "Another owner", "5"), ("c", "SIEMENS MED", "Doe^Jane")):
        path = write_instance(tmp_path / f"{name}.dcm")
        dataset = pydicom.dcmread(path)
        block = dataset.private_block(0x0019, owner, create=True)
        block.add_new(0x01, "LO", text)
        item = pydicom.Dataset()
        item.ReferencedSOPInstanceUID = "2.25.1" if name == "a" else "1.2.3.4"
        dataset.ReferencedImageSequence = [item]
        dataset.save_as(path)
        assert remembered(path, memory) == verify_deidentified(path, profile=PROFILE)


def test_all_of_the_zoo_is_seen_alike_by_one_memory():
    memory = Remembering()
    seen = 0
    for path in sorted((SHARED / "zoo").rglob("*")):
        if not path.is_file() or "hostile" in path.parts:
            continue
        try:
            found = remembered(path, memory)
        except FormatError:
            continue
        assert found == verify_deidentified(path, profile=PROFILE), path.name
        seen += 1
    assert seen > 150
