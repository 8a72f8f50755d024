"""What an algorithm wrote to files becomes its reads: voxel by voxel, of the right images, or not at all."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from tests.support.batches import uid
from tests.support.publishing import STUDIES, image, mask, read, schema, store_cases
from tests.support.reading import item, looks, make_project

from radcommons.server.annotation.commands import annotation
from radcommons.server.annotation.models import Reader, ReadingProject, Task
from radcommons.server.annotation.queries.publishing import images_of
from radcommons.server.annotation.queries.readings import readings_of
from radcommons.server.annotation.rules.states import TaskKind
from radcommons.transfer.annotation.dicom_seg import segments_of
from radcommons.transfer.annotation.nifti import apart, write_nifti
from radcommons.transfer.annotation.objects import source_stack
from radcommons.transfer.annotation.publication import Origin, objects_of
from radcommons.transfer.annotation.raster import mask_of_runs
from radcommons.transfer.annotation.record import READING_FORMAT, reading_from_json
from radcommons.transfer.annotation.schema import schema_from_json

pytestmark = pytest.mark.django_db
SOFTWARE = "Segmenter 2.1"


def run(*words, fails=False):
    """A command of the room."""
    result = CliRunner().invoke(annotation, [str(word) for word in words])
    assert (result.exit_code != 0) == fails, (result.output, result.exception)
    return result


@pytest.fixture
def project(db, tmp_path):
    """Two cases that three readers are to read."""
    (tmp_path / "late").mkdir()
    store_cases(tmp_path)
    return make_project(tmp_path / "late", studies=2, schema=schema())


def reading(number=0, items=None):
    """What the algorithm says of a case, as a reading."""
    plain = {
        "format": READING_FORMAT,
        "id": "any",
        "study_instance_uid": STUDIES[number],
        "reader": "algorithm",
        "method": "Retrospective_auto",
        "schema": {"name": "chest", "version": 1},
        "items": read(number) if items is None else items,
    }
    return reading_from_json(plain)


def objects(project, folder, number=0, labels=None):
    """DICOM objects of the reading, in a folder of several sorts."""
    folder.mkdir()
    origin = Origin("elsewhere", schema_from_json(labels or schema()), "1")
    case = project.cases.get(study_instance_uid=STUDIES[number])
    for made in objects_of(reading(number), images_of(case), origin)[0]:
        (folder / f"{made.kind}.dcm").write_bytes(made.data)
    return folder


def kept(project):
    """The items that the algorithm's reads hold, by study and label."""
    tasks = Task.objects.filter(reader__kind="model", project=project).select_related("submission", "reader")
    return {
        one.study_instance_uid: {found.label_id: found for found in one.items} for one in readings_of(tasks).values()
    }


def add(project, *words, fails=False):
    """Add results."""
    return run("add-results", project.slug, *words, "--software", SOFTWARE, fails=fails)


def test_a_folder_of_segmentations_becomes_reads_of_the_same_voxels(project, tmp_path):
    folder = objects(project, tmp_path / "objects")
    told = json.loads(add(project, folder, "--as", "seg", "--label", "Longest=", "--json").stdout)
    found = kept(project)[STUDIES[0]]
    runs = mask(0, 4, 6)["runs"]

    assert (told["reader"], told["files"], told["other_objects"]) == ("M1", 1, 2)
    assert np.array_equal(mask_of_runs(found["opacity"].shapes[0]).ravel(), np.repeat(np.arange(len(runs)) % 2, runs))
    # The label is drawn as a contour: its segment comes back along the pixels that it covers.
    assert found["lesion"].outlines
    assert found["opacity"].target.series_instance_uid == uid("series", "case-0", 1)
    assert Reader.objects.get(kind="model").software == SOFTWARE


def test_contours_of_a_structure_set_lie_where_they_were_drawn(project, tmp_path):
    add(project, objects(project, tmp_path / "objects") / "rtstruct.dcm", "--as", "rtstruct")
    drawn = next(one for one in reading().items if one.label_id == "lesion")
    found = kept(project)[STUDIES[0]]["lesion"]

    assert found.shapes[0].frame == drawn.shapes[0].frame
    assert np.allclose(found.shapes[0].points, drawn.shapes[0].points, atol=1e-6)


