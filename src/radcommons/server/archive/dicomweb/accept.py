"""Content negotiation (PS3.18 8.7): what a client accepts against what is stored. Pure.

Objects are kept as received and sent so unless another transfer syntax is asked for by name; what can be decoded is then
encoded anew without loss. Clients write Accept in many ways; unquoted ``type``, ``type="*/*"`` and ``transfer-syntax=*`` are
all in daily use and all understood.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from radcommons.server.archive.encodings import DECODED, FRAME_ENCODINGS, WRITTEN
from radcommons.server.archive.errors import NotAcceptableError

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
OCTETS = "application/octet-stream"
DICOM = "application/dicom"
ZIP = "application/zip"
DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"
JSON = "application/json"
MULTIPART = "multipart/related"
_LITTLE_ENDIAN = frozenset({IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN})
_NATIVE = _LITTLE_ENDIAN | {DEFLATED_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN}
_ANY = "*/*"

# Media types of encoded frames by transfer syntax (PS3.18 Tables 8.7.3-5 and 8.7.3-6).
_MEDIA_TYPES = {
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    **{f"1.2.840.10008.1.2.4.{process}": "image/jpeg" for process in range(52, 67)},
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.110": "image/jxl",
    "1.2.840.10008.1.2.4.111": "image/jxl",
    "1.2.840.10008.1.2.4.112": "image/jxl",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    "1.2.840.10008.1.2.4.100": "video/mpeg2",
    "1.2.840.10008.1.2.4.101": "video/mpeg2",
    "1.2.840.10008.1.2.4.102": "video/mp4",
    "1.2.840.10008.1.2.4.103": "video/mp4",
    "1.2.840.10008.1.2.4.104": "video/mp4",
    "1.2.840.10008.1.2.4.105": "video/mp4",
    "1.2.840.10008.1.2.4.106": "video/mp4",
    "1.2.840.10008.1.2.4.107": "video/H265",
    "1.2.840.10008.1.2.4.108": "video/H265",
}
# A quote that never ends holds the rest; looked for again behind each, it would cost the square of the header's length.
_OUTSIDE_QUOTES = r'(?:[^{stop}"]|"(?:[^"\\]|\\.?)*+(?:"|\Z))+'
_RANGES = re.compile(_OUTSIDE_QUOTES.format(stop=","))
_PIECES = re.compile(_OUTSIDE_QUOTES.format(stop=";"))


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One alternative of an Accept header; names in lower case, quotes removed."""

    media_type: str
    parameters: dict[str, str] = field(default_factory=dict)
    quality: float = 1.0

    @property
    def is_multipart(self) -> bool:
        """Whether parts are asked for."""
        return self.media_type == MULTIPART

    @property
    def part_type(self) -> str:
        """The media type of the parts, or of the whole when no parts are asked for; ``*/*`` when left open."""
        return self.parameters.get("type", _ANY).lower() if self.is_multipart else self.media_type

    @property
    def transfer_syntax(self) -> str | None:
        """The transfer syntax asked for, ``*`` for the stored one, None when left to the server."""
        return self.parameters.get("transfer-syntax")


@dataclass(frozen=True, slots=True)
class InstanceForm:
    """How instances are sent: as parts, as one file or as a ZIP archive of files, and in which transfer syntax.

    Parameters
    ----------
    transfer_syntax
        None or ``*`` for the stored ones.
    is_transcoded
        Whether some of them are stored in another one.
    """

    is_multipart: bool
    transfer_syntax: str | None
    is_transcoded: bool = False
    is_zip: bool = False


@dataclass(frozen=True, slots=True)
class FrameForm:
    """How frames are sent.

    Parameters
    ----------
    media_type
        Of each frame.
    transfer_syntax
        Of each frame as sent.
    is_decoded
        Whether pixels must be decoded first, and encoded in ``transfer_syntax``; otherwise the stored bytes go out as
        they are.
    """

    is_multipart: bool
    media_type: str
    transfer_syntax: str
    is_decoded: bool


@lru_cache(maxsize=1024)
def parse_accept(header: str | None) -> tuple[MediaRange, ...]:
    """The alternatives of an Accept header, best first; no header means anything."""
    ranges = [_media_range(text) for text in _RANGES.findall(header or _ANY)]
    wanted = [item for item in ranges if item is not None and item.quality > 0]
    return tuple(sorted(wanted, key=lambda item: -item.quality))


def _media_range(text: str) -> MediaRange | None:
    first, *rest = [piece.strip() for piece in _PIECES.findall(text)] or [""]
    if "/" not in first:
        return None
    parameters = {}
    for piece in rest:
        name, _, value = piece.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"')
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 0.0
    return MediaRange(first.lower(), parameters, quality)


def choose(ranges: Sequence[MediaRange], offered: Sequence[str]) -> str:
    """The best of some single-part media types, the server's preference first among equals.

    Raises
    ------
    NotAcceptableError
        When none is accepted.
    """
    for item in ranges:
        for media_type in offered:
            if _covers(item.media_type, media_type):
                return media_type
    raise NotAcceptableError(f"Available here: {', '.join(offered)}.")


def choose_attributes_type(ranges: Sequence[MediaRange]) -> str:
    """How attributes are sent: one of the types of JSON, or XML, which comes in parts (PS3.18 8.7.3).

    Raises
    ------
    NotAcceptableError
        When none of them is accepted.
    """
    for item in ranges:
        if item.is_multipart and _covers(item.part_type, DICOM_XML):
            return DICOM_XML
        for media_type in (DICOM_JSON, JSON):
            if _covers(item.media_type, media_type):
                return media_type
    raise NotAcceptableError(f'Available here: {DICOM_JSON}, {JSON}, {MULTIPART}; type="{DICOM_XML}".')


