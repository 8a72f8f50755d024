"""A closed reading project whose readers drew on a CT and answered, ready to be published, in a site with an agreement."""

from pathlib import Path
from typing import Any

from tests.support.batches import make_site, uid
from tests.support.reading import READERS, chest_schema, item, label, make_project, submit
from tests.support.releases import clear_study
from tests.support.studies import OPERATOR, store_study

from radcommons.server.annotation.models import Case, Publication, ReadingProject
from radcommons.server.annotation.rules.states import ProjectVerb
from radcommons.server.annotation.services import projects
from radcommons.server.annotation.services.publishing import begin_publication, publish_case, waiting_cases
from radcommons.server.annotation.services.settling import settle_case
from radcommons.server.archive.models import Instance
from radcommons.server.archive.services import announce_stored
from radcommons.server.journey.services import deliver_pending
from radcommons.server.sites.models import Site

STUDIES = tuple(uid("study", f"case-{number}") for number in range(2))
SLICES = 3


def schema() -> dict[str, Any]:
    """Labels about the study, a mask, a contour, a box and a measured line."""
    plain = chest_schema()
    plain["groups"][0]["labels"] += [
        label("lesion", scope="region", geometry="polygon"),
        label("longest", scope="region", geometry="line"),
    ]
    return plain


def image(number: int, slice_number: int = 2) -> str:
    """The SOP Instance UID of a slice of a case."""
    return uid("instance", f"case-{number}", 1, slice_number)


def shape(number: int, geometry: str, points: list[list[float]]) -> dict[str, Any]:
    """Points on the middle slice."""
    return {"geometry": geometry, "points": points, "frame": {"sop_instance_uid": image(number), "frame_number": 1}}


def mask(number: int, top: int, height: int) -> dict[str, Any]:
    """Columns 3 to 8 of some rows of the middle slice, 16 by 16 pixels."""
    runs = [top * 16 + 3]
    for _ in range(height):
        runs += [6, 10]
    runs[-1] = 16 * 16 - sum(runs[:-1])
    frame = {"sop_instance_uid": image(number), "frame_number": 1}
    return {"geometry": "mask", "frame": frame, "rows": 16, "columns": 16, "runs": runs}


def read(number: int, *, appearance: str = "typical", shift: int = 0) -> list[dict[str, Any]]:
    """A read of a case with something of every sort."""
    study, series = STUDIES[number], {"series_instance_uid": uid("series", f"case-{number}", 1)}
    corners = [[2.25, 2.0], [9.5, 3.0 + shift / 4], [5.0, 9.75]]

    def drawn(name: str, label_id: str, what: dict[str, Any]) -> dict[str, Any]:
        return item(name, label_id, study, target=series, shapes=[what])

    return [
        item("a", "appearance", study, appearance),
        item("g", "grade", study, "mild"),
        drawn("m", "opacity", mask(number, 4 + shift, 6)),
        drawn("p", "lesion", shape(number, "polygon", corners)),
        drawn("b", "nodule", shape(number, "box", [[2.0, 2.0], [9.0, 9.0]])),
        drawn("l", "longest", shape(number, "line", [[1.0, 1.0], [12.0, 12.5]])),
    ]


def store_cases(folder: Path) -> Site:
    """Two studies of a site whose agreement is in force, cleared."""
    site = Site.objects.filter(code="ALPHA").first() or make_site("ALPHA")
    for number, study in enumerate(STUDIES):
        store_study(
            folder, f"case-{number}", slices=SLICES, PatientID=f"ALPHA-{number:08}", StudyDescription="CHEST CT"
        )
        announce_stored([study])
        clear_study(study)
    deliver_pending()
    return site


def finished_project(folder: Path, *, closes: bool = True, slug: str = "chest-reads", note: str = "") -> ReadingProject:
    """Three readers agree on the appearance of the first case and on none of the second one's, which nobody decides."""
    store_cases(folder)
    # Its own files of the same instances come too late: the archive has them, and may hold the very files.
    late = folder / "late"
    late.mkdir()
    project = make_project(late, studies=2, schema=schema(), slug=slug)
    for name, shift in zip(READERS, (0, 0, 1), strict=True):
        submit(name, STUDIES[0], read(0, shift=shift))
    for name, appearance in zip(READERS, ("typical", "atypical", "negative"), strict=True):
        items = read(1, appearance=appearance)
        items[0]["note"] = note if name == READERS[0] else ""
        submit(name, STUDIES[1], items)
    for case in Case.objects.filter(project=project):
        settle_case(case.pk)
    return projects.move_project(project, ProjectVerb.CLOSE, actor=OPERATOR) if closes else project


def instances_of_kind(modality: str) -> list[Instance]:
    """What the archive holds of a modality."""
    return list(Instance.objects.filter(series__modality=modality, state="stored").order_by("sop_instance_uid"))


def publish(project: ReadingProject) -> Publication:
    """The whole of it, as the worker would do it."""
    publication = begin_publication(project, actor=OPERATOR)
    for case_id in waiting_cases(publication):
        publish_case(publication.pk, case_id, actor=OPERATOR)
    publication.refresh_from_db()
    return publication
