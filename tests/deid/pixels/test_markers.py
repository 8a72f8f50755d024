"""Which writing may stay."""

import pytest

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.detection import judged_sightings
from radcommons.deid.pixels.markers import is_marker_text, marker_words
from radcommons.deid.pixels.sightings import Sighting

WORDS = marker_words(("Saal 3", "Rö-Thorax"))


@pytest.mark.parametrize(
    "text",
    [
        "L",
        "R",
        "AP",
        "pa",
        "Bettaufnahme",
        "Bettaufnahrne",
        "PORTABLE AP ERECT",
        "Semi-Upright",
        "Sem-Upright",
        "4.0cm",
        "120 kV 2,5 mAs",
        "liegend",
        "Saal 3",
    ],
)
def test_sides_positions_and_measures_are_markers(text):
    assert is_marker_text(text, WORDS)


@pytest.mark.parametrize(
    "text",
    ["", "L 1234567", "12/03/1956", "1956", "R. Meyer", "L SMITH", "AP 77120934", "cm", "L R AP PA LAT"],
)
def test_what_may_name_somebody_is_no_marker(text):
    assert is_marker_text(text, WORDS) == (text == "cm")


SIZE = (400, 600, 1)


def judged(*sightings):
    return [(each.text, each.is_marker) for each in judged_sightings(sightings, (), kind="text", size=SIZE)]


def test_a_marker_by_itself_stays():
    assert judged(Sighting(Box(10, 10, 20, 25), "L", 0.95)) == [("L", True)]


def test_a_letter_beside_a_name_does_not_protect_the_name_and_goes_with_it():
    side, name = Sighting(Box(10, 10, 20, 25), "L", 0.95), Sighting(Box(45, 12, 120, 22), "SANDERS", 0.97)

    assert judged(side, name) == [("L", False), ("SANDERS", False)]
    assert judged(side, Sighting(Box(400, 12, 120, 22), "SANDERS", 0.97)) == [("L", True), ("SANDERS", False)]


def test_a_badly_read_marker_is_not_trusted():
    assert judged(Sighting(Box(10, 10, 20, 25), "L", 0.4)) == [("L", False)]


def test_a_side_in_a_ring_is_read_as_a_figure_and_stays():
    assert judged(Sighting(Box(10, 10, 30, 30), "0", 0.9)) == [("0", True)]
    assert judged(Sighting(Box(10, 10, 130, 30), "0", 0.9)) == [("0", False)]


def test_a_ring_beside_a_word_marker_taints_it_not():
    word, ring = Sighting(Box(10, 10, 130, 30), "Bettaufnahme", 0.99), Sighting(Box(90, 0, 90, 30), "0", 0.7)

    assert ("Bettaufnahme", True) in judged(word, ring)


def test_a_marker_seen_twice_is_one():
    word, piece = Sighting(Box(0, 0, 126, 30), "Bettaufnahme", 1.0), Sighting(Box(0, 1, 120, 20), "ttar", 0.87)

    assert judged(word, piece) == [("Bettaufnahme", True)]


def test_a_letter_as_large_as_anatomy_is_a_piece_of_something_and_no_marker():
    assert judged(Sighting(Box(20, 20, 90, 110), "L", 0.99)) == [("L", False)]
    assert judged(Sighting(Box(20, 20, 40, 60), "L", 0.99)) == [("L", True)]


def test_a_word_marker_seen_once_more_with_its_surroundings_stays_and_the_rest_waits_for_a_person():
    word, both = Sighting(Box(124, 20, 116, 28), "liegend", 0.99), Sighting(Box(98, 9, 142, 54), "gnd C", 0.79)
    found = judged_sightings([word, both], (), kind="text", size=SIZE)

    assert {each.text: (each.is_marker, each.is_doubtful) for each in found} == {
        "liegend": (True, False),
        "gnd C": (False, True),
    }


def test_a_line_of_which_more_was_read_than_its_marker_is_blackened_whole():
    word, both = Sighting(Box(124, 20, 116, 28), "liegend", 0.99), Sighting(Box(98, 9, 242, 54), "liegend OKAFOR", 0.79)

    assert judged(word, both) == [("liegend", False), ("liegend OKAFOR", False)]
