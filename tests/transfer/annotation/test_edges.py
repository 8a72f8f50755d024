"""At the edges of what schemas, readings and formats allow: exact codes, exact places, and everything comes back."""

import csv
import io
import json
import math
from dataclasses import replace
from datetime import datetime

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.support.readings import (
    EVERY_KIND,
    IMAGE,
    POINTS,
    SERIES,
    STUDY,
    TO_IMAGE,
    TO_SERIES,
    TO_STUDY,
    ct_headers,
    full_reading,
    outline,
)

from radcommons.transfer.annotation.checking import check_reading, check_schema, value_problem
from radcommons.transfer.annotation.coco import CocoImage, read_coco, write_coco
from radcommons.transfer.annotation.codes import code
from radcommons.transfer.annotation.dicom_seg import Segment
from radcommons.transfer.annotation.geometry import (
    FARTHEST,
    POINTS_OF,
    FrameReference,
    Geometry,
    Outline,
    area_pixels,
    on_grid,
)
from radcommons.transfer.annotation.midrc import midrc_records, read_midrc
from radcommons.transfer.annotation.nifti import read_nifti, write_nifti
from radcommons.transfer.annotation.objects import AnnotationObjectError, ObjectIdentity, source_stack
from radcommons.transfer.annotation.raster import mask_of_runs, outline_pixels, outlines_of_mask, runs_of_mask
from radcommons.transfer.annotation.record import Item, Method, Reading, ReadingFlag, Target, reading_from_json
from radcommons.transfer.annotation.rtstruct import read_structure_set, write_structure_set
from radcommons.transfer.annotation.schema import Choice, Label, LabelGroup, Scope, ValueKind, ValueRule
from radcommons.transfer.annotation.tables import COLUMNS, rows_of, write_csv
from radcommons.transfer.annotation.untyped import LARGEST_WHOLE, AnnotationFormatError, Node
from radcommons.transfer.annotation.versions import carried_over, check_mapping, proposed_mapping

IDENTITY = ObjectIdentity("2.25.4", "2.25.5", datetime(2026, 1, 2, 3, 4, 5), "0.1")  # noqa: DTZ001
STACK = source_stack(ct_headers())
COORDINATES = st.tuples(*[st.floats(-FARTHEST, FARTHEST, allow_nan=False)] * 2)
OUTLINES = st.sampled_from(sorted(POINTS_OF)).flatmap(
    lambda geometry: st.builds(
        Outline,
        st.just(geometry),
        st.lists(COORDINATES, min_size=POINTS_OF[geometry][0], max_size=min(9, POINTS_OF[geometry][1])).map(tuple),
        st.builds(FrameReference, st.just(IMAGE), st.integers(1, 2**31 - 1)),
        st.booleans(),
        st.booleans(),
    )
)
VALUES = st.one_of(
    st.booleans(), st.integers(-LARGEST_WHOLE, LARGEST_WHOLE), st.floats(-1e15, 1e15, allow_nan=False),
    st.text("aé肺 \n\"'", max_size=20), st.lists(st.sampled_from("abc"), max_size=3).map(tuple),
)  # fmt: skip
ITEMS = st.builds(
    Item, st.sampled_from(["i1", "i2"]), st.sampled_from(["box", "many"]),
    st.sampled_from([TO_STUDY, TO_SERIES, TO_IMAGE, Target(STUDY, "", "", 4)]), VALUES,
    st.lists(OUTLINES, max_size=3).map(tuple), st.text("xö\t", max_size=9), st.just("{}"), st.sampled_from(["", "i1"]),
)  # fmt: skip
READINGS = st.builds(
    Reading, st.just("r"), st.just(STUDY), st.just("R-1"), st.sampled_from(Method), st.just(EVERY_KIND.reference),
    st.lists(ITEMS, max_size=4).map(tuple), st.booleans(), st.lists(st.sampled_from(ReadingFlag), max_size=3).map(tuple),
    active_seconds=st.floats(0, 1e9),
)  # fmt: skip


def codes_of(findings):
    return [finding.code.removeprefix("annotation.") for finding in findings]


