"""Pieces of a line become one, and a line that fades is taken to go on; markers and clear ends stay as they are."""

import numpy as np
import pytest

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.lines import completed
from radcommons.deid.pixels.sightings import Sighting


def stripes(strength, *drawn):
    """A grey picture with fine strokes of so many grey values in some boxes, or everywhere."""
    picture = np.full((200, 400), 100, np.uint8)
    for box in drawn or (Box(0, 0, 400, 200),):
        part = picture[box.top : box.bottom, box.left : box.right]
        part[:, ::4] += strength
        part[:, 1::4] += strength
    return picture


def boxes(picture, *sightings):
    return [each.box for each in completed(picture, sightings)]


LINE = Box(30, 50, 100, 20)
CLEAR, FADING, LIVELY = stripes(120, LINE), stripes(4), stripes(120)


def test_two_pieces_of_a_line_become_one_with_both_texts():
    first, second = (
        Sighting(Box(20, 50, 90, 20), "MARCH", 0.9),
        Sighting(Box(115, 52, 100, 17), "LUCA 77", 0.7),
    )
    (line,) = completed(stripes(120, Box(20, 50, 195, 20)), [second, first])

    assert line == Sighting(Box(20, 50, 195, 20), "MARCH LUCA 77", 0.9)


def test_a_piece_seen_within_another_adds_no_text():
    whole, part = Sighting(Box(20, 50, 190, 20), "LUCA 77120", 0.6), Sighting(Box(90, 51, 80, 18), "77120", 0.9)
    (line,) = completed(LIVELY, [part, whole])

    assert (line.text, line.confidence) == ("LUCA 77120", 0.6)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Sighting(Box(20, 75, 90, 20), "BELOW", 0.9), id="the next line"),
        pytest.param(Sighting(Box(160, 50, 90, 20), "FAR OFF", 0.9), id="another column"),
        pytest.param(Sighting(Box(112, 20, 20, 90), "UPRIGHT", 0.9), id="one that stands"),
        pytest.param(Sighting(Box(112, 30, 160, 60), "HEADLINE", 0.9), id="larger letters"),
        pytest.param(Sighting(Box(112, 50, 60, 20), "ERECT", 0.9), id="a marker"),
    ],
)
def test_what_is_no_piece_of_the_line_stays_apart(other):
    assert len(completed(CLEAR, [Sighting(Box(20, 50, 90, 20), "MARCH", 0.9), other])) == 2


def test_a_line_that_fades_goes_on_two_heights_further_within_the_picture():
    assert boxes(FADING, Sighting(LINE, "2/1948", 0.9)) == [Box(0, 50, 160, 20)]
    assert boxes(FADING.T.copy(), Sighting(Box(50, 30, 20, 100), "2/1948", 0.9)) == [Box(50, 0, 20, 160)]


def test_a_line_among_speckle_goes_on_as_well():
    assert boxes(LIVELY, Sighting(LINE, "02650", 0.99)) == [Box(0, 50, 160, 20)]


def test_only_the_end_that_is_unclear_is_lengthened():
    picture = stripes(120, LINE, Box(100, 40, 300, 60))

    assert boxes(picture, Sighting(LINE, "MARCHETT", 0.9)) == [Box(30, 50, 130, 20)]


def test_clear_ends_and_markers_stay_as_they_are():
    assert boxes(CLEAR, Sighting(LINE, "MARCHETTI", 0.9)) == [LINE]
    assert boxes(FADING, Sighting(LINE, "PORTABLE", 0.9)) == [LINE]


def test_a_box_that_is_longer_than_its_letters_can_be_is_long_enough():
    assert boxes(LIVELY, Sighting(Box(30, 50, 100, 20), "MAR", 0.9)) == [Box(30, 50, 100, 20)]
