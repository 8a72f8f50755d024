"""From blinded reads to a public version: three readers, an adjudicator, a manager; highdicom and OHIF see what was drawn."""

import io
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset
from tests.browser import phantoms
from tests.browser.annotation import annotating
from tests.browser.annotation.annotating import READY, drag, own_task, saved_items
from tests.browser.test_accessibility import breaches
from tests.support.batches import make_site
from tests.support.reading import READERS, browser, person
from tests.support.real_server import running_server
from tests.support.releases import ACTOR, clear_study, frozen_cohort, wish

from radcommons.dicom.instance import describe_file
from radcommons.server.annotation.models import PublishedObject, ReadingProject
from radcommons.server.archive.models import Instance
from radcommons.server.archive.services import announce_stored
from radcommons.server.archive.services.storing import Offer, store_instances
from radcommons.server.journey.services import deliver_pending
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.platform.policy import Role
from radcommons.server.platform.settings import settings
from radcommons.server.portal.viewer.ohif import installed
from radcommons.server.releases import services
from radcommons.server.releases.models import Release

Opener = Callable[..., Page]
# How many of 64 by 64 places of a canvas have a colour, and what was drawn over it.
COLOURED = """() => Math.max(0, ...[...document.querySelectorAll("canvas")].filter((canvas) => canvas.width > 300).map((canvas) => {
  const copy = document.createElement("canvas");
  copy.width = copy.height = 64;
  const context = copy.getContext("2d");
  context.drawImage(canvas, 0, 0, 64, 64);
  const { data } = context.getImageData(0, 0, 64, 64);
  const places = Array.from({ length: 64 * 64 }, (_, place) => data.slice(4 * place, 4 * place + 3));
  return places.filter((place) => Math.max(...place) - Math.min(...place) > 30).length;
}))"""
DRAWN = "svg.svg-layer line, svg.svg-layer path, svg.svg-layer polyline"


def elsewhere(what: Callable[[], Any]) -> Any:
    """Do something that waits; Playwright keeps an event loop in this thread."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(what).result()


@pytest.fixture(scope="module")
def live_server_url(transactional_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real application over one CT of a site whose agreement is in force, cleared."""
    site = make_site("ALPHA")
    offers = []
    for path in phantoms.write_study(tmp_path_factory.mktemp("ct"))[: phantoms.SLICES]:
        dataset = pydicom.dcmread(path)
        _mark(dataset)
        dataset.save_as(path)
        description, findings = describe_file(path)
        assert description is not None, findings
        offers.append(Offer(description, path))
    store_instances(offers, site=site, project="covid19", actor=ACTOR)
    announce_stored([phantoms.STUDY])
    clear_study(phantoms.STUDY)
    deliver_pending()
    with running_server() as url:
        yield url
    shutil.rmtree(settings().data_dir / "objects", ignore_errors=True)


def _mark(dataset: Dataset) -> None:
    """As a hospital's de-identifier leaves an image."""
    dataset.PatientID, dataset.FrameOfReferenceUID = "ALPHA-00000001", "2.25.1009"
    dataset.StudyDescription = "CHEST CT"
    dataset.PatientBirthDate = dataset.PatientSex = dataset.AccessionNumber = dataset.StudyID = dataset.StudyTime = ""
    dataset.ReferringPhysicianName = ""
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    codes = []
    for value in ("113100", "113105", "113107"):
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", "A de-identification option"
        codes.append(code)
    dataset.DeidentificationMethodCodeSequence = codes


@pytest.fixture
def project(live_server_url: str) -> ReadingProject:
    """Three readers and an adjudicator over the CT."""
    return annotating.project_of([phantoms.STUDY], annotating.every_geometry(), READERS, adjudicators=["judge"])


