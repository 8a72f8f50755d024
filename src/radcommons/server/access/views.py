"""Pages on which people ask to read restricted versions, and release managers decide."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.access import asking, services
from radcommons.server.access.models import AccessRequest, RequestState
from radcommons.server.access.services import AccessWish
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action
from radcommons.server.releases.models import ReleaseAccess, ReleaseState
from radcommons.server.releases.queries import public_release
from radcommons.server.releases.reading import may_read
from radcommons.server.releases.services import dismiss_reader

DECIDED_SHOWN = 100


class AskForm(forms.Form):
    """What somebody fills in who asks for access."""

    full_name = forms.CharField(label="Your name", max_length=200)
    institution = forms.CharField(max_length=200, help_text="Where you work or study.")
    purpose = forms.CharField(
        label="What you want the data for",
        max_length=4000,
        help_text="A few sentences: the question, the method, who else will work with the data.",
        widget=forms.Textarea({"rows": 5}),
    )
    agrees = forms.BooleanField(label="I have read the terms above, and agree to them")
    # The digest of the terms as this page showed them.
    terms_sha256 = forms.CharField(widget=forms.HiddenInput())

    def wish(self) -> AccessWish:
        """The form as the verb takes it."""
        data = self.cleaned_data
        return AccessWish(data["full_name"], data["institution"], data["purpose"], data["terms_sha256"])


class ApproveForm(forms.Form):
    """Until when somebody may read."""

    until = forms.DateField(
        label="Last day of access",
        help_text="At most three years from now.",
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )


class ReasonForm(forms.Form):
    """Why not, or no longer."""

    reason = forms.CharField(max_length=2000, help_text="The person reads it.", widget=forms.Textarea({"rows": 3}))


@require_http_methods(["GET", "HEAD", "POST"])
@door(Action.ACCESS_ASK)
def ask(request: ActorRequest, slug: str, version: str) -> HttpResponse:
    """Ask to read a restricted version, or see how far one's asking has come."""
    release = public_release(slug, version)
    is_restricted = release.access == ReleaseAccess.RESTRICTED and release.state == ReleaseState.PUBLISHED
    if not is_restricted:
        return redirect("releases:landing", slug=release.slug, version=release.version)
    form = AskForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.ask_for_access(release, form.wish(), actor=request.actor)
        except RadCommonsError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Your request is sent. This page will say what was decided.")
            return redirect("access:ask", slug=release.slug, version=release.version)
    if not form.is_bound:
        form = AskForm(initial={"terms_sha256": release.terms_sha256})
    standing = asking.standing_of(release, request.actor)
    context = {
        "release": release,
        "form": form,
        "standing": standing,
        "may_read": may_read(release, request.actor),
        "may_ask": standing is None or standing.state not in {"waiting", "granted"},
    }
    return render(request, "access/ask.html", context, status=422 if form.errors else 200)


@require_safe
@door(Action.ACCESS_ASK)
def mine(request: ActorRequest) -> HttpResponse:
    """Everything that one ever asked for."""
    return render(request, "access/mine.html", {"standings": asking.own_requests(request.actor)})


@require_safe
@door(Action.ACCESS_DECIDE)
def queue(request: ActorRequest) -> HttpResponse:
    """What waits for a decision, who may read what, and what was decided."""
    context = {
        "waiting": asking.waiting_requests(),
        "granted": asking.granted_requests(),
        "decided": [asking.standing(row) for row in asking.decided_requests()[:DECIDED_SHOWN]],
    }
    return render(request, "access/queue.html", context)


@require_safe
@door(Action.ACCESS_DECIDE)
def one(request: ActorRequest, request_id: int) -> HttpResponse:
    """One request, and what can be decided about it."""
    return _page(request, asking.request_by_id(request_id))


@require_POST
@door(Action.ACCESS_DECIDE)
def decide(request: ActorRequest, request_id: int, verb: str) -> HttpResponse:
    """Approve or refuse a request, or revoke what was granted on it."""
    asked = asking.request_by_id(request_id)
    form: forms.Form = ApproveForm(request.POST) if verb == "approve" else ReasonForm(request.POST)
    if verb not in {"approve", "refuse", "revoke"}:
        raise NotFoundError
    if form.is_valid():
        try:
            message = _decided(request, asked, verb, form.cleaned_data)
        except RadCommonsError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, message)
            return redirect("access:request", request_id=asked.pk)
    return _page(request, asked, **{verb: form})


def _decided(request: ActorRequest, asked: AccessRequest, verb: str, values: dict[str, Any]) -> str:
    match verb:
        case "approve":
            services.approve_request(asked.pk, until=values["until"], actor=request.actor)
            return "Access is granted."
        case "refuse":
            services.refuse_request(asked.pk, reason=values["reason"], actor=request.actor)
            return "Refused. The person reads the reason."
        case _:
            if asked.grant is None:
                raise NotFoundError
            dismiss_reader(asked.grant.pk, reason=values["reason"], actor=request.actor)
            return "Access is revoked from this moment on."


def _page(request: ActorRequest, asked: AccessRequest, **bound: forms.Form) -> HttpResponse:
    in_a_year = timezone.localdate().replace(month=12, day=31)
    made = {
        "approve": ApproveForm(initial={"until": in_a_year}, auto_id="approve-%s"),
        "refuse": ReasonForm(auto_id="refuse-%s"),
        "revoke": ReasonForm(auto_id="revoke-%s"),
    }
    context = {
        "asked": asked,
        "standing": asking.standing(asked),
        "is_waiting": asked.state == RequestState.WAITING,
        # Of an opened version too: a grant is for all versions under the same terms.
        "is_standing": asking.granted_requests().filter(pk=asked.pk).exists(),
        "projects": asking.projects_made_of(asked),
        "forms": {**made, **bound},
    }
    return render(request, "access/request.html", context, status=422 if bound else 200)


urlpatterns = [
    path("access/", mine, name="mine"),
    path("access/requests/", queue, name="queue"),
    path("access/requests/<int:request_id>/", one, name="request"),
    path("access/requests/<int:request_id>/<slug:verb>/", decide, name="decide"),
    path("releases/<slug:slug>/<str:version>/access/", ask, name="ask"),
]
