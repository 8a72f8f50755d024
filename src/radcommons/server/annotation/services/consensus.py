"""The verb of consensus: derive a reference standard from reads; asked twice it is derived once."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.models import Case, Consensus, ReadingProject, Task
from radcommons.server.annotation.queries.agreement import answers_by_question, compared_readers
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queries.readings import readings_of
from radcommons.server.annotation.rules.agreeing import questions_of, ratings_of
from radcommons.server.annotation.rules.merging import items_of_grid, merged_items
from radcommons.server.annotation.rules.planning import FIRST
from radcommons.server.annotation.rules.regions import grids_of
from radcommons.server.annotation.rules.states import DONE, Phase, ReaderKind
from radcommons.server.platform import audit
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.stats.consensus import dawid_skene, majority, staple
from radcommons.transfer.annotation.geometry import AREAS, Geometry
from radcommons.transfer.annotation.record import Item, Reading
from radcommons.transfer.annotation.schema import Label
from radcommons.transfer.release.canonical import canonical_json, sha256_hex

CODE_VERSION = "1"
DIGITS = 9


class ConsensusMethod(StrEnum):
    """How one answer is made of several."""

    MAJORITY = "majority"
    DAWID_SKENE = "dawid-skene"
    STAPLE = "staple"


def derive_consensus(
    project: ReadingProject, method: ConsensusMethod, label_id: str, *, actor: Actor
) -> list[Consensus]:
    """Derive the consensus on one label from the submissions there are.

    Answers give one row for the project; drawings one for each case that was read by at least two readers. The same
    submissions, method and code give the same row again, which then is not written twice.

    Raises
    ------
    ProjectInvalidError
        When the method does not fit the label, or nobody has read.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    label = schema_value(project.schema).label(label_id)
    if label is None:
        raise ProjectInvalidError("The schema has no such label.")
    is_drawn = label.geometry is not Geometry.NONE
    if method is ConsensusMethod.STAPLE and label.geometry not in AREAS:
        raise ProjectInvalidError("STAPLE is for areas.")
    if method is ConsensusMethod.DAWID_SKENE and is_drawn:
        raise ProjectInvalidError("Dawid and Skene's method is for answers, not for drawings.")
    rows = list(_of_drawings(project, method, label) if is_drawn else _of_answers(project, method, label))
    if not rows:
        raise ProjectInvalidError("There is nothing to derive a consensus from: no case has two reads.")
    with transaction.atomic():
        made = [_kept(project, row, actor) for row in rows]
        facts = {"method": method.value, "label": label_id, "rows": len(made)}
        audit.record(actor, "annotation.consensus", object_kind="project", object_id=project.slug, facts=facts)
    return made


def _kept(project: ReadingProject, row: Consensus, actor: Actor) -> Consensus:
    names = ("case", "method", "label", "code_version", "inputs_sha256")
    known = Consensus.objects.filter(project=project, **{name: getattr(row, name) for name in names}).first()
    if known is not None:
        return known
    row.project, row.made_by, row.made_at = project, actor.name, timezone.now()
    row.save()
    return row


def _row(
    method: ConsensusMethod, label: str, inputs: Sequence[str], result: Any, case: Case | None = None
) -> Consensus:
    ordered = sorted(inputs)
    return Consensus(
        case=case,
        method=method,
        label=label,
        code_version=CODE_VERSION,
        inputs=ordered,
        inputs_sha256=sha256_hex(canonical_json(ordered)),
        result=result,
        result_sha256=sha256_hex(canonical_json(result)),
    )


def _of_answers(project: ReadingProject, method: ConsensusMethod, label: Label) -> Iterable[Consensus]:
    schema = schema_value(project.schema)
    readers = compared_readers(project)
    answers, cases = answers_by_question(project, readers)
    keys = dict(project.cases.values_list("pk", "study_instance_uid"))
    studies = [keys[case] for case in cases]
    for question in questions_of(schema):
        if question.name.split("/")[0] != label.id or not answers.get(question.name) or not question.categories:
            continue
        table = ratings_of(question, answers[question.name], (len(cases), len(readers)))
        inputs = _digests(project)
        result: dict[str, Any] = {"categories": list(question.categories)}
        if method is ConsensusMethod.MAJORITY:
            voted = majority(table, len(question.categories))
        else:
            fit = dawid_skene(table, len(question.categories))
            voted = fit.labels
            result |= {
                "readers": {
                    reader.pseudonym: {
                        "accuracy": accuracy.to_json(),
                        "confusion": np.round(confusion, DIGITS).tolist(),
                    }
                    for reader, accuracy, confusion in zip(readers, fit.accuracy, fit.confusion, strict=True)
                },
                "prevalence": np.round(fit.prevalence, DIGITS).tolist(),
                "posterior": {
                    study: None if np.isnan(row).any() else np.round(row, DIGITS).tolist()
                    for study, row in zip(studies, fit.posterior, strict=True)
                },
                "has_converged": fit.has_converged,
            }
        result["answers"] = {
            study: None if np.isnan(answer) else question.categories[int(answer)]
            for study, answer in zip(studies, voted, strict=True)
        }
        yield _row(method, question.name, inputs, result)


def _digests(project: ReadingProject) -> list[str]:
    rows = _submitted(project.tasks.all())
    return list(rows.values_list("submission__sha256", flat=True))


def _submitted(tasks: Any) -> Any:
    rows = tasks.filter(state__in=DONE, occasion=FIRST).exclude(submission=None)
    return rows.exclude(reader__kind=ReaderKind.MODEL).exclude(phase=Phase.TRAINING)


def _of_drawings(project: ReadingProject, method: ConsensusMethod, label: Label) -> Iterable[Consensus]:
    for case in project.cases.exclude(phase=Phase.TRAINING).order_by("pk"):
        tasks = list(_submitted(case.tasks).select_related("submission", "reader").order_by("reader__pseudonym"))
        if len(tasks) < 2:  # noqa: PLR2004 - a consensus of several
            continue
        readings = readings_of(tasks)
        ordered = [readings[task.pk] for task in tasks]
        inputs = [task.submission.sha256 for task in tasks if task.submission is not None]
        yield _row(method, label.id, inputs, _drawn(method, label, tasks, ordered), case)


def _drawn(method: ConsensusMethod, label: Label, tasks: Sequence[Task], readings: Sequence[Reading]) -> dict[str, Any]:
    if method is ConsensusMethod.MAJORITY:
        return {"items": _plain(merged_items(label, readings))}
    drawn = [reading.items_of(label.id) for reading in readings]
    first = next((items[0] for items in drawn if items), None)
    if first is None:
        return {"items": [], "readers": {}, "reason": "Nobody drew anything."}
    fit = staple(grids_of(drawn)[1])
    return {
        "items": _plain(items_of_grid(label, first, drawn, fit.mask)),
        "readers": {
            task.reader.pseudonym: {
                "sensitivity": _number(fit.sensitivity[index]),
                "specificity": _number(fit.specificity[index]),
            }
            for index, task in enumerate(tasks)
        },
        "reason": fit.reason,
    }


def _plain(items: Sequence[Item]) -> list[dict[str, object]]:
    return [item.to_json() for item in items]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), DIGITS)
