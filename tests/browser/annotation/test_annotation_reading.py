"""The reading page in a real browser: drawing by mouse and by keys, answers, what is kept of them."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect
from tests.browser import phantoms
from tests.browser.annotation import annotating
from tests.browser.annotation.annotating import drag, open_task, own_task, saved_items, until_saved
from tests.browser.test_accessibility import breaches
from tests.support.reading import browser, label
from tests.support.studies import OPERATOR

from radcommons.server.annotation.models import ReadingProject, Task
from radcommons.server.annotation.rules.hanging import Hanging
from radcommons.server.annotation.rules.states import TaskKind
from radcommons.server.annotation.rules.wishes import Blinding
from radcommons.server.annotation.services.modelling import ModelRead, record_model_reads
from radcommons.transfer.annotation.geometry import FrameReference, Geometry, Outline, shape_from_json
from radcommons.transfer.annotation.raster import mask_of_runs, outline_pixels, runs_of_mask
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.untyped import Node

Opener = Callable[..., Page]
SMALL_SCREEN = {"width": 800, "height": 1000}


def opened(open_page: Opener, project: ReadingProject, study: str = phantoms.CT, **options: Any) -> tuple[Page, Task]:
    """A reader's window on their first case."""
    task = own_task(project)
    page = open_page(browser("anna"), **options)
    open_task(page, task)
    return page, task


@pytest.fixture
def ct(live_server_url: str) -> ReadingProject:
    """A project over the CT with everything that can be drawn and asked."""
    return annotating.project_of([phantoms.STUDY], annotating.every_geometry())


def shapes_by_label(task: Task) -> dict[str, list[Any]]:
    return {item["label_id"]: item["shapes"] for item in saved_items(task)}


def pixels_of(shape: dict[str, Any]) -> np.ndarray:
    return mask_of_runs(shape_from_json(Node(shape, "shape")))


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_radiograph_is_read_by_keyboard_alone(open_page: Opener, live_server_url: str) -> None:
    studies = [annotating.RADIOGRAPH, annotating.SECOND_RADIOGRAPH]
    project = annotating.project_of(studies, annotating.every_geometry())
    page, task = opened(open_page, project)
    press(page, "3", "Enter", *["Shift+ArrowRight"] * 3, *["Shift+ArrowDown"] * 2, "ArrowDown", "Enter")
    press(page, "4", "Enter", "Shift+ArrowLeft", "Enter", "Shift+ArrowUp", "Enter", "Enter")
    press(page, "6", "Enter")
    expect(page.locator("#findings > li")).to_have_count(3)
    press(page, "q", "3")
    expect(page.get_by_label("Atypical appearance")).to_be_checked()
    press(page, "q", "1", "3", "q")
    page.keyboard.type("40")
    press(page, "Tab")
    page.keyboard.type("Seen with keys.")
    press(page, "Escape", "m")
    page.keyboard.type("A note.")
    press(page, "Control+Enter")
    page.wait_for_url(lambda url: task.key not in url)
    task.refresh_from_db()
    assert task.state == "submitted"
    answers = {item["label_id"]: item["value"] for item in saved_items(task)}
    assert (answers["appearance"], answers["signs"], answers["extent"]) == ("atypical", ["halo", "effusion"], 40)
    assert answers["why"] == "Seen with keys."
    shapes = shapes_by_label(task)
    assert shapes["box"][0]["points"] == [[200, 200], [230, 221]]
    assert shapes["polygon"][0]["points"] == [[230, 221], [220, 221], [220, 211]]
    assert shapes["point"][0]["points"] == [[220, 211]]
    revision = task.submission
    assert revision is not None
    assert revision.body["reading"]["note"] == "A note."
    assert 0 < revision.active_seconds < 60


def test_the_key_of_a_grade_is_the_grade(open_page: Opener, live_server_url: str) -> None:
    project = annotating.project_of([annotating.RADIOGRAPH], ready_schema("midrc-mrale").to_json())
    page, task = opened(open_page, project)
    caps = page.locator("[data-question=extent_right] kbd").all_inner_texts()
    assert caps == ["0", "1", "2", "3", "4"]
    for grade in ("4", "2", "0", "0"):
        press(page, "q", grade)
    expect(page.locator("#answer-mrale")).to_have_text("8")
    until_saved(page)
    said = {item["label_id"]: item["value"] for item in saved_items(task)}
    parts = {"extent_right": "gt75", "density_right": "moderate", "extent_left": "none", "density_left": "none"}
    assert said == parts | {"mrale": 8}


