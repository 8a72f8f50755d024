"""Pixel data on the short way: they pass as they are, or their file goes the long way, which mends or refuses them."""

import mmap
from collections.abc import Iterable
from dataclasses import dataclass

from radcommons.deid.hidden_pixels import without_tail
from radcommons.deid.unused_bits import DEPTH_TAGS, Depth, depth_of, unused_bits_findings
from radcommons.deid.verify import residual_findings
from radcommons.dicom.elements import EXPLICIT_LITTLE, UNDEFINED_LENGTH, Element, ElementReader, Encoding, FormatError
from radcommons.dicom.header import Header
from radcommons.dicom.instance import frame_index_of
from radcommons.dicom.part10 import Part10File

SHAPE_TAGS = (0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011, *DEPTH_TAGS)
"""What says how large and how deep frames are."""
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
# Tag, value representation and length of an explicit element of undefined length (PS3.5 7.1.2).
_HEAD_BYTES = 12
_ITEM = b"\xfe\xff\0\xe0\0\0\0\0"
ONE_FRAME = _ITEM + _ITEM
"""The least that holds a compressed frame, for whoever asks about a file without looking at its pixels."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """What files that begin alike say of their pixel data.

    Parameters
    ----------
    transfer_syntax_uid
        Their transfer syntax.
    length
        How long they are; ``None`` when they are compressed, since every file says it of its own.
    shape
        The elements of :data:`SHAPE_TAGS`.
    depth
        How the bits of uncompressed cells are used, where some are not.
    """

    transfer_syntax_uid: str
    length: int | None
    shape: tuple[Element, ...]
    depth: Depth | None

    def length_in(self, size: int, value_at: int) -> int:
        """How long they are in a file of a size in which they begin somewhere."""
        return size - value_at if self.length is None else self.length

    def have_empty_bits(self, piece: memoryview) -> bool:
        """Whether nothing is in the unused bits of whole cells of uncompressed pixels."""
        depth = self.depth
        return depth is None or (depth.is_aligned and not depth.has_strays(piece))

    def are_pictures_alone(self, reading: int, value_at: int, identifiers: frozenset[str]) -> bool:
        """Whether the long way would leave compressed pixels as they are, and say nothing.

        Parameters
        ----------
        reading
            An open file.
        value_at
            Where its pixel data begin, which must reach to its end.
        identifiers
            What must not stand among them.
        """
        content = memoryview(mmap.mmap(reading, 0, access=mmap.ACCESS_READ))
        try:
            element, end = ElementReader(content, EXPLICIT_LITTLE).read_element(value_at - _HEAD_BYTES)
        except FormatError:
            return False
        elements = (*self.shape, element)
        file = Part10File(content, (), elements, self.transfer_syntax_uid, EXPLICIT_LITTLE, False, ())
        index = frame_index_of(file)
        is_one_frame = len(index.frames) == 1 and not index.findings
        if not is_one_frame or end != len(content) or content[-len(_SEQUENCE_END) :] != _SEQUENCE_END:
            return False
        kept, findings = without_tail(file)
        return kept is file and not (findings or unused_bits_findings(file) or residual_findings(file, identifiers))


def pixels_of(tail: bytes, elements: Iterable[Element], transfer_syntax_uid: str, encoding: Encoding) -> Pixels:
    """What a file says of its pixel data.

    Parameters
    ----------
    tail
        The bytes of the element before its value, none when there is none.
    elements
        Elements of the file, those of :data:`SHAPE_TAGS` among them.
    transfer_syntax_uid, encoding
        How it is written.
    """
    shape = tuple(each for each in elements if each.tag in SHAPE_TAGS)
    length = int.from_bytes(tail[-4:], "little")
    is_compressed = length == UNDEFINED_LENGTH
    depth = depth_of(Header(shape, encoding)) if tail and not is_compressed else None
    return Pixels(transfer_syntax_uid, None if is_compressed else length, shape, depth)
