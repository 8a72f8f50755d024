"""The start page and the page about the repository."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from radcommons import __version__
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action, Actor
from radcommons.server.platform.settings import settings
from radcommons.server.portal.numbers import released_numbers
from radcommons.server.portal.pictures import pictures_of
from radcommons.server.portal.steps import next_steps
from radcommons.server.releases.models import Release
from radcommons.server.releases.queries import data_sets
from radcommons.server.releases.reading import may_read

SHOWN_RELEASES = 6


@require_safe
@door(Action.PORTAL_VIEW)
def home(request: ActorRequest) -> HttpResponse:
    """What is in the repository, and, for people of the house, what waits for them."""
    numbers = released_numbers()
    releases = sorted(data_sets(), key=lambda one: (one.published_at, one.pk), reverse=True)
    context = {
        "numbers": numbers,
        "cards": [_card(release, request.actor) for release in releases[:SHOWN_RELEASES]],
        "release_count": len(releases),
        "steps": next_steps(request.actor) if request.actor.is_authenticated else (),
    }
    return render(request, "portal/home.html", context)


def _card(release: Release, actor: Actor) -> dict[str, Any]:
    pictures = pictures_of(release) if may_read(release, actor) else ()
    return {"release": release, "pictures": pictures}


@require_safe
@door(Action.PORTAL_VIEW)
def about(request: ActorRequest) -> HttpResponse:
    """What this is, what is kept about whom, how to reach somebody."""
    context = {"version": __version__, "threshold": settings().suppression_threshold}
    return render(request, "portal/about.html", context)
