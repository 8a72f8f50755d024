"""GET and POST over kept connections of the standard library's client: redirects, proxies, and secrets that stay where they belong.

Proxies come from the usual variables, certificates are checked against the system's. Why not another client: see
``docs/decisions/0015``.
"""

import base64
import http.client
import re
import socket
import ssl
import threading
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
MOST_REDIRECTS = 5
LONGEST_REST_BYTES = 1 << 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNSENDABLE = re.compile(r"[^\x21-\x7e]")
_SECRET_HEADERS = frozenset({"authorization", "cookie"})

Origin = tuple[str, str, int]


class AddressError(ValueError):
    """The address is none that can be asked, or leads from https to http."""


class ProtocolError(OSError):
    """The other side does not speak HTTP/1.1."""


class CutOffError(ProtocolError):
    """The connection ended before the answer did."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose body is still to be read."""

    status: int
    url: str
    response: http.client.HTTPResponse

    def header(self, name: str) -> str:
        """A header's value; empty when it is absent."""
        return str(self.response.headers.get(name, ""))

    def pieces(self, most: int) -> Iterator[bytes]:
        """The body as it arrives, at most so many bytes at a time.

        Raises
        ------
        OSError
            When the connection breaks, or ends before the body does. What came before is given first.
        """
        is_empty = True
        while piece := self._some(most):
            is_empty = False
            yield piece
        length, has_end = self.response.length, self.response.chunked or self.response.length is not None
        # Where nothing tells the end, the connection's is the body's; without a single byte it rather broke in the head.
        if length or (is_empty and not has_end):
            raise CutOffError("The connection ended in an answer.")

    def _some(self, most: int) -> bytes:
        with _as_os_errors():
            return self.response.read1(most)

    def beginning(self, most: int) -> bytes:
        """At most so many bytes of a body that is short."""
        with _as_os_errors():
            return self.response.read(most)


class Transport:
    """Connections to any number of origins, kept and shared between threads.

    Parameters
    ----------
    headers
        Sent with every request; those that are secret go to the origin that was asked only, never where it redirects.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._idle: dict[Origin, list[http.client.HTTPConnection]] = defaultdict(list)
        self._busy: set[http.client.HTTPConnection] = set()
        self._lock = threading.Lock()
        self._proxies = urllib.request.getproxies()

    def close(self) -> None:
        """Close what is idle; the transport can be used again."""
        with self._lock:
            idle, self._idle = self._idle, defaultdict(list)
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def abort(self) -> None:
        """Break what other threads are asking just now; they get an error."""
        with self._lock:
            for connection in self._busy:
                if connection.sock is not None:
                    with suppress(OSError):
                        connection.sock.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Iterator[Answer]:
        """Ask, follow redirects, and give the answer while its connection is held.

        Raises
        ------
        AddressError
            When the address cannot be asked.
        OSError
            When the other side cannot be reached, breaks off, or speaks something else.
        """
        wanted = {**self._headers, **(headers or {})}
        for _ in range(MOST_REDIRECTS + 1):
            parts = _checked(url)
            with self._exchange(parts, wanted, body) as response:
                place = response.headers.get("location", "") if response.status in _REDIRECTS else ""
                if not place:
                    yield Answer(response.status, url, response)
                    return
            target = urljoin(url, place)
            if parts.scheme == "https" and _checked(target).scheme != "https":
                raise AddressError("The server redirects to an address that is not encrypted.")
            if origin_of(_checked(target)) != origin_of(parts):
                wanted = {name: value for name, value in wanted.items() if name.lower() not in _SECRET_HEADERS}
            url = target
        raise AddressError("The server redirects without end.")

    @contextmanager
    def _exchange(
        self, parts: SplitResult, headers: Mapping[str, str], body: bytes | None
    ) -> Iterator[http.client.HTTPResponse]:
        connection, response = self._answered(parts, headers, body)
        is_whole = False
        try:
            yield response
            is_whole = _is_whole(response)
        finally:
            response.close()
            if is_whole and connection.sock is not None:
                with self._lock:
                    self._busy.discard(connection)
                    self._idle[origin_of(parts)].append(connection)
            else:
                self._drop(connection)

    def _answered(
        self, parts: SplitResult, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """The answer on a kept connection, or on a new one when that was closed in the meantime."""
        origin, proxy = origin_of(parts), self._proxy_for(parts)
        target, asked = _path(parts), {"Host": parts.netloc.rpartition("@")[2], **headers}
        if proxy and parts.scheme == "http":
            target, asked = parts._replace(fragment="").geturl(), {**asked, **_proxy_headers(proxy)}
        if body is not None:
            asked["Content-Type"] = "application/json"
        while True:
            with self._lock:
                kept = self._idle[origin].pop() if self._idle[origin] else None
            connection = kept or self._connected(parts, proxy)
            with self._lock:
                self._busy.add(connection)
            try:
                with _as_os_errors():
                    connection.request("GET" if body is None else "POST", target, body, asked)
                    return connection, connection.getresponse()
            except ConnectionError:
                self._drop(connection)
                if kept is None:
                    raise
            except BaseException:
                self._drop(connection)
                raise

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._busy.discard(connection)
        connection.close()

    def _connected(self, parts: SplitResult, proxy: SplitResult | None) -> http.client.HTTPConnection:
        scheme, host, port = origin_of(parts)
        place = (proxy.hostname or "", proxy.port or 80) if proxy else (host, port)
        connection = http.client.HTTPConnection(*place, timeout=CONNECT_TIMEOUT_S)
        if scheme == "https":
            connection = http.client.HTTPSConnection(*place, timeout=CONNECT_TIMEOUT_S, context=self._certificates)
            if proxy:
                connection.set_tunnel(host, port, _proxy_headers(proxy))
        try:
            with _as_os_errors():
                connection.connect()
            connection.sock.settimeout(READ_TIMEOUT_S)
        except BaseException:
            connection.close()
            raise
        return connection

    @cached_property
    def _certificates(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def _proxy_for(self, parts: SplitResult) -> SplitResult | None:
        proxy = self._proxies.get(parts.scheme)
        if not proxy or urllib.request.proxy_bypass(parts.netloc):
            return None
        return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def origin_of(parts: SplitResult) -> Origin:
    """Scheme, host and port."""
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """What the standard library says of a broken answer, as an error of the connection."""
    try:
        yield
    except http.client.IncompleteRead as error:
        raise CutOffError("The connection ended in an answer.") from error
    except http.client.HTTPException as error:
        if isinstance(error, OSError):
            raise
        raise ProtocolError("The other side does not speak HTTP/1.1.") from error


def _is_whole(response: http.client.HTTPResponse) -> bool:
    """Whether an answer was read to its end, so that its connection can be asked again; what an error says besides is short."""
    if response.status >= HTTPStatus.MULTIPLE_CHOICES and not response.isclosed():
        with suppress(OSError), _as_os_errors():
            response.read(LONGEST_REST_BYTES)
    return response.isclosed() or response.length == 0


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise AddressError("The address is not a URL.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise AddressError("The address must begin with http(s)://.")
    if _UNSENDABLE.search(url):
        raise AddressError("The address is not a URL.")
    return parts


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(words.encode()).decode()}"}
