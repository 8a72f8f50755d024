"""Series whose headers say that nothing is written in them: where writing hides all the same."""

import importlib.util

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless
from tests.support.pictures_with_writing import BANNER, ct_slice, write_ct_series

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.detection import best_detector
from radcommons.deid.pixels.series import SeriesLook, drawn_pixels, look_at_series
from radcommons.deid.pixels.sightings import Sighting

COUNT = 9


class Counting:
    """A detector that sees nothing and remembers how many pictures it was shown."""

    name = "counting"
    may_vouch = True

    def __init__(self, *sightings):
        self.shown, self.sightings = 0, sightings

    def find(self, _picture, **_known):
        self.shown += 1
        return self.sightings


@pytest.fixture(scope="module")
def recogniser():
    assert importlib.util.find_spec("rapidocr_onnxruntime"), "the development environment has the recogniser"
    return best_detector()


def slices(*texts, at=(), value=1400):
    """A series with texts in some of its slices."""
    return [ct_slice(number, *(texts if number in at else ()), value=value) for number in range(1, COUNT + 1)]


def test_a_series_without_writing_costs_three_readings(tmp_path, recogniser):
    look = look_at_series(write_ct_series(tmp_path, slices()), detector=recogniser)

    assert look == SeriesLook(has_writing=False, counted=COUNT, read=3)


@pytest.mark.parametrize(
    "at",
    [
        pytest.param((1,), id="a sheet before the first slice"),
        pytest.param((9,), id="a sheet behind the last slice"),
        pytest.param((7,), id="one slice between those that are read"),
        pytest.param(tuple(range(1, 10)), id="a banner in every slice"),
    ],
)
def test_writing_in_some_slices_is_found(tmp_path, recogniser, at):
    paths = write_ct_series(tmp_path, slices((BANNER, 12, 6), at=at))

    assert look_at_series(paths, detector=recogniser).has_writing


def test_writing_amid_the_body_in_its_own_grey_is_found_by_its_value(tmp_path, recogniser):
    paths = write_ct_series(tmp_path, slices((BANNER, 70, 120), at=(3,), value=1043))

    assert look_at_series(paths, detector=recogniser).has_writing


def test_a_page_of_another_size_is_read(tmp_path, recogniser):
    small = [values[:, :280] for values in slices()]
    page = ct_slice(1, ("PATIENT DOSE REPORT", 12, 6))
    paths = write_ct_series(tmp_path, [*small[:5], page, *small[5:]])

    assert look_at_series(paths, detector=recogniser).has_writing


def test_frames_of_one_object_and_compressed_ones_are_a_series_as_well(tmp_path, recogniser):
    frames = np.stack(slices((BANNER, 12, 6), at=(7,)))
    (path,) = write_ct_series(tmp_path, [frames[0]], NumberOfFrames=str(COUNT), PixelData=frames.tobytes())
    assert look_at_series([path], detector=recogniser).has_writing

    dataset = dcmread(path)
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(path)
    look = look_at_series([path], detector=recogniser)
    assert (look.has_writing, look.counted) == (True, COUNT)


def test_pixels_that_were_drawn_are_told_from_noise_and_steps_of_the_scale():
    plain, lettered = ct_slice(1), ct_slice(1, (BANNER, 70, 120), value=1043)
    drawn = drawn_pixels(lettered)

    assert np.count_nonzero(drawn) > 200
    assert np.argwhere(drawn).min() >= 70
    assert drawn_pixels(plain) is None
    assert drawn_pixels(plain.clip(24, 1040)) is None or drawn_pixels(plain.clip(24, 1040)).mean() > 0.1
    assert drawn_pixels(plain // 4 * 4) is None
    assert drawn_pixels(plain.astype(np.float32)) is None
    assert drawn_pixels(np.zeros((0, 0), np.uint16)) is None


@pytest.mark.parametrize(
    ("sighting", "is_writing"),
    [
        (Sighting(Box(10, 10, 40, 12), "OKAFOR", 0.9), True),
        (Sighting(Box(10, 10, 40, 12), "8", 0.7), False),
        (Sighting(Box(10, 10, 40, 12), "77", 0.8), True),
        (Sighting(Box(10, 10, 20, 22), "L", 0.95), False),
    ],
    ids=["a word", "an outline, poorly read", "two figures, the same in every slice", "a side marker"],
)
def test_a_word_or_what_is_read_twice_in_one_place_is_writing(tmp_path, sighting, is_writing):
    detector = Counting(sighting)
    look = look_at_series(write_ct_series(tmp_path, slices()), detector=detector)

    assert (look.has_writing, look.read, detector.shown) == (is_writing, 3, 3)


def test_what_cannot_be_read_is_counted_and_nothing_is_said_of_it(tmp_path):
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"no such object")

    assert look_at_series([broken], detector=Counting()) == SeriesLook(has_writing=False, counted=0, read=0)


def test_files_of_a_long_series_beyond_those_that_stay_mapped_are_counted_as_well(tmp_path):
    first = write_ct_series(tmp_path, slices()[:1])[0]
    look = look_at_series([first] * 170, detector=Counting())

    assert (look.counted, look.unseen) == (170, 0)
