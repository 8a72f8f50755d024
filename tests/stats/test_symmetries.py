"""What no statistic may depend on: the order of readers and cases, names of categories, units; and what happens at the edges."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radcommons.stats.agreement import (
    Level,
    Weighting,
    cohen_kappa,
    disagreement,
    fleiss_kappa,
    gwet_ac,
    krippendorff_alpha,
)
from radcommons.stats.boxes import box_iou, group_boxes
from radcommons.stats.consensus import majority, median, reader_confusions, staple
from radcommons.stats.estimate import Bootstrap, Patterns, estimated, graded_array, mean_estimate, ratings_array
from radcommons.stats.measurement import Icc, bland_altman, intraclass_correlation
from radcommons.stats.overlap import dice, surface_dice

NONE, FEW, NAN = Bootstrap(draws=0), Bootstrap(draws=40), np.nan
GRADES = hnp.arrays(
    np.float64, st.tuples(st.integers(2, 15), st.integers(2, 5)), elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, NAN])
)
PAIRS = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 20), st.just(2)), elements=st.sampled_from([0.0, 1.0, 2.0, NAN])
)
MASKS = hnp.arrays(np.bool_, (5, 6))


def same(first, second):
    """Whether two estimates are one number, or undefined for one reason."""
    return (first.cases, first.reason, first.value) == (
        second.cases,
        second.reason,
        pytest.approx(second.value, abs=1e-9, nan_ok=True),
    )


@pytest.mark.parametrize("weighting", list(Weighting))
@settings(max_examples=40, deadline=None)
@given(table=PAIRS)
def test_kappa_is_the_same_when_the_two_readers_change_places(weighting, table):
    found = cohen_kappa(table, 3, weighting=weighting, bootstrap=FEW)
    swapped = cohen_kappa(table[:, ::-1], 3, weighting=weighting, bootstrap=NONE)

    assert same(found, swapped)
    assert np.isnan(found.value) or -1 - 1e-9 <= found.value <= 1


@settings(max_examples=60, deadline=None)
@given(GRADES, st.randoms())
def test_agreement_does_not_depend_on_the_order_of_readers_or_of_cases(table, random):
    readers, cases = list(range(table.shape[1])), list(range(len(table)))
    random.shuffle(readers)
    random.shuffle(cases)
    mixed = table[cases][:, readers]

    for level in Level:
        first, second = (krippendorff_alpha(one, level=level, categories=4, bootstrap=NONE) for one in (table, mixed))
        assert same(first, second)
    assert same(fleiss_kappa(table, 4, bootstrap=NONE), fleiss_kappa(mixed, 4, bootstrap=NONE))
    assert same(gwet_ac(table, 4, bootstrap=NONE), gwet_ac(mixed, 4, bootstrap=NONE))


@settings(max_examples=40, deadline=None)
@given(GRADES, st.permutations(range(4)))
def test_names_of_categories_do_not_matter_and_turning_a_scale_around_changes_nothing(table, names):
    renamed = np.where(np.isnan(table), NAN, np.array(names, dtype=float)[np.nan_to_num(table).astype(int)])
    nominal = {"level": Level.NOMINAL, "categories": 4, "bootstrap": NONE}
    ordinal = {"level": Level.ORDINAL, "categories": 4, "bootstrap": NONE}

    assert same(krippendorff_alpha(table, **nominal), krippendorff_alpha(renamed, **nominal))
    assert same(fleiss_kappa(table, 4, bootstrap=NONE), fleiss_kappa(renamed, 4, bootstrap=NONE))
    assert same(krippendorff_alpha(table, **ordinal), krippendorff_alpha(3 - table, **ordinal))
    quadratic = {"weighting": Weighting.QUADRATIC, "bootstrap": NONE}
    assert same(gwet_ac(table, 4, **quadratic), gwet_ac(3 - table, 4, **quadratic))


@settings(max_examples=40, deadline=None)
@given(GRADES, st.integers(0, 14), st.sampled_from([0.001, 25.4, 1000.0]), st.integers(-500, 500))
def test_agreement_of_measurements_does_not_depend_on_their_unit_or_origin(table, shift, unit, origin):
    assume(np.nanstd(table) > 0 if not np.isnan(table).all() else False)
    spread = table + np.arange(len(table))[:, None] * shift
    changed = spread * unit + origin * unit

    first, second = (krippendorff_alpha(one, level=Level.INTERVAL, bootstrap=NONE) for one in (spread, changed))
    assert same(first, second)
    for kind in Icc:
        assert same(*(intraclass_correlation(one, kind, bootstrap=NONE) for one in (spread, changed)))


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.float64, st.tuples(st.integers(2, 12), st.just(2)), elements=st.integers(0, 90).map(float)))
def test_limits_of_agreement_change_their_sign_with_the_order_of_the_readers(table):
    found, swapped = bland_altman(table, bootstrap=NONE), bland_altman(table[:, ::-1], bootstrap=NONE)

    assert found.bias.value == pytest.approx(-swapped.bias.value)
    assert found.lower.value == pytest.approx(-swapped.upper.value)
    assert found.lower.value <= found.bias.value <= found.upper.value
    assert found.means == pytest.approx(swapped.means)


@settings(max_examples=30, deadline=None)
@given(GRADES)
def test_intervals_are_the_same_whenever_they_are_made_and_hold_their_draws(table):
    first, again = (krippendorff_alpha(table, level=Level.ORDINAL, categories=4, bootstrap=FEW) for _ in range(2))

    assert str(first) == str(again)
    assert not first.is_defined or first.cases == 1 or first.undefined_draws == 40 or first.low <= first.high <= 1
    assert first.is_defined == (not first.reason)
    assert (first.to_json()["value"] is None) == (not first.is_defined)


def test_a_statistic_of_no_ratings_at_all_is_undefined_and_says_why():
    for empty in (np.empty((0, 2)), np.full((3, 2), NAN), [[1, NAN], [NAN, 0]]):
        for found in (
            cohen_kappa(empty, 2), fleiss_kappa(empty, 2), gwet_ac(empty, 2),
            krippendorff_alpha(empty, level=Level.NOMINAL, categories=2), intraclass_correlation(empty),
            bland_altman(empty).bias,
        ):  # fmt: skip
            assert not found.is_defined
            assert found.reason
    assert mean_estimate([NAN]).reason
    assert mean_estimate([]).reason
    # One case has a value and no interval: resampled it is always itself.
    single = mean_estimate([0.8, NAN])
    assert (single.value, single.cases) == (0.8, 1)
    assert np.isnan([single.low, single.high]).all()
    assert "category" in gwet_ac([[0, 0]], 1).reason


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: ratings_array([1, 2, 3]), "table"), (lambda: ratings_array([[1, np.inf]]), "infinite"),
        (lambda: graded_array([[2]], 2), "from 0 to 1"), (lambda: graded_array([[-1]], 2), "category"),
        (lambda: graded_array([[0.5]], 2), "category"), (lambda: cohen_kappa([[0, 0, 0]], 2), "two readers"),
        (lambda: bland_altman([[1.0]]), "two readers"), (lambda: staple([]), "masks"),
        (lambda: staple([np.ones((1, 1), bool)] * 21), "20"), (lambda: reader_confusions([[0]], [2], 2), "category"),
    ],
)  # fmt: skip
def test_ratings_that_are_none_are_refused(make, word):
    with pytest.raises(ValueError, match=word):
        make()


def test_weights_grow_with_the_distance_of_grades_and_one_category_has_none():
    assert disagreement(3, Weighting.NONE).tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    assert disagreement(3, Weighting.LINEAR)[0].tolist() == [0, 0.5, 1]
    assert disagreement(3, Weighting.QUADRATIC)[0].tolist() == [0, 0.25, 1]
    assert all(disagreement(1, weighting).tolist() == [[0]] for weighting in Weighting)


@settings(max_examples=30, deadline=None)
@given(GRADES)
def test_cases_come_back_from_their_patterns_and_every_draw_has_as_many_cases(table):
    patterns = Patterns.of(table)

    assert np.array_equal(patterns.rows[patterns.index], table, equal_nan=True)
    weights = patterns.weights(Bootstrap(draws=5))
    assert weights[0].tolist() == patterns.counts.tolist()
    assert weights.sum(axis=1).tolist() == [len(table)] * 6


def test_draws_without_a_value_are_counted_and_left_out_of_the_interval():
    found = estimated(np.array([0.5, 0.1, NAN, 0.9, NAN]), 7, Bootstrap(draws=4, confidence=1.0), "never")

    assert (found.value, found.low, found.high, found.undefined_draws) == (0.5, 0.1, 0.9, 2)
    assert estimated(np.array([NAN, 1.0]), 7, NONE, "why").reason == "why"


def test_exactly_half_is_no_majority_and_grades_exactly_as_far_apart_as_allowed_have_a_median():
    assert np.isnan(majority([[0, 0, 1, 1]], 2)).all()
    assert median([[1, 2, 2]], most_apart=1).tolist() == [2]
    assert np.isnan(median([[1, 2, 3]], most_apart=1.999)).all()
    assert median([[1, 2, 3]], most_apart=2).tolist() == [2]
    assert majority(np.empty((0, 3)), 2).shape == median(np.empty((0, 3))).shape == (0,)


@settings(max_examples=30, deadline=None)
@given(MASKS, MASKS)
def test_overlap_is_the_same_both_ways(first, second):
    assert dice(first, second) == pytest.approx(dice(second, first), nan_ok=True)
    ways = [surface_dice(*pair, spacing_mm=(1, 2), tolerance_mm=1) for pair in ((first, second), (second, first))]
    assert ways[0] == pytest.approx(ways[1], nan_ok=True)
    assert not first.any() or surface_dice(first, first, spacing_mm=(1, 2), tolerance_mm=0) == 1


@pytest.mark.parametrize(("tolerance", "share"), [(0.3, 1.0), (0.2999, 0.0)])
def test_borders_exactly_as_far_apart_as_tolerated_count(tolerance, share):
    first, second = np.zeros((1, 9), dtype=bool), np.zeros((1, 9), dtype=bool)
    first[0, 1], second[0, 4] = True, True

    assert surface_dice(first, second, spacing_mm=(1, 0.1), tolerance_mm=tolerance) == share
    for spacing, allowed in (((1,), 1), ((1, 0), 1), ((1, 1), -0.1)):
        with pytest.raises(ValueError, match="Spacing"):
            surface_dice(first, second, spacing_mm=spacing, tolerance_mm=allowed)


def test_boxes_match_from_an_overlap_of_exactly_two_fifths_on_and_touching_is_no_overlap():
    first, touching = [[0, 0, 10, 10]], [[10, 0, 20, 10]]

    assert box_iou(first, [[0, 0, 4, 10]])[0, 0] == 0.4
    assert [group.supporters for group in group_boxes([first, [[0, 0, 3.99, 10]]])] == [1, 1]
    assert box_iou(first, touching)[0, 0] == 0
    assert [group.supporters for group in group_boxes([first, [[0, 0, 4, 10]], touching])] == [2, 1]
    assert group_boxes([]) == group_boxes([[], []]) == ()


def test_a_box_between_two_that_do_not_overlap_joins_one_of_them_only():
    groups = group_boxes([[[0, 0, 10, 10]], [[4, 0, 14, 10]], [[8, 0, 18, 10]]])

    assert [group.members for group in groups] == [((0, 0), (1, 0)), ((2, 0),)]
    assert groups[0].box == (2, 0, 12, 10)


@settings(max_examples=20, deadline=None)
@given(MASKS, MASKS, MASKS, st.permutations(range(3)))
def test_staple_does_not_depend_on_the_order_of_the_readers(first, second, third, order):
    masks = [first, second, third]
    found, mixed = staple(masks, tolerance=1e-8), staple([masks[index] for index in order], tolerance=1e-8)

    assert found.probability == pytest.approx(mixed.probability, abs=1e-6)
    assert found.sensitivity[list(order)] == pytest.approx(mixed.sensitivity, abs=1e-6, nan_ok=True)
