"""Reading a few groups of a data set and stepping over the rest, for those who only want the pixels (PS3.5 7.1)."""

import struct

from radcommons.dicom.elements import (
    EXPLICIT_LITTLE,
    KNOWN_VRS,
    LONG_FORM_VRS,
    PIXEL_TAGS,
    UNDEFINED_LENGTH,
    Element,
    ElementReader,
    Encoding,
)

# What decoding and showing a frame needs: pixel description, presentation, functional groups, pixel data.
PIXEL_GROUPS = frozenset({0x0028, 0x2050, 0x5200, 0x7FE0})
_LONG = frozenset(vr.encode() for vr in LONG_FORM_VRS)
_SHORT = frozenset(vr.encode() for vr in KNOWN_VRS) - _LONG
_HEAD = struct.Struct("<HH2sH")
_LENGTH = struct.Struct("<I")


def read_groups(buffer: memoryview, start: int, encoding: Encoding, *, groups: frozenset[int]) -> tuple[Element, ...]:
    """The top-level elements of some groups, up to the pixel data.

    Elements of other groups are stepped over by their length; whatever is unusual is read as always.

    Raises
    ------
    FormatError
        As :meth:`.ElementReader.read_data_set`.
    """
    reader = ElementReader(buffer, encoding)
    found: list[Element] = []
    position, end = start, len(buffer)
    while position < end:
        following, group = _step(buffer, position, end, encoding)
        if following and group not in groups:
            position = following
            continue
        element, position = reader.read_at(position)
        if element.group in groups:
            found.append(element)
        if element.tag in PIXEL_TAGS:
            break
    return tuple(found)


def _step(buffer: memoryview, position: int, end: int, encoding: Encoding) -> tuple[int, int]:
    """Where the next element begins, and the group of this one; 0 where only reading tells."""
    if encoding is not EXPLICIT_LITTLE and encoding != EXPLICIT_LITTLE:
        return 0, 0
    if position + 12 > end:
        return 0, 0
    group, _, vr, length = _HEAD.unpack_from(buffer, position)
    if vr in _SHORT:
        following = position + 8 + length
    elif vr in _LONG:
        (length,) = _LENGTH.unpack_from(buffer, position + 8)
        following = 0 if length == UNDEFINED_LENGTH else position + 12 + length
    else:
        following = 0
    return (following if following <= end else 0), group
