"""Accounts, roles and personal tokens: the verbs of an administrator."""

from datetime import timedelta

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from radcommons.server.platform import audit, tokens
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.errors import ConflictError, InvalidError, NotFoundError
from radcommons.server.platform.models import ApiToken, RoleAssignment, SetupLink, User
from radcommons.server.platform.policy import Action, Actor, Role, authorise

SETUP_LINK_LIFETIME = timedelta(hours=24)
TOKEN_LIFETIME = timedelta(days=365)


def create_account(username: str, *, actor: Actor, email: str = "", password: str | None = None) -> User:
    """Make an account without any role.

    Raises
    ------
    ConflictError
        When the name is taken, in capitals or small letters: signing in knows no difference, and would know neither.
    InvalidError
        When the name has no letter or digit, or the password is too weak.
    """
    authorise(actor, Action.PLATFORM_MANAGE_PEOPLE)
    if not any(map(str.isalnum, username)):
        raise InvalidError("platform.name-invalid", "A user name has at least one letter or digit.")
    with transaction.atomic():
        if User.objects.filter(username__iexact=username).exists():
            raise ConflictError("platform.account-exists", f"There is an account named {username} already.")
        user = User(username=username, email=email)
        _set_password(user, password)
        user.save()
        audit.record(actor, "account.created", object_kind="account", object_id=username)
    return user


def _set_password(user: User, password: str | None) -> None:
    if password is None:
        user.set_unusable_password()
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidError("platform.password-weak", " ".join(error.messages)) from error
    user.set_password(password)


def grant_role(username: str, role: Role, *, actor: Actor, site_code: str = "") -> None:
    """Grant a role; granting it again changes nothing.

    Raises
    ------
    InvalidError
        When a coordinator is granted without a site, or another role with one.
    """
    authorise(actor, Action.PLATFORM_MANAGE_PEOPLE)
    if (role is Role.SITE_COORDINATOR) != bool(site_code):
        raise InvalidError("platform.role-site", "Coordinators belong to one site; other roles to none.")
    with transaction.atomic():
        user = _user(username)
        _, is_new = RoleAssignment.objects.get_or_create(user=user, role=role.value, site_code=site_code)
        if is_new:
            facts = {"role": role.value, "site": site_code}
            audit.record(actor, "role.granted", object_kind="account", object_id=username, facts=facts)


def revoke_role(username: str, role: Role, *, actor: Actor, site_code: str = "") -> None:
    """Take a role away.

    Raises
    ------
    ConflictError
        When the last administrator would lose the role: nobody could grant it again.
    """
    authorise(actor, Action.PLATFORM_MANAGE_PEOPLE)
    with transaction.atomic():
        user = _user(username)
        if role is Role.ADMINISTRATOR and _other_administrators(user) == 0:
            raise ConflictError("platform.last-administrator", "This is the last administrator; grant another first.")
        count, _ = RoleAssignment.objects.filter(user=user, role=role.value, site_code=site_code).delete()
        if count:
            facts = {"role": role.value, "site": site_code}
            audit.record(actor, "role.revoked", object_kind="account", object_id=username, facts=facts)


def set_active(username: str, *, actor: Actor, is_active: bool) -> None:
    """Open or close an account; a closed one can do nothing and its tokens stop at once."""
    authorise(actor, Action.PLATFORM_MANAGE_PEOPLE)
    with transaction.atomic():
        user = _user(username)
        if not is_active and _other_administrators(user) == 0:
            raise ConflictError("platform.last-administrator", "This is the last administrator; grant another first.")
        user.is_active = is_active
        user.save(update_fields=["is_active"])
        verb = "account.opened" if is_active else "account.closed"
        audit.record(actor, verb, object_kind="account", object_id=username)


def remove_second_factor(username: str, *, actor: Actor) -> None:
    """Take the second factor off an account whose owner lost it; signing in asks for the password alone again.

    Raises
    ------
    ConflictError
        When the account has none.
    """
    authorise(actor, Action.PLATFORM_MANAGE_PEOPLE)
    with transaction.atomic():
        user = _user(username)
        count, _ = Authenticator.objects.filter(user=user).delete()
        if not count:
            raise ConflictError("platform.no-second-factor", f"{username} has no second factor.")
        audit.record(actor, "second-factor.removed", object_kind="account", object_id=username)


def note_sign_in(user: User) -> None:
    """Write down that somebody signed in."""
    with transaction.atomic():
        name = user.get_username()
        audit.record(actor_of_user(user), "account.signed-in", object_kind="account", object_id=name)


