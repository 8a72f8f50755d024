"""Agreement of a project: the tables behind it, and the latest report."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Count, Max

from radcommons.server.annotation.models import Answer, Outcome, Reader, ReadingProject, Task
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queries.projects import reader_lines
from radcommons.server.annotation.rules.agreeing import Question, Ratings, agreement_of, questions_of, ratings_of
from radcommons.server.annotation.rules.planning import FIRST, REPEAT
from radcommons.server.annotation.rules.stacks import TOLERANCE_MM
from radcommons.server.annotation.rules.states import Duty, Phase, ReaderKind, TaskState
from radcommons.stats.agreement import cohen_kappa
from radcommons.stats.estimate import Bootstrap, mean_estimate
from radcommons.stats.measurement import Icc, intraclass_correlation
from radcommons.transfer.annotation.schema import LabelSchema

REPORT_FORMAT = "radcommons.agreement/1"
BOOTSTRAP = Bootstrap()
Answers = dict[str, dict[tuple[int, int], tuple[str, float | None]]]


@dataclass(frozen=True, slots=True)
class ReportState:
    """A report and whether anything was submitted since."""

    body: Mapping[str, Any]
    is_current: bool


def reads_version(project: ReadingProject) -> str:
    """A name for the state of a project's submissions: it changes with every one of them and is quickly asked."""
    rows = project.tasks.exclude(submission=None).exclude(state=TaskState.REVOKED)
    numbers = rows.aggregate(count=Count("pk"), last=Max("submission"))
    return f"{numbers['count']}.{numbers['last'] or 0}"


def latest_report(project: ReadingProject) -> ReportState | None:
    """The latest report; None before the first."""
    found = getattr(project, "agreement_report", None)
    return ReportState(found.body, found.version == reads_version(project)) if found is not None else None


def compared_readers(project: ReadingProject) -> list[Reader]:
    """The readers whose agreement is computed: people, here or of the past; not models."""
    rows = project.readers.filter(duty=Duty.READ).exclude(kind=ReaderKind.MODEL)
    return list(rows.order_by("pk"))


def answers_by_question(
    project: ReadingProject, readers: Sequence[Reader], *, occasion: int = FIRST
) -> tuple[Answers, list[int]]:
    """All answers of a project's submissions.

    Returns
    -------
    answers, cases
        By question, then by case and reader as numbers from 0; and the cases' keys in that order. Training cases are
        left out: who learns is not measured.
    """
    place = {reader.pk: index for index, reader in enumerate(readers)}
    rows = Answer.objects.filter(task__project=project, task__occasion=occasion, task__reader__in=place)
    rows = rows.exclude(task__phase=Phase.TRAINING).exclude(task__state=TaskState.REVOKED)
    columns = ("question", "task__case_id", "task__reader_id", "value", "number")
    cases: dict[int, int] = {}
    found: Answers = defaultdict(dict)
    for question, case, reader, value, number in rows.order_by("task__case_id").values_list(*columns):
        found[question][cases.setdefault(case, len(cases)), place[reader]] = (value, number)
    return found, list(cases)


def computed_report(project: ReadingProject) -> dict[str, Any]:
    """The agreement of a project as plain JSON, computed from its submissions now."""
    schema = schema_value(project.schema)
    readers = compared_readers(project)
    answers, cases = answers_by_question(project, readers)
    shape = (len(cases), len(readers))
    questions = questions_of(schema)
    tables = {question.name: ratings_of(question, answers.get(question.name, {}), shape) for question in questions}
    return {
        "format": REPORT_FORMAT,
        "project": project.slug,
        "schema": schema.reference.to_json(),
        "version": reads_version(project),
        "readers": [reader.pseudonym for reader in readers],
        "cases": len(cases),
        "bootstrap": {"draws": BOOTSTRAP.draws, "confidence": BOOTSTRAP.confidence, "seed": BOOTSTRAP.seed},
        "questions": [
            agreement_of(question, tables[question.name], BOOTSTRAP)
            for question in questions
            if len(readers) > 1 and answers.get(question.name)
        ],
        "overlap": _overlap(project, schema),
        "repeats": _repeats(project, readers, questions),
        "pace": _pace(project),
    }


def _overlap(project: ReadingProject, schema: LabelSchema) -> list[dict[str, Any]]:
    """Overlap, distance of borders and volumes of every two readers, by label, over the cases in which one drew."""
    rows = Outcome.objects.filter(case__project=project).exclude(detail={}).values_list("label", "detail")
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for label, detail in rows.order_by("label", "case_id"):
        volumes = detail.get("volume_ml", {})
        for pair, value in detail.get("dice", {}).items():
            lists = found[label, pair]
            lists["dice"].append(np.nan if value is None else value)
            if volumes:
                one, other = pair.split("/")
                surface = detail["surface_dice"][pair]
                lists["surface_dice"].append(np.nan if surface is None else surface)
                lists["volume_difference_ml"].append(volumes[one] - volumes[other])
                lists["volume_ml"].append((volumes[one] + volumes[other]) / 2)
    names = {label.id: label.name for label in schema.labels}
    return [
        {
            "label": label,
            "title": names.get(label, label),
            "readers": pair.split("/"),
            "tolerance_mm": TOLERANCE_MM,
            **{name: mean_estimate(values, BOOTSTRAP).to_json() for name, values in lists.items()},
        }
        for (label, pair), lists in sorted(found.items())
    ]


