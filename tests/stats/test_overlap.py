"""Overlap of masks equals SimpleITK's and what geometry says; boxes of readers find each other."""

import numpy as np
import pytest
import SimpleITK as itk  # noqa: N813 - the name its own examples use
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radcommons.stats.boxes import box_iou, group_boxes
from radcommons.stats.overlap import dice, surface_dice, volume_difference

MASKS = hnp.arrays(np.bool_, (4, 6, 7))


def test_overlap_of_random_masks_is_that_of_simple_itk():
    random = np.random.default_rng(4)
    for share in (0.05, 0.3, 0.9):
        first, second = (random.random((5, 9, 8)) < share for _ in range(2))
        measure = itk.LabelOverlapMeasuresImageFilter()
        measure.Execute(*(itk.GetImageFromArray(mask.astype(np.uint8)) for mask in (first, second)))

        assert dice(first, second) == pytest.approx(measure.GetDiceCoefficient(), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(MASKS, MASKS)
def test_surface_dice_is_what_comparing_every_border_pixel_gives(first, second):
    spacing, tolerance = (2.5, 0.7, 0.8), 1.1
    ours = surface_dice(first, second, spacing_mm=spacing, tolerance_mm=tolerance)
    borders = []
    for mask in (first, second):
        padded = np.pad(mask, 1)
        inner = padded.copy()
        for axis in range(3):
            for step in (-1, 1):
                inner &= np.roll(padded, step, axis)
        borders.append(np.argwhere(padded & ~inner) * spacing)
    if not len(borders[0]) or not len(borders[1]):
        assert np.isnan(ours) if not len(borders[0]) and not len(borders[1]) else ours == 0.0
        return
    distance = np.sqrt(((borders[0][:, None] - borders[1][None]) ** 2).sum(axis=2))
    close = (distance.min(axis=1) <= tolerance).sum() + (distance.min(axis=0) <= tolerance).sum()
    assert ours == pytest.approx(close / sum(map(len, borders)), abs=1e-9)


def test_empty_masks_have_no_overlap_to_speak_of():
    empty, full = np.zeros((3, 3), dtype=bool), np.ones((3, 3), dtype=bool)

    assert np.isnan(dice(empty, empty))
    assert dice(empty, full) == 0.0
    assert np.isnan(surface_dice(empty, empty, spacing_mm=(1, 1), tolerance_mm=1))
    assert surface_dice(empty, full, spacing_mm=(1, 1), tolerance_mm=1) == 0.0


def test_masks_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="shapes"):
        dice(np.zeros((2, 2), dtype=bool), np.zeros((2, 3), dtype=bool))


def test_volumes_are_in_millilitres():
    first, second = np.zeros((10, 10, 10), dtype=bool), np.zeros((10, 10, 10), dtype=bool)
    first[:5], second[:2] = True, True
    found = volume_difference(first, second, voxel_mm3=2.0)

    assert (found.first_ml, found.second_ml, found.difference_ml, found.ratio) == (1.0, 0.4, 0.6, 2.5)
    assert volume_difference(first, first & ~first, voxel_mm3=1).ratio == float("inf")
    assert np.isnan(volume_difference(~first & first, first & ~first, voxel_mm3=1).ratio)


def test_boxes_overlap_by_the_area_they_share():
    first, second = [[0, 0, 10, 10], [6, 0, 16, 10]], [[3, 0, 13, 10], [0, 0, 9, 10]]

    assert box_iou(first, second) == pytest.approx(np.array([[7 / 13, 0.9], [7 / 13, 3 / 16]]))
    assert box_iou(first, [[100, 100, 110, 110]]).tolist() == [[0], [0]]
    assert box_iou(first, []).shape == (2, 0)


def test_boxes_of_three_readers_form_groups_with_their_supporters():
    readers = [
        [[0, 0, 10, 10], [50, 50, 60, 60]],
        [[1, 0, 11, 10]],
        [[0, 1, 10, 11], [80, 80, 90, 90], [50, 51, 60, 61]],
    ]
    found = group_boxes(readers)

    assert [group.members for group in found] == [((0, 0), (1, 0), (2, 0)), ((0, 1), (2, 2)), ((2, 1),)]
    assert [group.supporters for group in found] == [3, 2, 1]
    assert found[0].box == pytest.approx((1 / 3, 1 / 3, 31 / 3, 31 / 3))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.tuples(*[st.integers(0, 12)] * 4), max_size=4), min_size=1, max_size=4))
def test_every_box_is_in_exactly_one_group_whose_members_all_overlap(drawn):
    readers = [[(x, y, x + w + 1, y + h + 1) for x, y, w, h in boxes] for boxes in drawn]
    groups = group_boxes(readers)
    members = [member for group in groups for member in group.members]

    assert sorted(members) == [(reader, box) for reader, boxes in enumerate(readers) for box in range(len(boxes))]
    for group in groups:
        assert len({reader for reader, _ in group.members}) == len(group.members)
        boxes = [readers[reader][box] for reader, box in group.members]
        assert (box_iou(boxes, boxes) >= 0.4).all()


@pytest.mark.parametrize("bad", [[[0, 0, 0, 5]], [[5, 0, 0, 5]], [[0, 0, np.nan, 5]]])
def test_a_box_without_area_is_refused(bad):
    with pytest.raises(ValueError, match="area"):
        group_boxes([bad, [[0, 0, 1, 1]]])
