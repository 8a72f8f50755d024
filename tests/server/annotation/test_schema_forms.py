"""The form of a label schema says everything that a schema can say, and gives back what it was filled with."""

from dataclasses import replace

import pytest
from tests.support.readings import EVERY_KIND

from radcommons.server.annotation.schema_forms import SchemaForm, WithNewLabels, initial_of, schema_json
from radcommons.transfer.annotation.codes import REVIEWED
from radcommons.transfer.annotation.ready import ready_schemas
from radcommons.transfer.annotation.schema import schema_from_json
from radcommons.transfer.annotation.untyped import AnnotationFormatError

ROW = {
    "group": "Lung",
    "id": "extent",
    "name": "Extent",
    "scope": "study",
    "geometry": "none",
    "kind": "number",
}


def written(head, rows):
    """What the forms make of what somebody typed, as a browser sends it."""
    fields = {"label-TOTAL_FORMS": len(rows), "label-INITIAL_FORMS": 0, **head}
    for number, row in enumerate(rows):
        fields |= {
            f"label-{number}-{name}": value for name, value in row.items() if value is not None and value is not False
        }
    head_form, labels = SchemaForm(fields), WithNewLabels(fields, prefix="label")
    assert head_form.is_valid(), head_form.errors
    assert labels.is_valid(), labels.errors
    return schema_json(head_form.cleaned_data, labels, version=1)[0]


def labels_of(*rows):
    """The labels that somebody wrote, read back."""
    head = {"name": "own", "title": "Own"}
    return schema_from_json(written(head, [{**ROW, **row} for row in rows])).labels


@pytest.mark.parametrize("schema", [*ready_schemas(), EVERY_KIND], ids=lambda schema: schema.name)
def test_a_schema_that_goes_through_the_form_is_the_same_schema(schema):
    again = schema_from_json(written(*initial_of(schema)))

    assert [group.name for group in again.groups] == [group.name for group in schema.groups]
    assert again.labels == schema.labels
    assert replace(again, groups=()) == replace(schema, groups=(), version=1)


def test_rules_units_codes_and_sums_are_written_a_line_each():
    signs = "halo | Halo | 1 | A ring | of ground glass\nnone | | 0"
    codes = "pleural_effusion\nhalo = RADLEX | RID1 | halo | sign\n\n99OWN | x | Own"
    grade, sign, size, score = labels_of(
        {"id": "grade", "kind": "integer", "minimum": 0, "maximum": 4},
        {"id": "sign", "kind": "one_of", "choices": signs, "codes": codes, "required_if": "grade = 3, 4\nsize"},
        {"id": "size", "unit": "%", "parent": "sign", "required_if": "sign = halo , none"},
        {"id": "score", "kind": "integer", "computed": "sign * grade\n grade", "maximum": 9, "minimum": 0},
    )

    assert grade.value.unit is None
    assert [(one.id, one.name, one.score, one.help) for one in sign.value.choices] == [
        ("halo", "Halo", 1, "A ring | of ground glass"),
        ("none", "none", 0, ""),
    ]
    assert sign.codes[0] == REVIEWED["pleural_effusion"].code
    assert sign.codes[1].scheme == "99OWN"
    assert [code.meaning for code in sign.value.choices[0].codes] == ["halo | sign"]
    assert [(one.label_id, one.values) for one in sign.required_if] == [("grade", (3, 4)), ("size", ())]
    assert size.required_if[0].values == ("halo", "none")
    assert (size.value.unit.value, size.value.unit.meaning, size.parent) == ("%", "%", "sign")
    assert score.sum_of_products == (("sign", "grade"), ("grade",))
    assert labels_of({})[0].value.unit.value == "mm"


@pytest.mark.parametrize("row", [{"codes": "SCT | 12"}, {"computed": "a * "}, {"codes": "no_such_name"}])
def test_a_line_that_says_only_half_is_refused_with_its_place(row):
    with pytest.raises(AnnotationFormatError, match=r"groups\[0\]\.labels\[0\]"):
        labels_of(row)
