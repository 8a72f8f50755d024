"""Stepping over groups on the files that come with pydicom, and on every cut of one."""

from pathlib import Path

import pydicom
import pytest
from tests.dicom.test_skim import wanted

from radcommons.dicom.elements import EXPLICIT_LITTLE, ElementReader, FormatError
from radcommons.dicom.part10 import map_file, parse_part10
from radcommons.dicom.skim import PIXEL_GROUPS, read_groups

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"


def outcome(read):
    try:
        return read()
    except FormatError as error:
        return type(error)


def element(group, number, vr, value, *, length=None):
    """An explicit little endian element; a length of its own is a lie."""
    size = len(value) if length is None else length
    head = group.to_bytes(2, "little") + number.to_bytes(2, "little") + vr
    if vr in {b"OB", b"OW", b"SQ", b"UN", b"UT"}:
        return head + b"\0\0" + size.to_bytes(4, "little") + value
    return head + size.to_bytes(2, "little") + value


def test_every_bundled_file_gives_the_elements_that_reading_all_of_it_gives():
    compared = 0
    for path in sorted(BUNDLED.glob("*.dcm")):
        try:
            whole = parse_part10(map_file(path))
        except FormatError:
            continue
        some = parse_part10(map_file(path), groups=PIXEL_GROUPS)
        assert some.elements == wanted(whole.elements), path.name
        compared += 1
    assert compared > 50


def test_the_rows_and_columns_found_are_those_that_pydicom_reads():
    for name in ("CT_small.dcm", "MR_small_RLE.dcm", "examples_palette.dcm", "MR_small_implicit.dcm"):
        found = {e.tag: bytes(e.value) for e in parse_part10(map_file(BUNDLED / name), groups=PIXEL_GROUPS).elements}
        read = pydicom.dcmread(BUNDLED / name)
        sides = [int.from_bytes(found[tag], "little") for tag in (0x00280010, 0x00280011)]
        assert sides == [read.Rows, read.Columns], name


def test_a_data_set_cut_anywhere_is_refused_or_read_exactly_as_when_everything_is_read():
    item = b"\xfe\xff\x00\xe0" + (18).to_bytes(4, "little") + element(8, 0x1150, b"UI", b"1.2.840.1\0")
    data = (
        element(8, 0x60, b"CS", b"CT")
        + element(8, 0x1140, b"SQ", item)
        + element(9, 0x10, b"UN", b"12345678")
        + element(0x28, 0x10, b"US", b"\x02\0")
        + element(0x28, 0x11, b"US", b"\x02\0")
        + element(0x7FE0, 0x10, b"OW", b"\1\2\3\4\5\6\7\x08")
    )
    for end in range(len(data) + 1):
        cut = memoryview(data)[:end]
        whole = outcome(lambda cut=cut: wanted(ElementReader(cut, EXPLICIT_LITTLE).read_data_set(0)))
        assert outcome(lambda cut=cut: read_groups(cut, 0, EXPLICIT_LITTLE, groups=PIXEL_GROUPS)) == whole, end


@pytest.mark.parametrize("length", [3, 0xFFF0])
@pytest.mark.parametrize("group", [0x08, 0x28])
def test_a_length_that_reaches_behind_the_end_is_refused_in_groups_nobody_wants_too(group, length):
    with pytest.raises(FormatError):
        read_groups(
            memoryview(element(group, 0x60, b"CS", b"CT", length=length)), 0, EXPLICIT_LITTLE, groups=PIXEL_GROUPS
        )


def test_nothing_is_found_in_nothing_and_other_groups_can_be_asked_for():
    data = memoryview(element(8, 0x60, b"CS", b"CT") + element(0x28, 0x10, b"US", b"\x02\0"))
    assert read_groups(data[:0], 0, EXPLICIT_LITTLE, groups=PIXEL_GROUPS) == ()
    assert [e.tag for e in read_groups(data, 0, EXPLICIT_LITTLE, groups=frozenset({8}))] == [0x00080060]
    assert [e.tag for e in read_groups(data, 10, EXPLICIT_LITTLE, groups=PIXEL_GROUPS)] == [0x00280010]
