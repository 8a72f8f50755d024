"""Reports hold a reading whole, are valid for dciodvfy, and are read by highdicom."""

import io
import subprocess
from dataclasses import replace
from datetime import datetime

import highdicom as hd
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.readings import (
    EVERY_KIND,
    IMAGE,
    STUDY,
    TO_IMAGE,
    TO_STUDY,
    full_reading,
    outline,
    radiograph_header,
)

from radcommons.transfer.annotation.content_tree import read_content
from radcommons.transfer.annotation.dicom_sr import write_report
from radcommons.transfer.annotation.dicom_sr_reading import read_report
from radcommons.transfer.annotation.geometry import FrameMask, FrameReference, Geometry, on_grid
from radcommons.transfer.annotation.objects import AnnotationObjectError, DocumentReference, ObjectIdentity, derived_uid
from radcommons.transfer.annotation.record import Item, Method

IDENTITY = ObjectIdentity("2.25.4", "2.25.5", datetime(2026, 1, 2, 3, 4, 5), "0.1", series_description="Reading")  # noqa: DTZ001


def written(reading):
    return write_report([radiograph_header()], EVERY_KIND, reading, IDENTITY)


@pytest.fixture(scope="module")
def full():
    return written(full_reading())


def test_a_full_reading_comes_back_whole_and_is_the_same_bytes_again(full):
    assert read_report(full) == full_reading()
    assert written(full_reading()) == full


@pytest.mark.peers
def test_the_report_is_valid_for_the_validator(full, tmp_path):
    path = tmp_path / "report.dcm"
    path.write_bytes(full)
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr

    assert "ComprehensiveSR" in said
    assert [line for line in said.splitlines() if line.startswith("Error")] == []


@pytest.mark.peers
def test_a_report_that_takes_the_place_of_another_names_it_and_is_valid(tmp_path):
    identity = replace(IDENTITY, predecessor=DocumentReference("2.25.40", "2.25.50"))
    made = write_report([radiograph_header()], EVERY_KIND, full_reading(), identity)
    path = tmp_path / "report.dcm"
    path.write_bytes(made)
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
    [study] = hd.sr.srread(path).PredecessorDocumentsSequence
    [series] = study.ReferencedSeriesSequence

    assert [line for line in said.splitlines() if line.startswith("Error")] == []
    assert study.StudyInstanceUID == STUDY
    assert (series.SeriesInstanceUID, series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) == (
        "2.25.40",
        "2.25.50",
    )
    assert read_report(made) == full_reading()


def test_highdicom_finds_groups_observers_and_points(full):
    report = hd.sr.srread(io.BytesIO(full))
    groups = report.content.get_planar_roi_measurement_groups()
    box = next(group for group in groups if group.tracking_identifier == "i-box")
    made = pydicom.dcmread(io.BytesIO(full))

    assert len(groups) == 9
    assert box.tracking_uid == derived_uid("read-1", "i-box")
    assert box.roi.value.tolist() == [[1.5, 2], [10, 2], [10, 20], [1.5, 20], [1.5, 2]]
    assert box.roi.graphic_type.value == "POLYLINE"
    assert (made.CompletionFlag, made.Modality, made.ContentDate) == ("COMPLETE", "SR", "20260102")
    text = str(made)
    assert "R-7" in text
    assert "RadCommons 0.1" in text
    assert made.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99RADCOMMONS"
    evidence = made.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == IMAGE


def test_nothing_found_is_a_report_too():
    empty = replace(full_reading(), items=(), is_nothing_found=True, flags=(), sources=(), note="")

    assert read_report(written(empty)) == empty


def test_an_algorithm_says_so():
    machine = replace(full_reading(), method=Method.RETROSPECTIVE_AUTO, reader="model-7", items=())

    assert read_report(written(machine)) == machine


points = st.tuples(st.floats(-10, 5000), st.floats(-10, 5000))
texts = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Cn"), blacklist_characters="\u2028\u2029"), min_size=1, max_size=20
).filter(lambda text: text == text.strip() and text)


@settings(max_examples=12, deadline=None)
@given(st.lists(points, min_size=3, max_size=9), texts, st.floats(-1, 1e6), st.sampled_from(["polygon", "freehand"]))
def test_points_on_the_grid_and_words_of_any_script_come_back_exactly(drawn, words, number, kind):
    shape = outline(Geometry(kind), on_grid(tuple(drawn)))
    items = (
        Item("r", kind, TO_IMAGE, value=True, shapes=(shape,), note=words),
        Item("t", "text", TO_STUDY, words),
        Item("n", "number", TO_STUDY, number),
    )
    reading = replace(full_reading(), items=items, note=words)

    assert read_report(written(reading)) == reading


def test_masks_other_images_and_unknown_labels_are_refused():
    mask = Item("m", "mask", TO_IMAGE, value=True, shapes=(FrameMask(FrameReference(IMAGE), 1, 1, (0, 1)),))
    stranger = Item("x", "box", TO_IMAGE, value=True, shapes=(outline(Geometry.BOX, uid="9.9"),))
    unknown = Item("u", "nobody", TO_STUDY, value=True)
    for item in (mask, stranger, unknown):
        with pytest.raises(AnnotationObjectError):
            written(replace(full_reading(), items=(item,)))
    with pytest.raises(AnnotationObjectError, match="at least one"):
        write_report([], EVERY_KIND, full_reading(), IDENTITY)


@pytest.mark.parametrize("name", ["mdai_sample_SR.dcm", "tid1500_lung_measurement_sr.dcm", "structured_report.dcm"])
def test_reports_of_others_are_read_as_trees_and_not_guessed_at(shared_data, name):
    data = (shared_data / "annotations" / name).read_bytes()
    _, tree = read_content(data)

    assert tree.value_type == "CONTAINER"
    assert len(list(tree.walk())) > 3
    with pytest.raises(AnnotationObjectError, match="does not hold exactly one reading"):
        read_report(data)


@pytest.mark.parametrize("cut", [0, 100, 400, 3000])
def test_a_broken_report_is_refused(full, cut):
    with pytest.raises(AnnotationObjectError):
        read_report(full[:cut])


def test_no_uid_comes_from_chance():
    assert derived_uid("a", "b") == derived_uid("a", "b") != derived_uid("ab")
    assert derived_uid(STUDY).startswith("2.25.")
    assert len(derived_uid("x" * 1000)) <= 44
