"""What a reading becomes in DICOM: which objects, of which series, and the same again."""

import io
from dataclasses import replace

import highdicom as hd
import numpy as np
from tests.support.readings import EVERY_KIND, IMAGE, SERIES, STUDY, ct_headers, full_reading, radiograph_header

from radcommons.transfer.annotation.dicom_sr_reading import read_report
from radcommons.transfer.annotation.geometry import FrameReference, Geometry
from radcommons.transfer.annotation.objects import source_stack
from radcommons.transfer.annotation.publication import ObjectKind, Origin, SourceSeries, objects_of, words_of
from radcommons.transfer.annotation.raster import runs_of_mask
from radcommons.transfer.annotation.record import Item, Target
from radcommons.transfer.annotation.rtstruct import read_structure_set

ORIGIN = Origin("chest-reads", EVERY_KIND, "1.2.3")


def volume() -> tuple[SourceSeries]:
    """A CT of five slices."""
    return (SourceSeries(SERIES, tuple(ct_headers())),)


def pixels(rows: int, columns: int) -> np.ndarray:
    """A mask with a corner of its own."""
    found = np.zeros((rows, columns), dtype=bool)
    found[3:9, 5:12] = True
    found[3, 5] = False
    return found


def mask_of(rows: int, columns: int) -> Item:
    """A drawn mask on one image."""
    return Item(
        "m",
        "mask",
        Target(STUDY, SERIES),
        value=True,
        shapes=(runs_of_mask(pixels(rows, columns), FrameReference(IMAGE)),),
    )


def test_a_read_of_a_volume_is_a_segmentation_a_structure_set_and_a_report_with_the_rest():
    reading = full_reading()
    reading = replace(reading, items=(*reading.items, mask_of(40, 50)))
    made, findings = objects_of(reading, volume(), ORIGIN)
    by_kind = {one.kind: one for one in made}

    assert [one.kind for one in made] == [ObjectKind.SEG, ObjectKind.RTSTRUCT, ObjectKind.SR]
    assert findings == ()
    segmentation = hd.seg.segread(io.BytesIO(by_kind[ObjectKind.SEG].data))
    numbers = {str(one.TrackingID): one.SegmentNumber for one in segmentation.SegmentSequence}
    assert set(numbers) == {"i-polygon", "i-freehand", "ring", "m"}
    read_back = segmentation.get_pixels_by_source_instance([IMAGE], segment_numbers=[numbers["m"]])[0, :, :, 0]
    assert np.array_equal(read_back, pixels(40, 50))
    report = read_report(by_kind[ObjectKind.SR].data)
    kept = {item.id: item.shapes for item in report.items}
    assert kept.keys() == {item.id for item in reading.items}
    drawn = {outline.geometry for shapes in kept.values() for outline in shapes}
    assert drawn == {Geometry.BOX, Geometry.LINE, Geometry.POINT, Geometry.ANGLE, Geometry.ELLIPSE}
    regions = read_structure_set(by_kind[ObjectKind.RTSTRUCT].data, source_stack(volume()[0].headers))
    assert {region.item_id for region in regions} == {"i-polygon", "i-freehand", "ring"}


def test_the_same_reading_gives_the_same_bytes_and_any_other_gives_other_identifiers():
    made, _ = objects_of(full_reading(), volume(), ORIGIN)
    assert objects_of(full_reading(), volume(), ORIGIN)[0] == made
    uids = {one.sop_instance_uid for one in made} | {one.series_instance_uid for one in made}
    for reading, origin in (
        (replace(full_reading(), note="another word"), ORIGIN),
        (full_reading(), replace(ORIGIN, project="other-reads")),
        (full_reading(), replace(ORIGIN, software_version="1.2.4")),
    ):
        other, _ = objects_of(reading, volume(), origin)
        assert uids.isdisjoint({one.sop_instance_uid for one in other} | {one.series_instance_uid for one in other})


def test_on_a_radiograph_contours_stay_points_and_masks_become_a_segmentation_of_the_image():
    header = radiograph_header()
    header.Rows, header.Columns = 60, 70
    reading = replace(full_reading(), items=(*full_reading().items, mask_of(60, 70)))
    made, findings = objects_of(reading, (SourceSeries(SERIES, (header,)),), ORIGIN)

    assert [one.kind for one in made] == [ObjectKind.SEG, ObjectKind.SR]
    assert findings == ()
    report = read_report(made[1].data)
    drawn = {outline.geometry for item in report.items for outline in item.outlines}
    assert drawn == set(Geometry) - {Geometry.NONE, Geometry.MASK}
    segmentation = hd.seg.segread(io.BytesIO(made[0].data))
    assert np.array_equal(segmentation.pixel_array.reshape(60, 70), pixels(60, 70))


def test_what_is_about_other_images_is_left_out_and_told():
    series = SourceSeries("2.25.77", tuple(ct_headers(2)))
    for header in series.headers:
        header.SeriesInstanceUID = "2.25.77"
        header.SOPInstanceUID = f"{header.SOPInstanceUID}.9"
    made, findings = objects_of(full_reading(), (series,), ORIGIN)

    assert [one.kind for one in made] == [ObjectKind.SR]
    assert {finding.code for finding in findings} == {"annotation.other-image", "annotation.shape-left-out"}


def test_words_are_the_texts_that_no_reader_wrote():
    words = words_of(EVERY_KIND, ("R1",))

    assert {"every-kind/3", "Polygon", "a_rather_long_choice", "Every kind: R1", "Regions of R1"} <= set(words)
