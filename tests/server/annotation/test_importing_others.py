"""What leaves comes in again as the same project; other programs' documents come in, and an earlier version's reads."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from tests.support.batches import uid
from tests.support.publishing import STUDIES, finished_project, image, schema
from tests.support.reading import browser, person
from tests.support.studies import OPERATOR

from radcommons.server.annotation.commands import annotation
from radcommons.server.annotation.models import Case, ReadingProject
from radcommons.server.annotation.queries import final
from radcommons.server.annotation.rules.states import Duty
from radcommons.server.annotation.services.schemas import add_schema
from radcommons.server.platform.policy import Role
from radcommons.transfer.annotation.raster import mask_of_runs
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.record import Method

pytestmark = pytest.mark.django_db


def run(*words, fails=False):
    """A command of the room."""
    result = CliRunner().invoke(annotation, [str(word) for word in words])
    assert (result.exit_code != 0) == fails, (result.output, result.exception)
    return result


def exported(slug, path, *options):
    """A project's reads as a document, parsed."""
    run("export", slug, *options, "-o", path)
    return json.loads(path.read_bytes())


@pytest.fixture
def project(db, tmp_path):
    """Two cases, three readers, closed."""
    return finished_project(tmp_path)


def test_reads_that_leave_come_in_as_the_same_project(project, tmp_path):
    document = exported(project.slug, tmp_path / "a.json")
    run("import", tmp_path / "a.json", "--format", "readings", "--slug", "elsewhere")
    again = exported("elsewhere", tmp_path / "b.json")
    states = [
        dict(Case.objects.filter(project__slug=slug).values_list("study_instance_uid", "state"))
        for slug in (project.slug, "elsewhere")
    ]

    assert len(document["readings"]) == 6
    assert {**again, "project": project.slug, "title": project.title} == document
    assert states[0] == states[1]
    assert exported("elsewhere", tmp_path / "c.json", "--as", "original") == document


def test_reads_of_the_past_are_adjudicated_by_whom_a_manager_names(project, tmp_path):
    exported(project.slug, tmp_path / "a.json")
    run("import", tmp_path / "a.json", "--format", "readings", "--slug", "past")
    for name, *roles in (("mia", Role.PROJECT_MANAGER), ("judge", Role.ADJUDICATOR, Role.READER)):
        person(name, *roles)
    page = browser("mia")
    assert "Add a member" in page.get("/annotation/projects/past/").content.decode()
    wanted = {"username": "judge", "method": Method.RETROSPECTIVE_EXPERT.value}
    for duty in (Duty.READ, Duty.ADJUDICATE):
        page.post("/annotation/projects/past/members/", {**wanted, "duty": duty.value})

    members = ReadingProject.objects.get(slug="past").readers.filter(user__isnull=False)
    assert list(members.values_list("pseudonym", "duty")) == [("A1", Duty.ADJUDICATE.value)]
    queue = browser("judge").get("/annotation/adjudication/?project=past").content.decode()
    assert "1 case to decide" in queue


def test_a_second_read_of_a_case_by_the_same_reader_stays_a_repeat(project, tmp_path):
    document = exported(project.slug, tmp_path / "a.json")
    document["readings"].append({**document["readings"][0], "id": "again"})
    (tmp_path / "a.json").write_text(json.dumps(document), encoding="utf-8")
    run("import", tmp_path / "a.json", "--format", "readings", "--slug", "elsewhere")
    made = ReadingProject.objects.get(slug="elsewhere")

    assert sorted(made.readers.values_list("pseudonym", flat=True)) == ["R1", "R2", "R3"]
    assert list(made.tasks.filter(occasion=2).values_list("reader__pseudonym", flat=True)) == [
        document["readings"][0]["reader"]
    ]


def test_a_document_with_answers_to_no_question_is_refused_with_the_place(project, tmp_path):
    document = exported(project.slug, tmp_path / "a.json")
    document["readings"][1]["items"][0]["label_id"] = "unheard"
    (tmp_path / "a.json").write_text(json.dumps(document), encoding="utf-8")
    unknown = run("import", tmp_path / "a.json", "--format", "readings", "--slug", "elsewhere", fails=True)
    (tmp_path / "a.json").write_text(
        json.dumps({**document, "readings": document["readings"][:1] * 2}), encoding="utf-8"
    )
    twice = run("import", tmp_path / "a.json", "--format", "readings", "--slug", "elsewhere", fails=True)

    assert "readings[1].items[0]: cannot be kept" in str(unknown.exception)
    assert "same id" in str(twice.exception)
    assert not ReadingProject.objects.filter(slug="elsewhere").exists()


def test_drawings_go_to_coco_and_come_back_exactly(project, tmp_path):
    exported(project.slug, tmp_path / "c.json", "--as", "coco", "--of", "reads")
    run("import", tmp_path / "c.json", "--format", "coco", "--schema", "chest/1", "--slug", "from-coco")
    before, after = (
        {
            reading.id: {item.id: (item.label_id, item.value, item.shapes) for item in reading.items if item.shapes}
            for reading in final.reader_readings(ReadingProject.objects.get(slug=slug))
        }
        for slug in (project.slug, "from-coco")
    )
    assert after == before
    assert sum(map(len, after.values())) == 24

    # With the consensus beside them the reads are the same: it is nobody's own.
    exported(project.slug, tmp_path / "d.json", "--as", "coco", "--of", "all")
    told = run("import", tmp_path / "d.json", "--format", "coco", "--schema", "chest/1", "--slug", "from-all")
    assert "annotation.consensus-left-out" in told.output
    pseudonyms = ReadingProject.objects.get(slug="from-all").readers.values_list("pseudonym", flat=True)
    assert sorted(pseudonyms) == ["R1", "R2", "R3"]


