"""How the archive's bytes are; for administrators."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from radcommons.server.archive.queries import storage_state
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action


@require_safe
@door(Action.ARCHIVE_READ_STORAGE)
def storage(request: ActorRequest) -> HttpResponse:
    """Where the bytes are, whether the store answers, what is damaged, and when everything was last read."""
    return render(request, "portal/storage.html", {"state": storage_state()})