def read_case(page: Page, project: ReadingProject, *, answer: str, width: int) -> None:
    """One reader's read from the list to the submission: a mask, a contour, an answer, and a box or a reason in words."""
    page.goto("/annotation/reads/")
    card = page.locator(f"section[aria-labelledby=project-{project.slug}]")
    card.get_by_role("link", name="Begin").click()
    page.wait_for_selector(READY)
    page.wait_for_selector(annotating.SHOWN)
    page.keyboard.press("1")
    drag(page, (-width, 0), (width, 0))
    page.keyboard.press("2")
    drag(page, (-150, -120), (-60, -120), (-60, -40), (-150, -40), (-150, -118))
    if answer != "3":
        page.keyboard.press("3")
        drag(page, (60 + width, 60), (140 + width, 120))
    page.keyboard.press("q")
    page.keyboard.press(answer)
    if answer == "3":
        page.get_by_label("Why atypical").fill("On one side only.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/annotation/reads/")


def decide(page: Page, key: str, why: str) -> None:
    """Choose by key, say why, and decide."""
    if key:
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.keyboard.type(why)
    page.keyboard.press("Control+Enter")


def adjudicate(page: Page, project: ReadingProject) -> None:
    """Merge the masks, draw another box, say who is right about the appearance."""
    page.goto(f"/annotation/adjudication/?project={project.slug}")
    page.get_by_role("link", name="Case 1").click()
    page.wait_for_selector(READY)
    page.wait_for_selector(annotating.SHOWN)
    expect(page.locator("#label-name")).to_have_text("Opacity")
    decide(page, "8", "Two of three drew it.")
    expect(page.locator("#label-name")).to_have_text("Nodule box")
    page.keyboard.press("9")
    drag(page, (100, 60), (160, 110))
    expect(page.locator("#drawn")).to_have_text("1 drawn by you")
    decide(page, "", "None of the three is quite right.")
    expect(page.locator("#label-name")).to_have_text("Appearance on CT")
    values = page.locator("#values td").all_inner_texts()
    decide(page, str(values.index("Indeterminate appearance") + 1), "Bilateral, without a typical feature.")
    expect(page.locator("#completeness")).to_have_text("Everything is settled")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/annotation/adjudication/?project=*")


def publish(page: Page, project: ReadingProject) -> None:
    """Close the project, publish it, and read the account."""
    page.goto(f"/annotation/projects/{project.slug}/agreement/")
    expect(page.locator("main")).to_contain_text("Appearance on CT")
    page.goto(f"/annotation/projects/{project.slug}/")
    page.get_by_text("Close the project…").click()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Publish").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("main")).to_contain_text("0 of 4 readings")
    annotating.work_off()
    page.reload()
    expect(page.locator("main")).to_contain_text("4 stored")
    assert breaches(page) == []
    _shot(page, "publications")


def released() -> Release:
    """The curators read what a reader wrote in words and clear the study again; everything goes into a version."""
    deliver_pending()
    clear_study(phantoms.STUDY)
    deliver_pending()
    return services.publish(services.draft(wish("1.1.0"), frozen_cohort("annotated"), actor=ACTOR).pk, actor=ACTOR)


def voxels(reader: str) -> tuple[hd.seg.Segmentation, dict[str, Any]]:
    """A reader's segmentation as highdicom reads it, with the number of each segment by its label."""
    made = PublishedObject.objects.get(kind="seg", reading__reader=reader)
    instance = Instance.objects.get(sop_instance_uid=made.sop_instance_uid)
    data = b"".join(object_store().stream(instance_key(instance.sha256)))
    found = hd.seg.segread(io.BytesIO(data))
    return found, {str(one.SegmentLabel): int(one.SegmentNumber) for one in found.SegmentSequence}


def drawn(items: list[dict[str, Any]], label: str) -> tuple[str, np.ndarray]:
    """The image and the pixels of the mask that a reader's browser sent."""
    (shape,) = next(item["shapes"] for item in items if item["label_id"] == label)
    runs = shape["runs"]
    pixels = np.repeat(np.arange(len(runs)) % 2, runs).reshape(shape["rows"], shape["columns"])
    return shape["frame"]["sop_instance_uid"], pixels