def test_a_report_brings_answers_boxes_and_lines(project, tmp_path):
    # A report leaves what a segmentation holds to it, so the reading has only the rest.
    folder = tmp_path / "objects"
    folder.mkdir()
    items = [one for one in read(0) if one["label_id"] not in {"opacity", "lesion"}]
    case = project.cases.get(study_instance_uid=STUDIES[0])
    made = objects_of(reading(0, items), images_of(case), Origin("elsewhere", schema_from_json(schema()), "1"))[0]
    for one in made:
        (folder / f"{one.kind}.dcm").write_bytes(one.data)
    add(project, folder / "sr.dcm", "--as", "sr")
    found = kept(project)[STUDIES[0]]

    assert found["appearance"].value == "typical"
    assert found["nodule"].outlines[0].points == ((2.0, 2.0), (9.0, 9.0))


def test_label_maps_come_in_with_their_sidecars_and_equal_voxels(project, tmp_path):
    case = project.cases.get(study_instance_uid=STUDIES[1])
    stack = source_stack(images_of(case)[0].headers)
    for number, group in enumerate(apart(segments_of(schema_from_json(schema()), reading(1), stack))):
        masks = write_nifti(stack, group)
        (tmp_path / f"{number}.nii.gz").write_bytes(masks.volume)
        (tmp_path / f"{number}.json").write_bytes(masks.sidecar)
    add(project, *sorted(tmp_path.glob("*.nii.gz")), "--as", "nifti", "--label", "nodule=")
    runs = mask(1, 4, 6)["runs"]

    assert np.array_equal(
        mask_of_runs(kept(project)[STUDIES[1]]["opacity"].shapes[0]).ravel(), np.repeat(np.arange(len(runs)) % 2, runs)
    )


def test_a_label_map_without_a_sidecar_is_of_the_series_that_names_it(project, tmp_path):
    case = project.cases.get(study_instance_uid=STUDIES[1])
    stack = source_stack(images_of(case)[0].headers)
    segment = next(one for one in segments_of(schema_from_json(schema()), reading(1), stack) if one.tracking_id == "m")
    name = uid("series", "case-1", 1)
    (tmp_path / f"{name}.nii.gz").write_bytes(write_nifti(stack, [segment]).volume)
    (tmp_path / "1.2.3.nii.gz").write_bytes(write_nifti(stack, [segment]).volume)
    elsewhere = add(project, tmp_path / "1.2.3.nii.gz", "--as", "nifti", "--label", "opacity", fails=True)
    unnamed = add(project, tmp_path / f"{name}.nii.gz", "--as", "nifti", fails=True)
    add(project, tmp_path / f"{name}.nii.gz", "--as", "nifti", "--label", "1=opacity")

    assert kept(project)[STUDIES[1]]["opacity"].shapes == segment.masks
    assert "series that is in no case" in str(elsewhere.exception)
    assert "--label 1=LABEL" in str(unnamed.exception)


def test_coco_and_json_come_in_and_a_study_without_findings_counts(project, tmp_path):
    coco = {
        "images": [{"id": 1, "file_name": f"{image(0)}.dcm", "height": 16, "width": 16}],
        "categories": [{"id": 1, "name": "pneumonia"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 4, 5]}],
    }
    reads = {
        "reads": [{"study_instance_uid": STUDIES[0], "items": looks(STUDIES[0])}, {"study_instance_uid": STUDIES[1]}]
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco), encoding="utf-8")
    (tmp_path / "reads.json").write_text(json.dumps(reads), encoding="utf-8")
    add(project, tmp_path / "coco.json", "--as", "coco", "--label", "pneumonia=nodule")
    box = kept(project)[STUDIES[0]]["nodule"].outlines[0].points
    run("add-results", project.slug, tmp_path / "reads.json", "--as", "json", "--software", "Other 1")

    assert box == ((2.0, 3.0), (6.0, 8.0))
    assert Task.objects.filter(reader__software="Other 1").count() == 2
    assert Reader.objects.get(software="Other 1").pseudonym == "M2"


