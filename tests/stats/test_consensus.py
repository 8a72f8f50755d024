"""Consensus finds planted skill, equals SimpleITK's STAPLE, and says when it cannot tell."""

import numpy as np
import pytest
import SimpleITK as itk  # noqa: N813 - the name its own examples use

from radcommons.stats.consensus import dawid_skene, majority, median, reader_confusions, staple
from radcommons.stats.estimate import Bootstrap

NAN = np.nan
NONE = Bootstrap(draws=0)


def planted(cases=1000, skill=(0.85, 0.75, 0.6), categories=4, seed=7):
    random = np.random.default_rng(seed)
    truth = random.integers(0, categories, cases)
    table = np.empty((cases, len(skill)))
    for reader, share in enumerate(skill):
        wrong = (truth + random.integers(1, categories, cases)) % categories
        table[:, reader] = np.where(random.random(cases) < share, truth, wrong)
    return truth, table


def test_the_majority_is_what_more_than_half_say():
    table = [[0, 0, 1], [0, 1, 2], [1, NAN, 1], [0, 1, NAN], [NAN, NAN, NAN], [2, NAN, NAN]]

    assert np.array_equal(majority(table, 3), [0, NAN, 1, NAN, NAN, 2], equal_nan=True)


def test_the_median_is_taken_where_grades_are_close_and_it_is_one_of_them():
    table = [[1, 2, 2], [0, 2, 2], [1, 2, NAN], [3, 3, NAN], [NAN, NAN, NAN]]

    assert np.array_equal(median(table), [2, NAN, NAN, 3, NAN], equal_nan=True)
    assert np.array_equal(median(table, most_apart=2), [2, 2, NAN, 3, NAN], equal_nan=True)


def test_confusions_count_what_each_reader_said_where_the_reference_said_what():
    table, reference = [[0, 1], [1, NAN], [1, 1], [0, 0]], [0, 0, 1, NAN]
    found = reader_confusions(table, reference, 2)

    assert found.tolist() == [[[1, 1], [0, 1]], [[0, 1], [0, 1]]]


def test_dawid_and_skene_find_planted_skill_and_beat_the_majority():
    truth, table = planted()
    found = dawid_skene(table, 4, bootstrap=Bootstrap(draws=200))

    assert [estimate.value for estimate in found.accuracy] == pytest.approx([0.85, 0.75, 0.6], abs=0.05)
    for estimate, planted_skill in zip(found.accuracy, (0.85, 0.75, 0.6), strict=True):
        assert estimate.low < planted_skill < estimate.high
    assert (found.labels == truth).mean() > (majority(table, 4) == truth).mean()
    assert found.has_converged
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(1000))


def test_dawid_and_skene_are_a_fixed_point_of_their_equations():
    _, table = planted(cases=200)
    table[np.random.default_rng(1).random(table.shape) < 0.2] = NAN
    found = dawid_skene(table, 4, bootstrap=NONE)
    rated = ~np.isnan(found.posterior[:, 0])
    for reader in range(3):
        counts = np.full((4, 4), 1e-2)
        for case in np.flatnonzero(rated & ~np.isnan(table[:, reader])):
            counts[:, int(table[case, reader])] += found.posterior[case]
        assert found.confusion[reader] == pytest.approx(counts / counts.sum(axis=1, keepdims=True), abs=1e-6)
    assert found.prevalence == pytest.approx(found.posterior[rated].mean(axis=0), abs=1e-6)
    for case in np.flatnonzero(rated)[:20]:
        likelihood = found.prevalence.copy()
        for reader in range(3):
            if not np.isnan(table[case, reader]):
                likelihood = likelihood * found.confusion[reader][:, int(table[case, reader])]
        assert found.posterior[case] == pytest.approx(likelihood / likelihood.sum(), abs=1e-6)


def test_dawid_and_skene_leave_out_who_rated_nothing():
    table = np.array([[0, 0, NAN], [1, 1, NAN], [NAN, NAN, NAN], [1, 0, NAN]])
    found = dawid_skene(table, 2)

    assert np.isnan(found.labels[2])
    assert np.isnan(found.accuracy[2].value)
    assert found.accuracy[2].reason
    assert not dawid_skene(np.full((3, 2), NAN), 2).has_converged


@pytest.mark.parametrize(
    ("skills", "closeness"),
    # ITK stops when no squared change is above 1e-14, which is far from the end where readers are poor.
    [((0.995, 0.99, 0.97, 0.98, 0.96), 1e-9), ((0.97, 0.9, 0.8), 1e-6)],
)
def test_staple_is_that_of_simple_itk(skills, closeness):
    random = np.random.default_rng(3)
    truth = np.zeros((6, 20, 20), dtype=bool)
    truth[1:5, 4:15, 5:16] = True
    masks = [np.where(random.random(truth.shape) < skill, truth, ~truth) for skill in skills]
    ours, theirs = staple(masks), itk.STAPLEImageFilter()
    images = [itk.GetImageFromArray(mask.astype(np.uint8)) for mask in masks]
    probability = itk.GetArrayFromImage(theirs.Execute(images))

    assert ours.sensitivity == pytest.approx(np.array(theirs.GetSensitivity()), abs=closeness)
    assert ours.specificity == pytest.approx(np.array(theirs.GetSpecificity()), abs=closeness)
    assert np.abs(ours.probability - probability).max() < 20 * closeness
    assert ours.specificity == pytest.approx(skills, abs=0.03)
    assert (ours.mask == truth).mean() > 0.96


def test_staple_says_when_readers_cannot_be_told_apart():
    empty = np.zeros((4, 4), dtype=bool)
    found = staple([empty, empty])

    assert "empty" in found.reason
    assert np.isnan(found.sensitivity).all()
    assert not found.mask.any()
    with pytest.raises(ValueError, match="same shape"):
        staple([empty, np.zeros((3, 3), dtype=bool)])
