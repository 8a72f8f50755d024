"""Making pixels visible, maps of interest, sheets, frames: what leads a detector to writing, without a recogniser."""

from typing import ClassVar

import numpy as np
import pytest
from tests.support.drawn import capture, values_of, write_capture, written
from tests.support.planted_pixels import made_picture

from radcommons.deid.pixels.boxes import Box, mask_of, share_covered
from radcommons.deid.pixels.footage import MOST_FRAMES, look_at_frames
from radcommons.deid.pixels.interest import CELL, interest_map, regions_of
from radcommons.deid.pixels.pyramid import levels_of
from radcommons.deid.pixels.shapes import ShapeFinder
from radcommons.deid.pixels.sheets import cut, laid_out, spread
from radcommons.deid.pixels.sightings import Fine, Sighting
from radcommons.deid.pixels.views import pictures_of
from radcommons.dicom.part10 import open_part10
from radcommons.dicom.pixels import FrameReader


class Scripted:
    """A detector that sees what is bright: one box around everything above a level."""

    name = "scripted"
    may_vouch = True

    def __init__(self, text="NAME"):
        self.pictures = []
        self.known = []
        self.text = text

    def find(self, picture, *, known=(), fine=None):
        self.fine = fine
        self.pictures.append(picture)
        self.known.append(tuple(known))
        rows, columns = np.nonzero(picture > 150)
        if not rows.size:
            return ()
        left, top = int(columns.min()), int(rows.min())
        return (Sighting(Box(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1), self.text, 0.9),)


def reader_of(dataset, tmp_path):
    return FrameReader(open_part10(write_capture(dataset, tmp_path / "a.dcm")))


def views(tmp_path, values, **attributes):
    reader = reader_of(capture(values, **attributes), tmp_path)
    seen, reduction = pictures_of(reader.decode(0), reader.header, 0)
    return [view.picture for view in seen], reduction