def test_images_are_asked_for_before_the_rest_of_the_page_is_here(open_page: Opener, ct: ReadingProject) -> None:
    page, task = open_page(browser("anna")), own_task(ct)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/annotation/panel.js", hold)
    with page.expect_request("**/series/*/metadata"):
        page.goto(f"/annotation/tasks/{task.key}/", wait_until="commit")
    expect(page.locator(annotating.SHOWN)).to_have_count(0)
    for route in held:
        route.continue_()
    page.wait_for_selector(annotating.SHOWN)


# Twelve frames of one pixel; how many were asked for while the store rested, and how many came afterwards.
RESTING = """async () => {
  const { FrameStore } = await import("/static/reading/frames.js");
  const format = { rows: 1, columns: 1, samples: 1, photometric: "MONOCHROME2", bitsAllocated: 16, bitsStored: 16, transferSyntaxUid: "1.2.840.10008.1.2.1" };
  const images = Array.from({ length: 12 }, () => ({ format }));
  const pause = () => new Promise((done) => setTimeout(done, 20));
  const store = new FrameStore(() => {});
  let asked = 0;
  store.open(images, () => (asked++, "/static/portal/icon.svg"));
  store.focus(0, 1);
  while (store.loadedCount < 1) { store.rest(); await pause(); }
  const resting = asked;
  while (store.loadedCount < images.length) await pause();
  store.close();
  return [resting, asked];
}"""


def test_what_is_read_ahead_waits_while_slices_are_leafed_through(open_page: Opener, ct: ReadingProject) -> None:
    page, _ = opened(open_page, ct)
    assert page.evaluate(RESTING) == [1, 12]


def test_the_value_under_the_pointer_is_that_of_the_slice_and_lengths_can_be_taken_back(
    open_page: Opener, ct: ReadingProject
) -> None:
    page, _ = opened(open_page, ct)
    press(page, "r")
    drag(page, (0, 0), (60, 0))
    canvas = page.locator("[data-part=canvas]")
    box = canvas.bounding_box()
    assert box is not None
    # On the bone, which lies elsewhere in the last slice.
    x, y = annotating.middle(page)
    page.mouse.move(x, y + (0.69 - 0.5) * min(box["width"], box["height"]))
    value = page.locator("[data-part=value]")
    expect(value).to_contain_text("HU")
    first = value.inner_text()
    press(page, "End")
    expect(page.locator("[data-part=number]")).to_have_text(f"Slice {phantoms.SLICES} of {phantoms.SLICES}")
    expect(value).to_contain_text("HU")
    assert {first.split()[0], value.inner_text().split()[0]} == {"700", "40"}
    press(page, "Home")
    expect(page.locator("[data-part=number]")).to_contain_text("Slice 1 of")
    measured = canvas.screenshot()
    press(page, "Delete")
    page.wait_for_timeout(200)
    assert canvas.screenshot() != measured
    page.get_by_role("button", name="Invert grey").click()
    expect(page.locator("[data-part=invert]")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Reset the view").click()
    expect(page.locator("[data-part=invert]")).to_have_attribute("aria-pressed", "false")


def test_looking_needs_no_other_tool_than_the_one_that_draws(open_page: Opener, ct: ReadingProject) -> None:
    page, task = opened(open_page, ct)
    seen = page.locator("[data-part=window], [data-part=zoom]")
    press(page, "4")
    before, points = seen.all_inner_texts(), ((0, 0), (30, 20), (60, 60))
    x, y = annotating.middle(page)
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x + 40, y + 30)
    page.mouse.up(button="right")
    expect(seen.first).not_to_have_text(before[0])
    page.keyboard.down("Control")
    drag(page, *points)
    page.keyboard.up("Control")
    expect(seen.last).not_to_have_text(before[1])
    corner = "document.querySelector('[data-part=stage]').dataset.tool"
    page.keyboard.down(" ")
    drag(page, *points)
    page.keyboard.up(" ")
    expect(page.locator("[data-part=cine]")).to_have_attribute("aria-pressed", "false")
    assert page.evaluate(corner) == "draw"
    until_saved(page)
    assert not task.revisions.exists()


