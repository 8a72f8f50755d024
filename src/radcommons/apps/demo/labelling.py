"""The demonstration's readers at work: they read some of the invented studies, differ, are adjudicated; it is published.

One project stays open half read, with a case for whoever signs in as a reader and one for the adjudicator.

Only invented images are read so: nobody's own images get labels that no radiologist gave them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from radcommons.apps.demo.centre_steps import DUTIES, MRALE, PEOPLE, SLUG, WISH
from radcommons.server.annotation.errors import NothingToPublishError
from radcommons.server.annotation.models import Case, PublishedObject, Reader, ReadingProject, Task
from radcommons.server.annotation.queries.adjudication import seen_digest
from radcommons.server.annotation.rules.states import (
    DONE,
    WRITABLE,
    CaseState,
    Duty,
    OutcomeState,
    ProjectState,
    ProjectVerb,
    Verdict,
)
from radcommons.server.annotation.rules.wishes import ProjectWish
from radcommons.server.annotation.services import adjudicating, publishing, reading
from radcommons.server.annotation.services import projects as reading_projects
from radcommons.server.annotation.services.adjudicating import Ruling
from radcommons.server.annotation.services.consensus import ConsensusMethod, derive_consensus
from radcommons.server.annotation.services.schemas import add_schema
from radcommons.server.annotation.services.settling import settle_case
from radcommons.server.archive.models import Instance
from radcommons.server.catalog.models import CatalogSeries, Cohort
from radcommons.server.catalog.rules import CatalogQuery
from radcommons.server.catalog.services import freeze_cohort
from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.releases import services as releases
from radcommons.server.releases.models import Release, ReleaseState
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.record import Method

VERSION = "1.1.0"
COHORT = f"{SLUG}-annotated"
# Name, title, schema, modalities and how many studies of them; small ones first.
READ = (
    ("demonstration-opacities", "Opacities of the demonstration", "ricord-1a", ("CT",), 2),
    ("demonstration-radiographs", "Radiographs of the demonstration", "ricord-1c", ("DX", "CR"), 2),
)
# What is derived beside what readers and adjudicators say, where the schema has the label.
DERIVED = (
    (ConsensusMethod.MAJORITY, "appearance"),
    (ConsensusMethod.DAWID_SKENE, "appearance"),
    (ConsensusMethod.STAPLE, "infectious_opacity"),
)
# Extent and density of mRALE, right and left, from case to case; by how much a reader's extents differ, and on which cases.
GRADES = ((2, 2, 1, 1), (1, 1, 1, 1), (0, 0, 0, 0), (3, 2, 3, 2), (1, 1, 0, 0))
STRICTER = {"R2": (1, 3), "R3": (2, 1)}
LEFT_TO_READ, LEFT_READER = 2, "R1"
LOOKS = (("typical", "typical", "indeterminate"), ("typical", "indeterminate", "atypical"))
CORNERS = 24
# Of the size of the image: where a reader draws, how large, and by how much the next reader differs.
CENTRE, RADIUS, STEP = (0.32, 0.5), 0.06, 0.003
DRAWN_SLICES = 3


@dataclass(frozen=True, slots=True)
class Labelled:
    """What came of it, by kind of object."""

    objects: dict[str, int]


def label(manager: str) -> Labelled:
    """Have the projects made, read, adjudicated, closed and published; what an earlier run did is found done."""
    actor = actor_of_user(accounts.actor_named(manager))
    for index, (slug, title, schema_name, modalities, count) in enumerate(READ):
        project = ReadingProject.objects.filter(slug=slug).first() or _make(
            ProjectWish(slug, title, schema_name, 1, "studies", ",".join(_studies(modalities, count)), seed=index + 1),
            actor,
        )
        if project is None:
            continue
        if project.state != ProjectState.CLOSED:
            _read_all(project)
            _derive(project, actor)
            project = reading_projects.move_project(project, ProjectVerb.CLOSE, actor=actor)
        _publish(project, actor)
    _read_half(ReadingProject.objects.filter(slug=MRALE).first())
    kinds = PublishedObject.objects.filter(reading__case__project__slug__in=[row[0] for row in READ])
    names = list(kinds.values_list("kind", flat=True))
    return Labelled({kind: names.count(kind) for kind in sorted(set(names))})


def _studies(modalities: Sequence[str], count: int) -> list[str]:
    rows = CatalogSeries.objects.filter(modality__in=modalities).order_by("instance_count", "pk")
    if "CT" in modalities:
        rows = rows.filter(instance_count__gt=DRAWN_SLICES)
    return list(dict.fromkeys(rows.values_list("study__study_instance_uid", flat=True)))[:count]


def _make(wish: ProjectWish, actor: Actor) -> ReadingProject | None:
    if not wish.source_name:
        return None
    schema = add_schema(ready_schema(wish.schema_name).to_json(), actor=actor)
    project = reading_projects.create_project(replace(wish, schema_version=schema.version), actor=actor)
    for name, role in PEOPLE:
        if role in DUTIES:
            method = Method.RETROSPECTIVE_EXPERT
            reading_projects.add_member(project, name, DUTIES[role], method=method, actor=actor)
    return reading_projects.move_project(project, ProjectVerb.START_READING, actor=actor)


def _read_all(project: ReadingProject) -> None:
    cases = list(project.cases.order_by("study_instance_uid"))
    for task in Task.objects.filter(project=project, state__in=WRITABLE).select_related("reader__user", "case"):
        reader = int(task.reader.pseudonym[1:]) - 1
        look = LOOKS[cases.index(task.case) % len(LOOKS)][reader % len(LOOKS[0])]
        actor = _person(task.reader)
        items = [*_answers(task.case, look, project.schema.name), *_drawings(task.case, reader, project.schema.name)]
        reading.open_task(task.key, window="demonstration", actor=actor)
        reading.submit_read(task.key, reading.Draft("demonstration", 1, 0, items=items), actor=actor)
    judge = _person(project.readers.select_related("user").get(duty=Duty.ADJUDICATE))
    for case in cases:
        if settle_case(case.pk) is CaseState.DISPUTED:
            _decide(case, judge)


def _derive(project: ReadingProject, actor: Actor) -> None:
    labels = {label.id for label in ready_schema(project.schema.name).labels}
    for method, label_id in DERIVED:
        if label_id in labels:
            derive_consensus(project, method, label_id, actor=actor)


def _read_half(project: ReadingProject | None) -> None:
    """All but the last cases of one reader's list; one of the cases on which they differ is decided."""
    if project is None or project.tasks.filter(state__in=DONE).exists():
        return
    cases = list(project.cases.order_by("study_instance_uid"))
    left = [case.pk for case in cases[-LEFT_TO_READ:]]
    for task in project.tasks.filter(state__in=WRITABLE).select_related("reader__user", "case"):
        if task.reader.pseudonym == LEFT_READER and task.case_id in left:
            continue
        items = _grades(task.case, cases.index(task.case), task.reader.pseudonym)
        actor = _person(task.reader)
        reading.open_task(task.key, window="demonstration", actor=actor)
        reading.submit_read(task.key, reading.Draft("demonstration", 1, 0, items=items), actor=actor)
    states = {case.pk: settle_case(case.pk) for case in cases if case.pk not in left}
    disputed = [case for case in cases if states.get(case.pk) is CaseState.DISPUTED]
    if len(disputed) > 1:
        _decide(disputed[0], _person(project.readers.select_related("user").get(duty=Duty.ADJUDICATE)))


