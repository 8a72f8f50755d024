"""What is evidence enough to blacken a place, and what waits for a person unblackened."""

import numpy as np
import pytest
from tests.support.drawn import capture, write_capture, written

from radcommons.deid.pixel_text import PixelText
from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.detection import best_detector, find_candidates, judged_sightings, verify_redacted
from radcommons.deid.pixels.evidence import is_evident
from radcommons.deid.pixels.series import look_at_series
from radcommons.deid.pixels.sightings import Sighting
from radcommons.dicom.part10 import open_part10

LEG = Sighting(Box(20, 90, 110, 160), "Daa", 0.68, is_cut=True)
NAME = Sighting(Box(20, 20, 130, 24), "OKAFOR", 0.9)


class Fixed:
    """A detector that always sees the same."""

    name = "fixed"
    may_vouch = True

    def __init__(self, *sightings):
        self.sightings = sightings

    def find(self, _picture, **_known):
        return self.sightings


@pytest.fixture
def path(tmp_path):
    return write_capture(capture(written("OKAFOR AMARA")[None, :, :, None]), tmp_path / "a.dcm")


@pytest.mark.parametrize(
    ("width", "height", "text", "confidence", "is_cut"),
    [
        (130, 24, "OKAFOR", 0.55, False),
        (24, 130, "OKAFOR", 0.55, False),
        (110, 24, "4/2/11", 0.6, False),
        (400, 24, "OKAFOR", 0.8, False),
        (20, 24, "L", 0.8, False),
        (300, 120, "WANDA", 0.95, True),
        (300, 120, "KO", 0.97, False),
    ],
    ids=[
        "a word",
        "one that stands",
        "a date",
        "more than was read",
        "a letter",
        "a huge word that goes on unseen",
        "huge letters beyond doubt",
    ],
)
def test_what_was_read_well_enough_for_its_size_is_writing(width, height, text, confidence, is_cut):
    assert is_evident(Sighting(Box(5, 5, width, height), text, confidence, is_cut=is_cut), short_side=512)


@pytest.mark.parametrize(
    ("width", "height", "text", "confidence", "is_cut"),
    [
        (110, 160, "Daa", 0.68, True),
        (110, 160, "D", 0.97, True),
        (23, 256, "L", 0.38, False),
        (20, 44, "n", 0.94, False),
        (312, 75, "159", 0.5, False),
        (130, 24, "OKAFOR", 0.45, False),
        (130, 24, "", 0.0, False),
        (500, 70, "36Hz", 0.95, False),
        (86, 216, "30", 0.89, False),
        (422, 150, "9933", 0.6, False),
    ],
    ids=[
        "a leg",
        "another",
        "a rim",
        "an ankle",
        "a shoulder",
        "a word hardly read",
        "nothing",
        "layers of tissue",
        "vertebrae",
        "the halves of a brain",
    ],
)
def test_what_merely_resembles_letters_is_none(width, height, text, confidence, is_cut):
    assert not is_evident(Sighting(Box(5, 5, width, height), text, confidence, is_cut=is_cut), short_side=512)


def test_what_is_in_doubt_waits_for_a_person_and_is_not_blackened(path):
    found = find_candidates(path, detector=Fixed(NAME, LEG))

    assert found.verdict is PixelText.NEEDS_PERSON
    assert "deid.writing-unclear" in {each.code for each in found.findings}
    assert found.boxes == (NAME.box,)
    assert [(each.text, each.is_doubtful) for each in found.candidates] == [("OKAFOR", False), ("Daa", True)]


def test_doubt_about_what_is_blackened_anyway_is_none(path):
    again = Sighting(Box(24, 22, 100, 20), "CKAFR", 0.4)
    found = find_candidates(path, detector=Fixed(NAME, again))

    assert (found.verdict, found.boxes) == (PixelText.REDACTED, (NAME.box,))


def test_the_edge_of_the_black_is_no_doubt_but_anything_beside_it_is(path):
    file = open_part10(path)
    beside = Sighting(Box(20, 100, 110, 24), "CKAFR", 0.4)
    edge = Sighting(NAME.box, "CKAFR", 0.4)

    assert verify_redacted(file, [NAME.box], detector=Fixed(edge)).verdict is PixelText.REDACTED
    left = verify_redacted(file, [NAME.box], detector=Fixed(beside))
    assert left.verdict is PixelText.NEEDS_PERSON
    assert {each.code for each in left.findings} == {"deid.pixel-text-left", "deid.writing-unclear"}


def test_without_a_recogniser_shapes_are_covered_not_doubted():
    (found,) = judged_sightings([Sighting(Box(5, 5, 60, 20))], (), kind="shape", size=(256, 320, 1))

    assert found.is_blackened


@pytest.mark.parametrize(("confidence", "is_writing"), [(0.68, False), (0.8, True)])
def test_a_leg_read_as_letters_makes_no_suspect_of_its_series(path, confidence, is_writing):
    seen = Sighting(LEG.box, LEG.text, confidence, is_cut=True)

    assert look_at_series([path], detector=Fixed(seen)).has_writing is is_writing


@pytest.mark.parametrize("counts", [0.0, 0.2], ids=["smooth", "few counts"])
def test_a_bone_scan_loses_nothing(tmp_path, counts):
    rows, columns = np.mgrid[0:1024, 0:256].astype(np.float32)
    body = np.zeros((1024, 256), np.float32)
    for middle, first, last, width in (
        (128, 60, 190, 30),
        (128, 190, 560, 55),
        (95, 540, 960, 18),
        (160, 540, 960, 18),
    ):
        limb = np.exp(-(((columns - middle) / width) ** 2))
        body += 90 * limb * np.clip((rows - first) / 20, 0, 1) * np.clip((last - rows) / 20, 0, 1)
    values = np.random.default_rng(0).poisson(body * counts) / counts if counts else body
    stored = values.clip(0, 255).astype(np.uint8)[None, :, :, None]
    path = write_capture(capture(stored), tmp_path / "a.dcm")

    assert find_candidates(path, detector=best_detector()).boxes == ()
