"""Reads and labels leave in the formats of other programs, exactly, with a count of what has no place there."""

import csv
import io
import json
import shutil
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner
from django.core.management import call_command
from pydicom import dcmread
from tests.support.publishing import STUDIES, finished_project, image, mask
from tests.support.reading import browser, person
from tests.support.studies import OPERATOR

from radcommons.server.annotation.commands import annotation
from radcommons.server.annotation.models import Answer, ReadingProject
from radcommons.server.annotation.queries import final
from radcommons.server.annotation.rules.states import ProjectState
from radcommons.server.platform import accounts
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.policy import Role
from radcommons.server.platform.settings import settings
from radcommons.transfer.annotation.coco import CocoImage, read_coco
from radcommons.transfer.annotation.dicom_seg import read_segmentation
from radcommons.transfer.annotation.geometry import FrameReference
from radcommons.transfer.annotation.nifti import NiftiMasks, read_nifti
from radcommons.transfer.annotation.raster import mask_of_runs

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def project(django_db_setup, django_db_blocker, tmp_path_factory):
    """Two cases read by three readers, closed; committed for the tests of this module, which only look at it."""
    with django_db_blocker.unblock():
        yield from committed(tmp_path_factory.mktemp("exported"))


def committed(folder):
    """A closed project until the module ends."""
    call_command("flush", interactive=False, verbosity=0)
    yield finished_project(folder)
    call_command("flush", interactive=False, verbosity=0)
    shutil.rmtree(settings().data_dir / "objects", ignore_errors=True)


def run(*words, fails=False):
    """A command of the room."""
    result = CliRunner().invoke(annotation, [str(word) for word in words])
    assert (result.exit_code != 0) == fails, (result.output, result.exception)
    return result


def drawn_pixels(number, top=4):
    """The pixels of the mask that the readers drew."""
    runs = mask(number, top, 6)["runs"]
    return np.repeat(np.arange(len(runs)) % 2, runs).reshape(16, 16).astype(bool)


def test_label_maps_hold_the_voxels_that_were_drawn_and_overlaps_go_into_further_files(project, tmp_path):
    told = json.loads(
        run("export", project.slug, "--as", "nifti", "--of", "reads", "-o", tmp_path / "n", "--json").stdout
    )
    folder = next((tmp_path / "n" / STUDIES[0]).iterdir())
    names = sorted(path.name for path in folder.glob("R1*.nii.gz"))
    segments = {
        segment.description: segment
        for name in names
        for segment in read_nifti(
            NiftiMasks((folder / name).read_bytes(), (folder / name.replace(".nii.gz", ".json")).read_bytes())
        )
    }

    # The mask and the contour cover common voxels; the box says where something is, and is none.
    assert names == ["R1-1.nii.gz", "R1-2.nii.gz"]
    assert set(segments) == {"opacity", "lesion"}
    assert np.array_equal(mask_of_runs(segments["opacity"].masks[0]), drawn_pixels(0))
    assert segments["opacity"].masks[0].frame.sop_instance_uid == image(0)
    assert told["readings"] == 6
    # Two answers, a box and a line of each of the six reads.
    assert told["left_out"] == [{"count": 24, "message": "answers, boxes, ellipses, points and lines are no voxels"}]


def test_coco_is_one_file_of_every_image_with_its_size_and_all_drawings(project, tmp_path):
    told = json.loads(run("export", project.slug, "--as", "coco", "-o", tmp_path / "c.json", "--json").stdout)
    document = json.loads((tmp_path / "c.json").read_bytes())
    images = [
        CocoImage(
            FrameReference(one["file_name"].split("/")[0]),
            one["study_instance_uid"],
            one["series_instance_uid"],
            16,
            16,
        )
        for one in document["images"]
    ]
    read = {(found.reading_id, found.reader): found for found in read_coco((tmp_path / "c.json").read_bytes(), images)}
    kept = {(reading.id, reading.reader): reading for reading in final.reader_readings(project)}
    masks = {item.id: item.shapes for item in read[next(iter(kept))].items}

    assert len(document["images"]) == 2 * 3
    assert {(one["width"], one["height"]) for one in document["images"]} == {(16, 16)}
    assert kept.keys() < read.keys()
    assert masks == {item.id: item.shapes for item in kept[next(iter(kept))].items if item.shapes}
    assert {"count": 14, "message": "answers have no drawing, and COCO holds drawings only"} in told["left_out"]
    assert sum("disagree" in one["message"] for one in told["left_out"]) == 1


