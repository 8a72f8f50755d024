"""The main job on real input: a folder of DICOM becomes a release that a researcher downloads and verifies."""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pydicom
import pytest
from tests.support.demonstration import DemoRun, files_holding, run_demo

REAL = ("ct/covid-19-ny-sbu", "ct/tcga-lung-slices", "cxr/nih", "cxr/nema-wg04", "cxr/barre")


@pytest.fixture(scope="module")
def originals(shared_data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    with zipfile.ZipFile(shared_data / "ct/lidc-idri-0001/dicom.zip") as archive:
        archive.extractall(folder / "lidc")
    for name in REAL:
        shutil.copytree(shared_data / name, folder / name.replace("/", "-"))
    return folder


@pytest.fixture(scope="module")
def journey(originals, tmp_path_factory) -> DemoRun:
    return run_demo(tmp_path_factory.mktemp("demo"), originals)


def _dicom_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[128:132] == b"DICM"]


def test_every_readable_instance_is_released_or_named_with_a_reason(journey):
    counts = journey.counts
    assert counts["scanned"] > 133
    assert counts["sent"] == counts["stored"] + counts["quarantined"]
    left_out = counts["scanned"] - counts["released"]
    assert sum(journey.findings.values()) >= left_out
    assert counts["released"] == counts["downloaded"] == len(_dicom_files(journey.download))


def test_pixel_data_equals_the_originals_byte_for_byte(journey, originals):
    def pixels(path: Path) -> str | None:
        dataset = pydicom.dcmread(path, force=True)
        return hashlib.sha256(dataset.PixelData).hexdigest() if "PixelData" in dataset else None

    known = {pixels(path) for path in originals.rglob("*") if path.is_file() and path.suffix in {".dcm", ""}}
    released = [pixels(path) for path in _dicom_files(journey.download)]
    assert released
    assert all(digest in known for digest in released)


def test_radiographs_wait_for_a_person_because_nobody_looked_at_their_pixels(journey):
    modalities = {
        str(pydicom.dcmread(path, stop_before_pixels=True).Modality) for path in _dicom_files(journey.download)
    }
    assert modalities == {"CT"}
    assert journey.findings["deid.pixel-text-not-checked"] >= 1


def test_no_original_identifier_is_found_outside_the_hospitals(journey, originals):
    identifiers = set()
    for path in originals.rglob("*"):
        if path.is_file() and path.suffix in {".dcm", ""}:
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            for keyword in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "AccessionNumber"):
                value = str(dataset.get(keyword, ""))
                if len(value) >= 6:
                    identifiers.add(value.encode())
    assert len(identifiers) > 100
    assert files_holding(journey.data, sorted(identifiers), below_not="hospitals") == []


def test_a_second_run_changes_nothing(journey, originals):
    again = run_demo(journey.data, originals)
    assert again.report["release"] == journey.report["release"]
    assert again.counts == journey.counts


def test_the_manifest_names_the_root_hash_that_was_reported(journey):
    manifest = json.loads(Path(journey.report["release"]["manifest"]).read_text())
    assert journey.report["release"]["root_hash"] in json.dumps(manifest)
