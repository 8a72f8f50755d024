"""The review page with buttons, served to this machine only, behind a token made for the session."""

import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from html import escape
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import opened
from radcommons.edge.review.layout import ASSETS, asset
from radcommons.edge.review.look_page import look_html
from radcommons.edge.review.overview import Overview
from radcommons.edge.review.pages import Pages
from radcommons.edge.review.posting import Posting
from radcommons.edge.review.session import LookSession, request_of

_LARGEST_FORM_BYTES = 1024 * 1024
# A decision names every picture of its series.
_LARGEST_REQUEST_BYTES = 16 * 1024 * 1024
_COOKIE = "radcommons_review"
_HTML = "text/html; charset=utf-8"
_ERROR_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not done</title><link rel="stylesheet" href="/style.css"></head>
<body><main><h1>Not done</h1><p role="alert">{message}</p><p><a href="/">Back to the review</a></p><p><code>{code}</code></p></main></body></html>
"""
_TOKEN_HEADER = "X-Radcommons-Token"  # noqa: S105 - the name of a header, no secret
_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)


class ReviewServer:
    """Serves one OUT folder on a free port of the loopback interface.

    Parameters
    ----------
    port
        0 for any free one.
    """

    def __init__(self, home: EdgeHome, out: Path, *, port: int = 0) -> None:
        self.token = secrets.token_urlsafe(24)
        self.home = home
        self.out = opened(home, out)
        self.session = LookSession(home, self.out)
        overview = Overview(home, self.out)
        self.pages = Pages(home, self.out, overview, token=self.token)
        self.posting = Posting(home, self.out, session=self.session, overview=overview)
        self.by = ""
        """The name that stood in the last form."""
        self.said = ""
        """What the last form did, until it was shown."""
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler_of(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The address to open; it carries the token once, then a cookie does."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_address[1])

    def run(self) -> None:
        """Serve until :meth:`stop` or an interrupt."""
        self.session.maker.start()
        try:
            self._server.serve_forever(poll_interval=0.2)
        finally:
            self._server.server_close()
            self.session.close()

    def stop(self) -> None:
        """End :meth:`run` from another thread."""
        self._server.shutdown()

    def is_token(self, value: str) -> bool:
        """Whether a value is this session's token, in constant time."""
        return hmac.compare_digest(value.encode("utf-8", "replace"), self.token.encode())


def _handler_of(server: ReviewServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_ReviewHandler):
        review = server

    return Handler


