"""From stored values to grey: rescale, window, lookup tables, inversion (PS3.3 C.11.1, C.11.2)."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radcommons.dicom.elements import Element
from radcommons.dicom.header import Header

Window = tuple[float, float]
Reals = NDArray[np.floating[Any]]
Table = tuple[int, Reals, float]
_SHARED_GROUPS = 0x52009229
_FRAME_GROUPS = 0x52009230
_VALUE_TRANSFORMATION = 0x00289145
_FRAME_VOI = 0x00289132
_MODALITY_LUT = 0x00283000
_VOI_LUT = 0x00283010
_PADDING = 0x00280120
_WIDTH_STEP = 1.0
_WHITE = 255.0
_MAX_LUT_ENTRIES = 65_536
_PIXEL_REPRESENTATION = 0x00280103
_RESCALE_INTERCEPT = 0x00281052
_BYTE_BITS = 8
# A table that reaches no eighth of the depth it names was made for fewer bits (often 12, named 16).
_LEAST_PART = 8
# Values of at most so many bytes are listed rather than computed pixel by pixel.
_LISTED_BYTES = 2
# Pixels that are computed together: few enough that what they take is in the processor's cache, and is taken again for the next.
_AT_ONCE = 1 << 18


def to_grayscale(
    values: NDArray[np.generic], header: Header, *, frame_index: int, window: Window | None = None, function: str = ""
) -> NDArray[np.uint8]:
    """Grey values for display, 0 black to 255 white.

    Parameters
    ----------
    values
        Stored values, rows by columns.
    header
        The object's header; functional groups of enhanced objects are looked into.
    frame_index
        From 0, for what differs between frames.
    window
        Center and width after rescaling; overrides what the object asks for.
    function
        ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID`` for that window (PS3.3 C.11.2.1.3); the object's own when empty.
    """
    if values.dtype.kind not in "iu" or values.dtype.itemsize > _LISTED_BYTES or not values.size:
        return _to_grey(values, header, frame_index=frame_index, window=window, function=function)
    line = _line(header, frame_index=frame_index, window=window, function=function)
    if line is not None:
        return _along(values, *line)
    # Grey depends on the value alone, and a picture holds far fewer values than pixels.
    lowest, highest = int(values.min()), int(values.max())
    distinct = np.arange(lowest, highest + 1)
    width = values.dtype.itemsize
    # Differences of whole numbers of one width are right without a sign, whatever wraps around.
    unsigned = np.dtype(f"u{width}").type
    offsets = np.ascontiguousarray(values, values.dtype.newbyteorder("=")).view(unsigned) - unsigned(
        lowest % 256**width
    )
    if window is None and _first_window(_level(header, frame_index, _FRAME_VOI)) is None:
        # Without a window the grey scale may span what is present, and nothing else.
        distinct = np.flatnonzero(np.bincount(offsets.ravel())) + lowest
    table = np.zeros(highest - lowest + 1, np.uint8)
    table[distinct - lowest] = _to_grey(
        distinct.astype(values.dtype), header, frame_index=frame_index, window=window, function=function
    )
    # Every offset is in the table; to be told so spares looking at each of them first.
    grey: NDArray[np.uint8] = np.take(table, offsets, mode="clip")
    return grey


def _line(header: Header, *, frame_index: int, window: Window | None, function: str) -> tuple[float, float] | None:
    """Factor and addend by which stored values become grey values; None where more than a window without bends is needed."""
    voi = _level(header, frame_index, _FRAME_VOI)
    chosen = window or _first_window(voi)
    function = function or voi.text(0x00281056)
    if chosen is None or chosen[1] <= 0 or function == "SIGMOID" or header.items(_MODALITY_LUT):
        return None
    transform = _level(header, frame_index, _VALUE_TRANSFORMATION)
    slope, intercept = transform.number(0x00281053) or 1.0, transform.number(0x00281052) or 0.0
    center, width = chosen
    span = width if function == "LINEAR_EXACT" or width <= _WIDTH_STEP else width - 1.0
    factor, addend = _WHITE * slope / span, _WHITE * (intercept - center + width / 2) / span
    if _is_inverse(header):
        factor, addend = -factor, _WHITE - addend
    return (factor, addend) if math.isfinite(factor) and math.isfinite(addend) else None


def _along(values: NDArray[np.generic], factor: float, addend: float) -> NDArray[np.uint8]:
    shown = np.empty(values.shape, np.uint8)
    rows = max(1, _AT_ONCE // max(1, values.shape[-1]))
    for top in range(0, len(values), rows):
        grey = values[top : top + rows].astype(np.float32)
        grey *= np.float32(factor)
        grey += np.float32(addend + 0.5)
        np.clip(grey, 0.0, np.float32(_WHITE + 0.5), out=grey)
        shown[top : top + rows] = grey
    return shown


def _is_inverse(header: Header) -> bool:
    return header.text(0x00280004) == "MONOCHROME1" or header.text(0x20500020) == "INVERSE"


def _to_grey(
    values: NDArray[np.generic], header: Header, *, frame_index: int, window: Window | None, function: str
) -> NDArray[np.uint8]:
    transform = _level(header, frame_index, _VALUE_TRANSFORMATION)
    voi = _level(header, frame_index, _FRAME_VOI)
    scaled = _rescale(values, header, transform)
    chosen = window or _first_window(voi)
    lut = None if chosen else _lookup_table(voi, _VOI_LUT, may_be_signed=_may_be_negative(header, transform))
    if lut is not None:
        grey = _normalised(_apply_lut(scaled, lut), 0.0, lut[2])
    elif chosen is not None and chosen[1] > 0:
        grey = _apply_window(scaled, chosen, function or voi.text(0x00281056))
    else:
        grey = _full_range(scaled, values, header)
    if _is_inverse(header):
        grey = 1.0 - grey
    return (np.clip(grey, 0.0, 1.0) * _WHITE + 0.5).astype(np.uint8)


def _level(header: Header, frame_index: int, sequence: int) -> Header:
    """The header that speaks of a matter: the frame's functional group, the shared one, or the top level."""
    frames = header.items(_FRAME_GROUPS)
    groups = [*frames[frame_index : frame_index + 1], *header.items(_SHARED_GROUPS)[:1]]
    for group in groups:
        items = Header(group, header.encoding, header.encodings).items(sequence)
        if items:
            return Header(items[0], header.encoding, header.encodings)
    return header