def test_two_fingers_zoom_while_a_tool_draws_and_leave_no_point(open_page: Opener, ct: ReadingProject) -> None:
    page, task = opened(open_page, ct, has_touch=True)
    press(page, "4")
    x, y = annotating.middle(page)
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x + left, "y": y + top, "id": number} for number, (left, top) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def tap(left: float, top: float) -> None:
        fingers("touchStart", (left, top))
        fingers("touchEnd")

    zoom = page.locator("[data-part=zoom]")
    before = zoom.inner_text()
    tap(0, 0)
    fingers("touchStart", (-20, 0))
    fingers("touchStart", (-20, 0), (20, 0))
    fingers("touchMove", (-60, 0), (60, 0))
    fingers("touchEnd")
    expect(zoom).not_to_have_text(before)
    tap(60, 0)
    tap(60, 60)
    tap(0, 0)
    until_saved(page)
    shapes = [len(shape["points"]) for item in saved_items(task) for shape in item["shapes"]]
    assert shapes == [3]


def test_every_geometry_is_drawn_by_mouse_and_kept(open_page: Opener, ct: ReadingProject) -> None:
    page, task = opened(open_page, ct)
    drawings = {
        "1": [(-150, 0), (-100, 0)],
        "2": [(-60, -60), (0, -90), (40, -40), (-20, -20)],
        "3": [(60, 60), (120, 110)],
        "5": [(0, 0), (70, 0)],
        "8": [(-140, 60), (-60, 120)],
    }
    for key, places in drawings.items():
        page.keyboard.press(key)
        drag(page, *places)
    page.keyboard.press("4")
    x, y = annotating.middle(page)
    for dx, dy in ((100, -100), (160, -100), (160, -40), (100, -100)):
        page.mouse.click(x + dx, y + dy)
    page.keyboard.press("6")
    page.mouse.click(x + 200, y)
    page.keyboard.press("7")
    for dx, dy in ((-200, 100), (-200, 160), (-140, 160)):
        page.mouse.click(x + dx, y + dy)
    expect(page.locator("#findings > li")).to_have_count(8)
    until_saved(page)
    shapes = shapes_by_label(task)
    assert {name: [shape["geometry"] for shape in drawn] for name, drawn in shapes.items()} == {
        name: [name] for name in annotating.GEOMETRIES
    }
    (x0, y0), (x1, y1) = shapes["line"][0]["points"]
    assert y0 == pytest.approx(y1, abs=0.5)
    length = phantoms.SPACING_MM * np.hypot(x1 - x0, y1 - y0)
    assert len(shapes["polygon"][0]["points"]) == 3
    arm, vertex, other = (np.array(point) for point in shapes["angle"][0]["points"])
    assert np.dot(arm - vertex, other - vertex) == pytest.approx(0, abs=20)
    major_from, major_to, minor_from, minor_to = (np.array(point) for point in shapes["ellipse"][0]["points"])
    assert np.linalg.norm(major_to - major_from) > np.linalg.norm(minor_to - minor_from)
    assert 15 < length < 120


def test_masks_are_painted_erased_and_limited_to_values(open_page: Opener, ct: ReadingProject) -> None:
    page, task = opened(open_page, ct)
    page.keyboard.press("1")
    drag(page, (-40, 0), (40, 0))
    expect(page.locator("#findings > li")).to_have_count(1)
    until_saved(page)
    painted = pixels_of(shapes_by_label(task)["mask"][0])
    page.keyboard.press("e")
    drag(page, (-5, -30), (-5, 30))
    until_saved(page)
    erased = pixels_of(shapes_by_label(task)["mask"][0])
    assert 0 < erased.sum() < painted.sum()
    assert not (erased & ~painted).any()
    press(page, "n", "t")
    page.locator("#low").fill("-900")
    page.locator("#high").fill("-800")
    press(page, "Escape")
    # From the heart into the left lung: only the lung's pixels are taken.
    drag(page, (0, 0), (160, -10))
    until_saved(page)
    body = phantoms.body()
    chosen = pixels_of(saved_items(task)[1]["shapes"][0])
    assert chosen.sum() > 50
    assert set(body[chosen].tolist()) == {-850}
    press(page, "Control+z", "Control+z", "Control+z")
    expect(page.locator("#findings > li")).to_have_count(0)
    press(page, *["Control+Shift+z"] * 3)
    until_saved(page)
    assert (pixels_of(saved_items(task)[0]["shapes"][0]) == erased).all()


