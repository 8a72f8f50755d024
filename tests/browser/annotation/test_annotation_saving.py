"""Keeping a read: lost connections, lost answers, dead windows, two windows, honest time."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from tests.browser import phantoms
from tests.browser.annotation import annotating
from tests.browser.annotation.annotating import READY, open_task, own_task, saved_items, until_saved
from tests.support.reading import browser
from tests.support.studies import OPERATOR

from radcommons.server.annotation.models import Task
from radcommons.server.annotation.rules.states import ProjectVerb
from radcommons.server.annotation.services import projects

Opener = Callable[..., Page]
# Whether this computer has kept that nothing else was found.
KEPT = """() => new Promise((resolve) => {
  indexedDB.open("radcommons-reads").onsuccess = ({ target: { result: database } }) => {
    const wanted = database.transaction("drafts").objectStore("drafts").getAll();
    wanted.onsuccess = () => {
      database.close();
      resolve(wanted.result.some(({ reading }) => reading.isNothingFound));
    };
  };
})"""
OFFLINE = ("ERR_FAILED", "ERR_INTERNET_DISCONNECTED", "Failed to load resource")


@pytest.fixture
def task(live_server_url: str) -> Task:
    """A read of the CT, in a project of its own."""
    return own_task(annotating.project_of([phantoms.STUDY], annotating.every_geometry()))


def window(open_page: Opener, task: Task, watch: Any) -> Page:
    """A reader's window on the case; refusals by the network are part of these tests."""
    watch.expected = OFFLINE
    page = open_page(browser("anna"))
    open_task(page, task)
    return page


def again(context: BrowserContext, task: Task) -> Page:
    """Another window of the same browser, as one opens it after a crash."""
    page = context.new_page()
    open_task(page, task)
    return page


def draw_point(page: Page, *moves: str) -> None:
    for key in ("6", "Enter", *moves):
        page.keyboard.press(key)


def test_a_lost_connection_and_a_killed_window_lose_nothing(open_page: Opener, task: Task, watch: Any) -> None:
    page = window(open_page, task, watch)
    draw_point(page)
    until_saved(page)
    context = page.context
    context.set_offline(True)
    draw_point(page, "Shift+ArrowRight")
    page.keyboard.press("Control+s")
    expect(page.locator("#saved")).to_have_attribute("data-state", "offline")
    expect(page.locator("#saved-words")).to_contain_text("kept on this computer")
    page.keyboard.press("f")
    page.wait_for_function(KEPT)
    page.close()
    assert len(saved_items(task)) == 1
    context.set_offline(False)
    restored = again(context, task)
    expect(restored.locator("#findings > li")).to_have_count(2)
    expect(restored.locator("#nothing")).to_be_checked()
    expect(restored.locator("#held")).to_be_hidden()
    until_saved(restored)
    assert len(saved_items(task)) == 2
    revision = task.revisions.order_by("-number").first()
    assert revision is not None
    assert revision.body["reading"]["is_nothing_found"] is True


def test_the_connection_comes_back_and_what_waited_is_sent(open_page: Opener, task: Task, watch: Any) -> None:
    page = window(open_page, task, watch)
    page.context.set_offline(True)
    draw_point(page)
    page.keyboard.press("Control+s")
    expect(page.locator("#saved")).to_have_attribute("data-state", "offline")
    page.context.set_offline(False)
    page.wait_for_selector("#saved[data-state=saved]")
    assert len(saved_items(task)) == 1


def test_what_is_pasted_out_of_a_document_is_saved(open_page: Opener, task: Task, watch: Any) -> None:
    """Page breaks of a PDF and half an emoji are in no table's alphabet: they do not stop a read from being saved."""
    page = window(open_page, task, watch)
    pasted = "note => { note.value = 'Seen\\fon 2\\u0000 \\u{1F600}\\uD83D.'; note.dispatchEvent(new Event('input', { bubbles: true })) }"
    page.locator("#note").evaluate(pasted)
    until_saved(page)
    assert task.revisions.latest("number").body["reading"]["note"] == "Seen on 2  \N{GRINNING FACE} ."


def test_an_answer_that_is_lost_on_the_way_saves_nothing_twice(open_page: Opener, task: Task, watch: Any) -> None:
    page = window(open_page, task, watch)
    lost = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    page.route("**/read", lose)
    draw_point(page)
    page.keyboard.press("Control+s")
    page.wait_for_selector("#saved[data-state=saved]")
    assert lost == [200]
    assert task.revisions.count() == 1


def test_what_was_drawn_is_sent_once(open_page: Opener, task: Task, watch: Any) -> None:
    page = window(open_page, task, watch)
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request.post_data_json) if request.url.endswith("/read") else None)
    page.keyboard.press("1")
    annotating.drag(page, (-40, 0), (40, 0))
    until_saved(page)
    draw_point(page)
    until_saved(page)
    shapes = [[list(shape) for item in draft["items"] for shape in item["shapes"]] for draft in sent]
    assert [len(drawn) for drawn in shapes] == [1, 2]
    assert "runs" in shapes[0][0]
    assert shapes[1][0] == ["sha256"]
    assert [item["label_id"] for item in saved_items(task)] == ["mask", "point"]


