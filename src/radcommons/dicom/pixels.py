"""Pixels for people: decoding one frame and rendering it as a picture (PS3.3 C.7.6.3, C.11; PS3.4 N.2).

Only the bytes of the frame asked for are decoded. Whoever calls this for strangers' files does so in a limited process.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from radcommons.dicom import uids
from radcommons.dicom.color import apply_palette
from radcommons.dicom.elements import Element, FormatError
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.frames import MAX_FRAMES, FrameIndex
from radcommons.dicom.gdcm_frames import decode_with_gdcm, is_for_gdcm
from radcommons.dicom.grayscale import to_grayscale
from radcommons.dicom.header import Header
from radcommons.dicom.instance import frame_index_of
from radcommons.dicom.packed_frames import is_packed, unpack
from radcommons.dicom.part10 import Part10File, open_part10, parse_part10
from radcommons.dicom.skim import PIXEL_GROUPS

MAX_FRAME_BYTES = 512 * 2**20
JPEG_QUALITY = 90
MAX_PICTURE_SIDE = 8192
_PIXEL_KEYWORDS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
_PIXEL_DATA = 0x7FE00010
_COLOR_SAMPLES = 3
_PLAIN_BITS = frozenset({8, 16})
_PLAIN_COLOURS = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})

Window = tuple[float, float]


class PixelDecodeError(RadCommonsError):
    """Pixel data that cannot be turned into numbers here; the object itself may be sound."""

    def __init__(self, code: str, message: str, kind: Kind = Kind.UNSUPPORTED) -> None:
        super().__init__(kind, code, message)


@dataclass(frozen=True, slots=True)
class _Layout:
    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    planar_configuration: int
    photometric_interpretation: str
    number_of_frames: int


def decode_frame(source: Path | bytes | memoryview, frame_index: int) -> NDArray[np.generic]:
    """Decode one frame.

    Parameters
    ----------
    source
        A DICOM file or its bytes.
    frame_index
        From 0.

    Returns
    -------
    Stored values, rows by columns, or rows by columns by 3 for colour (RGB; YBR is converted).

    Raises
    ------
    PixelDecodeError
        When there are no pixels, no such frame, too many pixels, or no decoder for them.
    """
    return FrameReader(_open(source)).decode(frame_index)


class FrameReader:
    """The frames of one parsed object, to be decoded one after the other.

    Parameters
    ----------
    file
        The object; it must have pixel data.

    Raises
    ------
    PixelDecodeError
        When there are no pixels, or a frame has more of them than are decoded here.
    """

    def __init__(self, file: Part10File) -> None:
        element = file.pixel_element()
        if element is None or not len(element.value):
            raise PixelDecodeError("dicom.no-pixels", "The object has no pixel data.", Kind.NOT_FOUND)
        self.header = Header(file.elements, file.encoding)
        self._file, self._element, self._layout = file, element, _layout(self.header)
        self._index: FrameIndex | None = None
        self.number_of_frames = min(self._layout.number_of_frames, MAX_FRAMES)

    def encoded_frame(self, frame_index: int) -> bytes:
        """The bytes of one encapsulated frame as they lie in the file, fragments joined.

        Raises
        ------
        PixelDecodeError
            When the frames cannot be told apart.
        """
        index = self._frames()
        if not self._element.is_encapsulated or frame_index >= len(index.frames):
            raise PixelDecodeError("dicom.no-such-frame", "The object has no such frame.", Kind.NOT_FOUND)
        runs = index.fragments[frame_index] if index.fragments else (index.frames[frame_index],)
        value, start = memoryview(self._element.value), self._element.offset
        return b"".join(bytes(value[offset - start : offset - start + length]) for offset, length in runs)

    def _frames(self) -> FrameIndex:
        if self._index is None:
            self._index = frame_index_of(self._file)
        return self._index

    def decode(self, frame_index: int, *, is_raw: bool = False) -> NDArray[np.generic]:
        """Decode one frame; see :func:`decode_frame`.

        Parameters
        ----------
        frame_index
            From 0.
        is_raw
            Whether compressed colour stays in the colour space its decoder gives, and values as they were compressed.
        """
        layout = self._layout
        if not 0 <= frame_index < self.number_of_frames:
            raise PixelDecodeError("dicom.no-such-frame", "The object has no such frame.", Kind.NOT_FOUND)
        frame_bits = layout.rows * layout.columns * layout.samples_per_pixel * max(layout.bits_allocated, 8)
        if not 0 < frame_bits <= MAX_FRAME_BYTES * 8:
            raise PixelDecodeError(
                "dicom.too-many-pixels", "A frame of this object is larger than is decoded here.", Kind.TOO_LARGE
            )
        if is_for_gdcm(
            self._file.transfer_syntax_uid,
            bits_stored=layout.bits_stored,
            samples_per_pixel=layout.samples_per_pixel,
        ):
            return _guarded(lambda: self._by_gdcm(frame_index))
        if is_packed(self._file.transfer_syntax_uid, bits_allocated=layout.bits_allocated):
            return _guarded(lambda: self._unpacked(frame_index))
        data, frames, position = _frame_bytes(self._frames(), self._element, frame_index, layout)
        if frames > 1 and layout.bits_allocated == 1 and self._file.encoding.order == "<":
            data, frames, position = _cut_out_bits(memoryview(self._element.value), frame_index, layout), 1, 0
        if frames == 1 and _is_plain(self._file, self._element, layout, size_bytes=len(data)):
            return _plain(data, layout)
        decode = _decoder(self._file.transfer_syntax_uid, self._element, layout, frames, is_raw=is_raw)
        return _guarded(lambda: decode(data, position))

    def _unpacked(self, frame_index: int) -> NDArray[np.generic]:
        layout = self._layout
        bits = layout.rows * layout.columns * layout.samples_per_pixel * layout.bits_allocated
        encoded, syntax = self.encoded_frame(frame_index), self._file.transfer_syntax_uid
        native = unpack(encoded, syntax, size_bytes=(bits + 7) // 8)
        decode = _decoder(uids.EXPLICIT_VR_LITTLE_ENDIAN, self._element, layout, 1, is_raw=False)
        return decode(native + b"\0" * (len(native) % 2), 0)

    def _by_gdcm(self, frame_index: int) -> NDArray[np.generic]:
        layout = self._layout
        return decode_with_gdcm(
            self.encoded_frame(frame_index),
            self._file.transfer_syntax_uid,
            (layout.rows, layout.columns),
            bits_allocated=layout.bits_allocated,
            bits_stored=layout.bits_stored,
        )


def draw_frame(
    source: Path | bytes | memoryview, frame_index: int, *, window: Window | None = None, function: str = ""
) -> Image.Image:
    """One frame as a picture of 8 bits a sample, in its own size.

    Parameters
    ----------
    source, frame_index
        As for :func:`decode_frame`.
    window
        Center and width in the units after rescaling (Hounsfield for CT); the object's own first window when not given,
        the range of its values when it has none.
    function
        How that window bends, as for :func:`~radcommons.dicom.grayscale.to_grayscale`.

    Raises
    ------
    PixelDecodeError
        As for :func:`decode_frame`.
    """
    file = _open(source)
    header = Header(file.elements, file.encoding)
    values = FrameReader(file).decode(frame_index)
    if header.text(0x00280004) == "PALETTE COLOR":
        picture = _guarded(lambda: apply_palette(values, header))
    elif values.ndim == _COLOR_SAMPLES:
        picture = _eight_bits(values, header)
    else:
        picture = to_grayscale(values, header, frame_index=frame_index, window=window, function=function)
    return Image.fromarray(np.ascontiguousarray(picture))


def render_frame(
    source: Path | bytes | memoryview,
    frame_index: int,
    *,
    window: Window | None = None,
    size: tuple[int, int] | None = None,
    media_type: str = "image/jpeg",
) -> bytes:
    """Render one frame as a picture of 8 bits a sample.

    Parameters
    ----------
    source, frame_index, window
        As for :func:`draw_frame`.
    size
        The largest width and height; the picture keeps its proportions and is never enlarged.
    media_type
        ``image/jpeg`` (quality 90) or ``image/png``.

    Raises
    ------
    PixelDecodeError
        As for :func:`decode_frame`.
    """
    image = fitted(draw_frame(source, frame_index, window=window), size)
    return encoded_picture(image, quality=None if media_type == "image/png" else JPEG_QUALITY)


def fitted(image: Image.Image, size: tuple[int, int] | None) -> Image.Image:
    """The picture, made smaller where it must to fit a width and height."""
    limit = size or (MAX_PICTURE_SIDE, MAX_PICTURE_SIDE)
    image.thumbnail((max(1, limit[0]), max(1, limit[1])), Image.Resampling.BILINEAR)
    return image


def encoded_picture(image: Image.Image, *, quality: int | None) -> bytes:
    """The picture as JPEG of a quality from 1 to 100, or as PNG where none is given."""
    stream = io.BytesIO()
    if quality is None:
        image.save(stream, "PNG", compress_level=3)
    else:
        image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def _open(source: Path | bytes | memoryview) -> Part10File:
    try:
        if isinstance(source, Path):
            return open_part10(source, groups=PIXEL_GROUPS)
        return parse_part10(memoryview(source), groups=PIXEL_GROUPS)
    except FormatError as error:
        raise PixelDecodeError(error.code, error.message, Kind.INVALID) from error


def _guarded(work: Callable[[], NDArray[np.generic]]) -> NDArray[np.generic]:
    """Run what decodes: compressed pixel data can fail in any way its decoders know."""
    try:
        return work()
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        NotImplementedError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise PixelDecodeError("dicom.pixels-undecodable", "The pixel data cannot be decoded here.") from error


def _layout(header: Header) -> _Layout:
    frames = header.integer(0x00280008)
    bits_allocated = header.integer(0x00280100) or 0
    return _Layout(
        rows=header.integer(0x00280010) or 0,
        columns=header.integer(0x00280011) or 0,
        samples_per_pixel=header.integer(0x00280002) or 1,
        bits_allocated=bits_allocated,
        bits_stored=header.integer(0x00280101) or bits_allocated,
        pixel_representation=header.integer(0x00280103) or 0,
        planar_configuration=header.integer(0x00280006) or 0,
        photometric_interpretation=header.text(0x00280004) or "MONOCHROME2",
        number_of_frames=1 if frames is None else frames,
    )


def _frame_bytes(
    index: FrameIndex, element: Element, frame_index: int, layout: _Layout
) -> tuple[bytes | memoryview, int, int]:
    """The bytes to decode, how many frames they hold and which of them is wanted."""
    value = memoryview(element.value)
    if not index.frames:
        # Frames that begin inside a byte cannot be cut out; the decoder finds them by counting bits.
        return value, layout.number_of_frames, frame_index
    if not element.is_encapsulated:
        offset, length = index.frames[frame_index]
        start = offset - element.offset
        # Words of two bytes need an even length; the last frame has its padding, the others their neighbour.
        return value[start : start + length + (length & 1)], 1, 0
    runs = index.fragments[frame_index] if index.fragments else (index.frames[frame_index],)
    pieces = [b"\xfe\xff\x00\xe0\0\0\0\0"]
    for offset, length in runs:
        start = offset - element.offset
        pieces.append(b"\xfe\xff\x00\xe0" + struct.pack("<I", length))
        pieces.append(bytes(value[start : start + length]))
    return b"".join(pieces), 1, 0


def _cut_out_bits(value: memoryview, frame_index: int, layout: _Layout) -> bytes:
    """A frame of single bits that may begin inside a byte, moved to the beginning of one (PS3.5 8.1.1)."""
    count = layout.rows * layout.columns * layout.samples_per_pixel
    first, shift = divmod(frame_index * count, 8)
    held = np.frombuffer(value, np.uint8)[first : first + (shift + count + 7) // 8]
    cut = np.packbits(np.unpackbits(held, bitorder="little")[shift : shift + count], bitorder="little").tobytes()
    return cut + b"\0" * (len(cut) % 2)


def _is_plain(file: Part10File, element: Element, layout: _Layout, *, size_bytes: int) -> bool:
    """Whether a frame is what most are: whole little endian words, one a pixel, and all there."""
    return (
        file.encoding.order == "<"
        and uids.is_native_syntax(file.transfer_syntax_uid)
        and element.tag == _PIXEL_DATA
        and layout.samples_per_pixel == 1
        and layout.bits_allocated in _PLAIN_BITS
        and 0 < layout.bits_stored <= layout.bits_allocated
        and layout.pixel_representation in {0, 1}
        and layout.photometric_interpretation in _PLAIN_COLOURS
        and size_bytes * 8 >= layout.rows * layout.columns * layout.bits_allocated
    )


def _plain(data: bytes | memoryview, layout: _Layout) -> NDArray[np.generic]:
    """The values of a plain frame; bits beyond those stored mean nothing (PS3.5 8.1.1)."""
    kind = np.dtype(f"<{'i' if layout.pixel_representation else 'u'}{layout.bits_allocated // 8}")
    values: NDArray[np.integer[Any]] = np.frombuffer(data, kind, layout.rows * layout.columns).copy()
    unused = layout.bits_allocated - layout.bits_stored
    if unused:
        np.left_shift(values, unused, out=values)
        np.right_shift(values, unused, out=values)
    return values.reshape(layout.rows, layout.columns)


def _decoder(
    transfer_syntax_uid: str, element: Element, layout: _Layout, frames: int, *, is_raw: bool
) -> Callable[[bytes | memoryview, int], NDArray[np.generic]]:
    syntax = UID(transfer_syntax_uid)
    options: dict[str, Any] = {
        "rows": layout.rows,
        "columns": layout.columns,
        "samples_per_pixel": layout.samples_per_pixel,
        "bits_allocated": layout.bits_allocated,
        "bits_stored": layout.bits_stored,
        "pixel_representation": layout.pixel_representation,
        "planar_configuration": layout.planar_configuration,
        "photometric_interpretation": layout.photometric_interpretation,
        "number_of_frames": frames,
        "pixel_keyword": _PIXEL_KEYWORDS[element.tag],
        "pixel_vr": "OW" if element.vr not in {"OB", "OW"} else element.vr,
    }

    def decode(data: bytes | memoryview, index: int) -> NDArray[np.generic]:
        array, _ = get_decoder(syntax).as_array(bytes(data), index=index, raw=is_raw, **options)
        return array

    return decode


def _eight_bits(values: NDArray[np.generic], header: Header) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    bits = header.integer(0x00280101) or values.dtype.itemsize * 8
    scaled = values.astype(np.float32) * (255.0 / float(2**bits - 1))
    clipped: NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
    return clipped