def _repeats(project: ReadingProject, readers: Sequence[Reader], questions: Sequence[Question]) -> list[dict[str, Any]]:
    """How well each reader agrees with themselves, where cases were read twice."""
    repeated = project.tasks.filter(occasion=REPEAT).exclude(submission=None).exclude(state=TaskState.REVOKED)
    if not repeated.exists():
        return []
    first, cases = answers_by_question(project, readers)
    again, cases_again = answers_by_question(project, readers, occasion=REPEAT)
    place = {case: index for index, case in enumerate(cases)}
    found = []
    for question in questions:
        shape = (len(cases), len(readers))
        once = ratings_of(question, first.get(question.name, {}), shape)
        moved = {
            (place[cases_again[case]], reader): value
            for (case, reader), value in again.get(question.name, {}).items()
            if cases_again[case] in place
        }
        twice = ratings_of(question, moved, shape)
        for index, reader in enumerate(readers):
            table = np.stack([once[:, index], twice[:, index]], axis=1)
            if (~np.isnan(table)).all(axis=1).any():
                found.append({"question": question.name, "reader": reader.pseudonym, **_with_oneself(question, table)})
    return found


def _with_oneself(question: Question, table: Ratings) -> dict[str, Any]:
    if question.categories:
        return {"statistic": "kappa", **cohen_kappa(table, len(question.categories), bootstrap=BOOTSTRAP).to_json()}
    return {
        "statistic": Icc.AGREEMENT.value,
        **intraclass_correlation(table, Icc.AGREEMENT, bootstrap=BOOTSTRAP).to_json(),
    }


def _pace(project: ReadingProject) -> list[dict[str, Any]]:
    return [
        {
            "reader": line.reader.pseudonym,
            "done": line.done,
            "active_hours": round(line.hours, 3),
            "reads_per_hour": round(line.reads_per_hour, 2) if line.reads_per_hour else None,
        }
        for line in reader_lines(project)
        if line.reader.duty == Duty.READ
    ]


def answer_rows(project: ReadingProject) -> list[dict[str, Any]]:
    """Every answer of every submission as one line, for tables that leave the house under pseudonyms."""
    columns = ("case__study_instance_uid", "reader__pseudonym", "occasion", "submission__sha256")
    tasks = {
        key: values
        for key, *values in Task.objects.filter(project=project)
        .exclude(submission=None)
        .exclude(state=TaskState.REVOKED)
        .values_list("pk", *columns)
    }
    rows = Answer.objects.filter(task__in=tasks).order_by(
        "task__case_id", "task__reader_id", "task__occasion", "question"
    )
    names = ("study_instance_uid", "reader", "occasion", "read_sha256")
    return [
        {**dict(zip(names, tasks[task], strict=True)), "question": question, "value": value, "number": number}
        for task, question, value, number in rows.values_list("task_id", "question", "value", "number")
    ]


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """One question as the agreement page shows it.

    Parameters
    ----------
    counts
        By reader, how often each answer was given.
    pairs
        By two readers who read a case in common, the kappas.
    apart
        How many pairs of readers have no case in common.
    confusions
        By reader, a table of what the majority of the others said against what the reader said.
    differences
        By two readers, bias and limits of agreement.
    """

    name: str
    title: str
    level: str
    compared: int
    categories: tuple[str, ...]
    statistics: tuple[Mapping[str, Any], ...]
    counts: tuple[tuple[str, tuple[int, ...]], ...]
    pairs: tuple[tuple[str, Mapping[str, Any]], ...]
    confusions: tuple[tuple[str, tuple[tuple[str, tuple[int, ...]], ...]], ...]
    differences: tuple[tuple[str, Mapping[str, Any]], ...]
    apart: int = 0

    @property
    def slug(self) -> str:
        """A name for anchors and charts."""
        return self.name.replace("/", "-")

    @property
    def headline(self) -> Mapping[str, Any] | None:
        """The one number of the overview: Krippendorff's alpha, which is there at every level and bears missing reads."""
        return next((one for one in self.statistics if one["name"].startswith("Krippendorff")), None)


def question_pages(report: Mapping[str, Any]) -> tuple[QuestionPage, ...]:
    """A report as its page shows it, numbers of readers replaced by their pseudonyms."""
    return tuple(_question_page(one, report["readers"]) for one in report["questions"])


def _question_page(one: Mapping[str, Any], readers: Sequence[str]) -> QuestionPage:
    categories = tuple(one["categories"])
    together = [pair for pair in one.get("pairs", ()) if pair["kappa"]["cases"]]
    return QuestionPage(
        name=one["question"],
        title=one["title"],
        level=one["level"],
        compared=one["compared"],
        categories=categories,
        statistics=tuple(one["statistics"]),
        counts=tuple((reader, tuple(counts)) for reader, counts in zip(readers, one.get("counts", ()), strict=False)),
        pairs=tuple((_two(pair["readers"], readers), pair) for pair in together),
        apart=len(one.get("pairs", ())) - len(together),
        confusions=tuple(
            (reader, tuple((name, tuple(row)) for name, row in zip(categories, table, strict=True)))
            for reader, table in zip(readers, one.get("confusions", ()), strict=False)
        ),
        differences=tuple((_two(pair["readers"], readers), pair) for pair in one.get("bland_altman", ())),
    )


def _two(numbers: Sequence[int], readers: Sequence[str]) -> str:
    return " and ".join(readers[number] for number in numbers)
