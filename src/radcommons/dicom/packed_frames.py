"""Frames that are packed rather than transformed: deflated ones, and single bits in runs (PS3.5 8.2.2, 8.2.16, Annex G).

What comes out is what native pixel data of the same frame would hold, each frame beginning at a whole byte.
"""

import struct
import zlib

RLE = "1.2.840.10008.1.2.5"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
_RLE_HEADER = struct.Struct("<16I")
_NO_OPERATION = 128


def is_packed(transfer_syntax_uid: str, *, bits_allocated: int) -> bool:
    """Whether a frame is unpacked here: any deflated one, and runs of single bits, which no decoder of runs knows."""
    return transfer_syntax_uid == DEFLATED_FRAMES or (transfer_syntax_uid == RLE and bits_allocated == 1)


def unpack(encoded: bytes, transfer_syntax_uid: str, *, size_bytes: int) -> bytes:
    """The bytes of one native frame.

    Parameters
    ----------
    size_bytes
        Of the frame; more is never unpacked.

    Raises
    ------
    ValueError
        When they are fewer, or not packed so.
    """
    if transfer_syntax_uid == DEFLATED_FRAMES:
        try:
            found = zlib.decompressobj(-zlib.MAX_WBITS).decompress(encoded, size_bytes)
        except zlib.error as error:
            raise ValueError("The frame is not deflated.") from error
    else:
        found = _unpacked_runs(encoded, size_bytes)
    if len(found) < size_bytes:
        raise ValueError("The frame ends too early.")
    return found[:size_bytes]


def _unpacked_runs(encoded: bytes, size_bytes: int) -> bytes:
    """One segment of runs (PS3.5 G.3.2)."""
    if len(encoded) < _RLE_HEADER.size:
        raise ValueError("The frame has no header.")
    count, position = _RLE_HEADER.unpack_from(encoded)[:2]
    if count != 1:
        raise ValueError("Single bits lie in one segment.")
    found = bytearray()
    while len(found) < size_bytes and position < len(encoded):
        length = encoded[position]
        position += 1
        if length < _NO_OPERATION:
            found += encoded[position : position + length + 1]
            position += length + 1
        elif length > _NO_OPERATION:
            found += encoded[position : position + 1] * (257 - length)
            position += 1
    return bytes(found)
