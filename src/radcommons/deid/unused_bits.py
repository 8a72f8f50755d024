"""Bits of pixels that no value uses: a place for overlays once (retired, PS3.5 8.1.2), and for anything nobody sees.

A value of 12 bits lies in 16. What conforms holds nothing in the other four but the sign of a negative value; a viewer
does not look there, so a person who reviews the pictures cannot find what is written in them. Emptying them changes no
value. A padding value (0028,0120) may use all bits and stays.
"""

import re
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.spool import Spool
from radcommons.dicom.elements import PIXEL_DATA, Element, Encoding, FormatError
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import Part10File, leave
from radcommons.dicom.pixels import FrameReader, PixelDecodeError

DEPTH_TAGS = (0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280120)
_PIXELS = "(7FE0,0010)"
_CHUNK_BYTES = 2**22
_WIDTHS = frozenset({8, 16, 32})
# RLE, JPEG lossless, JPEG-LS, JPEG 2000 and HTJ2K lossless, deflated frames.
_LOSSLESS = frozenset(
    {
        "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.8.1",
        *(f"1.2.840.10008.1.2.4.{number}" for number in (57, 70, 80, 90, 201, 202)),
    }
)
_J2K_PREFIX, _J2K_DEPTH_AT = b"\xff\x4f\xff\x51", 42
_JPEG_PREFIX = b"\xff\xd8"
_JPEG_FRAME = re.compile(rb"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf\xf7]\0.(.)", re.DOTALL)
_HELD = (Finding(Severity.ERROR, "deid.unused-bits", _PIXELS, "Bits of the pixels that no value uses hold something."),)
_AMBIGUOUS = (
    Finding(
        Severity.ERROR,
        "deid.unused-bits",
        _PIXELS,
        "The pixels use bits beyond their value on either side, so that a picture may hide in it.",
    ),
)


