"""How accounts come into being: by invitation only, also when an identity provider vouches for somebody."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.userkit import filter_users_by_email, get_user_by_username
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.shortcuts import render

from radcommons.server.platform.accounts import note_refused_sign_in, note_sign_in
from radcommons.server.platform.models import User
from radcommons.server.platform.sealing import seal, unseal


class OneHashBackend(AuthenticationBackend):
    """Compares a password with one account's at most, so that the time of an answer tells of no account.

    Allauth's own compares it twice when an address is known and once when it is not, which anybody can time. An address that
    two accounts have signs in to neither: each has a name.
    """

    def _authenticate(self, request: HttpRequest | None, **credentials: Any) -> AbstractBaseUser | None:
        del request
        login = str(credentials.get("username") or credentials.get("email") or "")
        user = get_user_by_username(login)
        if user is None:
            users = filter_users_by_email(login, for_login=True)
            user = users[0] if len(users) == 1 else None
        checked: AbstractBaseUser | None = self._check_password(user, str(credentials["password"]))
        return checked


class InvitedAccountsAdapter(DefaultAccountAdapter):
    """No open sign-up: an administrator makes the account and hands over a one-time link."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        del request
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse further guesses for some minutes, with the status that programs know.

        Raises
        ------
        ImmediateHttpResponse
            With 429, after too many wrong passwords.
        """
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            raise ImmediateHttpResponse(render(request, "429.html", status=429)) from error

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Leave a line in the audit log of every wrong password."""
        super().authentication_failed(request, **credentials)
        note_refused_sign_in(str(credentials.get("username") or credentials.get("email") or ""))

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Open the session, after all factors were shown, and leave a line in the audit log."""
        super().login(request, user)
        if isinstance(user, User):
            note_sign_in(user)


class KnownPeopleAdapter(DefaultSocialAccountAdapter):
    """An identity provider may sign in people who were connected to an account, not create new ones."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: object) -> bool:
        """Never."""
        del request, sociallogin
        return False


class SealedFactorsAdapter(DefaultMFAAdapter):
    """Keeps the secrets of second factors sealed: with a copy of the database alone nobody makes codes."""

    def encrypt(self, text: str) -> str:
        """Seal a secret."""
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The secret that was sealed."""
        return unseal(encrypted_text)
