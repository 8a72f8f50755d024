"""RT structure sets, NIfTI and COCO: outlines and masks come back, and other programs agree where they lie."""

import gzip
import io
import json
import subprocess
from dataclasses import replace
from datetime import datetime

import numpy as np
import pydicom
import pytest
import SimpleITK as itk  # noqa: N813 - the name its own examples use
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.support.readings import EVERY_KIND, POINTS, SERIES, STUDY, TO_SERIES, ct_headers, full_reading, outline

from radcommons.dicom.errors import RadCommonsError
from radcommons.transfer.annotation.coco import CocoImage, read_coco, write_coco
from radcommons.transfer.annotation.codes import code
from radcommons.transfer.annotation.dicom_seg import Segment
from radcommons.transfer.annotation.documents import canonical_text
from radcommons.transfer.annotation.geometry import FrameReference, Geometry
from radcommons.transfer.annotation.nifti import NiftiMasks, affine_of, read_nifti, write_nifti
from radcommons.transfer.annotation.objects import AnnotationObjectError, ObjectIdentity, source_stack
from radcommons.transfer.annotation.raster import mask_of_runs, outline_pixels, runs_of_mask
from radcommons.transfer.annotation.record import Item
from radcommons.transfer.annotation.rtstruct import (
    image_points,
    patient_points,
    read_structure_set,
    write_structure_set,
)
from radcommons.transfer.annotation.untyped import AnnotationFormatError

IDENTITY = ObjectIdentity("2.25.4", "2.25.5", datetime(2026, 1, 2, 3, 4, 5), "0.1")  # noqa: DTZ001
STACK = source_stack(ct_headers())
MASKS = hnp.arrays(np.bool_, (40, 50), elements=st.booleans())


def segment(name, pixels_by_uid):
    masks = tuple(runs_of_mask(pixels, FrameReference(uid)) for uid, pixels in pixels_by_uid.items())
    return Segment(name, code("lung"), masks, f"id-{name}", "2.25.8", name.lower())


def random_pixels(seed, share=0.4):
    return np.random.default_rng(seed).random((40, 50)) < share


def test_the_centre_of_the_first_pixel_is_at_the_position_of_its_image():
    assert patient_points([(0.5, 0.5)], STACK, 2)[0] == pytest.approx(STACK.positions[2])
    right = patient_points([(1.5, 0.5)], STACK, 2)[0] - STACK.positions[2]
    down = patient_points([(0.5, 1.5)], STACK, 2)[0] - STACK.positions[2]

    assert right == pytest.approx(np.array([0.9961947, 0.0871557, 0]) * 0.5123)
    assert down == pytest.approx(np.array([-0.0871557, 0.9961947, 0]) * 0.703125)
    assert STACK.positions[:, 2].tolist() == [-10.0, -7.5, -5.0, -2.5, 0.0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3200), st.integers(0, 2560)), min_size=1, max_size=9))
def test_points_on_the_grid_come_back_from_millimetres(drawn):
    points = tuple((column / 64, row / 64) for column, row in drawn)

    assert image_points(patient_points(points, STACK, 1), STACK, 1) == points


@pytest.mark.peers
def test_a_structure_set_keeps_outlines_and_holes_and_is_valid(tmp_path):
    data = write_structure_set(STACK, EVERY_KIND, full_reading(), IDENTITY)
    regions = {region.item_id: region for region in read_structure_set(data, STACK)}
    path = tmp_path / "structures.dcm"
    path.write_bytes(data)
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr

    assert "RTStructureSet" in said
    assert [line for line in said.splitlines() if line.startswith("Error")] == []
    assert list(regions) == ["i-box", "i-polygon", "i-freehand", "i-ellipse", "ring"]
    assert regions["i-freehand"].outlines[0].points == POINTS[Geometry.FREEHAND]
    assert [found.is_hole for found in regions["ring"].outlines] == [False, True]
    assert (regions["ring"].label_id, regions["ring"].reader) == ("polygon", "R-7")
    assert write_structure_set(STACK, EVERY_KIND, full_reading(), IDENTITY) == data


def test_masks_come_back_from_a_structure_set_to_the_pixel():
    pixels = random_pixels(5)
    mask = runs_of_mask(pixels, FrameReference(STACK.instance_uids[1]))
    reading = replace(full_reading(), items=(Item("m", "mask", TO_SERIES, value=True, shapes=(mask,)),))
    regions = read_structure_set(write_structure_set(STACK, EVERY_KIND, reading, IDENTITY), STACK)

    assert np.array_equal(outline_pixels(regions[0].outlines, 40, 50), pixels)


