"""A reader opens, saves, submits and supersedes; nothing is lost, nothing is written twice."""

import json

import pytest
from tests.support.batches import uid
from tests.support.reading import browser, item, looks, make_project, person, submit, task_of

from radcommons.server.annotation.errors import LeaseHeldError, ReadIncompleteError, RevisionConflictError
from radcommons.server.annotation.models import Revision
from radcommons.server.annotation.services import reading
from radcommons.server.annotation.services.reading import Draft

pytestmark = pytest.mark.django_db
STUDY = uid("study", "case-0")


def call(client, method, path, body=None):
    """A call of the API as the reading page makes it."""
    answer = getattr(client, method)(
        f"/api/v1/annotation{path}", json.dumps(body) if body is not None else None, content_type="application/json"
    )
    return answer.status_code, answer.json()


def test_a_case_is_read_through_the_api_from_the_list_to_the_submission(project):
    anna = browser("anna")
    status, listed = call(anna, "get", "/projects")
    assert status == 200
    assert (listed["projects"][0]["left"], listed["projects"][0]["done"]) == (3, 0)
    key = listed["projects"][0]["next_task"]
    status, task = call(anna, "get", f"/tasks/{key}")
    assert (status, task["read"], task["state"]) == (200, None, "assigned")
    assert [series["image_count"] for series in task["series"]] == [2]
    study = task["study_instance_uid"]
    lease = call(anna, "post", f"/tasks/{key}/lease", {"window": "w1"})
    assert lease == (200, {"state": "opened", "revision": 0, "lease_seconds": 120})
    draft = {"window": "w1", "client_revision": 1, "base_revision": 0, "items": looks(study)[:1], "active_seconds": 3}
    assert call(anna, "put", f"/tasks/{key}/read", draft)[1]["revision"] == 1
    draft |= {"client_revision": 2, "base_revision": 1, "items": looks(study)}
    status, done = call(anna, "post", f"/tasks/{key}/submit", draft)
    assert (status, done["state"], done["revision"]) == (200, "submitted", 2)
    assert done["next_task"] not in (None, key)
    said = call(anna, "get", f"/tasks/{key}")[1]["read"]
    assert [one["value"] for one in said["items"]] == ["typical", "mild"]
    assert said["active_seconds"] == 3
    assert call(anna, "get", "/projects")[1]["projects"][0]["done"] == 1


def test_two_windows_never_write_over_each_other(project):
    anna, key = person("anna"), task_of("anna", STUDY).key
    reading.open_task(key, window="one", actor=anna)
    with pytest.raises(LeaseHeldError):
        reading.open_task(key, window="two", actor=anna)
    reading.save_read(key, Draft("one", 1, 0, items=looks(STUDY)), actor=anna)
    with pytest.raises(LeaseHeldError):
        reading.save_read(key, Draft("two", 1, 1, items=[]), actor=anna)
    reading.open_task(key, window="two", actor=anna, is_taking_over=True)
    with pytest.raises(RevisionConflictError) as refused:
        reading.save_read(key, Draft("two", 1, 0, items=[]), actor=anna)
    assert refused.value.facts["revision"] == 1
    assert reading.save_read(key, Draft("two", 2, 1, items=[]), actor=anna).number == 2
    reading.release_lease(key, window="two", actor=anna)
    reading.open_task(key, window="three", actor=anna)


def test_a_draft_sent_twice_is_kept_once_and_a_lost_answer_costs_nothing(project):
    anna, key = person("anna"), task_of("anna", STUDY).key
    draft = Draft("w", 1, 0, items=looks(STUDY))
    assert reading.save_read(key, draft, actor=anna).pk == reading.save_read(key, draft, actor=anna).pk
    last = Draft("w", 2, 1, items=looks(STUDY, "atypical"))
    first = reading.submit_read(key, last, actor=anna)
    assert reading.submit_read(key, last, actor=anna).pk == first.pk
    assert Revision.objects.filter(task__key=key).count() == 2