def _shot(page: Page, name: str) -> None:
    if folder := os.environ.get("RADCOMMONS_TEST_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_blinded_reads_become_objects_of_a_public_version(open_page: Opener, project: ReadingProject) -> None:
    person("manager", Role.PROJECT_MANAGER)
    for name, answer, width in zip(READERS, "123", (20, 60, 100), strict=True):
        page = open_page(browser(name))
        read_case(page, project, answer=answer, width=width)
        assert own_task(project, name).state == "submitted"
        page.close()
    annotating.work_off()
    adjudicate(open_page(browser("judge")), project)
    annotating.work_off()
    publish(open_page(browser("manager")), project)
    release = elsewhere(released)

    # Four readings: three readers and the consensus, each with masks, a contour and a report.
    assert release.instances == phantoms.SLICES + 4 * 3
    (told,) = json.loads(_file(release, "provenance.json"))["annotations"]
    assert (told["readers"], told["consensus_readings"], told["consensus"]["decisions"]) == (3, 1, 3)
    for name in READERS:
        task = own_task(project, name)
        found, numbers = voxels(task.reader.pseudonym)
        image, pixels = drawn(saved_items(task), "mask")
        read_back = found.get_pixels_by_source_instance([image], segment_numbers=[numbers["Opacity"]])[0, :, :, 0]
        assert pixels.sum() > 0
        assert np.array_equal(read_back, pixels)
        assert set(numbers) == {"Opacity", "Consolidation"}
    consensus, numbers = voxels("consensus")
    assert consensus.get_pixels_by_source_instance([image], segment_numbers=[numbers["Opacity"]]).any()
    _seen_in_ohif(open_page(viewport={"width": 1440, "height": 900}), release)


def _file(release: Release, path: str) -> bytes:
    return b"".join(object_store().stream(release.files.get(path=path).object_key))


def _seen_in_ohif(page: Page, release: Release) -> None:
    """A reader's segmentation and report open over the CT they were made of, and a report without a drawing as text."""
    if installed(Path(settings().viewer_dir)) is None:
        pytest.skip("OHIF is not installed (make viewer)")
    page.set_default_timeout(60_000)
    page.goto(f"/view/releases/{release.slug}/{release.version}/studies/{phantoms.STUDY}/ohif/")
    # The CT is grey: what has a colour was laid over it.
    _open_until(page, "SEG", lambda: page.evaluate(COLOURED) > 20)
    _shot(page, "ohif-seg")
    made = page.locator("[data-cy=study-browser-thumbnail-no-image]").all_inner_texts()
    assert [re.search(r"^(\w+)[^:]*: (R\d|con)", " ".join(words.split())).groups() for words in made] == [
        (modality, reader) for modality in ("SEG", "RTSTRUCT", "SR") for reader in ("R1", "R2", "R3", "con")
    ]
    _open_until(page, "SR", lambda: page.locator(DRAWN).count() > 0)
    _shot(page, "ohif-sr")
    _open_until(page, "SR", lambda: page.get_by_text("On one side only.").is_visible(), reader="R3")
    assert page.get_by_text("went wrong").count() == 0
    _shot(page, "ohif-sr-text")


def _open_until(page: Page, modality: str, is_shown: Callable[[], bool], *, reader: str = "R1") -> None:
    """Open a reader's series as a person does: once more when OHIF, still busy with another, let the click go."""
    series = page.locator("[data-cy=study-browser-thumbnail-no-image]")
    for _ in range(6):
        series.filter(has_text=modality).filter(has_text=f": {reader}").first.dblclick()
        # Polled from here: the page's policy forbids the evaluation of strings inside it.
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if is_shown():
                return
            page.wait_for_timeout(250)
    pytest.fail(f"the {modality} was opened six times and never shown")