def test_contours_without_an_image_go_to_their_slice():
    data = write_structure_set(STACK, EVERY_KIND, full_reading(), IDENTITY)
    made = pydicom.dcmread(io.BytesIO(data))
    for group in made.ROIContourSequence:
        for contour in group.ContourSequence:
            del contour.ContourImageSequence
    stream = io.BytesIO()
    made.save_as(stream)
    regions = read_structure_set(stream.getvalue(), STACK)

    assert regions[0].outlines[0].frame.sop_instance_uid == "2.25.102"
    made.ROIContourSequence[0].ContourSequence[0].ContourData[2::3] = [900.0] * 4
    stream = io.BytesIO()
    made.save_as(stream)
    with pytest.raises(AnnotationObjectError, match="no slice"):
        read_structure_set(stream.getvalue(), STACK)


def test_a_reading_without_areas_has_no_structures():
    line = Item("l", "line", TO_SERIES, value=True, shapes=(outline(Geometry.LINE),))

    with pytest.raises(AnnotationObjectError, match="no area"):
        write_structure_set(STACK, EVERY_KIND, replace(full_reading(), items=(line,)), IDENTITY)
    stranger = Item("b", "box", TO_SERIES, value=True, shapes=(outline(Geometry.BOX, uid="9.9"),))
    with pytest.raises(AnnotationObjectError, match="not in the stack"):
        write_structure_set(STACK, EVERY_KIND, replace(full_reading(), items=(stranger,)), IDENTITY)


@pytest.mark.parametrize("cut", [0, 200, 1500])
def test_a_broken_structure_set_is_refused(cut):
    with pytest.raises(AnnotationObjectError):
        read_structure_set(write_structure_set(STACK, EVERY_KIND, full_reading(), IDENTITY)[:cut], STACK)


def test_a_nifti_label_map_comes_back_and_lies_where_itk_says(tmp_path):
    first, second = random_pixels(1), random_pixels(2)
    uids = STACK.instance_uids
    segments = (segment("A", {uids[0]: first, uids[3]: first & second}), segment("B", {uids[0]: ~first}))
    masks = write_nifti(STACK, segments)
    path = tmp_path / "masks.nii.gz"
    path.write_bytes(masks.volume)
    image = itk.ReadImage(str(path))
    voxels = itk.GetArrayFromImage(image)

    assert read_nifti(masks) == segments
    assert write_nifti(STACK, segments) == masks
    assert np.array_equal(voxels[0], np.where(first, 1, 2))
    for index, place in (((0, 0, 0), (0.5, 0.5)), ((7, 3, 2), (7.5, 3.5))):
        # ITK tells points in LPS, as DICOM does; single precision is what NIfTI keeps.
        expected = patient_points([place], STACK, index[2])[0]
        assert image.TransformIndexToPhysicalPoint(index) == pytest.approx(tuple(expected), abs=1e-3)
    assert affine_of(STACK)[:2, 3].tolist() == (-STACK.positions[0][:2]).tolist()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda masks: replace(masks, sidecar=b"{}"), "lacks format"),
        (lambda masks: replace(masks, sidecar=b"{"), "JSON"),
        (lambda masks: replace(masks, volume=b"not packed at all"), "gzip"),
        (lambda masks: replace(masks, volume=gzip.compress(b"x" * 400)), "NIfTI"),
        (lambda masks: replace(masks, volume=gzip.compress(gzip.decompress(masks.volume)[:-1])), "cut short"),
        (
            lambda masks: replace(masks, sidecar=json.dumps({**json.loads(masks.sidecar), "segments": []}).encode()),
            "fit",
        ),
        (lambda masks: replace(masks, sidecar=json.dumps({**json.loads(masks.sidecar), "slices": []}).encode()), "fit"),
    ],
)
def test_a_label_map_that_does_not_fit_its_sidecar_is_refused(change, error):
    masks = write_nifti(STACK, [segment("A", {STACK.instance_uids[0]: random_pixels(1)})])

    with pytest.raises(AnnotationFormatError, match=error):
        read_nifti(change(masks))


def test_a_huge_label_map_is_refused_before_it_is_unpacked():
    header = bytearray(gzip.decompress(write_nifti(STACK, []).volume)[:352])
    header[40:56] = np.array([3, 32767, 32767, 32767, 1, 1, 1, 1], dtype="<i2").tobytes()

    with pytest.raises(AnnotationFormatError, match="too large"):
        read_nifti(NiftiMasks(gzip.compress(bytes(header)), write_nifti(STACK, []).sidecar))


