"""What pixel data can hold beside the picture: trailing bytes, comments, overlays in bits that no pixel uses.

A viewer shows neither, so a person who reviews the pictures cannot find them.
"""

import struct
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise

from radcommons.deid.pixels.codestreams import MalformedCodestreamError, stripped
from radcommons.deid.pixels.encapsulation import OFFSET_TABLES, encapsulated, frame_bytes
from radcommons.deid.pixels.spool import Spool
from radcommons.deid.unused_bits import depth_of
from radcommons.dicom import uids
from radcommons.dicom.elements import Element
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.frames import FrameIndex
from radcommons.dicom.instance import frame_index_of, pixel_shape
from radcommons.dicom.part10 import Part10File

_OVERLAY_BITS_ALLOCATED = 0x0100
_OVERLAY_BIT_POSITION = 0x0102
_OVERLAY_DATA = 0x3000
_OVERLAY_GROUP = 0x60
_PIXELS = "(7FE0,0010)"
_RLE = "1.2.840.10008.1.2.5"
# Deflated frames have no room beside the picture but trailing bytes, which inflating shows; videos are refused anyway.
_NOT_FOLLOWED = frozenset({"1.2.840.10008.1.2.8.1", *(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))})


def tail_bytes(file: Part10File) -> int:
    """How many bytes follow the last declared frame of uncompressed pixel data, the padding byte not counted."""
    element = file.pixel_element()
    if element is None or element.is_encapsulated or not uids.is_native_syntax(file.transfer_syntax_uid):
        return 0
    shape = pixel_shape(file.header)
    # Writers that decompress often leave the name of the subsampled form although every sample is there.
    bits = shape.rows * shape.columns * shape.samples_per_pixel * shape.bits_allocated * shape.number_of_frames
    needed = (bits + 7) // 8
    return max(0, len(element.value) - needed - (needed & 1)) if needed > 0 else 0


def without_tail(file: Part10File) -> tuple[Part10File, tuple[Finding, ...]]:
    """The file with nothing in its pixel data beside the picture, and what to say about it.

    Bytes behind the last frame go; so do comments, application data, thumbnails and trailing bytes of compressed frames,
    the picture untouched. A frame that cannot be followed stays as it is, with a warning.
    """
    pixels = file.pixel_element()
    if pixels is None:
        return file, ()
    if pixels.is_encapsulated:
        return _without_comments(file, pixels)
    surplus = tail_bytes(file)
    if not surplus:
        return file, ()
    kept = replace(pixels, value=memoryview(pixels.value)[: len(pixels.value) - surplus])
    elements = tuple(kept if element is pixels else element for element in file.elements)
    message = "Bytes that belong to no frame follow the picture; they are left out."
    return replace(file, elements=elements), (Finding(Severity.WARNING, "dicom.trailing-bytes", _PIXELS, message),)


def _without_comments(file: Part10File, pixels: Element) -> tuple[Part10File, tuple[Finding, ...]]:
    index = frame_index_of(file)
    if not index.frames or file.transfer_syntax_uid in _NOT_FOLLOWED:
        return file, ()
    strip = _stripper(file)
    try:
        is_changed = _is_more_than_pictures(file, pixels, index, strip)
    except MalformedCodestreamError:
        message = "A compressed frame cannot be followed; whether it holds more than a picture is not known."
        return file, (Finding(Severity.WARNING, "deid.codestream-not-followed", _PIXELS, message),)
    if not is_changed:
        return file, ()
    frames = (strip(frame_bytes(index, pixels, number)) for number in range(len(index.frames)))
    made = encapsulated(frames, len(index.frames), pixels=pixels, spool=Spool())
    by_tag = {element.tag: element for element in file.elements if element.tag not in OFFSET_TABLES}
    by_tag |= {element.tag: element for element in (*made.tables, made.pixels)}
    message = "Comments or other bytes beside the picture in compressed frames; they are left out."
    finding = Finding(Severity.WARNING, "dicom.codestream-comments", _PIXELS, message)
    return replace(file, elements=tuple(by_tag[tag] for tag in sorted(by_tag))), (finding,)


def has_comments(file: Part10File) -> bool:
    """Whether compressed frames that can be followed hold more than pictures."""
    pixels = file.pixel_element()
    if pixels is None or not pixels.is_encapsulated or file.transfer_syntax_uid in _NOT_FOLLOWED:
        return False
    index = frame_index_of(file)
    try:
        return bool(index.frames) and _is_more_than_pictures(file, pixels, index, _stripper(file))
    except MalformedCodestreamError:
        return False


def _stripper(file: Part10File) -> Callable[[bytes], bytes]:
    shape = pixel_shape(file.header)
    return partial(stripped, is_rle=file.transfer_syntax_uid == _RLE, segment_bytes=shape.rows * shape.columns)


def _is_more_than_pictures(
    file: Part10File, pixels: Element, index: FrameIndex, strip: Callable[[bytes], bytes]
) -> bool:
    count = len(index.frames)
    if _has_odd_table(pixels, count) or _has_odd_extended_table(file, pixels, count):
        return True
    return any(strip(frame) is not frame for frame in (frame_bytes(index, pixels, number) for number in range(count)))


def _has_odd_extended_table(file: Part10File, pixels: Element, frames: int) -> bool:
    """Whether the extended offset table, or its lengths, hold numbers that lead nowhere in the pixel data."""
    header, ends = file.header, len(pixels.value)
    for tag in OFFSET_TABLES:
        element = header.element(tag)
        if element is None:
            continue
        numbers = struct.unpack_from(f"<{len(element.value) // 8}Q", element.value)
        if 8 * frames != len(element.value) or any(number >= ends for number in numbers):
            return True
    return False


def _has_odd_table(pixels: Element, frames: int) -> bool:
    """Whether the item of the basic offset table holds anything but ascending offsets of the frames."""
    length = struct.unpack_from("<I", pixels.value, 4)[0]
    if length not in {0, 4 * frames}:
        return True
    offsets = struct.unpack_from(f"<{length // 4}I", pixels.value, 8)
    return bool(offsets) and (offsets[0] != 0 or any(a >= b for a, b in pairwise(offsets)))


def overlay_findings(file: Part10File) -> tuple[Finding, ...]:
    """Refuse an overlay in bits of the pixels (retired, PS3.5 8.1.2) that are not emptied, which stays when its description goes."""
    overlays = [element for element in file.elements if element.tag >> 24 == _OVERLAY_GROUP]
    with_data = {element.group for element in overlays if element.tag & 0xFFFF == _OVERLAY_DATA}
    header, pixels = file.header, file.pixel_element()
    depth = depth_of(header)
    is_emptied = depth is not None and depth.is_aligned and pixels is not None and not pixels.is_encapsulated
    for element in overlays:
        is_inside = element.tag & 0xFFFF == _OVERLAY_BITS_ALLOCATED and bytes(element.value).strip(b"\0") != b"\1"
        position = header.integer(element.group << 16 | _OVERLAY_BIT_POSITION)
        is_above = is_emptied and depth is not None and position is not None and depth.stored <= position
        if is_inside and element.group not in with_data and not is_above:
            message = "An overlay lies in bits of the pixels, where nobody can review it."
            return (Finding(Severity.ERROR, "deid.overlay-in-pixels", _PIXELS, message),)
    return ()
