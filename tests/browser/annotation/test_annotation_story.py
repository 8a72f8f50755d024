"""A project from the first read to the agreement of its readers, played by people in browsers."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser import phantoms
from tests.browser.annotation import annotating
from tests.browser.annotation.annotating import READY, drag, open_task, own_task, until_saved
from tests.browser.test_accessibility import breaches
from tests.support.reading import READERS, browser, person

from radcommons.server.annotation.models import Case, ReadingProject
from radcommons.server.annotation.services import reading
from radcommons.server.platform.policy import Role

Opener = Callable[..., Page]


@pytest.fixture
def project(live_server_url: str) -> ReadingProject:
    """Three readers and an adjudicator over the CT."""
    definition = annotating.every_geometry()
    return annotating.project_of([phantoms.STUDY], definition, READERS, adjudicators=["judge"])


def read_case(page: Page, project: ReadingProject, name: str, *, answer: str, width: int) -> None:
    """One reader's read, from the list to the submission."""
    page.goto("/annotation/reads/")
    card = page.locator(f"section[aria-labelledby=project-{project.slug}]")
    card.get_by_role("link", name="Begin").click()
    page.wait_for_selector(READY)
    page.wait_for_selector(annotating.SHOWN)
    page.keyboard.press("1")
    drag(page, (-width, 0), (width, 0))
    page.keyboard.press("3")
    drag(page, (60 + width, 60), (140 + width, 120))
    page.keyboard.press("q")
    page.keyboard.press(answer)
    if answer == "3":
        page.get_by_label("Why atypical").fill("On one side only.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/annotation/reads/")
    task = own_task(project, name)
    assert task.state == "submitted"


def test_three_readers_differ_and_an_adjudicator_decides(open_page: Opener, project: ReadingProject) -> None:
    for name, answer, width in zip(READERS, "123", (20, 60, 100), strict=True):
        page = open_page(browser(name))
        read_case(page, project, name, answer=answer, width=width)
        page.close()
    annotating.work_off()
    judge = open_page(browser("judge"))
    judge.goto(f"/annotation/adjudication/?project={project.slug}")
    judge.get_by_role("link", name="Case 1").click()
    judge.wait_for_selector(READY)
    judge.wait_for_selector(annotating.SHOWN)
    assert breaches(judge) == []
    expect(judge.locator("#label-name")).to_have_text("Opacity")
    expect(judge.locator("#why")).to_contain_text("Dice")
    judge.get_by_role("button", name="Side by side").click()
    expect(judge.locator(".an-pane")).to_have_count(3)
    judge.get_by_role("button", name="Side by side").click()
    expect(judge.locator(".an-pane")).to_have_count(1)
    judge.keyboard.press("Control+Enter")
    expect(judge.locator("#ruling-problem")).to_have_text("Choose who is right, merge, or answer anew.")
    decide(judge, "8", "Two of three drew it.")
    expect(judge.locator("#label-name")).to_have_text("Nodule box")
    judge.keyboard.press("9")
    drag(judge, (100, 60), (160, 110))
    expect(judge.locator("#drawn")).to_have_text("1 drawn by you")
    decide(judge, "", "None of the three is quite right.")
    expect(judge.locator("#label-name")).to_have_text("Appearance on CT")
    values = judge.locator("#values td").all_inner_texts()
    assert sorted(values) == ["Atypical appearance", "Indeterminate appearance", "Typical appearance"]
    chosen = values.index("Indeterminate appearance")
    decide(judge, str(chosen + 1), "Bilateral, without a typical feature.")
    expect(judge.locator("#completeness")).to_have_text("Everything is settled")
    assert breaches(judge) == []
    case = Case.objects.get(project=project)
    assert case.state == "decided"
    decided = {row.label: row for row in case.decisions.all()}
    assert {name: row.verdict for name, row in decided.items()} == {"mask": "merge", "box": "new", "appearance": "pick"}
    assert decided["appearance"].value["items"][0]["value"] == "indeterminate"
    assert {shape["geometry"] for shape in decided["mask"].value["items"][0]["shapes"]} == {"mask"}
    judge.keyboard.press("Control+Enter")
    judge.wait_for_url("**/annotation/adjudication/?project=*")
    annotating.work_off()
    person("manager", Role.PROJECT_MANAGER)
    manager = open_page(browser("manager"))
    manager.goto(f"/annotation/projects/{project.slug}/agreement/")
    expect(manager.locator("h1")).to_contain_text(re.compile("[Aa]greement"))
    expect(manager.locator("main")).to_contain_text("Appearance on CT")


def decide(page: Page, key: str, why: str) -> None:
    """Choose by key, say why, and decide."""
    if key:
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.keyboard.type(why)
    page.keyboard.press("Control+Enter")


def test_a_submitted_read_is_shown_and_opened_again(open_page: Opener, project: ReadingProject) -> None:
    target = {"study_instance_uid": phantoms.STUDY}
    answers: list[dict[str, Any]] = [{"id": "a", "label_id": "appearance", "target": target, "value": "typical"}]
    task = own_task(project, "anna")
    draft = reading.Draft("elsewhere", 1, 0, items=answers, is_nothing_found=True)
    reading.submit_read(task.key, draft, actor=person("anna"))
    page = open_page(browser("anna"))
    open_task(page, task)
    expect(page.locator("#banner")).to_contain_text("You have submitted this read.")
    typical = page.get_by_role("radio", name=re.compile("^Typical"))
    expect(typical).to_be_checked()
    expect(typical).to_be_disabled()
    page.get_by_role("button", name="Read this case again").click()
    expect(typical).to_be_enabled()
    page.get_by_label("Negative appearance").check()
    until_saved(page)
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/annotation/reads/")
    assert [one.is_submission for one in task.revisions.order_by("number")] == [True, False, True]
