"""Stored values made visible for a detector: one picture in which everything a viewer could show has some contrast."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.faint import faint_picture
from radcommons.dicom.color import apply_palette
from radcommons.dicom.grayscale import to_grayscale
from radcommons.dicom.header import Header

_LARGE_SIDE = 1400
_BYTE_BITS = 8
_COLOR_DIMENSIONS = 3
_COLORFUL = 40
_COLORFUL_SHARE = 0.0005
_PERCENTILES = (1.0, 99.0)
_SAMPLE_STEP = 4


class View(NamedTuple):
    """One picture of a frame; whether it brings out what nobody sees, and with it the noise of a lossy compression."""

    picture: NDArray[np.uint8]
    is_faint: bool = False


Views = list[View]


def pictures_of(values: NDArray[np.generic], header: Header, frame_index: int) -> tuple[Views, int]:
    """The pictures of one frame to be looked at.

    Grey values are shown by a third each of the object's own window, of the full range, and of the range without its
    extremes: writing at the largest stored value, or in a few grey values somewhere, is seen in the same picture as the
    rest. Colours are shown by their brightness and, where there are any, by their strength. What lies on an even ground unseen
    (:mod:`radcommons.deid.pixels.faint`) is a picture of its own.

    Parameters
    ----------
    values
        Stored values, rows by columns, or rows by columns by 3 (RGB).
    header, frame_index
        The object, and which of its frames it is.

    Returns
    -------
    Pictures of one size, and by which whole number the image was reduced to it.
    """
    if header.text(0x00280004) == "PALETTE COLOR" and values.ndim < _COLOR_DIMENSIONS:
        values = apply_palette(values, header)
    reduction = 1
    while min(values.shape[:2]) // reduction > _LARGE_SIDE:
        reduction *= 2
    if reduction > 1:
        values = _reduced(values, reduction)
    if values.ndim == _COLOR_DIMENSIONS:
        return _of_color(values, header), reduction
    shown = _toned(values, header, frame_index)
    return [View(shown), *_faint(values, shown)], reduction


def _faint(values: NDArray[np.generic], shown: NDArray[np.uint8]) -> Views:
    faint = faint_picture(values, shown)
    return [] if faint is None else [View(faint, is_faint=True)]


def _reduced(values: NDArray[np.generic], factor: int) -> NDArray[np.generic]:
    """Means of squares; what is left at the right and below is repeated from the last whole square."""
    rows, columns = (-(-side // factor) * factor for side in values.shape[:2])
    rest = [(0, rows - values.shape[0]), (0, columns - values.shape[1]), *[(0, 0)] * (values.ndim - 2)]
    padded = np.pad(values, rest, mode="edge") if rest[0][1] or rest[1][1] else values
    blocks = padded.reshape(rows // factor, factor, columns // factor, factor, *values.shape[2:])
    means: NDArray[np.generic] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return means


def _of_color(values: NDArray[np.generic], header: Header) -> Views:
    bits = header.integer(0x00280101) or _BYTE_BITS
    scale = 1.0 if header.text(0x00280004) == "PALETTE COLOR" else 255.0 / ((1 << bits) - 1)
    channels = values.astype(np.float32) * np.float32(scale)
    brightness = channels @ np.array([0.3, 0.59, 0.11], dtype=np.float32)
    strength = channels.max(axis=-1) - channels.min(axis=-1)
    shown = _bytes(brightness)
    views = [View(shown), *_faint(brightness, shown)]
    if (strength > _COLORFUL).mean() > _COLORFUL_SHARE:
        views.append(View(_bytes(strength)))
    return views


def _toned(values: NDArray[np.generic], header: Header, frame_index: int) -> NDArray[np.uint8]:
    numbers = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    windowed = to_grayscale(values, header, frame_index=frame_index).astype(np.float32) / 255
    sample = numbers[::_SAMPLE_STEP, ::_SAMPLE_STEP]
    low, high = (float(end) for end in np.percentile(sample, _PERCENTILES))
    full = _between(numbers, float(numbers.min()), float(numbers.max()))
    usual = _between(numbers, low, high)
    if header.text(0x00280004) == "MONOCHROME1":
        full, usual = 1 - full, 1 - usual
    return _bytes((windowed + full + usual) * 85.0)


def _between(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    if not high > low:
        return np.zeros_like(values)
    spread: NDArray[np.float32] = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    return spread


def _bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    return rounded
