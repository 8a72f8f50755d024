"""Reads of the past come in whole, are compared like all others, and are given back as they came."""

import json

import pytest
from click.testing import CliRunner
from django.utils import timezone

from radcommons.server.annotation.commands import annotation
from radcommons.server.annotation.models import Outcome, ReadingProject, Task
from radcommons.server.annotation.queries import final
from radcommons.server.annotation.queries.agreement import computed_report
from radcommons.server.annotation.services.documents import READERS
from radcommons.server.annotation.services.importing import Format, ImportWish, exported, import_reads
from radcommons.server.platform.errors import ConflictError
from radcommons.server.platform.policy import Actor
from radcommons.transfer.annotation.lidc import read_lidc

pytestmark = pytest.mark.django_db
OPERATOR = Actor.system("tests")


def run(*words):
    """A command of the room, which must succeed."""
    result = CliRunner().invoke(annotation, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_ricords_radiographs_come_in_whole_and_go_out_as_the_same_bytes(shared_data, tmp_path):
    path = shared_data / "nc" / "ricord-1c_mdai_annotations.json"
    document = json.loads(path.read_bytes())
    project, found = import_reads(path.read_bytes(), ImportWish("ricord-1c", "1C", Format.MDAI), actor=OPERATOR)
    studies = {study["StudyInstanceUID"] for part in document["datasets"] for study in part["studies"]}
    assert set(found.studies) == studies
    assert found.annotations == sum(len(part["annotations"]) for part in document["datasets"])
    assert len(found.schema.labels) == sum(len(group["labels"]) for group in document["labelGroups"])
    # A study that only an annotation names is a case all the same.
    annotated = {one["StudyInstanceUID"] for part in document["datasets"] for one in part["annotations"]}
    assert project.cases.count() == len(studies | annotated)
    written = tmp_path / "again.json"
    run("export", "ricord-1c", "--as", "original", "-o", written)
    assert written.read_bytes() == path.read_bytes()
    report = json.loads(run("export", "ricord-1c", "--as", "agreement"))
    assert len(report["readers"]) > 1
    assert any(one["compared"] > 100 for one in report["questions"])


def test_mrale_scores_come_in_one_a_radiograph_with_the_score_of_its_parts(shared_data):
    path = shared_data / "annotations" / "midrc_mrale_training_annotations.csv"
    project, found = import_reads(path.read_bytes(), ImportWish("mrale", "mRALE", Format.MRALE), actor=OPERATOR)
    rows = path.read_text(encoding="utf-8-sig").splitlines()[1:]
    assert project.tasks.count() == len(rows) == len(found.readings) == 2079
    scores = {
        reading.study_instance_uid: item.value
        for reading in final.reader_readings(project)
        for item in reading.items
        if item.label_id == "mrale"
    }
    assert sum(str(scores.get(row.split(",")[0])) == row.split(",")[-1] for row in rows) >= 2070
    assert exported(project).decode().splitlines()[0] == path.read_text(encoding="utf-8-sig").splitlines()[0]


MRALE = (
    "StudyInstanceUID,extent_right,density_right,extent_left,density_left,quality_issue,extent_right_numerical,"
    "density_right_numerical,extent_left_numerical,density_left_numerical,mRALE Score"
)
MDAI = {
    "labelGroups": [{"id": "G", "name": "G", "labels": [{"id": "L_é", "name": "Opacity", "annotationMode": "bbox"}]}],
    "datasets": [
        {"studies": None, "annotations": [{"id": 5, "labelId": "L_é", "StudyInstanceUID": "1.2", "data": {}}]}
    ],
}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (
            Format.MRALE,
            f"\ufeff{MRALE},x\r\n1.2,>75%,Dense,,,,4,3,,,99,y\r\n1.2,None,None,None,None,odd,0,0,0,0,0,z\r\n".encode(),
        ),
        (Format.MDAI, json.dumps(MDAI, indent=1).encode()),
    ],
)
def test_a_document_written_otherwise_or_with_odd_rows_is_given_back_to_the_byte(kind, data):
    project, found = import_reads(data, ImportWish("odd", "Odd", kind), actor=OPERATOR)
    assert found.findings
    assert exported(project) == data
    # What is kept is asked, not only what was sent: when it says something else, that is written.
    project.tasks.update(submitted_at=timezone.now())
    again = exported(project)
    assert again != data
    assert READERS[kind](again, ImportWish("odd", "Odd", kind)).annotations == found.annotations


def test_lidc_is_four_readers_of_one_case_whose_nodules_are_compared(shared_data):
    path = shared_data / "ct" / "lidc-idri-0001" / "lidc_reads.xml"
    counts = json.loads(run("import", path, "--format", "lidc", "--slug", "lidc-0001", "--json"))
    assert (counts["studies"], counts["reads"], counts["readers"]) == (1, 4, 4)
    project = ReadingProject.objects.get()
    kept = {reading.id: reading.items for reading in final.reader_readings(project)}
    assert kept == {reading.id: reading.items for reading in read_lidc(path.read_bytes()).readings}
    drawn = [row for row in Outcome.objects.filter(case__project=project) if row.detail]
    assert len(drawn[0].detail["dice"]) == 6
    assert {row["title"] for row in computed_report(project)["overlap"]} == {"Nodule ≥ 3 mm"}
    assert exported(project) == path.read_bytes()


def test_a_project_of_the_same_name_is_not_overwritten(shared_data):
    data = (shared_data / "ct" / "lidc-idri-0001" / "lidc_reads.xml").read_bytes()
    import_reads(data, ImportWish("lidc", "LIDC", Format.LIDC), actor=OPERATOR)
    with pytest.raises(ConflictError):
        import_reads(data, ImportWish("lidc", "LIDC", Format.LIDC), actor=OPERATOR)
    assert Task.objects.count() == 4


def test_reads_leave_as_tables_with_readers_under_pseudonyms(shared_data, tmp_path):
    path = shared_data / "ct" / "lidc-idri-0001" / "lidc_reads.xml"
    import_reads(path.read_bytes(), ImportWish("lidc", "LIDC", Format.LIDC), actor=OPERATOR)
    text = run("export", "lidc", "--as", "csv")
    assert text.count("\n") > 20
    run("export", "lidc", "--as", "parquet", "-o", tmp_path / "reads.parquet")
    assert (tmp_path / "reads.parquet").read_bytes()[:4] == b"PAR1"
    assert json.loads(run("list", "--json"))[0]["slug"] == "lidc"
