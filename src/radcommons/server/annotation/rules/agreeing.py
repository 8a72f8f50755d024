"""Agreement of a project's readers, question by question, by the statistics that fit the kind of answer. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radcommons.server.annotation.rules.contents import NO, PART, YES
from radcommons.stats.agreement import Level, Weighting, fleiss_kappa, gwet_ac, krippendorff_alpha, pairwise_kappa
from radcommons.stats.consensus import majority, reader_confusions
from radcommons.stats.estimate import Bootstrap, Estimate
from radcommons.stats.measurement import Icc, bland_altman, intraclass_correlation
from radcommons.transfer.annotation.schema import Label, LabelSchema, Scope, ValueKind

Ratings = NDArray[np.float64]
TWO = 2
# A whole number with more grades than this is a measurement rather than a grade.
MOST_GRADES = 30


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a schema, as numbers are made of it.

    Parameters
    ----------
    name
        The label, or label and choice.
    title
        What people read.
    level
        Names, grades or measurements.
    categories
        The answers there are, in order; empty for measurements.
    scale
        Those of a question of grades that have a grade, from the lowest on.
    """

    name: str
    title: str
    level: Level
    categories: tuple[str, ...] = ()
    scale: tuple[str, ...] = ()


def questions_of(schema: LabelSchema) -> tuple[Question, ...]:
    """The questions of a schema whose answers can be compared; texts cannot."""
    return tuple(question for label in schema.labels for question in _questions(label, schema.title_of(label)))


def _questions(label: Label, title: str) -> Sequence[Question]:
    rule = label.value
    if rule.kind is ValueKind.FLAG or label.scope is Scope.REGION:
        return [Question(label.id, title, Level.NOMINAL, (NO, YES))]
    if rule.kind is ValueKind.MANY_OF:
        return [
            Question(f"{label.id}{PART}{choice.id}", f"{title}: {choice.name}", Level.NOMINAL, (NO, YES))
            for choice in rule.choices
        ]
    if rule.kind is ValueKind.ONE_OF:
        level = Level.ORDINAL if rule.is_ordered else Level.NOMINAL
        names = tuple(choice.id for choice in rule.choices)
        grades = {name: grade for name in names if rule.is_ordered and (grade := rule.grade(name)) is not None}
        return [Question(label.id, title, level, names, tuple(sorted(grades, key=grades.__getitem__)))]
    if rule.kind is ValueKind.INTEGER and rule.minimum is not None and rule.maximum is not None:
        numbers = tuple(f"{number:g}" for number in range(int(rule.minimum), int(rule.maximum) + 1))
        if len(numbers) <= MOST_GRADES:
            return [Question(label.id, title, Level.ORDINAL, numbers, numbers)]
    return [] if rule.kind is ValueKind.TEXT else [Question(label.id, title, Level.INTERVAL)]


def ratings_of(
    question: Question, answers: Mapping[tuple[int, int], tuple[str, float | None]], shape: tuple[int, int]
) -> Ratings:
    """The table of a question: cases by readers, NaN where there is no answer.

    Parameters
    ----------
    answers
        By case and reader (both numbers from 0), the text and the number of an answer.
    shape
        Numbers of cases and of readers.
    """
    table = np.full(shape, np.nan)
    place = {name: index for index, name in enumerate(question.categories)}
    for (case, reader), (value, number) in answers.items():
        if question.categories:
            table[case, reader] = place.get(value, np.nan)
        elif number is not None:
            table[case, reader] = number
    return table


