"""What a limited process does with a stored file: decode a frame, make a picture, read a value.

Bytes of strangers are parsed here and nowhere in the web process (DESIGN, invariant 6). This module is imported by
child processes, so it knows neither Django nor the database.
"""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from radcommons.dicom.dicom_json import find_bulk
from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.part10 import map_file, parse_part10
from radcommons.dicom.pixels import JPEG_QUALITY, decode_frame, render_frame
from radcommons.server.archive.encoding import encode_frame, transcode_file

MAX_VALUE_BYTES = 256 * 2**20
_LEAST_LETTER = 9


@dataclass(frozen=True, slots=True)
class DecodeFrame:
    """Decode one frame to little endian samples, as uncompressed pixel data would hold them."""

    frame_index: int


@dataclass(frozen=True, slots=True)
class EncodeFrame:
    """Encode one frame anew, without loss (:mod:`.encoding`)."""

    frame_index: int
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class Transcode:
    """Write the whole object in another transfer syntax to a new local file; nothing is returned."""

    transfer_syntax_uid: str
    target: str


@dataclass(frozen=True, slots=True)
class RenderFrame:
    """Make a picture of one frame.

    Parameters
    ----------
    window
        Centre and width in units after the modality transformation; None for the object's own.
    crop
        Left, top, width and height of the part to show, in pixels of the frame; None for all of it.
    size
        Width and height of the box in which the picture must fit; None for the frame's own size.
    quality
        JPEG quality, 1 to 100; None for PNG.
    flip
        Whether to mirror it from left to right, and from top to bottom.
    lines
        What to write in its upper left corner.
    """

    frame_index: int
    window: tuple[float, float] | None = None
    crop: tuple[int, int, int, int] | None = None
    size: tuple[int, int] | None = None
    quality: int | None = JPEG_QUALITY
    flip: tuple[bool, bool] = (False, False)
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadValue:
    """Read the value at a tag path (:func:`radcommons.dicom.dicom_json.find_bulk`)."""

    tag_path: str


Work = DecodeFrame | EncodeFrame | RenderFrame | ReadValue | Transcode


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work on one file."""

    path: str
    work: Work


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no result; a code that says nothing of the file's content."""

    code: str


def perform(job: Job) -> bytes | Refusal:
    """Do one piece of work in a child process."""
    path = Path(job.path)
    try:
        match job.work:
            case DecodeFrame(frame_index=frame_index):
                return _little_endian(path, frame_index)
            case EncodeFrame(frame_index=frame_index, transfer_syntax_uid=syntax):
                return encode_frame(path, frame_index, syntax)
            case Transcode(transfer_syntax_uid=syntax, target=target):
                transcode_file(path, syntax, Path(target))
                return b""
            case RenderFrame() as render:
                return _picture(path, render)
            case ReadValue(tag_path=tag_path):
                return _value(path, tag_path)
    except RadCommonsError as error:
        return Refusal(error.code)


def _little_endian(path: Path, frame_index: int) -> bytes:
    samples = decode_frame(path, frame_index)
    return samples.astype(samples.dtype.newbyteorder("<"), copy=False).tobytes()


def _picture(path: Path, render: RenderFrame) -> bytes:
    media_type = "image/png" if render.quality is None else "image/jpeg"
    is_plain = render.crop is None and not any(render.flip) and not render.lines
    if is_plain and render.quality in {None, JPEG_QUALITY}:
        return render_frame(path, render.frame_index, window=render.window, size=render.size, media_type=media_type)
    whole = render_frame(path, render.frame_index, window=render.window, media_type="image/png")
    picture = _laid_out(Image.open(io.BytesIO(whole)), render)
    sink = io.BytesIO()
    if render.quality is None:
        picture.save(sink, "PNG", compress_level=1)
    else:
        picture.convert("L" if picture.mode in {"1", "L"} else "RGB").save(sink, "JPEG", quality=render.quality)
    return sink.getvalue()


def _laid_out(picture: Image.Image, render: RenderFrame) -> Image.Image:
    """The part that is wanted, mirrored, in its size, with what is written on it (PS3.18 8.3.5.1)."""
    if render.crop is not None:
        left, top, width, height = render.crop
        picture = picture.crop((left, top, min(left + width, picture.width), min(top + height, picture.height)))
    if render.flip[0]:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if render.flip[1]:
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    if render.size is not None:
        picture.thumbnail(render.size, Image.Resampling.BILINEAR)
    if render.lines:
        picture = picture.convert("RGB" if picture.mode not in {"L", "RGB"} else picture.mode)
        font = ImageFont.load_default(max(_LEAST_LETTER, min(picture.size) // 32))
        white, black = (255, 0) if picture.mode == "L" else ((255, 255, 255), (0, 0, 0))
        ImageDraw.Draw(picture).multiline_text(
            (4, 4), "\n".join(render.lines), fill=white, font=font, stroke_width=1, stroke_fill=black
        )
    return picture


def _value(path: Path, tag_path: str) -> bytes | Refusal:
    element = find_bulk(parse_part10(map_file(path)).elements, tag_path)
    if element is None or element.items is not None:
        return Refusal("archive.no-such-value")
    if len(element.value) > MAX_VALUE_BYTES:
        return Refusal("archive.value-too-large")
    return bytes(element.value)
