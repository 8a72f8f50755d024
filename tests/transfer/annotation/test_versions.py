"""What changed between versions of a schema is listed, and readings are carried over without silent loss."""

import json
from dataclasses import replace

import pytest
from tests.support.readings import EVERY_KIND, full_reading

from radcommons.transfer.annotation.checking import check_reading
from radcommons.transfer.annotation.schema import Choice, Label, Scope, ValueKind, ValueRule
from radcommons.transfer.annotation.untyped import AnnotationFormatError
from radcommons.transfer.annotation.versions import (
    Change,
    ChangeKind,
    SchemaMapping,
    carried_over,
    check_mapping,
    differences,
    proposed_mapping,
)


def next_version():
    """The text ended, a flag came, a choice was renamed."""
    regions, answers = EVERY_KIND.groups
    many = EVERY_KIND.label("many")
    renamed = replace(many, value=ValueRule(ValueKind.MANY_OF, (Choice("a", "A"), Choice("c", "C"))))
    flag = Label("urgent", "Urgent", Scope.STUDY, ValueRule(ValueKind.FLAG))
    labels = [renamed if label.id == "many" else label for label in answers.labels if label.id != "text"]
    return replace(EVERY_KIND, version=4, groups=(regions, replace(answers, labels=(*labels, flag))))


def test_what_changed_is_listed_label_by_label():
    assert differences(EVERY_KIND, next_version()) == (
        Change(ChangeKind.CHANGED, "many", ("value.choices.b", "value.choices.c")),
        Change(ChangeKind.ADDED, "urgent"),
        Change(ChangeKind.REMOVED, "text"),
    )
    assert differences(EVERY_KIND, EVERY_KIND) == ()


def test_a_proposed_mapping_ends_what_has_no_equal_and_is_complete():
    mapping = proposed_mapping(EVERY_KIND, next_version())

    assert (mapping.labels["text"], mapping.labels["many"]) == ("", "many")
    assert mapping.choices == {("many", "b"): ""}
    assert check_mapping(mapping, EVERY_KIND, next_version()) == []
    assert SchemaMapping.from_json(json.loads(json.dumps(mapping.to_json()))) == mapping


def test_readings_are_carried_over_and_what_stays_behind_is_said():
    new, reading = next_version(), full_reading()
    kept, lost = carried_over(reading, proposed_mapping(EVERY_KIND, new), new)
    renamed, left = carried_over(reading, replace(proposed_mapping(EVERY_KIND, new), choices={("many", "b"): "c"}), new)

    assert len(kept.items) == len(reading.items) - 2
    assert {finding.code for finding in lost} == {"annotation.not-carried-over"}
    assert len(left) == 1
    assert renamed.items_of("many")[0].value == ("a", "c")
    assert check_reading(new, renamed) == []


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {}},
        {"labels": {"text": "nobody"}},
        {"labels": {"nobody": "many"}},
        {"choices": {("many", "z"): "a"}},
        {"choices": {("nobody", "z"): "a"}},
        {"old": replace(EVERY_KIND.reference, version=1)},
    ],
)
def test_a_mapping_that_does_not_fit_its_versions_is_found_out(change):
    mapping = proposed_mapping(EVERY_KIND, next_version())
    labels = {**mapping.labels, **change.get("labels", {})} if change.get("labels") else change.get("labels")
    changed = replace(mapping, **{**change, **({"labels": labels} if "labels" in change else {})})

    assert check_mapping(changed, EVERY_KIND, next_version())


def test_drawings_do_not_change_their_geometry():
    mapping = proposed_mapping(EVERY_KIND, next_version())
    changed = replace(mapping, labels={**mapping.labels, "box": "polygon"})

    assert [finding.code for finding in check_mapping(changed, EVERY_KIND, next_version())] == ["annotation.geometry"]


def test_a_malformed_mapping_is_refused():
    with pytest.raises(AnnotationFormatError, match="labels"):
        SchemaMapping.from_json({**proposed_mapping(EVERY_KIND, next_version()).to_json(), "labels": []})
