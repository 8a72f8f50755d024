"""DICOM JSON as the archive keeps it: built once at ingest, packed, joined without parsing (PS3.18 F).

A packed object is one JSON object, zlib level 1. Serving metadata unpacks and joins; nothing is parsed again.
Addresses of bulk data are stored relative to the instance, ``bulkdata/<tag path>``, and made absolute when served,
since a scope decides under which root they exist.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

_RELATIVE = b'"BulkDataURI":"bulkdata/'

PATIENT_TAGS = frozenset(
    [
        "00100010",
        "00100020",
        "00100021",
        "00100030",
        "00100040",
        "00101001",
        "00102160",
        "00102201",
        "00102202",
        "00120010",
        "00120020",
        "00120021",
        "00120030",
        "00120031",
        "00120040",
        "00120042",
        "00120050",
        "00120051",
        "00120062",
        "00120063",
        "00120064",
    ]
)
STUDY_TAGS = PATIENT_TAGS | frozenset(
    [
        "00080005",
        "00080020",
        "00080030",
        "00080050",
        "00080090",
        "00080201",
        "00081030",
        "00081032",
        "00101010",
        "00101020",
        "00101021",
        "00101030",
        "00104000",
        "0020000D",
        "00200010",
    ]
)
SERIES_TAGS = frozenset(
    [
        "00080005",
        "00080021",
        "00080031",
        "00080060",
        "00080070",
        "00080201",
        "0008103E",
        "0008103F",
        "00081090",
        "00180015",
        "00181000",
        "00181016",
        "00181020",
        "00181030",
        "00185100",
        "0020000E",
        "00200011",
        "00200052",
        "00200060",
        "00201040",
        "00400244",
        "00400245",
        "00400250",
        "00400251",
        "00400253",
        "00400254",
        "00400260",
        "00400275",
    ]
)


def pack(json_bytes: bytes) -> bytes:
    """One JSON object, packed for a table."""
    return zlib.compress(json_bytes, 1)


def unpack(packed: bytes | memoryview) -> bytes:
    """The JSON object that :func:`pack` packed."""
    return zlib.decompress(packed)


def attributes_of(packed: bytes | memoryview) -> dict[str, Any]:
    """A packed object as a mapping from tag to attribute."""
    values: dict[str, Any] = orjson.loads(unpack(packed))
    return values


def part_of(attributes: Mapping[str, Any], tags: frozenset[str]) -> bytes:
    """The attributes of one level, packed; values kept elsewhere (BulkDataURI) are left out."""
    chosen = {
        tag: attributes[tag] for tag in sorted(tags) if tag in attributes and "BulkDataURI" not in attributes[tag]
    }
    return pack(orjson.dumps(chosen))


def text_of(attributes: Mapping[str, Any], tag: str) -> str:
    """The first value of an attribute as text; a person's name in its alphabetic form; empty when there is none."""
    values = attributes.get(tag, {}).get("Value") or [""]
    value = values[0]
    return str(value.get("Alphabetic", "")) if isinstance(value, dict) else str(value)


def joined(objects: Iterable[tuple[bytes | memoryview, str]]) -> Iterator[bytes]:
    """A JSON array from packed objects, piece by piece.

    Parameters
    ----------
    objects
        Each packed object with the absolute address of its instance, without a final slash.
    """
    separator = b"["
    for packed, address in objects:
        yield separator + absolute(packed, address)
        separator = b","
    yield b"[]" if separator == b"[" else b"]"


def absolute(packed: bytes | memoryview, address: str) -> bytes:
    """A packed object as JSON, its addresses of bulk data below the address of its instance."""
    prefix = b'"BulkDataURI":' + orjson.dumps(f"{address}/bulkdata/")[:-1]
    return unpack(packed).replace(_RELATIVE, prefix)
