"""Patching uncompressed pixel data: only the cells of the boxes change (PS3.5 8, PS3.3 C.7.6.3).

A frame is taken at a time, so that memory does not grow with the number of frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.black import black_cells
from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.spool import Spool
from radcommons.dicom.elements import Element
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.header import Header
from radcommons.dicom.instance import pixel_shape
from radcommons.dicom.part10 import Part10File

_MAX_FRAME_BYTES = 2**30
_WHOLE_CELLS = frozenset({8, 16, 32, 64})


class CannotRedactError(RadCommonsError):
    """Pixel data in which nothing can be blackened here; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.UNSUPPORTED, "deid.cannot-redact", message)


@dataclass(frozen=True, slots=True)
class CellLayout:
    """How the cells of one uncompressed frame lie.

    Parameters
    ----------
    rows, columns, samples
        The matrix and the samples of a pixel.
    bits
        Of one cell: 1, 8, 16, 32 or 64.
    is_planar
        Whether the samples of one kind lie together (Planar Configuration 1).
    is_subsampled
        Whether two pixels of a row share their chroma samples (YBR_FULL_422, YBR_PARTIAL_422).
    number_of_frames
        How many frames there are.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    is_planar: bool
    is_subsampled: bool
    number_of_frames: int

    @property
    def cells_per_frame(self) -> int:
        """How many cells a frame has."""
        return self.rows * self.columns * (2 if self.is_subsampled else self.samples)


def cell_layout(header: Header, length: int, *, number_of_frames: int | None = None) -> CellLayout:
    """The layout that a header gives pixel data of a length in bytes.

    Parameters
    ----------
    number_of_frames
        How many frames the data hold, when not all of the object's.

    Raises
    ------
    CannotRedactError
        When it gives none, or the data are shorter than it says.
    """
    shape = pixel_shape(header)
    samples = shape.samples_per_pixel
    frames = shape.number_of_frames if number_of_frames is None else number_of_frames
    if min(shape.rows, shape.columns, samples, shape.bits_allocated, frames) < 1:
        raise CannotRedactError("The header does not say how the pixels are laid out.")
    if shape.bits_allocated not in _WHOLE_CELLS | {1} or (shape.bits_allocated == 1 and samples > 1):
        raise CannotRedactError("The pixels are packed in a way that is not patched here.")
    full_bits = shape.rows * shape.columns * samples * shape.bits_allocated * frames
    # Writers that decompress often leave the name of the subsampled form although every sample is there.
    is_subsampled = shape.photometric_interpretation.endswith("_422") and samples == 3 and length * 8 < full_bits  # noqa: PLR2004
    if is_subsampled and shape.columns % 2:
        raise CannotRedactError("Subsampled rows of an odd number of pixels cannot be patched.")
    layout = CellLayout(
        shape.rows,
        shape.columns,
        samples,
        shape.bits_allocated,
        is_planar=samples > 1 and header.integer(0x00280006) == 1 and not is_subsampled,
        is_subsampled=is_subsampled,
        number_of_frames=frames,
    )
    if layout.cells_per_frame * layout.bits > _MAX_FRAME_BYTES * 8:
        raise CannotRedactError("A frame of this object is larger than is patched here.")
    if layout.cells_per_frame * layout.bits * frames > length * 8:
        raise CannotRedactError("The pixel data are shorter than the frames declared.")
    return layout


def blacken_native(file: Part10File, pixels: Element, boxes: Sequence[Box], spool: Spool) -> Element:
    """Pixel data like the given ones with the boxes black, everything else bit for bit the same.

    Raises
    ------
    CannotRedactError
        When the layout is unknown or the data are too short.
    """
    header = Header(file.elements, file.encoding)
    layout = cell_layout(header, len(pixels.value))
    value = memoryview(pixels.value)
    if layout.bits == 1 or _has_swapped_bytes(file, pixels, layout):
        is_swapped = _has_swapped_bytes(file, pixels, layout)
        patched = _patched_whole(value, layout, header, boxes, is_swapped=is_swapped)
        return replace(pixels, value=patched, offset=-1)
    size = layout.cells_per_frame * layout.bits // 8
    kind = np.dtype(f"{file.encoding.order}u{layout.bits // 8}")
    for frame_index in range(layout.number_of_frames):
        frame = value[frame_index * size : (frame_index + 1) * size]
        inside = [box for box in boxes if box.is_in_frame(frame_index)]
        if not inside:
            spool.write(frame)
            continue
        cells = np.frombuffer(frame, dtype=kind).copy()
        blacken_cells(cells, layout, header, inside)
        spool.write(cells.tobytes())
    spool.write(value[layout.number_of_frames * size :])
    return replace(pixels, value=spool.view(), offset=-1)


def _has_swapped_bytes(file: Part10File, pixels: Element, layout: CellLayout) -> bool:
    """Whether bytes of 8-bit cells come in words of the other order (PS3.5 A.3, 8.1.1: OW in big endian)."""
    return not file.encoding.is_little_endian and layout.bits < 16 and pixels.vr != "OB"  # noqa: PLR2004


def _patched_whole(
    value: memoryview, layout: CellLayout, header: Header, boxes: Sequence[Box], *, is_swapped: bool
) -> bytes:
    """Patch values whose frames do not begin at addressable bytes, as one."""
    if len(value) > _MAX_FRAME_BYTES:
        raise CannotRedactError("The pixel data are too large for their layout to be patched here.")
    data = np.frombuffer(value, dtype=np.uint8).copy()
    if is_swapped and len(data) % 2 == 0:
        data = data.reshape(-1, 2)[:, ::-1].reshape(-1).copy()
    cells = np.unpackbits(data, bitorder="little") if layout.bits == 1 else data
    for frame_index in range(layout.number_of_frames):
        inside = [box for box in boxes if box.is_in_frame(frame_index)]
        start = frame_index * layout.cells_per_frame
        if inside:
            blacken_cells(cells[start : start + layout.cells_per_frame], layout, header, inside)
    data = np.packbits(cells, bitorder="little") if layout.bits == 1 else cells
    if is_swapped and len(data) % 2 == 0:
        data = data.reshape(-1, 2)[:, ::-1].reshape(-1)
    return data.tobytes()


def blacken_cells(cells: NDArray[np.generic], layout: CellLayout, header: Header, boxes: Sequence[Box]) -> None:
    """Blacken boxes in the raw cells of one frame, in place."""
    rows, columns = layout.rows, layout.columns
    clipped = [box for each in boxes if (box := each.clipped(rows, columns)) is not None]
    black = black_cells(cells, layout.samples, header, clipped, shape=(rows, columns))
    if layout.is_subsampled:
        # Two pixels of a row share their chroma; a box therefore grows to whole pairs.
        pairs = cells.reshape(rows, columns // 2, 4)
        pair_black = np.array([black[0], black[0], black[1], black[2]], dtype=cells.dtype)
        for box in clipped:
            pairs[box.top : box.bottom, box.left // 2 : (box.right + 1) // 2] = pair_black
        return
    if layout.is_planar:
        grid = cells.reshape(layout.samples, rows, columns).transpose(1, 2, 0)
    else:
        grid = cells.reshape(rows, columns, layout.samples)
    for box in clipped:
        grid[box.top : box.bottom, box.left : box.right] = black.astype(cells.dtype)
