"""What is found in whole objects, and what the verdict is; the recogniser itself runs on a few."""

import importlib.util

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset
from tests.support.drawn import capture, write_capture, written
from tests.support.planted_pixels import as_dicom, made_picture

from radcommons.deid.pixel_text import PixelText
from radcommons.deid.pixels import detection, ocr
from radcommons.deid.pixels.boxes import Box, mask_of
from radcommons.deid.pixels.detection import best_detector, find_candidates, verify_redacted
from radcommons.deid.pixels.redaction import redact
from radcommons.deid.pixels.rules import RectangleRule
from radcommons.deid.pixels.shapes import ShapeFinder
from radcommons.deid.pixels.sightings import Sighting
from radcommons.dicom.isolation import LimitedPool
from radcommons.dicom.part10 import open_part10


class Fixed:
    """A detector that always sees the same."""

    name = "fixed"
    may_vouch = True

    def __init__(self, *sightings):
        self.sightings = sightings

    def find(self, _picture, **_known):
        return self.sightings


SIDE = Sighting(Box(200, 30, 20, 24), "L", 0.95)
NAME = Sighting(Box(20, 20, 130, 24), "OKAFOR", 0.9)


@pytest.fixture
def path(tmp_path):
    return write_capture(capture(written("OKAFOR AMARA")[None, :, :, None]), tmp_path / "a.dcm")


@pytest.mark.parametrize(
    ("seen", "verdict", "boxes"),
    [
        ((), PixelText.CLEAN, 0),
        ((SIDE,), PixelText.CLEAN, 0),
        ((SIDE, NAME), PixelText.REDACTED, 1),
    ],
)
def test_the_verdict_follows_what_is_left_to_blacken(path, seen, verdict, boxes):
    found = find_candidates(path, detector=Fixed(*seen))

    assert (found.verdict, len(found.boxes), found.size) == (verdict, boxes, (256, 320, 1))
    assert {each.kind for each in found.candidates} <= {"text"}


def test_allowed_words_stay(path):
    room = Sighting(Box(20, 60, 130, 24), "Saal 3", 0.9)

    assert find_candidates(path, detector=Fixed(room)).boxes == (room.box,)
    assert find_candidates(path, detector=Fixed(room), markers=("Saal 3",)).boxes == ()


@pytest.mark.parametrize(("name", "stays"), [("Okafor^Ada", True), ("Li^Bo", False), ("Wang^Li", False)])
def test_a_marker_that_is_a_name_of_the_study_goes(tmp_path, name, stays):
    written_li = Sighting(Box(200, 30, 30, 24), "LI", 0.95)
    values = written("LI")[None, :, :, None]
    path = write_capture(capture(values, PatientName=name), tmp_path / "a.dcm")
    found = find_candidates(path, detector=Fixed(written_li))

    assert [each.is_marker for each in found.candidates] == [stays]
    assert bool(found.boxes) is not stays


def test_rectangles_of_the_site_are_blackened_whatever_is_seen(path):
    rule = RectangleRule.from_table({"modality": "OT", "boxes": [[0, 0, 5000, 40]]})
    found = find_candidates(path, detector=Fixed(), rules=(rule,))

    assert [(each.kind, each.box) for each in found.candidates] == [("site", Box(0, 0, 320, 40))]
    assert found.verdict is PixelText.REDACTED


def test_devices_and_ultrasound_regions_are_known(tmp_path):
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 60
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 639, 479
    values = np.zeros((1, 480, 640, 1), "u1")
    dataset = capture(values, Modality="US", Manufacturer="Philips", ManufacturerModelName="iU22")
    dataset.SequenceOfUltrasoundRegions = [region]
    found = find_candidates(write_capture(dataset, tmp_path / "a.dcm"), detector=Fixed())

    assert {(each.kind, each.box) for each in found.candidates} == {
        ("device", Box(0, 0, 640, 47)),
        ("region", Box(0, 0, 640, 60)),
    }


def test_what_cannot_be_seen_needs_a_person(tmp_path, path):
    (tmp_path / "odd.dcm").write_bytes(b"no DICOM at all")
    dataset = capture(written("x")[None, :, :, None])
    dataset.PixelData = dataset.PixelData[:100]
    short = write_capture(dataset, tmp_path / "short.dcm")

    for broken in (tmp_path / "odd.dcm", short):
        found = find_candidates(broken, detector=Fixed())
        assert found.verdict is PixelText.NEEDS_PERSON
        assert found.findings