def test_outlines_are_edited_point_by_point_and_steps_taken_back(open_page: Opener, ct: ReadingProject) -> None:
    page, task = opened(open_page, ct)
    press(page, "4", "Enter", *["Shift+ArrowRight"] * 2, "Enter", *["Shift+ArrowDown"] * 2, "Enter", "Enter", "v")
    until_saved(page)
    first = shapes_by_label(task)["polygon"][0]["points"]
    assert first == [[256, 256], [276, 256], [276, 276]]
    press(page, "]", "ArrowLeft", "ArrowLeft", "a", "ArrowUp", "]", "Backspace")
    until_saved(page)
    assert shapes_by_label(task)["polygon"][0]["points"] == [[254, 256], [265, 255], [276, 276]]
    press(page, "Escape", "j", *["Control+z"] * 4)
    until_saved(page)
    assert shapes_by_label(task)["polygon"][0]["points"] == first
    press(page, "j", "Shift+ArrowRight")
    until_saved(page)
    assert shapes_by_label(task)["polygon"][0]["points"] == [[x + 10, y] for x, y in first]
    press(page, "Shift+Delete")
    expect(page.locator("#findings > li")).to_have_count(0)


def test_contours_and_masks_are_filled_between_slices_and_copied(open_page: Opener, ct: ReadingProject) -> None:
    page, task = opened(open_page, ct)
    for key in ("4", "1"):
        page.keyboard.press("Home")
        page.keyboard.press(key)
        for size in (40, 80):
            if key == "4":
                x, y = annotating.middle(page)
                corners = ((-size, -size), (size, -size), (size, size), (-size, size), (-size, -size))
                for dx, dy in corners:
                    page.mouse.click(x + dx, y + dy)
            else:
                drag(page, (-size, 0), (size, 0))
            press(page, *["PageDown"] * 4)
        page.keyboard.press("u")
    press(page, "c")
    until_saved(page)
    shapes = shapes_by_label(task)
    contours = shapes["polygon"]
    assert [shape["is_interpolated"] for shape in contours].count(True) == 3
    widths = {shape["frame"]["sop_instance_uid"]: np.ptp([x for x, _ in shape["points"]]) for shape in contours}
    ordered = [widths[f"{phantoms.CT}.{number}"] for number in range(1, 6)]
    assert ordered == sorted(ordered)
    assert ordered[2] == pytest.approx((ordered[0] + ordered[4]) / 2, rel=0.05)
    counts = {shape["frame"]["sop_instance_uid"]: pixels_of(shape).sum() for shape in shapes["mask"]}
    grown = [counts[f"{phantoms.CT}.{number}"] for number in range(1, 6)]
    assert grown == sorted(grown)
    assert grown[0] < grown[2] < grown[4]


def test_the_browser_makes_the_same_pixels_as_the_server(open_page: Opener, ct: ReadingProject) -> None:
    page, _ = opened(open_page, ct)
    lot = np.random.default_rng(5)
    frame = FrameReference("1.2.3")
    shapes = [
        Outline(Geometry.POLYGON, tuple(map(tuple, (lot.random((count, 2)) * 44 - 2).round(2).tolist())), frame)
        for count in (3, 4, 5, 9, 40)
    ]
    shapes.append(Outline(Geometry.BOX, ((3.5, 2.5), (20.5, 30.0)), frame))
    shapes.append(Outline(Geometry.ELLIPSE, ((5.3, 20.1), (35.2, 22.7), (19.0, 12.0), (21.5, 30.8)), frame))
    ours = [list(runs_of_mask(outline_pixels([shape], 40, 37), frame).runs) for shape in shapes]
    script = """async (shapes) => {
      const raster = await import("/static/annotation/raster.js");
      return shapes.map((shape) => {
        const runs = raster.runsOfPixels(raster.pixelsOfShape(shape, 40, 37));
        const again = raster.runsOfPixels(raster.pixelsOfRuns(runs, 40, 37));
        return runs.join() === again.join() ? runs : "not exact";
      });
    }"""
    assert page.evaluate(script, [shape.to_json() for shape in shapes]) == ours
    full, empty = page.evaluate(
        """async () => {
          const { runsOfPixels } = await import("/static/annotation/raster.js");
          return [runsOfPixels(new Uint8Array(6).fill(1)), runsOfPixels(new Uint8Array(6))];
        }"""
    )
    assert (full, empty) == ([0, 6], [6])


