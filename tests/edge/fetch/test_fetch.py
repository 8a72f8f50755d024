"""Fetching from real servers: Debian's Orthanc (C-FIND, C-MOVE, C-GET) and DCMTK's dcmqrscp."""

import csv
import json
import subprocess
import time
from datetime import datetime, timedelta
from datetime import time as clock

import httpx
import pydicom
import pytest
from click.testing import CliRunner
from tests.support.batches import uid, write_instance
from tests.support.dimse_peers import received, storescu
from tests.support.orthanc import free_port, running_orthanc

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.commands import edge
from radcommons.edge.fetch.pace import Pace, parse_pause
from radcommons.edge.fetch.wishes import Wish, read_wishes

STUDIES = (1, 2, 3)
PER_STUDY = 3


def made(folder, study, number):
    keys = {"AccessionNumber": f"A-{study}", "PatientID": f"P-{study}"}
    return write_instance(folder / f"{study}-{number}.dcm", study=study, number=number, **keys)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pacs-files")
    return [made(folder, study, number) for study in STUDIES for number in range(1, PER_STUDY + 1)]


@pytest.fixture(scope="module")
def back():
    """Where the PACS calls us back; it knows the port of our title."""
    return free_port()


@pytest.fixture(scope="module")
def pacs(tmp_path_factory, files, back):
    with running_orthanc(
        tmp_path_factory.mktemp("orthanc"),
        DicomModalities={"us": ["RADCOMMONS", "127.0.0.1", back]},
        DicomAlwaysAllowGet=True,
    ) as orthanc:
        for path in files:
            orthanc.put(path)
        yield orthanc


def listed(folder, lines, columns="accession_number"):
    path = folder / "list.csv"
    path.write_text("\n".join([columns, *lines]) + "\n", "utf-8")
    return path


def run(folder, path, place, back, *words):
    command = [
        "fetch",
        str(path),
        str(folder / "got"),
        "--from",
        place,
        "--port",
        str(back),
        "--per-hour",
        "0",
        "--json",
    ]
    result = CliRunner().invoke(edge, [*command, *words])
    return result, json.loads(result.stdout) if result.stdout.startswith("{") else None


def place_of(pacs):
    return f"{pacs.title}@127.0.0.1:{pacs.dicom_port}"


@pytest.mark.parametrize("method", ["move", "get"])
def test_the_studies_of_a_list_come_whole_and_once(tmp_path, pacs, back, files, method):
    path = listed(tmp_path, ["A-1", "A-3", "A-404"])
    report = tmp_path / "report.csv"

    result, told = run(tmp_path, path, place_of(pacs), back, "--method", method, "--report", str(report))

    assert result.exit_code == 1, result.output
    assert (told["asked"], told["complete"], told["not_found"], told["partial"]) == (3, 2, 1, 0)
    assert told["instances"] == told["expected"] == 2 * PER_STUDY
    got = {path.stem: path for path in received(tmp_path / "got")}
    for source in files:
        dataset = pydicom.dcmread(source)
        assert (str(dataset.SOPInstanceUID) in got) == (dataset.AccessionNumber != "A-2")
        if dataset.AccessionNumber != "A-2":
            assert pydicom.dcmread(got[str(dataset.SOPInstanceUID)]).PixelData == dataset.PixelData
    rows = list(csv.DictReader(report.read_text("utf-8").splitlines()))
    assert [(row["accession_number"], row["state"], row["received"]) for row in rows] == [
        ("A-1", "complete", "3"),
        ("A-3", "complete", "3"),
        ("A-404", "not_found", "0"),
    ]
    again, told = run(tmp_path, path, place_of(pacs), back, "--method", method)
    assert (again.exit_code, told["instances"]) == (1, 2 * PER_STUDY)


def test_a_dry_run_asks_and_has_nothing_sent(tmp_path, pacs, back):
    path = listed(tmp_path, ["P-1", "P-2"], columns="patient_id")

    result, told = run(tmp_path, path, place_of(pacs), back, "--dry-run")

    assert (result.exit_code, told["studies"], told["expected"], told["instances"]) == (0, 2, 2 * PER_STUDY, 0)
    assert not received(tmp_path / "got")


