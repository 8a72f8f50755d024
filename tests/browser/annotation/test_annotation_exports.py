"""A project manager takes reads and labels away: the page, and archives that the real server sends while they are made."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.browser.annotation import annotating
from tests.browser.annotation.annotating import own_task
from tests.browser.test_accessibility import breaches
from tests.support.reading import browser, person

from radcommons.server.annotation.services import reading
from radcommons.server.platform.policy import Role

Opener = Callable[..., Page]


def test_reads_are_downloaded_from_the_page_of_a_project(open_page: Opener, live_server_url: str) -> None:
    study = annotating.RADIOGRAPH
    project = annotating.project_of([study], annotating.every_geometry(), ["anna"])
    task = own_task(project, "anna")
    answer = {"id": "a", "label_id": "appearance", "target": {"study_instance_uid": study}, "value": "typical"}
    reading.open_task(task.key, window="w", actor=person("anna"))
    draft = reading.Draft("w", 1, 0, items=[answer], is_nothing_found=True)
    reading.submit_read(task.key, draft, actor=person("anna"))
    annotating.work_off()
    person("manager", Role.PROJECT_MANAGER)
    page = open_page(browser("manager"))
    page.goto(f"/annotation/projects/{project.slug}/")
    page.get_by_role("link", name="Export").click()
    expect(page.locator("h1")).to_have_text("Export reads and labels")
    assert breaches(page) == []
    photographed(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="COCO: reads", exact=True).click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        document = json.loads(archive.read("annotations.coco.json"))
        account = json.loads(archive.read("left-out.json"))
    assert download.value.suggested_filename == f"{project.slug}-coco.zip"
    assert [image["study_instance_uid"] for image in document["images"]] == [study]
    assert account["left_out"] == [{"count": 1, "message": "answers have no drawing, and COCO holds drawings only"}]


def photographed(page: Page) -> None:
    """Keep pictures of the page where somebody wants to look at it."""
    if folder := os.environ.get("RADCOMMONS_TEST_SCREENSHOTS"):
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            for width in (1280, 400):
                page.set_viewport_size({"width": width, "height": 900})
                page.screenshot(path=Path(folder) / f"exports-{theme}-{width}.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})
