"""Heads are told from chests, limbs and nothing, by headers and by what cross-sections look like."""

import shutil

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.pixels.cross_sections import largest_part, measured_ct, measured_mr
from radcommons.deid.pixels.defaced import defacing_findings
from radcommons.deid.pixels.heads import HeadEvidence, head_coverage

SIDE, SPACING = 128, 3.0
AIR, FAT, TISSUE, BONE = -1000.0, -90.0, 40.0, 900.0


def disc(center, radii):
    """Pixels inside an ellipse: center and radii in mm from the middle of the image, down and across."""
    y, x = (np.mgrid[0:SIDE, 0:SIDE] - SIDE / 2) * SPACING
    return ((y - center[0]) / radii[0]) ** 2 + ((x - center[1]) / radii[1]) ** 2 < 1


def painted(*parts):
    image = np.full((SIDE, SIDE), AIR, np.float32)
    for center, radii, value in parts:
        image[disc(center, radii)] = value
    return image


def head_slice(size=1.0):
    """Skin, a closed skull, brain, an air-filled sinus and a nose."""
    return painted(
        ((-98 * size, 0), (20 * size, 14 * size), TISSUE),
        ((0, 0), (95 * size, 76 * size), TISSUE),
        ((0, 0), (89 * size, 70 * size), BONE),
        ((0, 0), (82 * size, 63 * size), TISSUE),
        ((-72 * size, 0), (7 * size, 12 * size), AIR),
    )


def chest_slice():
    """Skin, fat, two lungs, a spine, and ribs that do not close."""
    ribs = [((95 * np.sin(turn), 160 * np.cos(turn)), (6, 10), BONE) for turn in np.arange(0, 2 * np.pi, 0.5)]
    lungs = [((-5, side * 75), (70, 55), -850.0) for side in (-1, 1)]
    return painted(((0, 0), (115, 180), FAT), ((0, 0), (105, 170), TISSUE), *lungs, ((75, 0), (20, 20), BONE), *ribs)


def limb_slice():
    return painted(((0, 0), (55, 50), TISSUE), ((0, 0), (16, 16), BONE), ((0, 0), (9, 9), FAT))