def test_what_is_missing_is_said_and_nothing_found_is_an_answer(open_page: Opener, ct: ReadingProject) -> None:
    page, task = opened(open_page, ct)
    page.keyboard.press("Control+Enter")
    missing = page.locator("#missing li")
    expect(missing).to_have_text(
        ["Nothing is drawn: say “nothing found” or draw what there is", "Appearance on CT: choose an answer"]
    )
    press(page, "Escape", "f")
    expect(missing).to_have_count(1)
    missing.get_by_role("button").click()
    page.keyboard.press("3")
    expect(missing).to_have_text(["Why atypical: write an answer"])
    page.get_by_label("Why atypical").fill("No reason.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/annotation/reads/**")
    task.refresh_from_db()
    assert task.submission is not None
    assert task.submission.body["reading"]["is_nothing_found"] is True


def test_a_drawn_label_with_a_value_asks_for_it_and_is_kept_without(open_page: Opener, live_server_url: str) -> None:
    kinds = [{"id": name, "name": name} for name in ("solid", "ground-glass")]
    nodule = label("nodule", "one_of", "region", geometry="point", value={"choices": kinds})
    groups = [
        {"id": "all", "name": "All", "labels": [nodule, label("size", "integer", value={"minimum": 0, "maximum": 9})]}
    ]
    plain = {"format": "radcommons.label-schema/1", "version": 1, "title": "Nodules"}
    project = annotating.project_of([phantoms.STUDY], {**plain, "groups": groups})
    page, task = opened(open_page, project)
    press(page, "1", "Enter", "Escape", "Escape")
    page.get_by_label("Size").fill("12")
    until_saved(page)
    assert saved_items(task) == []
    page.reload()
    page.wait_for_selector(annotating.READY)
    expect(page.locator("#findings > li")).to_have_count(1)
    expect(page.get_by_label("Size")).to_have_value("12")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#missing li")).to_have_text(["Nodule: choose an answer", "Size: enter at most 9"])
    page.get_by_role("combobox", name="Nodule").select_option("solid")
    page.get_by_label("Size").fill("7")
    until_saved(page)
    assert [item["value"] for item in saved_items(task)] == ["solid", 7]


def test_statistics_of_a_region_are_those_of_its_pixels(open_page: Opener, ct: ReadingProject) -> None:
    page, task = opened(open_page, ct)
    press(page, "3", "Enter", *["Shift+ArrowLeft"] * 12, *["Shift+ArrowUp"] * 3, "Enter")
    words = page.locator(".is-picked .an-statistics")
    expect(words).to_have_text(re.compile(r"mm²$"))
    until_saved(page)
    (x0, y0), (x1, y1) = shapes_by_label(task)["box"][0]["points"]
    values = phantoms.body()[int(y0) : int(y1), int(x0) : int(x1)]
    area = values.size * phantoms.SPACING_MM**2
    mean, deviation = round(float(values.mean())), round(float(values.std()))
    expect(words).to_have_text(f"mean {mean:,} ± {deviation:,} HU · {round(area):,} mm²")


def test_a_training_case_shows_the_answer_beside_the_read(open_page: Opener, live_server_url: str) -> None:
    target = {"study_instance_uid": phantoms.STUDY}
    answer = [{"id": "r", "label_id": "appearance", "target": target, "value": "typical"}]
    definition = annotating.every_geometry()
    studies = [phantoms.STUDY, annotating.RADIOGRAPH]
    project = annotating.project_of(studies, definition, training={phantoms.STUDY: answer})
    task = own_task(project, study_instance_uid=phantoms.STUDY)
    page = open_page(browser("anna"))
    open_task(page, task)
    expect(page.locator("#case-words")).to_have_text("Training case")
    press(page, "f", "q", "2", "Control+Enter")
    row = page.locator("#feedback-rows tr")
    expect(row).to_have_text(["Appearance on CTIndeterminate appearanceTypical appearance≠ differs"])
    expect(page.locator("#submit-words")).to_have_text("Next case")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: task.key not in url)
    expect(page.locator("#case-words")).to_have_text(re.compile("^Case"))


