"""Security headers of every answer: nothing inline, nothing from elsewhere, nothing guessed."""

from collections.abc import Callable
from functools import cache

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from starlette.types import Message, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; form-action 'self'; frame-ancestors 'self'; "
    "base-uri 'none'"
)


class SecurityHeadersMiddleware:
    """Adds the policy unless a view has set its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and say what the browser may do with the answer."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if django_settings.SESSION_COOKIE_NAME in request.COOKIES:
            # A page of somebody signed in is not left in the browser of a shared machine.
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


# Not a page of ours, but a browser would show it as one: it may do nothing there, whatever text it holds.
_SHOWN_POLICY = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_SHOWN_TYPES = (b"text/html", b"text/plain", b"text/csv", b"text/xml", b"application/json", b"application/xml")


def guarded(send: Send) -> Send:
    """How an answer is sent, with the headers that it lacks; what it says itself stands.

    Scripts, styles and workers get no policy: a worker would live under its own, not under that of its page.
    """

    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            # Django writes names as people do, others in small letters.
            said = {name.lower(): value for name, value in message["headers"]}
            wanted = _wanted(shown=said.get(b"content-type", b"text/plain").startswith(_SHOWN_TYPES))
            message["headers"] = [*message["headers"], *(one for one in wanted if one[0] not in said)]
        await send(message)

    return send_guarded


@cache
def _wanted(*, shown: bool) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of every answer; with a policy where a browser would show it as a page."""
    always = (
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", django_settings.X_FRAME_OPTIONS.encode()),
        (b"referrer-policy", django_settings.SECURE_REFERRER_POLICY.encode()),
    )
    return (*always, (b"content-security-policy", _SHOWN_POLICY)) if shown else always
