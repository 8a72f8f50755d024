"""Heads in CT and MR: held until a person decided, kept with a reason, or taken away by the hospital's own tool."""

import json
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from tests.edge.test_pixels import Hospital
from tests.support.hospital_folder import CT, write_original

from radcommons.edge.database import database
from radcommons.edge.defacing import REFUSALS
from radcommons.edge.faces import evidence_of
from radcommons.edge.home import open_home
from radcommons.edge.review import Decision, record_review, review_state
from radcommons.edge.sealing import seal

SIDE, SPACING_MM = 64, 4.0
TOOL = """
import pathlib, sys, pydicom
given, taken = map(pathlib.Path, sys.argv[1:3])
for path in given.iterdir():
    dataset = pydicom.dcmread(path)
    values = dataset.pixel_array.copy()
    values[:20] = 24
    dataset.PixelData = values.tobytes()
    dataset.PatientName = "Tool^Says^This"
    dataset.save_as(taken / path.name)
"""


def slice_of_a_head() -> bytes:
    """A closed ring of bone around soft tissue, as large as a head, in air."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    distance = np.hypot((x - SIDE / 2) * SPACING_MM / 75, (y - SIDE / 2) * SPACING_MM / 92)
    hounsfield = np.where(distance < 0.85, 35, np.where(distance < 0.96, 900, np.where(distance < 1.03, 30, -1000)))
    return (hounsfield + 1024).astype("<u2").tobytes()


ATTRIBUTES = {
    "study": "head",
    "series": "head",
    "SOPClassUID": CT,
    "BodyPartExamined": "HEAD",
    "StudyDescription": "CT head",
    "SeriesDescription": "axial brain",
    "Rows": SIDE,
    "Columns": SIDE,
    "PixelSpacing": [SPACING_MM, SPACING_MM],
    "RescaleSlope": "1",
    "RescaleIntercept": "-1024",
    "PixelData": slice_of_a_head(),
}


def write_head(folder: Path, *, count: int = 5, **changes) -> list[Path]:
    """An axial CT series of a head."""
    return [
        write_original(
            folder / f"head-{number}.dcm", number=number, ImagePositionPatient=[0, 0, 5.0 * number],
            **{**ATTRIBUTES, **changes},
        )
        for number in range(1, count + 1)
    ]  # fmt: skip


@pytest.fixture
def hospital(tmp_path):
    return Hospital(tmp_path)


def seal_all(hospital):
    record_review(hospital.home, hospital.out, decision=Decision("Dr Example", is_approval=True))
    return seal(hospital.home, hospital.out)


def test_a_head_waits_for_a_decision_and_the_rest_leaves(hospital):
    write_head(hospital.folder)
    write_original(hospital.folder / "chest.dcm", study="chest", series="chest")
    hospital.make()

    sealed = seal_all(hospital)

    with database(hospital.home) as connection:
        found = evidence_of(connection, hospital.series("head"))
    assert (found.verdict, "header-says-head" in found.reasons) == ("head", True)
    assert (sealed.files, sealed.findings_by_code) == (1, {"deid.face-not-decided": 5})
    assert review_state(hospital.home, hospital.out).pixel_text_waiting == 1


def test_a_face_stays_when_a_person_says_why_and_no_byte_changes(hospital):
    write_head(hospital.folder)
    hospital.make()
    before = [path.read_bytes() for path in hospital.files("head")]

    act = hospital.decide("head", "keep_faces", reason="the project is about sinuses; access is controlled")

    assert seal_all(hospital).files == 5
    assert [path.read_bytes() for path in hospital.files("head")] == before
    hospital.decide("head", "undo", act=act)
    assert review_state(hospital.home, hospital.out).pixel_text_waiting == 1


def test_slices_that_came_later_wait_again(hospital):
    write_head(hospital.folder)
    hospital.make()
    hospital.decide("head", "keep_faces", reason="wanted")
    write_head(hospital.folder, count=6)

    hospital.make()

    assert review_state(hospital.home, hospital.out).pixel_text_waiting == 1


def test_the_hospitals_own_tool_takes_the_face_and_nothing_else_of_it_is_used(hospital, tmp_path):
    tool = tmp_path / "tool.py"
    tool.write_text(TOOL, "utf-8")
    configure(hospital, [sys.executable, str(tool), "{in}", "{out}"])
    write_head(hospital.folder)
    hospital.make()

    hospital.decide("head", "deface")

    made = [pydicom.dcmread(path) for path in hospital.files("head")]
    assert {int(each.pixel_array[:20].max()) for each in made} == {24}
    assert all(str(each.PatientName).startswith("ALPHA-") for each in made)
    assert {each.RecognizableVisualFeatures for each in made} == {"NO"}
    assert all(claims(each).count("113102") == 1 for each in made)
    assert seal_all(hospital).files == 5
    assert hospital.make().made == 0


@pytest.mark.parametrize(
    "tool",
    [
        ("raise SystemExit(3)", "edge.defacer-failed"),
        ("pass", "deid.defacing-unreadable"),
        (TOOL.replace("values[:20] = 24", ""), "deid.defacing-no-change"),
        (TOOL.replace("taken / path.name", "taken / 'x'"), "deid.defacing-unreadable"),
        (TOOL.replace("values[:20] = 24", "values[:] = 7"), "deid.defacing-destroyed"),
        (
            TOOL.replace('dataset.PatientName = "Tool^Says^This"', "dataset.PixelSpacing = [1, 1]"),
            "deid.defacing-identity",
        ),
    ],
    ids=["fails", "writes nothing", "changes nothing", "names other files", "erases all", "changes the geometry"],
)
def test_a_tool_that_does_not_do_its_work_changes_nothing_and_lets_nothing_leave(hospital, tmp_path, tool):
    tool, code = tool
    path = tmp_path / "tool.py"
    path.write_text(tool, "utf-8")
    configure(hospital, [sys.executable, str(path), "{in}", "{out}"])
    write_head(hospital.folder, count=3)
    hospital.make()
    before = [each.read_bytes() for each in hospital.files("head")]

    hospital.decide("head", "deface")

    assert [each.read_bytes() for each in hospital.files("head")] == before
    assert review_state(hospital.home, hospital.out).pixel_text_waiting == 1
    assert findings(hospital) == {code}


def test_a_tool_that_reaches_beyond_the_head_is_refused(hospital, tmp_path):
    path = tmp_path / "tool.py"
    path.write_text(TOOL, "utf-8")
    configure(hospital, [sys.executable, str(path), "{in}", "{out}"])
    write_head(hospital.folder)
    belly = {"PixelData": np.full((SIDE, SIDE), 1060, "<u2").tobytes(), "ImagePositionPatient": [0, 0, -400.0]}
    write_original(hospital.folder / "low.dcm", number=9, **{**ATTRIBUTES, **belly})
    hospital.make()

    hospital.decide("head", "deface")

    assert findings(hospital) == {"deid.defacing-outside-head"}
    assert not any("113102" in claims(pydicom.dcmread(path)) for path in hospital.files("head"))


def test_only_what_a_tool_did_is_claimed(hospital):
    write_head(hospital.folder, count=3)
    hospital.make()
    assert not any("113102" in claims(pydicom.dcmread(path)) for path in hospital.files("head"))

    hospital.decide("head", "keep_faces", reason="the project is about sinuses; access is controlled")
    hospital.make()

    # The face is still there: whoever reads the object must not be told that it was taken away.
    assert not any("113102" in claims(pydicom.dcmread(path)) for path in hospital.files("head"))


def claims(dataset):
    return [each.CodeValue for each in dataset.DeidentificationMethodCodeSequence]


def findings(hospital):
    """Why the tool's work was refused, as the report of OUT says it."""
    hospital.make()
    lines = (hospital.out / "findings.jsonl").read_text("utf-8").splitlines()
    return {json.loads(line)["code"] for line in lines} & REFUSALS


def configure(hospital, command):
    path = hospital.home.path / "edge.toml"
    path.write_text(path.read_text("utf-8").replace("site = ", f"defacer = {command!r}\nsite = ", 1), "utf-8")
    hospital.home = open_home(hospital.home.path)
