"""Pages of the sites room: the survey, the list of sites, agreements and keys. A site's home is the journey's page."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, may
from radcommons.server.sites import queries, services
from radcommons.server.sites.forms import (
    ANNOTATIONS,
    CLINICAL_DATA,
    LEGAL_BASES,
    MODALITIES,
    VOLUMES,
    AgreementForm,
    KeyForm,
    SiteForm,
    SurveyForm,
)
from radcommons.server.sites.models import Agreement, Survey

MODALITY_WORDS, VOLUME_WORDS, CLINICAL_WORDS = dict(MODALITIES), dict(VOLUMES), dict(CLINICAL_DATA)
ANNOTATION_WORDS, LEGAL_WORDS = dict(ANNOTATIONS), dict(LEGAL_BASES)


@require_http_methods(["GET", "HEAD", "POST"])
@door(Action.SITES_SUBMIT_SURVEY)
def survey(request: ActorRequest) -> HttpResponse:
    """The survey for institutions that think of contributing."""
    form = SurveyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not form.is_spam:
            services.submit_survey(form.answers(), actor=request.actor)
        return redirect("sites:survey-thanks")
    return render(request, "sites/survey.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
@door(Action.SITES_SUBMIT_SURVEY)
def survey_thanks(request: ActorRequest) -> HttpResponse:
    """What happens after the survey."""
    return render(request, "sites/survey_thanks.html")


@require_safe
@door(Action.SITES_READ_SURVEYS)
def survey_list(request: ActorRequest) -> HttpResponse:
    """All surveys, for the office."""
    return render(request, "sites/surveys.html", {"surveys": queries.surveys()})


@require_safe
@door(Action.SITES_READ_SURVEYS)
def survey_detail(request: ActorRequest, survey_id: int) -> HttpResponse:
    """One survey."""
    row = get_object_or_404(Survey.objects.select_related("site"), pk=survey_id)
    context = {
        "survey": row,
        "modalities": [MODALITY_WORDS.get(value, value) for value in row.modalities],
        "clinical_data": [CLINICAL_WORDS.get(value, value) for value in row.clinical_data],
        "studies_available": VOLUME_WORDS.get(row.studies_available, row.studies_available),
        "positive_studies": VOLUME_WORDS.get(row.positive_studies, row.positive_studies),
        "annotations": ANNOTATION_WORDS.get(row.annotations, row.annotations),
        "legal_basis": LEGAL_WORDS.get(row.legal_basis, row.legal_basis),
    }
    return render(request, "sites/survey_detail.html", context)


@require_safe
@door(Action.SITES_READ)
def site_list(request: ActorRequest) -> HttpResponse:
    """The sites; a coordinator of one site goes straight there."""
    sites = queries.sites_readable_by(request.actor)
    if len(sites) == 1 and not may(request.actor, Action.SITES_READ):
        return redirect("journey:site", sites[0].site.code)
    context = {
        "sites": sites,
        "may_manage": may(request.actor, Action.SITES_MANAGE),
        "may_read_surveys": may(request.actor, Action.SITES_READ_SURVEYS),
    }
    return render(request, "sites/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door(Action.SITES_MANAGE)
def site_add(request: ActorRequest) -> HttpResponse:
    """Record a site, perhaps from a survey."""
    row = Survey.objects.filter(pk=_number(request.GET.get("survey"))).first()
    initial = {"name": row.organisation, "country": row.country} if row else {}
    form = SiteForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            site = services.add_site(
                values["code"],
                name=values["name"],
                country=values["country"],
                actor=request.actor,
                survey_id=row.pk if row else None,
            )
        except RadCommonsError as error:
            form.add_error("code", error.message)
        else:
            messages.success(request, f"Site {site.code} was added. Next: record its agreement.")
            return redirect("journey:site", site.code)
    return render(request, "sites/add.html", {"form": form, "survey": row}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@door(Action.SITES_MANAGE)
def agreement_sign(request: ActorRequest, code: str) -> HttpResponse:
    """Record that a site signed."""
    site = queries.readable_site(code, request.actor, Action.SITES_MANAGE)
    services.template_text()
    form = AgreementForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.sign_agreement(site, form.signature(), actor=request.actor, text=form.cleaned_data["text"])
        messages.success(request, "The agreement was recorded.")
        return redirect("journey:site", site.code)
    return render(request, "sites/sign.html", {"site": site, "form": form}, status=422 if form.errors else 200)


@require_safe
@door(Action.SITES_READ)
def agreement(request: ActorRequest, code: str, agreement_id: int) -> HttpResponse:
    """One agreement with the text that was signed."""
    site = queries.readable_site(code, request.actor)
    line = next((line for line in queries.agreements_of(site) if line.agreement.pk == agreement_id), None)
    if line is None:
        raise NotFoundError
    context = {"site": site, "line": line, "may_manage": may(request.actor, Action.SITES_MANAGE)}
    return render(request, "sites/agreement.html", context)


@require_POST
@door(Action.SITES_MANAGE)
def agreement_revoke(request: ActorRequest, code: str, agreement_id: int) -> HttpResponse:
    """End an agreement now."""
    site = queries.readable_site(code, request.actor, Action.SITES_MANAGE)
    row = Agreement.objects.filter(site=site, pk=agreement_id).first()
    if row is None:
        raise NotFoundError
    try:
        services.revoke_agreement(row, reason=request.POST.get("reason", ""), actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
        return redirect("sites:agreement", site.code, agreement_id)
    messages.success(request, "The agreement was revoked: no further batch is accepted under it.")
    return redirect("journey:site", site.code)


@never_cache
@require_POST
@door(Action.SITES_MANAGE_KEYS)
def key_issue(request: ActorRequest, code: str) -> HttpResponse:
    """Make a contributor key and show it, this once."""
    site = queries.readable_site(code, request.actor, Action.SITES_MANAGE_KEYS)
    form = KeyForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Give the key a name: that of the machine that will send.")
        return redirect("journey:site", site.code)
    issued = services.issue_contributor_key(site, name=form.cleaned_data["name"], actor=request.actor)
    return render(request, "sites/key_issued.html", {"site": site, "issued": issued})


@require_POST
@door(Action.SITES_MANAGE_KEYS)
def key_revoke(request: ActorRequest, code: str, key_id: int) -> HttpResponse:
    """Make a contributor key worthless."""
    site = queries.readable_site(code, request.actor, Action.SITES_MANAGE_KEYS)
    try:
        services.revoke_contributor_key(site, key_id, actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The key was revoked. What was sent with it stays.")
    return redirect("journey:site", site.code)


@require_POST
@door(Action.SITES_MANAGE)
def site_active(request: ActorRequest, code: str) -> HttpResponse:
    """Let a site send, or stop it."""
    site = queries.readable_site(code, request.actor, Action.SITES_MANAGE)
    is_active = request.POST.get("is_active") == "1"
    services.set_active(site, is_active=is_active, actor=request.actor)
    messages.success(request, f"Site {site.code} may {'send again' if is_active else 'no longer send'}.")
    return redirect("journey:site", site.code)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < len(str(2**62)) else 0


urlpatterns = [
    path("survey/", survey, name="survey"),
    path("survey/thanks/", survey_thanks, name="survey-thanks"),
    path("sites/", site_list, name="list"),
    path("sites/add/", site_add, name="add"),
    path("sites/surveys/", survey_list, name="surveys"),
    path("sites/surveys/<int:survey_id>/", survey_detail, name="survey-detail"),
    path("sites/<str:code>/agreements/sign/", agreement_sign, name="sign"),
    path("sites/<str:code>/agreements/<int:agreement_id>/", agreement, name="agreement"),
    path("sites/<str:code>/agreements/<int:agreement_id>/revoke/", agreement_revoke, name="revoke-agreement"),
    path("sites/<str:code>/keys/", key_issue, name="issue-key"),
    path("sites/<str:code>/keys/<int:key_id>/revoke/", key_revoke, name="revoke-key"),
    path("sites/<str:code>/active/", site_active, name="active"),
]
