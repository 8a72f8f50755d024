"""Pieces of a line become one, and a line that fades is taken to go on; markers and clear ends stay as they are."""

import numpy as np
import pytest

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.lines import completed
from radcommons.deid.pixels.sightings import Sighting


def stripes(strength):
    """A picture of fine strokes of so many grey values."""
    picture = np.full((200, 400), 100, np.uint8)
    picture[:, ::4] += strength
    picture[:, 1::4] += strength
    return picture


def boxes(picture, *sightings):
    return [each.box for each in completed(picture, sightings)]


CLEAR, FADING = stripes(120), stripes(4)


def test_two_pieces_of_a_line_become_one_with_both_texts():
    first, second = (
        Sighting(Box(20, 50, 90, 20), "MARCH", 0.9),
        Sighting(Box(115, 52, 100, 17), "LUCA 77", 0.7),
    )
    (line,) = completed(CLEAR, [second, first])

    assert line == Sighting(Box(20, 50, 195, 20), "MARCH LUCA 77", 0.7)


def test_a_piece_seen_within_another_adds_no_text():
    whole, part = Sighting(Box(20, 50, 190, 20), "LUCA 77120", 0.6), Sighting(Box(90, 51, 80, 18), "77120", 0.9)
    (line,) = completed(CLEAR, [part, whole])

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
    assert boxes(FADING, Sighting(Box(30, 50, 100, 20), "2/1948", 0.9)) == [Box(0, 50, 170, 20)]
    assert boxes(FADING.T.copy(), Sighting(Box(50, 30, 20, 100), "2/1948", 0.9)) == [Box(50, 0, 20, 170)]


def test_only_the_end_that_fades_is_lengthened():
    picture = CLEAR.copy()
    picture[:, 80:] = FADING[:, 80:]

    assert boxes(picture, Sighting(Box(30, 50, 120, 20), "MARCHETTI", 0.9)) == [Box(30, 50, 160, 20)]


def test_clear_ends_and_markers_stay_as_they_are():
    line, marker = Sighting(Box(30, 50, 100, 20), "MARCHETTI", 0.9), Sighting(Box(30, 90, 100, 20), "PORTABLE", 0.9)

    assert boxes(CLEAR, line) == [line.box]
    assert boxes(FADING, marker) == [marker.box]
