"""What nobody sees on an even ground is brought out; noise and what is seen anyway are not."""

import numpy as np
import pytest
from tests.support.drawn import written

from radcommons.deid.pixels.faint import faint_picture

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
