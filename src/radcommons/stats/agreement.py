"""Chance-corrected agreement of readers on categories and grades: Cohen, Fleiss, Krippendorff, Gwet.

Categories are numbered 0 to ``categories`` - 1 and all of them count, whether anybody chose them or not. Distances of linear
and quadratic weights are those of the numbers.
"""

from enum import StrEnum
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from radcommons.stats.estimate import (
    DEFAULT,
    ROUNDING,
    Bootstrap,
    Estimate,
    Floats,
    Patterns,
    estimated,
    graded_array,
    ratings_array,
    ratio,
    undefined,
)

NO_PAIRS = "No case was rated by two readers."
ALL_EQUAL = "All ratings are the same: agreement by chance is complete, and nothing can be told beyond it."
_PAIR = 2


class Weighting(StrEnum):
    """How much a disagreement counts by its distance: all alike, in proportion, or with its square."""

    NONE = "none"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


class Level(StrEnum):
    """What ratings mean: names, grades, or numbers whose differences count."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


def disagreement(categories: int, weighting: Weighting) -> Floats:
    """How much each pair of categories disagrees, 0 to 1; shape (categories, categories)."""
    numbers = np.arange(categories, dtype=np.float64)
    distance = np.abs(numbers[:, None] - numbers[None, :])
    match weighting:
        case Weighting.NONE:
            return (distance > 0).astype(np.float64)
        case Weighting.LINEAR:
            return distance / max(categories - 1, 1)
        case Weighting.QUADRATIC:
            return distance**2 / max(categories - 1, 1) ** 2


def cohen_kappa(
    ratings: ArrayLike,
    categories: int,
    *,
    weighting: Weighting = Weighting.NONE,
    bootstrap: Bootstrap = DEFAULT,
) -> Estimate:
    """Cohen's kappa of two readers, over the cases that both rated (Cohen 1960, 1968).

    Parameters
    ----------
    ratings
        Shape (cases, 2).
    categories
        How many there are.
    weighting
        Plain, linear or quadratic.
    bootstrap
        How the interval is made.

    Raises
    ------
    ValueError
        When there are not two readers, or a rating is no category.
    """
    table = graded_array(ratings, categories)
    if table.shape[1] != _PAIR:
        raise ValueError("Cohen's kappa compares two readers.")
    table = table[~np.isnan(table).any(axis=1)]
    if not len(table):
        return undefined(NO_PAIRS)
    patterns = Patterns.of(table)
    cells = np.zeros((len(patterns.rows), categories**2))
    cells[np.arange(len(cells)), (patterns.rows @ [categories, 1]).astype(np.int64)] = 1
    counts = (patterns.weights(bootstrap) @ cells).reshape(-1, categories, categories)
    expected = counts.sum(axis=2)[:, :, None] * counts.sum(axis=1)[:, None, :]
    cost = disagreement(categories, weighting)
    by_chance = np.einsum("bij,ij->b", expected, cost)
    values = 1 - ratio(len(table) * np.einsum("bij,ij->b", counts, cost), by_chance)
    return estimated(values, len(table), bootstrap, ALL_EQUAL)


def pairwise_kappa(
    ratings: ArrayLike,
    categories: int,
    *,
    weighting: Weighting = Weighting.NONE,
    bootstrap: Bootstrap = DEFAULT,
) -> dict[tuple[int, int], Estimate]:
    """Cohen's kappa of every two readers, by their columns."""
    table = graded_array(ratings, categories)
    return {
        (first, second): cohen_kappa(table[:, [first, second]], categories, weighting=weighting, bootstrap=bootstrap)
        for first, second in combinations(range(table.shape[1]), _PAIR)
    }


def _category_counts(rows: Floats, categories: int) -> Floats:
    """How many readers chose each category; shape (patterns, categories)."""
    return np.stack([(rows == category).sum(axis=1) for category in range(categories)], axis=1).astype(np.float64)


def _observed(weights: Floats, counts: Floats, agreement: Floats) -> Floats:
    """The mean weighted agreement of pairs of readers, over cases with at least two ratings."""
    readers = counts.sum(axis=1)
    pairs = readers * (readers - 1)
    agreeing = (counts * (counts @ agreement - 1)).sum(axis=1) / np.where(pairs > 0, pairs, 1)
    is_paired = pairs > 0
    return ratio(weights[:, is_paired] @ agreeing[is_paired], weights[:, is_paired].sum(axis=1))


def _prevalence(weights: Floats, counts: Floats) -> Floats:
    """The mean over rated cases of the share of readers who chose each category; shape (draws, categories)."""
    readers = counts.sum(axis=1)
    is_rated = readers > 0
    shares = counts[is_rated] / readers[is_rated, None]
    return ratio(weights[:, is_rated] @ shares, weights[:, is_rated].sum(axis=1)[:, None])


