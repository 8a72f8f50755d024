"""Intraclass correlation equals pingouin's; limits of agreement are those of the textbook."""

import warnings

import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radcommons.stats.estimate import Bootstrap, mean_estimate
from radcommons.stats.measurement import Icc, bland_altman, intraclass_correlation

NONE = Bootstrap(draws=0)
# Shrout and Fleiss 1979, table 2: six targets, four judges; ICC(2,1) = .29, ICC(3,1) = .71.
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)


def their_icc(table, kind):
    cases, readers = table.shape
    long = pd.DataFrame(
        {"case": np.repeat(np.arange(cases), readers), "reader": np.tile(np.arange(readers), cases), "x": table.ravel()}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pingouin.intraclass_corr(long, targets="case", raters="reader", ratings="x").set_index("Type")
    names = {Icc.AGREEMENT: ("ICC2", "ICC(A,1)"), Icc.CONSISTENCY: ("ICC3", "ICC(C,1)")}[kind]
    return next(float(found.loc[name, "ICC"]) for name in names if name in found.index)


@pytest.mark.parametrize(("kind", "published"), [(Icc.AGREEMENT, 0.29), (Icc.CONSISTENCY, 0.71)])
def test_the_correlation_of_shrout_and_fleiss_is_theirs(kind, published):
    found = intraclass_correlation(JUDGES, kind, bootstrap=NONE)

    assert found.value == pytest.approx(published, abs=5e-3)
    assert found.value == pytest.approx(their_icc(JUDGES, kind), abs=1e-9)


@pytest.mark.parametrize("kind", list(Icc))
@settings(max_examples=12, deadline=None)
@given(hnp.arrays(np.float64, (7, 3), elements=st.integers(-50, 50).map(lambda value: value / 4 + 1000)))
def test_the_intraclass_correlation_is_that_of_pingouin(kind, table):
    assume(np.ptp(table.mean(axis=1)) > 0)
    assume(np.ptp(table - table.mean(axis=1, keepdims=True) - table.mean(axis=0)) > 1e-6)
    with_gap = np.vstack([table, [[5.0, np.nan, 6.0]]])
    found = intraclass_correlation(with_gap, kind, bootstrap=NONE)

    assert found.value == pytest.approx(their_icc(table, kind), abs=1e-9)
    assert found.cases == 7


def test_measurements_that_are_all_the_same_have_no_correlation():
    found = intraclass_correlation(np.full((10, 3), 0.1))

    assert np.isnan(found.value)
    assert "same" in found.reason
    assert "needed" in intraclass_correlation([[1.0, 2.0]]).reason
    assert "needed" in intraclass_correlation([[1.0], [2.0]]).reason


def test_limits_of_agreement_hold_mean_and_deviation_of_the_differences():
    random = np.random.default_rng(8)
    table = random.normal(1e6, 30, (50, 2))
    table[3, 1] = np.nan
    differences = np.delete(table[:, 0] - table[:, 1], 3)
    found = bland_altman(table)

    assert found.bias.value == pytest.approx(differences.mean(), abs=1e-9)
    assert found.deviation.value == pytest.approx(differences.std(ddof=1), abs=1e-9)
    assert found.upper.value - found.lower.value == pytest.approx(2 * 1.959963984540054 * differences.std(ddof=1))
    assert found.lower.low < found.lower.value < found.lower.high < found.upper.low
    assert len(found.means) == len(found.differences) == 49
    assert found.bias.cases == 49
    assert np.isnan(bland_altman([[1.0, 2.0]]).bias.value)


def test_a_mean_leaves_out_what_has_no_value():
    found = mean_estimate([0.5, np.nan, 1.0], Bootstrap(draws=200, seed=2))

    assert (found.value, found.cases) == (0.75, 2)
    assert (found.low, found.high) == (0.5, 1.0)
    assert mean_estimate([np.nan]).reason