def number(kind=ValueKind.NUMBER, **limits):
    return Label("n", "N", Scope.STUDY, ValueRule(kind, **limits))


@settings(max_examples=60, deadline=None)
@given(READINGS)
def test_any_reading_comes_back_from_its_json_and_has_the_same_bytes_again(reading):
    again = reading_from_json(json.loads(reading.to_bytes()))

    assert again == reading
    assert again.to_bytes() == reading.to_bytes()


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_any_mask_has_runs_that_cover_it_once_and_borders_around_its_area(pixels):
    frame = FrameReference(IMAGE)
    runs, borders = runs_of_mask(pixels, frame), outlines_of_mask(pixels, frame)

    assert (sum(runs.runs), runs.pixel_count) == (pixels.size, int(pixels.sum()))
    assert all(length > 0 for length in runs.runs[1:])
    assert np.array_equal(mask_of_runs(runs), pixels)
    assert np.array_equal(outline_pixels(borders, *pixels.shape), pixels)
    assert sum(area_pixels(one.points) * (-1 if one.is_hole else 1) for one in borders) == pixels.sum()


@settings(max_examples=40, deadline=None)
@given(st.lists(COORDINATES, min_size=1, max_size=9).map(tuple))
def test_points_move_to_the_grid_once_and_never_further_than_half_of_its_step(points):
    moved = on_grid(points)

    assert on_grid(moved) == moved
    assert np.abs(np.array(moved) - np.array(points)).max() <= 1 / 128


@pytest.mark.parametrize(
    ("label", "value", "is_right"),
    [
        (number(minimum=-1, maximum=1), -1, True), (number(minimum=-1, maximum=1), 1.0, True),
        (number(minimum=-1, maximum=1), 1.0000001, False), (number(), math.nan, False), (number(), math.inf, False),
        (number(), True, False), (number(), "1", False), (number(ValueKind.INTEGER, minimum=0, maximum=3), 3.0, True),
        (number(ValueKind.INTEGER, minimum=0, maximum=3), 2.5, False), (number(ValueKind.TEXT), " \n", False),
        (number(ValueKind.FLAG), False, False), (number(ValueKind.FLAG), 1, False),
        (number(ValueKind.MANY_OF, choices=(Choice("a", "A"),)), ("a", "a"), False),
        (number(ValueKind.MANY_OF, choices=(Choice("a", "A"),)), "a", False),
        (number(ValueKind.MANY_OF, choices=(Choice("a", "A"),)), (), True),
        (number(ValueKind.ONE_OF, choices=(Choice("1", "A"),)), 1, False),
    ],
)  # fmt: skip
def test_answers_at_the_limits_of_their_label_are_right_and_beyond_them_wrong(label, value, is_right):
    assert (value_problem(label, value) == "") is is_right


def test_a_draft_may_lack_what_a_finished_reading_must_say():
    empty = replace(full_reading(), items=(), flags=())

    assert check_reading(EVERY_KIND, empty, is_complete=False) == []
    assert codes_of(check_reading(EVERY_KIND, empty)) == ["nothing-said", "required"]
    assert codes_of(check_reading(EVERY_KIND, replace(empty, is_nothing_found=True))) == ["required"]
    assert check_reading(EVERY_KIND, replace(empty, flags=(ReadingFlag.CANNOT_READ,))) == []
    assert codes_of(check_reading(EVERY_KIND, replace(full_reading(), is_nothing_found=True))) == ["nothing-found"]


def test_parents_in_a_circle_and_equal_limits_are_told_apart_from_sense():
    labels = [replace(number(minimum=5, maximum=5, unit=code("millimeter")), id=name) for name in "abc"]
    circle = [replace(label, parent=parent) for label, parent in zip(labels, "bca", strict=True)]

    def schema(found):
        return replace(EVERY_KIND, groups=(LabelGroup("g", "G", tuple(found)),))

    assert check_schema(schema(labels)) == []
    assert codes_of(check_schema(schema(circle))) == ["parent-cycle"] * 3
    assert codes_of(check_schema(schema([replace(labels[0], parent="a")]))) == ["parent-cycle"]