@dataclass(frozen=True, slots=True)
class Depth:
    """How the bits of one cell are used.

    Parameters
    ----------
    allocated, stored, high
        The numbers of bits and the highest bit of a value (PS3.5 8.1.1).
    is_signed
        Whether values are in two's complement, so that unused bits may repeat the sign.
    padding
        The whole cell where there is no picture, when the header tells.
    """

    allocated: int
    stored: int
    high: int
    is_signed: bool
    padding: int | None = None

    @property
    def is_aligned(self) -> bool:
        """Whether the lowest bit of a value is the lowest of its cell, as it should be."""
        return self.high == self.stored - 1

    def kind(self, order: str = "<") -> np.dtype[np.unsignedinteger[Any]]:
        """The type of a cell, unsigned."""
        return np.dtype(f"{order}u{self.allocated // 8}")

    def strays(self, cells: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.bool_]:
        """Which cells hold something above their value that is neither nothing, nor the sign, nor padding."""
        above = cells >> self.stored
        answer: NDArray[np.bool_] = above != 0
        if self.is_signed:
            is_negative = (cells >> (self.stored - 1)) & 1 == 1
            answer &= ~(is_negative & (above == (1 << (self.allocated - self.stored)) - 1))
        if self.padding is not None:
            answer &= cells != self.padding
        return answer

    def has_strays(self, data: bytes | memoryview, order: str = "<") -> bool:
        """Whether any cell does; whole cells only."""
        cells = np.frombuffer(data, self.kind(order), count=len(data) * 8 // self.allocated)
        if not len(cells):
            return False
        if not self.is_signed:
            return int(cells.max()) >> self.stored != 0 and bool(self.strays(cells).any())
        numbers = cells.view(cells.dtype.str.replace("u", "i"))
        least, most = int(numbers.min()), int(numbers.max())
        is_beyond = least < -(1 << (self.stored - 1)) or most >= 1 << self.stored
        return is_beyond and bool(self.strays(cells).any())

    def emptied(self, data: bytes | memoryview, order: str) -> bytes:
        """The cells with nothing in their unused bits but the sign."""
        cells = np.frombuffer(data, self.kind(order)).copy()
        strays = self.strays(cells)
        values = cells[strays] & ((1 << self.stored) - 1)
        if self.is_signed:
            sign = ((1 << self.allocated) - 1) ^ ((1 << self.stored) - 1)
            values[(values >> (self.stored - 1)) & 1 == 1] |= values.dtype.type(sign)
        cells[strays] = values
        return cells.tobytes()


def depth_of(header: Header) -> Depth | None:
    """How the cells of an object are used; ``None`` when every bit is, or nothing sensible is said."""
    allocated, stored, high, sign, padding = map(header.integer, DEPTH_TAGS)
    if allocated not in _WIDTHS or not stored or not 0 < stored < allocated:
        return None
    whole = None if padding is None else padding & ((1 << allocated) - 1)
    # A highest bit that leaves no room for the value, or lies outside the cell, says nothing.
    is_possible = high is not None and stored <= high + 1 <= allocated
    return Depth(allocated, stored, high if high is not None and is_possible else stored - 1, sign == 1, whole)


def with_empty_bits(file: Part10File, *, scratch: Path | None = None) -> tuple[Part10File, tuple[Finding, ...]]:
    """The file with nothing in the unused bits of uncompressed pixels, and what to say about it."""
    pixels, depth = file.pixel_element(), depth_of(file.header)
    findings = unused_bits_findings(file)
    if not findings or pixels is None or depth is None or pixels.is_encapsulated or not depth.is_aligned:
        return file, findings
    spool, value = Spool(scratch), memoryview(pixels.value)
    whole = len(value) - len(value) % (depth.allocated // 8)
    for start in range(0, whole, _CHUNK_BYTES):
        spool.write(depth.emptied(value[start : min(start + _CHUNK_BYTES, whole)], file.encoding.order))
        leave(value)
    spool.write(value[whole:])
    new = replace(pixels, value=spool.view(), offset=-1)
    elements = tuple(new if element is pixels else element for element in file.elements)
    message = "Bits of the pixels that no value uses held something; they are emptied."
    return replace(file, elements=elements), (Finding(Severity.WARNING, "deid.unused-bits", _PIXELS, message),)


def unused_bits_findings(file: Part10File) -> tuple[Finding, ...]:
    """That something is in the unused bits of the pixels, which must not be there."""
    pixels, depth = file.pixel_element(), depth_of(file.header)
    if pixels is None or depth is None or pixels.tag != PIXEL_DATA:
        return ()
    if pixels.is_encapsulated:
        return _HELD if _has_stray_bits_in_frames(file, depth) else ()
    if not depth.is_aligned:
        return _AMBIGUOUS if _is_ambiguous(pixels, depth, file.encoding) else ()
    return _HELD if has_stray_bits(pixels, depth, file.encoding) else ()


def has_stray_bits(pixels: Element, depth: Depth, encoding: Encoding) -> bool:
    """Whether any cell of uncompressed pixels holds something in its unused bits."""
    value = memoryview(pixels.value)
    for start in range(0, len(value), _CHUNK_BYTES):
        if depth.has_strays(value[start : start + _CHUNK_BYTES], encoding.order):
            return True
        leave(value)
    return False


def _is_ambiguous(pixels: Element, depth: Depth, encoding: Encoding) -> bool:
    """Whether a value that should end above the lowest bit has something on both sides, so that nobody knows which is it."""
    value, kind = memoryview(pixels.value), depth.kind(encoding.order)
    below = (1 << max(0, depth.high + 1 - depth.stored)) - 1
    is_low = is_high = False
    for start in range(0, len(value), _CHUNK_BYTES):
        part = value[start : start + _CHUNK_BYTES]
        cells = np.frombuffer(part, kind, count=len(part) * 8 // depth.allocated)
        is_low = is_low or bool((cells & below).any())
        is_high = is_high or bool(depth.strays(cells).any())
        leave(value)
    return is_low and is_high


def _has_stray_bits_in_frames(file: Part10File, depth: Depth) -> bool:
    """Whether a frame that was compressed without loss decodes to more bits than are stored; lossy ones overshoot a little."""
    if file.transfer_syntax_uid not in _LOSSLESS or not depth.is_aligned:
        return False
    try:
        reader = FrameReader(_with_all_bits(file, depth))
        for frame_index in range(reader.number_of_frames):
            if _precision(reader.encoded_frame(frame_index), depth) <= depth.stored:
                continue
            if depth.has_strays(np.ascontiguousarray(reader.decode(frame_index, is_raw=True)).tobytes()):
                return True
    except (PixelDecodeError, FormatError):
        # What cannot be decoded shows nothing to anybody; others judge whether it may leave.
        return False
    return False


def _with_all_bits(file: Part10File, depth: Depth) -> Part10File:
    """The file as if every bit were used: decoders empty the others."""
    numbers = {0x00280101: depth.allocated, 0x00280102: depth.allocated - 1}
    elements = tuple(
        replace(each, value=struct.pack(file.encoding.order + "H", numbers[each.tag])) if each.tag in numbers else each
        for each in file.elements
    )
    return replace(file, elements=elements)


def _precision(frame: bytes, depth: Depth) -> int:
    """How many bits a value of a codestream may have (ISO/IEC 10918-1 B.2.2, 15444-1 A.5.1); all where none says it."""
    if frame.startswith(_J2K_PREFIX) and len(frame) > _J2K_DEPTH_AT:
        return (frame[_J2K_DEPTH_AT] & 0x7F) + 1
    if frame.startswith(_JPEG_PREFIX):
        found = _JPEG_FRAME.search(frame, 2)
        return found[1][0] if found is not None else depth.allocated
    return depth.allocated
