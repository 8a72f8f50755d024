"""Asking a server and reading what it answers: JSON, parts of a message, files."""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import orjson
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from radcommons.client.conformance.checks import CheckFailedError, expect

DICOM_JSON = "application/dicom+json"
OK, NO_CONTENT, PARTIAL = 200, 204, 206
_LARGEST_ANSWER = 512 * 2**20
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
        pieces = (b"\r\n" + self.body).split(b"\r\n" + delimiter)
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
        When it is none.
    """
    try:
        dataset = dcmread(io.BytesIO(body))
        dataset.walk(lambda *_: None)
    except (InvalidDicomError, ValueError, EOFError, AttributeError, NotImplementedError, KeyError) as error:
        raise CheckFailedError("the bytes are no readable DICOM file") from error
    return dataset


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
    """A DICOMweb root.

    Parameters
    ----------
    root
        Its address, without a final slash.
    """

    def __init__(self, root: str, client: httpx.Client) -> None:
        self.root = root.rstrip("/")
        self._client = client

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
            When the server does not answer, or with more than can be held.
        """
        address = path if path.startswith(("http://", "https://")) else f"{self.root}/{path}"
        sent = dict(headers or {})
        if accept is not None:
            sent["Accept"] = accept
        request = self._client.build_request(method, address, headers=sent, content=content)
        if accept is None:
            del request.headers["accept"]
        try:
            answer = self._client.send(request, stream=True)
            try:
                return Answer(answer.status_code, answer.headers, _body(answer))
            finally:
                answer.close()
        except httpx.HTTPError as error:
            raise CheckFailedError(f"no answer: {type(error).__name__}") from error


def _body(answer: httpx.Response) -> bytes:
    pieces, size = [], 0
    for piece in answer.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        expect(size <= _LARGEST_ANSWER, "the answer is larger than 512 MiB")
    return b"".join(pieces)