def _grades(case: Case, number: int, reader: str) -> list[dict[str, Any]]:
    """Scores of one reader by mRALE: the same density for all, the right extent a little or much larger on some cases."""
    grades = GRADES[number % len(GRADES)]
    more, every = STRICTER.get(reader, (0, 1))
    target = {"study_instance_uid": case.study_instance_uid}
    found = []
    labels = [label for label in ready_schema("midrc-mrale").labels if label.value.choices][: len(grades)]
    for label, grade in zip(labels, grades, strict=True):
        is_stricter = label.id == "extent_right" and grade and number % every == 0
        choice = label.value.choices[min(grade + (more if is_stricter else 0), len(label.value.choices) - 1)]
        found.append({"id": label.id, "label_id": label.id, "target": target, "value": choice.id})
    return found


def _person(reader: Reader) -> Actor:
    if reader.user is None:
        raise NotFoundError
    return actor_of_user(reader.user)


def _answers(case: Case, look: str, schema_name: str) -> list[dict[str, Any]]:
    target = {"study_instance_uid": case.study_instance_uid}
    said = {"appearance": look} | ({"grading": "mild"} if schema_name == "ricord-1c" else {})
    return [{"id": name, "label_id": name, "target": target, "value": value} for name, value in said.items()]


def _drawings(case: Case, reader: int, schema_name: str) -> list[dict[str, Any]]:
    """A round contour on the middle slices of a CT, a little larger from reader to reader."""
    if schema_name != "ricord-1a":
        return []
    own = case.members.values("instance")
    series = CatalogSeries.objects.filter(study=case.study, modality="CT").order_by("-instance_count", "pk")[0].series
    slices = list(Instance.objects.filter(pk__in=own, series=series).order_by("instance_number", "pk"))
    first = (len(slices) - DRAWN_SLICES) // 2
    shapes = [
        {
            "geometry": "freehand",
            "frame": {"sop_instance_uid": one.sop_instance_uid, "frame_number": 1},
            "points": _round(one.columns or 1, one.rows or 1, RADIUS + STEP * reader),
        }
        for one in slices[first : first + DRAWN_SLICES]
    ]
    target = {"study_instance_uid": case.study_instance_uid, "series_instance_uid": series.series_instance_uid}
    return [{"id": "opacity", "label_id": "infectious_opacity", "target": target, "value": True, "shapes": shapes}]