def _covers(wanted: str, offered: str) -> bool:
    kind = wanted.removesuffix("/*").removesuffix("/")
    return wanted in {_ANY, offered.lower()} or (kind != wanted and offered.startswith(f"{kind}/"))


def choose_instance_form(ranges: Sequence[MediaRange], stored: frozenset[str], *, is_single: bool) -> InstanceForm:
    """How to send instances that are stored in some transfer syntaxes.

    A missing transfer syntax is answered with the stored one, named in each part: transcoding unasked would change
    bytes whose digest was published. One that is named is given where everything can be encoded in it.

    Raises
    ------
    NotAcceptableError
        When the client accepts nothing that is stored or can be made.
    """
    for item in ranges:
        wanted = item.transfer_syntax
        is_transcoded = wanted not in {None, "*"} and stored != {wanted}
        if is_transcoded and not (wanted in WRITTEN and stored - {wanted} <= DECODED):
            continue
        if item.media_type == _ANY or (item.is_multipart and _covers(item.part_type, DICOM)):
            return InstanceForm(is_multipart=True, transfer_syntax=wanted, is_transcoded=is_transcoded)
        if item.media_type == ZIP and not is_transcoded:
            return InstanceForm(is_multipart=False, transfer_syntax=wanted, is_zip=True)
        if is_single and _covers(item.media_type, DICOM):
            return InstanceForm(is_multipart=False, transfer_syntax=wanted, is_transcoded=is_transcoded)
    available = f"{MULTIPART}; type={DICOM}, {ZIP}" + (f", {DICOM}" if is_single else "")
    raise NotAcceptableError(f"Available here, in the stored transfer syntax (transfer-syntax=*): {available}.")


def choose_frame_form(
    ranges: Sequence[MediaRange], stored: str, *, is_single: bool, has_table: bool = True
) -> FrameForm:
    """How to send frames that are stored in a transfer syntax.

    Parameters
    ----------
    is_single
        Whether one frame is asked for, so that it may be sent without parts.
    has_table
        Whether the frames can be cut out of the file; otherwise they can only be decoded.

    Raises
    ------
    NotAcceptableError
        When the client accepts neither the stored encoding nor decoded pixels.
    """
    for item in ranges:
        is_multipart = item.is_multipart or item.media_type == _ANY
        if not (is_multipart or is_single):
            continue
        form = _stored_form(item, stored, is_multipart=is_multipart) if has_table else None
        form = form or _decoded_form(item, is_multipart=is_multipart, may_be_any=not has_table)
        form = form or (_encoded_form(item, is_multipart=is_multipart) if stored in DECODED else None)
        if form is not None:
            return form
    raise NotAcceptableError(f"Available here: {_frame_type(stored)} as stored (transfer-syntax=*), and {OCTETS}.")


def _stored_form(item: MediaRange, stored: str, *, is_multipart: bool) -> FrameForm | None:
    """The stored bytes, when they are what is asked for."""
    wanted, syntax = item.part_type, item.transfer_syntax
    if stored in _LITTLE_ENDIAN:
        # Uncompressed frames are the same bytes in all little endian syntaxes.
        is_fitting = syntax in {None, "*"} or syntax in _LITTLE_ENDIAN
        is_fitting = is_fitting and _covers(wanted, OCTETS)
        return FrameForm(is_multipart, OCTETS, EXPLICIT_LITTLE_ENDIAN, is_decoded=False) if is_fitting else None
    native = _frame_type(stored)
    if native != OCTETS and syntax in {None, "*", stored} and _covers(wanted, native):
        return FrameForm(is_multipart, native, stored, is_decoded=False)
    is_wanted = syntax in {"*", stored} or (syntax is None and wanted == _ANY and is_encapsulated(stored))
    if is_wanted and _covers(wanted, OCTETS):
        return FrameForm(is_multipart, OCTETS, stored, is_decoded=False)
    return None


def _decoded_form(item: MediaRange, *, is_multipart: bool, may_be_any: bool) -> FrameForm | None:
    """Decoded pixels, when uncompressed little endian is what is asked for."""
    syntaxes = {None, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN} | ({"*"} if may_be_any else set())
    if item.transfer_syntax not in syntaxes or not _covers(item.part_type, OCTETS):
        return None
    return FrameForm(is_multipart, OCTETS, EXPLICIT_LITTLE_ENDIAN, is_decoded=True)


def _encoded_form(item: MediaRange, *, is_multipart: bool) -> FrameForm | None:
    """Pixels encoded anew, when a lossless encoding is asked for by its media type or by its transfer syntax."""
    for syntax, media_type in FRAME_ENCODINGS.items():
        if item.transfer_syntax == syntax and _covers(item.part_type, OCTETS) and item.part_type != _ANY:
            return FrameForm(is_multipart, OCTETS, syntax, is_decoded=True)
        if item.transfer_syntax == syntax and _covers(item.part_type, media_type):
            return FrameForm(is_multipart, media_type, syntax, is_decoded=True)
        if item.transfer_syntax is None and item.part_type == media_type:
            return FrameForm(is_multipart, media_type, syntax, is_decoded=True)
    return None


def _frame_type(transfer_syntax: str) -> str:
    return OCTETS if transfer_syntax in _NATIVE else _MEDIA_TYPES.get(transfer_syntax, OCTETS)


def is_encapsulated(transfer_syntax: str) -> bool:
    """Whether pixel data of a transfer syntax are encoded frame by frame."""
    return transfer_syntax not in _NATIVE
