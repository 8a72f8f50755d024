"""Talking to a repository: small documents, and files that resume where they stopped, hashed while they arrive."""

import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from os import PathLike
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import orjson

from radcommons.client.answers import cut_off, demand_length, demand_start, refusal, unreachable
from radcommons.client.arriving import forget, kept, opened, put_in_place, size_of_part, write_all
from radcommons.client.closing import Closing
from radcommons.client.digests import hasher, is_right
from radcommons.client.errors import DigestError, RemoteError
from radcommons.client.http1 import Answer
from radcommons.client.pouring import poured
from radcommons.client.transport import AddressError, Transport, origin_of
from radcommons.dicom.errors import Kind, RadCommonsError

ATTEMPTS = 8
DIGEST_ATTEMPTS = 3
# What a broken attempt must have brought so that it does not count.
PROGRESS_BYTES = 1 << 20
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
LONGEST_ASKED_WAIT_S = 300.0
LONGEST_DOCUMENT_BYTES = 256 * 2**20
ADDRESSES_TOGETHER = 200
# An address is asked for again while it still opens something: what waits in a queue must not find it expired.
RENEWED_BEFORE_S = 120.0

_GOOD = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})
_PLAIN = frozenset({"", "identity"})
_TOKEN = re.compile(r"[\x21-\x7e]+")

Result = TypeVar("Result")
Step = TypeVar("Step")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file must be once it has arrived."""

    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where a file is asked for now; ``good_until`` (monotonic seconds) for one that expires."""

    url: str
    good_until: float | None = None

    @property
    def is_web(self) -> bool:
        """Whether it can be asked over HTTP; objects of a bucket can by their signed addresses only."""
        return self.url.startswith(("http://", "https://"))

    @property
    def is_good(self) -> bool:
        """Whether it will still open something in a while."""
        return self.good_until is None or time.monotonic() < self.good_until