def test_without_a_recogniser_a_person_must_look(path, monkeypatch):
    monkeypatch.setattr(detection, "is_available", lambda: False)
    assert isinstance(best_detector(), ShapeFinder)

    found = find_candidates(path, detector=best_detector())
    assert found.verdict is PixelText.NEEDS_PERSON
    assert [finding.code for finding in found.findings] == ["deid.pixels-not-read"]
    assert {each.kind for each in found.candidates} == {"shape"}


def test_many_frames_are_not_vouched_for(tmp_path):
    values = np.zeros((300, 8, 8, 1), "u1")
    found = find_candidates(write_capture(capture(values), tmp_path / "a.dcm"), detector=Fixed())

    assert found.verdict is PixelText.NEEDS_PERSON
    assert [finding.code for finding in found.findings] == ["deid.frames-not-seen"]


def test_tiles_are_not_vouched_for(tmp_path):
    tiles = capture(np.zeros((4, 32, 32, 1), "u1"), TotalPixelMatrixColumns=64, TotalPixelMatrixRows=64)
    found = find_candidates(write_capture(tiles, tmp_path / "a.dcm"), detector=Fixed())

    assert found.verdict is PixelText.NEEDS_PERSON
    assert [finding.code for finding in found.findings] == ["deid.tiles-read-apart"]


def test_the_second_look_counts_what_stands_outside_the_black(path):
    file = open_part10(path)
    inside = verify_redacted(file, [Box(0, 0, 200, 60)], detector=Fixed(NAME, SIDE))
    outside = verify_redacted(file, [Box(0, 100, 200, 60)], detector=Fixed(NAME, SIDE))

    assert (inside.verdict, inside.candidates) == (PixelText.REDACTED, ())
    assert outside.verdict is PixelText.NEEDS_PERSON
    assert [finding.code for finding in outside.findings] == ["deid.pixel-text-left"]
    assert not any("OKAFOR" in finding.message for finding in outside.findings)


@pytest.fixture(scope="module")
def recogniser():
    assert importlib.util.find_spec("rapidocr_onnxruntime"), "the development environment has the recogniser"
    return best_detector()


def test_planted_names_are_read_blackened_and_gone(tmp_path, recogniser):
    """One picture of each modality, in the form it is stored in: the whole way."""
    rng = np.random.default_rng(9)
    for seed in (302, 303, 304):
        picture = made_picture(seed)
        file = open_part10(as_dicom(picture, tmp_path / f"{seed}.dcm", rng))
        found = find_candidates(tmp_path / f"{seed}.dcm", detector=recogniser)

        black = mask_of(found.boxes, *picture.values.shape)
        assert all(black[each.mask].mean() > 0.9 for each in picture.planted if not each.is_hard and each.mask.any())
        assert found.verdict is PixelText.REDACTED
        after = redact(file, found.boxes)
        assert not after.is_refused
        assert verify_redacted(after.file, found.boxes, detector=recogniser).verdict is PixelText.REDACTED


def test_a_line_poorly_read_where_it_was_seen_largest_is_read_where_it_was_seen_finest(tmp_path, recogniser):
    picture = made_picture(7213)
    path = as_dicom(picture, tmp_path / "a.dcm", np.random.default_rng(7213))
    (date,) = (each for each in picture.planted if each.text == "21.09.1939")

    black = mask_of(find_candidates(path, detector=recogniser).boxes, *picture.values.shape)
    assert black[date.mask].mean() > 0.99


def test_a_side_marker_is_read_and_stays_and_a_plain_picture_is_clean(tmp_path, recogniser):
    values = np.full((1, 600, 700, 1), 40, "u1")
    values[0, :, :, 0] = np.maximum(40, written("R", (600, 700), at=(40, 300), height=44))
    marked = find_candidates(write_capture(capture(values), tmp_path / "a.dcm"), detector=recogniser)
    plain = as_dicom(made_picture(61, is_clean=True), tmp_path / "b.dcm", np.random.default_rng(1))

    assert marked.boxes == ()
    assert find_candidates(plain, detector=recogniser).verdict is PixelText.CLEAN


def test_writing_along_an_edge_is_read(tmp_path, recogniser):
    values = np.rot90(written("OKAFOR 77120934", (256, 500))).copy()[None, :, :, None]
    found = find_candidates(write_capture(capture(values), tmp_path / "a.dcm"), detector=recogniser)

    assert mask_of(found.boxes, *values.shape[1:3])[values[0, :, :, 0] > 120].mean() > 0.97
    assert any("77120934" in each.text for each in found.candidates)


@pytest.mark.parametrize("turn", [-20, 45])
def test_leaning_writing_is_read(tmp_path, recogniser, turn):
    leaning = Image.fromarray(written("OKAFOR 77120934", (320, 400), at=(90, 150))).rotate(turn)
    values = np.asarray(leaning)[None, :, :, None].copy()
    found = find_candidates(write_capture(capture(values), tmp_path / "a.dcm"), detector=recogniser)

    assert mask_of(found.boxes, *values.shape[1:3])[values[0, :, :, 0] > 120].mean() > 0.97


