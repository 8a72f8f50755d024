"""Shapes become pixels by one written rule, and masks come back exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radcommons.transfer.annotation.geometry import (
    FrameReference,
    Geometry,
    Outline,
    area_pixels,
    bounding_box,
    on_grid,
)
from radcommons.transfer.annotation.raster import (
    corners_of,
    mask_of_runs,
    outline_pixels,
    outlines_of_mask,
    polygon_pixels,
    runs_of_mask,
)

FRAME = FrameReference("1.2.3")
MASKS = hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def outline(geometry, *points, is_hole=False):
    return Outline(geometry, tuple((float(column), float(row)) for column, row in points), FRAME, is_hole)


@settings(max_examples=150, deadline=None)
@given(MASKS)
def test_a_mask_is_the_same_after_run_lengths_and_after_outlines(pixels):
    runs = runs_of_mask(pixels, FRAME)

    assert np.array_equal(mask_of_runs(runs), pixels)
    assert sum(runs.runs) == pixels.size
    assert runs.pixel_count == pixels.sum()
    assert np.array_equal(outline_pixels(outlines_of_mask(pixels, FRAME), *pixels.shape), pixels)


def test_an_island_in_a_hole_is_kept():
    pixels = np.ones((9, 9), dtype=bool)
    pixels[1:8, 1:8], pixels[3:6, 3:6], pixels[4, 4] = False, True, False
    outlines = outlines_of_mask(pixels, FRAME)

    assert [found.is_hole for found in outlines] == [False, True, False, True]
    assert np.array_equal(outline_pixels(outlines, 9, 9), pixels)


def test_a_pixel_belongs_to_an_outline_when_its_centre_lies_inside():
    box = outline(Geometry.BOX, (1, 1), (3, 2))
    half = outline(Geometry.BOX, (1.5, 0.5), (2.5, 1.5))

    assert np.argwhere(outline_pixels([box], 4, 4)).tolist() == [[1, 1], [1, 2]]
    # Centres on the left and upper edge are inside, on the right and lower edge outside.
    assert np.argwhere(outline_pixels([half], 4, 4)).tolist() == [[0, 1]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-8, 28), st.integers(-8, 28)), min_size=3, max_size=8).map(
        lambda points: tuple((column / 4 + 0.1, row / 4 + 0.1) for column, row in points)
    )
)
def test_pixels_of_a_polygon_are_those_that_the_even_odd_rule_counts(points):
    ours = polygon_pixels(points, 5, 6)
    for row, column in np.ndindex(5, 6):
        x, y = column + 0.5, row + 0.5
        crossings = [
            x0 + (y - y0) * (x1 - x0) / (y1 - y0)
            for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True)
            if (y0 <= y) != (y1 <= y)
        ]
        # On an edge, rounding decides.
        if all(abs(crossing - x) > 1e-9 for crossing in crossings):
            assert ours[row, column] == sum(crossing > x for crossing in crossings) % 2


def test_areas_that_share_an_edge_share_no_pixel_and_miss_none():
    corners = [(0.0, 0.0), (7.0, 0.0), (7.0, 7.0), (0.0, 7.0)]
    inner = (3.3, 2.7)
    parts = [polygon_pixels([corners[i], corners[(i + 1) % 4], inner], 7, 7) for i in range(4)]

    assert np.array_equal(np.sum(parts, axis=0), np.ones((7, 7)))


def test_an_ellipse_covers_its_area():
    ellipse = outline(Geometry.ELLIPSE, (10, 50), (90, 50), (50, 30), (50, 70))

    assert outline_pixels([ellipse], 100, 100).sum() == pytest.approx(np.pi * 40 * 20, rel=0.01)
    assert bounding_box(corners_of(ellipse)) == ((10, 30), (90, 70))


def test_outlines_are_added_and_cut_in_their_order():
    area = outline(Geometry.BOX, (0, 0), (4, 4))
    hole = outline(Geometry.BOX, (1, 1), (3, 3), is_hole=True)

    assert outline_pixels([area, hole], 4, 4).sum() == 12
    assert outline_pixels([hole, area], 4, 4).sum() == 16


def test_what_has_no_area_has_no_pixels():
    with pytest.raises(ValueError, match="no area"):
        corners_of(outline(Geometry.LINE, (0, 0), (1, 1)))


def test_points_are_moved_to_the_64th_of_a_pixel():
    assert on_grid(((1.003, 2.5),)) == ((1.0, 2.5),)
    assert area_pixels(((0, 0), (4, 0), (4, 3))) == 6.0