def test_overlaps_uneven_slices_and_strange_masks_have_no_label_map():
    uid = STACK.instance_uids[0]
    headers = ct_headers()
    headers[0].ImagePositionPatient = [-181.7, -163.2, 9.0]

    with pytest.raises(RadCommonsError, match="share a voxel"):
        write_nifti(STACK, [segment("A", {uid: random_pixels(1)}), segment("B", {uid: random_pixels(1)})])
    with pytest.raises(RadCommonsError, match="evenly spaced"):
        write_nifti(source_stack(headers), [])
    with pytest.raises(AnnotationFormatError, match="does not fit"):
        write_nifti(STACK, [segment("A", {"9.9": random_pixels(1)})])


IMAGES = [CocoImage(FrameReference(uid), STUDY, SERIES, 40, 50) for uid in STACK.instance_uids if uid != "2.25.100"]


def test_regions_come_back_from_coco_with_every_geometry():
    pixels = random_pixels(3)
    mask = Item("m", "mask", TO_SERIES, value=True, shapes=(runs_of_mask(pixels, FrameReference("2.25.103")),))
    reading = replace(full_reading(), items=(*full_reading().items, mask))
    data, left_out = write_coco(EVERY_KIND, [reading], IMAGES)
    (found,) = read_coco(data, IMAGES)
    drawn = {item.id: item for item in reading.items if item.shapes}

    assert left_out == 8 - 1
    assert (found.reading_id, found.reader) == ("read-1", "R-7")
    assert {item.id: (item.label_id, item.shapes, item.note) for item in found.items} == {
        name: (item.label_id, item.shapes, item.note) for name, item in drawn.items()
    }


def test_coco_numbers_are_those_of_its_own_conventions():
    pixels = np.zeros((40, 50), dtype=bool)
    pixels[3:5, 10:14] = True
    mask = Item("m", "mask", TO_SERIES, value=True, shapes=(runs_of_mask(pixels, FrameReference("2.25.102")),))
    box = next(item for item in full_reading().items if item.id == "i-box")
    data, _ = write_coco(EVERY_KIND, [replace(full_reading(), items=(mask, box))], IMAGES)
    first, second = json.loads(data)["annotations"]

    assert (first["bbox"], first["area"], first["iscrowd"]) == ([10, 3, 4, 2], 8, 1)
    # Column-major: ten columns of forty rows and three pixels come before the first one.
    assert first["segmentation"]["counts"][:3] == [403, 2, 38]
    assert (second["bbox"], second["area"]) == ([1.5, 2.0, 8.5, 18.0], 153.0)
    assert second["segmentation"] == [[1.5, 2.0, 10.0, 2.0, 10.0, 20.0, 1.5, 20.0]]


def strangers(annotation):
    return canonical_text(
        {
            "images": [{"id": 1, "file_name": "2.25.102/1", "width": 50, "height": 40}],
            "categories": [{"id": 1, "name": "box"}],
            "annotations": [{"id": 7, "image_id": 1, "category_id": 1, **annotation}],
        }
    )


def test_a_strangers_data_set_is_read_too():
    (boxes,) = read_coco(strangers({"bbox": [1, 2, 3, 4]}), IMAGES)
    (polygons,) = read_coco(strangers({"segmentation": [[0, 0, 4, 0, 4, 4], [9, 9, 12, 9, 12, 12]]}), IMAGES)

    assert boxes.items[0].outlines[0].points == ((1.0, 2.0), (4.0, 6.0))
    assert len(polygons.items[0].outlines) == 2


@pytest.mark.parametrize(
    "annotation",
    [
        {"image_id": 2, "bbox": [1, 2, 3, 4]}, {"category_id": 9, "bbox": [1, 2, 3, 4]}, {"bbox": [1, 2, 3]}, {},
        {"segmentation": {"counts": "abc", "size": [40, 50]}}, {"segmentation": {"counts": [5], "size": [40, 50]}},
        {"segmentation": {"counts": [2000], "size": [50, 40]}}, {"segmentation": [[1, 2, 3, 4]]},
        {"attributes": {"geometry": "box", "points": [[1, 2]]}}, {"attributes": {"geometry": "mask", "points": []}},
    ],
)  # fmt: skip
def test_a_malformed_data_set_is_refused(annotation):
    with pytest.raises(AnnotationFormatError, match=r"annotations\[0\]"):
        read_coco(strangers(annotation), IMAGES)


@settings(max_examples=10, deadline=None)
@given(MASKS)
def test_any_mask_comes_back_from_coco(pixels):
    item = Item("m", "mask", TO_SERIES, value=True, shapes=(runs_of_mask(pixels, FrameReference("2.25.102")),))
    data, _ = write_coco(EVERY_KIND, [replace(full_reading(), items=(item,))], IMAGES)

    assert np.array_equal(mask_of_runs(read_coco(data, IMAGES)[0].items[0].masks[0]), pixels)
