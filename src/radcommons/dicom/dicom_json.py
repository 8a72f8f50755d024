"""One data set in the DICOM JSON model (PS3.18 F), made from raw elements.

Large binary values and all pixel data become ``BulkDataURI`` of the form ``bulkdata/<tag path>``, for example
``bulkdata/00081140/0/7FE00010``; :func:`find_bulk` leads back to the bytes. Values that break their own rules (numbers
that are none, NaN) become strings or ``null``, so that the result is valid JSON whatever the file holds.
"""

import base64
import math
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from radcommons.dicom.element_memory import ElementMemory, MadeOfElements
from radcommons.dicom.elements import PIXEL_TAGS, Element, Encoding, concrete_vr
from radcommons.dicom.text import DEFAULT_ENCODINGS, STRING_VRS, encodings_of, texts_of

MAX_INLINE_BYTES = 1024
_KINDS = 16
_PIXEL_REPRESENTATION = 0x00280103
_BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_NUMBER_FORMATS = {
    "FD": "d",
    "FL": "f",
    "SL": "i",
    "SS": "h",
    "SV": "q",
    "UL": "I",
    "US": "H",
    "UV": "Q",
}
_PERSON_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_MAX_SAFE_INTEGER = 2**63 - 1

JsonValue = dict[str, object]


class JsonMemory:
    """What elements became before, for a few ways of reading them: instances of a series repeat most of their header.

    All that decides how an element is read is asked for, so a memory changes how fast a data set is written, never what is
    written.
    """

    def __init__(self, elements: ElementMemory) -> None:
        self._elements = elements
        self._kinds: dict[object, MadeOfElements[bytes]] = {}

    def fragments(self, kind: object) -> MadeOfElements[bytes]:
        """What is remembered of elements that are read in one way."""
        known = self._kinds.get(kind)
        if known is None:
            if len(self._kinds) >= _KINDS:
                self._kinds.clear()
            known = self._kinds[kind] = MadeOfElements(self._elements)
        return known


def data_set_json(elements: Iterable[Element], encoding: Encoding, memory: JsonMemory | None = None) -> bytes:
    """The data set as DICOM JSON, attributes in ascending order of their tags, UTF-8.

    A ``memory`` makes writing many data sets of the same kind faster.
    """
    return _data_set(tuple(elements), _Place(encoding, DEFAULT_ENCODINGS, path="", is_signed=False), memory)


class _Place(NamedTuple):
    """What decides how the elements of one data set are read, and the path by which it is reached."""

    encoding: Encoding
    encodings: tuple[str, ...]
    path: str
    is_signed: bool


def find_bulk(elements: Sequence[Element], tag_path: str) -> Element | None:
    """The element a ``BulkDataURI`` made here points to; ``None`` when the path leads nowhere."""
    found: Element | None = None
    level: Sequence[Element] = elements
    for step, part in enumerate(tag_path.split("/")):
        if step % 2 == 0:
            wanted = _hex(part)
            found = next((element for element in reversed(level) if element.tag == wanted), None)
            if found is None:
                return None
        else:
            items = found.items if found is not None else None
            if items is None or not part.isdecimal() or int(part) >= len(items):
                return None
            level = items[int(part)]
    return found


def _hex(part: str) -> int:
    try:
        return int(part, 16)
    except ValueError:
        return -1


def _data_set(elements: tuple[Element, ...], outer: _Place, memory: JsonMemory | None = None) -> bytes:
    by_tag = {element.tag: element for element in elements if element.tag & 0xFFFF}
    signs = [bytes(each.value)[:2] for each in elements if each.tag == _PIXEL_REPRESENTATION]
    is_signed = signs[0][:1] == b"\1" or signs[0] == b"\0\1" if signs else outer.is_signed
    place = outer._replace(encodings=encodings_of(elements, outer.encodings), is_signed=is_signed)
    in_order = [by_tag[tag] for tag in sorted(by_tag)]

    def written(element: Element) -> bytes:
        return _attribute(element, place) if element.items is None else _sequence(element, place)

    if memory is None:
        return b"{" + b",".join(map(written, in_order)) + b"}"
    known = memory.fragments((place.encoding, place.encodings, is_signed))
    return b"{" + b",".join(known.made_of(in_order, written)) + b"}"


def _sequence(element: Element, place: _Place) -> bytes:
    here = f"{place.path}{element.tag:08X}"
    items = [_data_set(item, place._replace(path=f"{here}/{index}/")) for index, item in enumerate(element.items or ())]
    values = b',"Value":[' + b",".join(items) + b"]" if items else b""
    return b'"%08X":{"vr":"SQ"%s}' % (element.tag, values)


def _attribute(element: Element, place: _Place) -> bytes:
    vr = concrete_vr(element.vr, is_signed=place.is_signed)
    value = _value(element, vr, place.encoding, place.encodings, f"{place.path}{element.tag:08X}")
    return b'"%08X":%s' % (element.tag, orjson.dumps({"vr": vr, **value}))


def _value(element: Element, vr: str, encoding: Encoding, encodings: tuple[str, ...], path: str) -> JsonValue:
    if not len(element.value):
        return {}
    if element.tag in PIXEL_TAGS or element.is_encapsulated:
        return {"BulkDataURI": f"bulkdata/{path}"}
    if vr in _NUMBER_FORMATS:
        numbers = _numbers(element.value, vr, encoding)
        if numbers is not None:
            return {"Value": numbers}
    elif vr == "AT":
        return {"Value": _tags(element.value, encoding)}
    elif vr in STRING_VRS:
        values = _strings(element, vr, encodings)
        return {"Value": values} if values else {}
    if len(element.value) > MAX_INLINE_BYTES:
        return {"BulkDataURI": f"bulkdata/{path}"}
    return {"InlineBinary": base64.b64encode(bytes(element.value)).decode("ascii")}


def _numbers(value: bytes | memoryview, vr: str, encoding: Encoding) -> list[object] | None:
    code = _NUMBER_FORMATS[vr]
    width = struct.calcsize(code)
    count, rest = divmod(len(value), width)
    if rest or not count:
        return None
    numbers = struct.unpack(f"{encoding.order}{count}{code}", value)
    return [None if isinstance(number, float) and not math.isfinite(number) else number for number in numbers]


def _tags(value: bytes | memoryview, encoding: Encoding) -> list[object]:
    words = struct.unpack(f"{encoding.order}{len(value) // 4 * 2}H", value[: len(value) // 4 * 4])
    return [f"{group:04X}{number:04X}" for group, number in zip(words[::2], words[1::2], strict=True)]


def _strings(element: Element, vr: str, encodings: tuple[str, ...]) -> list[object]:
    values = texts_of(Element(element.tag, vr, element.value), encodings)
    if vr == "PN":
        return [_person_name(value) for value in values]
    if vr in {"DS", "IS"}:
        return [_decimal(value, vr) for value in values]
    return [value or None for value in values]


def _person_name(value: str) -> object:
    groups = {
        name: group.rstrip("^ ") if name != "Alphabetic" else group
        for name, group in zip(_PERSON_NAME_GROUPS, value.split("="), strict=False)
        if group
    }
    return groups or None


def _decimal(value: str, vr: str) -> object:
    if not value:
        return None
    try:
        number = float(value) if vr == "DS" else int(value)
    except ValueError:
        # PS3.18 F.2.3.1 lets a number travel as a string when it has no exact JSON number.
        return value
    if isinstance(number, int):
        return number if abs(number) <= _MAX_SAFE_INTEGER else value
    return number if math.isfinite(number) else value
