"""OHIF shows a study of a scope through that scope's own DICOMweb root."""

import os
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page
from tests.browser import phantoms
from tests.support.releases import ACTOR, clear_study, frozen_cohort, wish

from radcommons.server.platform.settings import settings
from radcommons.server.portal.viewer.ohif import installed
from radcommons.server.releases import services
from radcommons.server.sites import services as sites
from radcommons.server.sites.models import Site

# The brightest of all canvases, drawn into 64 by 64 pixels: a canvas that is merely there proves nothing.
BRIGHT = """() => Math.max(0, ...[...document.querySelectorAll("canvas")].filter((canvas) => canvas.width).map((canvas) => {
  const copy = document.createElement("canvas");
  copy.width = copy.height = 64;
  const context = copy.getContext("2d");
  context.drawImage(canvas, 0, 0, 64, 64);
  const { data } = context.getImageData(0, 0, 64, 64);
  return data.filter((value, index) => index % 4 === 0 && value > 90).length;
}))"""


@pytest.fixture
def ohif() -> None:
    """OHIF's files; without them there is nothing to look at."""
    if installed(Path(settings().viewer_dir)) is None:
        pytest.skip("OHIF is not installed (make viewer)")


def _wait_for_pixels(page: Page) -> None:
    # Polled from here: the page's policy forbids the evaluation of strings inside it.
    deadline = time.monotonic() + 60
    while page.evaluate(BRIGHT) <= 200 and time.monotonic() < deadline:
        page.wait_for_timeout(250)
    assert page.evaluate(BRIGHT) > 200


def test_ohif_shows_a_ct_and_asks_only_the_roots_of_its_scope(curator_page: Page, ohif: None) -> None:
    asked: list[str] = []
    curator_page.on("request", lambda request: asked.append(request.url))
    curator_page.goto(f"/view/curation/studies/{phantoms.STUDY}/ohif/")
    _wait_for_pixels(curator_page)
    if folder := os.environ.get("RADCOMMONS_TEST_SCREENSHOTS"):
        curator_page.screenshot(path=Path(folder) / "ohif.png")
    assert f"/viewer/s/curation/viewer?StudyInstanceUIDs={phantoms.STUDY}" in curator_page.url
    dicomweb = [url for url in asked if "/dicom-web/" in url]
    assert dicomweb
    assert all("/dicom-web/curation/studies" in url for url in dicomweb)


def test_a_stranger_cannot_open_ohif_on_a_closed_scope(open_page: Callable[..., Page], stored_study: str) -> None:
    page = open_page()
    answer = page.goto(f"/view/curation/studies/{stored_study}/ohif/")
    assert "/accounts/login/" in page.url or answer.status == 404


def test_ohif_shows_a_published_study_to_anybody(open_page: Callable[..., Page], stored_study: str, ohif: None) -> None:
    site = Site.objects.get()
    signature = sites.Signature("covid19", "Prof. S. Ignatory", "Director", date(2020, 3, 1), "CC-BY-4.0")
    sites.sign_agreement(site, signature, actor=ACTOR)
    clear_study(stored_study)
    release = services.publish(services.draft(wish(), frozen_cohort(), actor=ACTOR).pk, actor=ACTOR)
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/view/releases/{release.slug}/{release.version}/studies/{stored_study}/ohif/")
    _wait_for_pixels(page)
    root = f"/dicom-web/releases/{release.slug}/{release.version}/studies"
    assert all(root in url for url in asked if "/dicom-web/" in url)
