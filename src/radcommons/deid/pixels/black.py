"""Which cell value is black in an object, so that a box looks empty and stretches no range of values (PS3.3 C.7.6.3.1.2)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.boxes import Box, mask_of
from radcommons.dicom.color import apply_palette
from radcommons.dicom.header import Header

_PADDING = 0x00280120
_PADDING_LIMIT = 0x00280121
_FLOAT_PADDING = (0x00280122, 0x00280123)
_BYTE_BITS = 8


def black_cells(
    cells: NDArray[np.generic],
    samples: int,
    header: Header,
    boxes: Sequence[Box],
    *,
    shape: tuple[int, int],
    photometric: str = "",
) -> NDArray[np.generic]:
    """The raw cells of a black pixel, one a sample.

    Colours and grey values of up to 8 bits have a fixed black. Deeper grey values take the darkest value of the frame
    outside the boxes, padding preferred where it is at the dark end: the most negative number of 16 bits would spoil
    every display and histogram that looks at the range.

    Parameters
    ----------
    cells
        The raw cells of the frame, unsigned, as stored, flat.
    samples
        Of one pixel.
    header
        The object's header.
    boxes
        What will be blackened, inside the matrix.
    shape
        Rows and columns.
    photometric
        The colour space of the cells when it is not the one the header names.
    """
    photometric = photometric or header.text(0x00280004)
    bits = header.integer(0x00280101) or cells.dtype.itemsize * _BYTE_BITS
    if samples > 1:
        return np.array(_black_color(photometric, samples, bits), dtype=cells.dtype)
    if photometric == "PALETTE COLOR":
        return np.array([_darkest_entry(header, bits)], dtype=cells.dtype)
    is_inverted = photometric == "MONOCHROME1"
    is_signed = header.integer(0x00280103) == 1
    if bits <= _BYTE_BITS and not is_signed:
        return np.array([(1 << bits) - 1 if is_inverted else 0], dtype=cells.dtype)
    outside = cells[~mask_of(boxes, *shape).reshape(-1)]
    return _darkest_cell(outside if outside.size else cells, header, bits=bits, is_inverted=is_inverted)


def _black_color(photometric: str, samples: int, bits: int) -> list[int]:
    middle, largest = 1 << (bits - 1), (1 << bits) - 1
    if photometric.startswith("YBR_PARTIAL"):
        return [1 << (bits - 4), middle, middle]
    if photometric.startswith(("YBR_FULL", "YBR_ICT", "YBR_RCT")):
        return [0, middle, middle]
    if photometric == "CMYK":
        return [0] * (samples - 1) + [largest]
    return [0] * samples


def _darkest_entry(header: Header, bits: int) -> int:
    """The index whose colour is darkest; 0 when the palette is broken."""
    indices = np.arange(1 << min(bits, 16), dtype=np.uint16)
    try:
        colors = apply_palette(indices, header)
    except (ValueError, LookupError):
        return 0
    return int(colors.astype(np.int32).sum(axis=-1).argmin())


def _darkest_cell(cells: NDArray[np.generic], header: Header, *, bits: int, is_inverted: bool) -> NDArray[np.generic]:
    """A cell copied as it is, so that sign and unused bits stay as the object writes them."""
    values = numbers_of(cells, header, bits=bits)
    usable = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, dtype=np.bool_)
    is_padding = _is_padding(values, header)
    if (usable & ~is_padding).any():
        kept = usable & ~is_padding
        darkest = values[kept].max() if is_inverted else values[kept].min()
        dark_padding = is_padding & (values >= darkest if is_inverted else values <= darkest)
        chosen = np.flatnonzero(dark_padding if dark_padding.any() else kept & (values == darkest))
    else:
        chosen = np.flatnonzero(is_padding if is_padding.any() else np.ones(values.shape, dtype=np.bool_))
    return cells[chosen[:1]]


def numbers_of(cells: NDArray[np.generic], header: Header, *, bits: int) -> NDArray[np.generic]:
    """The stored values in raw cells: sign and floating point as the header says, unused high bits dropped."""
    native = cells.astype(cells.dtype.newbyteorder("="))
    width = cells.dtype.itemsize * _BYTE_BITS
    if header.has(0x7FE00008) or header.has(0x7FE00009):
        return native.view(f"f{cells.dtype.itemsize}")
    surplus = max(0, width - bits)
    if header.integer(0x00280103) != 1:
        return native & native.dtype.type((1 << bits) - 1) if surplus else native
    signed: NDArray[np.generic] = (native << native.dtype.type(surplus)).view(f"i{cells.dtype.itemsize}") >> surplus
    return signed


def _is_padding(values: NDArray[np.generic], header: Header) -> NDArray[np.bool_]:
    if values.dtype.kind == "f":
        numbers = [number for tag in _FLOAT_PADDING if (number := header.number(tag)) is not None]
        return np.isin(values, numbers)
    low = header.integer(_PADDING)
    if low is None:
        return np.zeros(values.shape, dtype=np.bool_)
    high = header.integer(_PADDING_LIMIT)
    ends = sorted(_as_stored(end, values) for end in (low, low if high is None else high))
    stored = values.astype(np.int64)
    between: NDArray[np.bool_] = (stored >= ends[0]) & (stored <= ends[1])
    return between


def _as_stored(padding: int, values: NDArray[np.generic]) -> int:
    """A padding value with the sign of the pixels; implicit files leave open which it has."""
    width = values.dtype.itemsize * _BYTE_BITS
    if values.dtype.kind == "i":
        return padding - (1 << width) if padding >= 1 << (width - 1) else padding
    return padding + (1 << width) if padding < 0 else padding
