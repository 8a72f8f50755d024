from urllib.parse import parse_qs, urlsplit

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


def test_signing_in_leads_back_to_the_whole_address_but_never_to_a_form(client, db):
    answer = client.get("/catalog/?modality=CT&site=ALPHA")
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"next": ["/catalog/?modality=CT&site=ALPHA"]}
    assert client.post("/curation/clear/").headers["Location"] == "/accounts/login/"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nothing/", 404, "platform.not-found"),
        ("/people/", 401, "platform.unauthenticated"),
        ("/releases/none/", 404, ""),
    ],
)
def test_who_asks_for_json_and_for_no_page_is_refused_in_json(client, db, path, status, code):
    answer = client.get(path, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json")
    assert answer.json()["code"].startswith(code)
    page = client.get(path, headers={"Accept": "text/html,application/json"})
    assert page.headers["Content-Type"].startswith("text/html")


def test_a_page_asked_for_where_only_a_form_goes_is_told_so(client, db):
    answer = client.get("/curation/clear/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "takes a form" in answer.content.decode()


@pytest.mark.parametrize("path", ["/", "/releases/", "/about/", "/survey/", "/api/v1/openapi.json"])
def test_head_is_answered_wherever_get_is(client, db, path):
    head, whole = client.head(path), client.get(path)
    assert (head.status_code, head.headers["Content-Type"]) == (whole.status_code, whole.headers["Content-Type"])
    assert head.content == b""


def test_a_form_with_a_nul_byte_is_refused_as_not_understood(client, db):
    answer = client.post("/survey/", {"institution": "Harbour\0View"})
    assert answer.status_code == 400
    assert "could not be understood" in answer.content.decode()
