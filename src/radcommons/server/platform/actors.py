"""Who is asking: from a session or a bearer token to an :class:`~.policy.Actor`."""

from collections.abc import Callable
from importlib import import_module

from django.conf import settings as django_settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.utils import timezone

from radcommons.server.platform.errors import UnauthenticatedError
from radcommons.server.platform.models import ApiToken, User
from radcommons.server.platform.policy import Actor, ActorKind, Grant, Role
from radcommons.server.platform.tokens import digest

TokenResolver = Callable[[str], Actor | None]
PERSONAL_PREFIX = "rcu_"

_resolvers: dict[str, TokenResolver] = {}


def register_token_resolver(prefix: str, resolver: TokenResolver) -> None:
    """Let a higher room answer for tokens with its prefix; called once by the wiring."""
    _resolvers[prefix] = resolver


def actor_of_user(user: User) -> Actor:
    """The actor that an account is, with its grants as of now."""
    grants = frozenset(
        Grant(Role(role), site_code or None)
        for role, site_code in user.role_assignments.values_list("role", "site_code")
    )
    return Actor(ActorKind.USER, f"user:{user.get_username()}", grants, user_id=user.pk)


def actor_of_token(plain: str) -> Actor:
    """The actor behind a bearer token.

    Raises
    ------
    UnauthenticatedError
        When the token is unknown, expired or revoked; which of them is not told.
    """
    for prefix, resolver in _resolvers.items():
        if plain.startswith(prefix):
            actor = resolver(plain)
            if actor is None:
                break
            return actor
    now = timezone.now()
    rows = ApiToken.objects.filter(sha256=digest(plain), revoked_at=None, expires_at__gt=now, user__is_active=True)
    token = rows.select_related("user").first()
    if token is None:
        raise UnauthenticatedError("The token is unknown, expired or revoked. Ask for a new one.")
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return actor_of_user(token.user)


def actor_of_request(*, authorization: str | None, session_key: str | None) -> Actor:
    """The actor of a request outside Django's middleware: bearer token first, then session cookie.

    Raises
    ------
    UnauthenticatedError
        When a token was sent and is not valid; a bad session is merely anonymous.
    """
    if authorization:
        scheme, _, plain = authorization.partition(" ")
        if scheme.lower() != "bearer" or not plain:
            raise UnauthenticatedError("Send the token as 'Authorization: Bearer …'.")
        return actor_of_token(plain.strip())
    if not session_key:
        return Actor.anonymous()
    request = HttpRequest()
    request.session = import_module(django_settings.SESSION_ENGINE).SessionStore(session_key)
    # Django's own question, which also turns away sessions from before the password was changed.
    user = get_user(request)
    return actor_of_user(user) if isinstance(user, User) else Actor.anonymous()
