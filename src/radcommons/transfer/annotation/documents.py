"""Opening strangers' JSON, CSV and XML within limits; what is refused says what and where, never the value."""

import csv
import io
import json
from collections.abc import Iterator
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from radcommons.transfer.annotation.untyped import AnnotationFormatError

LARGEST_DOCUMENT_BYTES = 256 * 2**20
_MOST_XML_DEPTH = 64
_MOST_XML_ELEMENTS = 5_000_000
_XML_PIECE_BYTES = 2**16


def _limited(data: bytes, limit: int) -> None:
    if len(data) > limit:
        raise AnnotationFormatError("document", f"is larger than {limit >> 20} MiB; divide it")


def decoded_text(data: bytes) -> str:
    """UTF-8 with or without a byte order mark.

    Raises
    ------
    AnnotationFormatError
        When it is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AnnotationFormatError(f"byte {error.start}", "is not UTF-8; save the file in this encoding") from None


def open_json(data: bytes, *, limit: int = LARGEST_DOCUMENT_BYTES) -> object:
    """Decode JSON (RFC 8259) that can be written again without loss: no key twice, no NaN, no lone surrogates.

    Raises
    ------
    AnnotationFormatError
        When it is not that, too large or too deep.
    """
    _limited(data, limit)
    try:
        value = json.loads(decoded_text(data), object_pairs_hook=_once, parse_constant=_no_constant)
        canonical_text(value)
    except json.JSONDecodeError as error:
        raise AnnotationFormatError(f"line {error.lineno}, column {error.colno}", "is not JSON") from None
    except RecursionError:
        raise AnnotationFormatError("document", "is nested too deeply") from None
    except UnicodeEncodeError:
        raise AnnotationFormatError("document", "has half a character") from None
    except AnnotationFormatError:
        raise
    except ValueError:
        raise AnnotationFormatError("document", "has a number that cannot be read") from None
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AnnotationFormatError("document", "has an object with the same key twice")
    return found


def _no_constant(name: str) -> object:
    raise AnnotationFormatError("document", f"has {name}, which is not JSON")


def canonical_text(value: object) -> bytes:
    """JSON as browsers write it: keys in their order, no white space, UTF-8 unescaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def open_csv(data: bytes, *, limit: int = LARGEST_DOCUMENT_BYTES) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file (RFC 4180) with their line numbers; rows without any field are left out.

    Raises
    ------
    AnnotationFormatError
        When it is not CSV or too large.
    """
    _limited(data, limit)
    text = decoded_text(data)
    if "\x00" in text:
        raise AnnotationFormatError("document", "has null characters")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error:
        raise AnnotationFormatError(f"line {reader.line_num}", "is not CSV") from None


class _LimitedTree:
    """Builds a tree from expat's events, with limits of depth and of elements, and refuses a document type."""

    def __init__(self) -> None:
        self.builder = TreeBuilder()
        self._depth = self._elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        self._depth += 1
        self._elements += 1
        if self._depth > _MOST_XML_DEPTH or self._elements > _MOST_XML_ELEMENTS:
            raise AnnotationFormatError("document", "is nested too deeply or has too many elements")
        self.builder.start(_qualified(tag), {_qualified(name): value for name, value in attributes.items()})

    def end(self, tag: str) -> None:
        """Finish an element."""
        self._depth -= 1
        self.builder.end(_qualified(tag))

    def doctype(self, *_: object) -> None:
        """Refuse: where no document type is allowed, no entity can be declared."""
        raise AnnotationFormatError(
            "document", "declares a document type, which is not allowed; remove the lines of <!DOCTYPE"
        )


def _qualified(name: str) -> str:
    """``{namespace}name``, as ElementTree writes it."""
    return f"{{{name}" if "}" in name else name


def open_xml(data: bytes, *, limit: int = LARGEST_DOCUMENT_BYTES) -> Element:
    """The root of an XML document without a document type: no entities can be declared, nothing outside is ever read.

    Raises
    ------
    AnnotationFormatError
        When it is not XML, declares a document type, is too large or too deep.
    """
    _limited(data, limit)
    parser, tree = expat.ParserCreate(namespace_separator="}"), _LimitedTree()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = tree.start, tree.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = tree.builder.data, tree.doctype
    try:
        # In pieces, so that what follows a refusal is never looked at.
        for start in range(0, len(data), _XML_PIECE_BYTES):
            parser.Parse(data[start : start + _XML_PIECE_BYTES], False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise AnnotationFormatError(f"line {error.lineno}, column {error.offset}", "is not XML") from None
    except AnnotationFormatError:
        raise
    except (LookupError, ValueError):
        raise AnnotationFormatError("document", "names an encoding that cannot be read") from None
    root: Element = tree.builder.close()
    return root
