"""OHIF on a reading task: its brush paints into the reader's own read, pixel by pixel, and the page of the case has it."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.browser import phantoms
from tests.browser.annotation import annotating
from tests.browser.annotation.annotating import own_task, saved_items
from tests.support.reading import browser, item

from radcommons.server.annotation.models import Task
from radcommons.server.annotation.services import reading
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.settings import settings
from radcommons.server.portal.viewer.ohif import installed
from radcommons.transfer.annotation.geometry import shape_from_json
from radcommons.transfer.annotation.raster import mask_of_runs, outline_pixels
from radcommons.transfer.annotation.untyped import Node

LOOPS = """async ([rows, columns, pixels, geometry]) => {
  const { asShapes } = await import("/viewer/reading/labelmaps.js");
  const { runsOfPixels } = await import("/static/annotation/raster.js");
  const runs = runsOfPixels(Uint8Array.from(pixels));
  return asShapes(geometry, [{ frame: { sop_instance_uid: "1.2", frame_number: 1 }, rows, columns, runs }]);
}"""


def drawn_before(task: Task) -> None:
    """A box of 20 by 10 pixels that the reader painted on the first image."""
    member = task.case.members.select_related("instance__series").order_by("instance__instance_number").first()
    assert member is not None
    instance = member.instance
    runs = [512 * 100 + 100]
    for _ in range(10):
        runs += [20, 492]
    runs[-1] = 512 * 512 - sum(runs[:-1])
    frame = {"sop_instance_uid": instance.sop_instance_uid, "frame_number": 1}
    mask = {"geometry": "mask", "frame": frame, "rows": 512, "columns": 512, "runs": runs}
    target = {"series_instance_uid": instance.series.series_instance_uid}
    drawn = item("m", "mask", phantoms.STUDY, target=target, shapes=[mask])
    actor = actor_of_user(task.reader.user)
    reading.open_task(task.key, window="w", actor=actor)
    reading.save_read(task.key, reading.Draft("w", 1, 0, items=[drawn], note="Before."), actor=actor)
    reading.release_lease(task.key, window="w", actor=actor)


def pixels_of(task: Task) -> np.ndarray:
    """What is painted on the images, added up."""
    shapes = [shape for one in saved_items(task) for shape in one["shapes"]]
    return sum(mask_of_runs(shape_from_json(Node(shape, "shape"))).astype(int) for shape in shapes)


def painted(page: Page, task: Task) -> None:
    """Paint until the server has it: a viewer that is still busy lets go of the mouse, and people try again."""
    deadline = time.monotonic() + 90
    while len(saved_items(task)) < 2 and time.monotonic() < deadline:
        page.mouse.move(640, 300)
        page.mouse.down()
        page.mouse.move(650, 305, steps=2)
        page.mouse.up()
        patience = time.monotonic() + 8
        while len(saved_items(task)) < 2 and time.monotonic() < patience:
            page.wait_for_timeout(250)


def test_what_is_painted_in_ohif_is_in_the_read_and_what_was_there_stays(
    open_page: Callable[..., Page], live_server_url: str
) -> None:
    if installed(Path(settings().viewer_dir)) is None:
        pytest.skip("OHIF is not installed (make viewer)")
    project = annotating.project_of([phantoms.STUDY], annotating.every_geometry())
    task = own_task(project)
    drawn_before(task)
    page = open_page(browser("anna"))
    annotating.open_task(page, task)
    before = pixels_of(task)
    page.goto(page.get_attribute("#ohif", "href") or "")
    panel = page.locator("radcommons-read")
    page.wait_for_selector("radcommons-read > [data-state]", timeout=60_000)
    panel.get_by_role("button", name="Another finding: Opacity").click()
    expect(panel.get_by_role("note")).to_contain_text("Opacity: paint on the image", timeout=60_000)
    painted(page, task)
    items = saved_items(task)
    assert [one["label_id"] for one in items] == ["mask", "mask"]
    assert items[0]["id"] == "m"
    assert (pixels_of(task) >= before).all()
    assert pixels_of(task).sum() > before.sum() + 50
    assert task.revisions.latest("number").body["reading"]["note"] == "Before."
    panel.get_by_role("link", name="Questions and submit").click()
    page.wait_for_selector(annotating.READY)
    expect(page.locator("#findings > li")).to_have_count(2)


def test_outlines_of_painted_pixels_cover_exactly_these_pixels(
    open_page: Callable[..., Page], live_server_url: str
) -> None:
    person = own_task(annotating.project_of([phantoms.STUDY], annotating.every_geometry()))
    page = open_page(browser("anna"))
    annotating.open_task(page, person)
    lot = np.random.default_rng(5)
    pixels = (lot.random((24, 30)) < 0.6).astype(int)
    pixels[4:20, 5:25] = 1
    pixels[8:16, 9:20] = 0
    pixels[10:13, 12:16] = 1
    shapes = page.evaluate(LOOPS, [24, 30, pixels.ravel().tolist(), "freehand"])
    covered = outline_pixels([shape_from_json(Node(shape, "shape")) for shape in shapes], 24, 30)
    assert any(shape["is_hole"] for shape in shapes)
    assert (covered == pixels.astype(bool)).all()
