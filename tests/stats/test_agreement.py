"""Agreement equals independent packages to 1e-9, with missing ratings; what is undefined is NaN with a reason."""

import warnings

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import fleiss_kappa as their_fleiss

from radcommons.stats.agreement import (
    Level,
    Weighting,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    krippendorff_alpha,
    pairwise_kappa,
)
from radcommons.stats.estimate import Bootstrap

NONE = Bootstrap(draws=0)
NAN = np.nan
# Gwet's worked example of raw ratings: 12 subjects, 4 raters, 5 categories (irrCAC, cac.raw4raters; Krippendorff 2011).
FOUR_RATERS = np.array(
    [
        [1, 1, NAN, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4],
        [4, 4, 4, 4], [1, 1, 2, 1], [2, 2, 2, 2], [NAN, 5, 5, 5], [NAN, NAN, 1, 1], [NAN, NAN, 3, NAN],
    ]
) - 1  # fmt: skip
# Gwet's abstractors: 100 cases, 2 raters, 3 categories, as a table of counts.
ABSTRACTORS = np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]])
# Fleiss' psychiatrists as Gwet prints them: 15 patients, 6 raters, 5 categories, as counts.
PSYCHIATRISTS = np.array(
    [
        [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0], [2, 0, 4, 0, 0],
        [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6], [1, 0, 0, 5, 0], [1, 1, 0, 4, 0],
        [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1],
    ]
)  # fmt: skip


def rows_of_counts(counts):
    return np.array([np.repeat(np.arange(counts.shape[1]), row) for row in counts], dtype=float)


def pairs_of_table(table):
    return np.array([[i, j] for (i, j), count in np.ndenumerate(table) for _ in range(count)], dtype=float)


def tables(readers, *, may_miss, categories=4):
    values = st.integers(0, categories - 1).map(float)
    if may_miss:
        values = st.one_of(values, st.just(NAN))
    return hnp.arrays(np.float64, st.tuples(st.integers(2, 25), readers), elements=values)


@pytest.mark.parametrize("weighting", list(Weighting))
@settings(max_examples=60, deadline=None)
@given(table=tables(st.just(2), may_miss=True))
def test_cohens_kappa_is_that_of_scikit_learn(weighting, table):
    both = table[~np.isnan(table).any(axis=1)]
    ours = cohen_kappa(table, 4, weighting=weighting, bootstrap=NONE)
    if not len(both) or len(np.unique(both)) == 1:
        assert np.isnan(ours.value)
        assert ours.reason
        return
    weights = None if weighting is Weighting.NONE else weighting.value
    assert ours.value == pytest.approx(
        cohen_kappa_score(both[:, 0], both[:, 1], weights=weights, labels=[0, 1, 2, 3]), abs=1e-9
    )
    assert ours.cases == len(both)


@settings(max_examples=60, deadline=None)
@given(table=tables(st.integers(2, 5), may_miss=False))
def test_fleiss_kappa_is_that_of_statsmodels(table):
    ours = fleiss_kappa(table, 4, bootstrap=NONE)
    if len(np.unique(table)) == 1:
        assert np.isnan(ours.value)
        assert ours.reason
        return
    counts, _ = aggregate_raters(table.astype(int), n_cat=4)
    assert ours.value == pytest.approx(their_fleiss(counts), abs=1e-9)


@pytest.mark.parametrize("level", list(Level))
@settings(max_examples=60, deadline=None)
@given(table=tables(st.integers(2, 5), may_miss=True))
def test_krippendorffs_alpha_is_that_of_the_reference_package(level, table):
    ours = krippendorff_alpha(table, level=level, categories=4, bootstrap=NONE)
    paired = table[(~np.isnan(table)).sum(axis=1) >= 2]
    if len(np.unique(paired[~np.isnan(paired)])) < 2:
        assert np.isnan(ours.value)
        assert ours.reason
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = krippendorff.alpha(paired.T, level_of_measurement=level.value, value_domain=[0.0, 1.0, 2.0, 3.0])
    assert ours.value == pytest.approx(theirs, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.float64, (9, 3), elements=st.one_of(st.floats(-1e4, 1e4), st.just(NAN))))
def test_alpha_of_measurements_is_that_of_the_reference_package(table):
    paired = table[(~np.isnan(table)).sum(axis=1) >= 2]
    values = paired[~np.isnan(paired)]
    if not values.size or np.ptp(values) < 1e-3:
        return
    ours = krippendorff_alpha(table, level=Level.INTERVAL, bootstrap=NONE)
    assert ours.value == pytest.approx(krippendorff.alpha(paired.T, level_of_measurement="interval"), abs=1e-9)


def test_gwets_coefficients_are_those_of_his_worked_examples():
    abstractors = pairs_of_table(ABSTRACTORS)

    assert gwet_ac(abstractors, 3, bootstrap=NONE).value == pytest.approx(0.8493305, abs=5e-8)
    assert gwet_ac(abstractors, 3, weighting=Weighting.LINEAR, bootstrap=NONE).value == pytest.approx(0.900, abs=5e-4)
    assert gwet_ac(abstractors, 3, weighting=Weighting.QUADRATIC, bootstrap=NONE).value == pytest.approx(
        0.940, abs=5e-4
    )
    assert gwet_ac(FOUR_RATERS, 5, bootstrap=NONE).value == pytest.approx(0.77544, abs=5e-6)
    assert gwet_ac(rows_of_counts(PSYCHIATRISTS), 5, bootstrap=NONE).value == pytest.approx(0.4448007, abs=5e-8)