def test_an_earlier_study_hangs_beside_and_is_not_drawn_on(open_page: Opener, live_server_url: str) -> None:
    studies = [annotating.RADIOGRAPH, annotating.SECOND_RADIOGRAPH]
    hanging = Hanging.from_mapping({"layout": "prior", "windows": [{"name": "Bones", "center": 600, "width": 900}]})
    shown = Blinding(shows_priors=True)
    project = annotating.project_of(studies, annotating.every_geometry(), hanging=hanging, blinding=shown)
    task = own_task(project, study_instance_uid=annotating.RADIOGRAPH)
    page = open_page(browser("anna"))
    open_task(page, task)
    panes = page.locator(".an-pane")
    expect(panes).to_have_count(2)
    expect(panes.nth(1)).to_contain_text("Earlier study")
    expect(panes.nth(0).locator("[data-part=window]")).to_have_text("Window 900, level 600")
    press(page, "Shift+2")
    expect(panes.nth(0).locator("[data-part=preset]")).to_have_value("auto")
    press(page, "6", "`", "Enter")
    expect(page.locator("#findings > li")).to_have_count(0)
    press(page, "`", "Enter")
    expect(page.locator("#findings > li")).to_have_count(1)


def test_proposed_findings_are_accepted_or_rejected(open_page: Opener, live_server_url: str) -> None:
    study = annotating.RADIOGRAPH
    project = annotating.project_of([study], annotating.every_geometry(), task_kind=TaskKind.REVIEW)
    frame = {"sop_instance_uid": f"{study}.1.1", "frame_number": 1}
    target = {"study_instance_uid": study}
    boxes = [
        {
            "id": f"b{number}",
            "label_id": "box",
            "target": {**target, "series_instance_uid": f"{study}.1"},
            "value": True,
            "shapes": [{"geometry": "box", "points": [[9 * number, 9], [9 * number + 40, 60]], "frame": frame}],
        }
        for number in (1, 2)
    ]
    looks = {"id": "a", "label_id": "appearance", "target": target, "value": "typical"}
    record_model_reads(project, "Finder 1.0", [ModelRead(study, [*boxes, looks])], actor=OPERATOR)
    page, task = opened(open_page, project)
    expect(page.locator("#proposals > li")).to_have_count(3)
    expect(page.locator("#proposals > li").last).to_contain_text("Typical appearance")
    press(page, "Control+Enter")
    expect(page.locator("#missing li")).to_contain_text(["Accept or reject 3 more proposed findings"])
    press(page, "y", "x", "y")
    assert breaches(page) == []
    press(page, "Control+Enter")
    page.wait_for_url("**/annotation/reads/")
    items = saved_items(task)
    assert sorted(item["label_id"] for item in items) == ["appearance", "box"]
    assert next(item for item in items if item["label_id"] == "box")["id"] == "M1.b1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_reading_page_has_no_breach_in_any_state(open_page: Opener, ct: ReadingProject, scheme: str) -> None:
    page, _ = opened(open_page, ct, color_scheme=scheme)
    assert breaches(page) == []
    page.keyboard.press("1")
    drag(page, (-40, 0), (40, 0))
    page.keyboard.press("t")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#missing")).to_be_visible()
    assert breaches(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    assert breaches(page) == []
    page.keyboard.press("Escape")
    page.set_viewport_size(SMALL_SCREEN)
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    assert page.locator("[data-part=canvas]").bounding_box()["height"] > 300


def test_two_series_of_a_case_stand_side_by_side_and_are_drawn_on_each_for_itself(
    open_page: Opener, live_server_url: str
) -> None:
    hanging = Hanging.from_mapping({"layout": "two", "cine_fps": 20})
    project = annotating.project_of([annotating.TWO_SERIES], annotating.every_geometry(), hanging=hanging)
    page, task = opened(open_page, project)
    panes = page.locator("#panes > *")
    expect(panes).to_have_count(2)
    expect(page.locator("[data-part=stage][data-state=shown]")).to_have_count(2)
    names = [panes.nth(index).locator("[data-part=series]").input_value() for index in (0, 1)]
    assert len(set(names)) == 2
    for index in (0, 1):
        panes.nth(index).locator("[data-part=stage]").focus()
        press(page, "3", "Enter", *["Shift+ArrowRight"] * 2, *["Shift+ArrowDown"] * 2, "Enter")
    expect(page.locator("#findings > li")).to_have_count(2)
    until_saved(page)
    series = {item["target"]["series_instance_uid"] for item in saved_items(task)}
    assert series == {f"{annotating.TWO_SERIES}.{number}" for number in (1, 2)}


def test_a_fault_of_the_page_is_told_in_words_for_its_reader(open_page: Opener, ct: ReadingProject) -> None:
    page = open_page(browser("anna"))
    page.add_init_script("delete window.ResizeObserver")
    page.goto(f"/annotation/tasks/{own_task(ct).key}/")
    expect(page.locator("#banner-words")).to_contain_text("This page could not be laid out.")
