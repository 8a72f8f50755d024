"""What pixel data can hold beside the picture: bytes after the last frame, and overlays in bits that no pixel uses.

A viewer shows neither, so a person who reviews the pictures cannot find them.
"""

from dataclasses import replace

from radcommons.dicom import uids
from radcommons.dicom.elements import Element
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.instance import pixel_shape
from radcommons.dicom.part10 import Part10File

_OVERLAY_BITS_ALLOCATED = 0x0100
_OVERLAY_DATA = 0x3000
_OVERLAY_GROUP = 0x60
_PIXELS = "(7FE0,0010)"


def tail_bytes(file: Part10File) -> int:
    """How many bytes follow the last declared frame of uncompressed pixel data, the padding byte not counted."""
    element = file.pixel_element()
    if element is None or element.is_encapsulated or not uids.is_native_syntax(file.transfer_syntax_uid):
        return 0
    shape = pixel_shape(Header(file.elements, file.encoding))
    # Writers that decompress often leave the name of the subsampled form although every sample is there.
    bits = shape.rows * shape.columns * shape.samples_per_pixel * shape.bits_allocated * shape.number_of_frames
    needed = (bits + 7) // 8
    return max(0, len(element.value) - needed - (needed & 1)) if needed > 0 else 0


def without_tail(file: Part10File) -> tuple[Part10File, tuple[Finding, ...]]:
    """The file with nothing after its last frame, and what to say about it."""
    surplus = tail_bytes(file)
    pixels = file.pixel_element()
    if not surplus or pixels is None:
        return file, ()
    kept = replace(pixels, value=memoryview(pixels.value)[: len(pixels.value) - surplus])
    elements = tuple(kept if element is pixels else element for element in file.elements)
    message = "Bytes that belong to no frame follow the picture; they are left out."
    return replace(file, elements=elements), (Finding(Severity.WARNING, "dicom.trailing-bytes", _PIXELS, message),)


def overlay_findings(elements: tuple[Element, ...]) -> tuple[Finding, ...]:
    """Refuse an overlay in the unused bits of the pixels (retired, PS3.5 8.1.2), which stays when its description goes."""
    overlays = [element for element in elements if element.tag >> 24 == _OVERLAY_GROUP]
    with_data = {element.group for element in overlays if element.tag & 0xFFFF == _OVERLAY_DATA}
    for element in overlays:
        is_inside = element.tag & 0xFFFF == _OVERLAY_BITS_ALLOCATED and bytes(element.value).strip(b"\0") != b"\1"
        if is_inside and element.group not in with_data:
            message = "An overlay lies in unused bits of the pixels, where nobody can review it."
            return (Finding(Severity.ERROR, "deid.overlay-in-pixels", _PIXELS, message),)
    return ()
