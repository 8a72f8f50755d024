"""The review page with buttons, served to this machine only, behind a token made for the session."""

import hmac
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import opened
from radcommons.edge.review.page import Forms, style_css
from radcommons.edge.review.pictures import drawn_names, pictures_path
from radcommons.edge.review.verbs import Decision, content_sha256, record_review, served_page

_LARGEST_FORM_BYTES = 64 * 1024
_COOKIE = "radcommons_review"
_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
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
        try:
            self._server.serve_forever(poll_interval=0.2)
        finally:
            self._server.server_close()

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
            self._send(status, f"{error.message} ({error.code})")

    def _get(self) -> None:
        address = urlsplit(self.path)
        given = parse_qs(address.query).get("token", [""])[0]
        if address.path == "/" and self.review.is_token(given):
            cookie = f"{_COOKIE}={self.review.token}; HttpOnly; SameSite=Strict; Path=/"
            self._send(HTTPStatus.SEE_OTHER, "", headers={"Location": "/", "Set-Cookie": cookie})
        elif not self._has_session():
            self._send(HTTPStatus.FORBIDDEN, "Open the address that the command printed; it carries a token.")
        elif address.path == "/":
            page = served_page(self.review.home, self.review.out.path, forms=Forms(self.review.token))
            self._send(HTTPStatus.OK, page, content_type="text/html; charset=utf-8")
        elif address.path == "/style.css":
            self._send(HTTPStatus.OK, style_css(), content_type="text/css; charset=utf-8")
        else:
            self._picture(address.path.removeprefix("/pictures/"))

    def _picture(self, name: str) -> None:
        if name not in drawn_names(self.review.out):
            self._send(HTTPStatus.NOT_FOUND, "There is no such page.")
            return
        body = (pictures_path(self.review.out) / name).read_bytes()
        self._send(HTTPStatus.OK, body, content_type="image/jpeg")

    def _post(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _LARGEST_FORM_BYTES:
            self.close_connection = True
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too large.")
            return
        form = {key: values[0] for key, values in parse_qs(self.rfile.read(int(length)).decode("utf-8")).items()}
        if not self._has_session() or not self.review.is_token(form.get("token", "")):
            self._send(HTTPStatus.FORBIDDEN, "Open the address that the command printed; it carries a token.")
            return
        if form.get("content") != content_sha256(self.review.home, self.review.out.path):
            self._send(HTTPStatus.CONFLICT, "The content changed since this page was shown. Load it again and look.")
            return
        decision = _decision(urlsplit(self.path).path, form)
        record_review(self.review.home, self.review.out.path, decision=decision)
        self._send(HTTPStatus.SEE_OTHER, "", headers={"Location": "/"})

    def _has_session(self) -> bool:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get(_COOKIE)
        except CookieError:
            return False
        return cookie is not None and self.review.is_token(cookie.value)

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


def _decision(verb: str, form: dict[str, str]) -> Decision:
    by, series = form.get("by", ""), form.get("series", "")
    if verb == "/approve":
        return Decision(by, is_approval=True)
    if verb == "/approve-pixels":
        return Decision(by, approve_pixels=(series,))
    if verb == "/exclude":
        return Decision(by, exclude=(series,), reason=form.get("reason", ""))
    raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-page", "There is no such page.")
