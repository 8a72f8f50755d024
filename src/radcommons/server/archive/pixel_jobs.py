"""What is asked of a limited process that works on a stored file: decode a frame, make a picture, read a value. Pure.

What does it is :mod:`.pixel_work`, in a process with limits (DESIGN, invariant 6).
"""

from dataclasses import dataclass

JPEG_QUALITY = 90


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
    function
        ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID`` for that window; empty for the object's own.
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
    function: str = ""
    crop: tuple[int, int, int, int] | None = None
    size: tuple[int, int] | None = None
    quality: int | None = JPEG_QUALITY
    flip: tuple[bool, bool] = (False, False)
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadValue:
    """Read the value at a tag path (:func:`radcommons.dicom.dicom_json.find_bulk`)."""

    tag_path: str


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """Read the PDF inside an object: JSON with ``page_count`` and the words of each page, ``texts``."""


@dataclass(frozen=True, slots=True)
class DrawPage:
    """Draw one page of the PDF inside an object as PNG, ``page_index`` from 0, of a width in pixels."""

    page_index: int
    width: int


Work = DecodeFrame | EncodeFrame | RenderFrame | ReadValue | Transcode | ReadDocument | DrawPage


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work on one file."""

    path: str
    work: Work


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no result; a code that says nothing of the file's content."""

    code: str
