"""At the limits of the policies: what agrees exactly there, what does not, and what has nothing to be compared."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.rules.adjudicating import SETTINGS, Policy, compare, policies_for, unreadable
from radcommons.server.annotation.rules.regions import compare_regions
from radcommons.transfer.annotation.geometry import FrameReference, Geometry, Outline
from radcommons.transfer.annotation.raster import runs_of_mask
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.record import Item, Method, Reading, ReadingFlag, Target
from radcommons.transfer.annotation.schema import Choice, Label, LabelGroup, LabelSchema, Scope, ValueKind, ValueRule

FRAME, OTHER_FRAME = FrameReference("2.25.1"), FrameReference("2.25.1", 2)
CO_RADS = ready_schema("co-rads").label("co_rads")
COUNT = Label("count", "Count", Scope.STUDY, ValueRule(ValueKind.INTEGER, minimum=0, maximum=24))
SIZE = Label("size", "Size", Scope.STUDY, ValueRule(ValueKind.NUMBER))
SIGNS = Label(
    "signs", "Signs", Scope.STUDY, ValueRule(ValueKind.MANY_OF, (Choice("halo", "Halo"), Choice("cavity", "Cavity")))
)
LOOK = Label("look", "Look", Scope.STUDY, ValueRule(ValueKind.ONE_OF, (Choice("typical", "T"), Choice("other", "O"))))
FLAG = Label("urgent", "Urgent", Scope.STUDY, ValueRule(ValueKind.FLAG))
WORDS = Label("words", "Words", Scope.STUDY, ValueRule(ValueKind.TEXT))
SCHEMA = LabelSchema("for-rules", 1, "For rules", (LabelGroup("all", "All", (COUNT, SIZE, SIGNS, LOOK, FLAG, WORDS)),))


def region(geometry):
    return Label(geometry.value, geometry.value, Scope.REGION, ValueRule(ValueKind.FLAG), geometry)


def reading(*items, flags=()):
    return Reading("r", "2.25.9", "R1", Method.RETROSPECTIVE_EXPERT, SCHEMA.reference, tuple(items), flags=flags)


def said(label, *values):
    """What readers make of a label by its usual policy; None: that reader did not answer."""
    return judged(label, policies_for_one(label), *values)


def judged(label, policy, *values):
    reads = [
        reading(*(() if value is None else (Item(label.id, label.id, Target("2.25.9"), value),))) for value in values
    ]
    return compare(label, policy, reads)


def policies_for_one(label, **wish):
    schema = LabelSchema("one", 1, "One", (LabelGroup("all", "All", (label,)),))
    return policies_for(schema, {label.id: wish})[label.id]


def drew(label, *shapes_of_readers, **settings_wished):
    """What readers make of a drawn label; a list of shapes each, every shape an item of its own."""
    reads = [
        reading(
            *(
                Item(f"i{number}", label.id, Target("2.25.9", "2.25.8"), value=True, shapes=(shape,))
                for number, shape in enumerate(shapes)
            )
        )
        for shapes in shapes_of_readers
    ]
    return compare_regions(label, policies_for_one(label, **settings_wished), reads)


def pixels(*, start=0, count):
    grid = np.zeros(10_000, dtype=bool)
    grid[start : start + count] = True
    return runs_of_mask(grid.reshape(100, 100), FRAME)


def shape(geometry, *points, frame=FRAME):
    return Outline(geometry, tuple((float(column), float(row)) for column, row in points), frame)


@pytest.mark.parametrize(
    ("values", "state", "value"),
    [
        (("2", "3", "3"), "agreed", "3"), (("2", "3", "4"), "disputed", None), (("2", "3"), "disputed", None),
        (("5", "5", "5"), "unanimous", "5"), (("4", None, "4"), "disputed", None), (("0", "0"), "unanimous", "0"),
        (("0", "1", "1"), "disputed", None), (("5", "5", "6"), "disputed", None),
    ],
)  # fmt: skip
def test_grades_one_apart_agree_and_answers_outside_the_scale_are_no_neighbours(values, state, value):
    found = said(CO_RADS, *values)

    assert (found.state, found.value) == (state, value)


def test_an_even_split_of_grades_two_apart_is_settled_by_no_grade_that_nobody_gave():
    found = judged(COUNT, policies_for_one(COUNT, within=2), 4, 6)

    assert (found.state, found.value, found.measure) == ("disputed", None, 2)


@pytest.mark.parametrize(
    ("values", "limit", "state"),
    [
        ((4.2, 4.1), 0.1, "agreed"), ((0.8, 0.7), 0.1, "agreed"), ((12.0, 15.0, 13.5), 3, "agreed"),
        ((12.0, 15.001), 3, "disputed"), ((7.0, 7.0), 0, "agreed"), ((7.0, 7.1), 0, "disputed"),
        ((7.0, None), 5, "disputed"),
    ],
)  # fmt: skip
def test_measurements_exactly_as_far_apart_as_allowed_agree(values, limit, state):
    found = judged(SIZE, policies_for_one(SIZE, limit=limit), *values)

    assert found.state == state
    if state == "agreed":
        assert found.value == pytest.approx(sum(values) / len(values))


def test_half_of_the_readers_is_no_majority_and_not_answering_is_a_vote():
    assert said(LOOK, "typical", "typical", "other", "other").state == "disputed"
    assert said(LOOK, "typical", "typical", "other").value == "typical"
    assert (said(LOOK, "typical", None, None).state, said(LOOK, "typical", None, None).value) == ("majority", None)
    assert judged(LOOK, policies_for_one(LOOK, policy="unanimous"), "typical", "typical", "other").state == "disputed"
    assert said(LOOK, None, None) is None
    assert said(FLAG, True, None, None).value is False
    assert said(FLAG, True, None).state == "disputed"


def test_choices_are_voted_on_one_by_one():
    found = said(SIGNS, ("halo", "cavity"), ("halo",), ("cavity",))

    assert (found.state, found.value, found.measure) == ("majority", ["halo", "cavity"], pytest.approx(2 / 3))
    assert said(SIGNS, ("halo",), None).state == "disputed"
    assert (said(SIGNS, ("halo",), ("halo",)).state, said(SIGNS, ("halo",), ("halo",)).measure) == ("unanimous", 1)
    assert said(WORDS, "one", None, "two").value == ["one", "two"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([None, "0", "1", "2", "3", "4", "5", "6"]), min_size=1, max_size=6), st.randoms())
def test_what_readers_make_of_a_label_does_not_depend_on_their_order(values, random):
    mixed = list(values)
    random.shuffle(mixed)

    assert said(CO_RADS, *values) == said(CO_RADS, *mixed)


@pytest.mark.parametrize(("shared", "state"), [(14, "agreed"), (13, "disputed")])
def test_masks_that_overlap_with_dice_of_exactly_seven_tenths_agree(shared, state):
    found = drew(region(Geometry.MASK), [pixels(count=20)], [pixels(start=20 - shared, count=20)])

    assert (found.state, found.measure) == (state, pytest.approx(shared / 20))
    assert found.detail["pixels"] == [20, 20]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 1000))
def test_areas_exactly_one_and_a_half_times_as_large_agree_whatever_their_size(size):
    mask = region(Geometry.MASK)

    assert drew(mask, [pixels(count=2 * size)], [pixels(count=3 * size)]).state == "agreed"
    larger = drew(mask, [pixels(count=2 * size)], [pixels(count=3 * size + 1)])
    assert larger.state == "disputed"
    assert size == 1 or "times as large" in larger.reason


def test_an_area_that_one_reader_left_out_is_disputed_and_two_who_left_it_out_agree_with_each_other():
    found = drew(region(Geometry.MASK), [pixels(count=9)], [], [])

    assert (found.state, found.measure) == ("disputed", 0.0)
    assert found.detail["dice"] == {"0-1": 0.0, "0-2": 0.0, "1-2": None}
    assert drew(region(Geometry.MASK), [], []) is None


@pytest.mark.parametrize(("right", "state"), [(10, "unanimous"), (10.25, "disputed")])
def test_boxes_that_overlap_by_exactly_two_fifths_mean_the_same(right, state):
    box = region(Geometry.BOX)
    found = drew(box, [shape(Geometry.BOX, (0, 0), (right, 10))], [shape(Geometry.BOX, (0, 0), (4, 10))])

    assert (found.state, found.measure) == (state, 1 if state == "unanimous" else 0)


def test_a_box_needs_as_many_supporters_as_the_project_says_but_never_more_than_there_are_readers():
    box = [shape(Geometry.BOX, (2, 2), (9, 9))]

    assert drew(region(Geometry.BOX), box, box, []).state == "agreed"
    assert drew(region(Geometry.BOX), box, box, [], supporters=3).state == "disputed"
    assert drew(region(Geometry.BOX), box, box, supporters=3).state == "unanimous"
    assert drew(region(Geometry.BOX), box).state == "unanimous"


@pytest.mark.parametrize(("row", "state"), [(8, "agreed"), (8.25, "disputed")])
def test_points_exactly_ten_pixels_apart_mean_the_same(row, state):
    found = drew(region(Geometry.POINT), [shape(Geometry.POINT, (0, 0))], [shape(Geometry.POINT, (6, row))])

    assert (found.state, found.measure) == (state, pytest.approx(math.hypot(6, row)))


def test_drawings_find_their_like_in_whatever_order_and_direction_they_were_drawn():
    lines = [shape(Geometry.LINE, (0, 0), (90, 0)), shape(Geometry.LINE, (50, 50), (60, 60))]
    turned = [shape(Geometry.LINE, (90, 0), (0, 0)), shape(Geometry.LINE, (60, 60), (50, 50))]
    points = [shape(Geometry.POINT, (10, 0)), shape(Geometry.POINT, (10.5, 90))]
    moved = [shape(Geometry.POINT, (10.1, 90)), shape(Geometry.POINT, (10.6, 0))]

    assert drew(region(Geometry.LINE), lines, turned).measure == 0
    assert drew(region(Geometry.POINT), points, moved).measure == pytest.approx(0.6)


def test_drawings_of_other_number_or_on_other_images_have_no_like():
    point = region(Geometry.POINT)
    first, second = shape(Geometry.POINT, (1, 1)), shape(Geometry.POINT, (1, 1), frame=OTHER_FRAME)

    assert "numbers" in drew(point, [first], [first, second]).reason
    assert "images" in drew(point, [first], [second]).reason


def test_cases_that_all_call_unreadable_are_settled_and_others_are_not():
    blind, sharp = reading(flags=(ReadingFlag.CANNOT_READ,)), reading(flags=(ReadingFlag.BURNED_IN_TEXT,))

    assert unreadable([sharp, sharp]) is None
    assert unreadable([blind, reading(flags=(ReadingFlag.WRONG_BODY_PART,))]).state == "unanimous"
    assert (unreadable([blind, sharp]).state, unreadable([blind, sharp]).measure) == ("disputed", 0.5)


def test_every_label_has_a_policy_with_all_its_settings():
    found = policies_for(SCHEMA, {"count": {"within": 3}, "look": {"policy": "unanimous"}})

    assert found["count"] == {"policy": "median", "within": 3}
    assert found["look"] == {"policy": "unanimous"}
    assert {name: policy["policy"] for name, policy in found.items() if name not in {"count", "look"}} == {
        "size": "limits", "signs": "majority", "urgent": "majority", "words": "free",
    }  # fmt: skip
    assert set(SETTINGS) == set(Policy)


@pytest.mark.parametrize(
    "wish",
    [
        {"nobody": {}}, {"count": {"policy": "masks"}}, {"count": {"policy": "best"}}, {"count": {"dice": 0.5}},
        {"count": {"within": "1"}}, {"count": {"within": None}}, {"count": {"within": True}},
        {"count": {"within": math.nan}}, {"count": {"within": -1}}, {"size": {"limit": math.inf}},
    ],
)  # fmt: skip
def test_a_policy_that_cannot_judge_its_label_is_refused(wish):
    with pytest.raises(ProjectInvalidError) as refused:
        policies_for(SCHEMA, wish)
    assert refused.value.code == "annotation.project-invalid"
