"""Reading a file with pydicom into the same elements: for what breaks the rules in ways that only it bears.

Everything after reading is the same as for any other file. Tests read every file both ways and demand the same outcome.
"""

import struct
import warnings
import zlib
from pathlib import Path

import pydicom
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import Tag

from radcommons.dicom import uids
from radcommons.dicom.element_writing import element_head
from radcommons.dicom.elements import (
    IMPLICIT_LITTLE,
    MAX_DEPTH,
    MAX_ELEMENTS,
    PIXEL_TAGS,
    UNDEFINED_LENGTH,
    Element,
    ElementReader,
    Encoding,
    FormatError,
    vr_of_tag,
)
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.part10 import Part10File, map_file

_MAX_BYTES = 2**30
# What the library raises on bytes that it does not understand either.
_NOT_UNDERSTOOD = (
    *(
        AttributeError,
        BytesLengthException,
        EOFError,
        IndexError,
        InvalidDicomError,
        KeyError,
        MemoryError,
        NotImplementedError,
        OSError,
    ),
    *(OverflowError, RecursionError, TypeError, ValueError, struct.error, zlib.error),
)


def read_with_pydicom(path: Path) -> Part10File:
    """Read a file with preamble and meta information.

    Raises
    ------
    FormatError
        When it is too large or too deep, or pydicom does not understand it either.
    """
    buffer = map_file(path)
    if len(buffer) > _MAX_BYTES:
        raise FormatError("dicom.too-large", "The file is larger than this software reads when it breaks the rules.")
    try:
        with warnings.catch_warnings():
            # The library warns with values in its texts; values belong in no log.
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path)
            return _file(buffer, dataset)
    except _NOT_UNDERSTOOD as error:
        raise FormatError("dicom.malformed", "Neither reader of this software understands the file.") from error


def _file(buffer: memoryview, dataset: Dataset) -> Part10File:
    is_implicit, is_little_endian = dataset.original_encoding
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if not uids.is_standard_transfer_syntax(syntax):
        raise FormatError("dicom.unknown-transfer-syntax", "The transfer syntax is none of the standard's.")
    encoding = Encoding(is_implicit=bool(is_implicit), is_little_endian=bool(is_little_endian))
    elements = _Converter().elements(dataset, encoding, depth=0)
    meta = (Element(0x00020010, "UI", syntax.encode("ascii")),)
    message = "The file breaks the rules of the format; it was read by a more lenient reader."
    finding = Finding(Severity.WARNING, "dicom.read-leniently", "object", message)
    is_deflated = syntax == uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    return Part10File(buffer, meta, elements, syntax, encoding, is_deflated, (finding,))


class _Converter:
    """Elements of one object, counted."""

    def __init__(self) -> None:
        self._count = 0

    def elements(self, dataset: Dataset, encoding: Encoding, *, depth: int) -> tuple[Element, ...]:
        """The elements of one data set in ascending order; group lengths and delimiters are left as they are read."""
        if depth > MAX_DEPTH:
            raise FormatError("dicom.too-deep", f"Sequences are nested more than {MAX_DEPTH} levels deep.")
        tags = sorted(dataset.keys())
        # The data set itself counts too: items may be empty.
        self._count += len(tags) + 1
        if self._count > MAX_ELEMENTS:
            raise FormatError("dicom.too-many-elements", f"The object has more than {MAX_ELEMENTS} elements.")
        return tuple(self._element(dataset, int(tag), encoding, depth) for tag in tags)

    def _element(self, dataset: Dataset, tag: int, encoding: Encoding, depth: int) -> Element:
        raw: DataElement | RawDataElement = dataset.get_item(Tag(tag), keep_deferred=True)
        vr = raw.VR or vr_of_tag(tag)
        inner = encoding
        if vr == "UN" and not tag >> 16 & 1 and encoding.is_little_endian:
            # As our own reader has it: a public attribute that travelled as UN (PS3.5 6.2.2).
            vr, inner = vr_of_tag(tag), IMPLICIT_LITTLE
        if vr == "SQ":
            items = dataset[Tag(tag)].value
            if isinstance(items, bytes):
                # The library's dictionary is older than this sequence, and left its bytes alone.
                head = element_head(tag, "SQ", len(items), inner)
                return ElementReader(memoryview(head + items), inner).read_data_set(0)[0]
            return Element(tag, "SQ", items=tuple(self.elements(item, inner, depth=depth + 1) for item in items))
        if isinstance(raw, RawDataElement):
            if raw.length == UNDEFINED_LENGTH and ((tag in PIXEL_TAGS and not depth) or vr in {"OB", "OW"}):
                return Element(tag, vr if vr in {"OB", "OW", "UN"} else "OB", raw.value or b"", is_encapsulated=True)
            return Element(tag, vr, raw.value or b"")
        return _written(dataset[Tag(tag)], encoding)


def _written(element: DataElement, encoding: Encoding) -> Element:
    """An element that the library turned into values while it read the file, turned back."""
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = encoding.is_implicit, encoding.is_little_endian
    write_data_element(stream, element)
    (answer,) = ElementReader(memoryview(stream.getvalue()), encoding).read_data_set(0)
    return answer
