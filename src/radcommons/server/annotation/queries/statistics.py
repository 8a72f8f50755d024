"""A reader's own figures: how much, how fast, how training went, and, once a project is closed, how often they agree with themselves.

Nothing here looks at another reader's rows, and nothing of a hidden repeat is told while there may be another one to come.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from radcommons.server.annotation.models import Reader, Task
from radcommons.server.annotation.queries.agreement import latest_report
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.rules.agreeing import questions_of
from radcommons.server.annotation.rules.contents import answers_of
from radcommons.server.annotation.rules.people import account_of
from radcommons.server.annotation.rules.states import DONE, Duty, Phase, ProjectState, ReaderKind
from radcommons.server.platform.policy import Actor
from radcommons.transfer.annotation.record import Item, Method, Reading
from radcommons.transfer.annotation.untyped import Node

_HOUR_S, _MINUTE_S = 3600, 60


@dataclass(frozen=True, slots=True)
class TrainingLine:
    """A training case: how many of the answers that its reference gives were the reader's too."""

    key: str
    number: int
    agreed: int
    asked: int


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """What a reader may know of their own work in one project.

    Parameters
    ----------
    median_minutes
        Of the active time of finished reads; None before the first.
    reads_per_hour
        Of active time; None before the first.
    repeats
        Agreement with oneself by question, from the project's report; empty until the project is closed.
    """

    title: str
    state: str
    done: int
    active_minutes: float
    median_minutes: float | None
    reads_per_hour: float | None
    training: tuple[TrainingLine, ...]
    repeats: tuple[Mapping[str, Any], ...]


def own_figures(actor: Actor) -> tuple[OwnFigures, ...]:
    """The figures of each project in which somebody reads, the latest first."""
    if actor.user_id is None:
        return ()
    rows = Reader.objects.filter(user_id=account_of(actor), duty=Duty.READ, kind=ReaderKind.PERSON)
    rows = rows.exclude(project__state=ProjectState.DRAFT).select_related("project__schema")
    return tuple(_figures(reader) for reader in rows.order_by("-project__made_at", "pk"))


def _figures(reader: Reader) -> OwnFigures:
    tasks = Task.objects.filter(reader=reader, state__in=DONE).exclude(submission=None)
    seconds = list(tasks.values_list("active_seconds", flat=True))
    total = sum(seconds)
    return OwnFigures(
        title=reader.project.title,
        state=reader.project.state,
        done=len(seconds),
        active_minutes=total / _MINUTE_S,
        median_minutes=median(seconds) / _MINUTE_S if seconds else None,
        reads_per_hour=len(seconds) * _HOUR_S / total if total else None,
        training=_training(tasks.filter(phase=Phase.TRAINING).exclude(case__reference=None)),
        repeats=_with_oneself(reader),
    )


def _training(tasks: Any) -> tuple[TrainingLine, ...]:
    rows = tasks.select_related("case", "project__schema").prefetch_related("answers").order_by("opened_at", "pk")
    return tuple(_training_line(task, number) for number, task in enumerate(rows, start=1))


def _training_line(task: Task, number: int) -> TrainingLine:
    schema = schema_value(task.project.schema)
    items: Sequence[Item] = [
        Item.from_json(node) for node in Node(task.case.reference or [], "reference").each(most=10_000)
    ]
    reference = Reading(
        id=task.case.key,
        study_instance_uid=task.case.study_instance_uid,
        reader="reference",
        method=Method.RETROSPECTIVE_EXPERT,
        schema=schema.reference,
        items=tuple(items),
    )
    expected = {question: value for question, (value, _) in answers_of(schema, reference).items()}
    given = {answer.question: answer.value for answer in task.answers.all()}
    agreed = sum(given.get(question) == value for question, value in expected.items())
    return TrainingLine(task.key, number, agreed, len(expected))


def _with_oneself(reader: Reader) -> tuple[Mapping[str, Any], ...]:
    report = latest_report(reader.project) if reader.project.state == ProjectState.CLOSED else None
    if report is None:
        return ()
    titles = {question.name: question.title for question in questions_of(schema_value(reader.project.schema))}
    own = (line for line in report.body["repeats"] if line["reader"] == reader.pseudonym)
    return tuple({**line, "title": titles.get(line["question"], line["question"])} for line in own)
