"""Segmentations: the same voxels in our reader and in highdicom, valid for dciodvfy, exact on odd sizes and overlaps."""

import io
import subprocess
import zipfile
from dataclasses import replace
from datetime import datetime

import highdicom as hd
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.support.readings import EVERY_KIND, SERIES, STUDY, TO_SERIES, ct_headers, full_reading, outline

from radcommons.transfer.annotation.codes import code
from radcommons.transfer.annotation.dicom_seg import (
    Segment,
    item_masks,
    read_segmentation,
    segments_of,
)
from radcommons.transfer.annotation.dicom_seg_writing import write_segmentation
from radcommons.transfer.annotation.geometry import FrameReference, Geometry
from radcommons.transfer.annotation.lidc import LIDC_SCHEMA, read_lidc
from radcommons.transfer.annotation.objects import (
    AnnotationObjectError,
    ObjectIdentity,
    derived_uid,
    source_stack,
)
from radcommons.transfer.annotation.raster import mask_of_runs, runs_of_mask
from radcommons.transfer.annotation.record import Item, Method

IDENTITY = ObjectIdentity("2.25.4", "2.25.5", datetime(2026, 1, 2, 3, 4, 5), "0.1", series_description="Regions")  # noqa: DTZ001
READING = full_reading()


def complaints(data, tmp_path):
    """What dciodvfy calls an error."""
    path = tmp_path / "object.dcm"
    path.write_bytes(data)
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
    assert "Segmentation" in said or "SR" in said or "RTStructureSet" in said
    return [line for line in said.splitlines() if line.startswith("Error")]


def segment(name, pixels_by_uid, concept="lung"):
    masks = tuple(runs_of_mask(pixels, FrameReference(uid)) for uid, pixels in pixels_by_uid.items())
    return Segment(name, code(concept), masks, name, derived_uid(name), name.lower())


def drawn(random, stack, uids, share):
    return {uid: random.random((stack.rows, stack.columns)) < share for uid in uids}


@pytest.mark.peers
@pytest.mark.parametrize(("rows", "columns"), [(40, 50), (7, 9)])
def test_overlapping_segments_have_the_same_voxels_in_highdicom(rows, columns, tmp_path):
    stack = source_stack(ct_headers(rows=rows, columns=columns))
    random, uids = np.random.default_rng(2), stack.instance_uids
    segments = [
        segment("Right", drawn(random, stack, uids[1:4], 0.5)),
        segment("Left", drawn(random, stack, uids[2:], 0.3), "nodule"),
        segment("Spot", drawn(random, stack, uids[:1], 0.1), "mass"),
    ]
    data = write_segmentation(stack, segments, READING, IDENTITY)
    found = read_segmentation(data)
    theirs = hd.seg.segread(io.BytesIO(data))
    voxels = theirs.get_pixels_by_source_instance(list(uids), assert_missing_frames_are_empty=True)

    assert found.segments == tuple(segments)
    assert (found.study_instance_uid, found.creator) == (STUDY, READING.reader)
    for number, written in enumerate(segments):
        expected = np.zeros((len(uids), rows, columns), dtype=bool)
        for mask in written.masks:
            expected[uids.index(mask.frame.sop_instance_uid)] = mask_of_runs(mask)
        assert np.array_equal(voxels[..., number].astype(bool), expected)
    assert complaints(data, tmp_path) == []
    assert write_segmentation(stack, segments, READING, IDENTITY) == data


def test_frames_lie_where_their_slices_lie():
    stack = source_stack(ct_headers())
    uid = stack.instance_uids[3]
    pixels = np.zeros((40, 50), dtype=bool)
    pixels[4, 5] = True
    data = write_segmentation(stack, [segment("One", {uid: pixels})], replace(READING, sources=()), IDENTITY)
    made = pydicom.dcmread(io.BytesIO(data))
    place = made.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient

    assert [float(value) for value in place] == pytest.approx(stack.positions[3].tolist())
    assert made.NumberOfFrames == 1
    assert (made.ContentDate, made.SeriesDescription) == ("20260102", "Regions")
    assert made.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"


@settings(max_examples=6, deadline=None)
@given(st.lists(hnp.arrays(np.bool_, (3, 5)), min_size=1, max_size=3), st.data())
def test_any_masks_come_back_exactly(planes, data):
    stack = source_stack(ct_headers(3, rows=3, columns=5))
    segments = []
    for number, pixels in enumerate(planes):
        if pixels.any():
            uid = data.draw(st.sampled_from(stack.instance_uids))
            segments.append(segment(f"S{number}", {uid: pixels}))
    if not segments:
        return
    assert read_segmentation(write_segmentation(stack, segments, READING, IDENTITY)).segments == tuple(segments)


def test_items_of_a_reading_become_segments_with_their_tracking_ids():
    stack = source_stack(ct_headers())
    segments = segments_of(EVERY_KIND, READING, stack)

    assert [found.tracking_id for found in segments] == ["i-polygon", "i-freehand", "ring"]
    assert [found.description for found in segments][:2] == ["polygon", "freehand"]
    box_alone = replace(READING, items=tuple(item for item in READING.items if item.label_id in {"box", "ellipse"}))
    assert segments_of(EVERY_KIND, box_alone, stack) == ()


