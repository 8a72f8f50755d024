"""Where each frame of the pixel data lies in the file, so that a frame is one or a few reads (PS3.5 8, A.4)."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from radcommons.dicom import uids
from radcommons.dicom.elements import UNDEFINED_LENGTH, Element
from radcommons.dicom.finding import Finding, Severity

MAX_FRAMES = 1_000_000
Run = tuple[int, int]
_CODESTREAM_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")
_EXTENDED_OFFSET_TABLE_WIDTH = 8


@dataclass(frozen=True, slots=True)
class PixelShape:
    """What the image pixel module says of the size of a frame."""

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    photometric_interpretation: str
    number_of_frames: int

    @property
    def bits_per_frame(self) -> int:
        """The size of one uncompressed frame, in bits; chroma subsampling of uncompressed YBR counted (PS3.3 C.7.6.3.1.2)."""
        samples = 2 if self.photometric_interpretation == "YBR_FULL_422" else self.samples_per_pixel
        return self.rows * self.columns * samples * self.bits_allocated


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """The frames of one file.

    Parameters
    ----------
    frames
        Offset and length of each frame in the file, in order; none when frames do not begin at whole bytes, when the
        pixel data are too short for the frames declared, or when the file is deflated.
    fragments
        Empty when each frame is one run; otherwise the runs of each frame, to be read and joined.
    """

    frames: tuple[Run, ...] = ()
    fragments: tuple[tuple[Run, ...], ...] = ()
    findings: tuple[Finding, ...] = ()


def index_frames(
    element: Element, shape: PixelShape, *, transfer_syntax_uid: str, extended_offsets: bytes | None = None
) -> FrameIndex:
    """Find the frames of pixel data.

    Parameters
    ----------
    element
        The pixel data, with its offset in the file.
    extended_offsets
        The value of the Extended Offset Table, when there is one (PS3.3 C.7.6.3.1.8).
    """
    if not 1 <= shape.number_of_frames <= MAX_FRAMES:
        return _odd("dicom.number-of-frames", "The number of frames is impossible.")
    if element.is_encapsulated:
        return _index_encapsulated(element, shape.number_of_frames, extended_offsets)
    if uids.is_native_syntax(transfer_syntax_uid):
        return _index_native(element, shape)
    return _odd("dicom.not-encapsulated", "Pixel data of a compressed transfer syntax are not encapsulated.")


def _odd(code: str, message: str) -> FrameIndex:
    return FrameIndex(findings=(Finding(Severity.WARNING, code, "(7FE0,0010)", message),))


def _index_native(element: Element, shape: PixelShape) -> FrameIndex:
    bits = shape.bits_per_frame
    if bits * shape.number_of_frames > len(element.value) * 8 or not bits:
        return _odd("dicom.pixel-data-short", "The pixel data are shorter than the frames declared.")
    if shape.number_of_frames == 1:
        return FrameIndex(((element.offset, (bits + 7) // 8),))
    if bits % 8:
        return _odd("dicom.frames-not-byte-aligned", "Frames of this object do not begin at whole bytes.")
    size = bits // 8
    return FrameIndex(tuple((element.offset + number * size, size) for number in range(shape.number_of_frames)))


def _index_encapsulated(element: Element, number_of_frames: int, extended_offsets: bytes | None) -> FrameIndex:
    runs = _fragments(element)
    if not runs:
        return _odd("dicom.no-fragments", "The encapsulated pixel data are empty.")
    table, runs = runs[0], runs[1:]
    if len(runs) < number_of_frames:
        return _odd("dicom.pixel-data-short", "There are fewer fragments than frames.")
    if len(runs) == number_of_frames:
        return FrameIndex(tuple(runs))
    if number_of_frames == 1:
        return _grouped([tuple(runs)])
    starts = _table_offsets(element, table, extended_offsets)
    first = runs[0][0] - 8
    groups = _group(runs, lambda run: run[0] - 8 - first in starts)
    if len(groups) != number_of_frames:
        groups = _group(runs, lambda run: _starts_codestream(element, run))
    if len(groups) != number_of_frames:
        return _odd("dicom.frames-not-found", "The fragments cannot be assigned to frames.")
    return _grouped(groups)


def _grouped(groups: list[tuple[Run, ...]]) -> FrameIndex:
    spans = tuple((runs[0][0], runs[-1][0] + runs[-1][1] - runs[0][0]) for runs in groups)
    return FrameIndex(spans, tuple(groups))


def _group(runs: list[Run], is_start: Callable[[Run], bool]) -> list[tuple[Run, ...]]:
    groups: list[list[Run]] = []
    for run in runs:
        if is_start(run) or not groups:
            groups.append([])
        groups[-1].append(run)
    return [tuple(group) for group in groups]


def _fragments(element: Element) -> list[Run]:
    runs: list[Run] = []
    position = 0
    while position + 8 <= len(element.value):
        length = struct.unpack_from("<I", element.value, position + 4)[0]
        if length == UNDEFINED_LENGTH or position + 8 + length > len(element.value):
            return []
        runs.append((element.offset + position + 8, length))
        position += 8 + length
    return runs


def _table_offsets(element: Element, table: Run, extended_offsets: bytes | None) -> frozenset[int]:
    if extended_offsets:
        count = len(extended_offsets) // _EXTENDED_OFFSET_TABLE_WIDTH
        return frozenset(struct.unpack_from(f"<{count}Q", extended_offsets))
    start = table[0] - element.offset
    return frozenset(struct.unpack_from(f"<{table[1] // 4}I", element.value, start))


def _starts_codestream(element: Element, run: Run) -> bool:
    start = run[0] - element.offset
    return bytes(element.value[start : start + 4]).startswith(_CODESTREAM_STARTS)
