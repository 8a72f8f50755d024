"""Palette colour: from indices to red, green and blue (PS3.3 C.7.9, C.7.6.3.1.5)."""

import numpy as np
from numpy.typing import NDArray

from radcommons.dicom.elements import Element
from radcommons.dicom.header import Header

_CHANNELS = (
    (0x00281101, 0x00281201, 0x00281221),
    (0x00281102, 0x00281202, 0x00281222),
    (0x00281103, 0x00281203, 0x00281223),
)
_MAX_ENTRIES = 65_536
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


def apply_palette(indices: NDArray[np.generic], header: Header) -> NDArray[np.uint8]:
    """Look indices up in the object's palette.

    Parameters
    ----------
    indices
        Rows by columns.

    Returns
    -------
    Rows by columns by 3, 8 bits a sample.

    Raises
    ------
    ValueError
        When the palette is missing or broken.
    """
    channels = [_channel(indices, header, tags) for tags in _CHANNELS]
    return np.stack(channels, axis=-1)


def _channel(indices: NDArray[np.generic], header: Header, tags: tuple[int, int, int]) -> NDArray[np.uint8]:
    descriptor = header.element(tags[0])
    if descriptor is None:
        raise ValueError("a palette descriptor is missing")
    count, first, bits = (int(number) for number in _words(descriptor, header)[:3])
    count = count or _MAX_ENTRIES
    if first > np.iinfo(np.int16).max and indices.dtype.kind == "i":
        first -= 1 << 16
    entries = _entries(header, tags, count, bits)
    if not entries.size:
        raise ValueError("a palette is empty")
    table = (entries >> max(0, bits - 8)).astype(np.uint8) if bits > 8 else entries.astype(np.uint8)  # noqa: PLR2004
    position = np.clip(indices.astype(np.int64) - first, 0, table.size - 1)
    looked_up: NDArray[np.uint8] = table[position]
    return looked_up


def _entries(header: Header, tags: tuple[int, int, int], count: int, bits: int) -> NDArray[np.int64]:
    data = header.element(tags[1])
    if data is not None:
        if bits == 8 and len(data.value) < 2 * count:  # noqa: PLR2004  entries of one byte each
            return np.frombuffer(bytes(data.value), dtype=np.uint8)[:count].astype(np.int64)
        return _words(data, header)[:count].astype(np.int64)
    segmented = header.element(tags[2])
    if segmented is None:
        raise ValueError("palette data are missing")
    return np.array(_expand(_words(segmented, header).tolist(), count), dtype=np.int64)


def _expand(words: list[int], count: int) -> list[int]:
    """Expand a segmented palette (PS3.3 C.7.9.2); never more than ``count`` entries."""
    entries: list[int] = []
    position = 0
    while position + 1 < len(words) and len(entries) < count:
        kind, length = words[position], words[position + 1]
        if kind == _DISCRETE:
            entries.extend(words[position + 2 : position + 2 + length])
            position += 2 + length
        elif kind == _LINEAR and entries:
            start, end = entries[-1], words[position + 2]
            entries.extend(start + (end - start) * step // max(1, length) for step in range(1, length + 1))
            position += 3
        elif kind == _INDIRECT:
            offset = words[position + 2] | words[position + 3] << 16
            entries.extend(_copied(words, offset, length, entries[-1] if entries else 0))
            position += 4
        else:
            raise ValueError("a palette segment is of no known kind")
    return entries[:count]


def _copied(words: list[int], position: int, segments: int, last: int) -> list[int]:
    copied: list[int] = []
    for _ in range(segments):
        kind, length = words[position], words[position + 1]
        if kind == _DISCRETE:
            copied.extend(words[position + 2 : position + 2 + length])
            position += 2 + length
        else:
            start, end = copied[-1] if copied else last, words[position + 2]
            copied.extend(start + (end - start) * step // max(1, length) for step in range(1, length + 1))
            position += 3
    return copied


def _words(element: Element, header: Header) -> NDArray[np.generic]:
    size = len(element.value) // 2 * 2
    return np.frombuffer(bytes(element.value)[:size], dtype=header.encoding.order + "u2")
