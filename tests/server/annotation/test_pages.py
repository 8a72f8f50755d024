"""The pages of readers, adjudicators and managers, through the real routes."""

import re

import pytest
from tests.support.batches import uid
from tests.support.reading import browser, chest_schema, looks, make_project, person, submit, task_of

from radcommons.server.annotation.models import LabelSchema, ReadingProject
from radcommons.server.annotation.rules.states import Duty, ProjectVerb
from radcommons.server.annotation.services import projects
from radcommons.server.annotation.services.agreeing import compute_agreement
from radcommons.server.annotation.services.settling import settle_case
from radcommons.server.platform.policy import Actor, Role
from radcommons.transfer.annotation.record import Method

pytestmark = pytest.mark.django_db
STUDY = uid("study", "case-0")


@pytest.fixture
def manager(db):
    """The browser of a project manager."""
    person("mira", Role.PROJECT_MANAGER)
    return browser("mira")


def text_of(client, path):
    """A page that opens."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())


def disputed(project):
    """All readers have read one case and differ."""
    for name, grade in (("anna", "none"), ("bert", "moderate"), ("cleo", "severe")):
        submit(name, STUDY, looks(STUDY, grade=grade))
    settle_case(project.cases.get(study_instance_uid=STUDY).pk)


def test_a_reader_sees_their_own_list_and_the_next_case(project):
    anna = browser("anna")
    assert "0 done, 3 left" in text_of(anna, "/annotation/reads/")
    submit("anna", STUDY, looks(STUDY))
    page = text_of(anna, "/annotation/reads/")
    assert "1 done, 2 left" in page
    assert "submitted" in page
    leads = anna.get(f"/annotation/reads/{project.slug}/next/")["Location"]
    assert leads.startswith("/annotation/tasks/")
    assert task_of("anna", STUDY).key not in leads


def test_projects_with_something_to_do_stand_first(project, tmp_path):
    disputed(project)
    later = make_project(tmp_path, slug="later-reads", title="Later reads", schema=chest_schema(2))
    person("dora", Role.ADJUDICATOR)
    for one in (project, later):
        projects.add_member(
            one, "dora", Duty.ADJUDICATE, method=Method.RETROSPECTIVE_EXPERT, actor=Actor.system("tests")
        )
    projects.move_project(later, ProjectVerb.PAUSE, actor=Actor.system("tests"))

    page = text_of(browser("anna"), "/annotation/reads/")
    assert page.index("Chest reads</h2>") < page.index("Later reads</h2>")

    queue = text_of(browser("dora"), "/annotation/adjudication/")
    assert queue.index("?project=chest-reads") < queue.index("?project=later-reads")
    assert "1 case to decide" in queue


def test_a_manager_makes_a_project_of_a_ready_schema_names_readers_and_starts(manager, tmp_path):
    from tests.support.studies import store_study

    from radcommons.server.catalog.services import catalog_study
    from radcommons.server.curation import services as curation

    study = store_study(tmp_path, "one", slices=1)
    curation.open_case(study)
    curation.clear(study, actor=Actor.system("tests"), reason="looked at")
    catalog_study(study)
    person("anna", Role.READER)
    assert "RICORD" in text_of(manager, "/annotation/schemas/")
    manager.post("/annotation/schemas/ready/co-rads/")
    schema = LabelSchema.objects.get()
    form = {
        "title": "First",
        "slug": "first",
        "schema": schema.pk,
        "source_kind": "catalog",
        "source_name": "CT",
        "task_kind": "read",
        "readers_per_case": 1,
        "overlap_share": 1,
        "repeat_share": 0,
        "washout_days": 0,
        "pilot_cases": 0,
        "return_after_days": 14,
        "stopping_cases": 0,
        "layout": "two",
        "windows": "Lung | -600 | 1500",
        "cine_fps": "",
    }
    assert manager.post("/annotation/projects/new/", form)["Location"] == "/annotation/projects/first/"
    told = text_of(manager, "/annotation/projects/first/")
    assert "Next: Name the readers." in told
    assert "two series of the case side by side; windows Lung (-600, 1500)" in told
    wrong = manager.post("/annotation/projects/new/", {**form, "slug": "second", "windows": "Lung"}).content.decode()
    assert "Write each window as: name | centre | width." in wrong
    manager.post(
        "/annotation/projects/first/members/", {"username": "anna", "duty": "read", "method": "Retrospective_expert"}
    )
    manager.post("/annotation/projects/first/moves/start-reading/")
    page = text_of(manager, "/annotation/projects/first/")
    assert "Next: Wait." in page
    assert ReadingProject.objects.get().tasks.count() == 1
    assert "is taken" not in page
    assert "name already" in manager.post("/annotation/projects/new/", form).content.decode()


def test_the_project_page_tells_how_far_each_reader_and_each_case_is(project, manager):
    disputed(project)
    page = text_of(manager, f"/annotation/projects/{project.slug}/")
    assert "Readers disagree on 1 case" in page
    assert f"{project.slug}" in text_of(manager, "/annotation/projects/")
    narrowed = manager.get(f"/annotation/projects/{project.slug}/?state=disputed").context["page"]
    assert narrowed.paginator.count == 1


def test_the_queue_lists_what_differs_to_its_adjudicator_only(project):
    person("dora", Role.ADJUDICATOR)
    person("otto", Role.ADJUDICATOR)
    projects.add_member(
        project, "dora", Duty.ADJUDICATE, method=Method.RETROSPECTIVE_EXPERT, actor=Actor.system("tests")
    )
    assert "Nothing waits for you" in text_of(browser("dora"), "/annotation/adjudication/")
    disputed(project)
    assert "1 case to decide" in text_of(browser("dora"), "/annotation/adjudication/")
    assert "No project yet" in text_of(browser("otto"), "/annotation/adjudication/")


def test_the_agreement_page_has_a_table_beside_each_chart_and_says_when_it_is_old(project, manager):
    address = f"/annotation/projects/{project.slug}/agreement/"
    assert "Nothing to compare yet" in text_of(manager, address)
    disputed(project)
    compute_agreement(project.pk)
    page = text_of(manager, address)
    assert page.count("data-chart=") == page.count('class="rc-chart-canvas"') > 2
    # One line a question before all details, with a way to them.
    for name in ("appearance", "grade"):
        assert page.index(f'href="#q-{name}"') < page.index(f'id="q-{name}"')
    assert "Krippendorff alpha, ordinal" in page
    assert "Compute now" not in page
    submit("anna", uid("study", "case-1"), looks(uid("study", "case-1")))
    assert "Compute now" in text_of(manager, address)
    manager.post(f"{address}compute/")
    assert "Compute now" not in text_of(manager, address)


def test_who_reads_in_a_project_sees_nothing_of_its_results_until_it_is_closed(project):
    from radcommons.server.platform import accounts

    accounts.grant_role("anna", Role.PROJECT_MANAGER, actor=Actor.system("tests"))
    anna = browser("anna")
    case = project.cases.first().key
    for path in ("", "agreement/", "consensus/", "publications/", "exports/", f"cases/{case}/"):
        assert anna.get(f"/annotation/projects/{project.slug}/{path}").status_code == 403
    for path in ("", "/agreement", "/cases", "/readings", "/drafts", "/labels", "/answers.csv", "/consensus"):
        answer = anna.get(f"/api/v1/annotation/managed/{project.slug}{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "annotation.reads-here")
    before = text_of(anna, "/annotation/projects/")
    submit("bert", STUDY, looks(STUDY))
    assert text_of(anna, "/annotation/projects/") == before
    projects.move_project(project, "close", actor=Actor.system("tests"))
    assert anna.get(f"/annotation/projects/{project.slug}/").status_code == 200


def test_a_schema_is_written_in_a_form_shown_as_readers_meet_it_and_kept_as_the_next_version(manager):
    form = {
        "name": "simple",
        "title": "Simple",
        "description": "",
        "modalities": "CT DX",
        "label-TOTAL_FORMS": 1,
        "label-INITIAL_FORMS": 0,
        "label-0-group": "General",
        "label-0-id": "look",
        "label-0-name": "Look",
        "label-0-scope": "study",
        "label-0-geometry": "none",
        "label-0-kind": "one_of",
        "label-0-choices": "typical | Typical | 2\nother | Other | 0",
    }
    preview = manager.post("/annotation/schemas/edit/", form, headers={"HX-Request": "true"}).content.decode()
    assert "simple/1, 1 label" in preview
    assert not LabelSchema.objects.exists()
    assert manager.post("/annotation/schemas/edit/", form)["Location"] == "/annotation/schemas/simple/1/"
    row = LabelSchema.objects.get()
    label = row.definition["groups"][0]["labels"][0]
    assert [choice["score"] for choice in label["value"]["choices"]] == [2, 0]
    form["begun_from"] = "1"
    wrong = {**form, "label-0-geometry": "box"}
    assert "rc-finding-error" in manager.post("/annotation/schemas/edit/", wrong).content.decode()
    manager.post("/annotation/schemas/edit/", {**form, "label-0-name": "First look"})
    assert "First look" in text_of(manager, "/annotation/schemas/simple/2/")
    assert LabelSchema.objects.get(version=2).mapping["labels"] == {"look": "look"}
    # Somebody else began from the first version as well, or takes the name for a new one: nothing is written over.
    for begun_from in ("1", "0", ""):
        late = manager.post(
            "/annotation/schemas/edit/", {**form, "begun_from": begun_from, "label-0-name": "Late look"}
        )
        assert "There is a version 2 of simple that this form does not start from." in late.content.decode()
        assert "Late look" in late.content.decode()
    assert LabelSchema.objects.count() == 2
    begun = manager.get("/annotation/schemas/edit/?name=simple")
    assert begun.context["head"].initial["begun_from"] == 2
    # What one begins with is seen at once, as readers meet it.
    assert "simple/2, 1 label" in begun.content.decode()
    assert begun.context["labels"].initial[0]["choices"] == "typical | Typical | 2\nother | Other | 0"
    for schema in ("ricord-1a", "midrc-mrale"):
        assert manager.get(f"/annotation/schemas/edit/?ready={schema}").status_code == 200
