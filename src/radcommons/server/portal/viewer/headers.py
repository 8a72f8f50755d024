"""The attributes of an object as a table for people, from DICOM JSON. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_description

MAX_ROWS = 3000
MAX_DEPTH = 16
MAX_VALUE = 400


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute: how deep it stands, its tag, name and value; ``is_item`` begins an item of a sequence."""

    depth: int
    tag: str
    name: str
    vr: str
    value: str
    is_item: bool = False


def rows_of(attributes: Mapping[str, Any]) -> tuple[Row, ...]:
    """The attributes in the order of their tags, sequences unfolded; at most :data:`MAX_ROWS`."""
    found: list[Row] = []
    for row in _rows(attributes, 0):
        if len(found) == MAX_ROWS:
            break
        found.append(row)
    return tuple(found)


def _rows(attributes: Mapping[str, Any], depth: int) -> Iterator[Row]:
    for tag, element in sorted(attributes.items()):
        vr, values = str(element.get("vr", "")), element.get("Value") or ()
        is_sequence = vr == "SQ"
        value = f"{len(values)} item{'' if len(values) == 1 else 's'}" if is_sequence else _shown(element)
        yield Row(depth, f"({tag[:4]},{tag[4:]})", _name(tag), vr, value)
        if is_sequence and depth < MAX_DEPTH:
            for number, item in enumerate(values, start=1):
                yield Row(depth + 1, "", f"Item {number}", "", "", is_item=True)
                if isinstance(item, dict):
                    yield from _rows(item, depth + 1)


def _name(tag: str) -> str:
    try:
        return dictionary_description(int(tag, 16))
    except (KeyError, ValueError):
        return "Private attribute" if tag[3:4] in set("13579BDF") else "Unknown attribute"


def _shown(element: Mapping[str, Any]) -> str:
    if "BulkDataURI" in element:
        return "large value, kept in the file"
    if "InlineBinary" in element:
        return f"{len(element['InlineBinary']) * 3 // 4} bytes"
    values = element.get("Value") or ()
    text = " \\ ".join(
        str(one.get("Alphabetic", "") if isinstance(one, dict) else one) for one in values if one is not None
    )
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"
