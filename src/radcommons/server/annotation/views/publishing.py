"""The page on which a project's labels are published, with an account of what was written and what was left out."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.annotation.queries import projects as queries
from radcommons.server.annotation.queries.publishing import accounts_of
from radcommons.server.annotation.queue import PUBLISH_CASE, defer_publishing
from radcommons.server.annotation.rules.states import ProjectState
from radcommons.server.annotation.services.publishing import begin_publication, waiting_cases
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.failed_jobs import is_given_up
from radcommons.server.platform.policy import Action, may


@require_safe
@door(Action.ANNOTATION_SEE)
def publications(request: ActorRequest, slug: str) -> HttpResponse:
    """What was published of a project, and the button that publishes the rest."""
    project = queries.seen_project(slug, request.actor)
    accounts = list(accounts_of(project))
    working = [account.publication.pk for account in accounts if account.is_working]
    context = {
        "project": project,
        "accounts": accounts,
        "is_given_up": any(is_given_up(PUBLISH_CASE, publication_id=each) for each in working),
        "is_working": bool(working),
        "is_closed": project.state == ProjectState.CLOSED,
        "may_publish": may(request.actor, Action.ANNOTATION_PUBLISH),
    }
    return render(request, "annotation/publications.html", context)


@require_POST
@door(Action.ANNOTATION_PUBLISH)
def publish(request: ActorRequest, slug: str) -> HttpResponse:
    """Have the labels written; the page shows how far it is."""
    project = queries.seen_project(slug, request.actor, action=Action.ANNOTATION_PUBLISH)
    try:
        with transaction.atomic():
            publication = begin_publication(project, actor=request.actor)
            cases = waiting_cases(publication)
            defer_publishing(publication.pk, cases)
    except RadCommonsError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{len(cases)} cases are being written.")
    return redirect("annotation:publications", slug)


urlpatterns = [
    path("annotation/projects/<slug:slug>/publications/", publications, name="publications"),
    path("annotation/projects/<slug:slug>/publications/publish/", publish, name="publish"),
]
