"""The hospital's review page in a real browser: confirm, move, add, reject, undo, by keys and by mouse, and nothing lost."""

import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.support.hospital_folder import SECRET, uid, write_series
from tests.support.pictures_with_writing import (
    COLUMNS,
    ROWS,
    SC,
    drawn,
    write_banner_series,
    write_document,
    write_picture,
)

from radcommons.edge.deidentify import deidentify_folder
from radcommons.edge.home import init_home
from radcommons.edge.review import write_page
from radcommons.edge.review.serve import ReviewServer

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
READY = "body[data-ready=yes]"
BOX = "#original .box"


@dataclass
class Sitting:
    """A home with an OUT folder of series to look at, and the server that shows them."""

    home: object
    out: Path
    server: ReviewServer
    thread: threading.Thread

    @classmethod
    def begin(cls, home, out) -> "Sitting":
        server = ReviewServer(home, out)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        return cls(home, out, server, thread)

    def end(self) -> None:
        self.server.stop()
        self.thread.join(timeout=60)

    def series(self, name: str) -> str:
        return self.home.key().map_uid(uid(name, name))

    def files(self, name: str) -> list[Path]:
        study = self.home.key().map_uid(uid(name))
        return sorted((self.out / "instances" / study / self.series(name)).glob("*.dcm"))

    def pixels(self, name: str) -> np.ndarray:
        return pydicom.dcmread(self.files(name)[0]).pixel_array

    def settled(self, name: str) -> None:
        """Wait until what was decided about a series is made."""
        ends_at = time.monotonic() + 90
        while time.monotonic() < ends_at:
            pictures = self.server.session.state(self.series(name))["pictures"]
            if all(each["is_made"] or each["state"] == "rejected" for each in pictures):
                return
            time.sleep(0.2)
        raise AssertionError(f"not made: {pictures}")


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Path]:
    """De-identified once: each test looks at series of its own."""
    root = tmp_path_factory.mktemp("hospital")
    home = init_home(root / "home", site="ALPHA", project="covid19", secret=SECRET)
    folder = root / "export"
    write_series(folder, count=2, study="ct", series="ct")
    for name in ("confirmed", "moved", "rejected", "undone", "plain", "mouse", "word", "held"):
        write_banner_series(folder, count=1, study=name, series=name)
    write_banner_series(folder, count=3, study="several", series="several")
    cine = np.stack([drawn(*([("MRN-0048213", 20, 200)] if index == 3 else []), seed=index) for index in range(5)])
    write_picture(folder / "cine.dcm", cine, study="cine", series="cine", SOPClassUID=SC, Modality="OT")
    write_picture(folder / "empty.dcm", drawn(), study="empty", series="empty", sop_class=SC, modality="OT")
    write_document(folder / "letter.dcm", study="letter", series="letter")
    deidentify_folder(home, folder, out=root / "out")
    write_page(home, root / "out")
    return home, root / "out"


@pytest.fixture
def sitting(hospital):
    begun = Sitting.begin(*hospital)
    yield begun
    begun.end()


@pytest.fixture
def look(chromium: Browser, sitting: Sitting, watch):
    """Opens a series as somebody who gave a name."""
    contexts = []

    def open_series(name: str, **options: object) -> Page:
        context = chromium.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
        contexts.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("console", watch.on_console)
        page.on("pageerror", lambda error: watch.errors.append(str(error)))
        page.on("request", lambda request: watch.on_request(request.url))
        page.goto(sitting.server.url)
        page.goto(f"http://127.0.0.1:{sitting.server.port}/series/{sitting.series(name)}")
        if options.get("java_script_enabled", True):
            page.wait_for_selector(READY)
            page.fill("#by", "Dr Example")
            page.locator("#original").focus()
        return page

    yield open_series
    for context in contexts:
        context.close()
    assert watch.strangers == []
    assert watch.errors == []