def test_in_a_review_results_are_what_readers_judge(db, tmp_path):
    (tmp_path / "late").mkdir()
    store_cases(tmp_path)
    project = make_project(tmp_path / "late", studies=2, schema=schema(), task_kind=TaskKind.REVIEW)
    add(project, objects(project, tmp_path / "objects") / "seg.dcm", "--as", "seg")
    proposals = Task.objects.filter(reader__kind="person", case__study_instance_uid=STUDIES[0]).first().proposals
    assert {one["label_id"] for one in proposals} >= {"opacity", "lesion"}


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", "seg", "File 1: The object cannot be read"),
        (b"\x00" * 128 + b"DICM" + b"\xff" * 4000, "rtstruct", "File 1: The object cannot be read"),
        (b"{", "json", "File 1: line 1, column 2: is not JSON"),
        (b"[" * 100_000, "coco", "File 1: "),
        (b'{"reads": [{"study_instance_uid": "1.2.3", "items": []}]}', "json", "no case of the project"),
        (b"not a volume", "nifti", "no sidecar"),
    ],
)
def test_what_cannot_be_read_is_refused_and_nothing_is_kept(project, tmp_path, content, kind, message):
    path = tmp_path / ("results.nii.gz" if kind == "nifti" else "results")
    path.write_bytes(content)
    refused = add(project, path, "--as", kind, fails=True)

    assert message in str(refused.exception)
    assert not Reader.objects.filter(kind="model").exists()


def test_other_series_and_unknown_labels_are_refused_with_what_to_do(project, tmp_path):
    other = make_other(tmp_path)
    about_others = add(other, objects(project, tmp_path / "objects", 1) / "seg.dcm", "--as", "seg", fails=True)
    structure = add(other, tmp_path / "objects" / "rtstruct.dcm", "--as", "rtstruct", fails=True)
    renamed = schema()
    for label in renamed["groups"][0]["labels"]:
        label["id"], label["name"] = {"opacity": ("fracture", "Fracture")}.get(
            label["id"], (label["id"], label["name"])
        )
    items = [one if one["label_id"] != "opacity" else {**one, "label_id": "fracture"} for one in read(0)]
    folder = tmp_path / "renamed"
    folder.mkdir()
    case = project.cases.get(study_instance_uid=STUDIES[0])
    for made in objects_of(reading(0, items), images_of(case), Origin("e", schema_from_json(renamed), "1"))[0]:
        (folder / f"{made.kind}.dcm").write_bytes(made.data)
    unknown = add(project, folder / "seg.dcm", "--as", "seg", fails=True)
    without = json.loads(
        run(
            *("add-results", project.slug, folder / "seg.dcm", "--as", "seg", "--label", "*=", "--json"),
            *("--software", "Other 1"),
        ).stdout
    )
    add(project, folder / "seg.dcm", "--as", "seg", "--label", "Fracture=opacity")

    assert "images that are in no case" in str(about_others.exception)
    assert "series that is in no case" in str(structure.exception)
    assert "--label 1=LABEL" in str(unknown.exception)
    assert "Fracture" not in str(unknown.exception)
    assert (without["items"], without["left_out"]) == (1, 1)
    assert Task.objects.filter(reader__software=SOFTWARE).count() == 1
    assert "opacity" in kept(project)[STUDIES[0]]


def make_other(folder):
    """Another project, of the first case alone."""
    (folder / "other").mkdir()
    return make_project(folder / "other", studies=1, schema=schema(), slug="other", starts=False)


def test_the_same_program_reads_a_case_once(project, tmp_path):
    path = tmp_path / "reads.json"
    path.write_text(json.dumps([{"study_instance_uid": STUDIES[0], "items": [item("a", "effusion", STUDIES[0])]}]))
    add(project, path, "--as", "json")
    assert "read one of these cases already" in str(add(project, path, "--as", "json", fails=True).exception)
    assert ReadingProject.objects.get().tasks.filter(reader__kind="model").count() == 1
