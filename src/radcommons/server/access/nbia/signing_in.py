"""``/nbia-api/oauth/token``, for programs that insist on signing in before they ask (RFC 6749 4.3).

The password is a personal token of the portal's account page, never the account's password: a second factor stays one, and
what a program stores can be revoked alone. NBIA's guest gets a token that stands for nobody, so that programs which always
send one reach what is open to everybody.
"""

from collections.abc import Callable
from http import HTTPStatus

from django.utils import timezone
from starlette.requests import Request

from radcommons.server.access.nbia.requests import Parameters
from radcommons.server.platform.errors import UnauthenticatedError
from radcommons.server.platform.models import ApiToken
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.tokens import digest

GUEST = "nbia_guest"
GUEST_TOKEN = "nbia-guest"  # noqa: S105 - it stands for nobody and opens nothing
GUEST_LIFETIME_S = 7200
_PASSWORD, _REFRESH = "password", "refresh_token"


def actor_of(request: Request, resolve_actor: Callable[[Request], Actor]) -> Actor:
    """Who asks; the guest's token is nobody's."""
    if request.headers.get("authorization", "").removeprefix("Bearer ").strip() == GUEST_TOKEN:
        return Actor.anonymous()
    return resolve_actor(request)


def answer(parameters: Parameters) -> tuple[int, dict[str, object]]:
    """The status and document that a program is answered with (RFC 6749 5.1 and 5.2)."""
    grant = parameters.text("grant_type")
    if grant not in {_PASSWORD, _REFRESH}:
        return HTTPStatus.BAD_REQUEST, {"error": "unsupported_grant_type"}
    name = parameters.text("username")
    plain = parameters.text(_PASSWORD if grant == _PASSWORD else _REFRESH)
    if plain == GUEST_TOKEN or (grant == _PASSWORD and name == GUEST):
        return HTTPStatus.OK, _granted(GUEST_TOKEN, GUEST_LIFETIME_S)
    try:
        return HTTPStatus.OK, _granted(plain, _lifetime_s(plain, name if grant == _PASSWORD else None))
    except UnauthenticatedError as error:
        return HTTPStatus.BAD_REQUEST, {"error": "invalid_grant", "error_description": error.message}


def _granted(token: str, lifetime_s: int) -> dict[str, object]:
    return {
        "access_token": token,
        "token_type": "bearer",
        "expires_in": lifetime_s,
        "refresh_token": token,
        "scope": "openid",
    }


def _lifetime_s(plain: str, username: str | None) -> int:
    """How long a personal token still lasts.

    Raises
    ------
    UnauthenticatedError
        When it is unknown, expired or revoked, or another account's; which of them is not told.
    """
    now = timezone.now()
    rows = ApiToken.objects.filter(sha256=digest(plain), revoked_at=None, expires_at__gt=now, user__is_active=True)
    token = rows.select_related("user").first()
    if token is None or (username is not None and token.user.get_username() != username):
        raise UnauthenticatedError("Use a personal token of your account page as the password.")
    return int((token.expires_at - now).total_seconds())
