"""What nobody sees on an even ground is brought out; noise and what is seen anyway are not."""

import numpy as np
import pytest
from tests.support.drawn import capture, write_capture, written

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.detection import find_candidates
from radcommons.deid.pixels.faint import faint_picture
from radcommons.deid.pixels.sightings import Sighting

INK = written("OKAFOR 77120934", (160, 400), at=(20, 60), height=24) > 120


@pytest.mark.parametrize(("ground", "step"), [(255, -1), (0, 1), (40_000, 9), (40_000, -9)])
def test_writing_of_one_step_on_an_even_ground_is_brought_out(ground, step):
    values = np.full(INK.shape, ground, dtype=np.int32)
    values[INK] += step
    picture = faint_picture(values, np.full(INK.shape, 200, np.uint8))

    assert picture is not None
    assert abs(float(picture[INK].mean()) - float(picture[~INK].mean())) > 60
    assert (picture[:30] == 128).all()


def test_noise_and_what_is_seen_anyway_are_left_aside():
    rng = np.random.default_rng(3)
    noise = rng.integers(100, 104, INK.shape)
    seen = np.where(INK, 230, 12)

    assert faint_picture(noise - INK, noise.astype(np.uint8)) is None
    assert faint_picture(seen, seen.astype(np.uint8)) is None
    assert faint_picture(np.full((160, 400), 7), np.full((160, 400), 7, np.uint8)) is None
    assert faint_picture(np.zeros((12, 12)), np.zeros((12, 12), np.uint8)) is None


class SeesFaint:
    """A detector that reads one line, in the picture of what nobody sees alone."""

    name = "sees-faint"
    may_vouch = True

    def __init__(self, confidence):
        self.confidence = confidence

    def find(self, picture, **_known):
        return [Sighting(Box(60, 50, 260, 40), "OKAFOR", self.confidence)] if picture[0, 0] == 128 else []


@pytest.mark.parametrize(("confidence", "is_doubtful"), [(0.85, True), (0.95, False)])
def test_what_is_read_in_brought_out_noise_is_blackened_only_beyond_doubt(tmp_path, confidence, is_doubtful):
    values = np.full(INK.shape, 255, np.uint8)
    values[INK] -= 1
    values[120:, 300:] = 0
    path = write_capture(capture(values[None, :, :, None]), tmp_path / "a.dcm")
    found = find_candidates(path, detector=SeesFaint(confidence))

    assert [each.is_doubtful for each in found.candidates] == [is_doubtful]
    codes = {"deid.writing-faint", "deid.writing-unclear"} if is_doubtful else set()
    assert {each.code for each in found.findings} == codes