def agreement_of(question: Question, table: Ratings, bootstrap: Bootstrap) -> dict[str, Any]:
    """Everything that is told of the agreement on one question, as plain JSON; intervals are over cases."""
    told: dict[str, Any] = {
        "question": question.name,
        "title": question.title,
        "level": question.level.value,
        "categories": list(question.categories),
        "cases": int((~np.isnan(table)).any(axis=1).sum()),
        "compared": int(((~np.isnan(table)).sum(axis=1) >= TWO).sum()),
    }
    if question.categories:
        told["statistics"] = _of_categories(question, table, bootstrap)
        told["pairs"] = _pairs(question, table, bootstrap)
        told["confusions"] = _confusions(table, len(question.categories))
        told["counts"] = [
            [int((column == category).sum()) for category in range(len(question.categories))] for column in table.T
        ]
    else:
        told["statistics"] = _of_measurements(table, bootstrap)
        told["bland_altman"] = _differences(table, bootstrap)
    return told


def _line(name: str, estimate: Estimate) -> dict[str, Any]:
    return {"name": name, **estimate.to_json()}


def _of_categories(question: Question, table: Ratings, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    number = len(question.categories)
    found = [
        _line("Fleiss kappa", fleiss_kappa(table, number, bootstrap=bootstrap)),
        _line(
            "Krippendorff alpha, nominal",
            krippendorff_alpha(table, level=Level.NOMINAL, categories=number, bootstrap=bootstrap),
        ),
        _line("Gwet AC1", gwet_ac(table, number, bootstrap=bootstrap)),
    ]
    if question.level is Level.ORDINAL:
        graded, grades = graded_of(question, table), len(question.scale)
        found += [
            _line(
                "Krippendorff alpha, ordinal",
                krippendorff_alpha(graded, level=Level.ORDINAL, categories=grades, bootstrap=bootstrap),
            ),
            _line("Gwet AC2, quadratic", gwet_ac(graded, grades, weighting=Weighting.QUADRATIC, bootstrap=bootstrap)),
        ]
        found += _iccs(graded, bootstrap)
    return found


def graded_of(question: Question, table: Ratings) -> Ratings:
    """The table of a question of grades with places on its scale; answers outside the scale have no distance: NaN."""
    scale = {name: float(place) for place, name in enumerate(question.scale)}
    places = np.array([*(scale.get(name, np.nan) for name in question.categories), np.nan])
    graded: Ratings = places[np.where(np.isnan(table), -1, table).astype(np.int64)]
    return graded


def _iccs(table: Ratings, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    return [_line(kind.value, intraclass_correlation(table, kind, bootstrap=bootstrap)) for kind in Icc]


def _of_measurements(table: Ratings, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    alpha = krippendorff_alpha(table, level=Level.INTERVAL, bootstrap=bootstrap)
    return [*_iccs(table, bootstrap), _line("Krippendorff alpha, interval", alpha)]


def _pairs(question: Question, table: Ratings, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    found = {"kappa": pairwise_kappa(table, len(question.categories), bootstrap=bootstrap)}
    if question.level is Level.ORDINAL:
        graded, grades = graded_of(question, table), len(question.scale)
        for way in (Weighting.LINEAR, Weighting.QUADRATIC):
            found[way.value] = pairwise_kappa(graded, grades, weighting=way, bootstrap=bootstrap)
    return [
        {"readers": list(pair), **{name: of_pair[pair].to_json() for name, of_pair in found.items()}}
        for pair in found["kappa"]
    ]


def _confusions(table: Ratings, categories: int) -> list[list[list[int]]]:
    """Each reader against the majority of the others, so that nobody is compared with themselves."""
    found = []
    for reader in range(table.shape[1]):
        others = majority(np.delete(table, reader, axis=1), categories)
        found.append(reader_confusions(table[:, [reader]], others, categories)[0].tolist())
    return found


def _differences(table: Ratings, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    found = []
    for one, other in combinations(range(table.shape[1]), TWO):
        result = bland_altman(table[:, [one, other]], bootstrap=bootstrap)
        found.append(
            {
                "readers": [one, other],
                **{name: getattr(result, name).to_json() for name in ("bias", "lower", "upper")},
                "means": np.round(result.means, 4).tolist(),
                "differences": np.round(result.differences, 4).tolist(),
            }
        )
    return found
