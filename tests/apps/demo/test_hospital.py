"""The demonstration hospitals: repeatable, valid, untidy, and honest about what was planted where."""

import shutil
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest

from radcommons.apps.demo.hospital import ANSWER_KEY_NAME, AnswerKey, generate
from radcommons.apps.demo.hospital.anatomy import Anatomy, draw_plane
from radcommons.apps.demo.hospital.lesions import LesionKind, place_lesions
from radcommons.apps.demo.hospital.shapes import Grid
from radcommons.apps.demo.hospital.volume import Geometry, LesionMeasure, Person, draw_series
from radcommons.dicom.errors import RadCommonsError


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "hospitals"
    return folder, generate(folder, scale="tiny")


def read(folder: Path, instance) -> pydicom.Dataset:
    path = folder / instance.path
    if not instance.member:
        return pydicom.dcmread(path)
    with zipfile.ZipFile(path) as archive:
        return pydicom.dcmread(BytesIO(archive.read(instance.member)))


def digest_of_tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_same_seed_gives_the_same_bytes(tmp_path):
    generate(tmp_path / "one", scale="tiny", sites=["ALPHA", "CHARLIE"])
    generate(tmp_path / "two", scale="tiny", sites=["ALPHA", "CHARLIE"])

    assert digest_of_tree(tmp_path / "one") == digest_of_tree(tmp_path / "two")


def test_another_seed_gives_other_uids_and_pixels(hospitals, tmp_path):
    _, key = hospitals
    other = generate(tmp_path / "other", scale="tiny", sites=["BRAVO"], seed=7)

    ours = {instance.sop_instance_uid for instance in key.instances}
    assert ours.isdisjoint(instance.sop_instance_uid for instance in other.instances)


def test_answer_key_reads_back_as_it_was_written(hospitals):
    folder, key = hospitals

    assert AnswerKey.read(folder / ANSWER_KEY_NAME) == key


def test_answer_key_of_another_schema_is_refused(tmp_path):
    (tmp_path / "key.json").write_text('{"schema": "something/9"}')

    with pytest.raises(ValueError, match="not an answer key"):
        AnswerKey.read(tmp_path / "key.json")


def test_every_instance_of_the_key_is_where_the_key_says(hospitals):
    folder, key = hospitals

    for instance in key.instances:
        dataset = read(folder, instance)
        assert dataset.SOPInstanceUID == instance.sop_instance_uid
        assert dataset.PatientID == instance.patient_id
        assert dataset.pixel_array.size > 0


def test_every_file_is_an_instance_or_a_named_oddity(hospitals):
    folder, key = hospitals
    known = {instance.path for instance in key.instances} | {oddity.path for oddity in key.oddities}

    for site in key.sites:
        for path in (folder / site.export).rglob("*"):
            assert path.is_dir() or str(path.relative_to(folder)) in known
    assert {oddity.what for oddity in key.oddities} == {"dicomdir", "not-dicom", "truncated", "duplicate", "zip"}


def test_planted_header_identifiers_stand_where_the_key_says(hospitals):
    folder, key = hospitals
    by_series = {instance.series_instance_uid: instance for instance in key.instances}
    checked = 0
    for identifier in key.identifiers:
        if identifier.kind in {"path", "preamble", "family_name"} or identifier.attribute.startswith("("):
            continue
        instance = by_series[identifier.series_instance_uid]
        dataset = read(folder, instance)
        value = dataset.file_meta if identifier.attribute == "SourceApplicationEntityTitle" else dataset
        for step in identifier.attribute.split("."):
            keyword, _, index = step.rstrip("]").partition("[")
            value = getattr(value, keyword)
            value = value[int(index)] if index else value
        assert identifier.value in str(value)
        checked += 1
    assert checked > 400


def test_secrets_hold_names_numbers_and_uids_but_no_dates(hospitals):
    _, key = hospitals
    secrets = key.secrets()

    assert "Hartwell^Eleanor^Rose" in secrets
    assert "MRN-70412983" in secrets
    assert all(instance.sop_instance_uid in secrets for instance in key.instances)
    assert "20200412" not in secrets
    assert "AC64-77120" in secrets


def test_subjects_too_young_are_marked_as_not_eligible(hospitals):
    _, key = hospitals
    ages = {subject.age_years: subject.is_eligible for subject in key.subjects}

    assert ages[16] is False
    assert ages[93] is True
    assert {subject.covid19_status for subject in key.subjects} == {"positive", "negative"}


