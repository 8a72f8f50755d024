"""DICOM JSON: what pydicom makes of sound files, valid JSON of all others."""

import json
import struct
import warnings

import pydicom
from tests.support.made_dicom import made_ct, write_made

from radcommons.dicom.dicom_json import JsonMemory, data_set_json, find_bulk
from radcommons.dicom.element_memory import ElementMemory, Read
from radcommons.dicom.elements import EXPLICIT_LITTLE, Element, FormatError
from radcommons.dicom.part10 import open_part10


def _json(*elements):
    return json.loads(data_set_json(elements, EXPLICIT_LITTLE))


def _comparable(data_set):
    """What two writers of DICOM JSON must agree on: private binary, bulk and padding of texts apart."""
    answer = {}
    for tag, element in data_set.items():
        if int(tag[3], 16) & 1 or tag.endswith("0000") or tag == "7FE00010":
            continue
        value = element.get("Value")
        if element["vr"] == "SQ":
            value = [_comparable(item) for item in value or []]
        elif value is not None:
            value = [each.strip() or None if isinstance(each, str) else each for each in value]
        is_bulk = "BulkDataURI" in element
        answer[tag] = (str(element["vr"]), value or None, is_bulk or element.get("InlineBinary"))
    return answer


def test_it_equals_what_pydicom_makes_of_all_shared_files(shared_data):
    compared, elements = 0, ElementMemory()
    memory = JsonMemory(elements)
    for path in sorted(shared_data.rglob("*")):
        if not path.is_file():
            continue
        try:
            file = open_part10(path)
        except FormatError:
            continue
        written = data_set_json(file.elements, file.encoding)
        for _ in range(2):
            again = open_part10(path, memory=elements)
            assert data_set_json(again.elements, again.encoding, memory) == written, path.name
        ours = json.loads(written)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                theirs = pydicom.dcmread(path, force=True).to_json_dict(
                    bulk_data_threshold=1024, bulk_data_element_handler=lambda _: "bulk"
                )
            except ValueError:
                continue
        assert _comparable(ours) == _comparable(theirs), path.name
        compared += 1
    assert compared > 400


def test_a_memory_tells_the_same_bytes_apart_by_what_decides_how_they_are_read():
    name, value = Element(0x00100010, "PN", b"\xc4"), Element(0x00280106, "US or SS", b"\xff\xff")
    charsets = [Element(0x00080005, "CS", text) for text in (b"ISO_IR 100", b"ISO_IR 144")]
    signs = [Element(0x00280103, "US", number) for number in (b"\0\0", b"\1\0")]
    kinds = [(charset, name, sign, value) for charset in charsets for sign in signs]
    elements = ElementMemory()
    for element in {each for kind in kinds for each in kind}:
        elements.keep((0, element.value), Read(element, 0, 1))
    memory = JsonMemory(elements)

    written = [data_set_json(elements, EXPLICIT_LITTLE, memory) for elements in (*kinds, *kinds)]

    assert written == [data_set_json(elements, EXPLICIT_LITTLE) for elements in kinds] * 2
    assert len(set(written)) == len(kinds)


def test_a_memory_of_hostile_files_stays_small():
    elements = ElementMemory()
    memory = JsonMemory(elements)
    for start in range(0, 40_000, 100):
        texts = [Element(0x00091000 + number, "LO", b"%08d" % (start + number)) for number in range(100)]
        charset = Element(0x00080005, "CS", b"ISO_IR %d" % (start % 3000))
        for element in (charset, *texts):
            elements.keep((start, element.value), Read(element, 0, 1))
        data_set_json((charset, *texts), EXPLICIT_LITTLE, memory)

    kept = [memory.fragments(kind) for kind in list(memory._kinds)]
    assert len(kept) <= 16
    assert all(0 < len(fragments) <= 5000 for fragments in kept)
    assert len(elements.read) <= 5000


def test_attributes_come_in_the_order_of_their_tags(tmp_path):
    file = open_part10(write_made(made_ct(), tmp_path / "a"))
    tags = list(json.loads(data_set_json(file.elements, file.encoding)))
    assert tags == sorted(tags)


def test_numbers_that_json_has_no_word_for_become_null():
    values = struct.pack("<3f", float("nan"), float("inf"), 1.5)
    assert _json(Element(0x00089459, "FL", values)) == {"00089459": {"vr": "FL", "Value": [None, None, 1.5]}}


def test_decimal_texts_that_are_no_numbers_stay_texts():
    found = _json(
        Element(0x00280030, "DS", b"0.5\\abc "), Element(0x00200013, "IS", b"1A"), Element(0x00181063, "DS", b"nan ")
    )
    assert found["00280030"]["Value"] == [0.5, "abc"]
    assert found["00200013"]["Value"] == ["1A"]
    assert found["00181063"]["Value"] == ["nan"]


def test_person_names_have_their_groups():
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう".encode()
    found = _json(Element(0x00080005, "CS", b"ISO_IR 192"), Element(0x00100010, "PN", name))
    assert found["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]


def test_unknown_character_sets_give_valid_json():
    found = _json(Element(0x00080005, "CS", b"NO_SUCH_SET "), Element(0x00081030, "LO", b"\xff\xfe\x80"))
    assert len(found["00081030"]["Value"][0]) == 3


def test_large_binary_values_are_referred_to_and_found_again():
    blob = Element(0x00420011, "OB", b"x" * 2000)
    nested = Element(0x00081140, "SQ", items=((), (blob,)))
    found = _json(nested)
    uri = found["00081140"]["Value"][1]["00420011"]["BulkDataURI"]
    assert uri == "bulkdata/00081140/1/00420011"
    assert find_bulk((nested,), uri.removeprefix("bulkdata/")) is blob


def test_paths_that_lead_nowhere_find_nothing():
    elements = (Element(0x00081140, "SQ", items=((),)),)
    for path in ("", "00081140/5/00420011", "../etc", "00081140/x/00420011", "7FE00010"):
        assert find_bulk(elements, path) is None


def test_small_binary_values_are_inline():
    assert _json(Element(0x00420011, "OB", b"ab"))["00420011"] == {"vr": "OB", "InlineBinary": "YWI="}


def test_values_of_impossible_length_are_binary():
    assert _json(Element(0x00280010, "US", b"abc"))["00280010"]["InlineBinary"] == "YWJj"
