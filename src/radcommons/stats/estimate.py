"""An estimate with its interval, and the bootstrap over cases behind every one of them.

All statistics here are functions of sums over cases. A bootstrap draw is then a vector of weights, and a thousand draws are
one matrix product; cases with the same ratings share a column, so that grades of a thousand cases cost next to nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# How far rounding may carry a sum of squares away from zero, relative to the squares that were added.
ROUNDING = 1e-12
_CHUNK = 4_000_000
_FEWEST_CASES = 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval.

    Parameters
    ----------
    value
        The estimate; NaN when it is undefined.
    low, high
        Ends of the interval; NaN when there is none: a single case resampled is always itself, and says nothing of others.
    cases
        How many cases it rests on.
    reason
        Why ``value`` is NaN; "" otherwise.
    undefined_draws
        Bootstrap draws in which the statistic was undefined; they are left out of the interval.
    """

    value: float
    low: float
    high: float
    cases: int
    reason: str = ""
    undefined_draws: int = 0

    @property
    def is_defined(self) -> bool:
        """Whether there is a value."""
        return not np.isnan(self.value)

    def to_json(self) -> dict[str, object]:
        """The estimate as plain JSON; NaN becomes null."""

        def plain(number: float) -> float | None:
            return None if np.isnan(number) else float(number)

        return {
            "cases": self.cases,
            "high": plain(self.high),
            "low": plain(self.low),
            "reason": self.reason,
            "undefined_draws": self.undefined_draws,
            "value": plain(self.value),
        }


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are made: percentiles of ``draws`` resamples of cases with replacement, from a fixed seed.

    Without draws there is no interval.
    """

    draws: int = 1000
    confidence: float = 0.95
    seed: int = 20200412


DEFAULT = Bootstrap()


def undefined(reason: str, cases: int = 0) -> Estimate:
    """An estimate that does not exist, and why."""
    return Estimate(np.nan, np.nan, np.nan, cases, reason)


def ratings_array(ratings: ArrayLike) -> Floats:
    """Ratings as float64 of shape (cases, readers), NaN where missing.

    Raises
    ------
    ValueError
        When they are not a table, or infinite.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2:  # noqa: PLR2004 - a table
        raise ValueError("Ratings are a table of cases by readers.")
    if np.isinf(table).any():
        raise ValueError("A rating is infinite.")
    return table


def graded_array(ratings: ArrayLike, categories: int) -> Floats:
    """Ratings that are category numbers 0 to ``categories`` - 1, or NaN.

    Raises
    ------
    ValueError
        When a rating is no such number.
    """
    table = ratings_array(ratings)
    given = table[~np.isnan(table)]
    if ((given < 0) | (given >= categories) | (given != np.floor(given))).any():
        raise ValueError(f"A rating is not a category number from 0 to {categories - 1}.")
    return table


@dataclass(frozen=True, slots=True)
class Patterns:
    """Cases sorted by what was rated.

    Parameters
    ----------
    rows
        The different rows of the table; shape (patterns, readers).
    index
        Which of them each case has; shape (cases,).
    """

    rows: Floats
    index: NDArray[np.int64]

    @classmethod
    def of(cls, table: Floats) -> "Patterns":
        """The patterns of a table of ratings; NaN equals NaN."""
        filled = np.where(np.isnan(table), -np.inf, table)
        rows, index = np.unique(filled, axis=0, return_inverse=True)
        return cls(np.where(np.isneginf(rows), np.nan, rows), index.reshape(-1).astype(np.int64))

    @property
    def counts(self) -> Floats:
        """How many cases have each pattern."""
        return np.bincount(self.index, minlength=len(self.rows)).astype(np.float64)

    def weights(self, bootstrap: Bootstrap) -> Floats:
        """How often each pattern occurs: in the data (first row), then in each bootstrap draw; shape (1 + draws, patterns)."""
        cases, patterns = len(self.index), len(self.rows)
        weights = np.empty((1 + bootstrap.draws, patterns))
        weights[0] = self.counts
        random = np.random.default_rng(bootstrap.seed)
        step = max(1, _CHUNK // max(1, cases, patterns))
        for start in range(0, bootstrap.draws, step):
            draws = min(step, bootstrap.draws - start)
            drawn = self.index[random.integers(cases, size=(draws, cases))]
            drawn += np.arange(draws)[:, None] * patterns
            counted = np.bincount(drawn.ravel(), minlength=draws * patterns)
            weights[1 + start : 1 + start + draws] = counted.reshape(draws, patterns)
        return weights


def estimated(values: Floats, cases: int, bootstrap: Bootstrap, reason: str) -> Estimate:
    """The estimate of a statistic from its values on the data (first) and on each draw.

    ``reason`` is what it means that the value on the data is NaN.
    """
    value = float(values[0])
    if np.isnan(value):
        return undefined(reason, cases)
    drawn = values[1:][~np.isnan(values[1:])]
    tail = (1 - bootstrap.confidence) / 2
    has_interval = drawn.size > 0 and cases >= _FEWEST_CASES
    low, high = np.quantile(drawn, [tail, 1 - tail]) if has_interval else (np.nan, np.nan)
    return Estimate(value, float(low), float(high), cases, "", len(values) - 1 - drawn.size)


def ratio(numerator: Floats, denominator: Floats, *, least: Floats | float = 0.0) -> Floats:
    """A quotient that is NaN where the denominator is not above ``least``."""
    is_defined = denominator > least
    return np.where(is_defined, numerator / np.where(is_defined, denominator, 1.0), np.nan)


def mean_estimate(values: ArrayLike, bootstrap: Bootstrap = DEFAULT) -> Estimate:
    """The mean over cases of a value a case has, as a Dice coefficient; NaN values are left out."""
    return case_estimate(values, lambda sums, counts: ratio(sums[:, 0], counts), bootstrap)


def case_estimate(
    values: ArrayLike, statistic: Callable[[Floats, Floats], Floats], bootstrap: Bootstrap = DEFAULT
) -> Estimate:
    """A statistic of the sums over cases of a value and of its square.

    Parameters
    ----------
    values
        One number a case; NaN is left out.
    statistic
        From sums of shape (draws, 2) and numbers of cases of shape (draws,) to values of shape (draws,).
    bootstrap
        How the interval is made.
    """
    given = np.asarray(values, dtype=np.float64).ravel()
    given = given[~np.isnan(given)]
    if not given.size:
        return undefined("There is no case with a value.")
    patterns = Patterns.of(given[:, None])
    weights = patterns.weights(bootstrap)
    column = patterns.rows[:, 0]
    sums = weights @ np.stack([column, column**2], axis=1)
    return estimated(statistic(sums, weights.sum(axis=1)), given.size, bootstrap, "The statistic is undefined.")
