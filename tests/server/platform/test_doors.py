import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from radcommons.server.platform.doors import DoorMiddleware, action_of, door, is_guarded
from radcommons.server.platform.errors import UnauthenticatedError
from radcommons.server.platform.policy import Action, Actor


@door(Action.CURATION_READ)
def guarded(request):
    return HttpResponse("in")


def forgotten(request):
    return HttpResponse("in")


def test_a_door_names_its_action_and_checks_the_actor(db):
    assert action_of(guarded) is Action.CURATION_READ
    request = RequestFactory().get("/")
    request.actor = Actor.anonymous()
    with pytest.raises(UnauthenticatedError):
        guarded(request)
    request.actor = Actor.system("tests")
    assert guarded(request).content == b"in"


def test_a_view_without_a_door_is_refused_before_it_runs(db):
    assert not is_guarded(forgotten)
    request = RequestFactory().get("/api/x")
    request.actor, request.is_bearer, request.request_id = Actor.system("tests"), False, "1"
    answer = DoorMiddleware(lambda _: HttpResponse()).process_view(request, forgotten, (), {})
    assert answer is not None
    assert answer.status_code == 403
