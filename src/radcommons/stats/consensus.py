"""What several readers say together: majority, median, Dawid and Skene, STAPLE; and how each reader differs from it.

All of it follows from the ratings alone and is the same whenever it is computed again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radcommons.stats.estimate import (
    DEFAULT,
    Bootstrap,
    Estimate,
    Floats,
    Patterns,
    estimated,
    graded_array,
    ratings_array,
    undefined,
)

Mask = NDArray[np.bool_]

_MOST_READERS = 20
_DAWID_SKENE_ITERATIONS = 500
_STAPLE_ITERATIONS = 10_000
# A draw is fitted when its accuracies move less than its interval can show.
_DRAW_TOLERANCE = 5e-4
# Added to every cell of a reader's confusion, so that one never seen is unlikely and not impossible.
_SMOOTHING = 1e-2
_TINY = 1e-300


def majority(ratings: ArrayLike, categories: int) -> Floats:
    """The category that more than half of the readers of a case chose; NaN where none has it. Shape (cases,).

    Raises
    ------
    ValueError
        When a rating is no category.
    """
    table = graded_array(ratings, categories)
    counts = np.stack([(table == category).sum(axis=1) for category in range(categories)], axis=1)
    best = counts.argmax(axis=1)
    has_majority = 2 * counts.max(axis=1) > (~np.isnan(table)).sum(axis=1)
    return np.where(has_majority, best.astype(np.float64), np.nan)


def median(ratings: ArrayLike, *, most_apart: float = 1.0) -> Floats:
    """The median of grades that lie no further apart than allowed, where it is a grade; else NaN. Shape (cases,)."""
    table = ratings_array(ratings)
    is_rated = ~np.isnan(table).all(axis=1)
    found = np.full(len(table), np.nan)
    rated = table[is_rated]
    if not len(rated):
        return found
    middle = np.nanmedian(rated, axis=1)
    is_close = np.nanmax(rated, axis=1) - np.nanmin(rated, axis=1) <= most_apart
    is_grade = (rated == middle[:, None]).any(axis=1)
    found[is_rated] = np.where(is_close & is_grade, middle, np.nan)
    return found


def reader_confusions(ratings: ArrayLike, reference: ArrayLike, categories: int) -> NDArray[np.int64]:
    """How often each reader said what where the reference says what; shape (readers, reference, said).

    Cases without a reference, and ratings that are missing, are left out.

    Raises
    ------
    ValueError
        When a rating is no category.
    """
    table = graded_array(ratings, categories)
    truth = graded_array(np.asarray(reference, dtype=np.float64).reshape(-1, 1), categories)[:, 0]
    confusions = np.zeros((table.shape[1], categories, categories), dtype=np.int64)
    for reader, said in enumerate(table.T):
        is_known = ~np.isnan(said) & ~np.isnan(truth)
        np.add.at(confusions[reader], (truth[is_known].astype(int), said[is_known].astype(int)), 1)
    return confusions


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """The truth as most likely behind imperfect readers (Dawid and Skene 1979).

    Parameters
    ----------
    posterior
        How likely each category is for each case; shape (cases, categories); NaN for cases nobody rated.
    prevalence
        How common each category is; shape (categories,).
    confusion
        How likely each reader says what when the truth is what; shape (readers, truth, said).
    accuracy
        How likely each reader is right, with its interval.
    iterations, has_converged
        How it was found.
    """

    posterior: Floats
    prevalence: Floats
    confusion: Floats
    accuracy: tuple[Estimate, ...]
    iterations: int
    has_converged: bool

    @property
    def labels(self) -> Floats:
        """The most likely category of each case; NaN where nobody rated."""
        known = np.where(np.isnan(self.posterior), -1.0, self.posterior)
        labels: Floats = np.where(np.isnan(self.posterior[:, 0]), np.nan, known.argmax(axis=1).astype(np.float64))
        return labels


@dataclass(slots=True)
class _Model:
    """Parameters of one fit a draw: prevalence (draws, categories), confusion (draws, readers, truth, said)."""

    prevalence: Floats
    confusion: Floats

    def accuracy(self) -> Floats:
        """How likely each reader is right; shape (draws, readers)."""
        accuracy: Floats = np.einsum("bk,brkk->br", self.prevalence, self.confusion)
        return accuracy


def dawid_skene(
    ratings: ArrayLike,
    categories: int,
    *,
    tolerance: float = 1e-9,
    bootstrap: Bootstrap = DEFAULT,
) -> DawidSkene:
    """Fit the model of Dawid and Skene by expectation and maximisation, beginning with the shares of votes.

    Parameters
    ----------
    ratings
        Shape (cases, readers), NaN where missing.
    categories
        How many there are.
    tolerance
        The fit is done when no posterior probability moves further.
    bootstrap
        How the intervals of accuracy are made; every draw begins at the fit of the data, so that categories keep their names.

    Raises
    ------
    ValueError
        When a rating is no category.
    """
    table = graded_array(ratings, categories)
    is_rated = ~np.isnan(table).all(axis=1)
    posterior = np.full((len(table), categories), np.nan)
    readers = table.shape[1]
    if not is_rated.any():
        nothing = undefined("No case was rated.")
        shape = (readers, categories, categories)
        return DawidSkene(
            posterior, np.full(categories, np.nan), np.full(shape, np.nan), (nothing,) * readers, 0, has_converged=False
        )
    patterns = Patterns.of(table[is_rated])
    said = np.stack([patterns.rows == category for category in range(categories)], axis=2).astype(np.float64)
    votes = said.sum(axis=1)
    weights = patterns.weights(bootstrap)
    start = _maximised(weights[:1], (votes / votes.sum(axis=1, keepdims=True))[None], said)
    fit, truth, iterations, has_converged = _fitted(weights[:1], said, start, tolerance)
    posterior[is_rated] = truth[0][patterns.index]
    drawn = _drawn_accuracies(weights, said, fit)
    accuracy = tuple(
        estimated(column, int((~np.isnan(table[:, reader])).sum()), bootstrap, "The reader rated no case.")
        for reader, column in enumerate(drawn.T)
    )
    return DawidSkene(posterior, fit.prevalence[0], fit.confusion[0], accuracy, iterations, has_converged)


def _fitted(weights: Floats, said: Floats, model: _Model, tolerance: float) -> tuple[_Model, Floats, int, bool]:
    truth = _expected(model, said)
    for iteration in range(1, _DAWID_SKENE_ITERATIONS + 1):
        model = _maximised(weights, truth, said)
        before, truth = truth, _expected(model, said)
        if np.abs(truth - before).max() < tolerance:
            return model, truth, iteration, True
    return model, truth, _DAWID_SKENE_ITERATIONS, False


def _drawn_accuracies(weights: Floats, said: Floats, fit: _Model) -> Floats:
    """Accuracies of the fit and of a fit to each draw; NaN for readers without ratings; shape (1 + draws, readers)."""
    accuracies = np.repeat(fit.accuracy(), len(weights), axis=0)
    moving = np.arange(1, len(weights))
    model = _Model(np.repeat(fit.prevalence, moving.size, axis=0), np.repeat(fit.confusion, moving.size, axis=0))
    for _ in range(_DAWID_SKENE_ITERATIONS):
        if not moving.size:
            break
        model = _maximised(weights[moving], _expected(model, said), said)
        accuracy = model.accuracy()
        is_moving = np.abs(accuracy - accuracies[moving]).max(axis=1) > _DRAW_TOLERANCE
        accuracies[moving] = accuracy
        moving = moving[is_moving]
        model = _Model(model.prevalence[is_moving], model.confusion[is_moving])
    has_rated = np.einsum("bp,prs->br", weights, said) > 0
    return np.where(has_rated, accuracies, np.nan)


def _expected(model: _Model, said: Floats) -> Floats:
    """How likely each category is behind each pattern; shape (draws, patterns, categories)."""
    draws, _, categories, _ = model.confusion.shape
    likelihood = np.log(model.confusion + _TINY).transpose(0, 2, 1, 3).reshape(draws * categories, -1)
    log = (likelihood @ said.reshape(len(said), -1).T).reshape(draws, categories, -1).transpose(0, 2, 1)
    log = log + np.log(model.prevalence + _TINY)[:, None, :]
    truth = np.exp(log - log.max(axis=2, keepdims=True))
    share: Floats = truth / truth.sum(axis=2, keepdims=True)
    return share


def _maximised(weights: Floats, truth: Floats, said: Floats) -> _Model:
    draws, categories = len(weights), truth.shape[2]
    counted = truth * weights[:, :, None]
    prevalence = counted.sum(axis=1) / weights.sum(axis=1)[:, None]
    confusion = (counted.transpose(0, 2, 1).reshape(draws * categories, -1) @ said.reshape(len(said), -1)).reshape(
        draws, categories, -1, categories
    )
    confusion = confusion.transpose(0, 2, 1, 3) + _SMOOTHING
    return _Model(prevalence, confusion / confusion.sum(axis=3, keepdims=True))


@dataclass(frozen=True, slots=True)
class Staple:
    """The mask most likely behind those of several readers (Warfield 2004).

    Parameters
    ----------
    probability
        How likely each pixel is inside; the shape of the masks.
    sensitivity, specificity
        Of each reader; shape (readers,). NaN where undefined.
    reason
        Why they are undefined; "" otherwise.
    iterations
        How many it took.
    """

    probability: Floats
    sensitivity: Floats
    specificity: Floats
    reason: str
    iterations: int

    @property
    def mask(self) -> Mask:
        """The pixels that are inside more likely than not."""
        inside: Mask = self.probability > 0.5  # noqa: PLR2004 - more likely than not
        return inside


def staple(masks: Sequence[Mask], *, tolerance: float = 1e-12) -> Staple:
    """Fit STAPLE to masks of one image by expectation and maximisation.

    Pixels on which the readers say the same are one pattern, so that the work does not grow with the image. The prior is the
    mean share of the image that readers marked; readers begin as nearly perfect. The fit is done when no sensitivity or
    specificity moves further than the tolerance.

    Raises
    ------
    ValueError
        When there are no masks, more than 20, or their shapes differ.
    """
    if not 0 < len(masks) <= _MOST_READERS or len({mask.shape for mask in masks}) != 1:
        raise ValueError(f"STAPLE needs 1 to {_MOST_READERS} masks of the same shape.")
    readers = len(masks)
    code = np.zeros(masks[0].shape, dtype=np.int32)
    for reader, mask in enumerate(masks):
        code |= np.asarray(mask, dtype=np.int32) << reader
    present, index, counts = np.unique(code, return_inverse=True, return_counts=True)
    marked = ((present[:, None] >> np.arange(readers)) & 1).astype(bool)
    prior = float((counts @ marked).sum() / (counts.sum() * readers))
    if prior in {0.0, 1.0}:
        nothing = np.full(readers, np.nan)
        return Staple(
            np.full(code.shape, prior),
            nothing,
            nothing,
            "All masks are empty, or all are full: readers cannot be told apart.",
            0,
        )
    inside, sensitivity, specificity, iterations = _staple_fit(marked, counts.astype(np.float64), prior, tolerance)
    return Staple(inside[index].reshape(code.shape), sensitivity, specificity, "", iterations)


def _staple_fit(marked: Mask, counts: Floats, prior: float, tolerance: float) -> tuple[Floats, Floats, Floats, int]:
    sensitivity = specificity = np.full(marked.shape[1], 0.99999)
    inside = np.zeros(len(marked))
    for iteration in range(1, _STAPLE_ITERATIONS + 1):
        if_inside = prior * np.where(marked, sensitivity, 1 - sensitivity).prod(axis=1)
        if_outside = (1 - prior) * np.where(marked, 1 - specificity, specificity).prod(axis=1)
        inside = if_inside / np.maximum(if_inside + if_outside, _TINY)
        weight_in, weight_out = counts * inside, counts * (1 - inside)
        before = sensitivity, specificity
        sensitivity = weight_in @ marked / max(weight_in.sum(), _TINY)
        specificity = weight_out @ ~marked / max(weight_out.sum(), _TINY)
        moved = max(np.abs(sensitivity - before[0]).max(), np.abs(specificity - before[1]).max())
        if moved <= tolerance:
            return inside, sensitivity, specificity, iteration
    return inside, sensitivity, specificity, _STAPLE_ITERATIONS
