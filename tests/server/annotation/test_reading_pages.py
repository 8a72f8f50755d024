"""The pages on which cases are read and adjudicated: what they carry, and what they do not."""

import json
import re
from http import HTTPStatus
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from tests.support.reading import as_told, browser, item, looks, make_project, person, submit, task_of
from tests.support.studies import OPERATOR

from radcommons.server.annotation.models import Case
from radcommons.server.annotation.rules.states import Duty
from radcommons.server.annotation.services import projects
from radcommons.server.annotation.services.settling import settle_case
from radcommons.server.annotation.views.reading import modules_of
from radcommons.server.platform.policy import Role
from radcommons.transfer.annotation.record import Method

API = "/api/v1/annotation"


def page(client: Client, path: str) -> str:
    """A page without its protection token, which is another one each time."""
    answer = client.get(path)
    assert answer.status_code == HTTPStatus.OK
    assert answer.headers["Cache-Control"] == "no-store"
    return re.sub(r'data-csrf="[^"]*"', "", answer.content.decode())


def carried(html: str, name: str) -> dict:
    """The JSON that a page carries."""
    return json.loads(re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', html)[1])


def test_a_page_carries_its_task_and_is_the_same_whatever_others_do(project):
    task = task_of("bert", project.cases.first().study_instance_uid)
    before = page(browser("bert"), f"/annotation/tasks/{task.key}/")
    submit("anna", task.case.study_instance_uid, looks(task.case.study_instance_uid))
    after = page(browser("bert"), f"/annotation/tasks/{task.key}/")
    assert after == before
    told = carried(after, "task")
    assert (told["task"], told["of"]) == (task.key, 3)
    assert "anna" not in after


def test_cases_are_numbered_as_they_are_opened_whatever_their_place_in_the_list(project):
    client = browser("anna")
    keys = list(project.tasks.filter(reader__user__username="anna").order_by("-position").values_list("key", flat=True))
    for key in keys:
        client.post(f"{API}/tasks/{key}/lease", {"window": "w"}, "application/json")
    numbers = [carried(page(client, f"/annotation/tasks/{key}/"), "task")["number"] for key in keys]
    assert numbers == [1, 2, 3]


def test_the_case_after_the_open_one_is_told_for_reading_ahead(project):
    client = browser("anna")
    first = client.get(f"{API}/projects/{project.slug}/next").json()["next_task"]
    second = client.get(f"{API}/projects/{project.slug}/next?after={first}").json()["next_task"]
    assert second not in {first, None}


def test_a_saved_shape_has_a_name_that_stands_for_it(project):
    study = project.cases.first().study_instance_uid
    task, client = task_of("anna", study), browser("anna")
    series = task.case.members.first().instance.series.series_instance_uid
    uid = task.case.members.first().instance.sop_instance_uid
    box = {"geometry": "box", "points": [[1, 1], [3, 3]], "frame": {"sop_instance_uid": uid}}
    drawn = as_told(task, item("n", "nodule", study, target={"series_instance_uid": series}, shapes=[box]))
    body = {"window": "w", "client_revision": 1, "base_revision": 0, "items": [drawn]}
    path, plain = f"{API}/tasks/{task.key}/read", "application/json"
    [name] = client.put(path, json.dumps(body), plain).json()["shapes"]["n"]
    again = {**body, "client_revision": 2, "base_revision": 1, "items": [{**drawn, "shapes": [{"sha256": name}]}]}
    answer = client.put(path, json.dumps(again), plain).json()
    assert (answer["revision"], answer["shapes"]) == (2, {"n": [name]})
    # The name is of this task alone: the digest itself would let a reader try which image it is.
    assert name != task.shapes.get().sha256


def test_an_adjudicators_page_names_nobody(db, tmp_path):
    project = make_project(tmp_path, studies=1)
    person("judge", Role.ADJUDICATOR)
    projects.add_member(project, "judge", Duty.ADJUDICATE, method=Method.RETROSPECTIVE_EXPERT, actor=OPERATOR)
    case = Case.objects.get(project=project)
    for name, look in (("anna", "typical"), ("bert", "atypical"), ("cleo", "negative")):
        submit(name, case.study_instance_uid, looks(case.study_instance_uid, look))
    settle_case(case.pk)
    html = page(browser("judge"), f"/annotation/adjudication/{case.key}/")
    assert not any(name in html for name in ("anna", "bert", "cleo", "R1", "R2", "R3"))
    assert [column["column"] for column in carried(html, "case")["columns"]] == ["A", "B", "C"]
    assert browser("anna").get(f"/annotation/adjudication/{case.key}/").status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("start", ["page", "adjudication"])
def test_every_module_that_a_page_imports_is_asked_for_with_the_page(start):
    listed = set(modules_of(start))
    needed, waiting = set(), {f"annotation/{start}.js"}
    while waiting:
        module = waiting.pop()
        needed.add(module)
        text = Path(finders.find(module)).read_text()
        folder = module.split("/")[0]
        for found in re.findall(r'^import [^"]*"([^"]+)"', text, re.MULTILINE):
            name = found.removeprefix("./")
            waiting |= {name.removeprefix("../") if name.startswith("../") else f"{folder}/{name}"} - needed
    assert needed == listed


def test_what_asks_for_the_images_is_asked_for_first():
    asking = modules_of("early")
    assert "reading/frames.js" in asking
    assert "annotation/page.js" not in asking
    assert modules_of("early", "page")[: len(asking)] == asking


def test_what_travels_beside_a_read_comes_back_under_the_same_identifiers(project):
    study = project.cases.first().study_instance_uid
    task, client = task_of("anna", study), browser("anna")
    unfinished = as_told(task, [item("n", "nodule", study)])
    body = {"window": "w", "client_revision": 1, "base_revision": 0, "viewer_state": {"unfinished": unfinished}}
    assert client.put(f"{API}/tasks/{task.key}/read", json.dumps(body), "application/json").status_code == 200
    told = client.get(f"{API}/tasks/{task.key}").json()
    assert told["read"]["viewer_state"] == {"unfinished": unfinished}
    assert told["study_instance_uid"] == unfinished[0]["target"]["study_instance_uid"]
