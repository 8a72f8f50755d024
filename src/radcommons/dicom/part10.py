"""Opening a DICOM file: preamble, file meta information, transfer syntax, data set (PS3.10 7).

Files without preamble, without meta information or with a wrong transfer syntax are common; what they really hold is
found by looking, and said as a Finding.
"""

import mmap
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from radcommons.dicom import uids
from radcommons.dicom.element_memory import ElementMemory, RememberingReader
from radcommons.dicom.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    KNOWN_VRS,
    PIXEL_TAGS,
    Element,
    ElementReader,
    Encoding,
    FormatError,
)
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.skim import read_groups

MAX_FILE_BYTES = 8 * 2**30
MAX_INFLATED_BYTES = 512 * 2**20
_PREAMBLE_LENGTH = 128
_MAGIC = b"DICM"
_TRANSFER_SYNTAX_UID = 0x00020010


# Without slots: what is worked out once has to be kept somewhere.
@dataclass(frozen=True)
class Part10File:
    """A DICOM file as found.

    Parameters
    ----------
    buffer
        The bytes the element offsets refer to: the file, or the inflated data set of a deflated one.
    meta
        The elements of group 0002, none when the file has no meta information.
    elements
        The data set.
    transfer_syntax_uid
        The declared transfer syntax, or the one that fits when none or a wrong one is declared.
    encoding
        How the data set is really laid out.
    is_inflated
        Whether ``buffer`` is not the file itself.
    findings
        What was odd but readable.
    """

    buffer: memoryview
    meta: tuple[Element, ...]
    elements: tuple[Element, ...]
    transfer_syntax_uid: str
    encoding: Encoding
    is_inflated: bool
    findings: tuple[Finding, ...]

    def element(self, tag: int) -> Element | None:
        """The element of the top level with a tag; the last one when a broken writer repeated it."""
        found = None
        for element in self.elements:
            if element.tag == tag:
                found = element
        return found

    @cached_property
    def header(self) -> Header:
        """The top level as typed values."""
        return Header(self.elements, self.encoding)

    def pixel_element(self) -> Element | None:
        """The pixel data of the top level, integer or floating point."""
        return self._pixels

    @cached_property
    def _pixels(self) -> Element | None:
        return next((element for element in self.elements if element.tag in PIXEL_TAGS), None)


