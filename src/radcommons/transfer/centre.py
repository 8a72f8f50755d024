"""The centre as a site sees it: a few HTTPS calls, each safe to repeat, repeated with patience when the way is blocked.

Nothing that identifies the token, a file or a value is ever put into an error or a log.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ipaddress import ip_address
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.transfer.manifest import BatchManifest
from radcommons.transfer.parts import MEDIA_TYPE, AnnouncedPart, announcement

_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_KINDS = {
    400: Kind.INVALID,
    401: Kind.UNAUTHENTICATED,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    409: Kind.CONFLICT,
    410: Kind.GONE,
    413: Kind.TOO_LARGE,
    415: Kind.UNSUPPORTED,
    422: Kind.INVALID,
}
_FIRST_DELAY_S = 0.25
_LONGEST_DELAY_S = 20.0
_MAXIMUM_ANSWER_BYTES = 256 * 2**20
# So many, even of a centre that has much else to do, are recorded or looked for.
_FILES_A_SECOND = 100


@dataclass(frozen=True, slots=True)
class SendOptions:
    """How to send.

    Parameters
    ----------
    threads
        Requests with parts sent at the same time.
    timeout_s
        Longest silence of one connection, in seconds.
    patience_s
        How long one call is repeated while the centre does not answer or answers 429 or 5xx, in seconds.
    may_use_plain_http
        Allow ``http://`` to another machine; a token would travel readable.
    """

    threads: int = 4
    timeout_s: float = 60.0
    patience_s: float = 180.0
    may_use_plain_http: bool = False


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What the centre says about a batch: its state, the digests it still lacks, and whether it takes many a request."""

    state: str
    missing: tuple[str, ...]
    takes_many: bool = False