def _rescale(values: NDArray[np.generic], header: Header, level: Header) -> Reals:
    # Single precision tells 24 bits apart, which is too few for wider values.
    scaled: Reals = values.astype(np.float32 if values.dtype.itemsize <= _LISTED_BYTES else np.float64)
    lut = _lookup_table(header, _MODALITY_LUT, may_be_signed=header.integer(_PIXEL_REPRESENTATION) == 1)
    if lut is not None:
        return _apply_lut(scaled, lut)
    slope = level.number(0x00281053)
    intercept = level.number(_RESCALE_INTERCEPT)
    if slope not in {None, 1.0} and slope:
        scaled *= slope
    if intercept:
        scaled += intercept
    return scaled


def _first_window(level: Header) -> Window | None:
    center, width = level.number(0x00281050), level.number(0x00281051)
    return (center, width) if center is not None and width is not None and width > 0 else None


def _apply_window(values: Reals, window: Window, function: str) -> Reals:
    center, width = window
    if function == "SIGMOID":
        exponent = np.clip(-4.0 * (values - center) / width, -60.0, 60.0)
        curve: Reals = 1.0 / (1.0 + np.exp(exponent))
        return curve
    if function == "LINEAR_EXACT" or width <= _WIDTH_STEP:
        return (values - center) / width + 0.5
    return (values - (center - 0.5)) / (width - 1.0) + 0.5


def _full_range(scaled: Reals, values: NDArray[np.generic], header: Header) -> Reals:
    """Spread what is there over the grey scale, leaving padding aside."""
    padding = header.integer(_PADDING)
    if padding is not None and values.dtype.kind == "i" and padding >= 2 ** (values.dtype.itemsize * 8 - 1):
        padding -= 2 ** (values.dtype.itemsize * 8)
    shown = scaled[np.isfinite(scaled) & (values != padding if padding is not None else True)]
    if not shown.size:
        return np.zeros_like(scaled)
    return _normalised(np.nan_to_num(scaled), float(shown.min()), float(shown.max()))


def _normalised(values: Reals, low: float, high: float) -> Reals:
    if not math.isfinite(high - low) or high <= low:
        return np.zeros_like(values)
    return (values - low) / (high - low)


def _may_be_negative(header: Header, transform: Header) -> bool:
    """Whether values after the modality transformation can lie below zero; those of a modality LUT never do."""
    if header.items(_MODALITY_LUT):
        return False
    return header.integer(_PIXEL_REPRESENTATION) == 1 or (transform.number(_RESCALE_INTERCEPT) or 0.0) < 0


def _lookup_table(level: Header, sequence: int, *, may_be_signed: bool) -> Table | None:
    """First mapped value, entries and white of a modality or VOI LUT (PS3.3 C.11.1.1.1); ``None`` when absent or broken."""
    items = level.items(sequence)
    if not items:
        return None
    item = Header(items[0], level.encoding, level.encodings)
    descriptor, data = item.element(0x00283002), item.element(0x00283006)
    if descriptor is None or data is None:
        return None
    # Implicit encoding does not say whether the first value mapped has a sign.
    numbers = _numbers(descriptor, level, "i2" if descriptor.vr == "SS" or may_be_signed else "u2")
    if numbers.size < 3:  # noqa: PLR2004  entries, first value, bits
        return None
    count, bits = int(numbers[0]) & 0xFFFF or _MAX_LUT_ENTRIES, int(numbers[2])
    is_packed = bits == _BYTE_BITS and len(data.value) < 2 * count
    entries = _numbers(data, level, "u1" if is_packed else "u2")[:count].astype(np.float32)
    return (int(numbers[1]), entries, _white(int(entries.max()), bits)) if entries.size else None


def _white(highest: int, bits: int) -> float:
    """The entry that is shown white: the largest of the depth named, or of what the entries need where that is wrong."""
    named = 2.0**bits - 1 if _BYTE_BITS <= bits <= 2 * _BYTE_BITS else 0.0
    return named if named / _LEAST_PART <= highest <= named else 2.0 ** highest.bit_length() - 1


def _numbers(element: Element, level: Header, kind: str) -> NDArray[np.generic]:
    width = int(kind[1])
    size = len(element.value) // width * width
    return np.frombuffer(bytes(element.value)[:size], dtype=level.encoding.order + kind)


def _apply_lut(values: Reals, lut: Table) -> Reals:
    first, entries, _ = lut
    index = np.clip(np.rint(np.nan_to_num(values)) - first, 0, entries.size - 1).astype(np.intp)
    mapped: Reals = entries[index]
    return mapped
