"""The pages around reading: nothing that a machine can object to, light and dark, and none wider than a telephone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect
from tests.browser import phantoms
from tests.browser.annotation import annotating
from tests.browser.annotation.annotating import own_task
from tests.browser.test_accessibility import breaches
from tests.support.reading import browser, person
from tests.support.studies import OPERATOR

from radcommons.server.annotation.rules.states import ProjectVerb
from radcommons.server.annotation.services import projects, reading
from radcommons.server.annotation.services.agreeing import compute_agreement
from radcommons.server.annotation.services.consensus import ConsensusMethod, derive_consensus
from radcommons.server.platform.policy import Role

Opener = Callable[..., Page]
WIDTH = 400
WIDEST = "[...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth && !one.closest('.rc-scroll')).map((one) => one.outerHTML.slice(0, 90))"
INKS = "[...document.querySelectorAll('.rc-chart-canvas svg text')].map((words) => words.getAttribute('fill'))"
TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"


def test_pages_of_managers_and_readers_have_no_breach_and_fit_a_telephone(
    open_page: Opener, live_server_url: str, watch: Any
) -> None:
    # The page of a read that ended is answered with 410, which browsers write down.
    watch.expected = ("status of 410",)
    project = annotating.project_of(
        [annotating.RADIOGRAPH, phantoms.STUDY], annotating.every_geometry(), ("anna", "bert")
    )
    for name, look in (("anna", "typical"), ("bert", "atypical")):
        _read(own_task(project, name, annotating.RADIOGRAPH).key, name, look)
    begun = own_task(project, "anna", phantoms.STUDY)
    reading.open_task(begun.key, window="w", actor=person("anna"))
    reading.save_read(begun.key, reading.Draft("w", 1, 0, items=[]), actor=person("anna"))
    derive_consensus(project, ConsensusMethod.DAWID_SKENE, "appearance", actor=OPERATOR)
    compute_agreement(project.pk)
    person("manager", Role.PROJECT_MANAGER)
    root = f"/annotation/projects/{project.slug}/"
    case = project.cases.get(study_instance_uid=annotating.RADIOGRAPH)
    manager = open_page(browser("manager"), viewport={"width": WIDTH, "height": 800}, reduced_motion="reduce")
    own = ("", f"cases/{case.key}/", "consensus/", "agreement/")
    found = _looked_at(manager, [*(root + rest for rest in own), "/annotation/projects/new/", "/annotation/projects/"])
    sending = [
        "/annotation/uploads/new/",
        f"{root}results/",
        f"{root}exports/",
        "/annotation/schemas/edit/?ready=co-rads",
    ]
    found |= _looked_at(manager, sending)
    projects.move_project(project, ProjectVerb.CLOSE, actor=OPERATOR)
    reader = open_page(browser("anna"), viewport={"width": WIDTH, "height": 800}, reduced_motion="reduce")
    found |= _looked_at(reader, ["/annotation/reads/", "/annotation/reads/figures/", f"/annotation/tasks/{begun.key}/"])
    assert found == {}


def test_files_that_are_too_large_are_told_before_they_are_sent(
    open_page: Opener, live_server_url: str, tmp_path: Path
) -> None:
    person("manager", Role.PROJECT_MANAGER)
    page = open_page(browser("manager"))
    page.goto("/annotation/uploads/new/")
    large, small = tmp_path / "large.json", tmp_path / "small.json"
    small.write_text("{}")
    with large.open("wb") as file:
        file.truncate(2**28)
    control = page.locator("[name=sent]")
    said = "control => control.validationMessage"
    control.set_input_files(large)
    assert "'radcommons annotation import'" in control.evaluate(said)
    control.set_input_files(small)
    assert control.evaluate(said) == ""


def test_a_schema_is_written_at_once_with_as_many_labels_as_it_needs(open_page: Opener, live_server_url: str) -> None:
    person("manager", Role.PROJECT_MANAGER)
    page = open_page(browser("manager"), reduced_motion="reduce")
    page.goto("/annotation/schemas/edit/")
    page.fill("[name=name]", "written")
    page.fill("[name=title]", "Written")
    for number, (name, words) in enumerate({"look": "Look", "why": "Why"}.items()):
        if number:
            page.get_by_role("button", name="Add another label").click()
            expect(page.locator(f"[name=label-{number}-group]")).to_be_focused()
        for field, text in {"group": "Exam", "id": name, "name": words}.items():
            page.fill(f"[name=label-{number}-{field}]", text)
    page.select_option("[name=label-1-kind]", "text")
    page.fill("[name=label-1-required_if]", "look")
    page.keyboard.press("Tab")
    expect(page.locator("#preview")).to_contain_text("written/1, 2 labels")
    expect(page.locator("#preview")).to_contain_text("required if look")
    assert breaches(page) == []
    page.get_by_role("button", name="Save as the next version").click()
    page.wait_for_url("**/annotation/schemas/written/1/")


def _looked_at(page: Page, addresses: list[str]) -> dict[str, list[str]]:
    """What is wrong with pages: light as they open, dark with all parts unfolded."""
    wrong: dict[str, list[str]] = {}
    for address in addresses:
        page.emulate_media(color_scheme="light")
        page.goto(address)
        is_too_wide = page.evaluate(TOO_WIDE)
        light, inks = breaches(page), page.evaluate(INKS)
        page.emulate_media(color_scheme="dark")
        # Charts are drawn again in the colours of the night, without loading the page anew.
        page.wait_for_function(f"inks => {INKS}.every((ink, at) => ink !== inks[at])", arg=inks)
        page.evaluate("document.querySelectorAll('main details').forEach((part) => { part.open = true; })")
        is_too_wide |= page.evaluate(TOO_WIDE)
        if found := [*light, *breaches(page), *(["is too wide", *page.evaluate(WIDEST)] if is_too_wide else [])]:
            wrong[address] = found
    return wrong


def _read(task: str, name: str, look: str) -> None:
    target = {"study_instance_uid": annotating.RADIOGRAPH}
    items = [
        {"id": "a", "label_id": "appearance", "target": target, "value": look},
        {"id": "w", "label_id": "why", "target": target, "value": "Upper lobes."},
    ]
    actor = person(name)
    reading.open_task(task, window="w", actor=actor)
    items = items if look == "atypical" else items[:1]
    reading.submit_read(task, reading.Draft("w", 1, 0, items=items, is_nothing_found=True), actor=actor)
