"""Blackening compressed frames: decode, patch, compress again without loss (PS3.5 A.4, 8.2).

Where the transfer syntax allows lossless frames beside the others, only the touched frames are compressed anew; the rest
keep their bytes. Otherwise the whole object goes to JPEG-LS or JPEG 2000 lossless, so that it stays of one transfer syntax.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID

from radcommons.deid.pixels.black import black_cells
from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.encapsulation import OFFSET_TABLES, encapsulated, frame_bytes
from radcommons.deid.pixels.native import CannotRedactError, blacken_cells, cell_layout
from radcommons.deid.pixels.spool import Spool
from radcommons.dicom import uids
from radcommons.dicom.elements import PIXEL_DATA, Element
from radcommons.dicom.header import Header
from radcommons.dicom.instance import frame_index_of, pixel_shape
from radcommons.dicom.part10 import Part10File
from radcommons.dicom.pixels import FrameReader, PixelDecodeError

_RLE = "1.2.840.10008.1.2.5"
_DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
_JPEG_LS, _JPEG_LS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
_JPEG_2000_LOSSLESS, _JPEG_2000 = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
# Process 1 and 2&4 of JPEG are lossy whatever the header says.
_LOSSY = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
# Which lossless encoder writes frames that a transfer syntax holds beside others.
_FRAME_ENCODERS = {
    _RLE: _RLE,
    _JPEG_LS: _JPEG_LS,
    _JPEG_LS_NEAR: _JPEG_LS,
    _JPEG_2000_LOSSLESS: _JPEG_2000_LOSSLESS,
    _JPEG_2000: _JPEG_2000_LOSSLESS,
}
_LARGEST_VALUE = 2**32 - 2
_PLANAR = 0x00280006
_COLORS = 3


@dataclass(frozen=True, slots=True)
class _Plan:
    """How frames are written anew: with which encoder, into which transfer syntax, all of them or the touched ones."""

    encoder: str
    transfer_syntax_uid: str
    photometric_interpretation: str
    is_partial: bool


class _CannotCompressError(CannotRedactError):
    """A frame that no lossless encoder at hand takes: too small, too deep, or with values beyond its bits."""


def blacken_encapsulated(
    file: Part10File, pixels: Element, boxes: Sequence[Box], *, scratch: Path | None = None
) -> Part10File:
    """The object with the boxes black in its compressed frames; uncompressed when no lossless encoder takes a frame.

    Raises
    ------
    CannotRedactError
        When a frame that has to be written anew cannot be decoded.
    """
    try:
        return _compressed_anew(file, pixels, boxes, Spool(scratch))
    except _CannotCompressError:
        return _uncompressed(file, pixels, boxes, Spool(scratch))


def _compressed_anew(file: Part10File, pixels: Element, boxes: Sequence[Box], spool: Spool) -> Part10File:
    header = Header(file.elements, file.encoding)
    if pixels.tag != PIXEL_DATA:
        raise CannotRedactError("Compressed pixels of floating point cannot be blackened.")
    index = frame_index_of(file)
    count = pixel_shape(header).number_of_frames
    if len(index.frames) != count:
        raise CannotRedactError("The compressed frames cannot be told apart, so nothing can be blackened in them.")
    plan = _plan(file, header)
    reader = FrameReader(file)

    def frames() -> Iterator[bytes]:
        for frame_index in range(count):
            inside = [box for box in boxes if box.is_in_frame(frame_index)]
            if inside or not plan.is_partial:
                yield _recoded(reader, frame_index, inside, plan)
            else:
                yield frame_bytes(index, pixels, frame_index)

    try:
        made = encapsulated(frames(), count, pixels=pixels, spool=spool)
    except OverflowError as error:
        raise CannotRedactError("The object becomes too large for its table of frames.") from error
    return _rewritten(file, plan, made.pixels, made.tables)


def _uncompressed(file: Part10File, pixels: Element, boxes: Sequence[Box], spool: Spool) -> Part10File:
    reader = FrameReader(file)
    is_color = (reader.header.integer(0x00280002) or 1) > 1
    photometric = "RGB" if is_color else reader.header.text(0x00280004)
    plan = _Plan("", uids.EXPLICIT_VR_LITTLE_ENDIAN, photometric, is_partial=False)
    width, bits = 1, reader.header.integer(0x00280101) or 1
    for frame_index in range(reader.number_of_frames):
        values = _decoded(reader, frame_index, plan)
        width = values.dtype.itemsize
        bits = max(bits, _bits_needed(values))
        _blacken(values, reader.header, [box for box in boxes if box.is_in_frame(frame_index)], plan)
        spool.write(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())
    if spool.size > _LARGEST_VALUE:
        raise CannotRedactError("The object is too large to be stored uncompressed.")
    value = replace(pixels, vr="OW" if width > 1 else "OB", value=spool.view(), offset=-1, is_encapsulated=False)
    changed = _rewritten(file, plan, value, ())
    return changed if bits == reader.header.integer(0x00280101) else _with_bits(changed, bits)


def _bits_needed(values: NDArray[np.generic]) -> int:
    low, high = int(values.min()), int(values.max())
    return max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + (values.dtype.kind == "i")


def _with_bits(file: Part10File, bits: int) -> Part10File:
    """More stored bits: lossy decoders give values a little beyond the range that was compressed."""
    order = file.encoding.order
    new = {0x00280101: bits, 0x00280102: bits - 1}
    elements = tuple(
        replace(each, value=struct.pack(order + "H", new[each.tag])) if each.tag in new else each
        for each in file.elements
    )
    return replace(file, elements=elements)


def _plan(file: Part10File, header: Header) -> _Plan:
    syntax, photometric = file.transfer_syntax_uid, header.text(0x00280004)
    if syntax == _DEFLATED_FRAMES:
        return _Plan(syntax, syntax, photometric, is_partial=True)
    is_color = (header.integer(0x00280002) or 1) > 1
    # The irreversible colour transform of JPEG 2000 has no lossless counterpart under the same name.
    if syntax in _FRAME_ENCODERS and photometric not in {"YBR_ICT", "YBR_PARTIAL_420"}:
        return _Plan(_FRAME_ENCODERS[syntax], syntax, photometric, is_partial=True)
    return _Plan(_JPEG_LS, _JPEG_LS, "RGB" if is_color else photometric, is_partial=False)


def _recoded(reader: FrameReader, frame_index: int, boxes: Sequence[Box], plan: _Plan) -> bytes:
    if plan.encoder == _DEFLATED_FRAMES:
        return _redeflated(reader, frame_index, boxes)
    values = _decoded(reader, frame_index, plan)
    _blacken(values, reader.header, boxes, plan)
    return _encoded(values, reader.header, plan)


def _decoded(reader: FrameReader, frame_index: int, plan: _Plan) -> NDArray[np.generic]:
    try:
        return reader.decode(frame_index, is_raw=plan.is_partial).copy()
    except PixelDecodeError as error:
        message = "The pixel data cannot be decoded here, so nothing can be blackened in them."
        raise CannotRedactError(message) from error


def _blacken(values: NDArray[np.generic], header: Header, boxes: Sequence[Box], plan: _Plan) -> None:
    rows, columns = values.shape[:2]
    clipped = [box for each in boxes if (box := each.clipped(rows, columns)) is not None]
    if not clipped:
        return
    samples = values.shape[2] if values.ndim == _COLORS else 1
    cells = values.view(f"u{values.dtype.itemsize}")
    # A decoder of JPEG 2000 gives RGB for both of its colour transforms.
    photometric = "RGB" if plan.photometric_interpretation == "YBR_RCT" else plan.photometric_interpretation
    black = black_cells(cells.reshape(-1), samples, header, clipped, shape=(rows, columns), photometric=photometric)
    for box in clipped:
        cells[box.top : box.bottom, box.left : box.right] = black if samples > 1 else black[0]


def _encoded(values: NDArray[np.generic], header: Header, plan: _Plan) -> bytes:
    bits_allocated = values.dtype.itemsize * 8
    options = {
        "rows": values.shape[0],
        "columns": values.shape[1],
        "samples_per_pixel": values.shape[2] if values.ndim == _COLORS else 1,
        "number_of_frames": 1,
        "bits_allocated": bits_allocated,
        "bits_stored": min(header.integer(0x00280101) or bits_allocated, bits_allocated),
        "pixel_representation": 1 if values.dtype.kind == "i" else 0,
        "photometric_interpretation": plan.photometric_interpretation,
        "pixel_keyword": "PixelData",
        "planar_configuration": 0,
    }
    try:
        return bytes(get_encoder(UID(plan.encoder)).encode(np.ascontiguousarray(values), **options))
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise _CannotCompressError("The frame cannot be compressed again without loss.") from error


def _redeflated(reader: FrameReader, frame_index: int, boxes: Sequence[Box]) -> bytes:
    """A frame of Deflated Image Frame Compression, which is the plain frame deflated (PS3.5 A.4.13)."""
    limit = 2**30
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = machine.decompress(reader.encoded_frame(frame_index), limit)
    except zlib.error as error:
        raise CannotRedactError("The deflated frame cannot be inflated.") from error
    layout = replace(cell_layout(reader.header, limit, number_of_frames=1), number_of_frames=1)
    data = np.frombuffer(plain, dtype=np.uint8).copy()
    needed = (layout.cells_per_frame * layout.bits + 7) // 8
    if len(data) < needed:
        raise CannotRedactError("The deflated frame is shorter than declared.")
    if layout.bits == 1:
        cells = np.unpackbits(data, bitorder="little")
        blacken_cells(cells[: layout.cells_per_frame], layout, reader.header, boxes)
        data = np.packbits(cells, bitorder="little")
    else:
        blacken_cells(data[:needed].view(f"<u{layout.bits // 8}"), layout, reader.header, boxes)
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data.tobytes()) + packer.flush()


def _rewritten(file: Part10File, plan: _Plan, value: Element, tables: Sequence[Element]) -> Part10File:
    """The object around new pixel data: what describes their form goes along with them."""
    by_tag = {element.tag: element for element in file.elements if element.tag not in OFFSET_TABLES}
    by_tag |= {element.tag: element for element in (*tables, value)}
    if not plan.is_partial:
        by_tag[0x00280004] = Element(0x00280004, "CS", plan.photometric_interpretation.encode("ascii"))
        if plan.photometric_interpretation == "RGB":
            by_tag[_PLANAR] = Element(_PLANAR, "US", struct.pack(file.encoding.order + "H", 0))
        if file.transfer_syntax_uid in _LOSSY:
            by_tag[0x00282110] = Element(0x00282110, "CS", b"01")
    elements = tuple(by_tag[tag] for tag in sorted(by_tag))
    return replace(file, elements=elements, transfer_syntax_uid=plan.transfer_syntax_uid)
