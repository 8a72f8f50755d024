"""GET and POST over kept connections: redirects, proxies, and secrets that stay where they belong.

Proxies come from the usual variables, certificates are checked against the system's. The standard library's client connects, also
through a proxy; what is then said on a connection is read by :mod:`.http1`.
"""

import base64
import http.client
import re
import ssl
import threading
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property, partial
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from radcommons.client.http1 import Answer, ProtocolError, Wire, asked

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNSENDABLE = re.compile(r"[^\x21-\x7e]")
_SECRET_HEADERS = frozenset({"authorization", "cookie"})

Origin = tuple[str, str, int]


class AddressError(ValueError):
    """The address is none that can be asked, or leads from https to http."""


class Transport:
    """Connections to any number of origins, kept and shared between threads.

    Parameters
    ----------
    headers
        Sent with every request; those that are secret go to the origin that was asked only, never where it redirects.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._idle: dict[Origin, list[Wire]] = defaultdict(list)
        self._busy: set[Wire] = set()
        self._lock = threading.Lock()
        self._proxies = urllib.request.getproxies()

    def close(self) -> None:
        """Close what is idle; the transport can be used again."""
        with self._lock:
            idle, self._idle = self._idle, defaultdict(list)
        for wires in idle.values():
            for wire in wires:
                wire.close()

    def abort(self) -> None:
        """Break what other threads are asking just now; they get an error."""
        with self._lock:
            for wire in self._busy:
                wire.break_off()

    def open(self, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """Ask, follow redirects, and give the answer, which holds its connection until it is closed.

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
            answer = self._asked(parts, wanted, body)
            place = answer.header("location") if answer.status in _REDIRECTS else ""
            if not place:
                return answer
            answer.close()
            target = _joined(url, place)
            if parts.scheme == "https" and _checked(target).scheme != "https":
                raise AddressError("The server redirects to an address that is not encrypted.")
            if origin_of(_checked(target)) != origin_of(parts):
                wanted = {name: value for name, value in wanted.items() if name.lower() not in _SECRET_HEADERS}
            url = target
        raise AddressError("The server redirects without end.")

    def _asked(self, parts: SplitResult, fields: Mapping[str, str], body: bytes | None) -> Answer:
        """What is answered on a connection that was kept, or a new one."""
        proxy = self._proxy_for(parts)
        target, asked_with = _path(parts), {"Host": parts.netloc.rpartition("@")[2], **fields}
        if proxy and parts.scheme == "http":
            target, asked_with = parts._replace(fragment="").geturl(), {**asked_with, **_proxy_headers(proxy)}
        if body is not None:
            asked_with["Content-Type"] = "application/json"
        method = "GET" if body is None else "POST"
        while True:
            wire, is_new = self._wire(parts, proxy)
            try:
                return asked(wire, method, target, asked_with, body)
            except OSError as error:
                wire.release()
                # One that was kept may have been closed in the meantime: another is asked.
                if is_new or not isinstance(error, ConnectionError):
                    raise

    def _wire(self, parts: SplitResult, proxy: SplitResult | None) -> tuple[Wire, bool]:
        """A connection that was kept or a new one, and whether it is new."""
        origin = origin_of(parts)
        with self._lock:
            kept = self._idle[origin].pop() if self._idle[origin] else None
        wire = kept or self._connected(parts, proxy)
        with self._lock:
            self._busy.add(wire)
        return wire, kept is None

    def _keep(self, origin: Origin, wire: Wire) -> None:
        """Have a connection ready to be asked again when its answer was read to the end."""
        with self._lock:
            self._busy.discard(wire)
            if wire.is_idle:
                self._idle[origin].append(wire)
                return
        wire.close()

    def _connected(self, parts: SplitResult, proxy: SplitResult | None) -> Wire:
        scheme, host, port = origin_of(parts)
        place = (proxy.hostname or "", proxy.port or 80) if proxy else (host, port)
        connection = http.client.HTTPConnection(*place, timeout=CONNECT_TIMEOUT_S)
        if scheme == "https":
            connection = http.client.HTTPSConnection(*place, timeout=CONNECT_TIMEOUT_S, context=self._certificates)
            if proxy:
                connection.set_tunnel(host, port, _proxy_headers(proxy))
        with ExitStack() as undone:
            undone.callback(connection.close)
            try:
                connection.connect()
            except http.client.HTTPException as error:
                raise ProtocolError("The proxy does not speak HTTP/1.1.") from error
            wire = Wire(connection.sock, timeout_s=READ_TIMEOUT_S, give_back=partial(self._keep, (scheme, host, port)))
            undone.pop_all()
        return wire

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


def _joined(url: str, place: str) -> str:
    try:
        return urljoin(url, place)
    except ValueError as error:
        raise AddressError("The server redirects to an address that is no URL.") from error


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port, (parts.hostname or "").encode("idna")
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
