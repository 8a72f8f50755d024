"""A reading project in a real browser: stored studies, a schema of every geometry, readers with accounts."""

import json
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from tests.support.reading import label, person
from tests.support.studies import OPERATOR

from radcommons.apps import worker
from radcommons.dicom.instance import describe_file
from radcommons.server.annotation.models import ReadingProject, Task
from radcommons.server.annotation.rules.states import Duty, ProjectVerb
from radcommons.server.annotation.rules.wishes import ProjectWish
from radcommons.server.annotation.services import projects, schemas
from radcommons.server.archive.services.storing import Offer, store_instances
from radcommons.server.platform.policy import Role
from radcommons.server.sites import services as sites
from radcommons.transfer.annotation.record import Method

CHOICES = ("Typical", "Indeterminate", "Atypical", "Negative")
GEOMETRIES = ("mask", "freehand", "box", "polygon", "line", "point", "angle", "ellipse")
RADIOGRAPH, SECOND_RADIOGRAPH, TWO_SERIES = "2.25.1002", "2.25.1003", "2.25.1004"
READY = "body[data-state=ready]"
SHOWN = "[data-part=stage][data-state=shown]"


def every_geometry() -> dict[str, Any]:
    """A schema with a label of each geometry and a question of each kind."""
    looks = [
        {"id": name.lower(), "name": f"{name} appearance", "help": f"When it looks {name.lower()}."} for name in CHOICES
    ]
    signs = [{"id": name, "name": name.capitalize()} for name in ("halo", "cavity", "effusion")]
    names = ("Opacity", "Consolidation", "Nodule box", "Cavity", "Diameter", "Tip of the tube", "Cobb angle", "Nodule")
    drawn = [
        label(geometry, scope="region", geometry=geometry, name=name)
        for geometry, name in zip(GEOMETRIES, names, strict=True)
    ]
    atypical = [{"label_id": "appearance", "values": ["atypical"]}]
    unit = {"scheme": "UCUM", "value": "%", "meaning": "percent"}
    asked = [
        label("appearance", "one_of", value={"choices": looks}, is_required=True, name="Appearance on CT"),
        label("signs", "many_of", value={"choices": signs}, name="Signs"),
        label("extent", "number", value={"minimum": 0, "maximum": 100, "unit": unit}, name="Extent"),
        label(
            "why", "text", required_if=atypical, name="Why atypical", help="Which feature speaks against the others."
        ),
        label("quality", "one_of", "series", value={"choices": signs[:2]}, name="Quality"),
    ]
    groups = [
        {"id": "regions", "name": "Regions", "labels": drawn},
        {"id": "exam", "name": "Examination", "labels": asked},
    ]
    plain = {"format": "radcommons.label-schema/1", "name": "every", "version": 1, "title": "Every geometry"}
    return {**plain, "groups": groups}


def store(paths: Sequence[Path], code: str = "ALPHA") -> None:
    """Put files into the archive as a site's."""
    site = sites.add_site(code, name="Alpha Hospital", country="BE", actor=OPERATOR)
    offers = []
    for path in paths:
        description, findings = describe_file(path)
        assert description is not None, findings
        offers.append(Offer(description, path))
    results = store_instances(offers, site=site, project="covid19", actor=OPERATOR)
    assert {result.outcome.value for result in results} == {"stored"}


def project_of(
    study_instance_uids: Sequence[str], definition: dict[str, Any], readers: Sequence[str] = ("anna",), **wish: Any
) -> ReadingProject:
    """A started project of its own over stored studies, under a name that no other test has."""
    slug = f"reads-{uuid.uuid4().hex[:8]}"
    schema = schemas.add_schema({**definition, "name": slug}, actor=OPERATOR)
    judges = wish.pop("adjudicators", ())
    asked = ProjectWish(
        slug=slug,
        title="Chest reads",
        schema_name=schema.name,
        schema_version=schema.version,
        source_kind="named",
        source_name=",".join(study_instance_uids),
        **{"readers_per_case": len(readers), "seed": 7, **wish},
    )
    project = projects.create_project(asked, actor=OPERATOR)
    for names, duty, role in ((readers, Duty.READ, Role.READER), (judges, Duty.ADJUDICATE, Role.ADJUDICATOR)):
        for name in names:
            person(name, role)
            projects.add_member(project, name, duty, method=Method.RETROSPECTIVE_EXPERT, actor=OPERATOR)
    return projects.move_project(project, ProjectVerb.START_READING, actor=OPERATOR)


def own_task(project: ReadingProject, name: str = "anna", study_instance_uid: str = "") -> Task:
    """Somebody's read in a project, of one study or the first of the list."""
    rows = project.tasks.filter(reader__user__username=name).order_by("position")
    return (rows.filter(case__study_instance_uid=study_instance_uid) if study_instance_uid else rows)[0]


def open_task(page: Page, task: Task) -> None:
    """The reading page, its first image seen."""
    page.goto(f"/annotation/tasks/{task.key}/")
    page.wait_for_selector(READY)
    page.wait_for_selector(SHOWN)


def saved_items(task: Task) -> list[dict[str, Any]]:
    """What the server has of a read, shapes put in."""
    revision = task.revisions.order_by("-number").first()
    assert revision is not None
    shapes = {row.sha256: json.loads(row.body) for row in task.shapes.all()}
    return [
        {**item, "shapes": [shapes[shape["sha256"]] for shape in item["shapes"]]}
        for item in revision.body["reading"]["items"]
    ]


def work_off() -> None:
    """Do all waiting jobs; in a thread of its own, as Playwright keeps an event loop in this one."""
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(worker.run_until_idle).result()


def until_saved(page: Page) -> None:
    """Save now and wait until the server has it."""
    page.keyboard.press("Control+s")
    page.wait_for_selector("#saved[data-state=saved]")


def middle(page: Page) -> tuple[float, float]:
    """The middle of the image on the screen."""
    box = page.locator("[data-part=canvas]").first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, *places: tuple[float, float]) -> None:
    """Press, move through places given from the middle of the image in screen pixels, and let go."""
    x, y = middle(page)
    page.mouse.move(x + places[0][0], y + places[0][1])
    page.mouse.down()
    for dx, dy in places[1:]:
        page.mouse.move(x + dx, y + dy, steps=3)
    page.mouse.up()
