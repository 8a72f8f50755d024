"""What compressed frames can hold beside the picture: comments, application data, thumbnails, bytes behind the end.

Stripping leaves every coefficient where it was. Comments in which an encoder names itself stay; all others go, whatever
they say, because nobody reviews them (JPEG: ISO/IEC 10918-1 B.2.4; JPEG-LS: 14495-1 C; JPEG 2000: 15444-1 A; RLE: PS3.5 G).
"""

import re
import struct
from collections.abc import Iterator

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP8, _APP14, _APP15 = 0xE0, 0xE8, 0xEE, 0xEF
# Frames, tables, scans, line counts, restart intervals, parameters of JPEG-LS; all other segments are reserved.
_PICTURE_MARKERS = frozenset({*range(0xC0, 0xD0), _SOS, 0xDB, 0xDC, 0xDD, 0xF7, 0xF8})
_HIERARCHICAL = frozenset({0xDE, 0xDF})
_ADOBE_LENGTH, _JFIF_LENGTH, _TRANSFORM_LENGTH = 12, 14, 5
_J2K_COM, _J2K_SOT, _J2K_SOD, _J2K_TLM, _J2K_EOC = b"\xff\x64", b"\xff\x90", b"\xff\x93", b"\xff\x55", b"\xff\xd9"
_SOT_LENGTH = 12
_RLE_HEADER = 64
_MOST_SEGMENTS = 15
_J2K_PREFIX, _JPEG_PREFIX = b"\xff\x4f\xff\x51", b"\xff\xd8"
_JP2_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_JPEG_LS_MARKER = re.compile(rb"\xff[\x80-\xfe]")
# The two bytes in front say that a comment of JPEG 2000 is text.
_ENCODER_NAMES = re.compile(
    rb"(?:\x00\x01)?(?:Created by (?:GDCM/)?OpenJPEG version|Kakadu-|Lavc|LEAD Technologies Inc\.|CREATOR: gd-jpeg|"
    rb"(?:Creator: )?JasPer Version|MITRA_DICOM_STANDARD|Intel\(R\) (?:JPEG Library|IPP)|AccuSoft|OpenJPH Ver)"
    rb" ?(?:v?\d{1,3}(?:\.\d{1,4}){0,3}[.,]?)?"
    rb"(?: \(?(?:using|IJG|JPEG|default|quality|version|v\d{1,3}(?:\.\d{1,4}){0,3})[),.]{0,2}){0,8}\s?\x00?",
    re.IGNORECASE,
)


_PRINTABLE = re.compile(rb"[ -~]{3}")


class MalformedCodestreamError(ValueError):
    """Bytes that cannot be followed as the codestream they begin as."""


def stripped(frame: bytes, *, is_rle: bool = False, segment_bytes: int = 0) -> bytes:
    """A compressed frame without anything beside the picture; the same object when there was nothing.

    Parameters
    ----------
    frame
        One frame, fragments joined.
    is_rle
        Whether it is run-length encoded; other codestreams are known by how they begin.
    segment_bytes
        Rows times columns, for run-length encoded frames.

    Raises
    ------
    MalformedCodestreamError
        When it cannot be followed to its end.
    """
    try:
        if is_rle:
            cleaned = _stripped_rle(frame, segment_bytes)
        elif frame.startswith(_JP2_SIGNATURE):
            cleaned = _stripped_j2k(_codestream_of_jp2(frame))
        elif frame.startswith(_J2K_PREFIX):
            cleaned = _stripped_j2k(frame)
        elif frame.startswith(_JPEG_PREFIX):
            cleaned = _stripped_jpeg(frame)
        else:
            raise MalformedCodestreamError("The frame begins as no known codestream.")
    except (struct.error, IndexError) as error:
        raise MalformedCodestreamError("The codestream ends before its end.") from error
    # A padding byte makes no difference.
    return frame if len(frame) - len(cleaned) <= 1 and frame.startswith(cleaned) else cleaned


def _stripped_jpeg(frame: bytes) -> bytes:
    pieces, position = [frame[:2]], 2
    marker_pattern = _JPEG_MARKER
    while True:
        while frame[position] == 0xFF and frame[position + 1] == 0xFF:  # noqa: PLR2004  fill bytes
            position += 1
        if frame[position] != 0xFF:  # noqa: PLR2004
            raise MalformedCodestreamError("No marker stands where one belongs.")
        marker = frame[position + 1]
        if marker == _EOI:
            pieces.append(frame[position : position + 2])
            return b"".join(pieces)
        end = position + 2 + int(struct.unpack_from(">H", frame, position + 2)[0])
        if marker == 0xF7:  # noqa: PLR2004  start of a JPEG-LS frame
            marker_pattern = _JPEG_LS_MARKER
        pieces.append(_kept_segment(marker, frame[position:end]))
        position = end
        if marker == _SOS:
            following = marker_pattern.search(frame, end)
            if following is None:
                # Without an end marker nothing says where the picture stops; decoders accept it.
                pieces.append(frame[end:])
                return b"".join(pieces)
            position = following.start()
            pieces.append(frame[end:position])