def test_a_draft_that_is_left_is_found_again_after_reloading_at_once(open_page: Opener, task: Task, watch: Any) -> None:
    page = window(open_page, task, watch)
    draw_point(page)
    page.reload()
    page.wait_for_selector(READY)
    expect(page.locator("#findings > li")).to_have_count(1)
    expect(page.locator("#conflict")).to_be_hidden()
    until_saved(page)
    assert len(saved_items(task)) == 1


def test_two_windows_never_write_over_each_other(open_page: Opener, task: Task, watch: Any) -> None:
    first = window(open_page, task, watch)
    draw_point(first)
    until_saved(first)
    second = window(open_page, task, watch)
    expect(second.get_by_role("dialog")).to_contain_text("Open in another window")
    second.get_by_role("button", name="Only look").click()
    expect(second.locator("#labels button").first).to_be_disabled()
    second.reload()
    second.wait_for_selector("#held[open]")
    second.get_by_role("button", name="Go on here").click()
    expect(second.locator("#labels button").first).to_be_enabled()
    draw_point(second, "Shift+ArrowRight")
    expect(second.locator("#findings > li")).to_have_count(2)
    until_saved(second)
    draw_point(first, "Shift+ArrowDown")
    first.keyboard.press("Control+s")
    expect(first.get_by_role("dialog")).to_contain_text("Open in another window")
    assert len(saved_items(task)) == 2
    first.get_by_role("button", name="Go on here").click()
    dialog = first.locator("#conflict[open]")
    expect(dialog).to_contain_text("Two windows have changed this read")
    dialog.get_by_role("button", name="The one in this window").click()
    first.wait_for_selector("#saved[data-state=saved]")
    assert len(saved_items(task)) == 2
    assert task.revisions.count() == 3


def test_a_project_that_closes_under_a_reader_loses_nothing_of_what_was_drawn(
    open_page: Opener, task: Task, watch: Any
) -> None:
    page = window(open_page, task, watch)
    draw_point(page)
    until_saved(page)
    page.context.set_offline(True)
    draw_point(page, "Shift+ArrowRight")
    page.keyboard.press("f")
    page.wait_for_function(KEPT)
    projects.move_project(task.project, ProjectVerb.CLOSE, actor=OPERATOR)
    page.close()
    page.context.set_offline(False)
    late = page.context.new_page()
    late.goto(f"/annotation/tasks/{task.key}/")
    expect(late.locator("h1")).to_have_text("This read ended before it was submitted")
    expect(late.locator("#kept-here")).to_contain_text("sent just now and is kept as a late draft")
    assert len(saved_items(task)) == 2
    late.reload()
    late.wait_for_selector("body[data-state=ready]")
    expect(late.locator("#kept-here")).to_be_empty()


def test_a_reader_is_told_at_once_when_the_read_has_ended_or_the_project_pauses(
    open_page: Opener, task: Task, watch: Any
) -> None:
    page = window(open_page, task, watch)
    projects.move_project(task.project, ProjectVerb.PAUSE, actor=OPERATOR)
    draw_point(page)
    until_saved(page)
    page.evaluate("document.querySelector('[data-question=appearance] input').click()")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#banner-words")).to_contain_text("The project is paused. Your draft is kept")
    until_saved(page)
    projects.move_project(task.project, ProjectVerb.CLOSE, actor=OPERATOR)
    draw_point(page, "Shift+ArrowRight")
    page.keyboard.press("Control+s")
    expect(page.locator("#saved-words")).to_have_text("Kept, not submitted")
    expect(page.locator("#banner-words")).to_contain_text("The project was closed before you submitted this read.")
    expect(page.locator("#labels button").first).to_be_disabled()
    drawn = [item for item in saved_items(task) if item["label_id"] == "point"]
    assert len(drawn) == 2


def test_signing_out_loses_nothing(open_page: Opener, task: Task, watch: Any) -> None:
    page = window(open_page, task, watch)
    cookies = page.context.cookies()
    page.context.clear_cookies()
    draw_point(page)
    page.keyboard.press("Control+s")
    expect(page.locator("#saved-words")).to_contain_text("Sign in again in another tab")
    page.context.add_cookies(cookies)
    page.keyboard.press("Control+s")
    page.wait_for_selector("#saved[data-state=saved]")
    assert len(saved_items(task)) == 1


def test_only_time_with_focus_and_input_counts(open_page: Opener, task: Task, watch: Any) -> None:
    page = window(open_page, task, watch)
    counted = """async () => {
      const { ActiveClock } = await import("/static/annotation/clock.js");
      window.measured = new ActiveClock(5);
    }"""
    page.clock.install()
    page.bring_to_front()
    page.evaluate(counted)
    page.keyboard.press("Shift")
    page.clock.run_for(30_000)
    assert page.evaluate("window.measured.seconds") == pytest.approx(35, abs=1)
    page.clock.run_for(600_000)
    assert page.evaluate("window.measured.seconds") == pytest.approx(65, abs=1)
    page.keyboard.press("Shift")
    page.clock.run_for(10_000)
    assert page.evaluate("window.measured.seconds") == pytest.approx(75, abs=1)
    page.evaluate("document.hasFocus = () => false")
    page.clock.run_for(10_000)
    assert page.evaluate("window.measured.seconds") == pytest.approx(75, abs=1)