def test_a_consensus_and_an_algorithm_say_how_they_were_made(tmp_path):
    stack = source_stack(ct_headers())
    by_machine = replace(READING, method=Method.RETROSPECTIVE_AUTO, reader="model-7", software="model 7.1")
    for reading, kind in (
        (READING, "SEMIAUTOMATIC"),
        (by_machine, "AUTOMATIC"),
        (replace(READING, sources=()), "MANUAL"),
    ):
        data = write_segmentation(stack, segments_of(EVERY_KIND, reading, stack), reading, IDENTITY)
        made = pydicom.dcmread(io.BytesIO(data)).SegmentSequence[0]
        assert made.SegmentAlgorithmType == kind
        assert complaints(data, tmp_path) == []


def test_what_cannot_be_segmented_is_refused():
    stack = source_stack(ct_headers())
    small = np.ones((3, 3), dtype=bool)
    full = np.ones((40, 50), dtype=bool)

    for segments in ([], [segment("E", {stack.instance_uids[0]: full & ~full})], [segment("X", {"9.9": full})],
                     [segment("S", {stack.instance_uids[0]: small})]):  # fmt: skip
        with pytest.raises(AnnotationObjectError):
            write_segmentation(stack, segments, READING, IDENTITY)
    stranger = Item("x", "box", TO_SERIES, value=True, shapes=(outline(Geometry.BOX, uid="9.9"),))
    with pytest.raises(AnnotationObjectError, match="not in the stack"):
        item_masks(stranger, stack)


@pytest.mark.parametrize(
    "change",
    [
        lambda headers: headers.clear(),
        lambda headers: setattr(headers[1], "SeriesInstanceUID", "2.25.77"),
        lambda headers: setattr(headers[1], "ImagePositionPatient", headers[0].ImagePositionPatient),
        lambda headers: setattr(headers[1], "Rows", 41),
        lambda headers: setattr(headers[1], "ImageOrientationPatient", [1, 0, 0, 0, 1, 0]),
        lambda headers: headers[1].pop("PixelSpacing"),
        lambda headers: headers[1].pop("ImagePositionPatient"),
    ],
)
def test_images_that_are_no_stack_are_refused(change):
    headers = ct_headers()
    change(headers)

    with pytest.raises(AnnotationObjectError):
        source_stack(headers)


@pytest.mark.parametrize("given", ["", "different"])
def test_slices_without_a_common_frame_of_reference_share_that_of_the_lowest(given):
    headers = ct_headers()
    for number, header in enumerate(headers):
        header.FrameOfReferenceUID = f"2.25.{500 + number}" if given else ""
    stack = source_stack(headers)

    assert [finding.code for finding in stack.findings] == ["annotation.frame-of-reference"]
    assert len({header.FrameOfReferenceUID for header in stack.headers}) == 1
    assert stack.headers[0].FrameOfReferenceUID == ("2.25.504" if given else derived_uid(SERIES, "frame of reference"))
    assert headers[0].FrameOfReferenceUID != stack.headers[0].FrameOfReferenceUID


@pytest.mark.parametrize("cut", [0, 10, 200, 2000, -700])
def test_a_broken_segmentation_is_refused(cut):
    stack = source_stack(ct_headers())
    data = write_segmentation(stack, segments_of(EVERY_KIND, READING, stack), READING, IDENTITY)

    with pytest.raises(AnnotationObjectError):
        read_segmentation(data[:cut])


def test_another_object_is_no_segmentation(shared_data):
    with pytest.raises(AnnotationObjectError, match="no segmentation"):
        read_segmentation((shared_data / "annotations" / "mdai_sample_SR.dcm").read_bytes())


def test_a_real_segmentation_of_another_program_is_read(shared_data):
    with zipfile.ZipFile(shared_data / "ct" / "lidc-idri-0001" / "lungs_seg.dcm.zip") as archive:
        data = archive.read(archive.namelist()[0])
    found = read_segmentation(data)
    theirs = pydicom.dcmread(io.BytesIO(data))

    assert sum(len(part.masks) for part in found.segments) == theirs.NumberOfFrames == 193
    assert sum(mask.pixel_count for part in found.segments for mask in part.masks) == theirs.pixel_array.sum()


@pytest.mark.peers
def test_the_four_readers_of_the_real_ct_become_segmentations(shared_data, tmp_path):
    folder = shared_data / "ct" / "lidc-idri-0001"
    reads = read_lidc((folder / "lidc_reads.xml").read_bytes())
    wanted = {
        outline.frame.sop_instance_uid
        for reading in reads.readings
        for item in reading.items_of("nodule")
        for outline in item.outlines
    }
    with zipfile.ZipFile(folder / "dicom.zip") as archive:
        headers = []
        for name in archive.namelist():
            with archive.open(name) as stream:
                headers.append(pydicom.dcmread(stream, stop_before_pixels=True))
    stack = source_stack([header for header in headers if header.SOPInstanceUID in wanted])
    reading = reads.readings[0]
    segments = segments_of(LIDC_SCHEMA, reading, stack)
    data = write_segmentation(stack, segments, reading, IDENTITY)

    assert [finding.code for finding in stack.findings] == ["annotation.frame-of-reference"]
    assert read_segmentation(data).segments == segments
    assert len(segments) == 1
    assert complaints(data, tmp_path) == []