def strangers_coco(category="Opacity", file_name=None):
    """A data set as another program writes it: a polygon on an image named by its file."""
    return {
        "images": [{"id": 7, "file_name": file_name or f"export/{image(0)}.dcm", "height": 16, "width": 16}],
        "categories": [{"id": 3, "name": category}],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 3,
                "bbox": [2, 2, 4, 3],
                "segmentation": [[2, 2, 6, 2, 6, 5, 2, 5]],
            }
        ],
    }


def test_strangers_polygons_become_masks_where_the_label_is_a_mask(project, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps(strangers_coco()), encoding="utf-8")
    run("import", tmp_path / "c.json", "--format", "coco", "--schema", "chest/1", "--slug", "theirs")
    (reading,) = final.reader_readings(ReadingProject.objects.get(slug="theirs"))
    (item,) = reading.items
    rows, columns = np.nonzero(mask_of_runs(item.shapes[0]))

    assert (item.label_id, reading.study_instance_uid) == ("opacity", STUDIES[0])
    assert item.target.series_instance_uid == uid("series", "case-0", 1)
    assert (set(rows.tolist()), set(columns.tolist())) == ({2, 3, 4}, {2, 3, 4, 5})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"category": "Fracture"}, "no label of chest/1"),
        ({"file_name": "1.2.3.4.dcm"}, "unknown image"),
        ({"file_name": "../../etc/passwd"}, "unknown image"),
    ],
)
def test_strangers_labels_and_images_that_nobody_knows_are_refused(project, tmp_path, changes, message):
    (tmp_path / "c.json").write_text(json.dumps(strangers_coco(**changes)), encoding="utf-8")
    refused = run("import", tmp_path / "c.json", "--format", "coco", "--schema", "chest/1", "--slug", "x", fails=True)
    assert message in str(refused.exception)


def test_midrc_records_come_in_and_go_out_as_they_were(db, tmp_path):
    values = [choice.id for choice in ready_schema("ricord-1c").label("appearance").value.choices]
    records = [
        {
            "type": "annotation",
            "submitter_id": f"{reader}-{number}",
            "annotation_name": "midrc_mdai_chestxr",
            "annotation_method": "Retrospective_expert",
            "annotator_id": reader,
            "imaging_studies": {"submitter_id": f"1.2.3.{number}"},
            "class_covid19_pneumonia": values[number],
        }
        for reader in ("first", "second")
        for number in range(2)
    ]
    (tmp_path / "r.json").write_text(json.dumps(records), encoding="utf-8")
    run("import", tmp_path / "r.json", "--format", "midrc", "--slug", "midrc")
    run("export", "midrc", "--as", "midrc", "--of", "reads", "-o", tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_bytes())

    assert sorted(again, key=lambda one: one["submitter_id"]) == records


def later_version():
    """The next version: a label is renamed, another one gone."""
    plain = schema()
    plain["version"] = 2
    labels = plain["groups"][0]["labels"]
    labels[:] = [label for label in labels if label["id"] != "longest"]
    next(label for label in labels if label["id"] == "lesion")["id"] = "mass"
    return plain


def test_reads_are_carried_over_to_a_later_version_and_what_has_no_counterpart_is_told(project, tmp_path):
    mapping = {"labels": {"lesion": "mass", "longest": ""}}
    add_schema(later_version(), mapping=mapping, actor=OPERATOR)
    told = json.loads(
        run("import", "--from-project", project.slug, "--schema", "chest/2", "--slug", "second", "--json").stdout
    )
    made = ReadingProject.objects.get(slug="second")
    before = {reading.id: reading.items for reading in final.reader_readings(project)}
    after = {reading.id: reading.items for reading in final.reader_readings(made)}

    assert (made.schema.version, told["reads"], told["findings"]) == (2, 6, 6)
    assert {one["code"] for one in told["odd"]} == {"annotation.not-carried-over"}
    assert {item.label_id for items in after.values() for item in items} == {
        "appearance",
        "grade",
        "opacity",
        "mass",
        "nodule",
    }
    assert {key: [item.shapes for item in items if item.label_id != "longest"] for key, items in before.items()} == {
        key: [item.shapes for item in items] for key, items in after.items()
    }


def test_reads_are_not_carried_over_from_a_project_at_work_nor_backwards(tmp_path, db):
    live = finished_project(tmp_path, closes=False)
    at_work = run("import", "--from-project", live.slug, "--schema", "chest/2", "--slug", "second", fails=True)
    ReadingProject.objects.filter(pk=live.pk).update(state="closed")
    backwards = run("import", "--from-project", live.slug, "--schema", "chest/1", "--slug", "second", fails=True)
    foreign = run("import", "--from-project", live.slug, "--schema", "other/2", "--slug", "second", fails=True)

    assert at_work.exception.code == "annotation.move-not-possible"
    assert "later version" in str(backwards.exception)
    assert "name a version of that schema" in foreign.output
