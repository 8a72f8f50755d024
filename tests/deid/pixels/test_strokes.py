"""Boxes of large writing follow its strokes, and nothing that merely lies beside them."""

import cv2
import numpy as np
import pytest
from tests.support.drawn import written

from radcommons.deid.pixels.boxes import Box, mask_of
from radcommons.deid.pixels.sightings import Sighting
from radcommons.deid.pixels.strokes import LEAST_THICKNESS, with_whole_strokes

SIZE = (600, 1100)
GROUND = 90


def lettered(ink, *, turns=0):
    """A name 100 pixels high on grey noise, its mask, and the box around its first three letters."""
    mask = written("KOWALSKA", SIZE, at=(60, 200), height=140) > 120
    columns = np.flatnonzero(mask.any(axis=0))
    rows = np.flatnonzero(mask.any(axis=1))
    third = int(columns[0] + 0.36 * (columns[-1] - columns[0]))
    seen = np.zeros_like(mask)
    seen[rows[0] : rows[-1] + 1, columns[0] : third] = True
    picture = np.random.default_rng(5).normal(GROUND, 6, SIZE)
    picture[mask] = ink
    mask, seen = np.rot90(mask, turns), np.rot90(seen, turns)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    box = Box(int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    return np.rot90(picture, turns).clip(0, 255).astype(np.uint8), mask, box


def followed(picture, box, text="KOW"):
    (found,) = with_whole_strokes(picture, [Sighting(box, text, 0.9)], cv2)
    return found


@pytest.mark.parametrize("ink", [235, 15])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_box_around_a_piece_grows_around_the_whole_line(ink, turns):
    picture, mask, box = lettered(ink, turns=turns)
    found = followed(picture, box)

    assert mask_of([box], *mask.shape)[mask].mean() < 0.5
    assert mask_of([found.box], *mask.shape)[mask].all()
    assert found.box.width * found.box.height < 2.5 * np.ptp(np.argwhere(mask), axis=0).prod()


def test_a_box_that_cuts_letters_in_half_grows_around_them():
    picture, mask, _ = lettered(235)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    lower_half = Box(int(columns[0]), int(rows.mean()), int(np.ptp(columns)), int(np.ptp(rows) // 2) + 10)

    assert mask_of([followed(picture, lower_half).box], *mask.shape)[mask].all()


def test_what_is_no_letter_beside_the_line_stays_outside():
    picture, mask, _ = lettered(235)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    whole = Box(int(columns[0]) - 8, int(rows[0]) - 8, int(np.ptp(columns)) + 17, int(np.ptp(rows)) + 17)
    picture[360:, :] = 235

    found = followed(picture, whole, "KOWALSKA")
    assert found.box == whole
    assert not found.is_cut


def test_letters_that_run_into_something_of_their_grey_are_cut():
    picture, _, box = lettered(235)
    picture[100:, 240:] = 235

    assert followed(picture, box, "KOWALSKA").is_cut


def test_large_writing_that_goes_on_beyond_what_was_read_waits_for_a_person():
    picture, _, box = lettered(235)

    assert followed(picture, box, "KO").is_cut
    assert followed(picture, box, "KOW").is_cut


def test_what_is_hardly_writing_is_not_followed():
    picture, _, box = lettered(235)

    (found,) = with_whole_strokes(picture, [Sighting(box, "KOW", 0.45)], cv2)
    assert (found.box, found.is_cut) == (box, False)


def test_small_boxes_and_even_ground_stay_as_they_are():
    picture, _, _ = lettered(235)
    small = Box(60, 150, 200, LEAST_THICKNESS - 1)
    even = Box(20, 20, 300, LEAST_THICKNESS + 20)

    assert followed(picture, small).box == small
    assert followed(np.full(SIZE, GROUND, np.uint8), even).box == even
