"""Schemas and readings are values with one JSON; what is wrong with them is said with its place."""

import json
from dataclasses import replace

import pytest
from pydicom.sr._concepts_dict import concepts
from tests.support.readings import EVERY_KIND, TO_IMAGE, TO_SERIES, TO_STUDY, full_reading, outline

from radcommons.transfer.annotation.checking import check_reading, check_schema, computed_value
from radcommons.transfer.annotation.codes import REVIEWED, Source, code
from radcommons.transfer.annotation.geometry import Geometry, Outline
from radcommons.transfer.annotation.ready import READY, ready_schema, ready_schemas
from radcommons.transfer.annotation.record import Item, Method, Reading, ReadingFlag, reading_from_json
from radcommons.transfer.annotation.schema import (
    Choice,
    Condition,
    Label,
    LabelGroup,
    LabelSchema,
    SchemaReference,
    Scope,
    ValueKind,
    ValueRule,
    schema_from_json,
)
from radcommons.transfer.annotation.untyped import AnnotationFormatError


def codes_of(findings):
    return sorted({finding.code.removeprefix("annotation.") for finding in findings})


def with_label(label, *, instead_of="text"):
    groups = [
        replace(group, labels=tuple(label if found.id == instead_of else found for found in group.labels))
        for group in EVERY_KIND.groups
    ]
    return replace(EVERY_KIND, groups=tuple(groups))


def test_a_schema_comes_back_from_its_json_and_has_one_digest():
    again = schema_from_json(json.loads(EVERY_KIND.to_bytes()))

    assert again == EVERY_KIND
    assert again.digest == EVERY_KIND.digest
    assert check_schema(EVERY_KIND) == []


def test_a_reading_comes_back_from_its_json_and_answers_its_schema():
    reading = full_reading()
    again = reading_from_json(json.loads(reading.to_bytes()))

    assert again == reading
    assert again.digest == reading.digest
    assert check_reading(EVERY_KIND, reading) == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda value: value.pop("name"), "schema"),
        (lambda value: value.update(version=0), "schema.version"),
        (lambda value: value.update(format="other/1"), "schema.format"),
        (lambda value: value.update(extra=1), "schema"),
        (lambda value: value["groups"][0]["labels"][0].update(scope="voxel"), "schema.groups[0].labels[0].scope"),
        (lambda value: value["groups"][0]["labels"][0].update(color="red"), "schema.groups[0].labels[0].color"),
        (lambda value: value["groups"][0].update(id="a b"), "schema.groups[0].id"),
        (lambda value: value["groups"][1]["labels"][0]["value"]["choices"][0].update(score="x"), "score"),
        (lambda value: value.update(title="a\x00b"), "schema.title"),
        (lambda value: value.update(groups={}), "schema.groups"),
    ],
)
def test_a_malformed_schema_is_refused_at_its_place(change, place):
    value = json.loads(EVERY_KIND.to_bytes())
    change(value)

    with pytest.raises(AnnotationFormatError) as refused:
        schema_from_json(value)
    assert str(refused.value.facts["where"]).endswith(place)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda value: value["items"][0]["shapes"][0].update(points=[[1, 2]]), "shapes[0].points"),
        (lambda value: value["items"][0]["shapes"][0]["points"].append([1, 2]), "shapes[0].points"),
        (lambda value: value["items"][0]["shapes"][0].update(points=[[1, 2], [1e400, 2]]), "points[1][0]"),
        (lambda value: value["items"][0]["shapes"][0]["frame"].update(sop_instance_uid="../x"), "sop_instance_uid"),
        (lambda value: value["items"][0].update(value={}), "items[0].value"),
        (lambda value: value.update(active_seconds=-1), "active_seconds"),
        (lambda value: value.update(method="guess"), "method"),
        (lambda value: value.update(flags=["tired"]), "flags[0]"),
        (lambda value: value.update(study_instance_uid="x"), "study_instance_uid"),
    ],
)
def test_a_malformed_reading_is_refused_at_its_place(change, place):
    value = json.loads(full_reading().to_bytes())
    change(value)

    with pytest.raises(AnnotationFormatError) as refused:
        reading_from_json(value)
    assert str(refused.value.facts["where"]).endswith(place)
    assert "../x" not in refused.value.message


