"""Pages of the journey: the timeline of a study, and a site's home, where everything about its studies comes together."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from radcommons.server.intake import queries as intake
from radcommons.server.journey import queries
from radcommons.server.journey.table import State
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action, may
from radcommons.server.sites import queries as sites
from radcommons.server.sites.forms import KeyForm
from radcommons.server.sites.rules import AgreementState, best_state, next_step

RECENT_BATCHES = 10


@require_safe
@door(Action.JOURNEY_READ_TIMELINE)
def timeline(request: ActorRequest, study_instance_uid: str) -> HttpResponse:
    """What happened to a study; with ``?fragment=1`` only the list, for other pages to show."""
    found = queries.readable_timeline(study_instance_uid, request.actor)
    is_fragment = bool(request.GET.get("fragment"))
    context = {
        "timeline": found,
        "is_fragment": is_fragment,
        "may_curate": may(request.actor, Action.CURATION_READ),
    }
    return render(request, "journey/_timeline.html" if is_fragment else "journey/timeline.html", context)


@require_safe
@door(Action.SITES_READ)
def site(request: ActorRequest, code: str) -> HttpResponse:
    """A site's home: its agreement, its keys, its batches, what became of each study, and what to do next."""
    found = sites.readable_site(code, request.actor)
    agreements = sites.agreements_of(found)
    keys = sites.keys_of(found)
    batches = intake.lines(intake.batches_of_site(code)[:RECENT_BATCHES])
    state = best_state(line.state for line in agreements) if found.is_active else AgreementState.SITE_INACTIVE
    has_key = any(key.revoked_at is None for key in keys)
    studies = intake.studies_of_site(code)
    returned = sum(study.state == State.RETURNED for study in studies)
    context = {
        "site": found,
        "agreements": agreements,
        "agreement_state": state,
        "keys": keys,
        "key_form": KeyForm(),
        "batches": batches,
        "studies": studies,
        "signing_keys": intake.signing_keys_of(code),
        "next_step": next_step(state, has_key=has_key, has_batch=bool(batches), returned=returned),
        "may_manage": may(request.actor, Action.SITES_MANAGE),
        "may_manage_keys": may(request.actor, Action.SITES_MANAGE_KEYS, site_code=code),
    }
    return render(request, "journey/site.html", context)


@require_safe
@door(Action.JOURNEY_RETRY)
def failed(request: ActorRequest) -> HttpResponse:
    """Facts that could not be acted upon, for the operators."""
    return render(request, "journey/failed.html", {"facts": queries.failed()})


urlpatterns = [
    path("sites/<str:code>/", site, name="site"),
    path("studies/<str:study_instance_uid>/timeline/", timeline, name="timeline"),
    path("journey/failed/", failed, name="failed"),
]
