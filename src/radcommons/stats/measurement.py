"""Agreement of measurements: intraclass correlation and the limits of agreement of Bland and Altman."""

from dataclasses import dataclass
from enum import StrEnum

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
    ratings_array,
    ratio,
    undefined,
)

_LEAST_CASES = 2
# Normal deviate of limits that hold 95 % of the differences.
_DEVIATE = 1.959963984540054


class Icc(StrEnum):
    """Which intraclass correlation of single readers (Shrout and Fleiss 1979).

    ``ICC(2,1)``: readers are a sample of all readers, absolute agreement. ``ICC(3,1)``: these readers only, consistency.
    """

    AGREEMENT = "ICC(2,1)"
    CONSISTENCY = "ICC(3,1)"


def intraclass_correlation(
    ratings: ArrayLike, kind: Icc = Icc.AGREEMENT, *, bootstrap: Bootstrap = DEFAULT
) -> Estimate:
    """The intraclass correlation of single readers, over the cases that all of them measured.

    Parameters
    ----------
    ratings
        Measurements of shape (cases, readers).
    kind
        Absolute agreement or consistency.
    bootstrap
        How the interval is made.
    """
    table = ratings_array(ratings)
    readers = table.shape[1]
    table = table[~np.isnan(table).any(axis=1)]
    if readers < _LEAST_CASES or len(table) < _LEAST_CASES:
        return undefined("Two readers and two cases that all readers measured are needed.", len(table))
    patterns = Patterns.of(table - table.mean())
    rows = patterns.rows
    weights = patterns.weights(bootstrap)
    cases = weights.sum(axis=1)
    columns, squares = weights @ rows, weights @ (rows**2).sum(axis=1)
    grand = columns.sum(axis=1) ** 2 / (cases * readers)
    between_cases = weights @ rows.sum(axis=1) ** 2 / readers - grand
    between_readers = (columns**2).sum(axis=1) / cases - grand
    error = np.maximum(squares - grand - between_cases - between_readers, 0.0)
    mean_cases = between_cases / (cases - 1)
    mean_readers = between_readers / (readers - 1)
    mean_error = error / ((cases - 1) * (readers - 1))
    whole = mean_cases + (readers - 1) * mean_error
    if kind is Icc.AGREEMENT:
        whole = whole + readers * (mean_readers - mean_error) / cases
    values = ratio(mean_cases - mean_error, whole, least=ROUNDING * squares)
    reason = "All measurements are the same: there is no difference between cases to tell apart."
    return estimated(values, len(table), bootstrap, reason)


@dataclass(frozen=True, slots=True)
class BlandAltman:
    """The differences of two readers, first minus second, in the unit of the measurement.

    Parameters
    ----------
    bias
        Their mean.
    deviation
        Their standard deviation.
    lower, upper
        Limits between which 95 % of them lie when they are normally distributed.
    means, differences
        The points of the plot, one for each case that both measured.
    """

    bias: Estimate
    deviation: Estimate
    lower: Estimate
    upper: Estimate
    means: Floats
    differences: Floats


def bland_altman(ratings: ArrayLike, *, bootstrap: Bootstrap = DEFAULT) -> BlandAltman:
    """Limits of agreement of two readers, over the cases that both measured (Bland and Altman 1986).

    Raises
    ------
    ValueError
        When there are not two readers.
    """
    table = ratings_array(ratings)
    if table.shape[1] != _LEAST_CASES:
        raise ValueError("Bland and Altman compare two readers.")
    table = table[~np.isnan(table).any(axis=1)]
    differences = table[:, 0] - table[:, 1]
    if len(differences) < _LEAST_CASES:
        nothing = undefined("Two cases that both readers measured are needed.", len(differences))
        return BlandAltman(nothing, nothing, nothing, nothing, table.mean(axis=1), differences)
    center = float(differences.mean())
    patterns = Patterns.of((differences - center)[:, None])
    weights = patterns.weights(bootstrap)
    column = patterns.rows[:, 0]
    cases, total, squares = weights.sum(axis=1), weights @ column, weights @ column**2
    bias = center + total / cases
    deviation = np.sqrt(np.maximum(squares - total**2 / cases, 0.0) / (cases - 1))
    bias_estimate, deviation_estimate, lower, upper = (
        estimated(values, len(differences), bootstrap, "")
        for values in (bias, deviation, bias - _DEVIATE * deviation, bias + _DEVIATE * deviation)
    )
    return BlandAltman(bias_estimate, deviation_estimate, lower, upper, table.mean(axis=1), differences)