def test_burned_in_boxes_hold_contrast(hospitals):
    folder, key = hospitals
    by_uid = {instance.sop_instance_uid: instance for instance in key.instances}
    assert {by_uid[text.sop_instance_uid].modality for text in key.burned_in} == {"US", "CT", "DX"}

    for text in key.burned_in:
        pixels = read(folder, by_uid[text.sop_instance_uid]).pixel_array
        column, row, width, height = text.box
        box = pixels[row : row + height, column : column + width]
        assert int(box.max()) - int(box.min()) > 100


def test_inverted_radiographs_are_darker_where_the_body_is_dense(hospitals):
    folder, key = hospitals
    inverted = [
        dataset
        for dataset in (read(folder, instance) for instance in key.instances if instance.modality == "CR")
        if dataset.PhotometricInterpretation == "MONOCHROME1"
    ]

    assert len(inverted) == 2
    for dataset in inverted:
        rows, columns = dataset.pixel_array.shape
        spine = dataset.pixel_array[rows // 2 :, columns // 2].mean()
        lung = dataset.pixel_array[rows // 3 : rows // 2, columns // 4].mean()
        assert spine < lung


@pytest.mark.peers
def test_dciodvfy_finds_no_error_in_the_originals(hospitals, tmp_path):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    folder, key = hospitals
    seen = set()
    for instance in key.instances:
        if instance.series_instance_uid in seen:
            continue
        seen.add(instance.series_instance_uid)
        copy = tmp_path / "instance.dcm"
        read(folder, instance).save_as(copy, enforce_file_format=True)
        answer = subprocess.run(["dciodvfy", str(copy)], capture_output=True, text=True, check=False)
        errors = [line for line in (answer.stdout + answer.stderr).splitlines() if line.startswith(("Error", "Abort"))]
        assert errors == [], f"{instance.path}: {errors}"
    assert len(seen) > 20


def test_unknown_site_and_scale_and_a_used_folder_are_refused(hospitals, tmp_path):
    folder, _ = hospitals

    with pytest.raises(RadCommonsError, match="no demonstration site"):
        generate(tmp_path / "x", sites=["ZULU"])
    with pytest.raises(RadCommonsError, match="scale is one of"):
        generate(tmp_path / "x", scale="vast")
    with pytest.raises(RadCommonsError, match="already holds"):
        generate(folder, scale="tiny")


def test_plane_through_the_chest_has_two_lungs_and_a_heart_between_them():
    anatomy = Anatomy.of(np.random.default_rng(1), sex="M", age_years=50)
    grid = Grid.centred(columns=128, rows=128, column_mm=3.0, row_mm=3.0)
    plane = draw_plane(anatomy, grid, 0.4 * anatomy.lung_height_mm)

    middle = 60
    assert plane.lung[middle, 35] > 0.9
    assert plane.lung[middle, 95] > 0.9
    assert plane.hounsfield[middle, 35] < -700
    assert 0 < plane.hounsfield[50, 68] < 100
    assert plane.hounsfield[0, 0] == -1000


def test_lesion_volume_is_that_of_the_changed_voxels():
    rng = np.random.default_rng(3)
    person = Person.of(rng, sex="F", age_years=44)
    geometry = Geometry(128, 3.0, 5.0, 40)
    lesions = place_lesions(person.anatomy, rng, severity=0.6)
    measures = [LesionMeasure(lesion) for lesion in lesions]
    with_lesions = np.stack(list(draw_series(person, geometry, lesions=measures, rng=np.random.default_rng(9))))
    without = np.stack(list(draw_series(person, geometry, lesions=[], rng=np.random.default_rng(9))))

    changed_ml = np.sum(with_lesions - without > 120) * 3.0 * 3.0 * 5.0 / 1000
    measured_ml = sum(measure.volume_ml(geometry) for measure in measures)
    assert measured_ml == pytest.approx(changed_ml, rel=0.35)
    assert measured_ml > 20
    ground_glass = [measure.mean_hu for measure in measures if measure.lesion.kind is LesionKind.GROUND_GLASS]
    assert all(-680 < level < -400 for level in ground_glass)


def test_no_lesions_without_disease():
    anatomy = Anatomy.of(np.random.default_rng(1), sex="M", age_years=50)

    assert place_lesions(anatomy, np.random.default_rng(2), severity=0.0) == ()