def note_refused_sign_in(login: str) -> None:
    """Write down that a password was wrong: for whose account, and nothing of what was typed where there is none."""
    known = User.objects.filter(Q(username__iexact=login) | Q(email__iexact=login)).values_list("username", flat=True)
    with transaction.atomic():
        name = known.first() or "unknown"
        audit.record(Actor.anonymous(), "account.sign-in-refused", object_kind="account", object_id=name)


def _other_administrators(user: User) -> int:
    rows = RoleAssignment.objects.select_for_update(no_key=True).filter(
        role=Role.ADMINISTRATOR.value, user__is_active=True
    )
    ids = set(rows.values_list("user_id", flat=True))
    return len(ids - {user.pk}) if user.pk in ids else max(1, len(ids))


def _user(username: str) -> User:
    user = User.objects.select_for_update(no_key=True).filter(username=username).first()
    if user is None:
        raise NotFoundError(f"There is no account named {username}.")
    return user


def has_administrator() -> bool:
    """Whether somebody can administer this centre."""
    return RoleAssignment.objects.filter(role=Role.ADMINISTRATOR.value, user__is_active=True).exists()


def issue_setup_link(*, actor: Actor, username: str | None = None) -> str:
    """A one-time secret with which somebody chooses a password; without a name, the first administrator.

    Issuing another one for the same purpose makes the earlier one useless.

    Raises
    ------
    ConflictError
        When there is an administrator and no account was named.
    """
    authorise(actor, Action.PLATFORM_MANAGE_PEOPLE)
    if username is None and has_administrator():
        message = "There is an administrator already: name the account that the link is for."
        raise ConflictError("platform.administrator-exists", message)
    token = tokens.issue("rcl")
    with transaction.atomic():
        user = _user(username) if username else None
        SetupLink.objects.filter(user=user, used_at=None).update(used_at=timezone.now())
        expires = timezone.now() + SETUP_LINK_LIFETIME
        SetupLink.objects.create(sha256=token.sha256, user=user, expires_at=expires)
        audit.record(actor, "setup-link.issued", object_kind="account", object_id=username or "first-administrator")
    return token.plain


def redeem_setup_link(plain: str, *, password: str, username: str | None = None) -> User:
    """Use a one-time link: set the password of its account, or make the first administrator.

    Raises
    ------
    NotFoundError
        When the link is unknown, used or too old.
    InvalidError
        When the password is too weak or the name is missing.
    """
    with transaction.atomic():
        link = open_setup_link(plain)
        user = link.user
        if user is None:
            if not username:
                raise InvalidError("platform.name-missing", "Choose a user name.")
            system = Actor.system("setup")
            user = create_account(username, actor=system, password=password)
            grant_role(username, Role.ADMINISTRATOR, actor=system)
        else:
            _set_password(user, password)
            user.save(update_fields=["password"])
            audit.record(Actor.system("setup"), "password.set", object_kind="account", object_id=user.get_username())
        link.used_at = timezone.now()
        link.save(update_fields=["used_at"])
    return user


def open_setup_link(plain: str) -> SetupLink:
    """The row of a link that can still be used.

    Raises
    ------
    NotFoundError
        When it cannot; the first administrator's neither, once there is one: it stands in the log of the first start.
    """
    rows = SetupLink.objects.select_for_update(of=("self",), no_key=True).filter(
        sha256=tokens.digest(plain), used_at=None, expires_at__gt=timezone.now()
    )
    with transaction.atomic():
        link = rows.first()
    if link is None or (link.user_id is None and has_administrator()):
        raise NotFoundError("This link has been used or is too old. Ask an administrator for a new one.")
    return link


def issue_api_token(user: User, name: str, *, actor: Actor) -> str:
    """A personal token for programs, shown once."""
    token = tokens.issue("rcu")
    with transaction.atomic():
        expires = timezone.now() + TOKEN_LIFETIME
        ApiToken.objects.create(user=user, name=name, sha256=token.sha256, expires_at=expires)
        audit.record(actor, "token.issued", object_kind="account", object_id=user.get_username(), facts={"name": name})
    return token.plain


def revoke_api_token(token_id: int, *, user: User, actor: Actor) -> None:
    """Make one of an account's own tokens useless at once."""
    with transaction.atomic():
        rows = ApiToken.objects.filter(pk=token_id, user=user, revoked_at=None)
        if rows.update(revoked_at=timezone.now()) == 0:
            raise NotFoundError("There is no such token.")
        audit.record(actor, "token.revoked", object_kind="account", object_id=user.get_username())


def actor_named(username: str) -> User:
    """The account behind ``--by NAME``.

    Raises
    ------
    NotFoundError
        When there is none, or it is closed.
    """
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise NotFoundError(f"There is no open account named {username}.")
    return user