def series(folder, slices, **attributes):
    """Write slices 5 mm apart as one series."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number, image in enumerate(slices):
        dataset = made_ct(
            InstanceNumber=number, SOPInstanceUID=f"1.2.3.{number + 1}", StudyDescription="", SeriesDescription=""
        )
        dataset.Rows, dataset.Columns = image.shape
        dataset.PixelSpacing = [SPACING, SPACING]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.ImagePositionPatient = [0, 0, 5 * number]
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        if "NumberOfFrames" not in attributes:
            dataset.PixelData = (image + 1024).astype("<i2").tobytes()
        paths.append(write_made(dataset, folder / f"{number}.dcm"))
    return paths


def test_a_head_is_seen_whatever_its_header_says(tmp_path):
    evidence = head_coverage(series(tmp_path / "a", [head_slice()] * 6, BodyPartExamined="CHEST"))

    assert evidence.verdict == "head"
    assert evidence.confidence > 0.8
    assert evidence.head_positions_mm == (0.0, 25.0)
    assert evidence.reasons == ("header-says-body", "skull-closed")


@pytest.mark.parametrize("size", [0.65, 1.15])
def test_small_and_large_heads_are_heads(tmp_path, size):
    assert head_coverage(series(tmp_path / "a", [head_slice(size)] * 4)).verdict == "head"


@pytest.mark.parametrize("part", [chest_slice, limb_slice])
def test_a_chest_and_a_limb_are_none(tmp_path, part):
    evidence = head_coverage(series(tmp_path / "a", [part()] * 6))

    assert (evidence.verdict, evidence.reasons) == ("no_head", ("no-closed-skull",))


def test_a_chest_that_begins_at_the_eyes_shows_a_head_where_it_does(tmp_path):
    slices = [chest_slice()] * 10 + [limb_slice()] * 2 + [head_slice()] * 4
    evidence = head_coverage(series(tmp_path / "a", slices, BodyPartExamined="CHEST"))

    assert evidence.verdict == "head"
    assert evidence.head_positions_mm == (60.0, 75.0)


def test_words_decide_where_nothing_can_be_measured(tmp_path):
    def verdict(**attributes):
        return head_coverage(
            series(tmp_path / "a", [chest_slice()], ImageOrientationPatient=[0, 1, 0, 0, 0, -1], **attributes)
        ).verdict

    assert verdict(SeriesDescription="NNH koronar") == "head"
    assert verdict(SeriesDescription="CT Hals") == "unknown"
    assert verdict(StudyDescription="CT THORAX") == "no_head"
    assert verdict(BodyPartExamined="WHOLEBODY") == "head"
    assert verdict() == "unknown"


def test_a_small_field_of_view_is_left_to_a_person(tmp_path):
    inside = np.full((48, 48), TISSUE, np.float32)

    assert head_coverage(series(tmp_path / "a", [inside] * 5)).verdict == "unknown"


def test_one_head_like_slice_among_many_is_left_to_a_person(tmp_path):
    evidence = head_coverage(series(tmp_path / "a", [chest_slice()] * 9 + [head_slice()]))

    assert (evidence.verdict, evidence.reasons) == ("unknown", ("part-of-head-possible",))


def test_magnetic_resonance_goes_by_words_and_size(tmp_path):
    def evidence(image, **attributes):
        return head_coverage(series(tmp_path / "a", [image - AIR] * 4, Modality="MR", RescaleSlope=None, **attributes))

    head, chest = np.maximum(head_slice(), AIR), chest_slice()
    assert evidence(head, SeriesDescription="t1_mprage_sag").verdict == "head"
    assert evidence(head).verdict == "unknown"
    assert evidence(chest).verdict == "no_head"
    assert evidence(chest, BodyPartExamined="LIVER").verdict == "no_head"


def test_the_frames_of_an_enhanced_object_are_looked_at_one_by_one(tmp_path):
    slices = [chest_slice()] * 3 + [head_slice()] * 3
    paths = series(tmp_path / "a", slices[:1], NumberOfFrames=6, PixelData=b"")
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient, measures.PixelSpacing = [1, 0, 0, 0, 1, 0], [SPACING, SPACING]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    frames = []
    for number in range(6):
        position, frame = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, 5 * number]
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    dataset = made_ct(Rows=SIDE, Columns=SIDE, NumberOfFrames=6, StudyDescription="", SeriesDescription="")
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], frames
    dataset.PixelData = np.concatenate([(image + 1024).astype("<i2") for image in slices]).tobytes()

    assert head_coverage([write_made(dataset, paths[0])]).head_positions_mm == (15.0, 25.0)


def test_other_modalities_show_no_face_and_nothing_readable_is_unknown(tmp_path):
    assert head_coverage(series(tmp_path / "a", [head_slice()], Modality="US")).verdict == "no_head"
    (tmp_path / "odd").write_bytes(b"no DICOM")
    assert head_coverage([tmp_path / "odd"]).verdict == "unknown"
    assert head_coverage([]).verdict == "unknown"


def test_a_cross_section_is_measured_in_millimetres():
    section = measured_ct(chest_slice(), (SPACING, SPACING))

    assert section.width_mm == pytest.approx(360, abs=12)
    assert section.depth_mm == pytest.approx(230, abs=12)
    assert 0.2 < section.air_share < 0.5
    assert section.bone_closure < 0.6
    assert not section.is_cut
    assert measured_ct(np.full((64, 64), AIR, np.float32), (1.0, 1.0)) is None
    assert measured_mr(np.zeros((64, 64), np.float32), (1.0, 1.0)) is None


def test_a_table_is_cut_from_the_body():
    mask = disc((0, 0), (90, 90))
    mask[120:122] = True
    mask[90:122, 64] = True

    part = largest_part(mask)
    assert not part[119:].any()
    assert part.sum() > 0.85 * disc((0, 0), (90, 90)).sum()


@pytest.fixture
def defaced(tmp_path):
    """A series with head and chest, and copies of it to be changed."""
    originals = series(tmp_path / "a", [chest_slice()] * 40 + [head_slice()] * 8)
    (tmp_path / "b").mkdir()
    copies = [shutil.copy(path, tmp_path / "b" / path.name) for path in originals]
    return list(zip(originals, copies, strict=True)), head_coverage(originals)


def repainted(path, change):
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def without_nose(dataset):
    values = dataset.pixel_array.copy()
    values[:40] = 0
    dataset.PixelData = values.tobytes()


def codes(pairs, evidence):
    return [finding.code for finding in defacing_findings(pairs, evidence)]


def test_a_face_that_was_removed_at_the_head_is_accepted(defaced):
    pairs, evidence = defaced
    assert evidence.verdict == "head"
    for _, copy in pairs[-8:]:
        repainted(copy, without_nose)

    assert codes(pairs, evidence) == []


def test_changes_elsewhere_nowhere_or_everywhere_are_refused(defaced):
    pairs, evidence = defaced
    assert codes(pairs, evidence) == ["deid.defacing-no-change"]
    repainted(pairs[0][1], without_nose)
    assert codes(pairs, evidence) == ["deid.defacing-outside-head"]
    assert codes(pairs, HeadEvidence("head", 0.9)) == []

    def erased(dataset):
        dataset.PixelData = np.full_like(dataset.pixel_array, 7).tobytes()

    for _, copy in pairs[-8:]:
        repainted(copy, erased)
    assert codes(pairs[-8:], evidence) == ["deid.defacing-destroyed"]


def test_another_object_or_geometry_is_refused(defaced):
    pairs, evidence = defaced
    repainted(pairs[-1][1], lambda dataset: setattr(dataset, "PixelSpacing", [1.0, 1.0]))
    assert codes(pairs, evidence) == ["deid.defacing-identity"]
    pairs[-1][1].write_bytes(b"nothing")
    assert codes(pairs, evidence) == ["deid.defacing-unreadable"]