def map_file(path: Path) -> memoryview:
    """The bytes of a file, mapped and read-only.

    Raises
    ------
    FormatError
        When the file is empty, too large or cannot be opened.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            if size == 0:
                raise FormatError("dicom.not-dicom", "The file is empty.")
            if size > MAX_FILE_BYTES:
                raise FormatError("dicom.too-large", "The file is larger than this software reads.")
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise FormatError("dicom.unreadable", "The file cannot be opened.") from error


def leave(view: bytes | memoryview) -> None:
    """Give back the memory of a mapped file that was read through; its bytes stay readable.

    Pages of a mapping count as memory of the process until they are left, however large the file.
    """
    mapping = view.obj if isinstance(view, memoryview) else None
    if isinstance(mapping, mmap.mmap) and hasattr(mapping, "madvise"):
        mapping.madvise(mmap.MADV_DONTNEED)


def open_part10(path: Path, *, groups: frozenset[int] | None = None, memory: ElementMemory | None = None) -> Part10File:
    """Read the meta information and all elements of a file, large values by reference.

    Parameters
    ----------
    groups
        Read the elements of these groups only, up to the pixel data; all when not given.
    memory
        Makes reading many files of the same kind faster.

    Raises
    ------
    FormatError
        When it is no DICOM file or breaks a limit.
    """
    return parse_part10(map_file(path), groups=groups, memory=memory)


def parse_part10(
    buffer: memoryview, *, groups: frozenset[int] | None = None, memory: ElementMemory | None = None
) -> Part10File:
    """Read a DICOM file that is already in memory; see :func:`open_part10`."""
    findings: list[Finding] = []
    meta, start = _read_meta(buffer, findings)
    declared = _text_of(meta, _TRANSFER_SYNTAX_UID)
    if declared and not uids.is_standard_transfer_syntax(declared):
        raise FormatError("dicom.unknown-transfer-syntax", "The transfer syntax is none of the standard's.")
    is_inflated = declared == uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    if is_inflated:
        inflated, surplus = inflate(buffer[start:])
        if surplus > 1:
            findings.append(_odd("dicom.trailing-bytes", "Bytes that belong to no element follow the data set."))
        buffer, start = memoryview(inflated), 0
    if start >= len(buffer):
        raise FormatError("dicom.truncated", "The file ends after its meta information.")
    encoding = _guess_encoding(buffer, start)
    syntax = _settle_syntax(declared, encoding, findings)
    if groups is not None:
        elements = read_groups(buffer, start, encoding, groups=groups)
        return Part10File(buffer, meta, elements, syntax, encoding, is_inflated, tuple(findings))
    reader = ElementReader(buffer, encoding) if memory is None else RememberingReader(buffer, encoding, memory)
    elements = reader.read_data_set(start)
    if reader.trailing_offset is not None:
        findings.append(_odd("dicom.trailing-bytes", "Bytes that belong to no element follow the pixel data."))
    return Part10File(buffer, meta, elements, syntax, encoding, is_inflated, tuple(findings))


def _odd(code: str, message: str) -> Finding:
    return Finding(Severity.WARNING, code, "object", message)


def _read_meta(buffer: memoryview, findings: list[Finding]) -> tuple[tuple[Element, ...], int]:
    start = 0
    if bytes(buffer[_PREAMBLE_LENGTH : _PREAMBLE_LENGTH + 4]) == _MAGIC:
        start = _PREAMBLE_LENGTH + 4
    elif bytes(buffer[:2]) not in {b"\x02\x00", b"\x08\x00", b"\x00\x08"} or not _looks_like_element(buffer):
        raise FormatError("dicom.not-dicom", "The file is not DICOM.")
    else:
        findings.append(_odd("dicom.no-preamble", "The file has no preamble."))
    meta, position = ElementReader(buffer, EXPLICIT_LITTLE).read_group(start, 0x0002)
    if not meta:
        findings.append(_odd("dicom.no-meta", "The file has no meta information."))
    return meta, position


def _looks_like_element(buffer: memoryview) -> bool:
    """Whether a file without the magic word begins like a data set and not by chance."""
    if len(buffer) < 8:  # noqa: PLR2004  an element header
        return False
    if bytes(buffer[4:6]).decode("latin-1") in KNOWN_VRS:
        return True
    length = int.from_bytes(buffer[4:8], "little")
    number = int.from_bytes(buffer[2:4], "little")
    return bytes(buffer[:2]) == b"\x08\x00" and number <= 0x0100 and length <= min(len(buffer), 1024)  # noqa: PLR2004


def _guess_encoding(buffer: memoryview, start: int) -> Encoding:
    letters = bytes(buffer[start + 4 : start + 6]).decode("latin-1")
    group = int.from_bytes(buffer[start : start + 2], "little")
    if letters not in KNOWN_VRS:
        return IMPLICIT_LITTLE
    # Data sets begin in group 0008 or so; read in the wrong order that is 0x0800.
    return EXPLICIT_BIG if group >= 0x0100 and group & 0xFF == 0 else EXPLICIT_LITTLE  # noqa: PLR2004


def _settle_syntax(declared: str, encoding: Encoding, findings: list[Finding]) -> str:
    fitting = {
        IMPLICIT_LITTLE: uids.IMPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_LITTLE: uids.EXPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_BIG: uids.EXPLICIT_VR_BIG_ENDIAN,
    }[encoding]
    if not declared:
        findings.append(
            _odd("dicom.no-transfer-syntax", "No transfer syntax is declared; the one that fits was taken.")
        )
        return fitting
    expected = {
        uids.IMPLICIT_VR_LITTLE_ENDIAN: IMPLICIT_LITTLE,
        uids.EXPLICIT_VR_BIG_ENDIAN: EXPLICIT_BIG,
    }.get(declared, EXPLICIT_LITTLE)
    if expected == encoding:
        return declared
    findings.append(_odd("dicom.wrong-transfer-syntax", "The data set is not laid out as its transfer syntax says."))
    # Compressed pixel data stay what they are; only the header was written in another form.
    return fitting if uids.is_native_syntax(declared) else declared


def inflate(data: bytes | memoryview, *, max_bytes: int = MAX_INFLATED_BYTES) -> tuple[bytes, int]:
    """Inflate a deflated data set (PS3.5 A.5), up to a limit.

    Returns
    -------
    The data set, and how many bytes follow the stream; one of them may be padding.

    Raises
    ------
    FormatError
        When the bytes are no deflated stream, or more than ``max_bytes`` come out.
    """
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = machine.decompress(data, max_bytes)
    except zlib.error as error:
        raise FormatError("dicom.malformed", "The deflated data set cannot be inflated.") from error
    if machine.unconsumed_tail:
        raise FormatError("dicom.too-large", "The deflated data set is larger than this software inflates.")
    return inflated, len(machine.unused_data)


def _text_of(elements: tuple[Element, ...], tag: int) -> str:
    for element in elements:
        if element.tag == tag:
            return bytes(element.value).decode("latin-1").strip("\0 ")
    return ""
