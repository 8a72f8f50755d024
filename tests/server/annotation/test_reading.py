"""A reader opens, saves, submits and supersedes; nothing is lost, nothing is written twice."""

import json

import pytest
from tests.support.batches import uid
from tests.support.reading import browser, looks

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