def _round(columns: int, rows: int, radius: float) -> list[list[float]]:
    """Points on 64ths of a pixel, which every format keeps."""
    angles = [2 * math.pi * corner / CORNERS for corner in range(CORNERS)]
    return [
        [
            round((CENTRE[0] + radius * math.cos(angle)) * columns * 64) / 64,
            round((CENTRE[1] * rows + radius * math.sin(angle) * columns) * 64) / 64,
        ]
        for angle in angles
    ]


def _decide(case: Case, judge: Actor) -> None:
    case.refresh_from_db()
    for outcome in case.outcomes.filter(state=OutcomeState.DISPUTED).order_by("pk"):
        ruling = Ruling(
            label=outcome.label,
            verdict=Verdict.PICK,
            seen=seen_digest(case),
            rationale="Demonstration: the second column is taken.",
            columns=("B",),
        )
        adjudicating.decide(case.key, ruling, actor=judge)


def _publish(project: ReadingProject, actor: Actor) -> None:
    try:
        publication = publishing.begin_publication(project, actor=actor)
    except NothingToPublishError:
        return
    for case_id in publishing.waiting_cases(publication):
        publishing.publish_case(publication.pk, case_id, actor=actor)


def publish_version(manager: str) -> Release:
    """Freeze images and annotations into a cohort and publish it as the next version."""
    actor = actor_of_user(accounts.actor_named(manager))
    release = Release.objects.filter(slug=SLUG, version=VERSION).first()
    if release is None:
        cohort = Cohort.objects.filter(name=COHORT).first() or freeze_cohort(COHORT, CatalogQuery(), actor=actor)
        wish = replace(WISH, version=VERSION, changes="Expert annotations of some studies, as DICOM and as a table.")
        release = releases.draft(wish, cohort, actor=actor)
    return release if release.state == ReleaseState.PUBLISHED else releases.publish(release.pk, actor=actor)
