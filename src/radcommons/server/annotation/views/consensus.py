"""The page on which a consensus is derived, with what was derived and how good each reader is by it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.annotation.forms import ConsensusForm
from radcommons.server.annotation.queries import projects as queries
from radcommons.server.annotation.queries.consensus import derived_lines
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.services.consensus import ConsensusMethod, derive_consensus
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action, may


@require_safe
@door(Action.ANNOTATION_SEE)
def consensus(request: ActorRequest, slug: str) -> HttpResponse:
    """What was derived, and for managers the form that derives more."""
    project = queries.seen_project(slug, request.actor)
    form = ConsensusForm(schema_value(project.schema)) if may(request.actor, Action.ANNOTATION_MANAGE) else None
    context = {"project": project, "form": form, "lines": derived_lines(project)}
    return render(request, "annotation/consensus.html", context)


@require_POST
@door(Action.ANNOTATION_MANAGE)
def derive(request: ActorRequest, slug: str) -> HttpResponse:
    """Derive a consensus of the reads there are."""
    project = queries.seen_project(slug, request.actor, action=Action.ANNOTATION_MANAGE)
    form = ConsensusForm(schema_value(project.schema), request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a label and a method.")
        return redirect("annotation:consensus", slug)
    given = form.cleaned_data
    try:
        rows = derive_consensus(project, ConsensusMethod(given["method"]), given["label"], actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"Derived, {len(rows)} rows; the same reads give the same rows again.")
    return redirect("annotation:consensus", slug)


urlpatterns = [
    path("annotation/projects/<slug:slug>/consensus/", consensus, name="consensus"),
    path("annotation/projects/<slug:slug>/consensus/derive/", derive, name="derive-consensus"),
]