class Centre:
    """A connection to one centre for one contributor token; safe to share between threads; a context manager.

    Raises
    ------
    RadCommonsError
        From every call: the refusal of the centre with its own code (kind by status), or ``transfer.unreachable``
        (kind unavailable) when patience ran out.
    """

    def __init__(self, url: str, token: str, *, options: SendOptions) -> None:
        self._options = options
        self._stopped = threading.Event()
        self._client = httpx.Client(
            base_url=checked_url(url, may_use_plain_http=options.may_use_plain_http),
            headers={"Authorization": f"Bearer {checked_token(token)}", "Accept": "application/json"},
            timeout=httpx.Timeout(options.timeout_s),
            limits=httpx.Limits(max_connections=options.threads, max_keepalive_connections=options.threads),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def stop(self) -> None:
        """Give up waiting in every thread, at once."""
        self._stopped.set()

    def open_batch(self, manifest: BatchManifest) -> BatchAnswer:
        """Announce a batch, or ask again what it still lacks; the same manifest always gets the same batch."""

        def call() -> httpx.Response:
            return self._client.post(
                "/api/v1/intake/batches",
                content=manifest.pieces(),
                headers={"Content-Type": "application/json", "Content-Length": str(manifest.canonical_size)},
                timeout=self._timeout(len(manifest.files)),
            )

        answer = _json(self._patiently(call))
        if answer.get("batch_id") != manifest.batch_id:
            raise RadCommonsError(
                Kind.CONFLICT,
                "transfer.other-batch",
                "The centre answered for another batch. Check that the address is a RadCommons intake.",
            )
        return BatchAnswer(
            str(answer.get("state", "receiving")),
            _digests(answer.get("missing", [])),
            takes_many=answer.get("parts_media_type") == MEDIA_TYPE,
        )

    def send_parts(
        self, batch_id: str, parts: Sequence[AnnouncedPart], *, pieces: Callable[[AnnouncedPart], Iterator[bytes]]
    ) -> None:
        """Send some files in one request; when it breaks off, ask which of them arrived and send the others.

        Parameters
        ----------
        pieces
            Reads one file; called again when it has to be sent again.
        """
        address, headers = f"/api/v1/intake/batches/{batch_id}/parts", {"Content-Type": MEDIA_TYPE}
        waiting, is_first = list(parts), True

        def call() -> httpx.Response:
            nonlocal waiting, is_first
            if not is_first:
                answer = self._client.post(address, content=announcement(waiting), headers=headers)
                missing = frozenset(_digests(_json(answer).get("missing"))) if answer.is_success else frozenset()
                waiting = [each for each in waiting if each.sha256 in missing] if answer.is_success else waiting
                if not answer.is_success or not waiting:
                    return answer
            is_first = False
            opening = announcement(waiting)
            length = len(opening) + sum(each.size_bytes for each in waiting)
            body = chain((opening,), chain.from_iterable(map(pieces, waiting)))
            return self._client.post(address, content=body, headers={**headers, "Content-Length": str(length)})

        self._patiently(call)

    def put_part(self, batch_id: str, sha256: str, *, content: bytes | Path) -> bool:
        """Send one file to a centre that takes one a request, its bytes or from where it lies; ``False`` when it was there."""
        address = f"/api/v1/intake/batches/{batch_id}/parts/{sha256}"
        headers = {"Content-Type": "application/octet-stream"}

        def call() -> httpx.Response:
            if isinstance(content, bytes):
                return self._client.put(address, content=content, headers=headers)
            with content.open("rb") as stream:
                return self._client.put(address, content=stream, headers=headers)

        return self._patiently(call).status_code == HTTPStatus.CREATED

    def seal(self, batch_id: str, *, envelope: bytes, files: int) -> str:
        """Declare the batch complete with its signed summary, and return its state; a conflict means missing parts."""

        def call() -> httpx.Response:
            return self._client.post(
                f"/api/v1/intake/batches/{batch_id}/seal",
                content=envelope,
                headers={"Content-Type": "application/json"},
                timeout=self._timeout(files),
            )

        return str(_json(self._patiently(call)).get("state", "sealed"))

    def _timeout(self, files: int) -> httpx.Timeout:
        """The centre looks at every file of a batch before it answers, and is silent meanwhile."""
        return httpx.Timeout(self._options.timeout_s, read=self._options.timeout_s + files / _FILES_A_SECOND)

    def batch(self, batch_id: str) -> dict[str, object]:
        """What became of a batch: state, counts, findings by code and the state of each study."""
        return _json(self._patiently(lambda: self._client.get(f"/api/v1/intake/batches/{batch_id}")))

    def _patiently(self, call: Callable[[], httpx.Response]) -> httpx.Response:
        give_up_at = time.monotonic() + self._options.patience_s
        attempt = 0
        while True:
            response = _attempt(call)
            if response is not None and response.status_code not in _RETRIED:
                return _accepted(response)
            delay = _delay_s(attempt, response)
            attempt += 1
            if time.monotonic() + delay > give_up_at or self._stopped.wait(delay):
                raise _unreachable(response)


def checked_url(url: str, *, may_use_plain_http: bool) -> str:
    """The centre's address without a trailing slash.

    Raises
    ------
    RadCommonsError
        ``transfer.invalid-url`` when it is no web address, ``transfer.plain-http`` when a token would travel readable
        to another machine.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise RadCommonsError(Kind.INVALID, "transfer.invalid-url", "The centre's address is not a URL.") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.userinfo:
        raise RadCommonsError(
            Kind.INVALID,
            "transfer.invalid-url",
            "The centre's address must look like https://centre.example, without a user name in it.",
        )
    if parsed.scheme == "http" and not may_use_plain_http and not _is_loopback(parsed.host):
        raise RadCommonsError(
            Kind.INVALID,
            "transfer.plain-http",
            "Over http:// the contributor token could be read on the way. Use https://, or allow it with --plain-http.",
        )
    return str(parsed).rstrip("/")


def checked_token(token: str) -> str:
    """The token without surrounding space.

    Raises
    ------
    RadCommonsError
        ``transfer.invalid-token`` when it is empty or could not stand in a header.
    """
    stripped = token.strip()
    if not stripped or not stripped.isascii() or not stripped.isprintable() or " " in stripped:
        raise RadCommonsError(
            Kind.INVALID, "transfer.invalid-token", "The contributor token is empty or has characters no token has."
        )
    return stripped


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _attempt(call: Callable[[], httpx.Response]) -> httpx.Response | None:
    try:
        return call()
    except httpx.TransportError:
        return None


def _delay_s(attempt: int, response: httpx.Response | None) -> float:
    """Seconds to wait: what the centre asks for, else a random share of an exponentially growing time."""
    asked = _retry_after_s(response.headers.get("Retry-After", "")) if response is not None else None
    if asked is not None:
        return min(asked, _LONGEST_DELAY_S * 3)
    longest: float = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** min(attempt, 16))
    share: float = 0.5 + secrets.randbelow(1000) / 2000
    return longest * share


def _retry_after_s(value: str) -> float | None:
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _accepted(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    kind = _KINDS.get(response.status_code, Kind.UNAVAILABLE)
    try:
        body = _json(response)
    except RadCommonsError:
        body = {}
    code = str(body.pop("code", "transfer.refused"))
    message = str(body.pop("message", f"The centre refused with status {response.status_code}."))
    body.pop("kind", None)
    raise RadCommonsError(kind, code, message, **{**body, "status": response.status_code})


def _unreachable(response: httpx.Response | None) -> RadCommonsError:
    why = "did not answer" if response is None else f"answered {response.status_code} again and again"
    return RadCommonsError(
        Kind.UNAVAILABLE,
        "transfer.unreachable",
        f"The centre {why}. Nothing is lost: the same command goes on where it stopped.",
    )


def _json(response: httpx.Response) -> dict[str, object]:
    try:
        value = response.json() if len(response.content) <= _MAXIMUM_ANSWER_BYTES else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise RadCommonsError(
            Kind.UNAVAILABLE,
            "transfer.not-a-centre",
            "The answer is not from a RadCommons intake. Check the address.",
        )
    return value


def _digests(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()
