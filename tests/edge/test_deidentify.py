"""From a folder to OUT: nothing of the patient, the same bytes every time, whatever happens on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pydicom
import pytest
from benchmarks.measure import watched
from tests.support.hospital_folder import PLANTED, SECRET, datasets, instances, uid, write_original, write_series

from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping
from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.finding import Finding, Severity
from radcommons.edge import findings as stored
from radcommons.edge.criteria import load_criteria
from radcommons.edge.database import database
from radcommons.edge.deidentify import DeidentifyOptions, deidentify_folder
from radcommons.edge.home import init_home
from radcommons.edge.pixels.looking import LookMeans
from radcommons.edge.pixels.looks import HouseRules
from radcommons.edge.selection import select_studies
from radcommons.edge.work import Task, deidentify_source, refused


def texts_of(out):
    """Every file of OUT besides pixels, and every name in it, as one haystack."""
    parts = [path.read_bytes() for path in out.rglob("*") if path.is_file()]
    return b"\n".join([*parts, *(str(path.relative_to(out)).encode() for path in out.rglob("*"))])


def test_nothing_of_the_patient_is_in_the_out_folder(home, folder, out):
    write_series(folder / "Okonkwo Adaeze MRN-0048213", count=3)
    (folder / "Okonkwo.pdf").write_bytes(b"no image")
    write_original(folder / "report-Okonkwo.dcm", study="pdf", SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")

    result = deidentify_folder(home, folder, out=out)

    haystack = texts_of(out)
    assert (result.asked, result.instances, result.kept_out) == (4, 3, 1)
    assert [word for word in PLANTED if word.lower().encode() in haystack.lower()] == []
    assert uid("study").encode() not in haystack
    assert str(folder).encode() not in haystack
    assert [finding.where for finding in result.findings] == ["report-Okonkwo.dcm"]


def test_an_identifier_in_one_instance_is_removed_from_the_comments_of_another(home, folder, out):
    write_original(folder / "1.dcm", study="a", OtherPatientNames="Brzezinska^Wanda")
    write_original(folder / "2.dcm", study="b", SeriesDescription="axial for Brzezinska")

    deidentify_folder(home, folder, out=out)

    assert b"brzezinska" not in texts_of(out).lower()


def test_pixels_are_the_originals(home, folder, out):
    paths = write_series(folder, count=3)

    deidentify_folder(home, folder, out=out)

    originals = {pydicom.dcmread(path).PixelData for path in paths}
    assert {dataset.PixelData for dataset in datasets(out)} == originals
    assert all(np.array_equal(each.pixel_array.shape, (16, 16)) for each in datasets(out))


def test_references_and_intervals_stay(home, folder, out):
    write_original(folder / "1.dcm", study="a", StudyDate="20200414")
    write_original(folder / "2.dcm", study="b", StudyDate="20200501", PatientID="mrn-0048213 ")

    deidentify_folder(home, folder, out=out)

    first, second = sorted(datasets(out), key=lambda dataset: dataset.StudyDate)
    days = [
        np.datetime64(f"{each.StudyDate[:4]}-{each.StudyDate[4:6]}-{each.StudyDate[6:]}") for each in (first, second)
    ]
    assert (days[1] - days[0]).astype(int) == 17
    assert first.PatientID == second.PatientID
    assert first.PatientID.startswith("ALPHA-")
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID


def test_places_are_made_of_new_uids_only(home, folder, out):
    write_series(folder, count=2)

    deidentify_folder(home, folder, out=out)

    for place, dataset in zip(instances(out), datasets(out), strict=True):
        assert place == f"{dataset.StudyInstanceUID}/{dataset.SeriesInstanceUID}/{dataset.SOPInstanceUID}.dcm"
        assert all(part.startswith("2.25.") for part in place.split("/"))
    assert sorted(path.name for path in out.iterdir()) == ["findings.jsonl", "instances", "out.json", "report.jsonl"]


def test_the_same_key_and_input_give_the_same_out_folder(home, folder, out, tmp_path):
    write_series(folder, count=4, study="a", series="a")
    write_series(folder, count=2, study="b", series="b", PatientID="MRN-2", PatientName="Other^Name")
    write_original(folder / "pdf.dcm", study="pdf", SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")
    moved = shutil.copytree(folder, tmp_path / "moved")
    second = init_home(tmp_path / "second", site="ALPHA", project="covid19", secret=SECRET)

    first = deidentify_folder(home, folder, out=out, options=DeidentifyOptions(processes=2))
    again = deidentify_folder(second, moved, out=tmp_path / "out2")

    assert instances(out) == instances(tmp_path / "out2")
    assert first.report_sha256 == again.report_sha256
    for name in ("report.jsonl", "findings.jsonl", "out.json"):
        assert (out / name).read_bytes() == (tmp_path / "out2" / name).read_bytes()


def test_another_key_gives_nothing_in_common(home, folder, out, tmp_path):
    write_series(folder, count=2)
    other = init_home(tmp_path / "other", site="ALPHA", project="covid19")

    deidentify_folder(home, folder, out=out)
    deidentify_folder(other, folder, out=tmp_path / "out2")

    assert not instances(out).keys() & instances(tmp_path / "out2").keys()
    assert datasets(out)[0].PatientID != datasets(tmp_path / "out2")[0].PatientID


def test_a_second_run_makes_nothing_again(home, folder, out):
    write_series(folder, count=5)
    first = deidentify_folder(home, folder, out=out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.dcm")}

    again = deidentify_folder(home, folder, out=out)

    assert (first.made, again.made, again.unchanged) == (5, 0, 5)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.dcm")} == times
    assert again.report_sha256 == first.report_sha256


def test_what_is_missing_or_foreign_in_the_out_folder_is_put_right(home, folder, out):
    write_series(folder, count=3)
    deidentify_folder(home, folder, out=out)
    wanted = instances(out)
    files = sorted(out.rglob("*.dcm"))
    files[0].unlink()
    files[1].write_bytes(b"cut short")
    (files[2].parent / "2.25.999.dcm").write_bytes(b"foreign")
    (out / "instances" / "2.25.1" / "2.25.2").mkdir(parents=True)

    result = deidentify_folder(home, folder, out=out)

    assert (result.made, result.unchanged) == (2, 1)
    assert instances(out) == wanted
    assert not (out / "instances" / "2.25.1").exists()


def test_results_of_sources_that_are_gone_are_removed(home, folder, out):
    write_series(folder, count=2, study="a", series="a")
    write_series(folder, count=2, study="b", series="b")
    deidentify_folder(home, folder, out=out)
    for path in folder.glob("b-*.dcm"):
        path.unlink()

    result = deidentify_folder(home, folder, out=out)

    assert (result.instances, result.removed, len(instances(out))) == (2, 2, 2)


def test_only_what_was_selected_is_made(home, folder, out):
    write_series(folder, count=2, study="a", series="a")
    write_series(
        folder,
        count=3,
        study="b",
        series="b",
        BodyPartExamined="FOOT",
        StudyDescription="foot",
        SeriesDescription="foot",
    )
    select_studies(home, folder, criteria=load_criteria("covid19_chest"))

    result = deidentify_folder(home, folder, out=out)

    assert result.is_selection_used
    assert (result.asked, result.instances) == (2, 2)


def test_duplicates_and_mixed_studies_are_left_out(home, folder, out):
    first = write_original(folder / "1.dcm", study="a")
    shutil.copy(first, folder / "2.dcm")
    write_original(folder / "3.dcm", study="b", number=1)
    write_original(folder / "4.dcm", study="b", number=2, PatientID="MRN-2")

    result = deidentify_folder(home, folder, out=out)

    assert (result.asked, result.instances) == (1, 1)


def test_several_folders_may_fill_one_out_folder(home, folder, out, tmp_path):
    write_series(folder, count=2, study="a", series="a")
    write_series(tmp_path / "later", count=2, study="b", series="b")
    shutil.copy(folder / "a-1.dcm", tmp_path / "later" / "again.dcm")
    write_original(tmp_path / "later" / "differs.dcm", study="a", series="a", number=2, SeriesDescription="other")
    deidentify_folder(home, folder, out=out)

    result = deidentify_folder(home, tmp_path / "later", out=out)

    assert (result.instances, len(instances(out)), result.removed) == (4, 4, 0)
    assert result.findings_by_code == {"edge.duplicate": 1, "edge.duplicate-differs": 1}


def test_an_archive_is_de_identified_member_by_member(home, folder, out, tmp_path):
    with ZipFile(folder / "export.zip", "w") as packed:
        for path in write_series(tmp_path / "originals", count=3):
            packed.write(path, path.name)

    result = deidentify_folder(home, folder / "export.zip", out=out, options=DeidentifyOptions(processes=2))

    assert (result.asked, result.instances) == (3, 3)
    assert list(home.scratch_path.iterdir()) == []


def test_a_patients_clinical_status_becomes_a_subjects(home, folder, out, tmp_path):
    write_original(folder / "1.dcm", study="a", PatientID="MRN-1")
    write_original(folder / "2.dcm", study="b", PatientID="MRN-2")
    write_original(folder / "3.dcm", study="c", PatientID="MRN-3")
    table = tmp_path / "clinical.csv"
    table.write_text(
        "patient_id,covid19_status\nmrn-1 ,Positive\nMRN-2,perhaps\nMRN-9,negative\nMRN-3,positive\nMRN-3,negative\n",
        "utf-8",
    )

    result = deidentify_folder(home, folder, out=out, options=DeidentifyOptions(clinical_table=table))

    assert result.findings_by_code == {
        "edge.clinical-contradiction": 1,
        "edge.clinical-invalid-status": 1,
        "edge.clinical-unknown-patient": 1,
    }
    assert [finding.where for finding in result.findings] == ["row 3", "row 4", "table"]
    with database(home) as connection:
        rows = [tuple(row) for row in connection.execute("SELECT subject_id, covid19_status FROM subject_status")]
    assert [status for _, status in rows] == ["positive"]


@pytest.mark.parametrize("content", [b"mrn,status\n1,positive\n", b"", b"\xff\xfe\x00"])
def test_a_clinical_table_of_another_shape_is_refused(home, folder, out, tmp_path, content):
    write_original(folder / "1.dcm")
    (tmp_path / "clinical.csv").write_bytes(content)

    with pytest.raises(RadCommonsError) as refusal:
        deidentify_folder(home, folder, out=out, options=DeidentifyOptions(clinical_table=tmp_path / "clinical.csv"))

    assert refusal.value.code == "edge.invalid-clinical-table"


def test_an_out_folder_in_the_wrong_place_is_refused(home, folder, out, tmp_path):
    write_original(folder / "1.dcm")
    deidentify_folder(home, folder, out=out)
    for wrong in (folder, folder / "out", home.path / "out", folder.parent, out / "inside"):
        with pytest.raises(RadCommonsError) as refusal:
            deidentify_folder(home, folder, out=wrong)
        assert refusal.value.code == "edge.out-overlaps"


def test_an_out_folder_of_others_is_left_alone(home, folder, out, tmp_path):
    write_original(folder / "1.dcm")
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(RadCommonsError) as refusal:
        deidentify_folder(home, folder, out=out)
    assert refusal.value.code == "edge.out-not-empty"

    other = init_home(tmp_path / "other", site="ALPHA", project="covid19")
    deidentify_folder(other, folder, out=tmp_path / "theirs")
    with pytest.raises(RadCommonsError) as refusal:
        deidentify_folder(home, folder, out=tmp_path / "theirs")
    assert refusal.value.code == "edge.out-of-another-home"


def test_the_report_tells_actions_and_no_value(home, folder, out):
    write_series(folder, count=3)

    result = deidentify_folder(home, folder, out=out)

    lines = [json.loads(line) for line in (out / "report.jsonl").read_text("utf-8").splitlines()]
    assert [line["line"] for line in lines].count("instance") == 3
    assert [line["line"] for line in lines].count("actions") == 1
    assert {"action", "keyword", "reason", "tag_path"} == set(lines[1]["actions"][0])
    assert {line["sha256"] for line in lines if line["line"] == "instance"}
    assert result.distinct_texts > 0


def test_a_killed_run_goes_on_and_ends_the_same(home, folder, out, tmp_path):
    write_series(folder, count=300)
    code = (
        "import sys; from pathlib import Path\n"
        "from radcommons.edge.deidentify import deidentify_folder; from radcommons.edge.home import open_home\n"
        "if __name__ == '__main__':\n"
        "    deidentify_folder(open_home(Path(sys.argv[1])), Path(sys.argv[2]), out=Path(sys.argv[3]))\n"
    )
    (tmp_path / "run.py").write_text(code)
    command = [sys.executable, str(tmp_path / "run.py"), str(home.path), str(folder), str(out)]
    run = subprocess.Popen(command, start_new_session=True)
    # Files that are in their places while others follow have been written down, but for the last group.
    while len(list((out / "instances").rglob("*.dcm"))) < 70 and run.poll() is None:
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()

    resumed = deidentify_folder(home, folder, out=out)

    undisturbed = init_home(tmp_path / "second", site="ALPHA", project="covid19", secret=SECRET)
    whole = deidentify_folder(undisturbed, folder, out=tmp_path / "out2")
    assert 0 < resumed.made < 300
    assert instances(out) == instances(tmp_path / "out2")
    assert resumed.report_sha256 == whole.report_sha256


def test_no_planted_identifier_of_the_answer_key_survives(home, out, shared_data):
    folder = shared_data / "deid" / "synthetic"
    key = json.loads((folder / "answer_key.json").read_text("utf-8"))
    planted = {
        str(each["value"])
        for case in key["cases"]
        for each in case["phi"]
        if each["type"] in {"name", "id", "address", "phone", "uid", "institution"} and len(str(each["value"])) > 5
    }

    result = deidentify_folder(home, folder, out=out, options=DeidentifyOptions(processes=2))

    haystack = texts_of(out).lower()
    assert result.instances + result.kept_out == result.asked == 15
    assert result.pixel_text_not_checked == 13
    assert [value for value in planted if value.lower().encode() in haystack] == []


# All of the zoo goes the whole way in tests/journey.
def test_every_compressed_file_is_made_or_named_in_little_memory(home, out, shared_data, tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from radcommons.edge.deidentify import DeidentifyOptions, deidentify_folder\n"
        "from radcommons.edge.home import open_home\n"
        "if __name__ == '__main__':\n"
        "    done = deidentify_folder(open_home(Path(sys.argv[1])), Path(sys.argv[2]), out=Path(sys.argv[3]))\n"
        # Not ru_maxrss: it starts with the size of the process that forked this one.
        "    own = int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]) // 1024\n"
        "    print(done.asked, done.instances + done.kept_out, own)\n"
    )
    (tmp_path / "run.py").write_text(code)
    folder = shared_data / "zoo" / "transfer-syntax"
    command = [sys.executable, str(tmp_path / "run.py"), str(home.path), str(folder), str(out)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, watched(process.pid) as span:
        told = process.communicate()[0].split()

    asked, answered, own_mb = map(int, told)
    assert asked == answered
    assert own_mb < 200
    # The parent, the process that children are forked from, and one child.
    assert own_mb * 2**20 < span.peak_bytes < 1200 * 2**20
    assert {path.suffix for path in Path(out / "instances").rglob("*") if path.is_file()} == {".dcm"}


class FullDisk:
    """A source whose bytes have to be unpacked to a disk without room."""

    @contextmanager
    def opened(self):
        Path("/dev/full").write_bytes(b"unpacked")
        yield Path()


def test_a_full_disk_is_told_as_what_it_is(tmp_path):
    patient = PatientMapping("MRN-1", "ALPHA-000001", -77)
    profile = load_profile("ricord")
    means = LookMeans(profile.pixels, HouseRules())
    task = Task(FullDisk(), "recipe", str(tmp_path / "out.dcm"), patient)
    made = deidentify_source(task, profile=profile, key=PseudonymKey(bytes(32)), means=means)
    assert [finding.code for finding in made.findings] == ["edge.disk-full"]


@pytest.mark.parametrize("code", ["isolation.crashed", "edge.disk-full"])
def test_a_source_whose_process_ended_is_told_and_tried_again_by_the_next_run(home, folder, out, code):
    write_original(folder / "1.dcm")
    deidentify_folder(home, folder, out=out)
    (made,) = (out / "instances").rglob("*.dcm")
    before = made.read_bytes()
    ended = refused(Finding(Severity.ERROR, code, "object", "The process ended."))
    made.unlink()
    with database(home) as connection:
        connection.execute("UPDATE output SET is_kept = 0, findings = ?", (stored.dump(ended.findings),))
    assert "tries it once more" in ended.findings[0].message

    result = deidentify_folder(home, folder, out=out)

    assert (result.made, result.kept_out, result.findings_by_code) == (1, 0, {})
    assert made.read_bytes() == before
