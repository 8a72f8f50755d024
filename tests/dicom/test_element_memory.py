"""A reader that remembers reads what a reader that does not would read, and gives the same objects for the same bytes."""

import pytest
from tests.support.made_dicom import made_ct, write_made

from radcommons.dicom import elements as limits
from radcommons.dicom.element_memory import ElementMemory, MadeOfElements, Read, RememberingReader
from radcommons.dicom.element_writing import write_elements
from radcommons.dicom.elements import EXPLICIT_LITTLE, Element, ElementReader, FormatError
from radcommons.dicom.part10 import map_file, open_part10, parse_part10


def _read(path, memory=None):
    try:
        return open_part10(path, memory=memory)
    except FormatError as error:
        return error.code, error.where


def test_all_shared_files_are_read_alike_with_one_memory(shared_data):
    memory, compared = ElementMemory(), 0
    for path in sorted(shared_data.rglob("*")):
        if path.is_file():
            plain = _read(path)
            assert _read(path, memory) == plain, path.name
            assert _read(path, memory) == plain, path.name
            compared += isinstance(plain, tuple) is False
    assert compared > 400


def test_what_repeats_at_its_place_is_the_same_object_and_what_moved_tells_its_new_place(tmp_path):
    memory = ElementMemory()
    first = open_part10(write_made(made_ct(), tmp_path / "a"), memory=memory)
    longer = made_ct()
    longer.StudyDescription = str(longer.get("StudyDescription", "")) + " and more"
    moved = open_part10(write_made(longer, tmp_path / "b"), memory=memory)
    again = open_part10(tmp_path / "a", memory=memory)

    assert all(one is other for one, other in zip(first.elements[:-1], again.elements[:-1], strict=True))
    assert moved.elements == open_part10(tmp_path / "b").elements
    assert moved.elements[-1].offset > first.elements[-1].offset
    assert bytes(again.pixel_element().value) == bytes(first.pixel_element().value)


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_file_that_ends_early_is_refused_in_the_same_words(tmp_path, cut):
    memory = ElementMemory()
    whole = write_made(made_ct(), tmp_path / "a").read_bytes()
    parse_part10(memoryview(whole), memory=memory)
    (tmp_path / "b").write_bytes(whole[: 132 + cut])
    assert _read(tmp_path / "b", memory) == _read(tmp_path / "b")


def test_elements_that_are_remembered_are_counted_all_the_same(monkeypatch):
    item = tuple(Element(0x00081150, "UI", b"1.2.3.4 ") for _ in range(3))
    data = memoryview(write_elements([Element(0x00081140, "SQ", items=(item,)), *item], EXPLICIT_LITTLE))
    memory = ElementMemory()
    RememberingReader(data, EXPLICIT_LITTLE, memory).read_data_set(0)
    for most, is_refused in ((7, True), (8, False)):
        monkeypatch.setattr(limits, "MAX_ELEMENTS", most)
        monkeypatch.setattr("radcommons.dicom.element_memory.MAX_ELEMENTS", most)
        for reader in (ElementReader(data, EXPLICIT_LITTLE), RememberingReader(data, EXPLICIT_LITTLE, memory)):
            if is_refused:
                with pytest.raises(FormatError) as refused:
                    reader.read_data_set(0)
                assert refused.value.code == "dicom.too-many-elements"
            else:
                assert len(reader.read_data_set(0)) == 4


def test_long_values_are_not_kept_nor_the_file_they_lie_in(tmp_path):
    memory = ElementMemory()
    file = open_part10(write_made(made_ct(), tmp_path / "a"), memory=memory)
    assert not memory.holds(file.pixel_element())
    assert all(isinstance(read.element.value, bytes) for read in memory.read.values())
    assert map_file(tmp_path / "a").obj is not file.buffer.obj


def test_what_was_made_is_asked_for_once_and_never_given_for_another_element():
    memory, asked = ElementMemory(), []
    made = MadeOfElements(memory)

    def make(element):
        asked.append(element)
        return element.value

    kept, other = Element(0x00100020, "LO", b"A"), Element(0x00100020, "LO", b"B")
    memory.keep((0, b"A"), Read(kept, 0, 1))
    for _ in range(2):
        assert list(made.made_of([kept, other], make)) == [b"A", b"B"]
    assert asked == [kept, other, other]