@pytest.mark.parametrize("runs", [[3], [0, 3, 0, 3], [3, 4], [-1, 7]])
def test_run_lengths_that_do_not_cover_a_frame_are_refused(runs):
    value = json.loads(full_reading().to_bytes())
    frame = {"sop_instance_uid": "1.2", "frame_number": 1}
    value["items"][0]["shapes"] = [{"geometry": "mask", "rows": 2, "columns": 3, "runs": runs, "frame": frame}]

    with pytest.raises(AnnotationFormatError, match="runs"):
        reading_from_json(value)


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        (Label("text", "T", Scope.STUDY, ValueRule(ValueKind.ONE_OF)), "choices"),
        (Label("text", "T", Scope.STUDY, ValueRule(ValueKind.ONE_OF, (Choice("a", "A"),) * 2)), "repeated-id"),
        (Label("text", "T", Scope.STUDY, ValueRule(ValueKind.TEXT, is_ordered=True)), "ordered"),
        (Label("text", "T", Scope.STUDY, ValueRule(ValueKind.INTEGER, minimum=0)), "limits"),
        (Label("text", "T", Scope.STUDY, ValueRule(ValueKind.INTEGER, minimum=0.5, maximum=2)), "limits"),
        (Label("text", "T", Scope.STUDY, ValueRule(ValueKind.INTEGER, minimum=3, maximum=2)), "limits"),
        (Label("text", "T", Scope.STUDY, ValueRule(ValueKind.TEXT, minimum=3)), "limits"),
        (Label("text", "T", Scope.STUDY, ValueRule(ValueKind.NUMBER)), "unit"),
        (Label("text", "T", Scope.STUDY, ValueRule(ValueKind.FLAG), Geometry.BOX), "scope-geometry"),
        (Label("text", "T", Scope.REGION, ValueRule(ValueKind.FLAG)), "scope-geometry"),
        (Label("text", "T", Scope.STUDY, ValueRule(ValueKind.FLAG), parent="nobody"), "unknown-label"),
        (Label("text", "T", Scope.STUDY, ValueRule(ValueKind.FLAG), parent="text"), "parent-cycle"),
        (
            Label("text", "T", Scope.STUDY, ValueRule(ValueKind.FLAG), required_if=(Condition("nobody"),)),
            "unknown-label",
        ),
        (
            Label("text", "T", Scope.STUDY, ValueRule(ValueKind.FLAG), required_if=(Condition("many", ("z",)),)),
            "unknown-choice",
        ),
        (
            Label(
                "text",
                "T",
                Scope.STUDY,
                ValueRule(ValueKind.INTEGER, minimum=0, maximum=9),
                sum_of_products=(("many",),),
            ),
            "computed",
        ),
        (Label("number", "T", Scope.STUDY, ValueRule(ValueKind.FLAG)), "repeated-id"),
    ],
)
def test_a_schema_that_makes_no_sense_is_found_out(label, problem):
    assert problem in codes_of(check_schema(with_label(label)))


def item_with(**changes):
    return replace(Item("extra", "text", TO_STUDY, "words"), **changes)


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (item_with(label_id="nobody"), "unknown-label"),
        (item_with(value=True), "value"),
        (item_with(value="  "), "value"),
        (item_with(label_id="many", target=TO_SERIES, value=("a", "z")), "value"),
        (item_with(label_id="whole", target=TO_IMAGE, value=25), "value"),
        (item_with(label_id="whole", target=TO_IMAGE, value=2.5), "value"),
        (item_with(label_id="number", value=-2), "value"),
        (item_with(label_id="number", value=True), "value"),
        (item_with(target=TO_SERIES), "target"),
        (item_with(target=replace(TO_STUDY, study_instance_uid="2.25.99")), "target"),
        (item_with(label_id="box", target=TO_IMAGE, value=True), "geometry"),
        (item_with(label_id="box", target=TO_IMAGE, value=True, shapes=(outline(Geometry.LINE),)), "geometry"),
        (item_with(shapes=(outline(Geometry.LINE),)), "geometry"),
        (item_with(label_id="texture", target=TO_SERIES, value="x", about="nobody"), "about"),
        (item_with(label_id="texture", target=TO_SERIES, value="x", about="i-line"), "about"),
        (item_with(about="i-box"), "about"),
        (item_with(id="one"), "repeated-id"),
        (item_with(), "answered-twice"),
    ],
)
def test_an_item_that_does_not_answer_its_label_is_found_out(item, problem):
    reading = full_reading()

    assert problem in codes_of(check_reading(EVERY_KIND, replace(reading, items=(*reading.items, item))))


def test_a_finished_reading_answers_what_is_required():
    one = Item("one", "one_with_a_long_name", TO_STUDY, "b")
    empty = replace(full_reading(), items=(), flags=())

    assert codes_of(check_reading(EVERY_KIND, empty)) == ["nothing-said", "required"]
    assert check_reading(EVERY_KIND, empty, is_complete=False) == []
    assert [f.where for f in check_reading(EVERY_KIND, replace(empty, items=(one,)))] == ["labels.number"]
    assert check_reading(EVERY_KIND, replace(empty, flags=(ReadingFlag.CANNOT_READ,))) == []
    assert codes_of(check_reading(EVERY_KIND, replace(full_reading(), is_nothing_found=True))) == ["nothing-found"]


def test_a_drawing_must_have_the_attributes_that_are_required_of_it():
    must = replace(EVERY_KIND.label("texture"), is_required=True)
    reading = full_reading()
    without = replace(reading, items=tuple(item for item in reading.items if not item.about))

    assert check_reading(with_label(must, instead_of="texture"), reading) == []
    assert "required" in codes_of(check_reading(with_label(must, instead_of="texture"), without))


