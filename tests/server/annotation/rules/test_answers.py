"""From a read to the numbers that agreement is computed of: what is an answer, what is none, and where shapes may lie."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.readings import (
    EVERY_KIND,
    IMAGE,
    SERIES,
    STUDY,
    TO_IMAGE,
    TO_SERIES,
    TO_STUDY,
    full_reading,
    outline,
)

from radcommons.server.annotation.rules.agreeing import agreement_of, graded_of, questions_of, ratings_of
from radcommons.server.annotation.rules.contents import (
    answers_of,
    check_places,
    named_shapes,
    packed,
    with_computed,
    with_shapes,
)
from radcommons.stats.agreement import Level
from radcommons.stats.estimate import Bootstrap
from radcommons.transfer.annotation.geometry import FrameMask, FrameReference, Geometry
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.record import Item, Method, Reading, ReadingFlag, reading_from_json
from radcommons.transfer.annotation.schema import Label, LabelGroup, LabelSchema, Scope, ValueKind, ValueRule

NONE = Bootstrap(draws=0)
FRAMES, OWNERS = {IMAGE: (40, 50, 2)}, {IMAGE: SERIES}
CO_RADS = next(one for one in questions_of(ready_schema("co-rads")) if one.name == "co_rads")


def read(*items, **more):
    return Reading("r", STUDY, "R1", Method.RETROSPECTIVE_EXPERT, EVERY_KIND.reference, items, **more)


def whole(highest):
    label = Label("n", "N", Scope.STUDY, ValueRule(ValueKind.INTEGER, minimum=1, maximum=highest))
    return questions_of(LabelSchema("s", 1, "S", (LabelGroup("g", "G", (label,)),)))[0]


def test_a_read_is_kept_with_its_shapes_by_name_and_comes_back_whole():
    reading = full_reading()
    body, shapes = packed(reading)
    items = with_shapes(body["items"], {digest: json.loads(text) for digest, text in shapes.items()})

    assert named_shapes(body["items"]) == shapes.keys()
    assert reading_from_json({**body, "items": items}) == reading


@pytest.mark.parametrize(
    "items", [None, "items", 7, {"shapes": []}, [None, 3, "x"], [{"shapes": 5}], [{"shapes": [1]}]]
)
def test_items_of_other_types_name_no_shapes_and_break_nothing(items):
    assert named_shapes(items) == set()
    assert isinstance(with_shapes(items, {"a": 1}), type(items))


def test_a_name_that_is_not_known_stays_for_whoever_refuses_it():
    items = [{"shapes": [{"sha256": "known"}, {"sha256": "other"}, {"sha256": 7}]}]

    assert named_shapes(items) == {"known", "other"}
    assert with_shapes(items, {"known": {"a": 1}}) == [{"shapes": [{"a": 1}, {"sha256": "other"}, {"sha256": 7}]}]


def test_everything_that_a_read_names_is_an_image_of_its_case():
    mask = FrameMask(FrameReference(IMAGE, 2), 40, 50, (2000,))
    fits = [Item("m", "mask", TO_SERIES, value=True, shapes=(mask,)), Item("w", "whole", TO_IMAGE, 7)]
    stranger = Item("b", "box", TO_SERIES, value=True, shapes=(outline(Geometry.BOX, uid="9.9"),))
    third = Item("m", "mask", TO_SERIES, value=True, shapes=(FrameMask(FrameReference(IMAGE, 3), 40, 50, (2000,)),))
    small = Item("m", "mask", TO_SERIES, value=True, shapes=(FrameMask(FrameReference(IMAGE), 50, 40, (2000,)),))

    assert check_places(read(*fits), FRAMES, OWNERS) == []
    for item, code in ((stranger, "place"), (third, "place"), (small, "mask-size")):
        assert [one.code for one in check_places(read(*fits, item), FRAMES, OWNERS)] == [f"annotation.{code}"]
    assert [one.where for one in check_places(read(*fits), FRAMES, {IMAGE: "2.25.7"})] == ["items[0]", "items[1]"]


def test_a_computed_answer_is_made_anew_whatever_was_sent_for_it():
    answered = read(Item("o", "one_with_a_long_name", TO_STUDY, "b"), Item("s", "sum", TO_STUDY, 24))

    assert [item.value for item in with_computed(EVERY_KIND, answered).items_of("sum")] == [1]
    assert with_computed(EVERY_KIND, read(Item("s", "sum", TO_STUDY, 24))).items == ()


def test_answers_are_texts_and_numbers_and_silence_is_an_answer_to_flags_only():
    found = answers_of(EVERY_KIND, full_reading())

    assert (found["box"], found["mask"], found["whole"]) == (("yes", 1.0), ("no", 0.0), ("7", 7.0))
    assert (found["many/a"], found["one_with_a_long_name"]) == (("yes", 1.0), ("a_rather_long_choice", 0.0))
    assert "text" not in found
    silent = answers_of(EVERY_KIND, read(is_nothing_found=True))
    assert set(silent.values()) == {("no", 0.0)}
    assert not {"whole", "number", "many/a", "one_with_a_long_name"} & silent.keys()
    assert answers_of(EVERY_KIND, read(flags=(ReadingFlag.CANNOT_READ,))) == {}
    twice = (Item("w1", "whole", TO_IMAGE, 7), Item("w2", "whole", TO_STUDY, 8))
    assert "whole" not in answers_of(EVERY_KIND, read(*twice))


def test_a_whole_number_of_thirty_grades_is_a_grade_and_of_thirty_one_a_measurement():
    assert (whole(30).level, len(whole(30).categories)) == (Level.ORDINAL, 30)
    assert (whole(31).level, whole(31).categories) == (Level.INTERVAL, ())


def test_answers_outside_a_scale_are_categories_but_lie_at_no_distance():
    table = ratings_of(CO_RADS, {(0, 0): ("0", None), (0, 1): ("1", 1), (1, 0): ("5", 5), (1, 1): ("9", None)}, (3, 2))

    assert CO_RADS.scale == ("1", "2", "3", "4", "5")
    assert np.array_equal(table, [[0, 1], [5, np.nan], [np.nan, np.nan]], equal_nan=True)
    graded = graded_of(CO_RADS, table)
    assert np.array_equal(graded, [[np.nan, 0], [4, np.nan], [np.nan, np.nan]], equal_nan=True)


def test_agreement_on_grades_leaves_out_who_did_not_grade_and_counts_them_among_the_categories():
    said = {(0, 0): "1", (0, 1): "1", (1, 0): "5", (1, 1): "5", (2, 0): "0", (2, 1): "1", (3, 0): "6", (3, 1): "5"}
    table = ratings_of(CO_RADS, {place: (answer, None) for place, answer in said.items()}, (4, 2))
    told = agreement_of(CO_RADS, table, NONE)
    lines = {line["name"]: line for line in told["statistics"]}

    assert (told["cases"], told["compared"]) == (4, 4)
    assert lines["Krippendorff alpha, ordinal"]["value"] == lines["Gwet AC2, quadratic"]["value"] == 1
    assert lines["Krippendorff alpha, ordinal"]["cases"] == 2
    assert lines["Fleiss kappa"]["value"] < 1
    assert told["pairs"][0]["quadratic"]["value"] == 1
    assert told["pairs"][0]["kappa"]["value"] == pytest.approx(cohen_by_hand(table))
    assert [sum(reader) for reader in told["counts"]] == [4, 4]


def cohen_by_hand(table):
    """Observed against expected agreement of two readers, counted case by case."""
    observed = np.mean(table[:, 0] == table[:, 1])
    expected = np.mean([one == other for one in table[:, 0] for other in table[:, 1]])
    return (observed - expected) / (1 - expected)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from(["0", "1", "3", "5", "6", ""])] * 3), min_size=1, max_size=8))
def test_whatever_readers_say_the_report_is_plain_json_without_nan(rows):
    answers = {(case, reader): (said, None) for case, row in enumerate(rows) for reader, said in enumerate(row) if said}
    told = agreement_of(CO_RADS, ratings_of(CO_RADS, answers, (len(rows), 3)), Bootstrap(draws=5))

    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert sum(map(sum, told["counts"])) == len(answers)
