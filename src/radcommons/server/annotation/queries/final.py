"""The labels of a project as they stand: each case as one reading, made of outcomes and decisions."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from radcommons import __version__
from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.models import Case, LabelSchema, Outcome, ReadingProject
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queries.readings import readings_of
from radcommons.server.annotation.rules.contents import with_computed
from radcommons.server.annotation.rules.lots import Lot
from radcommons.server.annotation.rules.merging import merged_items
from radcommons.server.annotation.rules.planning import FIRST
from radcommons.server.annotation.rules.states import DONE, CaseState, OutcomeState, Phase, ProjectState, ReaderKind
from radcommons.server.archive.models import Instance
from radcommons.transfer.annotation.geometry import Geometry
from radcommons.transfer.annotation.record import Item, Method, Reading, ReadingFlag, Target
from radcommons.transfer.annotation.schema import Label, Scope, ValueKind
from radcommons.transfer.annotation.untyped import Node

CONSENSUS = "consensus"
DEFAULT_TRAINING = 5
SETTLED = (CaseState.AGREED, CaseState.DECIDED)


def reader_readings(project: ReadingProject) -> Iterator[Reading]:
    """Every submission that counts, training left out, by case and reader."""
    rows = project.tasks.filter(state__in=DONE).exclude(phase=Phase.TRAINING)
    tasks = list(rows.select_related("submission", "reader").order_by("case_id", "reader__pseudonym", "occasion"))
    for start in range(0, len(tasks), 200):
        found = readings_of(tasks[start : start + 200])
        yield from (found[task.pk] for task in tasks[start : start + 200] if task.pk in found)


def final_readings(project: ReadingProject) -> Iterator[Reading]:
    """One reading for each case that is settled: what its readers agree on, and what was decided."""
    for case in project.cases.filter(state__in=SETTLED).select_related("project__schema").order_by("pk"):
        yield final_reading(case)


def training_answers(
    past: ReadingProject, schema: LabelSchema, instances: QuerySet[Instance], count: int | None
) -> dict[str, object]:
    """Answers of training cases: what a closed project of the same schema settled on, of studies that some instances are of.

    Raises
    ------
    ProjectInvalidError
        When the project was of another schema, or has settled none of those studies.
    """
    if past.schema_id != schema.pk or past.state != ProjectState.CLOSED:
        raise ProjectInvalidError("Training cases come from a closed project of the same version of the schema.")
    held = instances.values("series__study")
    cases = past.cases.filter(state__in=SETTLED, study__in=held).select_related("project__schema")
    chosen = Lot(f"{past.seed}/training").sample(list(cases.order_by("pk")), count or DEFAULT_TRAINING)
    if not chosen:
        raise ProjectInvalidError("That project has settled none of the studies of this one.")
    return {case.study_instance_uid: [item.to_json() for item in final_reading(case).items] for case in chosen}


def final_reading(case: Case) -> Reading:
    """What the readers of one settled case agree on, and what was decided."""
    schema = schema_value(case.project.schema)
    rows = case.tasks.filter(state__in=DONE, occasion=FIRST).exclude(reader__kind=ReaderKind.MODEL)
    readings = list(readings_of(rows.select_related("submission", "reader").order_by("reader__pseudonym")).values())
    items: list[Item] = []
    flags: tuple[ReadingFlag, ...] = ()
    for outcome in case.outcomes.order_by("pk"):
        label = schema.label(outcome.label)
        if label is None:
            flags, whole = _of_whole_case(outcome, readings)
            items += whole
        else:
            items += _of_label(label, outcome, readings, case)
    reading = Reading(
        id=case.key,
        study_instance_uid=case.study_instance_uid,
        reader=CONSENSUS,
        method=Method.RETROSPECTIVE_EXPERT,
        schema=schema.reference,
        items=tuple(items),
        is_nothing_found=not items and not flags,
        flags=flags,
        software=f"RadCommons {__version__}",
        sources=tuple(reading.id for reading in readings),
    )
    return with_computed(schema, reading)


def _of_whole_case(outcome: Outcome, readings: list[Reading]) -> tuple[tuple[ReadingFlag, ...], list[Item]]:
    if outcome.state != OutcomeState.DECIDED:
        named = sorted({flag for reading in readings for flag in reading.flags})
        return tuple(named), []
    value = _decided(outcome)
    return tuple(map(ReadingFlag, value["flags"])), _items(value["items"])


def _decided(outcome: Outcome) -> dict[str, Any]:
    """What an adjudicator decided, as the verb wrote it."""
    return dict(outcome.value or {})


def _items(value: list[Any]) -> list[Item]:
    return [Item.from_json(node) for node in Node(value, "items").each(most=100_000)]


def _of_label(label: Label, outcome: Outcome, readings: list[Reading], case: Case) -> list[Item]:
    if outcome.state == OutcomeState.DECIDED:
        return _items(_decided(outcome)["items"])
    if label.geometry is not Geometry.NONE:
        return list(merged_items(label, readings)) if label.geometry not in _UNMERGED else _first(label, readings)
    if label.scope is not Scope.STUDY or label.value.kind is ValueKind.TEXT or outcome.value in (None, False):
        return _first(label, readings) if outcome.value not in (None, False) else []
    value = tuple(outcome.value) if isinstance(outcome.value, list) else outcome.value
    return [Item(f"{CONSENSUS}.{label.id}", label.id, Target(case.study_instance_uid), value)]


# What lies within its limits is taken as the first reader drew it: a mean line or ellipse is nobody's.
_UNMERGED = frozenset({Geometry.POINT, Geometry.LINE, Geometry.ANGLE, Geometry.ELLIPSE})


def _first(label: Label, readings: list[Reading]) -> list[Item]:
    return list(next((found for reading in readings if (found := reading.items_of(label.id))), ()))
