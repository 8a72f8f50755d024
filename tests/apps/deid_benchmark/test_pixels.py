"""Writing in pictures: hidden only when its letters changed and no longer stand out."""

import numpy as np
import pydicom
import pytest
from tests.support.benchmark_objects import Trial, ink, line, made, written

from radcommons.apps.deid_benchmark.key import Action, BurnedIn, Check
from radcommons.apps.deid_benchmark.pictures import alike, blocks_of, decoded
from radcommons.apps.deid_benchmark.scoring.pixels import PixelTask, compare
from radcommons.apps.deid_benchmark.scoring.score import Tally

MASK = ink(12, 60)
BOX = (slice(20, 32), slice(30, 90))
HIDDEN = Check(Action.PIXELS_HIDDEN, "burned-in", "name", "PixelData", "OKONJO", "OKONJO")


def ground(frames=1, *, dtype="<u2"):
    rng = np.random.default_rng(7)
    return rng.integers(400, 600, (frames, 200, 220)).astype(dtype)


def with_writing(frames=1, only=None):
    pixels = ground(frames)
    for index in range(frames) if only is None else only:
        pixels[index][BOX][MASK] = 4000
    return pixels


def compared(tmp_path, before, after, *lines):
    first = written(made({}, pixels=before), tmp_path / "a.dcm")
    second = written(made({}, pixels=after), tmp_path / "b.dcm")
    return compare(PixelTask(0, str(first), str(second), lines))


WRITING = line(MASK, at=(30, 20))


def test_untouched_writing_is_not_hidden(tmp_path):
    seen = compared(tmp_path, with_writing(), with_writing(), WRITING)

    assert not seen.lines[0].is_hidden
    assert seen.lines[0].changed == 0
    assert seen.lines[0].contrast == 1


@pytest.mark.parametrize("value", [0, 4000, 500])
def test_a_box_of_one_value_hides_it(tmp_path, value):
    after = with_writing()
    after[0][BOX] = value

    seen = compared(tmp_path, with_writing(), after, WRITING)

    # A box as bright as the letters were leaves their pixels as they are, and shows nothing any more.
    assert seen.lines[0].contrast <= 0.1
    assert seen.lines[0].changed == (value != 4000)
    assert seen.lines[0].is_hidden


def test_letters_in_another_colour_are_still_legible(tmp_path):
    after = with_writing()
    after[0][BOX][MASK] = 2500

    seen = compared(tmp_path, with_writing(), after, WRITING)

    assert seen.lines[0].changed == 1
    assert not seen.lines[0].is_hidden


def test_inverted_pixels_are_still_legible(tmp_path):
    before = with_writing()

    assert not compared(tmp_path, before, (4095 - before).astype("<u2"), WRITING).lines[0].is_hidden


def test_noise_upon_the_letters_does_not_hide_them(tmp_path):
    before = with_writing()
    after = (before + np.random.default_rng(1).integers(1, 60, before.shape)).astype("<u2")

    assert not compared(tmp_path, before, after, WRITING).lines[0].is_hidden


def test_half_a_line_left_is_not_hidden(tmp_path):
    after = with_writing()
    after[0, 20:32, 30:60] = 0

    seen = compared(tmp_path, with_writing(), after, WRITING)

    assert 0.3 < seen.lines[0].changed < 0.7
    assert not seen.lines[0].is_hidden


def test_letters_painted_over_with_their_surroundings_are_hidden(tmp_path):
    seen = compared(tmp_path, with_writing(), ground(), WRITING)

    assert seen.lines[0].is_hidden
    assert seen.changed_outside == 0


def test_every_frame_that_carries_the_line_counts(tmp_path):
    after = with_writing(4, only=(1, 2))
    after[1][BOX] = 0
    writing = line(MASK, at=(30, 20), frames=(1, 2))

    assert not compared(tmp_path, with_writing(4, only=(1, 2)), after, writing).lines[0].is_hidden
    after[2][BOX] = 0
    assert compared(tmp_path, with_writing(4, only=(1, 2)), after, writing).lines[0].is_hidden


def test_a_change_far_from_any_line_is_counted(tmp_path):
    after = with_writing()
    after[0][BOX] = 0
    after[0, 190, 205:210] = 0

    assert compared(tmp_path, with_writing(), after, WRITING).changed_outside == 5


def test_a_generous_box_near_the_line_is_not_held_against_a_tool(tmp_path):
    after = with_writing()
    after[0, 10:42, 10:110] = 0

    assert compared(tmp_path, with_writing(), after, WRITING).changed_outside == 0