def test_dicom_is_what_publishing_writes(project, tmp_path):
    run("export", project.slug, "--as", "dicom", "--of", "labels", "-o", tmp_path / "labels.zip")
    with zipfile.ZipFile(tmp_path / "labels.zip") as archive:
        assert archive.testzip() is None
        objects = {dcmread(io.BytesIO(archive.read(name))).Modality: archive.read(name) for name in archive.namelist()}
    assert set(objects) == {"SEG", "RTSTRUCT", "SR"}
    opacity = next(one for one in read_segmentation(objects["SEG"]).segments if one.description == "opacity")
    assert np.array_equal(mask_of_runs(opacity.masks[0]), drawn_pixels(0))


def test_a_format_for_other_questions_refuses_or_counts_what_it_has_no_property_for(project, tmp_path):
    refused = run("export", project.slug, "--as", "mrale", "-o", tmp_path / "m", fails=True)
    told = json.loads(run("export", project.slug, "--as", "midrc", "-o", tmp_path / "r.json", "--json").stdout)

    assert "midrc-mrale/1" in str(refused.exception)
    assert json.loads((tmp_path / "r.json").read_bytes()) == []
    assert told["left_out"][0]["count"] > 36
    assert told["files"] == 1


def test_a_folder_that_holds_something_is_not_written_into(project, tmp_path):
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    assert "not empty" in run("export", project.slug, "--as", "nifti", "-o", tmp_path, fails=True).output
    assert "--output" in run("export", project.slug, "--as", "nifti", fails=True).output


def test_a_manager_downloads_what_the_command_writes_and_the_audit_log_tells(project, tmp_path):
    person("mia", Role.PROJECT_MANAGER)
    page = browser("mia").get(f"/annotation/projects/{project.slug}/exports/")
    answer = browser("mia").post(f"/api/v1/annotation/managed/{project.slug}/exports/nifti?of=labels")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    run("export", project.slug, "--as", "nifti", "--of", "labels", "--by", "mia", "-o", tmp_path / "n")
    by_command = {
        str(path.relative_to(tmp_path / "n")): path.read_bytes()
        for path in (tmp_path / "n").rglob("*")
        if path.is_file()
    }

    assert "exports/nifti" in page.content.decode()
    assert "exports/mrale" not in page.content.decode()
    assert json.loads(archive.read("left-out.json"))["readings"] == 1
    assert {name: archive.read(name) for name in archive.namelist() if name != "left-out.json"} == by_command
    assert AuditEvent.objects.filter(action="annotation.exported", actor__contains="mia").count() == 2


def test_who_reads_in_a_project_takes_nothing_away_before_it_is_closed(project):
    person("anna")
    accounts.grant_role("anna", Role.PROJECT_MANAGER, actor=OPERATOR)
    ReadingProject.objects.filter(pk=project.pk).update(state=ProjectState.READING)
    assert browser("anna").post(f"/api/v1/annotation/managed/{project.slug}/exports/coco").status_code == 403
    assert run("export", project.slug, "--by", "anna", fails=True).exception.code == "annotation.reads-here"


def test_reads_leave_whole_by_the_page_as_by_command_and_it_is_written_down(project, tmp_path):
    person("mira", Role.PROJECT_MANAGER)
    mira, root = browser("mira"), f"/api/v1/annotation/managed/{project.slug}/whole"
    before = AuditEvent.objects.filter(action="annotation.exported").count()
    page = mira.get(f"/annotation/projects/{project.slug}/exports/").content.decode()
    for kind, ending in (("mdai", "json"), ("csv", "csv"), ("parquet", "parquet")):
        assert f"{root}/{kind}" in page
        answer = mira.post(f"{root}/{kind}")
        assert answer["Content-Disposition"] == f'attachment; filename="{project.slug}-{kind}.{ending}"'
        run("export", project.slug, "--as", kind, "-o", tmp_path / kind)
        assert answer.content == (tmp_path / kind).read_bytes()
    assert AuditEvent.objects.filter(action="annotation.exported").count() == before + 3
    # It was read here, so there is no document that it came in.
    assert f"{root}/original" not in page
    assert mira.post(f"{root}/original").status_code == 404


def test_no_answer_runs_in_a_spreadsheet_and_all_stay_readable(project):
    first = Answer.objects.order_by("pk").values("pk")[:1]
    Answer.objects.filter(pk__in=first).update(value='=HYPERLINK("https://evil.example")')
    person("manager", Role.PROJECT_MANAGER)
    answer = browser("manager").get(f"/api/v1/annotation/managed/{project.slug}/answers.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert len(rows) == Answer.objects.count()
    assert [row["value"] for row in rows if "HYPERLINK" in row["value"]] == ['\'=HYPERLINK("https://evil.example")']
    assert {row["study_instance_uid"] for row in rows} == set(
        Answer.objects.values_list("task__case__study_instance_uid", flat=True)
    )