def test_a_reading_of_another_version_is_found_out():
    other = replace(full_reading(), schema=SchemaReference("every-kind", 2))

    assert codes_of(check_reading(EVERY_KIND, other)) == ["other-schema"]


def mrale_reading(*grades):
    schema, parts = ready_schema("midrc-mrale"), ("extent_right", "density_right", "extent_left", "density_left")
    items = tuple(Item(part, part, TO_STUDY, grade) for part, grade in zip(parts, grades, strict=True))
    return Reading("r", TO_STUDY.study_instance_uid, "R", Method.RETROSPECTIVE_EXPERT, schema.reference, items)


@pytest.mark.parametrize(
    ("grades", "score"),
    [
        (("gt75", "dense", "gt75", "moderate"), 20),
        (("none", "hazy", "le25", "hazy"), 1),
        (("none",) * 4, 0),
        (("gt75", "dense") * 2, 24),
    ],
)
def test_the_mrale_score_is_built_from_its_parts(grades, score):
    schema, reading = ready_schema("midrc-mrale"), mrale_reading(*grades)
    wrong = replace(reading, items=(*reading.items, Item("mrale", "mrale", TO_STUDY, (score + 1) % 25)))

    assert computed_value(schema, schema.label("mrale"), reading) == score
    assert check_reading(schema, reading) == []
    assert codes_of(check_reading(schema, wrong)) == ["computed"]
    assert computed_value(schema, schema.label("mrale"), replace(reading, items=reading.items[1:])) is None


@pytest.mark.parametrize("schema", ready_schemas(), ids=READY)
def test_a_ready_schema_makes_sense_and_uses_reviewed_codes_only(schema):
    reviewed = {found.code for found in REVIEWED.values()}
    used = {found for label in schema.labels for found in label.codes}
    used |= {found for label in schema.labels for choice in label.value.choices for found in choice.codes}

    assert check_schema(schema) == []
    assert used <= reviewed
    assert schema_from_json(json.loads(schema.to_bytes())) == schema


def test_ready_schemas_have_the_published_values():
    regions = [label for label in ready_schema("ricord-1a").labels if label.geometry is Geometry.FREEHAND]
    highest = {
        name: next(label.value.maximum for label in ready_schema(name).labels if label.is_computed)
        for name in ("midrc-mrale", "ct-severity-lobes", "ct-severity-zones")
    }
    corads = ready_schema("co-rads").label("co_rads").value

    assert len(regions) == 6
    assert [choice.id for choice in ready_schema("ricord-1c").label("appearance").value.choices] == [
        "typical", "indeterminate", "atypical", "negative",
    ]  # fmt: skip
    assert [choice.id for choice in ready_schema("ricord-1c").label("grading").value.choices] == [
        "mild", "moderate", "severe",
    ]  # fmt: skip
    assert highest == {"midrc-mrale": 24, "ct-severity-lobes": 25, "ct-severity-zones": 24}
    assert [corads.grade(str(category)) for category in range(7)] == [None, 1, 2, 3, 4, 5, None]
    with pytest.raises(KeyError):
        ready_schema("nobody")


def test_ordered_choices_without_scores_are_graded_as_listed():
    rule = ValueRule(ValueKind.ONE_OF, (Choice("low", "Low"), Choice("high", "High")), is_ordered=True)

    assert (rule.grade("low"), rule.grade("high"), rule.grade("other")) == (0, 1, None)


def test_every_code_from_the_dictionary_is_in_the_dictionary():
    listed = {
        (scheme, value, meaning)
        for scheme, entries in concepts.items()
        for versions in entries.values()
        for value, (meaning, _) in versions.items()
    }
    checked = [found.code for found in REVIEWED.values() if found.source is Source.PYDICOM]

    assert len(checked) > 40
    assert [found for found in checked if (found.scheme, found.value, found.meaning) not in listed] == []


def test_radlex_codes_are_those_that_were_read():
    radlex = {found.code.meaning: found.code.value for found in REVIEWED.values() if found.source is Source.RADLEX}

    assert radlex == {
        "ground-glass opacity": "RID28531",
        "consolidation": "RID43255",
        "crazy paving": "RID43256",
        "emphysema": "RID4799",
        "pleural effusion": "RID34539",
        "lymphadenopathy": "RID3798",
    }
    assert len({(found.code.scheme, found.code.value) for found in REVIEWED.values()}) == len(REVIEWED)
    with pytest.raises(KeyError):
        code("covid-19")


def test_an_empty_schema_is_found_out():
    assert codes_of(check_schema(LabelSchema("x", 1, "X", (LabelGroup("g", "G", ()),)))) == ["no-labels"]


def test_a_shape_without_a_hole_says_so_by_default():
    value = {"geometry": "point", "points": [[1, 2]], "frame": {"sop_instance_uid": "1.2"}}
    text = json.loads(full_reading().to_bytes())
    text["items"][0]["shapes"] = [value]
    shape = reading_from_json(text).items[0].shapes[0]

    assert isinstance(shape, Outline)
    assert (shape.points, shape.is_hole, shape.frame.frame_number) == (((1.0, 2.0),), False, 1)
