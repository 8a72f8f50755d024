"""The second look at OUT: whatever is wrong with a file, its place, its patient or its pixels is found and no value told."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.resources import files

import pydicom
import pytest
from click.testing import CliRunner
from tests.support.hospital_folder import PLANTED, datasets, uid, write_original, write_series

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.commands import edge
from radcommons.edge.database import database
from radcommons.edge.deidentify import DeidentifyOptions, deidentify_folder
from radcommons.edge.outfolder import opened
from radcommons.edge.verify import VerifyOptions, verify_folder
from radcommons.edge.verify.memory import LookMemory, mark_of


@pytest.fixture
def made(home, folder, out):
    """An OUT folder of two patients."""
    write_series(folder, count=3, study="a", series="a")
    write_series(folder, count=2, study="b", series="b", PatientID="MRN-0099887", PatientName="Brzezinska^Wanda")
    deidentify_folder(home, folder, out=out)
    return out


def change(out, number=0, **changes):
    """Put something into one file of OUT as a careless hand would, and make the journal believe it."""
    path = sorted(out.rglob("*.dcm"))[number]
    dataset = pydicom.dcmread(path)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


def believe(home, out):
    """Make the journal agree with the files as they are: only the look at their content can find anything now."""
    with database(home) as connection:
        for path in out.rglob("*.dcm"):
            connection.execute(
                "UPDATE output SET sha256 = ?, size_bytes = ? WHERE sop_uid = ?",
                (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, path.stem),
            )


def test_what_was_made_is_clean(home, made):
    told = []

    result = verify_folder(home, made, options=VerifyOptions(processes=2), progress=lambda *each: told.append(each))

    assert result.is_clean
    assert (result.instances, result.looked_at, result.failed, result.findings) == (5, 5, 0, ())
    assert told[-1] == ("verify", 5, 5)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PatientComments": "for Okonkwo"}, "deid."),
        ({"SeriesDescription": "axial Okonkwo"}, "deid.residual-identifier"),
        ({"ProtocolName": "mrn 0048213"}, "deid.residual-identifier"),
        ({"StudyDescription": "ACC7310037"}, "deid.residual-identifier"),
        ({"PatientName": "Doe^Jane"}, "deid.person-name"),
        ({"InstitutionName": "St. Elsewhere"}, "deid.forbidden-"),
        ({"PatientIdentityRemoved": "NO"}, "deid.not-marked"),
        ({"SeriesDescription": uid("a")}, "deid.uid-kept"),
        ({"FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.99"}, "deid.uid"),
        ({"PatientID": "ALPHA-000001"}, "edge.other-identity"),
        ({"SOPInstanceUID": "2.25.77"}, "edge.other-identity"),
    ],
)
def test_whatever_should_not_be_there_is_found_and_its_value_is_not_told(home, made, changes, code):
    with database(home) as connection:
        subject = connection.execute(
            "SELECT subject_id FROM subject WHERE patient_key = seal('id:MRN-0048213') OR patient_key = seal('id:mrn-0048213')"
        ).fetchone()[0]
    number = next(i for i, each in enumerate(datasets(made)) if each.PatientID == subject)
    change(made, number, **changes)
    believe(home, made)

    result = verify_folder(home, made)

    assert not result.is_clean
    assert result.failed == 1
    assert any(found.startswith(code) for found in result.findings_by_code), result.findings_by_code
    told = json.dumps([finding.to_json() for finding in result.findings])
    assert not [word for word in (*PLANTED, "Doe", uid("a")) if word in told]


def test_a_file_that_changed_is_gone_or_came_from_elsewhere_is_found(home, made):
    paths = sorted(made.rglob("*.dcm"))
    change(made, 0, SeriesDescription="other")
    paths[1].unlink()
    shutil.copy(paths[2], paths[2].with_name("2.25.4711.dcm"))
    paths[3].write_bytes(b"DICM, but not really")

    result = verify_folder(home, made)

    assert result.failed == 3
    codes = result.findings_by_code
    assert {"edge.file-changed": 2, "edge.file-lost": 1, "edge.foreign-file": 1}.items() <= codes.items()


def test_what_the_object_says_of_its_pixels_must_fit_the_verdict(home, made):
    change(made, 0, BurnedInAnnotation="YES")
    believe(home, made)
    with database(home) as connection:
        connection.execute("UPDATE output SET pixel_text = 'clean'")
    assert verify_folder(home, made).findings_by_code.get("edge.pixel-verdict") == 1

    with database(home) as connection:
        connection.execute("UPDATE output SET pixel_text = 'redacted'")
    assert verify_folder(home, made).findings_by_code["edge.pixel-verdict"] == 5

    with database(home) as connection:
        connection.execute("UPDATE output SET pixel_text = 'needs_person'")
    assert verify_folder(home, made).waiting == 5


def test_a_document_beside_the_instances_is_searched_too(home, made):
    (made / "notes.txt").write_text(f"kept for mrn-0099887\nand {uid('a', 'a', 1)}\n")

    result = verify_folder(home, made)

    assert result.findings_by_code == {"edge.original-in-document": 2}
    assert {finding.where for finding in result.findings} == {"notes.txt"}
    assert not result.is_clean


def test_a_sample_is_spread_over_the_folder(home, made):
    change(made, 0, SeriesDescription="other")

    result = verify_folder(home, made, options=VerifyOptions(sample=2))

    assert (result.instances, result.looked_at) == (5, 2)
    assert verify_folder(home, made, options=VerifyOptions(sample=50)).looked_at == 5


def test_a_profile_that_is_no_longer_here_must_be_named(home, folder, out, tmp_path):
    text = (files("radcommons.deid") / "profiles" / "ricord.toml").read_text("utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.replace('name = "ricord"', 'name = "own"', 1), "utf-8")
    write_original(folder / "1.dcm")
    deidentify_folder(home, folder, out=out, options=DeidentifyOptions(profile=str(own)))

    with pytest.raises(RadCommonsError) as refusal:
        verify_folder(home, out)

    assert refusal.value.code == "edge.unknown-profile"
    assert verify_folder(home, out, options=VerifyOptions(profile=str(own))).is_clean


def test_what_another_version_of_the_engine_made_is_not_verified(home, made, folder):
    with database(home) as connection:
        connection.execute("UPDATE out_profile SET engine = 'another'")

    with pytest.raises(RadCommonsError) as refusal:
        verify_folder(home, made)

    assert refusal.value.code == "edge.made-by-another-engine"
    deidentify_folder(home, folder, out=made)
    assert verify_folder(home, made).is_clean


def test_a_folder_that_was_never_finished_is_not_verified(home, made):
    with database(home) as connection:
        connection.execute("DELETE FROM out_profile")
    with pytest.raises(RadCommonsError) as refusal:
        verify_folder(home, made)
    assert refusal.value.code == "edge.nothing-made"


def test_a_run_that_was_stopped_goes_on_and_one_that_ended_starts_anew(home, made):
    folder = opened(home, made)
    path = min(made.rglob("*.dcm"))
    with database(home) as connection:
        sha256 = connection.execute("SELECT sha256 FROM output WHERE sop_uid = ?", (path.stem,)).fetchone()[0]
        mark = mark_of(path, sha256=sha256, is_released=False)
        first = LookMemory(connection, folder, means="m")
        first.keep([(path.stem, mark, ())])
        assert LookMemory(connection, folder, means="m").recall(path.stem, mark=mark) == ()
        assert LookMemory(connection, folder, means="m").recall(path.stem, mark="other") is None
        first.finish(looked_at=1, failed=0)
        assert LookMemory(connection, folder, means="m").recall(path.stem, mark=mark) is None
        LookMemory(connection, folder, means="m").keep([(path.stem, mark, ())])
        assert LookMemory(connection, folder, means="n").recall(path.stem, mark=mark) is None


def test_a_killed_look_goes_on_where_it_was_and_finds_the_same(home, folder, out, tmp_path):
    write_series(folder, count=400)
    deidentify_folder(home, folder, out=out, options=DeidentifyOptions(processes=2))
    for number in (3, 333):
        change(out, number, PatientName="Doe^Jane")
    believe(home, out)
    code = (
        "import sys; from pathlib import Path\n"
        "from radcommons.edge.verify import verify_folder; from radcommons.edge.home import open_home\n"
        "if __name__ == '__main__':\n"
        "    verify_folder(open_home(Path(sys.argv[1])), Path(sys.argv[2]))\n"
    )
    (tmp_path / "run.py").write_text(code)
    command = [sys.executable, str(tmp_path / "run.py"), str(home.path), str(out)]
    run = subprocess.Popen(command, start_new_session=True)
    while _seen(home) < 128 and run.poll() is None:
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()

    resumed = verify_folder(home, out)

    again = verify_folder(home, out)
    assert 128 <= resumed.seen_before < 400
    assert (resumed.looked_at, resumed.failed, again.seen_before) == (400, 2, 0)
    assert resumed.findings_by_code == again.findings_by_code


def _seen(home):
    with database(home) as connection:
        return connection.execute("SELECT count(*) FROM verified").fetchone()[0]


def test_the_command_ends_with_1_when_something_was_found(home, made):
    words = ["verify", str(made), "--home", str(home.path), "--processes", "1"]
    clean = CliRunner().invoke(edge, [*words, "--json"])
    change(made, 0, PatientName="Doe^Jane")

    found = CliRunner().invoke(edge, words)
    told = CliRunner().invoke(edge, [*words, "--json"])

    assert (clean.exit_code, found.exit_code, told.exit_code) == (0, 1, 1)
    assert json.loads(clean.output)["looked_at"] == 5
    assert "Something must not leave" in found.output
    assert "deid.person-name" in json.loads(told.output)["findings_by_code"]
    assert "Doe" not in found.output + told.output
