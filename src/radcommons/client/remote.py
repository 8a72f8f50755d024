"""Talking to a repository: small documents, and large files that resume where they stopped."""

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx
import orjson

from radcommons.client.errors import DigestError, RemoteError
from radcommons.dicom.errors import Kind, RadCommonsError

ATTEMPTS = 8
DIGEST_ATTEMPTS = 3
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
CHUNK_BYTES = 1 << 20
LONGEST_DOCUMENT_BYTES = 256 * 2**20
LONGEST_REFUSAL_BYTES = 1 << 16
RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_KINDS = {
    400: Kind.INVALID,
    401: Kind.UNAUTHENTICATED,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    409: Kind.CONFLICT,
    410: Kind.GONE,
    422: Kind.INVALID,
}


Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file must be once it has arrived."""

    sha256: str
    size_bytes: int


class Remote:
    """One repository at one address. Safe to share between threads.

    Parameters
    ----------
    url
        Address of the repository, for example ``https://data.example.org``.
    token
        A researcher's token, or None for what is open to everybody.
    connections
        Most simultaneous connections.
    first_wait_s
        Seconds before the first repetition of a failed request; each further wait is twice as long.
    """

    def __init__(
        self, url: str, *, token: str | None = None, connections: int = 8, first_wait_s: float = FIRST_WAIT_S
    ) -> None:
        headers = {"Accept-Encoding": "identity", "User-Agent": "radcommons"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._first_wait_s = first_wait_s
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/",
            headers=headers,
            timeout=httpx.Timeout(60, connect=10),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def document(self, address: str) -> bytes:
        """The whole body at *address*; for JSON and other small things.

        Raises
        ------
        RemoteError
            When the server refuses, is unreachable after all retries, or the body is absurdly large.
        """

        def attempt() -> bytes:
            with self._response(address, {}) as response:
                body = bytearray()
                for chunk in response.iter_raw():
                    body += chunk
                    if len(body) > LONGEST_DOCUMENT_BYTES:
                        raise RemoteError(Kind.TOO_LARGE, "client.too-large", "The server's answer is too large.")
                return bytes(body)

        return self._retried(attempt)

    def fetch(self, address: str, destination: Path, expected: Expected) -> None:
        """Bring the file at *address* to *destination*: resumed, hashed while it arrives, renamed only when right.

        Raises
        ------
        RemoteError
            When the server refuses or stays unreachable.
        DigestError
            When the bytes are repeatedly not the promised ones; nothing is left at *destination*.
        """
        part = destination.with_name(destination.name + ".part")

        def attempt() -> None:
            try:
                digest = self._receive(address, part, expected)
            except DigestError:
                part.unlink(missing_ok=True)
                raise
            if digest != expected.sha256:
                part.unlink(missing_ok=True)
                raise DigestError("A file arrived with other bytes than the release promises.")
            part.replace(destination)

        self._retried(attempt)

    def _pause_s(self, number: int, error: RadCommonsError) -> float:
        asked = error.facts.get("retry_after_s")
        if isinstance(asked, float):
            return min(asked, LONGEST_WAIT_S)
        grown: float = self._first_wait_s * 2.0 ** (number - 1)
        return min(grown, LONGEST_WAIT_S) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load

    def _receive(self, address: str, part: Path, expected: Expected) -> str:
        digest, present = _digest_of(part)
        if present > expected.size_bytes:
            raise DigestError("A partial file is longer than the whole.")
        if present == expected.size_bytes:
            part.touch()
            return digest.hexdigest()
        headers = {"Range": f"bytes={present}-", "If-Range": f'"{expected.sha256}"'} if present else {}
        with self._response(address, headers) as response:
            if response.status_code == httpx.codes.PARTIAL_CONTENT:
                _demand_start(response, present)
            else:
                digest, present = hashlib.sha256(), 0
            _demand_length(response, expected.size_bytes - present)
            with part.open("ab" if present else "wb") as file:
                for chunk in response.iter_raw():
                    present += len(chunk)
                    if present > expected.size_bytes:
                        raise DigestError("The server sent more bytes than the release promises.")
                    digest.update(chunk)
                    file.write(chunk)
        if present < expected.size_bytes:
            raise RemoteError(Kind.UNAVAILABLE, "client.cut-off", "The connection ended too early.", may_retry=True)
        return digest.hexdigest()

    @contextmanager
    def _response(self, address: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """A response with status 200 or 206 and an unencoded body; everything else is an error, never data."""
        try:
            with self._http.stream("GET", address, headers=headers) as response:
                if response.status_code not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
                    raise _refusal(response)
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise RemoteError(Kind.UNSUPPORTED, "client.encoded", "A proxy changed the file's encoding.")
                yield response
        except httpx.InvalidURL as error:
            raise RemoteError(Kind.INVALID, "client.bad-address", "The address is not a URL.") from error
        except httpx.UnsupportedProtocol as error:
            raise RemoteError(Kind.INVALID, "client.bad-address", "The address must begin with http(s)://.") from error
        except httpx.HTTPError as error:
            raise RemoteError(
                Kind.UNAVAILABLE,
                "client.unreachable",
                f"The repository cannot be reached ({type(error).__name__}).",
                may_retry=True,
            ) from error

    def _retried(self, attempt: Callable[[], Result]) -> Result:
        number = 1
        while True:
            try:
                return attempt()
            except RemoteError as error:
                if number >= ATTEMPTS or not error.may_retry:
                    raise
                time.sleep(self._pause_s(number, error))
            except DigestError as error:
                if number >= DIGEST_ATTEMPTS:
                    raise
                time.sleep(self._pause_s(number, error))
            number += 1


def _digest_of(part: Path) -> tuple["hashlib._Hash", int]:
    """Hash state and length of what an earlier attempt left; the bytes themselves are trusted, no side file is."""
    digest, size = hashlib.sha256(), 0
    if part.exists():
        with part.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    return digest, size


def _demand_start(response: httpx.Response, start: int) -> None:
    if not response.headers.get("content-range", "").startswith(f"bytes {start}-"):
        raise RemoteError(Kind.UNAVAILABLE, "client.wrong-range", "The server sent another part than asked for.")


def _demand_length(response: httpx.Response, length: int) -> None:
    """Refuse before the first byte is written what announces another length: an error page, or another file."""
    announced = response.headers.get("content-length", "")
    if announced and announced != str(length):
        raise DigestError("The server announces another length than the release promises.")


def _refusal(response: httpx.Response) -> RemoteError:
    status = response.status_code
    facts: dict[str, object] = {"status": status}
    asked = response.headers.get("retry-after", "")
    if asked.isdigit():
        facts["retry_after_s"] = float(asked)
    code, message = "client.refused", f"The repository answered {status}."
    try:
        body = orjson.loads(next(response.iter_raw(LONGEST_REFUSAL_BYTES), b""))
        code, message = str(body["code"]), str(body["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        facts["is_plain"] = True
    kind = _KINDS.get(status, Kind.UNAVAILABLE)
    return RemoteError(kind, code, message, may_retry=status in RETRY_STATUS, **facts)