class Remote(Closing):
    """One repository at one address. Safe to share between threads.

    Parameters
    ----------
    url
        Address of the repository, for example ``https://data.example.org``.
    token
        A researcher's token, or None for what is open to everybody.
    first_wait_s
        Seconds before the first repetition of a failed request; each further wait is twice as long.
    """

    def __init__(self, url: str, *, token: str | None = None, first_wait_s: float = FIRST_WAIT_S) -> None:
        headers = {"Accept-Encoding": "identity", "User-Agent": "radcommons"}
        if token and token.strip():
            headers["Authorization"] = f"Bearer {_checked_token(token.strip())}"
        self._base = url.rstrip("/") + "/"
        self._first_wait_s = first_wait_s
        self._transport = Transport(headers)
        # A presigned address carries its own right; a second one beside it is refused by many stores.
        self._bare = Transport({name: value for name, value in headers.items() if name != "Authorization"})
        self._stopped = threading.Event()
        # Told of what a request failed with that is repeated after a while; by the thread that waits.
        self.on_wait: Callable[[RadCommonsError], None] = lambda _: None

    def close(self) -> None:
        """Close what is idle."""
        self._transport.close()
        self._bare.close()

    def stop(self) -> None:
        """End what runs in other threads, soon and with an error; whoever waits for a server waits no longer."""
        self._stopped.set()
        self._transport.abort()
        self._bare.abort()

    def document(self, address: str, *, body: bytes | None = None, attempts: int = ATTEMPTS) -> bytes:
        """The whole answer at *address*; for JSON and other small things. With a *body* it is a POST.

        Raises
        ------
        RemoteError
            When the server refuses, is unreachable after all retries, or the answer is absurdly large.
        """

        def attempt() -> bytes:
            with self._asked(self._own(address), {}, body) as answer:
                found = bytearray()
                for piece in self._arriving(answer.pieces()):
                    found += piece
                    if len(found) > LONGEST_DOCUMENT_BYTES:
                        raise RemoteError(Kind.TOO_LARGE, "client.too-large", "The server's answer is too large.")
                return bytes(found)

        return self._retried(attempt, attempts=attempts)

    def presigned(self, base: str, digests: Sequence[str]) -> dict[str, Address]:
        """Addresses in the repository's bucket for some files below *base*; none where it sends them itself."""
        try:
            answer = orjson.loads(self.document(f"{base}addresses", body=orjson.dumps({"sha256": list(digests)})))
            until = time.monotonic() + max(0.0, float(answer["valid_s"]) - RENEWED_BEFORE_S)
            return {str(name): Address(str(url), until) for name, url in answer["addresses"].items()}
        except (RemoteError, ValueError, KeyError, TypeError, AttributeError):
            # An older repository, or one without a bucket: every file is asked for by its own address.
            return {}

    def fetch(
        self, address: str, destination: str | PathLike[str], expected: Expected, *, direct: Address | None = None
    ) -> None:
        """Bring the file at *address* to *destination*: resumed, hashed while it arrives, renamed only when right.

        Parameters
        ----------
        direct
            Where it can be had without the repository; when that no longer opens it, the repository is asked.

        Raises
        ------
        RemoteError
            When the server refuses or stays unreachable.
        DigestError
            When the bytes are repeatedly not the promised ones; nothing is left at *destination*.
        LocalDiskError
            When the disk takes no more.
        """
        part = f"{os.fspath(destination)}.part"
        place = direct if direct is not None and direct.is_good else self._own(address)

        def attempt() -> None:
            nonlocal place
            try:
                _demand_right(self._receive(place, part, expected), expected.digest)
            except DigestError:
                forget(part)
                raise
            except RemoteError as error:
                # Asked elsewhere: the same attempt goes on there.
                place = self._instead_of(place, address, error, direct=direct)
                attempt()
                return
            put_in_place(part, destination)

        self._retried(attempt, arrived=lambda: size_of_part(part))

    def archive(self, address: str, destination: Path) -> None:
        """Bring a ZIP of unknown length to *destination*; what does not begin like one is refused before it is written.

        Raises
        ------
        RemoteError
            When the server refuses, stays unreachable, or answers with something else.
        LocalDiskError
            When the disk takes no more.
        """
        place = self._own(address)

        def attempt() -> None:
            with self._asked(place, {}) as answer, opened(destination, "w", 0) as sink:
                announced, arrived = answer.header("content-length"), 0
                for piece in self._arriving(answer.pieces()):
                    if not arrived and bytes(piece[:2]) != b"PK":
                        message = "The server answered with something else than the files of a series."
                        raise RemoteError(Kind.UNAVAILABLE, "client.not-a-zip", message, may_retry=True)
                    arrived += len(piece)
                    write_all(sink, piece)
            if not arrived or announced not in {"", str(arrived)}:
                raise cut_off()

        self._retried(attempt)

    def fetch_range(self, address: str, part: Path, start: int, length: int, *, direct: Address | None = None) -> None:
        """Write one part of a large file to its place in a file that is there; its digest is compared when all are.

        Parameters
        ----------
        direct
            Where it can be had without the repository; when that no longer opens it, the repository is asked.

        Raises
        ------
        RemoteError
            When the server refuses, stays unreachable, or sends no ranges.
        """
        done = 0
        place = direct if direct is not None and direct.is_good else self._own(address)

        def attempt() -> None:
            nonlocal place
            try:
                receive()
            except RemoteError as error:
                place = self._instead_of(place, address, error, direct=direct)
                receive()

        def receive() -> None:
            nonlocal done
            headers = {"Range": f"bytes={start + done}-{start + length - 1}"}
            with self._asked(place, headers) as answer:
                if answer.status != HTTPStatus.PARTIAL_CONTENT:
                    raise RemoteError(Kind.UNSUPPORTED, "client.no-ranges", "The server does not send parts of files.")
                demand_start(answer, start + done)
                demand_length(answer, length - done)
                with opened(part, "r+", start + done) as sink:
                    for count in self._arriving(poured(answer, sink, length - done)):
                        done += count
            if done < length:
                raise cut_off()

        self._retried(attempt, arrived=lambda: done)

    def _own(self, address: str) -> Address:
        """Where the repository itself has something."""
        try:
            return Address(address if "://" in address else urljoin(self._base, address))
        except ValueError as error:
            raise RemoteError(Kind.INVALID, "client.bad-address", "The address is not a URL.") from error

    def _instead_of(self, place: Address, address: str, error: RemoteError, *, direct: Address | None) -> Address:
        """The repository's own address when an address expired or a bucket hides behind another network; from then on it stays that."""
        own = self._own(address)
        if place is not direct or not own.is_web or error.code == "client.cut-off":
            raise error
        return own

    def _receive(self, place: Address, part: str, expected: Expected) -> str:
        digest, present = kept(part, expected.digest)
        if present > expected.size_bytes:
            raise DigestError("A partial file is longer than the whole.")
        if present == expected.size_bytes and present:
            return digest.hexdigest()
        # A bucket names an object by another tag than its SHA-256, so that only the repository can be asked conditionally.
        headers = {"Range": f"bytes={present}-"} if present else {}
        if present and self._is_own(place):
            headers["If-Range"] = f'"{expected.digest}"'
        with self._asked(place, headers) as answer:
            if answer.status == HTTPStatus.PARTIAL_CONTENT:
                demand_start(answer, present)
            else:
                digest, present = hasher(expected.digest), 0
            demand_length(answer, expected.size_bytes - present)
            with opened(part, "r+" if present else "w", present) as sink:
                for piece in self._arriving(answer.pieces()):
                    present += len(piece)
                    if present > expected.size_bytes:
                        raise DigestError("The server sent more bytes than the release promises.")
                    digest.update(piece)
                    write_all(sink, piece)
        if present < expected.size_bytes:
            raise cut_off()
        return digest.hexdigest()

    def _demand_running(self) -> None:
        if self._stopped.is_set():
            raise RemoteError(Kind.UNAVAILABLE, "client.stopped", "The download was stopped.")

    def _arriving(self, steps: Iterator[Step]) -> Iterator[Step]:
        try:
            for step in steps:
                self._demand_running()
                yield step
        except OSError as error:
            raise unreachable(error) from error

    def _is_own(self, place: Address) -> bool:
        """Whether it is the repository that is asked, and not a bucket by a signed address."""
        return place.good_until is None and _is_same_origin(place.url, self._base)

    def _asked(self, place: Address, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """An answer with status 200 or 206 and an unencoded body; everything else is an error, never data."""
        transport = self._transport if self._is_own(place) else self._bare
        try:
            answer = transport.open(place.url, headers=headers, body=body)
            if answer.status in _GOOD and answer.header("content-encoding") in _PLAIN:
                return answer
            with answer:
                if answer.status not in _GOOD:
                    raise refusal(answer)
                raise RemoteError(Kind.UNSUPPORTED, "client.encoded", "A proxy changed the file's encoding.")
        except AddressError as error:
            raise RemoteError(Kind.INVALID, "client.bad-address", str(error)) from error
        except OSError as error:
            raise unreachable(error) from error

    def _pause_s(self, number: int, error: RadCommonsError) -> float:
        asked = error.facts.get("retry_after_s")
        if isinstance(asked, float):
            return min(asked, LONGEST_ASKED_WAIT_S)
        grown: float = self._first_wait_s * 2.0 ** (number - 1)
        return min(grown, LONGEST_WAIT_S) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load

    def _retried(
        self, attempt: Callable[[], Result], *, arrived: Callable[[], int] = lambda: 0, attempts: int = ATTEMPTS
    ) -> Result:
        """Try until it succeeds, or so often in vain; a line that breaks again and again but brings something is not in vain."""
        number, before = 1, arrived()
        while True:
            try:
                self._demand_running()
                return attempt()
            except RemoteError as error:
                failure: RadCommonsError = error
                if not error.may_retry:
                    raise
                if (now := arrived()) - before >= PROGRESS_BYTES:
                    number = 1
                before = now
                if number >= attempts:
                    raise
            except DigestError as error:
                failure = error
                if number >= DIGEST_ATTEMPTS:
                    raise
            self.on_wait(failure)
            self._stopped.wait(self._pause_s(number, failure))
            number += 1


def _checked_token(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        message = "The token has characters that no token has. Copy it anew from the page of your account."
        raise RemoteError(Kind.INVALID, "client.bad-token", message)
    return token


def _is_same_origin(url: str, base: str) -> bool:
    """Whether the token of the repository at *base* may go to *url*."""
    try:
        return origin_of(urlsplit(url)) == origin_of(urlsplit(base))
    except ValueError:
        return False


def _demand_right(found: str, expected: str) -> None:
    if not is_right(found, expected):
        raise DigestError("A file arrived with other bytes than the release promises.")
