"""Writing frames as encapsulated pixel data: one fragment a frame, with the table that tells where each begins (PS3.5 A.4)."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from radcommons.deid.pixels.spool import Spool
from radcommons.dicom.elements import Element
from radcommons.dicom.frames import FrameIndex

OFFSET_TABLES = frozenset({0x7FE00001, 0x7FE00002})
# Offsets of the basic table have 32 bits; what comes near takes the extended one.
_LARGEST_FOR_BASIC_TABLE = 2**31
_LARGEST_OFFSET = 2**32


@dataclass(frozen=True, slots=True)
class Encapsulated:
    """New pixel data, and the extended offset table that belongs to them when they are large; otherwise none."""

    pixels: Element
    tables: tuple[Element, ...] = ()


def encapsulated(frames: Iterable[bytes], count: int, *, pixels: Element, spool: Spool) -> Encapsulated:
    """Write frames in the place of others.

    Parameters
    ----------
    frames
        The compressed frames in order.
    count
        How many there are.
    pixels
        The pixel data they replace.
    spool
        What collects them.

    Raises
    ------
    OverflowError
        When they became too large for the table that was planned.
    """
    has_table = len(pixels.value) < _LARGEST_FOR_BASIC_TABLE
    front = 8 + (4 * count if has_table else 0)
    spool.reserve(front)
    offsets, lengths = [], []
    for body in frames:
        padding = len(body) & 1
        offsets.append(spool.size - front)
        lengths.append(len(body) + padding)
        spool.write(struct.pack("<HHI", 0xFFFE, 0xE000, lengths[-1]))
        spool.write(body)
        spool.write(b"\0" * padding)
    if has_table and offsets and offsets[-1] >= _LARGEST_OFFSET:
        raise OverflowError("The object became too large for its table of frames.")
    table = struct.pack(f"<{count}I", *offsets) if has_table else b""
    spool.fill_reserved(struct.pack("<HHI", 0xFFFE, 0xE000, len(table)) + table)
    element = replace(pixels, vr="OB", value=spool.view(), offset=-1, is_encapsulated=True)
    return Encapsulated(element, () if has_table else _extended_table(offsets, lengths))


def _extended_table(offsets: Sequence[int], lengths: Sequence[int]) -> tuple[Element, ...]:
    count = len(offsets)
    return (
        Element(0x7FE00001, "OV", struct.pack(f"<{count}Q", *offsets)),
        Element(0x7FE00002, "OV", struct.pack(f"<{count}Q", *lengths)),
    )


def frame_bytes(index: FrameIndex, pixels: Element, frame_index: int) -> bytes:
    """The bytes of one encapsulated frame, its fragments joined."""
    return b"".join(_runs(index, pixels, frame_index))


def _runs(index: FrameIndex, pixels: Element, frame_index: int) -> Iterator[bytes]:
    for offset, length in index.fragments[frame_index] if index.fragments else (index.frames[frame_index],):
        start = offset - pixels.offset
        yield bytes(pixels.value[start : start + length])
