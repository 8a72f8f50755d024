"""How accounts come into being: by invitation only, also when an identity provider vouches for somebody."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.shortcuts import render


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


class KnownPeopleAdapter(DefaultSocialAccountAdapter):
    """An identity provider may sign in people who were connected to an account, not create new ones."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: object) -> bool:
        """Never."""
        del request, sociallogin
        return False