def _kept_segment(marker: int, segment: bytes) -> bytes:
    """What stays of a segment: pictures need neither comments nor application data, but for the colour transforms."""
    body = segment[4:]
    if marker == _COM:
        return segment if _ENCODER_NAMES.fullmatch(body) else b""
    if marker in _HIERARCHICAL:
        raise MalformedCodestreamError("A picture of several sizes is not followed.")
    if not _APP0 <= marker <= _APP15:
        return segment if marker in _PICTURE_MARKERS else b""
    if marker == _APP14 and body.startswith(b"Adobe"):
        return _segment(marker, body[:_ADOBE_LENGTH])
    if marker == _APP8 and body.startswith(b"mrfx"):
        return _segment(marker, body[:_TRANSFORM_LENGTH])
    if marker == _APP0 and body.startswith(b"JFIF\0"):
        # The last two bytes are the size of a thumbnail, which goes.
        return _segment(marker, body[: _JFIF_LENGTH - 2] + b"\0\0")
    is_mark = marker == _APP0 and len(body) <= _JFIF_LENGTH and not _PRINTABLE.search(body[5:])
    return segment if is_mark else b""


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def _stripped_j2k(frame: bytes) -> bytes:
    pieces, position = [frame[:2]], 2
    is_changed = False
    while frame[position : position + 2] != _J2K_SOT:
        end = position + 2 + int(struct.unpack_from(">H", frame, position + 2)[0])
        if _is_dropped(frame[position:end]):
            is_changed = True
        else:
            pieces.append(frame[position:end])
        position = end
    head = b"".join(pieces)
    parts, position = _tile_parts(frame, position)
    is_changed = is_changed or any(before != after for before, after in parts)
    # A table of tile lengths is only a help; it would be wrong for parts that became shorter.
    if any(before != after for before, after in parts):
        head = _without_lengths(head)
    tail = frame[position : position + 2]
    end = position + (2 if tail == _J2K_EOC else 0)
    if not is_changed and end >= len(frame) - 1:
        return frame[:end] if end < len(frame) else frame
    return head + b"".join(after for _, after in parts) + _J2K_EOC


def _is_dropped(segment: bytes) -> bool:
    return segment.startswith(_J2K_COM) and not _ENCODER_NAMES.fullmatch(segment[4:])


def _tile_parts(frame: bytes, position: int) -> tuple[list[tuple[bytes, bytes]], int]:
    """Each tile part as it is and as it stays; also the offset behind the last."""
    parts = []
    while frame[position : position + 2] == _J2K_SOT:
        length = int(struct.unpack_from(">I", frame, position + 6)[0])
        end = position + length if length else _end_of_last_part(frame)
        if end > len(frame) or end <= position + _SOT_LENGTH:
            raise MalformedCodestreamError("A tile part is longer than the codestream.")
        head, cursor = [], position + _SOT_LENGTH
        while frame[cursor : cursor + 2] != _J2K_SOD:
            following = cursor + 2 + int(struct.unpack_from(">H", frame, cursor + 2)[0])
            if not _is_dropped(frame[cursor:following]):
                head.append(frame[cursor:following])
            cursor = following
        body = b"".join(head) + frame[cursor:end]
        start = frame[position : position + 6] + struct.pack(">I", (_SOT_LENGTH + len(body)) if length else 0)
        parts.append((frame[position:end], start + frame[position + 10 : position + _SOT_LENGTH] + body))
        position = end
    return parts, position


def _end_of_last_part(frame: bytes) -> int:
    end = frame.rfind(_J2K_EOC)
    return end if end >= 0 else len(frame)


def _without_lengths(head: bytes) -> bytes:
    pieces, position = [head[:2]], 2
    while position < len(head):
        end = position + 2 + int(struct.unpack_from(">H", head, position + 2)[0])
        if not head.startswith(_J2K_TLM, position):
            pieces.append(head[position:end])
        position = end
    return b"".join(pieces)


def _codestream_of_jp2(frame: bytes) -> bytes:
    """The codestream in a file wrapper, which DICOM does not allow and whose boxes can hold anything."""
    for kind, start, end in _boxes(frame):
        if kind == b"jp2c":
            return frame[start:end]
    raise MalformedCodestreamError("The wrapper holds no codestream.")


def _boxes(frame: bytes) -> Iterator[tuple[bytes, int, int]]:
    position = 0
    while position + 8 <= len(frame):
        length, kind = struct.unpack_from(">I4s", frame, position)
        start = position + 8
        if length == 1:
            length = int(struct.unpack_from(">Q", frame, start)[0])
            start += 8
        end = position + length if length else len(frame)
        if end <= position:
            return
        yield kind, start, end
        position = end


def _stripped_rle(frame: bytes, segment_bytes: int) -> bytes:
    """Cut what follows the last run of the last segment; the header names where segments begin, not where they end."""
    count, *offsets = struct.unpack_from("<16I", frame)
    if not 1 <= count <= _MOST_SEGMENTS or offsets[count - 1] >= len(frame) or offsets[0] != _RLE_HEADER:
        raise MalformedCodestreamError("The header of a run-length encoded frame is none.")
    header = struct.pack("<16I", count, *offsets[:count], *[0] * (_MOST_SEGMENTS - count))
    position, made = offsets[count - 1], 0
    while made < segment_bytes:
        control = frame[position]
        if control < 0x80:  # noqa: PLR2004  so many bytes and one more as they are
            made += control + 1
            position += control + 2
        elif control > 0x80:  # noqa: PLR2004  one byte repeated
            made += 257 - control
            position += 2
        else:
            position += 1
    return header + frame[_RLE_HEADER : min(position, len(frame))]