def box_of(page: Page, index: int = 0) -> list[int]:
    rect = page.locator(f"{BOX} rect").nth(index)
    return [int(rect.get_attribute(name)) for name in ("x", "y", "width", "height")]


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait until something that another process does is done."""
    ends_at = time.monotonic() + 90
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.1)


def kept(page: Page) -> None:
    """Wait until the server has what was drawn."""
    page.wait_for_timeout(450)
    page.evaluate("() => fetch(`/api/series/${document.body.dataset.series}`)")


def test_a_sitting_starts_where_it_stands_and_enter_goes_on_to_the_pictures(look, sitting: Sitting) -> None:
    page = look("confirmed")
    page.goto(sitting.server.url)
    page.wait_for_selector(READY)
    page.keyboard.press("Enter")
    page.wait_for_url("**/pictures")
    page.goto(sitting.server.url)
    page.get_by_role("link", name="or series by series").press("Enter")
    page.wait_for_selector(READY)
    assert "/series/2.25." in page.url
    expect(page.locator("#place")).to_have_text("Series 1 of 12")
    assert page.locator("#waiting").text_content().endswith("a person")


def test_the_original_is_shown_with_its_boxes_and_is_never_kept(look, sitting: Sitting) -> None:
    page = look("plain")
    frame = page.request.get(page.url.split("/series")[0] + page.locator("#original image").get_attribute("href"))
    with Image.open(io.BytesIO(frame.body())) as picture:
        assert picture.size == (COLUMNS, ROWS)
        assert np.asarray(picture.convert("L"))[0:26].max() > 200
    assert frame.headers["cache-control"] == "no-store"
    left, top, width, height = box_of(page)
    assert max(left - 12, top - 8) <= 0
    assert min(width - 150, height - 12) >= 0
    expect(page.locator("#boxes")).to_contain_text("OKONKWO")
    names = {path.name for path in sitting.out.rglob("*") if path.is_file()}
    assert not [name for name in names if name.endswith(".jpg") and not name.startswith(("s-", "l-"))]
    assert b"OKONKWO" not in b"".join(path.read_bytes() for path in sitting.out.rglob("*") if path.is_file())


def test_enter_confirms_and_goes_on(look, sitting: Sitting) -> None:
    page = look("confirmed")
    before = sitting.files("confirmed")[0].read_bytes()
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => document.body.dataset.series !== '{sitting.series('confirmed')}'")
    again = look("confirmed")
    expect(again.locator(".mark")).to_have_text("confirmed")
    assert sitting.files("confirmed")[0].read_bytes() == before
    assert sitting.pixels("confirmed")[6:20, 12:180].max() == 0


def test_the_keyboard_alone_moves_resizes_adds_and_removes(look, sitting: Sitting) -> None:
    page = look("moved")
    page.keyboard.press("Tab")
    start = box_of(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    assert box_of(page) == [start[0], start[1] + 11, start[2] + 1, start[3]]
    page.keyboard.press("a")
    expect(page.locator(BOX)).to_have_count(2)
    page.keyboard.press("Delete")
    expect(page.locator(BOX)).to_have_count(1)
    page.keyboard.press("Tab")
    kept(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: sitting.series("moved") not in url)
    sitting.settled("moved")
    again = look("moved")
    expect(again.locator("#result-state")).to_have_text("confirmed")
    assert box_of(again) == [start[0], start[1] + 11, start[2] + 1, start[3]]
    assert sitting.pixels("moved")[0 : start[1] + 11, 12:180].max() > 200
    assert sitting.pixels("moved")[start[1] + 11 : start[1] + 20, 12:180].max() == 0


def test_the_box_in_hand_stays_in_hand_when_it_was_kept(look) -> None:
    page = look("held")
    banner = box_of(page)
    page.keyboard.press("a")
    added = box_of(page, 1)
    kept(page)
    page.keyboard.press("Alt+ArrowDown")
    kept(page)
    assert sorted(box_of(page, index) for index in (0, 1)) == sorted([banner, [added[0], added[1] + 10, *added[2:]]])
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    expect(page.locator("#said")).to_contain_text("Choose a box first")


def test_a_name_is_asked_for_once_and_enter_goes_on(look) -> None:
    page = look("held")
    page.fill("#by", "")
    page.locator("#original").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Write your name first")
    page.keyboard.type("Dr Example")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text("")
    expect(page.locator("#original")).to_be_focused()


def test_a_server_that_does_not_answer_is_named_and_nothing_seems_done(look, watch) -> None:
    watch.expected = ("ERR_INTERNET_DISCONNECTED",)
    page = look("held")
    page.context.set_offline(True)
    page.keyboard.press("a")
    expect(page.locator("#said")).to_contain_text("does not answer")
    expect(page.locator("#said")).to_have_class("bad")


def test_an_original_that_is_gone_is_named(look, sitting: Sitting, hospital, watch) -> None:
    watch.expected = ("404",)
    original = hospital[1].parent / "export" / "empty.dcm"
    aside = original.rename(original.with_suffix(".aside"))
    page = look("empty")
    expect(page.locator("#original")).to_contain_text("not where it was")
    aside.rename(original)


def test_texts_are_decided_and_taken_back_by_keyboard(look, sitting: Sitting) -> None:
    page = look("held", color_scheme="dark", viewport={"width": 400, "height": 800})
    page.goto(f"http://127.0.0.1:{sitting.server.port}/texts")
    page.wait_for_selector(READY)
    page.locator("input[name=by]").fill("Dr Example")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("1 decision about texts recorded")
    expect(page.locator(".progress")).to_contain_text("1 of ")
    expect(page.locator("tr:focus")).to_have_count(1)
    page.keyboard.press("u")
    expect(page.locator("#said")).to_contain_text("1 decision about texts taken back")
    expect(page.locator(".progress")).to_contain_text("0 of ")


def test_the_mouse_draws_moves_and_resizes(look) -> None:
    page = look("mouse")
    area = page.locator("#original svg").bounding_box()
    scale = min(area["width"] / COLUMNS, area["height"] / ROWS)
    left, top = area["x"] + (area["width"] - COLUMNS * scale) / 2, area["y"] + (area["height"] - ROWS * scale) / 2

    def drag(*points: tuple[int, int]) -> None:
        (x, y), *rest = points
        page.mouse.move(left + x * scale, top + y * scale)
        page.mouse.down()
        for x, y in rest:
            page.mouse.move(left + x * scale, top + y * scale, steps=4)
        page.mouse.up()

    drag((100, 150), (180, 190))
    expect(page.locator(BOX)).to_have_count(2)
    drawn_box = box_of(page, 1)
    assert np.abs(np.array(drawn_box) - [100, 150, 80, 40]).max() <= 2
    drag((140, 170), (150, 180))
    assert np.abs(np.array(box_of(page, 1)) - [110, 160, 80, 40]).max() <= 3
    drag((190, 200), (200, 210))
    assert np.abs(np.array(box_of(page, 1)) - [110, 160, 90, 50]).max() <= 4
    expect(page.locator("#result-state")).to_have_text("as drawn; made when you confirm")


def test_what_was_drawn_survives_a_kill(look, sitting: Sitting, hospital, chromium: Browser) -> None:
    page = look("several")
    page.keyboard.press("a")
    kept(page)
    drawn_box = box_of(page, 1)
    other = Sitting.begin(*hospital)
    fresh = chromium.new_context().new_page()
    fresh.goto(other.server.url)
    fresh.goto(page.url.replace(str(sitting.server.port), str(other.server.port)))
    fresh.wait_for_selector(READY)
    found = box_of(fresh, 1)
    fresh.context.close()
    other.end()
    assert found == drawn_box


def test_rejecting_takes_the_picture_out_at_once(look, sitting: Sitting) -> None:
    page = look("rejected")
    page.keyboard.press("r")
    page.fill("#reason", "a photograph of a letter")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: sitting.series("rejected") not in url)
    again = look("rejected")
    expect(again.locator("#result")).to_have_text("Nothing: it is kept out.")
    expect(again.locator("#history")).to_contain_text("a photograph of a letter")
    wait_for(lambda: sitting.files("rejected") == [])
    again.keyboard.press("u")
    expect(again.locator("#said")).to_have_text("Taken back")
    sitting.settled("rejected")
    assert len(sitting.files("rejected")) == 1


def test_undo_takes_back_one_decision_after_the_other(look, sitting: Sitting) -> None:
    page = look("undone")
    first = box_of(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Alt+ArrowRight")
    kept(page)
    page.keyboard.press("Delete")
    kept(page)
    expect(page.locator(BOX)).to_have_count(0)
    page.keyboard.press("u")
    expect(page.locator(BOX)).to_have_count(1)
    assert box_of(page)[0] == first[0] + 10
    page.keyboard.press("u")
    expect(page.locator("#history .undone")).to_have_count(2)
    assert box_of(page) == first


def test_writing_with_digits_is_never_harmless(look, watch) -> None:
    watch.expected = ("409",)
    page = look("word")
    page.keyboard.press("Tab")
    page.keyboard.press("m")
    expect(page.locator("#said")).to_contain_text("digits")
    expect(page.locator(BOX)).to_have_count(1)


def test_each_picture_that_needs_a_person_is_shown_before_a_series_is_confirmed(look) -> None:
    page = look("several")
    for number in (1, 2, 3):
        page.locator(f"#sheet li:nth-child({number}) a").click()
        expect(page.locator("#number")).to_have_text(f"Picture {number} of 3")
        assert f"instance={page.locator('#sheet [aria-current]').get_attribute('href')[10:26]}" in page.url


def test_frames_are_leafed_through_and_laid_over_each_other(look) -> None:
    page = look("cine")
    expect(page.locator("#frame-number")).to_have_text("1 of 5")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#frame-number")).to_have_text("2 of 5")
    page.locator("#brightest").click()
    assert "frame=all" in page.url
    expect(page.locator("#brightest")).to_have_attribute("aria-pressed", "true")
    frame = page.request.get(page.url.split("/series")[0] + page.locator("#original image").get_attribute("href"))
    with Image.open(io.BytesIO(frame.body())) as picture:
        assert np.asarray(picture.convert("L"))[200:216, 20:120].max() > 200


def test_a_document_is_released_with_a_reason_only(look, sitting: Sitting) -> None:
    page = look("letter")
    expect(page.locator("#original")).to_contain_text("Encapsulated PDF")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("cannot be cleaned")
    page.keyboard.press("l")
    page.keyboard.press("Enter")
    expect(page.locator("#reason-dialog")).to_be_visible()
    page.fill("#reason", "I read the whole letter; it names nobody")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text("Let go")
    sitting.settled("letter")
    assert len(sitting.files("letter")) == 1


def test_without_script_a_form_confirms_or_keeps_out(look, sitting: Sitting) -> None:
    page = look("plain", java_script_enabled=False)
    expect(page.locator("#original .box")).to_have_count(1)
    page.locator("form[action='/confirm-series'] input[name=by]").fill("Dr Plain")
    page.get_by_role("button", name="Confirm this series as shown").click()
    again = look("plain", java_script_enabled=False)
    expect(again.locator(".mark")).to_have_text("confirmed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_breaks_no_rule_of_accessibility(look, scheme: str, width: int) -> None:
    page = look("several", color_scheme=scheme, viewport={"width": width, "height": 800})
    for key in (None, "?", "r"):
        if key is not None:
            page.keyboard.press("Escape")
            page.keyboard.press(key)
        found = Axe().run(page, options={"runOnly": TAGS}).response["violations"]
        assert [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]] == []
    page.keyboard.press("Escape")
    # A phone, or a large screen at 200 per cent and more.
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
