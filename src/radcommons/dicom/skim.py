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
    # Elements are many and small: what finds the next one is written out here, without a call for each.
    head, length_at, is_usual = _HEAD.unpack_from, _LENGTH.unpack_from, encoding == EXPLICIT_LITTLE
    while position < end:
        if is_usual and position + 12 <= end:
            group, _, vr, length = head(buffer, position)
            if group not in groups:
                following = position + 8 + length
                if vr not in _SHORT:
                    (length,) = length_at(buffer, position + 8)
                    is_told = vr in _LONG and length != UNDEFINED_LENGTH
                    following = position + 12 + length if is_told else end + 1
                if following <= end:
                    position = following
                    continue
        element, position = reader.read_element(position)
        if element.group in groups:
            found.append(element)
        if element.tag in PIXEL_TAGS:
            break
    return tuple(found)
