"""How accounts come into being: by invitation only, also when an identity provider vouches for somebody."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest


class InvitedAccountsAdapter(DefaultAccountAdapter):
    """No open sign-up: an administrator makes the account and hands over a one-time link."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        del request
        return False


class KnownPeopleAdapter(DefaultSocialAccountAdapter):
    """An identity provider may sign in people who were connected to an account, not create new ones."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: object) -> bool:
        """Never."""
        del request, sociallogin
        return False
