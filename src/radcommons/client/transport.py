"""GET and POST over kept connections with little work a request: a download is many small answers.

Proxies come from the usual variables, certificates are checked against the system's.
"""

import base64
import re
import socket
import ssl
import threading
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from radcommons.client.http1 import ProtocolError, Response, Stream, UnansweredError, exchange

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNSENDABLE = re.compile(r"[^\x21-\x7e]")
_SECRET_HEADERS = frozenset({"authorization", "cookie"})

Origin = tuple[str, str, int]


class AddressError(ValueError):
    """The address is none that can be asked, or leads from https to http."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose body is still to be read."""

    status: int
    url: str
    response: Response

    def header(self, name: str) -> str:
        """A header's value, by its name in small letters; empty when it is absent."""
        return self.response.headers.get(name, "")

    def readinto(self, buffer: memoryview) -> int:
        """Read some of the body, as much as fits; 0 at its end."""
        return self.response.readinto(buffer)

    def read(self, most: int) -> bytes:
        """Read at most so many bytes of the body."""
        buffer = memoryview(bytearray(most))
        return bytes(buffer[: self.response.readinto(buffer)])


class Transport:
    """Connections to any number of origins, kept and shared between threads.

    Parameters
    ----------
    headers
        Sent with every request; those that are secret go to the origin that was asked only, never where it redirects.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._idle: dict[Origin, list[Stream]] = defaultdict(list)
        self._lock = threading.Lock()
        self._certificates: ssl.SSLContext | None = None
        self._proxies = urllib.request.getproxies()

    def close(self) -> None:
        """Close what is idle; the transport can be used again."""
        with self._lock:
            idle, self._idle = self._idle, defaultdict(list)
        for streams in idle.values():
            for stream in streams:
                stream.socket.close()

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
    def _exchange(self, parts: SplitResult, headers: Mapping[str, str], body: bytes | None) -> Iterator[Response]:
        stream, response = self._answered(parts, headers, body)
        is_whole = False
        try:
            yield response
            # What an error or a redirect says besides is short; a connection is kept when its answer was read to the end.
            is_whole = response.is_finished or (response.status >= HTTPStatus.MULTIPLE_CHOICES and _drained(response))
        finally:
            if is_whole and response.may_keep:
                with self._lock:
                    self._idle[origin_of(parts)].append(stream)
            else:
                stream.socket.close()

    def _answered(self, parts: SplitResult, headers: Mapping[str, str], body: bytes | None) -> tuple[Stream, Response]:
        """The answer on a kept connection, or on a new one when that was closed in the meantime."""
        origin, proxy = origin_of(parts), self._proxy_for(parts)
        target, asked = _path(parts), {"Host": parts.netloc.rpartition("@")[2], **headers}
        if proxy and parts.scheme == "http":
            target, asked = parts._replace(fragment="").geturl(), {**asked, **_proxy_headers(proxy)}
        if body is not None:
            asked["Content-Type"] = "application/json"
        method = "GET" if body is None else "POST"
        while True:
            with self._lock:
                kept = self._idle[origin].pop() if self._idle[origin] else None
            stream = kept or self._connected(parts, proxy)
            try:
                return stream, exchange(stream, method, target, asked, body)
            except (UnansweredError, BrokenPipeError, ConnectionResetError):
                stream.socket.close()
                if kept is None:
                    raise
            except BaseException:
                stream.socket.close()
                raise

    def _connected(self, parts: SplitResult, proxy: SplitResult | None) -> Stream:
        scheme, host, port = origin_of(parts)
        at = (proxy.hostname or "", proxy.port or 80) if proxy else (host, port)
        sock = socket.create_connection(at, timeout=CONNECT_TIMEOUT_S)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if scheme == "https":
                if proxy:
                    _open_tunnel(sock, parts, proxy)
                sock = self._certificate_context().wrap_socket(sock, server_hostname=host)
            sock.settimeout(READ_TIMEOUT_S)
        except BaseException:
            sock.close()
            raise
        return Stream(sock)

    def _certificate_context(self) -> ssl.SSLContext:
        if self._certificates is None:
            self._certificates = ssl.create_default_context()
        return self._certificates

    def _proxy_for(self, parts: SplitResult) -> SplitResult | None:
        proxy = self._proxies.get(parts.scheme)
        if not proxy or urllib.request.proxy_bypass(parts.netloc):
            return None
        return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def origin_of(parts: SplitResult) -> Origin:
    """Scheme, host and port."""
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


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


def _open_tunnel(sock: socket.socket, parts: SplitResult, proxy: SplitResult) -> None:
    """Ask a proxy to pass everything on to the other side (RFC 9110 9.3.6)."""
    _, host, port = origin_of(parts)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    response = exchange(Stream(sock), "CONNECT", place, {"Host": place, **_proxy_headers(proxy)})
    if response.status != HTTPStatus.OK:
        raise ProtocolError("The proxy refuses to pass this on.")


def _drained(response: Response) -> bool:
    """Read the rest of a short answer; whether that was all."""
    if not response.is_finished:
        response.readinto(memoryview(bytearray(1 << 16)))
    return response.is_finished