def test_the_other_coefficients_are_those_of_the_same_examples():
    psychiatrists = rows_of_counts(PSYCHIATRISTS)

    assert cohen_kappa(pairs_of_table(ABSTRACTORS), 3, bootstrap=NONE).value == pytest.approx(0.7964094, abs=5e-8)
    assert fleiss_kappa(psychiatrists, 5, bootstrap=NONE).value == pytest.approx(0.4139265, abs=5e-8)
    assert fleiss_kappa(FOUR_RATERS, 5, bootstrap=NONE).value == pytest.approx(0.76117, abs=5e-6)
    alpha = krippendorff_alpha(FOUR_RATERS, level=Level.NOMINAL, categories=5, bootstrap=NONE)
    assert alpha.value == pytest.approx(0.74342, abs=5e-6)
    assert alpha.cases == 11


@settings(max_examples=40, deadline=None)
@given(table=tables(st.integers(2, 4), may_miss=True))
def test_gwets_coefficient_is_what_his_formula_says_case_by_case(table):
    ours = gwet_ac(table, 4, weighting=Weighting.QUADRATIC, bootstrap=NONE)
    weight = [[1 - (i - j) ** 2 / 9 for j in range(4)] for i in range(4)]
    agreeing, shares = [], []
    for row in table:
        rated = [int(value) for value in row if not np.isnan(value)]
        if len(rated) >= 2:
            pairs = [weight[a][b] for i, a in enumerate(rated) for j, b in enumerate(rated) if i != j]
            agreeing.append(sum(pairs) / len(pairs))
        if rated:
            shares.append([rated.count(category) / len(rated) for category in range(4)])
    if not agreeing:
        assert ours.reason
        return
    share = np.mean(shares, axis=0)
    chance = np.sum(weight) / 12 * sum(share * (1 - share))
    assert ours.value == pytest.approx((np.mean(agreeing) - chance) / (1 - chance), abs=1e-9)


def test_the_same_rating_everywhere_has_no_kappa_and_perfect_ac1():
    table = np.ones((20, 3))

    for estimate in (
        fleiss_kappa(table, 3),
        cohen_kappa(table[:, :2], 3),
        krippendorff_alpha(table, level=Level.ORDINAL, categories=3),
        krippendorff_alpha(table * 0.1, level=Level.INTERVAL),
    ):
        assert np.isnan([estimate.value, estimate.low, estimate.high]).all()
        assert "same" in estimate.reason
        assert estimate.to_json()["value"] is None
    assert gwet_ac(table, 3).value == 1.0


def test_readers_who_share_no_case_have_no_agreement():
    table = np.array([[0, NAN], [NAN, 1], [2, NAN]])

    for estimate in (
        cohen_kappa(table, 3),
        fleiss_kappa(table, 3),
        gwet_ac(table, 3),
        krippendorff_alpha(table, level=Level.NOMINAL, categories=3),
    ):
        assert np.isnan(estimate.value)
        assert "No case" in estimate.reason


@pytest.mark.parametrize("bad", [[[0, 3]], [[0.5, 1]], [[-1, 1]], [[np.inf, 1]], [0, 1]])
def test_what_is_no_category_is_refused(bad):
    with pytest.raises(ValueError, match=r"category|infinite|table"):
        fleiss_kappa(bad, 3)


def test_every_pair_of_readers_has_its_kappa():
    random = np.random.default_rng(5)
    table = random.integers(0, 3, (40, 3)).astype(float)
    found = pairwise_kappa(table, 3, weighting=Weighting.LINEAR, bootstrap=NONE)

    assert set(found) == {(0, 1), (0, 2), (1, 2)}
    assert found[0, 2].value == pytest.approx(cohen_kappa_score(table[:, 0], table[:, 2], weights="linear"), abs=1e-9)


def test_the_interval_is_that_of_resampling_the_cases_themselves():
    random = np.random.default_rng(11)
    truth = random.integers(0, 4, 60)
    table = np.stack([np.where(random.random(60) < 0.8, truth, random.integers(0, 4, 60)) for _ in range(2)], axis=1)
    ours = cohen_kappa(table, 4, bootstrap=Bootstrap(draws=400, seed=3))
    again = np.random.default_rng(3).integers(60, size=(400, 60))
    resampled = [cohen_kappa_score(table[draw, 0], table[draw, 1], labels=[0, 1, 2, 3]) for draw in again]

    assert (ours.low, ours.high) == pytest.approx(tuple(np.quantile(resampled, [0.025, 0.975])), abs=1e-9)
    assert ours.low < ours.value < ours.high


def test_draws_without_an_answer_are_counted_and_left_out():
    table = np.zeros((6, 2))
    table[0] = [1, 0]
    found = cohen_kappa(table, 2, bootstrap=Bootstrap(draws=500, seed=1))

    assert 100 < found.undefined_draws < 300
    assert not np.isnan(found.low)