def test_interest_fires_on_letters_and_not_on_edges_or_noise():
    picture = written("OKAFOR AMARA 03.02.1950")
    picture = np.maximum(picture, np.where(np.arange(320) > 200, 90, 0).astype(np.uint8))
    noisy = np.clip(picture + np.random.default_rng(1).normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
    fired = interest_map(noisy)

    assert fired[5:10, 5:40].mean() > 0.6
    assert fired[20:].sum() == 0


def test_regions_are_separate_and_none_lies_inside_another():
    picture = np.maximum(written("OKAFOR"), written("12.03.1950", at=(150, 200)))
    regions = regions_of(interest_map(picture), picture.shape)

    assert len(regions) == 2
    assert all(region.width > region.height for region in regions)
    assert regions_of(np.zeros((8, 8), dtype=bool), (32, 32)) == ()


@pytest.mark.parametrize("seed", range(200, 212))
def test_every_planted_glyph_lies_where_the_map_fires(seed):
    picture = made_picture(seed)
    grey = (np.clip(picture.values, 0, 1) * 255).astype(np.uint8)
    covered = np.zeros(grey.shape, dtype=bool)
    for level in levels_of(grey):
        for region in level.regions:
            ends = [round(end / level.scale) for end in (region.top, region.bottom, region.left, region.right)]
            covered[ends[0] : ends[1], ends[2] : ends[3]] = True

    assert all(covered[each.mask].mean() > 0.9 for each in picture.planted if each.mask.any())


def test_large_letters_are_found_at_a_coarser_level():
    picture = written("AMARA", (600, 800), height=80)
    boxes = [each.box for each in ShapeFinder().find(picture)]

    rows, columns = np.nonzero(picture > 100)
    assert mask_of(boxes, 600, 800)[rows, columns].mean() > 0.95


def test_a_very_large_image_is_looked_at_smaller(tmp_path):
    values = np.zeros((1, 3000, 3200, 1), "<u2")
    values[0, :10] = 900
    pictures, reduction = views(tmp_path, values, BitsStored=12)

    assert (reduction, pictures[0].shape) == (4, (750, 800))


@pytest.mark.parametrize("level", [4095, 0, 1700])
def test_writing_at_any_stored_value_has_contrast(tmp_path, level):
    """Against tissue that fills a narrow window somewhere in the middle of the range."""
    rng = np.random.default_rng(2)
    values = rng.normal(1500, 15, (1, 256, 320, 1)).clip(0, 4095).astype("<u2")
    values[0, 100:150, 100:200] = 3000
    shape = written("OKAFOR AMARA") > 120
    values[0][shape] = level
    (picture,), _ = views(tmp_path, values, BitsStored=12, WindowCenter="1500", WindowWidth="900")

    gap = abs(float(picture[shape].mean()) - float(picture[:30, 200:][~shape[:30, 200:]].mean()))
    assert gap > 30
    assert interest_map(picture)[5:10, 5:25].mean() > 0.4


def test_inverted_grey_is_shown_as_people_see_it(tmp_path):
    values = np.zeros((1, 64, 64, 1), "<u2")
    values[0, :, 32:] = 1000
    (plain,), _ = views(tmp_path, values, BitsStored=12)
    (inverted,), _ = views(tmp_path, values, BitsStored=12, PhotometricInterpretation="MONOCHROME1")

    assert plain[0, 0] < plain[0, 63]
    assert inverted[0, 0] > inverted[0, 63]


def test_coloured_writing_as_bright_as_its_ground_is_seen_in_a_picture_of_its_own(tmp_path):
    values = np.full((1, 256, 320, 3), 120, "u1")
    values[0][written("OKAFOR AMARA") > 120] = (250, 62, 62)
    pictures, _ = views(tmp_path, values)

    assert interest_map(pictures[-1])[5:10, 5:25].mean() > 0.4
    assert len(views(tmp_path, np.full((1, 64, 64, 3), 120, "u1"))[0]) == 1


def test_a_palette_is_looked_up(tmp_path):
    values = (written("OKAFOR")[None, :, :, None] > 120).astype("u1")
    tables = {}
    for color in ("Red", "Green", "Blue"):
        tables[f"{color}PaletteColorLookupTableDescriptor"] = [2, 0, 16]
        tables[f"{color}PaletteColorLookupTableData"] = np.array([65535, 0], "<u2").tobytes()
    (picture,), _ = views(tmp_path, values, PhotometricInterpretation="PALETTE COLOR", **tables)

    assert picture[0, 0] == 255
    assert picture.min() == 0


def test_points_of_a_sheet_are_points_of_the_image():
    picture = np.zeros((200, 300), np.uint8)
    picture[50:140, 30:42] = 200
    picture[150:162, 100:190] = 200
    places = [(24, 44, 48, 146), (94, 144, 196, 168)]
    cuttings = [
        cut(picture[top:bottom, left:right], (left, top), scale=0.5, is_turned=False, is_flattened=False)
        for left, top, right, bottom in places
    ]
    (sheet,) = laid_out(cuttings)

    assert [each.is_turned for each in cuttings] == [True, False]
    for cutting, (column, row) in zip(sheet.cuttings, sheet.positions, strict=True):
        rows, columns = np.nonzero(cutting.picture > 100)
        corners = np.array(
            [[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]], dtype=np.float32
        ) + np.array([column, row], dtype=np.float32)
        found, inner = sheet.cutting_at(corners)
        assert found is cutting
        points = found.to_image(inner)
        expected = (60, 100, 84, 280) if cutting.is_turned else (200, 300, 380, 324)
        assert np.allclose([*points.min(axis=0), *points.max(axis=0)], expected, atol=4)
    assert sheet.cutting_at(np.full((2, 2), 5000, np.float32)) is None


def test_what_goes_beyond_a_cutting_ends_with_it():
    picture = np.full((400, 400), 90, np.uint8)
    cuttings = [
        cut(picture[top : top + 80, :80], (0, top), scale=1, is_turned=False, is_flattened=False) for top in (0, 300)
    ]
    (sheet,) = laid_out(cuttings)
    whole = np.array([[0, 0], [sheet.picture.shape[1], sheet.picture.shape[0]]], dtype=np.float32)
    cutting, inner = sheet.cutting_at(whole + np.array([8, 0], np.float32))

    assert np.ptp(cutting.to_image(inner), axis=0).max() <= 80 + 12


def test_many_cuttings_take_several_sheets():
    picture = np.zeros((1000, 1000), np.uint8)
    cuttings = [cut(picture[:500, :900], (0, 0), scale=1, is_turned=False, is_flattened=True) for _ in range(5)]
    sheets = laid_out(cuttings)

    assert sum(len(sheet.cuttings) for sheet in sheets) == 5
    assert len(sheets) > 1
    assert all(side % 32 == 0 for sheet in sheets for side in sheet.picture.shape)
    assert laid_out([]) == []


def test_an_even_piece_is_not_blown_up_to_noise():
    assert np.ptp(spread(np.array([[100, 103], [101, 102]], np.uint8))) < 20


def footage(tmp_path, frames, **attributes):
    detector = Scripted()
    values = np.stack(frames)[:, :, :, None]
    return look_at_frames(reader_of(capture(values, **attributes), tmp_path), detector), detector


def test_one_frame_is_read_once(tmp_path):
    seen, detector = footage(tmp_path, [written("OKAFOR")])

    assert (len(detector.pictures), seen.frames_seen, seen.is_exhausted) == (1, 1, False)
    assert seen.sightings[0].box.frames is None


def test_writing_in_some_frames_concerns_these_and_their_neighbours(tmp_path):
    plain, named = np.full((128, 256), 12, np.uint8), written("OKAFOR AMARA", (128, 256))
    seen, _ = footage(tmp_path, [plain] * 8 + [named] * 3 + [plain] * 19)

    (sighting,) = seen.sightings
    assert sighting.box.frames == (7, 8, 9, 10, 11)


def test_writing_that_stands_still_concerns_all_frames(tmp_path):
    rng = np.random.default_rng(3)
    shape = written("OKAFOR AMARA", (128, 256))
    frames = [np.maximum(shape, rng.integers(0, 90, shape.shape).astype(np.uint8)) for _ in range(12)]
    seen, detector = footage(tmp_path, frames)

    assert {sighting.box.frames for sighting in seen.sightings} == {None}
    assert detector.pictures[-2].astype(int).mean() < detector.pictures[-1].astype(int).mean()


def test_of_very_many_frames_a_choice_is_looked_at_and_said(tmp_path):
    frames = [np.zeros((16, 16), np.uint8)] * (MOST_FRAMES + 60)
    seen, _ = footage(tmp_path, frames)

    assert seen.frames_seen == MOST_FRAMES


def test_frames_that_all_differ_are_not_all_read_and_that_is_said(tmp_path):
    frames = [written("OKAFOR", (400, 400), at=(10 + 180 * (n % 2), 12 * n)) for n in range(30)]
    seen, _ = footage(tmp_path, frames)

    assert seen.is_exhausted


def test_an_image_smaller_than_a_cell_is_no_trouble(tmp_path):
    seen, _ = footage(tmp_path, [np.zeros((2, CELL - 1), np.uint8)] * 2)

    assert seen.sightings == ()
    assert ShapeFinder().find(np.zeros((2, 3), np.uint8)) == ()


def test_the_fallback_covers_writing_and_vouches_for_nothing(tmp_path):
    picture = written("OKAFOR AMARA", (400, 500))
    boxes = [each.box for each in ShapeFinder().find(picture)]

    rows, columns = np.nonzero(picture > 100)
    assert mask_of(boxes, 400, 500)[rows, columns].all()
    assert share_covered(Box(0, 200, 500, 200), boxes) == 0
    assert not ShapeFinder.may_vouch
    assert values_of({"BitsAllocated": 8, "BitsStored": 8}, 2, 2).shape == (1, 2, 2, 1)


def test_what_is_blackened_anyway_is_not_looked_at_and_sure_writing_not_twice(tmp_path):
    values = np.zeros((3, 64, 96, 1), np.uint8)
    values[:, 10:20, 10:60] = 230
    values[:, 50:60, 10:60] = 230
    detector = Scripted()

    look_at_frames(reader_of(capture(values), tmp_path), detector, black=[Box(0, 0, 96, 30)])

    assert all(not picture[:30].any() and picture[50:60].any() for picture in detector.pictures)
    assert detector.known[0] == ()
    assert detector.known[1] == (Box(10, 50, 50, 10),)


def test_a_marker_is_read_anew_in_every_frame(tmp_path):
    values = np.zeros((2, 64, 96, 1), np.uint8)
    values[:, 10:20, 10:60] = 230
    detector = Scripted("LATERAL")

    look_at_frames(reader_of(capture(values), tmp_path), detector)

    assert set(detector.known) == {()}


def test_small_writing_in_a_large_image_is_cut_from_the_image_itself(tmp_path):
    values = np.full((2, 3000, 2900), 300, "u2")[0]
    values[1000:1014, 800:1000] = np.where(written("OKAFOR 77120934", (14, 200), at=(2, 0), height=13) > 120, 900, 300)
    fine = Fine(values, 2)
    piece = fine.piece(400, 495, 500, 510)

    assert piece.shape == (30, 200)
    assert (int(piece.min()), int(piece.max())) == (0, 255)
    np.testing.assert_array_equal(piece[10:24] > 127, values[1000:1014, 800:1000] > 600)
    assert fine.piece(0, 0, 10, 10).max() == 0
    assert Fine(np.zeros((40, 40, 3), np.uint8), 2).piece(0, 0, 8, 4).shape == (8, 16)


def test_only_a_picture_that_was_made_smaller_comes_with_its_image(tmp_path):
    class Remembering:
        name = "remembering"
        may_vouch = True
        factors: ClassVar[list] = []

        def find(self, _picture, *, fine=None, **_known):
            self.factors.append(None if fine is None else fine.factor)
            return ()

    for rows in (240, 2900):
        values = np.zeros((1, rows, 2900, 1), "u1")
        file = open_part10(write_capture(capture(values), tmp_path / f"{rows}.dcm"))
        look_at_frames(FrameReader(file), Remembering())

    assert Remembering.factors == [None, 4]
