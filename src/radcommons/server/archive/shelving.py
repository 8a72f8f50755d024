"""How a series that never changes is kept ready: pure values, made once, cut and joined when served (PS3.18 F, 10.6).

Addresses in the JSON are written relative to the root of the scope, as ``~/studies/…``, since a scope decides under
which root its instances exist. No value of a header can look like one: inside a string the quotation mark in front of
the name would be escaped.
"""

import zlib
from collections.abc import Iterable, Sequence

import orjson

ROOT = "~"
_MARKS = (b'"BulkDataURI":"', b'"00081190":{"vr":"UR","Value":["')
# More instances than this would fill a web process's memory with one series.
LARGEST_SERIES = 4000

Row = tuple[object, ...]


def pack_rows(rows: Iterable[Row]) -> bytes:
    """Rows of instances in the order of the series, packed."""
    return zlib.compress(orjson.dumps([list(row) for row in rows]), 1)


def unpack_rows(packed: bytes | memoryview) -> list[Row]:
    """What :func:`pack_rows` packed."""
    return [tuple(row) for row in orjson.loads(zlib.decompress(packed))]


def pack_pieces(pieces: Iterable[bytes]) -> bytes:
    """JSON objects, one a line (JSON has no line feeds of its own here), packed."""
    return zlib.compress(b"\n".join(pieces), 1)


def unpack_pieces(packed: bytes | memoryview) -> list[bytes]:
    """What :func:`pack_pieces` packed."""
    return zlib.decompress(packed).split(b"\n")


def array_of(pieces: Sequence[bytes], root: str) -> bytes:
    """A JSON array of objects, with their addresses made absolute below ``root``."""
    return rooted(b"[" + b",".join(pieces) + b"]", root)


def rooted(json_bytes: bytes, root: str) -> bytes:
    """The same JSON with absolute addresses."""
    written = orjson.dumps(root)[1:-1]
    for mark in _MARKS:
        json_bytes = json_bytes.replace(mark + b"~/", mark + written + b"/")
    return json_bytes