def test_a_fetch_that_was_stopped_goes_on_and_what_grew_meanwhile_is_fetched_again(tmp_path, pacs, back):
    path = listed(tmp_path, ["A-1", "A-2", "A-3"])
    first, told = run(tmp_path, path, place_of(pacs), back, "--dry-run")
    assert told["waiting"] == 3

    whole, told = run(tmp_path, path, place_of(pacs), back)
    assert (whole.exit_code, told["complete"], told["instances"]) == (0, 3, 9)
    late = pydicom.dcmread(made(tmp_path, 4, 1))
    late.StudyInstanceUID, late.AccessionNumber, late.PatientID = uid("study", 1), "A-1", "P-1"
    late.save_as(tmp_path / "late.dcm")
    pacs.put(tmp_path / "late.dcm")
    try:
        grown, told = run(tmp_path, listed(tmp_path, ["A-1"]), place_of(pacs), back, "--retry")
        assert (grown.exit_code, told["instances"]) == (0, 10)
    finally:
        found = httpx.post(f"{pacs.url}/tools/lookup", content=str(late.SOPInstanceUID)).json()[0]
        httpx.delete(f"{pacs.url}/instances/{found['ID']}").raise_for_status()
    assert first.exit_code == 0


# pynetdicom leaves the socket of a refused connection to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_pacs_that_is_not_there_or_refuses_is_said_so(tmp_path, back):
    result, _ = run(tmp_path, listed(tmp_path, ["A-1"]), f"NOBODY@127.0.0.1:{free_port()}", back, "--timeout", "2")
    assert isinstance(result.exception, RadCommonsError)
    assert result.exception.code == "edge.pacs-unreachable"


def test_instances_the_pacs_cannot_send_leave_a_study_partial(tmp_path, pacs, back, files):
    """A listener that refuses some instances: the counts tell that they are missing, whatever the server says."""
    path = listed(tmp_path, ["A-2"])
    wrong = free_port()
    result, told = run(tmp_path, path, place_of(pacs), wrong, "--attempts", "1")
    assert (result.exit_code, told["complete"], told["failed"], told["instances"]) == (1, 0, 1, 0)
    assert files
    retried, told = run(tmp_path, path, place_of(pacs), back, "--retry")
    assert (retried.exit_code, told["complete"], told["instances"]) == (0, 1, PER_STUDY)


def test_dcmqrscp_of_dcmtk_is_fetched_from_as_well(tmp_path, files, back):
    port, store = free_port(), tmp_path / "qr"
    store.mkdir()
    configuration = tmp_path / "dcmqrscp.cfg"
    configuration.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nus = (RADCOMMONS, 127.0.0.1, {back})\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nQR {store} RW (200, 1024mb) ANY\nAETable END\n",
        "utf-8",
    )
    with subprocess.Popen(
        ["dcmqrscp", "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            deadline = time.monotonic() + 20
            while storescu(port, files[:PER_STUDY], called="QR").returncode and time.monotonic() < deadline:
                time.sleep(0.1)
            result, told = run(tmp_path, listed(tmp_path, ["A-1"]), f"QR@127.0.0.1:{port}", back)
        finally:
            server.terminate()
            server.wait(timeout=20)

    assert (result.exit_code, told["complete"], told["instances"]) == (0, 1, PER_STUDY), result.output
    assert {path.parent.parent.name for path in received(tmp_path / "got")} == {uid("study", 1)}


@pytest.mark.parametrize(
    ("content", "is_usable"),
    [
        ("accession_number\nA1\nA2\nA1\n", True),
        ("patient_id;study_date\nP1;20200401-20200430\n", True),
        ("\ufeffAccession_Number,other\nA1,x\n", True),
        ("name\nA1\n", False),
        ("accession_number\n\n", False),
        ("accession_number\nA*\n", False),
        ("accession_number\nA\\B\n", False),
        ("patient_id,study_date\nP1,yesterday\n", False),
        ("", False),
    ],
)
def test_a_list_names_single_things_or_is_refused(tmp_path, content, is_usable):
    path = tmp_path / "list.csv"
    path.write_text(content, "utf-8")
    if is_usable:
        assert read_wishes(path)[0] in {Wish("A1"), Wish("", "P1", "20200401-20200430")}
        assert len(read_wishes(path)) == len(set(read_wishes(path)))
        return
    with pytest.raises(RadCommonsError) as refusal:
        read_wishes(path)
    assert refusal.value.code == "edge.fetch-list"


def test_the_pace_keeps_its_distance_and_rests_at_the_hours_agreed():
    noon = datetime(2024, 5, 6, 12, 0)  # noqa: DTZ001  a hospital's wall clock
    assert Pace().wait_s(noon, noon) == 0
    assert Pace(per_hour=60).wait_s(noon, noon - timedelta(seconds=20)) == 40
    working = Pace(pauses=(parse_pause("07:30-18:00"),))
    assert working.wait_s(noon, None) == 6 * 3600
    assert working.wait_s(noon.replace(hour=20), None) == 0
    night = Pace(pauses=((clock(22), clock(6)), (clock(6), clock(7))))
    assert night.wait_s(noon.replace(hour=23), None) == 8 * 3600
    assert night.wait_s(noon.replace(hour=2), None) == 5 * 3600
