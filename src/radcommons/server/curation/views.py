"""Pages of curation: the queue, one study, every distinct value once."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from radcommons.server.curation import queries, services
from radcommons.server.curation.errors import DecisionNotPossibleError, ReasonMissingError
from radcommons.server.curation.rules import Verb, needs_reason
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, may

# What a curator reads before deciding: the button, the key, what will happen.
VERB_TEXTS = {
    Verb.CLEAR: ("Clear", "c", "The study goes on to the catalog and may become part of a release."),
    Verb.HOLD: ("Hold", "h", "The study waits. Nobody outside curation sees it until it is cleared."),
    Verb.RETURN: ("Return", "t", "The site is asked to correct the study and send it again. It reads your reason."),
    Verb.REJECT: ("Reject", "x", "The study is refused for good and leaves this queue. This cannot be undone."),
}
DONE = {
    Verb.CLEAR: "Cleared. The study goes on to the catalog.",
    Verb.HOLD: "Held. The study waits here until somebody clears, returns or rejects it.",
    Verb.RETURN: "Returned. The site sees your reason on the study's page.",
    Verb.REJECT: "Rejected. The study will not be part of any release.",
}


@require_safe
@door(Action.CURATION_READ)
def queue(request: ActorRequest) -> HttpResponse:
    """The queue, filtered by its address."""
    wanted = queries.QueueFilter.from_query(request.GET.dict())
    context = {
        "wanted": wanted,
        "is_filtered": wanted != queries.QueueFilter(state=wanted.state),
        "queue": queries.queue(wanted, page_number=request.GET.get("page", 1)),
        "choices": queries.choices(),
        "may_decide": may(request.actor, Action.CURATION_DECIDE),
        "back": request.get_full_path(),
    }
    return render(request, "curation/queue.html", context)


@require_safe
@door(Action.CURATION_READ)
def study(request: ActorRequest, study_instance_uid: str) -> HttpResponse:
    """One study: pictures, findings, facts, history, decisions."""
    page = queries.study_page(study_instance_uid)
    decisions = [
        {
            "verb": verb.value,
            "label": VERB_TEXTS[verb][0],
            "key": VERB_TEXTS[verb][1],
            "text": VERB_TEXTS[verb][2],
            "needs_reason": needs_reason(verb, error_count=page.case.error_count),
            "is_open": request.GET.get("decide") == verb.value,
        }
        for verb in (page.verbs if may(request.actor, Action.CURATION_DECIDE) else ())
    ]
    return render(request, "curation/study.html", {"page": page, "choices": decisions})


@require_POST
@door(Action.CURATION_DECIDE)
def decide(request: ActorRequest, study_instance_uid: str, verb: str) -> HttpResponse:
    """Carry out one decision, then show the study with what may be done next."""
    if verb not in {item.value for item in Verb}:
        raise NotFoundError
    address = reverse("curation:study", args=[study_instance_uid])
    chosen = Verb(verb)
    try:
        services.decide(chosen, study_instance_uid, actor=request.actor, reason=request.POST.get("reason", ""))
    except ReasonMissingError as error:
        messages.error(request, error.message)
        return redirect(f"{address}?decide={chosen.value}")
    except DecisionNotPossibleError as error:
        messages.warning(request, error.message)
        return redirect(address)
    messages.success(request, DONE[chosen])
    return redirect(address)


@require_POST
@door(Action.CURATION_DECIDE)
def clear_selected(request: ActorRequest) -> HttpResponse:
    """Clear the studies ticked in the queue."""
    chosen = request.POST.getlist("study")
    if not chosen:
        messages.info(request, "No study was selected.")
        return _back(request)
    result = services.clear_several(chosen, actor=request.actor)
    messages.success(request, f"{result.decided} of {len(chosen)} selected studies cleared.")
    if result.skipped:
        reasons = ", ".join(f"{code} ({count})" for code, count in sorted(result.skipped.items()))
        messages.warning(request, f"Not cleared, open them one by one: {reasons}.")
    return _back(request)


def _back(request: HttpRequest) -> HttpResponseRedirect:
    address = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return HttpResponseRedirect(address if is_ours else reverse("curation:queue"))


@require_safe
@door(Action.CURATION_READ)
def values(request: ActorRequest) -> HttpResponse:
    """Every distinct value of one descriptor, once."""
    attribute = request.GET.get("attribute", "SeriesDescription")
    context = {
        "attribute": attribute,
        "attributes": list(queries.DESCRIPTORS),
        "page": queries.distinct_values(attribute, page_number=request.GET.get("page", 1)),
    }
    return render(request, "curation/values.html", context)


urlpatterns = [
    path("curation/", queue, name="queue"),
    path("curation/clear/", clear_selected, name="clear-selected"),
    path("curation/values/", values, name="values"),
    path("curation/studies/<str:study_instance_uid>/", study, name="study"),
    path("curation/studies/<str:study_instance_uid>/<str:verb>/", decide, name="decide"),
]
