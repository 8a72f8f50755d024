"""``getDicomTags``: the header of an instance as NBIA lists it, from DICOM JSON. Pure.

One row an attribute. Nesting is told by ``>`` in front of the tag; a sequence has a row before its items and another after
them, "End …", which ``tcia_utils`` relies on to find what a segmentation refers to.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydicom.datadict import dictionary_description, dictionary_has_tag

Tag = Mapping[str, str]
# Longer values are cut, as a header is for reading here.
LONGEST = 1024


def tag_rows(header: Mapping[str, Any], *, meta: Mapping[str, str]) -> list[Tag]:
    """The rows of one instance.

    Parameters
    ----------
    header
        Its DICOM JSON (PS3.18 F.2).
    meta
        Attributes of its file meta information by tag, ``00020010`` for one.
    """
    rows = [_row(tag, 0, value) for tag, value in sorted(meta.items())]
    rows.extend(_rows(header, 0))
    return rows


def _rows(attributes: Mapping[str, Any], depth: int) -> Iterator[Tag]:
    for tag in sorted(attributes):
        attribute = attributes[tag]
        if attribute.get("vr") != "SQ":
            yield _row(tag, depth, _data(attribute))
            continue
        yield _row(tag, depth, "")
        for item in attribute.get("Value") or ():
            yield from _rows(item, depth + 1)
        yield {**_row(tag, depth, ""), "name": f"End {_name(tag)}"}


def _row(tag: str, depth: int, data: str) -> Tag:
    return {"element": f"{'>' * depth}({tag[:4]},{tag[4:]})", "name": _name(tag), "data": data}


def _name(tag: str) -> str:
    number = int(tag, 16)
    if dictionary_has_tag(number):
        return dictionary_description(number)
    return "Private Attribute" if int(tag[:4], 16) % 2 else "Unknown Attribute"


def _data(attribute: Mapping[str, Any]) -> str:
    values: Sequence[Any] = attribute.get("Value") or ()
    if not values and ("BulkDataURI" in attribute or "InlineBinary" in attribute):
        return "Binary data not shown"
    return "\\".join(_text(value) for value in values)[:LONGEST]


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        parts = [str(value.get(name, "")) for name in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(parts).rstrip("=")
    return "" if value is None else str(value)
