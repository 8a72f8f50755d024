"""Asking a server and reading what it answers: JSON, parts of a message, files."""

import io
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import orjson
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import DeflatedExplicitVRLittleEndian

from radcommons.client.conformance.checks import CheckFailedError, expect
from radcommons.dicom.elements import FormatError
from radcommons.dicom.part10 import inflate

DICOM_JSON = "application/dicom+json"
OK, NO_CONTENT, PARTIAL = 200, 204, 206
LARGEST_ANSWER_BYTES = 512 * 2**20
LARGEST_JSON_BYTES = 64 * 2**20
MOST_PARTS = 100_000
LONGEST_ANSWER_S = 300.0
LONGEST_RUN_S = 1800.0
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart message."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case."""
        return str(self.headers.get("content-type", "")).split(";")[0].strip().lower()

    def must_be(self, status: int, media_type: str = "") -> "Answer":
        """The answer itself when it has this status (and media type)."""
        expect(self.status == status, f"expected status {status}, got {self.status}")
        if media_type:
            expect(self.media_type == media_type, f"expected {media_type}, got {self.media_type or 'no Content-Type'}")
        return self

    @cached_property
    def results(self) -> list[dict[str, Any]]:
        """The results of a search; none when the answer is 204."""
        if self.status == NO_CONTENT:
            return []
        expect(self.status == OK, f"expected status 200 or 204, got {self.status}")
        return self.array

    @cached_property
    def array(self) -> list[dict[str, Any]]:
        """The body as an array of DICOM JSON objects."""
        expect(len(self.body) <= LARGEST_JSON_BYTES, "the JSON is larger than 64 MiB")
        try:
            value = orjson.loads(self.body)
        except ValueError as error:
            raise CheckFailedError("the body is no JSON") from error
        expect(isinstance(value, list) and all(isinstance(each, dict) for each in value), "no JSON array of objects")
        return list(value)

    @cached_property
    def parts(self) -> list[Part]:
        """The parts of a multipart/related message (RFC 2046 5.1)."""
        expect(self.media_type == "multipart/related", f"expected multipart/related, got {self.media_type}")
        found = _BOUNDARY.search(self.headers.get("content-type", ""))
        if found is None:
            raise CheckFailedError("the message names no boundary")
        delimiter = b"--" + found[1].encode()
        pieces = (b"\r\n" + self.body).split(b"\r\n" + delimiter, MOST_PARTS)
        expect(len(pieces) > 1 and pieces[-1].startswith(b"--"), "the message does not end with its boundary")
        return [_part(piece) for piece in pieces[1:-1]]

    @cached_property
    def dataset(self) -> Dataset:
        """The body as a DICOM file."""
        return read_dataset(self.body)


def _part(piece: bytes) -> Part:
    head, separator, body = piece.partition(b"\r\n\r\n")
    expect(separator, "a part has no empty line after its headers")
    lines = [line.decode("latin-1").partition(":") for line in head.split(b"\r\n") if line.strip()]
    return Part({name.strip().lower(): value.strip() for name, _, value in lines}, body)


def read_dataset(body: bytes) -> Dataset:
    """A DICOM file from bytes.

    Raises
    ------
    CheckFailedError
        When it is none, or a deflated one that is larger than can be held.
    """
    try:
        _inflates_in_bounds(body)
        dataset = dcmread(io.BytesIO(body))
        dataset.walk(lambda *_: None)
    except (InvalidDicomError, ValueError, EOFError, AttributeError, NotImplementedError, KeyError) as error:
        raise CheckFailedError("the bytes are no readable DICOM file") from error
    return dataset


def _inflates_in_bounds(body: bytes) -> None:
    """Refuse what pydicom would inflate without limit; the transfer syntax is found by its own reader, so that both find the same."""
    stream = io.BytesIO(body)
    read_preamble(stream, force=False)
    if _read_file_meta_info(stream).get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    try:
        inflate(memoryview(body)[stream.tell() :], max_bytes=LARGEST_ANSWER_BYTES)
    except FormatError as error:
        raise CheckFailedError(f"the bytes are no readable DICOM file: {error}") from error


def values_of(result: Mapping[str, Any], tag: str) -> list[Any]:
    """The values of an attribute in DICOM JSON; none when it is absent or empty."""
    attribute = result.get(tag)
    return list(attribute.get("Value", [])) if isinstance(attribute, dict) else []


def first_of(result: Mapping[str, Any], tag: str) -> str:
    """The first value of an attribute as text; a person's name in its alphabetic form."""
    values = values_of(result, tag)
    if not values or values[0] is None:
        return ""
    return str(values[0].get("Alphabetic", "")) if isinstance(values[0], dict) else str(values[0])


class Server:
    """A DICOMweb root, which is asked for a limited time, and whose secrets go nowhere else.

    Parameters
    ----------
    root
        Its address, without a final slash.
    within_s
        How long all answers together may take, in seconds; what is asked later is not answered.
    """

    def __init__(self, root: str, client: httpx.Client, *, within_s: float = LONGEST_RUN_S) -> None:
        self.root = root.rstrip("/")
        self._client = client
        self._end = time.monotonic() + within_s
        self._connections: list[socket.socket] = []

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        accept: str | None = DICOM_JSON,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Ask for something below the root, or at an absolute address.

        Raises
        ------
        CheckFailedError
            When the server does not answer, in time, or with more than can be held.
        """
        address = path if path.startswith(("http://", "https://")) else f"{self.root}/{path}"
        sent = dict(headers or {})
        if accept is not None:
            sent["Accept"] = accept
        try:
            request = self._client.build_request(
                method, address, headers=sent, content=content, extensions={"trace": self._remember}
            )
        except httpx.InvalidURL as error:
            raise CheckFailedError("an address that the server gave is none") from error
        if accept is None:
            del request.headers["accept"]
        with self._in_time():
            return self._answer(request)

    def _answer(self, request: httpx.Request) -> Answer:
        auth: httpx.Auth | None = self._client.auth
        if _origin(request.url) != _origin(httpx.URL(self.root)):
            # The address comes from the server, which may name any; what was given for it is not for others.
            auth = None
            request.headers.pop("authorization", None)
        try:
            answer = self._client.send(request, stream=True, auth=auth)
            try:
                return Answer(answer.status_code, answer.headers, _body(answer))
            finally:
                answer.close()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CheckFailedError(f"no answer: {type(error).__name__}") from error

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Break the connections when an answer takes too long; a time-out bounds each silence only, and there may be any number."""
        left = min(self._end - time.monotonic(), LONGEST_ANSWER_S)
        expect(left > 0, "not asked: the time for all checks is over")
        is_over = threading.Event()
        timer = threading.Timer(left, self._break_off, (is_over,))
        timer.daemon = True
        timer.start()
        try:
            yield
        except CheckFailedError:
            expect(not is_over.is_set(), "the answer did not end in time")
            raise
        finally:
            timer.cancel()
        expect(not is_over.is_set(), "the answer did not end in time")

    def _break_off(self, is_over: threading.Event) -> None:
        is_over.set()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _remember(self, event: str, info: Mapping[str, Any]) -> None:
        """Know the connections: the client tells when it has made one."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            is_open = [each for each in self._connections if each.fileno() >= 0]
            self._connections = [*is_open, info["return_value"].get_extra_info("socket")]


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _body(answer: httpx.Response) -> bytes:
    body = io.BytesIO()
    for piece in answer.iter_bytes():
        expect(body.tell() + len(piece) <= LARGEST_ANSWER_BYTES, "the answer is larger than 512 MiB")
        body.write(piece)
    return body.getvalue()
