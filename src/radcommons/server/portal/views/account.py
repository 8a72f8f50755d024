"""One's own account: choosing a password with a one-time link, tokens for programs."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from radcommons.server.platform import accounts
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import ConflictError, InvalidError, NotFoundError
from radcommons.server.platform.models import ApiToken, User
from radcommons.server.platform.policy import Action
from radcommons.server.portal.context import role_names
from radcommons.server.portal.forms import FirstAdministratorForm, SetupForm, TokenForm


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@door(Action.PORTAL_VIEW)
def setup(request: ActorRequest, token: str) -> HttpResponse:
    """Choose a password: an invited person's, or the first administrator's."""
    link = accounts.open_setup_link(token)
    form_class = SetupForm if link.user else FirstAdministratorForm
    form = form_class(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            accounts.redeem_setup_link(token, password=values["password"], username=values.get("username"))
        except (InvalidError, ConflictError) as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Your password is set. Sign in with it.")
            return redirect("account_login")
    context = {"form": form, "username": link.user.get_username() if link.user else ""}
    return render(request, "portal/setup.html", context, status=422 if form.errors else 200)


@require_safe
@door(Action.PORTAL_VIEW)
def password_forgotten(request: ActorRequest) -> HttpResponse:
    """Whom to ask for a new password; the same for everybody, so that nobody learns who has an account."""
    return render(request, "portal/password_forgotten.html")


@require_safe
@door(Action.PLATFORM_OWN_ACCOUNT)
def addresses(request: ActorRequest) -> HttpResponse:
    """An administrator keeps the address of an account; its owner is led to what can be changed."""
    del request
    return redirect("portal:account")


def _user(request: ActorRequest) -> User:
    user = User.objects.filter(pk=request.actor.user_id or 0).first()
    if user is None:
        raise NotFoundError("This actor has no account.")
    return user


def _account_page(request: ActorRequest, *, form: TokenForm, plain: str = "", status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "plain": plain,
        "roles": role_names(request.actor),
        "tokens": ApiToken.objects.filter(user=request.actor.user_id or 0).order_by("-created_at"),
        "now": timezone.now(),
    }
    return render(request, "portal/account.html", context, status=status)


@never_cache
@require_safe
@door(Action.PLATFORM_OWN_ACCOUNT)
def account(request: ActorRequest) -> HttpResponse:
    """One's roles, password, second factor and tokens."""
    return _account_page(request, form=TokenForm())


@never_cache
@require_POST
@door(Action.PLATFORM_OWN_ACCOUNT)
def issue_token(request: ActorRequest) -> HttpResponse:
    """Make a token and show it this once."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _account_page(request, form=form, status=422)
    plain = accounts.issue_api_token(_user(request), form.cleaned_data["name"], actor=request.actor)
    return _account_page(request, form=TokenForm(), plain=plain)


@require_POST
@door(Action.PLATFORM_OWN_ACCOUNT)
def revoke_token(request: ActorRequest, token_id: int) -> HttpResponse:
    """Make one's own token useless."""
    accounts.revoke_api_token(token_id, user=_user(request), actor=request.actor)
    messages.success(request, "The token is revoked. Programs that use it are refused from now on.")
    return redirect("portal:account")