def test_a_shape_is_sent_once_and_named_afterwards(project):
    frame = {"sop_instance_uid": uid("instance", "case-0", 1, 1), "frame_number": 1}
    box = {"geometry": "box", "points": [[1, 1], [5, 5]], "frame": frame}
    target = {"series_instance_uid": uid("series", "case-0", 1)}
    anna, task = person("anna"), task_of("anna", STUDY)
    drawn = item("n", "nodule", STUDY, target=target, shapes=[box])
    first = reading.save_read(task.key, Draft("w", 1, 0, items=[drawn]), actor=anna)
    named = first.body["reading"]["items"][0]["shapes"]
    again = {**drawn, "shapes": named, "note": "small"}
    second = reading.save_read(task.key, Draft("w", 2, 1, items=[again]), actor=anna)
    assert second.body["reading"]["items"][0]["shapes"] == named
    assert task.shapes.count() == 1
    shown = browser("anna").get(f"/api/v1/annotation/tasks/{task.key}").json()["read"]["items"][0]
    assert shown["shapes"][0]["points"] == [[1.0, 1.0], [5.0, 5.0]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"items": [item("a", "unheard", STUDY)]},
        {"items": [item("a", "appearance", STUDY, "purple")]},
        {"items": [item("a", "appearance", uid("study", "case-1"), "typical")]},
        {"items": []},
        {"items": looks(STUDY)[1:]},
        {"items": [*looks(STUDY), item("a", "effusion", STUDY)]},
        {
            "items": [
                *looks(STUDY),
                item(
                    "n",
                    "nodule",
                    STUDY,
                    target={"series_instance_uid": uid("series", "case-0", 1)},
                    shapes=[
                        {
                            "geometry": "box",
                            "points": [[1, 1], [5, 5]],
                            "frame": {"sop_instance_uid": uid("instance", "case-1", 1, 1)},
                        }
                    ],
                ),
            ]
        },
    ],
)
def test_a_read_that_does_not_answer_its_schema_is_not_submitted(project, wrong):
    with pytest.raises(ReadIncompleteError):
        submit("anna", STUDY, **wrong)
    assert task_of("anna", STUDY).submission is None


@pytest.mark.parametrize("unkept", ["half \ud800", "null \x00"])
def test_texts_that_no_table_keeps_are_refused_wherever_they_stand(project, unkept):
    task, anna = task_of("anna", STUDY), browser("anna")
    sent = {"window": "w", "client_revision": 1, "base_revision": 0, "items": []}
    address = f"/api/v1/annotation/tasks/{task.key}/read"
    for where in ({"note": unkept}, {"viewer_state": {"deep": [{unkept: 1}]}}, {"verdicts": {"a": unkept}}):
        answer = anna.put(address, json.dumps(sent | where), content_type="application/json")
        assert answer.status_code == 400
    whole = {"note": "whole \U0001f441 \\u0000", "viewer_state": {"seen": "\U0001f441"}}
    assert anna.put(address, json.dumps(sent | whole), content_type="application/json").status_code == 200
    assert task.revisions.get().body["reading"]["note"] == "whole \U0001f441 \\u0000"


def test_nothing_found_and_cannot_read_are_answers(tmp_path):
    make_project(tmp_path)
    assert submit("anna", STUDY, flags=("cannot_read",)).submission.body["reading"]["flags"] == ["cannot_read"]
    nothing = submit("bert", STUDY, looks(STUDY, "negative", "none"), is_nothing_found=True)
    assert nothing.submission.body["reading"]["is_nothing_found"]


def test_time_is_never_more_than_has_passed_and_never_less_than_before(project):
    task = submit("anna", STUDY, looks(STUDY), active_seconds=90_000)
    assert task.active_seconds <= 60


def test_a_submission_stays_on_record_when_another_supersedes_it(project):
    task = submit("anna", STUDY, looks(STUDY))
    before = task.submission
    reading.reopen(task.key, window="w", actor=person("anna"))
    task.refresh_from_db()
    assert (task.state, task.submission) == ("in_progress", before)
    after = submit("anna", STUDY, looks(STUDY, "negative"))
    assert Revision.objects.get(pk=before.pk).sha256 == before.sha256 != after.submission.sha256
    assert {one.value for one in after.answers.filter(question="appearance")} == {"negative"}