class _ReviewHandler(BaseHTTPRequestHandler):
    review: ReviewServer
    protocol_version = "HTTP/1.1"
    server_version = "radcommons-edge"
    sys_version = ""
    timeout = 30

    def handle(self) -> None:
        """Answer what comes on one connection; whoever closes it while a page or its pictures come does nothing wrong."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Nothing is logged: a request line may hold the token."""

    def do_GET(self) -> None:
        """Answer a request for the page, its style or a picture."""
        self._guarded(self._get)

    def do_POST(self) -> None:
        """Record a decision."""
        self._guarded(self._post)

    def _guarded(self, answer: Callable[[], None]) -> None:
        # A page of another site could aim a name of its own at 127.0.0.1; its Host header gives it away.
        if self.headers.get("Host", "") not in {f"127.0.0.1:{self.review.port}", f"localhost:{self.review.port}"}:
            self._send(HTTPStatus.MISDIRECTED_REQUEST, "Open the address that the command printed.")
            return
        try:
            answer()
        except RadCommonsError as error:
            status = HTTPStatus.NOT_FOUND if error.kind is Kind.NOT_FOUND else HTTPStatus.CONFLICT
            if self.path.startswith(("/api/", "/frames/")):
                self._send_json({"code": error.code, "message": error.message}, status)
            elif self._has_session():
                page = _ERROR_PAGE.format(message=escape(error.message), code=escape(error.code))
                self._send(status, page, content_type=_HTML)
            else:
                self._send(status, f"{error.message} ({error.code})")

    def _get(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == "/" and self.review.is_token(query.get("token", "")):
            cookie = f"{_COOKIE}={self.review.token}; HttpOnly; SameSite=Strict; Path=/"
            self._send(HTTPStatus.SEE_OTHER, "", headers={"Location": "/", "Set-Cookie": cookie})
        elif not self._has_session():
            self._send(HTTPStatus.FORBIDDEN, "Open the address that the command printed; it carries a token.")
        else:
            self._part(address.path, query)

    def _part(self, path: str, query: dict[str, str]) -> None:
        """A part of a page, or a page."""
        _, head, *rest = path.split("/")
        if path == "/favicon.ico":
            self._send(HTTPStatus.NO_CONTENT, b"")
        elif not rest and head in ASSETS:
            self._send(HTTPStatus.OK, asset(head), content_type=f"{ASSETS[head]}; charset=utf-8")
        elif (head, len(rest)) == ("series", 1):
            self._send(HTTPStatus.OK, self._look(rest[0], query), content_type=_HTML)
        elif (head, len(rest)) == ("api", 2) and rest[0] == "series":
            self._send_json(self.review.session.state(rest[1]))
        elif (head, len(rest)) == ("frames", 2):
            small, side = query.get("small") == "1", query.get("side", "original")
            frame = self.review.session.frame(rest[0], place=rest[1], side=side, is_small=small)
            self._send(HTTPStatus.OK, frame, content_type="image/jpeg")
        else:
            page = self.review.pages.html(path, query, by=self.review.by, said=self.review.said)
            self.review.said = ""
            self._send(HTTPStatus.OK, page, content_type=_HTML)

    def _look(self, series: str, query: dict[str, str]) -> str:
        shown, place, house = self.review.session.shown(series)
        return look_html(
            self.review.home,
            shown,
            place,
            house=house,
            token=self.review.token,
            instance=query.get("instance", ""),
        )

    def _post(self) -> None:
        length = self.headers.get("Content-Length", "")
        most = _LARGEST_REQUEST_BYTES if self.path.startswith("/api/") else _LARGEST_FORM_BYTES
        if not length.isdigit() or int(length) > most:
            self.close_connection = True
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too large.")
            return
        body, path = self.rfile.read(int(length)), urlsplit(self.path).path
        if path.startswith("/api/series/"):
            self._post_json(path.removeprefix("/api/series/"), body)
            return
        form = {key: values[0] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if not self._has_session() or not self.review.is_token(form.get("token", "")):
            self._send(HTTPStatus.FORBIDDEN, "Open the address that the command printed; it carries a token.")
            return
        posted = self.review.posting.post(path, form)
        self.review.by, self.review.said = form.get("by", ""), posted.said
        self._send(HTTPStatus.SEE_OTHER, "", headers={"Location": posted.place})

    def _post_json(self, series: str, body: bytes) -> None:
        # A form of another site can neither set this header nor send JSON without being asked first.
        is_json = self.headers.get("Content-Type", "").partition(";")[0].strip() == "application/json"
        if not self._has_session() or not is_json or not self.review.is_token(self.headers.get(_TOKEN_HEADER, "")):
            message = "Open the address that the command printed; it carries a token."
            self._send_json({"code": "edge.no-session", "message": message}, HTTPStatus.FORBIDDEN)
            return
        request = request_of(body)
        done = self.review.session.act(series, request)
        self.review.by = str(request.get("by", ""))
        self._send_json(done)

    def _has_session(self) -> bool:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get(_COOKIE)
        except CookieError:
            return False
        return cookie is not None and self.review.is_token(cookie.value)

    def _send_json(self, value: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, orjson.dumps(value), content_type="application/json")

    def _send(
        self,
        status: HTTPStatus,
        body: str | bytes,
        *,
        content_type: str = "text/plain; charset=utf-8",
        headers: dict[str, str] | None = None,
    ) -> None:
        data = body.encode("utf-8") if isinstance(body, str) else body
        self.send_response(status)
        fixed = {
            "Content-Type": content_type,
            "Content-Length": str(len(data)),
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        for name, value in {**fixed, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
