"""One data set in the DICOM JSON model (PS3.18 F), made from raw elements.

Large binary values and all pixel data become ``BulkDataURI`` of the form ``bulkdata/<tag path>``, for example
``bulkdata/00081140/0/7FE00010``; :func:`find_bulk` leads back to the bytes. Values that break their own rules (numbers
that are none, NaN) become strings or ``null``, so that the result is valid JSON whatever the file holds.
"""

import base64
import math
import struct
from collections.abc import Iterable, Sequence

import orjson

from radcommons.dicom.elements import PIXEL_TAGS, Element, Encoding, concrete_vr
from radcommons.dicom.text import DEFAULT_ENCODINGS, STRING_VRS, encodings_of, texts_of

MAX_INLINE_BYTES = 1024
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


def data_set_json(elements: Iterable[Element], encoding: Encoding) -> bytes:
    """The data set as DICOM JSON, attributes in ascending order of their tags, UTF-8."""
    return orjson.dumps(_data_set(tuple(elements), encoding, DEFAULT_ENCODINGS, "", is_signed=False))


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


def _data_set(
    elements: tuple[Element, ...], encoding: Encoding, inherited: tuple[str, ...], path: str, *, is_signed: bool
) -> dict[str, JsonValue]:
    encodings = encodings_of(elements, inherited)
    is_signed = next(
        (
            bytes(e.value)[:1] == b"\1" or bytes(e.value)[:2] == b"\0\1"
            for e in elements
            if e.tag == _PIXEL_REPRESENTATION
        ),
        is_signed,
    )
    by_tag = {element.tag: element for element in elements if element.tag & 0xFFFF}
    answer: dict[str, JsonValue] = {}
    for tag in sorted(by_tag):
        element = by_tag[tag]
        vr = concrete_vr(element.vr, is_signed=is_signed)
        here = f"{path}{tag:08X}"
        if element.items is not None:
            items = [
                _data_set(item, encoding, encodings, f"{here}/{index}/", is_signed=is_signed)
                for index, item in enumerate(element.items)
            ]
            answer[f"{tag:08X}"] = {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
        else:
            answer[f"{tag:08X}"] = {"vr": vr, **_value(element, vr, encoding, encodings, here)}
    return answer


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