def test_pixels_that_are_gone_hide_everything_and_keep_nothing(tmp_path):
    first = written(made({}, pixels=with_writing()), tmp_path / "a.dcm")
    second = written(made({}), tmp_path / "b.dcm")

    seen = compare(PixelTask(0, str(first), str(second), (WRITING,)))

    assert seen.lines[0].is_hidden
    assert not seen.is_comparable


def test_another_shape_of_picture_is_never_judged_hidden(tmp_path):
    seen = compared(tmp_path, with_writing(), with_writing()[:, ::2, ::2].copy(), WRITING)

    assert not seen.lines[0].is_hidden
    assert not seen.is_comparable


def test_a_line_of_which_only_the_box_is_known_needs_a_box_of_one_value(tmp_path):
    unknown = BurnedIn("pixels", (30, 20, 60, 12), None, "text", "OKONJO")
    after = with_writing()
    after[0][BOX] = 0

    assert not compared(tmp_path, with_writing(), ground(), unknown).lines[0].is_hidden
    assert compared(tmp_path, with_writing(), after, unknown).lines[0].is_hidden


def with_overlay(bits):
    dataset = made({}, pixels=ground())
    if bits is not None:
        for element, vr, value in (
            (0x10, "US", bits.shape[0]),
            (0x11, "US", bits.shape[1]),
            (0x100, "US", 1),
            (0x102, "US", 0),
        ):
            dataset.add_new(0x60000000 | element, vr, value)
        dataset.add_new(0x60003000, "OW", np.packbits(bits.ravel(), bitorder="little").tobytes())
    return dataset


def test_an_overlay_is_hidden_when_it_is_gone_or_wiped(tmp_path):
    bits = np.zeros((32, 64), dtype=bool)
    bits[4:16, 2:62] = MASK
    drawn = BurnedIn("overlay", (2, 4, 60, 12), None, "name", "OKONJO", line(MASK, at=(2, 4)).glyphs)
    before = written(with_overlay(bits), tmp_path / "a.dcm")
    hidden = []
    for number, after in enumerate((bits, np.zeros_like(bits), None)):
        path = written(with_overlay(after), tmp_path / f"{number}.dcm")
        hidden.append(compare(PixelTask(0, str(before), str(path), (drawn,))).lines[0].is_hidden)

    assert hidden == [False, True, True]


def with_icon(value):
    dataset = made({}, pixels=ground())
    if value is not None:
        icon = pydicom.Dataset()
        icon.Rows, icon.Columns = value.shape
        icon.add_new(0x7FE00010, "OW", value.tobytes())
        dataset.IconImageSequence = [icon]
    return dataset


def test_an_icon_is_hidden_when_it_is_gone_or_wiped(tmp_path):
    icon = np.full((32, 64), 60, dtype="u1")
    icon[4:16, 2:62][MASK] = 230
    drawn = BurnedIn("icon", (2, 4, 60, 12), None, "name", "OKONJO", line(MASK, at=(2, 4)).glyphs)
    before = written(with_icon(icon), tmp_path / "a.dcm")
    hidden = []
    for number, after in enumerate((icon, np.zeros_like(icon), None)):
        path = written(with_icon(after), tmp_path / f"{number}.dcm")
        hidden.append(compare(PixelTask(0, str(before), str(path), (drawn,))).lines[0].is_hidden)

    assert hidden == [False, True, True]


def test_legible_writing_is_a_leak_with_its_place(tmp_path):
    trial = Trial(tmp_path)
    trial.plant({}, HIDDEN, pixels=with_writing(), burned_in=(WRITING,))
    trial.give({}, pixels=with_writing())

    score = trial.score()

    assert [(leak.slot, leak.found_at, leak.text) for leak in score.leaks] == [("burned-in", "PixelData", "OKONJO")]
    assert score.actions["pixels_hidden"] == Tally(0, 1)


def test_a_marker_that_stays_is_praised_and_never_a_leak(tmp_path):
    trial = Trial(tmp_path)
    trial.plant({}, pixels=with_writing(), burned_in=(line(MASK, at=(30, 20), kind="marker", text="L"),))
    trial.give({}, pixels=with_writing())

    score = trial.score()

    assert score.leaks == []
    assert score.markers == Tally(1, 1)


def test_pictures_are_alike_by_the_fields_that_are_equal(tmp_path):
    before, after = with_writing(), with_writing()
    after[0][BOX] = 0
    first, second = (
        blocks_of(decoded(pydicom.dcmread(written(made({}, pixels=pixels), tmp_path / "x.dcm"))))
        for pixels in (before, after)
    )

    assert alike(first, first) == 1
    assert 0.8 < alike(first, second) < 1
    assert alike(first, "") == 0


def test_a_picture_that_cannot_be_decoded_is_none():
    dataset = made({}, pixels=ground())
    dataset.Rows = 60000

    assert decoded(dataset) is None
