"""What a limited process does with a stored file: decode a frame, make a picture, read a value.

Bytes of strangers are parsed here and nowhere in the web process (DESIGN, invariant 6). This module is imported by
child processes, so it knows neither Django nor the database.
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from radcommons.dicom.dicom_json import find_bulk
from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.isolation import Named
from radcommons.dicom.part10 import map_file, parse_part10
from radcommons.dicom.pixels import decode_frame, draw_frame, encoded_picture, fitted
from radcommons.server.archive.encoding import encode_frame, transcode_file
from radcommons.server.archive.pixel_jobs import (
    DecodeFrame,
    DrawPage,
    EncodeFrame,
    Job,
    ReadDocument,
    ReadValue,
    Refusal,
    RenderFrame,
    Transcode,
)

MAX_VALUE_BYTES = 256 * 2**20
_LEAST_LETTER = 9
# By its name: few objects hold a document, and what reads it is large.
_READ_DOCUMENT: Named[Job, bytes | Refusal] = Named("radcommons.server.archive.document_work", "perform")


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
            case ReadDocument() | DrawPage():
                return _READ_DOCUMENT(job)
    except RadCommonsError as error:
        return Refusal(error.code)


def _little_endian(path: Path, frame_index: int) -> bytes:
    samples = decode_frame(path, frame_index)
    return samples.astype(samples.dtype.newbyteorder("<"), copy=False).tobytes()


def _picture(path: Path, render: RenderFrame) -> bytes:
    picture = _laid_out(draw_frame(path, render.frame_index, window=render.window, function=render.function), render)
    if render.quality is not None and picture.mode not in {"L", "RGB"}:
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    return encoded_picture(picture, quality=render.quality)


def _laid_out(picture: Image.Image, render: RenderFrame) -> Image.Image:
    """The part that is wanted, mirrored, in its size, with what is written on it (PS3.18 8.3.5.1)."""
    if render.crop is not None:
        left, top, width, height = render.crop
        picture = picture.crop((left, top, min(left + width, picture.width), min(top + height, picture.height)))
    if render.flip[0]:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if render.flip[1]:
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    picture = fitted(picture, render.size)
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
