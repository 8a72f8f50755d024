"""The reading page in a real browser: pixels, keys, measuring, words, addresses, refusals."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser import phantoms

SHOWN = "#stage[data-state=shown]"
# The canvas as 64 by 64 grey values, row by row, without the overlay text, which is not part of the canvas.
SAMPLE = """() => {
  const source = document.getElementById("canvas");
  const copy = document.createElement("canvas");
  copy.width = copy.height = 64;
  const context = copy.getContext("2d");
  context.drawImage(source, 0, 0, 64, 64);
  const { data } = context.getImageData(0, 0, 64, 64);
  return Array.from({ length: 4096 }, (_, pixel) => [...data.slice(4 * pixel, 4 * pixel + 3)]);
}"""


def address(series: str, query: str = "") -> str:
    return f"/view/curation/{phantoms.STUDY}/{series}/{query}"


def open_series(page: Page, series: str, query: str = "") -> None:
    page.goto(address(series, query))
    page.wait_for_selector(SHOWN)


def pixels(page: Page) -> list[list[int]]:
    page.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    return page.evaluate(SAMPLE)


def bright(page: Page) -> int:
    return sum(pixel[1] > 200 for pixel in pixels(page))


def at(page: Page, row: int, column: int) -> list[int]:
    return pixels(page)[64 * row + column]


def test_a_ct_is_shown_in_the_window_of_its_header_and_in_the_lung_window(curator_page: Page) -> None:
    open_series(curator_page, phantoms.CT)
    assert sum(90 < pixel[1] < 170 for pixel in pixels(curator_page)) > 100
    soft = at(curator_page, 31, 32)[1]
    curator_page.keyboard.press("1")
    expect(curator_page.locator("#window")).to_have_text("Window 1500, level -600")
    lung = at(curator_page, 31, 32)[1]
    assert abs(soft - 128) < 4
    assert abs(lung - 236) < 4
    expect(curator_page.locator("#preset")).to_have_value("lung")


def test_keys_leaf_through_the_slices_and_the_live_region_says_where(curator_page: Page) -> None:
    open_series(curator_page, phantoms.CT)
    for key, slice_number in (
        ("ArrowDown", 2),
        ("PageDown", 3),
        ("ArrowUp", 2),
        ("End", 12),
        ("Home", 1),
        ("ArrowRight", 11),
    ):
        curator_page.keyboard.press(key)
        expect(curator_page.locator("#number")).to_have_text(f"Slice {slice_number} of {phantoms.SLICES}")
    expect(curator_page.locator("#live")).to_have_text("Slice 11 of 12")
    expect(curator_page.locator("#depth")).to_have_text("5 mm thick, every 5 mm")


def test_slices_run_from_head_to_feet_whatever_their_numbers(curator_page: Page) -> None:
    open_series(curator_page, phantoms.CT)
    expect(curator_page.locator("#location")).to_have_text("F 0.0 mm")
    curator_page.keyboard.press("End")
    expect(curator_page.locator("#location")).to_have_text("F 55.0 mm")


def test_the_wheel_scrolls_and_with_control_zooms(curator_page: Page) -> None:
    open_series(curator_page, phantoms.CT)
    curator_page.hover("#stage")
    curator_page.mouse.wheel(0, 60)
    expect(curator_page.locator("#number")).to_have_text("Slice 2 of 12")
    curator_page.keyboard.down("Control")
    curator_page.mouse.wheel(0, -120)
    curator_page.keyboard.up("Control")
    expect(curator_page.locator("#zoom")).not_to_have_text("Zoom 100 %")


def test_monochrome1_shows_low_values_white(curator_page: Page) -> None:
    open_series(curator_page, phantoms.CR)
    assert at(curator_page, 32, 28)[1] > 240
    assert at(curator_page, 32, 36)[1] < 15
    curator_page.keyboard.press("i")
    assert at(curator_page, 32, 28)[1] < 15
    expect(curator_page.get_by_role("button", name="Invert")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("series", [phantoms.CT_RLE, phantoms.CT_J2K])
def test_compressed_slices_look_like_the_uncompressed(curator_page: Page, series: str) -> None:
    open_series(curator_page, series, "?ww=400&wl=40")
    assert abs(at(curator_page, 31, 32)[1] - 128) < 4
    curator_page.mouse.move(*middle(curator_page))
    expect(curator_page.locator("#value")).to_have_text(re.compile(r"^40 HU at"))


def middle(page: Page) -> tuple[float, float]:
    box = page.locator("#canvas").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_colours_and_palettes_keep_their_colours(curator_page: Page) -> None:
    open_series(curator_page, phantoms.RGB)
    assert at(curator_page, 32, 28) == pytest.approx([250, 10, 10], abs=3)
    assert at(curator_page, 32, 36) == pytest.approx([10, 10, 250], abs=3)
    open_series(curator_page, phantoms.PALETTE)
    assert at(curator_page, 32, 28) == pytest.approx([0, 255, 0], abs=3)


def test_a_length_is_measured_in_millimetres_by_keys_and_by_mouse(curator_page: Page) -> None:
    open_series(curator_page, phantoms.CT)
    curator_page.keyboard.press("m")
    curator_page.keyboard.press("Enter")
    for _ in range(5):
        curator_page.keyboard.press("Shift+ArrowRight")
    curator_page.keyboard.press("Enter")
    expect(curator_page.locator("#live")).to_have_text("Length 35.0 mm, calibrated in the patient")
    x, y = middle(curator_page)
    curator_page.mouse.move(x, y)
    curator_page.mouse.down()
    curator_page.mouse.move(x + 60, y)
    curator_page.mouse.up()
    expect(curator_page.locator("#live")).to_have_text(re.compile(r"^Length [\d.]+ mm"))


def test_a_radiograph_says_that_it_is_calibrated_at_the_detector(curator_page: Page) -> None:
    open_series(curator_page, phantoms.CR)
    curator_page.keyboard.press("m")
    curator_page.keyboard.press("Enter")
    curator_page.keyboard.press("Shift+ArrowRight")
    curator_page.keyboard.press("Enter")
    expect(curator_page.locator("#live")).to_have_text("Length 2.0 mm, calibrated at the detector")
    expect(curator_page.locator("#edge-right")).to_have_text("L")
    expect(curator_page.locator("#edge-top")).to_have_text("H")


def test_dragging_changes_the_window_and_the_address_remembers_it(curator_page: Page) -> None:
    open_series(curator_page, phantoms.CT, "?slice=5")
    x, y = middle(curator_page)
    curator_page.mouse.move(x, y)
    curator_page.mouse.down()
    curator_page.mouse.move(x + 100, y + 40)
    curator_page.mouse.up()
    expect(curator_page.locator("#preset")).to_have_value("custom")
    expect(curator_page).to_have_url(re.compile(r"slice=5&ww=500&wl=80"))
    curator_page.reload()
    curator_page.wait_for_selector(SHOWN)
    expect(curator_page.locator("#window")).to_have_text("Window 500, level 80")
    expect(curator_page.locator("#number")).to_have_text("Slice 5 of 12")


def test_cine_plays_and_stops(curator_page: Page) -> None:
    open_series(curator_page, phantoms.CT)
    number = curator_page.locator("#number")
    first = number.inner_text()
    curator_page.keyboard.press(" ")
    # Any slice but the first: which one is seen depends on how often the page is asked.
    expect(number).not_to_have_text(first)
    curator_page.keyboard.press(" ")
    expect(curator_page.locator("#cine")).to_have_attribute("aria-pressed", "false")
    stopped = number.inner_text()
    curator_page.wait_for_timeout(600)
    assert number.inner_text() == stopped


def test_help_lists_the_keys(curator_page: Page) -> None:
    open_series(curator_page, phantoms.CT)
    curator_page.keyboard.press("?")
    expect(curator_page.get_by_role("dialog")).to_contain_text("lung window")
    curator_page.keyboard.press("Escape")
    expect(curator_page.get_by_role("dialog")).to_be_hidden()


def test_the_page_names_subject_and_series_and_lists_the_others(curator_page: Page) -> None:
    curator_page.goto(f"/view/curation/studies/{phantoms.STUDY}/")
    curator_page.wait_for_selector(SHOWN)
    expect(curator_page.locator("#number")).to_have_text("Slice 1 of 12")
    expect(curator_page.locator("h1")).to_contain_text("Chest lung Subject SUBJ-0001")
    expect(curator_page.locator("#series a")).to_have_count(7)
    expect(curator_page.locator("#series a[aria-current=page]")).to_contain_text("12 objects")
    curator_page.get_by_role("link", name="Colours").click()
    curator_page.wait_for_selector(SHOWN)
    expect(curator_page.locator("h1")).to_contain_text("Colours")


def test_a_series_without_pictures_says_so(curator_page: Page) -> None:
    curator_page.goto(address(phantoms.SR))
    expect(curator_page.get_by_role("heading", name="Report", exact=True)).to_be_visible()
    expect(curator_page.get_by_role("main")).to_contain_text("The report has no content.")


def test_a_frame_that_cannot_be_fetched_can_be_tried_again(curator_page: Page, watch: object) -> None:
    watch.expected = ("ERR_FAILED", "Failed to load resource")
    curator_page.route("**/frames/**", lambda route: route.abort())
    curator_page.goto(address(phantoms.CR))
    expect(curator_page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    curator_page.unroute("**/frames/**")
    curator_page.get_by_role("button", name="Try again").click()
    curator_page.wait_for_selector(SHOWN)
    assert bright(curator_page) > 500


def test_everything_fits_a_telephone(curator_page: Page) -> None:
    curator_page.set_viewport_size({"width": 390, "height": 844})
    open_series(curator_page, phantoms.CT)
    assert curator_page.evaluate("document.documentElement.scrollWidth") <= 390
    assert curator_page.locator("#canvas").bounding_box()["height"] > 400


def test_the_first_image_of_a_ct_is_there_in_about_half_a_second(curator_page: Page) -> None:
    open_series(curator_page, phantoms.CT)
    open_series(curator_page, phantoms.CT)
    shown_ms = curator_page.evaluate("performance.getEntriesByName('first-image')[0].startTime")
    # The target is 500 ms on a quiet machine; the limit allows for the other tests of a loaded one.
    assert shown_ms < 1500