@pytest.mark.parametrize(
    ("read", "value", "is_right"),
    [
        (Node.whole, 3.0, True), (Node.whole, True, False), (Node.whole, 2.5, False), (Node.whole, None, False),
        (Node.whole, LARGEST_WHOLE, True), (Node.whole, LARGEST_WHOLE + 1, False), (Node.whole, math.nan, False),
        (Node.number, 10**400, False), (Node.number, math.inf, False), (Node.number, "1", False),
        (Node.number, False, False), (Node.flag, 0, False), (Node.flag, False, True), (Node.name, " ", False),
        (Node.name, "a" * 256, True), (Node.name, "a" * 257, False), (Node.name, "a\u202e", False),
        (Node.text, "", True), (Node.text, "a\x00", False), (Node.text, "a" * 10_001, False), (Node.text, 5, False),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_at_its_place_and_never_repeated(read, value, is_right):
    node = Node(value, "items[3].value")
    if is_right:
        assert read(node) == value
        return
    with pytest.raises(AnnotationFormatError) as refused:
        read(node)
    assert (refused.value.code, refused.value.message[:15]) == ("annotation.format", "items[3].value:")


def test_an_attribute_is_left_behind_with_the_drawing_that_it_describes():
    regions, answers = EVERY_KIND.groups
    kept = tuple(label for label in regions.labels if label.id != "box")
    kept = tuple(replace(label, parent="ellipse") if label.id == "texture" else label for label in kept)
    new = replace(EVERY_KIND, version=4, groups=(replace(regions, labels=kept), answers))
    mapping = proposed_mapping(EVERY_KIND, new)
    carried, lost = carried_over(full_reading(), mapping, new)

    assert check_mapping(mapping, EVERY_KIND, new) == []
    assert {item.id for item in full_reading().items} - {item.id for item in carried.items} == {"i-box", "texture"}
    assert codes_of(lost) == ["not-carried-over"] * 2
    assert check_reading(new, carried) == []


def test_choices_that_became_one_are_named_once():
    many = EVERY_KIND.label("many")
    merged = replace(many, value=ValueRule(ValueKind.MANY_OF, (Choice("ab", "A or B"),)))
    answers = EVERY_KIND.groups[1]
    labels = tuple(merged if label.id == "many" else label for label in answers.labels)
    new = replace(EVERY_KIND, version=4, groups=(EVERY_KIND.groups[0], replace(answers, labels=labels)))
    mapping = replace(proposed_mapping(EVERY_KIND, new), choices={("many", "a"): "ab", ("many", "b"): "ab"})
    carried, lost = carried_over(full_reading(), mapping, new)

    assert (carried.items_of("many")[0].value, lost) == (("ab",), [])


def structures(change):
    """A structure set of the full reading with one contour changed by hand."""
    made = pydicom.dcmread(io.BytesIO(write_structure_set(STACK, EVERY_KIND, full_reading(), IDENTITY)))
    change(made, made.ROIContourSequence[0].ContourSequence[0])
    stream = io.BytesIO()
    made.save_as(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda made, _: setattr(made, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"), "annotation.not-a-structure-set"),
        (lambda _, contour: setattr(contour, "ContourData", [1.0, 2.0, 3.0, 4.0]), "annotation.contour"),
        (lambda _, contour: setattr(contour, "ContourGeometricType", "OPEN_PLANAR"), 0),
        (lambda _, contour: setattr(contour, "ContourData", [1.0, 2.0, 3.0] * 2), 0),
        (lambda made, _: delattr(made, "ROIContourSequence"), 0),
        (lambda made, _: delattr(made, "RTROIObservationsSequence"), 1),
    ],
)
def test_a_structure_set_that_was_changed_is_refused_with_its_code_or_read_as_far_as_it_goes(change, expected):
    data = structures(change)
    if isinstance(expected, int):
        region = read_structure_set(data, STACK)[0]
        assert (region.item_id, len(region.outlines)) == ("i-box", expected)
        return
    with pytest.raises(AnnotationObjectError) as refused:
        read_structure_set(data, STACK)
    assert refused.value.code == expected


@pytest.mark.parametrize("count", [255, 256])
def test_a_label_map_changes_to_two_bytes_a_voxel_after_255_segments_and_comes_back(count):
    segments = []
    for place in range(count):
        pixels = np.zeros((40, 50), dtype=bool)
        pixels.ravel()[place] = True
        mask = runs_of_mask(pixels, FrameReference(STACK.instance_uids[0]))
        segments.append(Segment(f"S{place}", code("lung"), (mask,), f"id-{place}", "2.25.8", "one pixel"))

    assert read_nifti(write_nifti(STACK, segments)) == tuple(segments)


@settings(max_examples=30, deadline=None)
@given(st.lists(OUTLINES.map(lambda one: replace(one, frame=FrameReference(IMAGE))), min_size=1, max_size=4), VALUES)
def test_any_drawing_comes_back_from_coco(shapes, value):
    image = CocoImage(FrameReference(IMAGE), STUDY, SERIES, 40, 50)
    item = Item("i", "box", TO_SERIES, value, tuple(shapes), "note")
    data, left_out = write_coco(EVERY_KIND, [replace(full_reading(), items=(item,))], [image])

    assert (read_coco(data, [image])[0].items, left_out) == ((item,), 0)


def test_no_readings_make_empty_files_that_are_read_again():
    data, left_out = write_coco(EVERY_KIND, [], [])

    assert (read_coco(data, []), left_out) == ((), 0)
    assert read_nifti(write_nifti(STACK, [])) == ()
    assert (midrc_records([]), read_midrc([])) == ((), ((), []))
    assert list(csv.reader(io.StringIO(write_csv(EVERY_KIND, []).decode()))) == [list(COLUMNS)]
    with pytest.raises(AnnotationFormatError):
        write_coco(EVERY_KIND, [full_reading()], [])


def test_a_table_measures_areas_without_their_holes_and_nothing_that_has_none():
    rows = {row[9]: dict(zip(COLUMNS, row, strict=True)) for row in rows_of(EVERY_KIND, [full_reading()])}

    assert {len(row) for row in rows_of(EVERY_KIND, [full_reading()])} == {len(COLUMNS)}
    assert rows["i-box"]["pixels"] == 8.5 * 18
    assert rows["ring"]["pixels"] == 9 * 9 / 2 - 2 * 2 / 2
    assert [rows[f"i-{kind}"]["pixels"] for kind in ("line", "point", "angle")] == [0, 0, 0]
    assert rows["i-ellipse"]["pixels"] == pytest.approx(math.pi * 5 * 2, rel=1e-3)
    assert (rows["many"]["value"], rows["many"]["number"], rows["many"]["pixels"]) == ("a b", None, None)
    assert (rows["i-box"]["value"], rows["i-box"]["number"], rows["whole"]["number"]) == ("true", None, 7.0)
    assert {outline(kind).geometry.value for kind in POINTS} <= {row["geometry"] for row in rows.values()}


@pytest.mark.parametrize(
    ("score", "is_right"), [(0, True), (24, True), (25, False), (-1, False), ("7", False), (2.5, False)]
)
def test_an_mrale_score_lies_between_0_and_24(score, is_right):
    record = {
        "submitter_id": "a", "annotation_method": "Retrospective_expert", "imaging_studies": {"submitter_id": STUDY},
        "midrc_mRALE_score": score,
    }  # fmt: skip
    if is_right:
        (reading,), found = read_midrc([record])
        assert (reading.items[0].value, reading.reader, found) == (score, "unknown", [])
        assert midrc_records([reading])[0]["midrc_mRALE_score"] == score
        return
    with pytest.raises(AnnotationFormatError, match="midrc_mRALE_score"):
        read_midrc([record])


def test_nothing_drawn_and_circles_of_no_width_have_no_pixels():
    point = Outline(Geometry.ELLIPSE, ((4.0, 4.0),) * 4, FrameReference(IMAGE))

    assert not outline_pixels([point], 9, 9).any()
    assert outline_pixels([], 2, 3).shape == (2, 3)
    assert outlines_of_mask(np.zeros((3, 3), dtype=bool), FrameReference(IMAGE)) == ()
