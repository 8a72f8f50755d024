"""People: accounts, roles, invitation links; for administrators."""

from collections.abc import Callable
from functools import partial

from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.platform import accounts
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import ConflictError, InvalidError, NotFoundError
from radcommons.server.platform.models import AuditEvent, SetupLink, User
from radcommons.server.platform.policy import Action, Role
from radcommons.server.platform.settings import settings
from radcommons.server.portal.forms import InvitationForm, RoleForm

PEOPLE_A_PAGE = 50
SHOWN_EVENTS = 10


def _list_page(request: ActorRequest, *, form: InvitationForm, status: int = 200) -> HttpResponse:
    text = request.GET.get("text", "").strip()
    users = User.objects.order_by("username").prefetch_related("role_assignments")
    if text:
        users = users.filter(Q(username__icontains=text) | Q(email__icontains=text))
    page = Paginator(users, PEOPLE_A_PAGE).get_page(request.GET.get("page", 1))
    return render(request, "portal/people.html", {"page": page, "form": form, "text": text}, status=status)


@require_safe
@door(Action.PLATFORM_MANAGE_PEOPLE)
def people(request: ActorRequest) -> HttpResponse:
    """All accounts, and the form that invites somebody."""
    return _list_page(request, form=InvitationForm())


@never_cache
@require_POST
@door(Action.PLATFORM_MANAGE_PEOPLE)
def invite(request: ActorRequest) -> HttpResponse:
    """Make an account with a role and show its one-time link this once."""
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _list_page(request, form=form, status=422)
    values = form.cleaned_data
    role, site_code = Role(values["role"]), values["site_code"]
    try:
        _check_role_and_site(role, site_code)
        accounts.create_account(values["username"], actor=request.actor, email=values["email"])
        accounts.grant_role(values["username"], role, actor=request.actor, site_code=site_code)
    except RadCommonsError as error:
        form.add_error(None, error.message)
        return _list_page(request, form=form, status=422)
    return _person_page(request, values["username"], link=_link(request, values["username"]))


def _check_role_and_site(role: Role, site_code: str) -> None:
    if (role is Role.SITE_COORDINATOR) != bool(site_code):
        message = "Choose a site for a site coordinator, and none for any other role."
        raise InvalidError("platform.role-site", message)


def _link(request: ActorRequest, username: str) -> str:
    secret = accounts.issue_setup_link(actor=request.actor, username=username)
    return settings().public_url.rstrip("/") + reverse("portal:setup", args=[secret])


def _person_page(request: ActorRequest, username: str, *, link: str = "") -> HttpResponse:
    user = User.objects.prefetch_related("role_assignments").filter(username=username).first()
    if user is None:
        raise NotFoundError(f"There is no account named {username}.")
    context = {
        "user_shown": user,
        "form": RoleForm(),
        "link": link,
        "has_open_link": SetupLink.objects.filter(user=user, used_at=None).exists(),
        "has_second_factor": is_mfa_enabled(user),
        "is_self": user.pk == request.actor.user_id,
        "events": AuditEvent.objects.filter(object_kind="account", object_id=username).order_by("-id")[:SHOWN_EVENTS],
    }
    return render(request, "portal/person.html", context)


@require_safe
@door(Action.PLATFORM_MANAGE_PEOPLE)
def person(request: ActorRequest, username: str) -> HttpResponse:
    """One account: its roles, what happened to it, what may be done with it."""
    return _person_page(request, username)


@never_cache
@require_POST
@door(Action.PLATFORM_MANAGE_PEOPLE)
def new_link(request: ActorRequest, username: str) -> HttpResponse:
    """Make another one-time link, to be shown this once; earlier ones become useless."""
    return _person_page(request, username, link=_link(request, username))


def _tried(request: ActorRequest, username: str, change: Callable[[], None], *, told: str) -> HttpResponse:
    """Make a change, say what came of it, and go back to the person's page."""
    try:
        change()
    except (InvalidError, ConflictError) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, told)
    return redirect("portal:person", username=username)


@require_POST
@door(Action.PLATFORM_MANAGE_PEOPLE)
def grant(request: ActorRequest, username: str) -> HttpResponse:
    """Give somebody a role."""
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a role from the list.")
        return redirect("portal:person", username=username)
    role, site_code = Role(form.cleaned_data["role"]), form.cleaned_data["site_code"]

    def change() -> None:
        _check_role_and_site(role, site_code)
        accounts.grant_role(username, role, actor=request.actor, site_code=site_code)

    return _tried(request, username, change, told="The role is granted; it counts from the next page on.")


@require_POST
@door(Action.PLATFORM_MANAGE_PEOPLE)
def revoke(request: ActorRequest, username: str) -> HttpResponse:
    """Take a role away."""
    name, site_code = request.POST.get("role", ""), request.POST.get("site_code", "")
    if name not in set(Role):
        raise NotFoundError("There is no such role.")
    change = partial(accounts.revoke_role, username, Role(name), actor=request.actor, site_code=site_code)
    return _tried(request, username, change, told="The role is taken away; it stops counting at once.")


@require_POST
@door(Action.PLATFORM_MANAGE_PEOPLE)
def remove_second_factor(request: ActorRequest, username: str) -> HttpResponse:
    """Let somebody in again who lost the second factor."""
    change = partial(accounts.remove_second_factor, username, actor=request.actor)
    told = "The second factor is taken off; the password alone lets this person in."
    return _tried(request, username, change, told=told)


@require_POST
@door(Action.PLATFORM_MANAGE_PEOPLE)
def set_active(request: ActorRequest, username: str) -> HttpResponse:
    """Open or close an account."""
    is_active = request.POST.get("is_active") == "yes"
    change = partial(accounts.set_active, username, actor=request.actor, is_active=is_active)
    told = "The account is open again." if is_active else "The account is closed; its sessions and tokens stop."
    return _tried(request, username, change, told=told)
