"""MD.ai's exports: nothing is dropped, and what came in goes out as it was."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.readings import EVERY_KIND, POINTS, full_reading

from radcommons.transfer.annotation.documents import canonical_text
from radcommons.transfer.annotation.geometry import FrameReference, Geometry
from radcommons.transfer.annotation.mdai import mdai_of, read_mdai, write_mdai
from radcommons.transfer.annotation.mdai_export import ExportHeader, export_mdai
from radcommons.transfer.annotation.raster import runs_of_mask
from radcommons.transfer.annotation.record import Item, Method, reading_from_json
from radcommons.transfer.annotation.ricord import ricord_readings
from radcommons.transfer.annotation.schema import Scope
from radcommons.transfer.annotation.untyped import AnnotationFormatError

DATA = {
    "bbox": {"x": 1.1, "y": 2, "width": 0.3, "height": 4},
    "polygon": {"vertices": [[1, 2], [3, 4.5], [5, 0]]},
    "freeform": {"vertices": [[1, 2], [3, 4], [5, 0], [1, 1]]},
    "line": {"vertices": [[0, 0], [2.25, 1]]},
    "location": {"x": 7, "y": 8.5},
    "angle": {"vertices": [[0, 0], [1, 1], [2, 0]]},
    "mask": {"foreground": [[[0, 0], [9, 0], [9, 9]]], "background": [[[4, 1], [6, 1], [6, 3]]]},
}


def label(label_id, mode=None, *, scope="STUDY", **more):
    return {"id": label_id, "parentId": None, "name": label_id.upper(), "shortName": "", "description": "",
            "color": "#d32f2f", "type": "GLOBAL", "scope": scope, "annotationMode": mode, "radlexTagIds": [], **more}  # fmt: skip


def annotation(name, label_id, *, image=False, **more):
    uids = {"SeriesInstanceUID": "1.2.2", "SOPInstanceUID": "1.2.3", "frameNumber": None} if image else {}
    return {"id": name, "createdById": "U_1", "labelId": label_id, "data": None, "note": None, "surprise": {"x": [1]},
            "StudyInstanceUID": "1.2.1", **uids, **more}  # fmt: skip


def export(labels, annotations, **more):
    return {
        "id": "P1", "name": "Project", "extra": {"kept": True},
        "labelGroups": [{"id": "G_1", "name": "Team 1", "labels": labels}],
        "datasets": [{"id": "D_1", "studies": [{"StudyInstanceUID": "1.2.1", "number": 1}], "annotations": annotations}],
        **more,
    }  # fmt: skip


def everything():
    labels = [label(f"L_{mode}", mode, scope="instance") for mode in DATA] + [label("L_g"), label("L_l", scope="exam")]
    rows = [annotation(f"A_{mode}", f"L_{mode}", image=True, data=data) for mode, data in DATA.items()]
    rows += [annotation("A_g", "L_g", note="seen\nhere"), annotation("A_null", "L_polygon", image=True)]
    rows += [annotation("A_model", "L_l", createdById=None, modelId="M_7")]
    return export(labels, rows)


def test_the_real_export_is_complete_and_comes_out_byte_for_byte(shared_data):
    raw = (shared_data / "nc" / "ricord-1c_mdai_annotations.json").read_bytes()
    document = json.loads(raw)
    project = read_mdai(raw)
    items = [item for reading in project.readings for item in reading.items]
    rows = document["datasets"][0]["annotations"]

    assert project.studies == len(document["datasets"][0]["studies"]) == 1000
    assert project.annotations == len(rows) == 5440
    assert len(project.schema.labels) == sum(len(group["labels"]) for group in document["labelGroups"])
    assert not project.orphans
    assert Counter(item.label_id for item in items) == Counter(row["labelId"] for row in rows)
    assert {item.id for item in items} == {row["id"] for row in rows}
    assert write_mdai(project) == raw


def test_the_real_export_comes_out_the_same_from_stored_readings(shared_data):
    raw = (shared_data / "nc" / "ricord-1c_mdai_annotations.json").read_bytes()
    project = read_mdai(raw)
    stored = [json.loads(reading.to_bytes()) for reading in reversed(project.readings)]
    again = replace(project, readings=tuple(map(reading_from_json, stored)))

    assert write_mdai(again) == raw


def test_the_real_readers_answer_the_ready_schema(shared_data):
    project = read_mdai((shared_data / "nc" / "ricord-1c_mdai_annotations.json").read_bytes())
    readings, findings = ricord_readings(project, "ricord-1c")
    given = {
        (reading.id, item.value)
        for reading in readings
        for label_id in ("appearance", "grading")
        for item in reading.items_of(label_id)
    }
    flagged = sum(bool(reading.flags) for reading in readings)
    codes = Counter(finding.code.removeprefix("annotation.ricord-") for finding in findings)

    assert len(readings) == len(project.readings)
    # Every annotation is an answer, a flag, or was reported.
    invalid = [label.id for label in project.schema.labels if label.name == "Invalid Study"]
    asked = sum(item.label_id not in invalid for reading in project.readings for item in reading.items)
    assert len(given) + sum(codes.values()) == asked
    assert set(codes) == {"answered-twice", "contradiction"}
    assert flagged == len(
        {reading.id for reading in project.readings for item in reading.items if item.label_id in invalid}
    )


def test_every_geometry_comes_in_and_goes_out():
    raw = canonical_text(everything())
    project = read_mdai(raw)
    items = {item.id: item for reading in project.readings for item in reading.items}
    labels = {found.id: found for found in project.schema.labels}

    assert write_mdai(project) == raw
    assert items["A_polygon"].outlines[0].points == ((1.0, 2.0), (3.0, 4.5), (5.0, 0.0))
    assert items["A_location"].outlines[0].points == ((7.0, 8.5),)
    assert items["A_bbox"].outlines[0].points[0] == (1.1, 2.0)
    assert [found.is_hole for found in items["A_mask"].outlines] == [False, True]
    assert items["A_line"].outlines[0].frame == FrameReference("1.2.3", 1)
    assert [labels[name].scope for name in ("L_bbox", "L_g", "L_l")] == [Scope.REGION, Scope.STUDY, Scope.STUDY]
    assert [finding.code for finding in project.findings] == ["annotation.mdai-no-data"]
    assert {reading.method for reading in project.readings if reading.reader == "M_7"} == {Method.RETROSPECTIVE_AUTO}


def test_annotations_are_let_go_as_they_are_read_and_all_of_them_come_back():
    raw = canonical_text(everything())
    value = json.loads(raw)
    project = mdai_of(value)

    assert set(value["datasets"][0]["annotations"]) == {None}
    assert project == read_mdai(raw)
    assert write_mdai(project) == raw


def test_scope_is_understood_in_either_spelling():
    upper, lower = (
        read_mdai(canonical_text(export([label("L_1", scope=scope)], []))) for scope in ("INSTANCE", "instance")
    )

    assert upper.schema.labels[0].scope == lower.schema.labels[0].scope == Scope.INSTANCE


@pytest.mark.parametrize(
    "row",
    [
        annotation("A", "L_unknown"),
        annotation("A", "L_1", StudyInstanceUID=None),
        annotation("A", "L_1", StudyInstanceUID="../etc"),
        annotation("A", None),
        annotation("A", {"id": "L_1"}),
        annotation("A", "L_1", image=True, SOPInstanceUID="no uid"),
        annotation("A", "L_1", frameNumber=-3),
        {},
        "no object",
        None,
    ],
)
def test_an_annotation_that_no_reading_can_hold_is_reported_and_given_back(row):
    raw = canonical_text(export([label("L_1")], [annotation("A_0", "L_1"), row, annotation("A_2", "L_1")]))
    project = read_mdai(raw)

    assert len(project.orphans) == 1
    assert {finding.code for finding in project.findings} == {"annotation.mdai-orphan"}
    assert project.annotations == 3
    assert write_mdai(project) == raw


@pytest.mark.parametrize(
    "data",
    [
        {"vertices": [[1, 2], [3]]}, {"vertices": [[1, 2]]}, {"vertices": "x"}, {}, [], 7,
        {"vertices": [[1, 2], [1e308, 2], [True, 1]]}, {"foreground": [[[1, 2]]]}, {"rle": "abc"},
    ],
)  # fmt: skip
def test_a_drawing_that_cannot_be_read_is_reported_and_given_back(data):
    raw = canonical_text(export([label("L_1", "polygon")], [annotation("A", "L_1", image=True, data=data)]))
    project = read_mdai(raw)

    assert [finding.code for finding in project.findings] == ["annotation.mdai-data"]
    assert project.readings[0].items[0].shapes == ()
    assert write_mdai(project) == raw


def test_studies_that_are_not_listed_and_repeated_ids_are_reported():
    rows = [annotation("A", "L_1"), annotation("A", "L_1"), annotation("B", "L_1", StudyInstanceUID="9.9")]
    raw = canonical_text(export([label("L_1"), label("L_1")], rows))
    project = read_mdai(raw)

    assert {finding.code.removeprefix("annotation.mdai-") for finding in project.findings} == {
        "label", "repeated-id", "unlisted-study",
    }  # fmt: skip
    assert [item.id for reading in project.readings for item in reading.items] == ["A", "A.0.1", "B"]
    assert write_mdai(project) == raw


def test_people_and_labels_whose_names_differ_only_in_odd_signs_stay_apart():
    names = ["L_ä", "L_ö", "L_-", "L_ ", "ж", "я", "L" * 70, "L" * 71]
    rows = [annotation(f"é{n}" * 30, name, createdById=name.replace("L", "U")) for n, name in enumerate(names)]
    raw = canonical_text(export([label(name) for name in names], rows))
    project = read_mdai(raw)

    assert not project.orphans
    assert not project.findings
    assert len(project.schema.labels) == len({reading.reader for reading in project.readings}) == len(names)
    for reading in project.readings:
        kept = json.loads(reading.items[0].foreign)["annotation"]
        assert project.schema.labels[names.index(kept["labelId"])].id == reading.items[0].label_id
    assert write_mdai(project) == raw


def test_an_export_that_is_written_otherwise_is_equal_json():
    raw = json.dumps(everything(), indent=2).encode()

    assert json.loads(write_mdai(read_mdai(raw))) == json.loads(raw)


def test_what_was_changed_after_import_is_written_anew():
    project = read_mdai(canonical_text(everything()))
    target = next(reading for reading in project.readings if any(item.id == "A_bbox" for item in reading.items))
    box = next(item for item in target.items if item.id == "A_bbox")
    moved = replace(box, note="moved", shapes=(replace(box.outlines[0], points=((1.0, 2.0), (3.5, 4.0))),))
    changed = replace(target, items=tuple(moved if item.id == "A_bbox" else item for item in target.items))
    readings = tuple(changed if reading is target else reading for reading in project.readings)
    rows = json.loads(write_mdai(replace(project, readings=readings)))["datasets"][0]["annotations"]

    assert rows[0]["data"] == {"x": 1, "y": 2, "width": 2.5, "height": 2}
    assert rows[0]["note"] == "moved"
    assert rows[1:] == everything()["datasets"][0]["annotations"][1:]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4) | st.just("1.2.1") | st.just("L_1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*annotation("", ""), "x"]), inner),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(list(annotation("", "", image=True))), json_values), max_size=3))
def test_whatever_annotations_hold_all_of_it_comes_back(rows):
    raw = canonical_text(export([label("L_1", "polygon"), label("L_2")], rows))
    project = read_mdai(raw)

    assert write_mdai(project) == raw
    assert sum(len(reading.items) for reading in project.readings) + len(project.orphans) == len(rows)
    for reading in project.readings:
        assert reading_from_json(json.loads(reading.to_bytes())) == reading


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{}", b'{"datasets":[]}', b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"[" * 100_000, b'"\\ud800"',
     b'{"labelGroups":[],"datasets":{}}', b"1" * 5000],
)  # fmt: skip
def test_what_is_no_export_is_refused(raw):
    with pytest.raises(AnnotationFormatError):
        read_mdai(raw)


def test_own_readings_are_exported_and_read_again():
    reading = full_reading()
    pixels = runs_of_mask(np.eye(4, dtype=bool), FrameReference("2.25.102"))
    mask = Item("m", "mask", reading.items[0].target, value=True, shapes=(pixels,))
    reading = replace(reading, items=(*reading.items, mask))
    raw = export_mdai(EVERY_KIND, [reading], ExportHeader("P1", "Project", "2026-01-02T03:04:05Z"))
    project = read_mdai(raw)
    items = {item.id: item for found in project.readings for item in found.items}

    assert raw == export_mdai(EVERY_KIND, [reading], ExportHeader("P1", "Project", "2026-01-02T03:04:05Z"))
    assert not project.orphans
    assert not project.findings
    assert write_mdai(project) == raw
    for kind in (Geometry.BOX, Geometry.POLYGON, Geometry.FREEHAND, Geometry.LINE, Geometry.POINT, Geometry.ANGLE):
        assert items[f"A_read-1.i-{kind.value}"].outlines[0].points == POINTS[kind]
    assert items["A_read-1.one.a_rather_long_choice"].label_id == "L_one_with_a_long_name.a_rather_long_choice"
    assert items["A_read-1.number"].note.startswith("0.1234567890123456")
    assert sum(name.startswith("A_read-1.m.") or name == "A_read-1.m" for name in items) == 4
