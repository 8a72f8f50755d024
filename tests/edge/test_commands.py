"""The commands as a coordinator or a script types them."""

import json

import pytest
from click.testing import CliRunner
from tests.support.hospital_folder import write_original, write_series
from tests.support.small_centre import TOKEN, SmallCentre, running

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.commands import edge


@pytest.fixture
def run(tmp_path):
    """Run an edge command; with ``--json`` its answer is parsed."""

    def call(*arguments, env=None):
        command = [str(each) for each in (*arguments, "--home", tmp_path / "home")]
        result = CliRunner().invoke(edge, command, env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout) if "--json" in command else result.output

    return call


def test_a_study_goes_from_folder_to_centre_by_commands(run, folder, out, tmp_path):
    write_series(folder, count=3, study="ct", series="ct")
    write_original(folder / "dx.dcm", study="dx", series="dx", modality="DX")
    write_original(folder / "mr.dcm", study="mr", series="mr", Modality="MR")
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN + "\n")

    assert run("init", "--site", "ALPHA", "--project", "covid19", "--json")["site"] == "ALPHA"
    assert run("scan", folder, "--processes", "1", "--json")["instances"] == 5
    selected = run("select", folder, "--criteria", "covid19_chest", "--json")
    assert selected["rejected_series"] == {"series.modality": 1}
    assert run("deidentify", folder, out, "--processes", "1", "--json")["instances"] == 4
    assert run("review", out, "--json")["pixel_text_waiting"] == 1
    assert run("review", out, "--approve", "--by", "Dr Example", "--json")["is_approved"]
    with running(SmallCentre()) as url:
        sent = run("send", out, "--to", url, "--token-file", token_file, "--wait", "--json")
        again = run("send", out, "--to", url, "--json", env={"RADCOMMONS_TOKEN": TOKEN})
        status = run("status", "--json", env={"RADCOMMONS_TOKEN": TOKEN})

    assert (sent["state"], sent["sent"], sent["centre"]["state"]) == ("verified", 3, "verified")
    assert [each["code"] for each in sent["held_back"]] == ["deid.pixel-text-not-checked"]
    assert (again["sent"], again["already_there"]) == (0, 3)
    assert status["batches"][0]["state"] == "verified"
    assert status["outs"][0]["review"]["approved_by"] == "Dr Example"


def test_a_person_reads_lines_and_a_script_one_object(run, folder):
    write_original(folder / "1.dcm")
    (folder / "notes.txt").write_text("x")
    run("init", "--site", "ALPHA", "--project", "covid19")

    lines = run("scan", folder)
    value = run("scan", folder, "--json")

    assert "instances                1" in lines
    assert "dicom.not-dicom" in lines
    assert value["findings_by_code"] == {"dicom.not-dicom": 1}
    assert value["findings"][0]["where"] == "notes.txt"
    assert "1 subjects" not in run("status")


def test_findings_alone_do_not_fail_but_nothing_made_does(run, folder, out):
    run("init", "--site", "ALPHA", "--project", "covid19")
    (folder / "notes.txt").write_text("x")

    with pytest.raises(RadCommonsError) as refusal:
        run("deidentify", folder, out)

    assert refusal.value.code == "edge.nothing-made"


def test_pixels_are_approved_and_series_excluded_by_commands(run, folder, out):
    write_original(folder / "1.dcm", study="a", modality="DX")
    write_original(folder / "2.dcm", study="b", modality="DX")
    run("init", "--site", "ALPHA", "--project", "covid19")
    run("deidentify", folder, out)
    series = next((out / "instances").glob("*/*")).name

    excluded = run("review", out, "--exclude", series, "--by", "Dr Example", "--reason", "name burned in", "--json")
    approved = run("review", out, "--approve-pixels", "all", "--by", "Dr Example", "--json")

    assert (excluded["excluded_series"], excluded["pixel_text_waiting"]) == (1, 1)
    assert approved["pixel_text_waiting"] == 0


def test_a_token_is_asked_for_and_never_shown(run, folder, out):
    write_original(folder / "1.dcm")
    run("init", "--site", "ALPHA", "--project", "covid19")
    run("deidentify", folder, out)
    run("review", out, "--approve", "--by", "Dr Example")

    with pytest.raises(RadCommonsError) as refusal:
        run("send", out, "--to", "http://127.0.0.1:9", env={"RADCOMMONS_TOKEN": ""})

    assert refusal.value.code == "edge.token-needed"


@pytest.mark.parametrize("command", ["init", "scan", "select", "deidentify", "review", "send", "status"])
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(edge, [command, "--help"])

    assert result.exit_code == 0
    assert "--home" in result.output
    assert "--json" in result.output


def test_making_says_how_many_files_were_not_taken_and_who_says_why(run, folder, out):
    write_series(folder, count=2)
    (folder / "notes.txt").write_text("no image")
    (folder / "link").symlink_to(folder / "nowhere")
    run("init", "--site", "ALPHA", "--project", "covid19")

    told = run("deidentify", folder, out)
    assert "Of 4 files and archive members 2 were taken; `radcommons edge scan` says why not the others." in told
    assert (folder / "notes.txt").name in run("scan", folder)
    answer = run("deidentify", folder, out, "--json")
    assert (answer["seen"], answer["asked"]) == (4, 2)

    (folder / "notes.txt").unlink()
    (folder / "link").unlink()
    assert "were taken" not in run("deidentify", folder, out)


def test_many_findings_are_shown_by_their_cause_the_rarest_first(run, folder, tmp_path):
    run("init", "--site", "ALPHA", "--project", "covid19")
    for number in range(30):
        (folder / f"{number:02}.txt").write_text("no DICOM")
    (folder / "loop").symlink_to(folder / "loop")

    lines = run("scan", folder).splitlines()
    causes = [
        line
        for line in lines
        if line.startswith("    ") and ": " not in line and ". " not in line and line.endswith(".")
    ]

    assert [line.split()[0] for line in causes] == ["edge.unreadable", "dicom.not-dicom"]
    assert any(line.strip() == "00.txt, 01.txt, 02.txt and 27 more" for line in lines)
