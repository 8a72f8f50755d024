"""What a project manager does on pages with cases, reads, readers, the project itself, and its consensus."""

import pytest
from tests.support.batches import uid
from tests.support.reading import browser, looks, make_project, person, submit, task_of
from tests.support.studies import OPERATOR

from radcommons.server.annotation.models import AgreementReport, Case, ReadingProject
from radcommons.server.annotation.rules.adjudicating import policies_written
from radcommons.server.annotation.rules.states import ProjectVerb
from radcommons.server.annotation.rules.wishes import Stopping
from radcommons.server.annotation.services import projects
from radcommons.server.annotation.services.agreeing import compute_agreement
from radcommons.server.annotation.services.settling import settle_case
from radcommons.server.catalog.services import catalog_study
from radcommons.server.curation import services as curation
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.policy import Role

pytestmark = pytest.mark.django_db
STUDY = uid("study", "case-0")


@pytest.fixture
def manager(db):
    """The browser of a project manager."""
    person("mira", Role.PROJECT_MANAGER)
    return browser("mira")


def page_of(client, project, rest=""):
    """A page of the project that opens, as text."""
    answer = client.get(f"/annotation/projects/{project.slug}/{rest}")
    assert answer.status_code == 200
    return answer.content.decode()


def send(client, project, rest, **form):
    """Send a form and follow to the page that tells what came of it."""
    answer = client.post(f"/annotation/projects/{project.slug}/{rest}", form, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_case_shows_its_reads_and_a_manager_gives_them_on_or_asks_again(manager, tmp_path):
    project = make_project(tmp_path, readers_per_case=2, overlap_share=1.0)
    case = Case.objects.get(project=project, study_instance_uid=STUDY)
    first, second = case.tasks.order_by("reader__pseudonym")
    free = project.readers.exclude(pk__in=[first.reader_id, second.reader_id]).get()
    address = f"cases/{case.key}/"
    assert "Reads are compared when all of them are in." in page_of(manager, project, address)
    told = send(manager, project, f"tasks/{first.key}/reassign/", to=free.pseudonym)
    assert f"The case is now on the list of {free.pseudonym}." in told
    submit(second.reader.user.username, STUDY, looks(STUDY))
    submit(free.user.username, STUDY, looks(STUDY, "atypical"))
    settle_case(case.pk)
    assert "No answer has a majority." in page_of(manager, project, address)
    assert "Say why: the reader sees it." in send(manager, project, f"tasks/{second.key}/return/", reason=" ")
    told = send(manager, project, f"tasks/{second.key}/return/", reason="The lateral view was read.")
    assert "back on its reader&#x27;s list" in told
    own = browser(second.reader.user.username).get("/annotation/reads/").content.decode()
    assert "The lateral view was read." in own


def test_a_reader_leaves_and_what_is_submitted_stays(project, manager):
    submit("anna", STUDY, looks(STUDY))
    pseudonym = task_of("anna", STUDY).reader.pseudonym
    assert f"{pseudonym} is no member any more" in send(manager, project, f"members/{pseudonym}/dismiss/")
    assert manager.post(f"/annotation/projects/{project.slug}/members/{pseudonym}/dismiss/").status_code == 404
    assert task_of("anna", STUDY).state == "submitted"


def test_deadline_and_instructions_change_while_it_is_read_and_not_afterwards(project, manager):
    words = {"instructions": "Grade the right lung first.", "deadline": "2030-05-01"}
    assert "Readers see it when they open their next case." in send(manager, project, "amend/", **words)
    anna = browser("anna")
    assert "until 1 May 2030" in anna.get("/annotation/reads/").content.decode()
    key = anna.get("/api/v1/annotation/projects").json()["projects"][0]["next_task"]
    assert anna.get(f"/api/v1/annotation/tasks/{key}").json()["project"]["deadline"] == "2030-05-01"
    assert "The deadline is a day, or nothing." in send(manager, project, "amend/", deadline="soon")
    assert "Next: Wait." in page_of(manager, project)
    event = AuditEvent.objects.get(action="annotation.project-amended")
    assert event.facts["deadline"] == "2030-05-01"
    send(manager, project, "amend/", **words | {"deadline": "2020-05-01"})
    assert "The deadline has passed and 9 reads are still to be done." in page_of(manager, project)
    projects.move_project(project, ProjectVerb.CLOSE, actor=OPERATOR)
    send(manager, project, "amend/", instructions="Too late.", deadline="")
    assert ReadingProject.objects.get().instructions == "Grade the right lung first."


def test_a_consensus_is_derived_on_the_page_with_each_readers_skill(project, manager):
    for name, look in (("anna", "typical"), ("bert", "typical"), ("cleo", "atypical")):
        submit(name, STUDY, looks(STUDY, look))
    assert "Nothing derived yet" in page_of(manager, project, "consensus/")
    told = send(manager, project, "consensus/derive/", label="appearance", method="dawid-skene")
    assert "Derived, 1 rows" in told
    assert "Accuracy" in told
    assert "1 case," in told
    refused = send(manager, project, "consensus/derive/", label="appearance", method="staple")
    assert "STAPLE is for areas." in refused
    assert "Choose a label and a method." in send(manager, project, "consensus/derive/", label="unheard")


def test_a_project_is_made_with_training_policies_and_a_rule_on_agreement(manager, tmp_path):
    past = make_project(tmp_path, studies=2)
    for study in (STUDY, uid("study", "case-1")):
        for name in ("anna", "bert", "cleo"):
            submit(name, study, looks(study))
        settle_case(Case.objects.get(study_instance_uid=study).pk)
        curation.open_case(study)
        curation.clear(study, actor=OPERATOR, reason="looked at")
        catalog_study(study)
    form = {
        "title": "Next", "slug": "next", "schema": past.schema_id, "source_kind": "catalog", "source_name": "CT",
        "task_kind": "read", "readers_per_case": 1, "overlap_share": 1, "repeat_share": 0, "washout_days": 0,
        "pilot_cases": 0, "return_after_days": 14, "layout": "one", "cine_fps": "", "stopping_cases": 0,
        "stopping_label": "appearance", "stopping_width": "0.2", "training_from": past.pk, "training_cases": 1,
        "policies": "appearance | unanimous\nopacity | masks | dice = 0.8",
    }  # fmt: skip
    new = "/annotation/projects/new/"
    assert "Select a valid choice" in manager.post(new, form).content.decode()
    projects.move_project(past, ProjectVerb.CLOSE, actor=OPERATOR)
    unknown = manager.post(new, {**form, "policies": "appearance | by coin"}).content.decode()
    assert "cannot have that policy" in unknown
    assert manager.post(new, form)["Location"] == "/annotation/projects/next/"
    made = ReadingProject.objects.get(slug="next")
    assert made.policies["appearance"] == {"policy": "unanimous"}
    assert made.policies["opacity"] == {"policy": "masks", "dice": 0.8, "volume_ratio": 1.5}
    assert made.stopping == {"label": "appearance", "width": 0.2, "cases": 0}
    [training] = made.cases.filter(phase="training")
    assert {one["label_id"]: one["value"] for one in training.reference} == {"appearance": "typical", "grade": "mild"}


def test_a_few_cases_that_agree_by_chance_are_not_enough_agreement(manager, tmp_path):
    stopping = Stopping.from_mapping({"label": "appearance", "width": 0.5})
    project = make_project(tmp_path, readers=("anna", "bert"), stopping=stopping)
    for number, look in enumerate(("typical", "atypical")):
        for name in ("anna", "bert"):
            submit(name, uid("study", f"case-{number}"), looks(uid("study", f"case-{number}"), look))
    body = compute_agreement(project.pk).body
    [question] = [one for one in body["questions"] if one["question"] == "appearance"]
    line = question["statistics"][0]
    assert (line["value"], line["low"], line["high"], line["cases"]) == (1.0, 1.0, 1.0, 2)
    assert "Enough was read" not in page_of(manager, project)
    line["cases"] = 20
    AgreementReport.objects.update(body=body)
    assert "Enough was read" in page_of(manager, project)


@pytest.mark.parametrize("text", ["appearance", "| majority", "a | masks | dice", "a | b\na | c"])
def test_what_is_no_policy_is_refused(manager, text):
    with pytest.raises(projects.ProjectInvalidError):
        policies_written(text)