def test_letters_as_large_as_a_body_are_read(tmp_path, recogniser):
    values = written("WANDA", (300, 500), at=(20, 60), height=130)[None, :, :, None]
    found = find_candidates(write_capture(capture(values), tmp_path / "a.dcm"), detector=recogniser)

    assert found.verdict in {PixelText.REDACTED, PixelText.NEEDS_PERSON}
    assert mask_of(found.boxes, *values.shape[1:3])[values[0, :, :, 0] > 120].mean() > 0.99


def test_two_letters_as_large_as_anatomy_are_read(tmp_path, recogniser):
    values = written("JD", (640, 640), at=(40, 100), height=220)[None, :, :, None]
    found = find_candidates(write_capture(capture(values), tmp_path / "a.dcm"), detector=recogniser)

    assert found.verdict is not PixelText.CLEAN
    assert mask_of([each.box for each in found.candidates], *values.shape[1:3])[values[0, :, :, 0] > 120].mean() > 0.99


def test_large_strokes_far_apart_are_seen_in_the_whole_picture(tmp_path, recogniser):
    page = Image.fromarray(np.random.default_rng(4).integers(95, 110, (1024, 1024)).astype("u1"))
    pen = ImageDraw.Draw(page)
    for corners in ((400, 600, 432, 920), (400, 888, 600, 920), (640, 600, 672, 920)):
        pen.rounded_rectangle(corners, radius=16, fill=255)
    values = np.asarray(page)[None, :, :, None].copy()
    found = find_candidates(write_capture(capture(values), tmp_path / "a.dcm"), detector=recogniser)

    assert mask_of([each.box for each in found.candidates], 1024, 1024)[values[0, :, :, 0] == 255].mean() > 0.99


@pytest.mark.parametrize("turn", [62, 40])
def test_small_writing_that_leans_over_the_rim_of_a_head_is_read(tmp_path, recogniser, turn):
    rows, columns = np.mgrid[0:256, 0:256]
    away = np.hypot((columns - 128) / 87, (rows - 128) / 108)
    head = np.where(away < 1, 70, 4) + 130 * np.exp(-(((away - 0.98) / 0.03) ** 2))
    line = Image.fromarray(written("P4471823", (256, 256), at=(36, 190), height=14)).rotate(
        turn, Image.Resampling.BICUBIC, center=(66, 196)
    )
    shown = np.asarray(line)
    values = np.maximum(head, shown).astype("u1")[None, :, :, None].copy()
    found = find_candidates(write_capture(capture(values), tmp_path / "a.dcm"), detector=recogniser)

    assert mask_of(found.boxes, 256, 256)[shown > 120].mean() > 0.97


def test_a_film_on_its_head_is_read(tmp_path, recogniser):
    values = np.rot90(written("OKAFOR 77120934", (320, 400), at=(20, 30), height=30), 2).copy()[None, :, :, None]
    found = find_candidates(write_capture(capture(values), tmp_path / "a.dcm"), detector=recogniser)

    assert mask_of(found.boxes, *values.shape[1:3])[values[0, :, :, 0] > 120].mean() > 0.99


def test_large_writing_whose_end_nobody_sees_needs_a_person(path):
    cut = Sighting(Box(20, 20, 130, 24), "OKAFOR", 0.9, is_cut=True)
    found = find_candidates(path, detector=Fixed(cut))

    assert found.verdict is PixelText.NEEDS_PERSON
    assert [each.code for each in found.findings] == ["deid.strokes-cut"]
    assert found.boxes == (NAME.box,)


def test_writing_that_only_another_window_shows_is_read(tmp_path, recogniser):
    rng = np.random.default_rng(4)
    stored = (rng.normal(30_000, 3_000, (320, 400))).clip(0, 65_535).astype("u2")
    ink = written("OKAFOR 77120934", (320, 400), at=(20, 20), height=24) > 120
    stored[:80] = 65_000
    stored[ink] = 64_990
    found = find_candidates(write_capture(capture(stored[None, :, :, None]), tmp_path / "a.dcm"), detector=recogniser)

    assert mask_of(found.boxes, *stored.shape)[ink].mean() > 0.9


def test_the_recogniser_works_within_the_limits_it_asks_for(path):
    with LimitedPool(find_candidates, memory_bytes=ocr.MEMORY_BYTES, timeout_s=60) as pool:
        ((_, found),) = pool.run([path])

    assert found.verdict is PixelText.REDACTED
    assert "OKAFOR" in found.candidates[0].text
