"""A read that ends before it is submitted: its reader is told, what was drawn is kept, and nothing of it counts."""

import json

import pytest
from tests.support.batches import uid
from tests.support.reading import browser, looks, person, submit, task_of
from tests.support.studies import OPERATOR

from radcommons.server.annotation.errors import MoveNotPossibleError, ProjectPausedError, ReadEndedError
from radcommons.server.annotation.models import Case, Task
from radcommons.server.annotation.queries.final import reader_readings
from radcommons.server.annotation.queries.readings import drafts_of
from radcommons.server.annotation.rules.states import ProjectVerb
from radcommons.server.annotation.services import assigning, projects, reading
from radcommons.server.annotation.services.reading import Draft
from radcommons.server.platform.models import AuditEvent

pytestmark = pytest.mark.django_db
STUDY = uid("study", "case-0")
ENDS = {
    "closed": lambda task: projects.move_project(task.project, ProjectVerb.CLOSE, actor=OPERATOR),
    "reassigned": lambda task: Task.objects.filter(pk=task.pk).update(state="revoked"),
    "in-curation": lambda task: Case.objects.filter(pk=task.case_id).update(is_suspended=True),
}


def begun():
    """Anna has a case open and something saved."""
    task = task_of("anna", STUDY)
    reading.open_task(task.key, window="w", actor=person("anna"))
    reading.save_read(task.key, Draft("w", 1, 0, items=looks(STUDY)[:1]), actor=person("anna"))
    return task


@pytest.mark.parametrize("ending", ENDS)
def test_what_comes_after_the_end_is_kept_as_a_late_draft_and_its_reader_told(project, ending):
    task, anna = begun(), browser("anna")
    root = f"/api/v1/annotation/tasks/{task.key}"
    known_as = anna.get(root).json()["study_instance_uid"]
    ENDS[ending](task)
    sent = {"window": "w", "client_revision": 2, "base_revision": 1, "items": looks(known_as, "negative")}
    for number, (method, verb) in enumerate((("put", "read"), ("post", "submit"), ("post", "submit")), start=2):
        body = json.dumps(sent | {"client_revision": min(number, 3)})
        answer = getattr(anna, method)(f"{root}/{verb}", body, content_type="application/json")
        told = answer.json()
        assert (answer.status_code, told["code"], told["ending"]) == (409, "annotation.read-ended", ending)
        assert told["is_kept"] is True
        assert "kept as a late draft" in told["message"]
    lease = anna.post(f"{root}/lease", json.dumps({"window": "w"}), content_type="application/json")
    assert (lease.status_code, lease.json()["ending"], lease.json()["is_kept"]) == (409, ending, False)
    page = anna.get(f"/annotation/tasks/{task.key}/")
    assert (page.status_code, page.context["saved_at"] is not None) == (410, True)
    assert anna.get(root).status_code == 404
    task.refresh_from_db()
    assert (task.revision_count, task.submission) == (3, None)
    assert AuditEvent.objects.filter(action="annotation.late-draft", object_id=task.key).count() == 2


def test_a_late_draft_that_is_no_read_of_the_case_is_refused_and_said_so(project):
    task = begun()
    ENDS["closed"](task)
    with pytest.raises(ReadEndedError) as refused:
        reading.save_read(task.key, Draft("w", 2, 1, items=looks(uid("study", "case-1"))), actor=person("anna"))
    assert refused.value.facts == {"ending": "closed", "is_kept": False}
    assert task.revisions.count() == 1


def test_nobody_else_and_nobody_who_had_not_opened_it_learns_that_a_read_ended(project):
    task, other = begun(), task_of("anna", uid("study", "case-1"))
    ENDS["closed"](task)
    body = json.dumps({"window": "w", "client_revision": 9, "base_revision": 0})
    for name, key in (("bert", task.key), ("anna", other.key), ("anna", "unheard-of")):
        for method, verb in (("put", "read"), ("post", "submit"), ("post", "lease")):
            address = f"/api/v1/annotation/tasks/{key}/{verb}"
            assert getattr(browser(name), method)(address, body, content_type="application/json").status_code == 404
        assert browser(name).get(f"/annotation/tasks/{key}/").status_code == 404


def test_drafts_of_a_closed_project_count_nowhere_and_its_manager_sees_them(project, client_of):
    task = begun()
    submit("bert", STUDY, looks(STUDY))
    manager = client_of("project_manager")
    page = manager.get(f"/annotation/projects/{project.slug}/").content.decode()
    assert "1 read is begun and not submitted" in page
    ENDS["closed"](task)
    [draft] = manager.get(f"/api/v1/annotation/managed/{project.slug}/drafts").json()["readings"]
    assert (draft["reader"], [item["value"] for item in draft["items"]]) == ("R1", ["typical"])
    assert [one.reader for one in reader_readings(project)] == ["R2"]
    assert len(drafts_of(project)) == 1
    page = manager.get(f"/annotation/projects/{project.slug}/").content.decode()
    assert "Begun and never submitted" in page


def test_a_submission_that_was_being_read_again_counts_when_the_project_closes(project):
    task = submit("anna", STUDY, looks(STUDY))
    reading.reopen(task.key, window="w", actor=person("anna"))
    with pytest.raises(MoveNotPossibleError):
        assigning.reassign(task.key, actor=OPERATOR)
    reading.save_read(
        task.key, Draft("w", 9, task.revision_count, items=looks(STUDY, "negative")), actor=person("anna")
    )
    ENDS["closed"](task)
    task.refresh_from_db()
    assert (task.state, task.submission.body["reading"]["items"][0]["value"]) == ("locked", "typical")
    assert [one.reader for one in reader_readings(project)] == ["R1"]


def test_a_returned_read_that_nobody_read_again_does_not_count(project):
    task = submit("anna", STUDY, looks(STUDY))
    assigning.return_task(task.key, reason="The wrong series.", actor=OPERATOR)
    reading.save_read(task.key, Draft("w", 9, task.revision_count, items=[]), actor=person("anna"))
    ENDS["closed"](task)
    assert list(reader_readings(project)) == []


def test_while_a_project_is_paused_drafts_are_kept_and_submitted_afterwards(project):
    task, anna = begun(), person("anna")
    projects.move_project(project, ProjectVerb.PAUSE, actor=OPERATOR)
    reading.open_task(task.key, window="w", actor=anna)
    assert reading.save_read(task.key, Draft("w", 2, 1, items=looks(STUDY)), actor=anna).number == 2
    with pytest.raises(ProjectPausedError):
        reading.submit_read(task.key, Draft("w", 3, 2, items=looks(STUDY)), actor=anna)
    assert browser("anna").get("/api/v1/annotation/projects").json()["projects"][0]["next_task"] is None
    projects.move_project(project, ProjectVerb.START_READING, actor=OPERATOR)
    assert reading.submit_read(task.key, Draft("w", 3, 2, items=looks(STUDY)), actor=anna).is_submission
