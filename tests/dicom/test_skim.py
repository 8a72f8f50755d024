"""Reading some groups gives the very elements that reading everything gives."""

import pytest
from tests.server.archive.conftest import dicom_file

from radcommons.dicom.elements import EXPLICIT_LITTLE, PIXEL_TAGS, FormatError
from radcommons.dicom.part10 import map_file, parse_part10
from radcommons.dicom.skim import PIXEL_GROUPS, read_groups


def wanted(elements):
    """Those of the groups, up to the pixel data."""
    found = []
    for element in elements:
        if element.group in PIXEL_GROUPS:
            found.append(element)
        if element.tag in PIXEL_TAGS:
            break
    return tuple(found)


@pytest.mark.parametrize(
    "folder", ["transfer-syntax", "color-and-pixels", "multiframe", "private-and-nested", "broken"]
)
def test_every_file_of_the_zoo_gives_the_same_elements_of_the_groups(shared_data, folder):
    compared = 0
    for path in sorted((shared_data / "zoo" / folder).rglob("*.dcm")):
        try:
            whole = parse_part10(map_file(path))
        except FormatError:
            continue
        some = parse_part10(map_file(path), groups=PIXEL_GROUPS)
        assert some.elements == wanted(whole.elements), path.name
        assert (some.transfer_syntax_uid, some.encoding) == (whole.transfer_syntax_uid, whole.encoding)
        compared += 1
    assert compared > 1


def test_what_follows_the_pixels_is_not_read(tmp_path):
    path = dicom_file(tmp_path)
    cut = path.read_bytes() + b"\xff" * 7
    file = parse_part10(memoryview(cut), groups=PIXEL_GROUPS)
    assert file.elements[-1].tag == 0x7FE00010


def test_a_value_that_is_cut_short_is_told():
    element = b"\x28\x00\x10\x00US\x02\x00\x00\x02" + b"\xe0\x7f\x10\x00OW\x00\x00\x00\x01\x00\x00\x01\x02"
    with pytest.raises(FormatError):
        read_groups(memoryview(element), 0, EXPLICIT_LITTLE, groups=PIXEL_GROUPS)
