"""From the body of a request to whole files in the staging folder, in constant memory; nothing of it is parsed here."""

from collections.abc import Iterable, Mapping

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.server.archive.dicomweb.accept import MULTIPART, MediaRange, parse_accept
from radcommons.server.intake import staging
from radcommons.server.intake.services import DirectUpload, FirstLook
from radcommons.server.intake.stow.multipart import (
    Event,
    MultipartError,
    MultipartReader,
    PartBegins,
    PartData,
    PartEnds,
)
from radcommons.server.platform.errors import InvalidError

DICOM = "application/dicom"
ACCEPTED = f'multipart/related; type="{DICOM}", {DICOM}'
_ANYTHING = "application/octet-stream"
_LEFTOVERS_AGE_S = 86_400.0


class MediaTypeError(RadCommonsError):
    """The request carries something else than DICOM files (PS3.18 10.5.1.2, 8.7.5)."""

    def __init__(self) -> None:
        message = (
            f"Accepted here: {ACCEPTED}. Metadata with separate bulk data are not: what is stored must be, byte for byte, "
            "the file that was de-identified."
        )
        super().__init__(Kind.UNSUPPORTED, "intake.media-type", message, accepted=ACCEPTED)


class ContentEncodingError(RadCommonsError):
    """The bytes were packed for the way (RFC 9110 8.4), which is not undone here."""

    def __init__(self) -> None:
        message = "Bodies and their parts are taken as they are. Send them again without a Content-Encoding."
        super().__init__(Kind.UNSUPPORTED, "intake.content-encoding", message)


class FilesReceiver:
    """Takes the body piece by piece and has whole files at the end.

    Parameters
    ----------
    headers
        Of the request, in lower case.
    upload
        Under which leave the files are looked into, each as soon as it is whole.

    Raises
    ------
    MediaTypeError, ContentEncodingError, InvalidError
        When it is another type, packed, or a multipart message without a boundary.
    DiskFullError
        When it announces more than there is room for.
    """

    def __init__(self, headers: Mapping[str, str], upload: DirectUpload) -> None:
        _demand_plain(headers)
        self._reader = _reader_of(headers.get("content-type", ""))
        staging.demand_room(int(headers.get("content-length", "0")))
        staging.remove_old_uploads(older_than_s=_LEFTOVERS_AGE_S)
        self._look = FirstLook(upload)
        self._sink: staging.FileSink | None = None
        if self._reader is None:
            self._begin()

    def feed(self, pieces: Iterable[bytes]) -> None:
        """Take the next bytes, in pieces.

        Raises
        ------
        RadCommonsError
            ``intake.multipart`` when they break the grammar, and what the staging folder raises.
        """
        try:
            for piece in pieces:
                for event in (PartData(piece),) if self._reader is None else self._reader.feed(piece):
                    self._take(event)
        except MultipartError as error:
            raise InvalidError("intake.multipart", str(error)) from error

    def finish(self) -> FirstLook:
        """The files and the look into them, once the body has ended.

        Raises
        ------
        InvalidError
            ``intake.multipart`` when it was cut short or holds no file.
        """
        if self._reader is None:
            self._take(PartEnds())
        else:
            try:
                self._reader.close()
            except MultipartError as error:
                raise InvalidError("intake.multipart", str(error)) from error
        if not self._look.files:
            raise InvalidError("intake.multipart", "The request holds no file.")
        return self._look

    def close(self) -> None:
        """Leave nothing aside; what was stored or held back has its own place by then."""
        if self._sink is not None:
            self._sink.abort()
        self._look.close()

    def _take(self, event: Event) -> None:
        if isinstance(event, PartBegins):
            _demand_dicom(event.headers)
            self._begin()
        elif self._sink is None:
            return
        elif isinstance(event, PartData):
            self._sink.write(event.data)
        else:
            sink, self._sink = self._sink, None
            self._look.add(sink)

    def _begin(self) -> None:
        self._sink = self._look.new_file()


def _reader_of(content_type: str) -> MultipartReader | None:
    """What reads the body; ``None`` when it is one file as it is."""
    media = _media_of(content_type)
    if media is not None and media.media_type == DICOM:
        return None
    if media is None or media.media_type != MULTIPART or media.parameters.get("type", DICOM).lower() != DICOM:
        raise MediaTypeError
    try:
        return MultipartReader(media.parameters.get("boundary", ""))
    except MultipartError as error:
        raise InvalidError("intake.multipart", str(error)) from error


def _demand_dicom(headers: Mapping[str, str]) -> None:
    media = _media_of(headers.get("content-type", DICOM))
    if media is None or media.media_type not in {DICOM, _ANYTHING}:
        raise MediaTypeError
    _demand_plain(headers)
    if headers.get("content-transfer-encoding", "binary").lower() not in {"binary", "8bit", "7bit"}:
        raise InvalidError("intake.multipart", "Parts are sent as they are, without a transfer encoding.")


def _demand_plain(headers: Mapping[str, str]) -> None:
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise ContentEncodingError


def _media_of(content_type: str) -> MediaRange | None:
    ranges = parse_accept(content_type)
    return ranges[0] if len(ranges) == 1 else None
