"""Slides, overlays, curves and contact sheets in a real browser: what is drawn, by keys alone, without a breach of WCAG."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pydicom.uid import JPEG2000Lossless
from tests.browser.conftest import Watch
from tests.browser.test_accessibility import TAGS
from tests.support import objects_to_look_at as made

from radcommons.dicom.instance import describe_file
from radcommons.server.archive.services.storing import Offer, store_instances
from radcommons.server.platform.policy import Actor
from radcommons.server.sites import services as sites

SYSTEM = Actor.system("tests")
# A process that decodes begins, and gives up, well within it on a busy machine.
DECODED_MS = 30_000
# Colour of one place of the largest canvas inside an element, by shares of its width and height.
COLOUR = """([inside, x, y]) => {
  const canvas = [...document.querySelectorAll(`${inside} canvas`)].sort((a, b) => b.width * b.height - a.width * a.height)[0];
  const copy = document.createElement("canvas");
  copy.width = copy.height = 1;
  const context = copy.getContext("2d");
  context.drawImage(canvas, Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}"""


@pytest.fixture
def curator(open_page: Callable[..., Page], client_of: Callable[..., object], tmp_path: Path) -> Page:
    """A curator's page before a study of every kind; the server runs already."""
    site = sites.add_site("ALPHA", name="Alpha Hospital", country="BE", actor=SYSTEM)
    objects = [*made.slices(), made.segments(), made.contours(), made.ecg(), made.report(), *made.others()]
    objects += [made.grey_slide(), made.film(), made.contours_without_images()]
    paths = [*(made.write(one, tmp_path) for one in objects), *made.slide(tmp_path)]
    paths.append(made.write(made.undecodable(), tmp_path, JPEG2000Lossless))
    offers = []
    for path in paths:
        description, findings = describe_file(path)
        assert description is not None, findings
        offers.append(Offer(description, path))
    assert {result.outcome.value for result in store_instances(offers, site=site, project="covid19", actor=SYSTEM)} == {
        "stored"
    }
    return open_page(client_of("curator"), viewport={"width": 1440, "height": 900})


def breaches(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": TAGS}).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def look(page: Page, series: str, rest: str = "") -> None:
    page.goto(f"/view/curation/{made.STUDY}/{series}/{rest}")


def wait_for_colour(page: Page, inside: str, x: float, y: float, test: str) -> None:
    """Until the colour at a place fits a condition on ``c``, three numbers."""
    page.wait_for_function(f"(where) => {{ const c = ({COLOUR})(where); return {test}; }}", arg=[inside, x, y])


def test_segments_and_contours_lie_over_the_images_they_were_drawn_on(curator: Page) -> None:
    look(curator, made.SEGMENTS)
    curator.wait_for_selector("#stage[data-state=shown]")
    expect(curator.locator("#number")).to_have_text(f"Slice 2 of {made.SLICES}")
    expect(curator.locator("#overlay")).to_contain_text("Left half")
    wait_for_colour(curator, "#stage", 0.4, 0.5, "c[1] > 80 && c[0] < 40 && c[2] < 40")
    wait_for_colour(curator, "#stage", 0.55, 0.5, "Math.max(...c) < 20")
    assert breaches(curator) == []
    curator.get_by_label("Left half").uncheck()
    wait_for_colour(curator, "#stage", 0.4, 0.5, "Math.max(...c) < 20")
    curator.get_by_label("Left half").check()
    wait_for_colour(curator, "#stage", 0.4, 0.5, "c[1] > 80")
    curator.keyboard.press("v")
    wait_for_colour(curator, "#stage", 0.4, 0.5, "Math.max(...c) < 20")

    look(curator, made.CONTOURS)
    curator.wait_for_selector("#stage[data-state=shown]")
    expect(curator.locator("#overlay")).to_contain_text("Red square")
    wait_for_colour(curator, "#stage", 0.5, 0.5, "c[0] > 20 && c[1] < 10")
    here = curator.locator("#number").text_content()
    curator.keyboard.press("ArrowDown" if here.startswith("Slice 1") else "ArrowUp")
    wait_for_colour(curator, "#stage", 0.5, 0.5, "Math.max(...c) < 10")
    curator.keyboard.press("n")
    expect(curator.locator("#number")).to_have_text(here)


def test_a_slide_is_drawn_tile_by_tile_and_its_label_never_asked_for(curator: Page) -> None:
    asked = []
    curator.on("request", lambda request: asked.append(request.url))
    look(curator, made.SLIDE)
    curator.wait_for_selector("#slide[data-state=shown]")
    expect(curator.locator("#slide-words")).to_have_text(
        "480 × 320 pixels, 4.8 × 3.2 mm, 3 levels, 10.0 µm a pixel, 1 label or overview picture not shown."
    )
    wait_for_colour(curator, "#slide", 0.45, 0.5, "c[0] > 180 && c[2] < 60")
    wait_for_colour(curator, "#slide", 0.55, 0.5, "c[2] > 180 && c[0] < 60")
    expect(curator.locator("#scale")).to_have_text("500 µm")
    assert breaches(curator) == []
    curator.locator("#slide").focus()
    before = float(curator.locator("#slide").get_attribute("data-zoom"))
    curator.keyboard.press("1")
    curator.wait_for_function(
        "(before) => Number(document.getElementById('slide').dataset.zoom) !== before", arg=before
    )
    curator.keyboard.press("ArrowRight")
    frames = [url for url in asked if "/frames/" in url]
    assert any(f"/instances/{made.SLIDE}.1/" in url and not url.endswith("/rendered") for url in frames)
    assert not any(f"/instances/{made.SLIDE}.4/" in url for url in frames)


def test_tiles_of_a_grey_slide_share_one_window(curator: Page) -> None:
    asked = []
    curator.on("request", lambda request: asked.append(request.url))
    look(curator, made.GREY_SLIDE)
    curator.wait_for_selector("#slide[data-state=shown]")
    wait_for_colour(curator, "#slide", 0.4, 0.5, "Math.max(...c) < 20")
    wait_for_colour(curator, "#slide", 0.6, 0.5, "Math.min(...c) > 235")
    windows = [url.partition("?window=")[2] for url in asked if "/rendered" in url]
    assert len(windows) > 1
    assert len(set(windows)) == 1
    assert windows[0].endswith(",linear-exact")


def test_tiles_that_do_not_come_just_now_are_not_called_undecodable(curator: Page, watch: Watch) -> None:
    watch.expected = ("status of 503", "status of 406", "failed to load")
    curator.route("**/rendered*", lambda route: route.fulfill(status=503))
    look(curator, made.GREY_SLIDE)
    expect(curator.locator("#slide-words")).to_contain_text("could not send the tiles")
    expect(curator.locator("#slide")).to_be_hidden()
    look(curator, made.FILM, "sheet/")
    curator.route("**/thumbnail*", lambda route: route.fulfill(status=503))
    curator.reload()
    expect(curator.locator("#sheet li").first).to_contain_text("Busy: try again")
    curator.route("**/thumbnail*", lambda route: route.fulfill(status=406, json={"reason": "isolation.crashed"}))
    curator.reload()
    expect(curator.locator("#sheet li").first).to_contain_text("The decoder fails on it")


def test_a_film_in_colour_has_images_and_no_window_and_plays_by_key(curator: Page) -> None:
    look(curator, made.FILM)
    curator.wait_for_selector("#stage[data-state=shown]")
    expect(curator.locator("#number")).to_have_text(f"Image 1 of {made.SLICES}")
    expect(curator.locator("#slices label")).to_have_text("Image")
    expect(curator.locator("#preset")).to_be_hidden()
    expect(curator.get_by_role("button", name="Scroll")).to_have_attribute("aria-pressed", "true")
    curator.keyboard.press("End")
    wait_for_colour(curator, "#stage", 0.5, 0.5, "c[2] > 150 && c[0] < 50")
    curator.keyboard.press("c")
    wait_for_colour(curator, "#stage", 0.5, 0.5, "c[0] > 150 && c[2] < 50")
    curator.keyboard.press("c")
    expect(curator.locator("#cine")).to_have_text("Play")


def test_what_cannot_be_drawn_is_said_to_be_kept(curator: Page, watch: Watch) -> None:
    watch.expected = ("status of 404", "status of 406")
    look(curator, made.LOST)
    expect(curator.locator("#problem-words")).to_contain_text("Drawn are: Red square.")
    expect(curator.get_by_role("link", name="Contact sheet")).to_have_count(0)
    curator.goto(f"/view/curation/{made.OTHER_STUDY}/{made.BROKEN}/")
    expect(curator.locator("#problem-words")).to_contain_text("kept as it was sent", timeout=DECODED_MS)
    curator.goto(f"/view/curation/{made.OTHER_STUDY}/{made.BROKEN}/sheet/")
    expect(curator.locator("#sheet-words")).to_have_text("The only image. Enter opens it.")
    expect(curator.locator("#sheet")).to_contain_text("No decoder for this syntax", timeout=DECODED_MS)


def test_curves_sheets_and_pages_of_every_kind(curator: Page) -> None:
    look(curator, made.ECG)
    curator.wait_for_selector("#curves[data-state=shown]")
    assert curator.locator(".rv-curve").count() == len(made.LEADS)
    # A pulse of 1 mV is 10 mm high; lead II has two.
    heights = curator.evaluate("[...document.querySelectorAll('.rv-curve')].map((path) => path.getBBox().height)")
    assert heights[:3] == pytest.approx([10, 20, 10], abs=0.1)
    width = curator.evaluate("document.querySelector('.rv-curve').getBBox().width")
    assert width == pytest.approx(999 / 100 * 25, abs=0.2)
    expect(curator.locator("#content")).to_contain_text("Sinus rhythm")
    curator.get_by_label("Layout").select_option("4x3")
    assert curator.locator(".rv-curve").count() == len(made.LEADS) + 1

    look(curator, made.CT, "sheet/")
    curator.wait_for_selector("#sheet[data-state=shown] img")
    assert curator.locator("#sheet a").count() == made.SLICES
    curator.locator("#sheet a").first.focus()
    curator.keyboard.press("End")
    assert curator.evaluate("document.activeElement.href").endswith(f"?slice={made.SLICES}")
    curator.get_by_label("Window").select_option("lung")
    assert "window=-600,1500" in curator.locator("#sheet img").first.get_attribute("src")

    found = {}
    pages = ((made.ECG, ""), (made.REPORT, ""), (made.STATE, ""), (made.CT, "sheet/"))
    for scheme, size in (("dark", 1440), ("light", 400)):
        curator.emulate_media(color_scheme=scheme)
        curator.set_viewport_size({"width": size, "height": 900})
        for series, rest in pages:
            look(curator, series, rest)
            curator.wait_for_load_state("networkidle")
            found[scheme, series, rest] = breaches(curator)
            assert curator.evaluate("document.documentElement.scrollWidth") <= size, (series, rest)
    assert {page: rules for page, rules in found.items() if rules} == {}
