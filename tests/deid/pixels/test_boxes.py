"""Boxes: what they are, how they travel, what they cover."""

import pytest

from radcommons.deid.pixels.boxes import Box, is_same_line, mask_of, share_covered


def test_a_box_travels_as_json_and_comes_back():
    for box in (Box(1, 2, 3, 4), Box(0, 0, 1, 1, (2, 0, 2))):
        assert Box.from_json(box.to_json()) == box
    assert Box(0, 0, 1, 1, (2, 0, 2)).frames == (0, 2)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"left": 0, "top": 0, "width": 0, "height": 1},
        {"left": -1, "top": 0, "width": 1, "height": 1},
        {"left": 0, "top": 0, "width": 1.5, "height": 1},
        {"left": 0, "top": 0, "width": True, "height": 1},
        {"left": 0, "top": 0, "width": 1, "height": 1, "frames": []},
        {"left": 0, "top": 0, "width": 1, "height": 1, "frames": [-1]},
        {"left": 0, "top": 0, "width": 1, "height": 1, "frames": "all"},
    ],
)
def test_what_is_no_box_is_refused(value):
    with pytest.raises(ValueError):
        Box.from_json(value)


def test_a_box_is_cut_to_the_image():
    assert Box(5, 6, 100, 100, (1,)).clipped(10, 20) == Box(5, 6, 15, 4, (1,))
    assert Box(20, 0, 1, 1).clipped(10, 20) is None


def test_a_box_grows_as_far_as_the_image_begins():
    assert Box(1, 5, 2, 2).grown(3) == Box(0, 2, 6, 8)
    assert Box(0, 0, 2, 2, (3,)).around(Box(5, 5, 1, 1)) == Box(0, 0, 6, 6, (3,))


def test_a_box_without_frames_concerns_all():
    assert Box(0, 0, 1, 1).is_in_frame(7)
    assert not Box(0, 0, 1, 1, (0,)).is_in_frame(7)


def test_what_boxes_cover_is_counted_once():
    assert mask_of([Box(0, 0, 2, 2), Box(1, 1, 2, 2)], 4, 4).sum() == 7
    assert share_covered(Box(0, 0, 4, 2), [Box(0, 0, 2, 2), Box(1, 0, 1, 9)]) == 0.5
    assert share_covered(Box(0, 0, 4, 2), [Box(9, 9, 2, 2)]) == 0.0


def test_lines_above_each_other_are_two_lines():
    name, born = Box(0, 0, 247, 19), Box(0, 9, 130, 24)

    assert not is_same_line(name, born)
    assert not is_same_line(name, Box(300, 0, 40, 19))
    assert is_same_line(name, Box(2, 1, 120, 18))
    assert is_same_line(Box(0, 0, 19, 247), Box(1, 2, 18, 120))


def test_a_column_of_lines_is_none_of_its_lines():
    column, line = Box(0, 0, 117, 370), Box(0, 40, 113, 44)

    assert not is_same_line(line, column)
    assert not is_same_line(column, line)
    assert is_same_line(line, Box(4, 36, 150, 50))