def fleiss_kappa(ratings: ArrayLike, categories: int, *, bootstrap: Bootstrap = DEFAULT) -> Estimate:
    """Fleiss' kappa of any number of readers (Fleiss 1971), nominal.

    With missing ratings the generalisation of Gwet (2014) is used: agreement over cases with two or more ratings, prevalence
    over all rated cases, each case counting once. Without missing ratings it is Fleiss' own.

    Raises
    ------
    ValueError
        When a rating is no category.
    """
    table = graded_array(ratings, categories)
    paired = int(((~np.isnan(table)).sum(axis=1) >= _PAIR).sum())
    if not paired:
        return undefined(NO_PAIRS)
    patterns = Patterns.of(table)
    counts = _category_counts(patterns.rows, categories)
    weights = patterns.weights(bootstrap)
    observed, prevalence = _observed(weights, counts, np.eye(categories)), _prevalence(weights, counts)
    by_chance = (prevalence**2).sum(axis=1)
    values = ratio(observed - by_chance, 1 - by_chance, least=ROUNDING)
    return estimated(values, paired, bootstrap, ALL_EQUAL)


def gwet_ac(
    ratings: ArrayLike,
    categories: int,
    *,
    weighting: Weighting = Weighting.NONE,
    bootstrap: Bootstrap = DEFAULT,
) -> Estimate:
    """Gwet's AC1 (without weights) or AC2 (with them) of any number of readers; missing ratings allowed (Gwet 2008, 2014).

    Unlike kappa it does not break down when nearly all cases are of one category.

    Raises
    ------
    ValueError
        When a rating is no category.
    """
    table = graded_array(ratings, categories)
    paired = int(((~np.isnan(table)).sum(axis=1) >= _PAIR).sum())
    if not paired:
        return undefined(NO_PAIRS)
    if categories < _PAIR:
        return undefined("There is only one category.", paired)
    patterns = Patterns.of(table)
    counts = _category_counts(patterns.rows, categories)
    weights = patterns.weights(bootstrap)
    agreement = 1 - disagreement(categories, weighting)
    prevalence = _prevalence(weights, counts)
    chance_factor = agreement.sum() / (categories * (categories - 1))
    by_chance = chance_factor * (prevalence * (1 - prevalence)).sum(axis=1)
    values = ratio(_observed(weights, counts, agreement) - by_chance, 1 - by_chance, least=ROUNDING)
    return estimated(values, paired, bootstrap, ALL_EQUAL)


def krippendorff_alpha(
    ratings: ArrayLike,
    *,
    level: Level,
    categories: int = 0,
    bootstrap: Bootstrap = DEFAULT,
) -> Estimate:
    """Krippendorff's alpha of any number of readers; missing ratings allowed (Krippendorff 2011).

    Parameters
    ----------
    ratings
        Shape (cases, readers).
    level
        What ratings mean. Distances of grades are those of their mid-ranks among all pairable ratings.
    categories
        How many there are; not used for intervals, where ratings are any numbers.
    bootstrap
        How the interval is made.

    Raises
    ------
    ValueError
        When a rating is no category.
    """
    table = ratings_array(ratings) if level is Level.INTERVAL else graded_array(ratings, categories)
    table = table[(~np.isnan(table)).sum(axis=1) >= _PAIR]
    if not len(table):
        return undefined(NO_PAIRS)
    if level is Level.INTERVAL:
        values = _interval_alpha(table, bootstrap)
    else:
        values = _category_alpha(table, categories, level, bootstrap)
    return estimated(values, len(table), bootstrap, ALL_EQUAL)


def _category_alpha(table: Floats, categories: int, level: Level, bootstrap: Bootstrap) -> Floats:
    patterns = Patterns.of(table)
    counts = _category_counts(patterns.rows, categories)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(categories)
    pairs /= (counts.sum(axis=1) - 1)[:, None, None]
    coincidences = (patterns.weights(bootstrap) @ pairs.reshape(len(pairs), -1)).reshape(-1, categories, categories)
    totals = coincidences.sum(axis=2)
    if level is Level.ORDINAL:
        middle = np.cumsum(totals, axis=1) - totals / 2
        distance = (middle[:, :, None] - middle[:, None, :]) ** 2
    else:
        distance = np.broadcast_to(1 - np.eye(categories), coincidences.shape)
    observed = (coincidences * distance).sum(axis=(1, 2))
    expected = (totals[:, :, None] * totals[:, None, :] * distance).sum(axis=(1, 2))
    return 1 - ratio((totals.sum(axis=1) - 1) * observed, expected)


def _interval_alpha(table: Floats, bootstrap: Bootstrap) -> Floats:
    # Alpha does not change with the origin; near the middle of the data little is lost by rounding.
    patterns = Patterns.of(table - np.nanmean(table))
    rows = patterns.rows
    readers = (~np.isnan(rows)).sum(axis=1)
    total, squares = np.nansum(rows, axis=1), np.nansum(rows**2, axis=1)
    within = 2 * (readers * squares - total**2) / (readers - 1)
    sums = patterns.weights(bootstrap) @ np.stack([readers, total, squares, within], axis=1)
    number, total, squares, observed = sums.T
    expected = 2 * (number * squares - total**2)
    return 1 - ratio((number - 1) * observed, expected, least=ROUNDING * number * squares)
