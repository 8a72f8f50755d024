"""The overview of many pictures in a real browser: groups settled and taken back by keys alone, at once and in place."""

import re
import threading

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from tests.support.many_candidates import hospital_with

from radcommons.edge.home import exclusive
from radcommons.edge.review.serve import ReviewServer

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
READY = "body[data-ready=yes]"
COPIES = 40
PAGES = ("/", "/pictures", "/pictures?text=nothing", "/texts", "/all-series")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    home, out = hospital_with(tmp_path_factory.mktemp("many"), copies=COPIES)
    served = ReviewServer(home, out)
    thread = threading.Thread(target=served.run, daemon=True)
    # Another command holds the home: copies have no bytes of their own that could be made anew.
    with exclusive(home):
        thread.start()
        yield served
        served.stop()
        thread.join(timeout=60)


@pytest.fixture
def opened(chromium: Browser, server: ReviewServer, watch):
    """Opens a page as somebody who gave a name."""
    contexts = []

    def open_page(path: str, **options: object) -> Page:
        context = chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        contexts.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("console", watch.on_console)
        page.on("pageerror", lambda error: watch.errors.append(str(error)))
        page.on("request", lambda request: watch.on_request(request.url))
        page.goto(server.url)
        page.goto(f"http://127.0.0.1:{server.port}{path}")
        page.wait_for_selector(READY)
        if page.locator("input[name=by]").count():
            page.locator("input[name=by]").first.fill("Dr Example")
        page.keyboard.press("Escape")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert watch.strangers == []
    assert watch.errors == []


def test_a_group_is_confirmed_with_enter_and_taken_back_with_u(opened) -> None:
    page = opened("/pictures")
    first, second = (page.locator(".groups article").nth(index).get_attribute("id") for index in (0, 1))
    expect(page.locator("article:focus")).to_have_attribute("id", first)
    drawn = page.locator(f"#{second} img").first.element_handle()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text("Confirmed: 40 pictures.")
    expect(page.locator(".progress")).to_contain_text("40 of 121 pictures decided")
    expect(page.locator("article:focus")).to_have_attribute("id", second)
    # What was drawn before is not drawn again.
    assert drawn.evaluate("image => image.isConnected")
    page.keyboard.press("u")
    expect(page.locator("#said")).to_have_text("Taken back: confirm, 40 pictures.")
    expect(page.locator(".progress")).to_contain_text("0 of 121 pictures decided")


def test_enter_after_the_name_decides_nothing_and_the_group_in_hand_stays_in_hand(opened) -> None:
    page = opened("/pictures?by=none&order=subject")
    page.evaluate("sessionStorage.clear()")
    page.locator("input[name=by]").fill("")
    ids = [each.get_attribute("id") for each in page.locator(".groups article").all()[:4]]
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("input[name=by]")).to_be_focused()
    page.keyboard.type("Dr Example")
    page.keyboard.press("Enter")
    expect(page.locator("article:focus")).to_have_attribute("id", ids[2])
    expect(page.locator(".progress")).to_contain_text("0 of 121 pictures decided")
    page.keyboard.press("Enter")
    expect(page.locator(".progress")).to_contain_text("1 of 121 pictures decided")
    expect(page.locator("article:focus")).to_have_attribute("id", ids[3])
    page.keyboard.press("u")
    expect(page.locator(".progress")).to_contain_text("0 of 121 pictures decided")


def test_the_way_back_from_a_group_leads_to_that_group(opened) -> None:
    page = opened("/pictures?by=place")
    second = page.locator(".groups article").nth(1).get_attribute("id")
    for back in (lambda: page.keyboard.press("b"), page.go_back):
        page.locator(f"#{second}").focus()
        page.keyboard.press("o")
        page.wait_for_url("**group=**")
        page.wait_for_selector(READY)
        back()
        page.wait_for_url(f"**#{second}")
        page.wait_for_selector(READY)
        expect(page.locator("article:focus")).to_have_attribute("id", second)


def test_what_cannot_be_confirmed_in_a_small_picture_says_so(opened) -> None:
    page = opened("/pictures?show=person")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).not_to_be_empty()
    expect(page.locator(".progress")).to_contain_text("0 of 121")


def test_arrows_go_from_group_to_group_and_keys_open_filter_and_leaf(opened) -> None:
    page = opened("/pictures?by=none&order=subject")
    ids = [each.get_attribute("id") for each in page.locator(".groups article").all()[:7]]
    columns = page.evaluate("getComputedStyle(document.querySelector('.groups')).gridTemplateColumns.split(' ').length")
    page.keyboard.press("ArrowRight")
    expect(page.locator("article:focus")).to_have_attribute("id", ids[1])
    page.keyboard.press("ArrowDown")
    expect(page.locator("article:focus")).to_have_attribute("id", ids[1 + columns])
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("n")
    page.wait_for_url("**after=**")
    expect(page.locator("#list-title")).to_contain_text("Groups 25 to 48 of 121")
    page.wait_for_selector(READY)
    page.keyboard.press("/")
    page.keyboard.type("radiology")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=radiology**")
    expect(page.locator("#list-title")).to_contain_text("of 40")


def test_a_group_is_kept_out_with_a_reason_by_keys(opened) -> None:
    page = opened("/pictures?show=clean")
    page.keyboard.press("r")
    expect(page.locator("article details input")).to_be_focused()
    page.keyboard.type("not of this study")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text("Kept out: 40 pictures.")
    expect(page.locator(".end a")).to_be_focused()
    page.keyboard.press("u")
    expect(page.locator("#said")).to_have_text("Taken back: reject, 40 pictures.")


def test_a_group_is_opened_and_what_is_shown_large_is_confirmed_at_once(opened) -> None:
    page = opened("/pictures")
    page.keyboard.press("o")
    page.wait_for_url("**group=**")
    page.wait_for_selector(READY)
    expect(page.locator("#list-title")).to_have_text("Pictures 1 to 12 of 40")
    page.keyboard.press("a")
    expect(page.locator("#list-title")).to_have_text("Pictures 1 to 12 of 28")
    page.keyboard.press("u")
    expect(page.locator("#list-title")).to_have_text("Pictures 1 to 12 of 40")


def test_a_refusal_is_said_and_nothing_is_lost(opened, watch) -> None:
    watch.expected = ("409",)
    page = opened("/pictures")
    page.locator("input[name=by]").fill(" ")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Give the name of the person who decides")
    expect(page.locator(".progress")).to_contain_text("0 of 121")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 400)])
def test_the_pages_break_no_rule_of_accessibility_and_fit(opened, scheme: str, width: int) -> None:
    page = opened("/", color_scheme=scheme, viewport={"width": width, "height": 900})
    for path in PAGES:
        page.goto(re.match(r"http://[^/]+", page.url)[0] + path)
        page.wait_for_selector(READY)
        found = Axe().run(page, options={"runOnly": TAGS}).response["violations"]
        assert [f"{path} {rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]] == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.keyboard.press("?")
    assert Axe().run(page, options={"runOnly": TAGS}).response["violations"] == []
