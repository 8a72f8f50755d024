"""Security headers of every page: nothing inline, nothing from elsewhere."""

from collections.abc import Callable

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse

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
