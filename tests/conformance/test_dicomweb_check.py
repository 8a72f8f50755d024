"""The conformance checks, made on ourselves, on Debian's Orthanc, and on servers that answer nonsense."""

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, EncapsulatedPDFStorage
from tests.server.archive.conftest import dicom_file
from tests.support.batches import write_instance
from tests.support.orthanc import running_orthanc
from tests.support.releases import ACTOR, clear_study, frozen_cohort, signed_site, store_study, wish

from radcommons.client.conformance import answers, packing
from radcommons.client.conformance.answers import Answer, Server, read_dataset
from radcommons.client.conformance.checks import CHECKS, CheckFailedError, Demand, Result, Verdict
from radcommons.client.conformance.run import Report, chosen_checks, run_checks
from radcommons.client.conformance.sample import Sample
from radcommons.client.conformance_command import dicomweb_check
from radcommons.dicom.instance import describe_file
from radcommons.server.archive.services import store_instance
from radcommons.server.releases import services

NEEDED = {
    "zip.series",
    "digest.right",
    "encoding.htj2k",
    "search.includefield-keyword",
    "frames.several",
    "metadata.same-as-file",
    "instance.parts",
    "rendered.window",
}


def checked(root: str, *files: Path, only: tuple[str, ...] = ()) -> Report:
    with httpx.Client(timeout=60, follow_redirects=True) as client:
        return run_checks(Sample(Server(root, client), files), chosen_checks(only))


def names(report: Report, verdict: Verdict, demand: Demand | None = None) -> set[str]:
    return {
        each.check.name
        for each in report.results
        if each.verdict is verdict and (demand is None or each.check.demand is demand)
    }


@pytest.fixture
def release_root(live_server_url: str, tmp_path: Path) -> str:
    """A published version with several subjects and an image of several frames."""
    site = signed_site()
    for study in ("one", "two", "three"):
        clear_study(store_study(tmp_path, site, study, instances=3))
    path = dicom_file(tmp_path, 4, frames=3, StudyInstanceUID="2.25.77", SeriesInstanceUID="2.25.78", Modality="US")
    description, findings = describe_file(path)
    assert description is not None, findings
    store_instance(description, path, site=site, project="covid19", actor=ACTOR)
    clear_study("2.25.77")
    draft = services.draft(wish(), frozen_cohort(), actor=ACTOR)
    release = services.publish(draft.pk, actor=ACTOR)
    return f"{live_server_url}/dicom-web/releases/{release.slug}/{release.version}"


def test_a_release_root_does_everything_that_is_checked(release_root: str) -> None:
    report = checked(release_root)

    failed = [(each.check.name, each.message) for each in report.results if each.verdict is Verdict.FAILED]
    assert failed == []
    assert names(report, Verdict.PASSED) >= NEEDED
    assert len(names(report, Verdict.PASSED)) >= 165
    assert report.is_conformant


def test_orthanc_is_measured_by_the_same_checks(tmp_path: Path) -> None:
    with running_orthanc(tmp_path / "orthanc") as orthanc:
        paths = [write_instance(tmp_path / f"{study}-{number}.dcm", study=study, number=number)
                 for study in ("one", "two") for number in range(2)]  # fmt: skip
        for path in paths:
            orthanc.put(path)
        new = write_instance(tmp_path / "new.dcm", study="three", number=1)
        report = checked(orthanc.dicomweb, new)

    passed = names(report, Verdict.PASSED)
    assert passed >= {
        "search.patient-id",
        "search.date-range",
        "metadata.series",
        "instance.parts",
        "rendered.jpeg",
        "store.one",
    }
    assert names(report, Verdict.FAILED) >= {"search.unknown-attribute"}
    assert not report.is_conformant


def test_every_check_names_its_clause_and_there_are_many() -> None:
    assert len(CHECKS) >= 189
    assert all(each.clause and each.title and each.name == each.name.lower() for each in CHECKS.values())


def test_the_command_says_the_same_for_machines(release_root: str) -> None:
    answer = CliRunner().invoke(dicomweb_check, [release_root, "--only", "search.studies", "--json"])

    report = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert report["is_conformant"] is True
    assert {each["check"] for each in report["results"]} >= {"search.studies", "search.studies.attributes"}
    assert all(each["clause"] and each["verdict"] == "passed" for each in report["results"])


def test_a_server_that_is_not_there_is_said_to_be_so() -> None:
    answer = CliRunner().invoke(dicomweb_check, ["http://127.0.0.1:9"])

    assert answer.exit_code == 1
    assert "nothing to check" in answer.output


@pytest.fixture(params=[b"<html>welcome</html>", b"[1, 2]", b'[{"0020000D": 5}]', b"[" * 100_000, b"\xff\xfe\x00"])
def nonsense(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that says 200 to everything and means nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(request.param)))
            self.end_headers()
            self.wfile.write(request.param)

        do_OPTIONS = do_DELETE = do_POST = do_GET  # noqa: N815 - the names that the base class looks for

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_server_that_answers_nonsense_fails_without_stopping_the_checks(nonsense: str) -> None:
    report = checked(nonsense)

    assert len(report.results) == len(CHECKS)
    assert not report.is_conformant
    assert "search.studies.retrieve-url" not in names(report, Verdict.PASSED)
    assert names(report, Verdict.FAILED, Demand.REQUIRED)


class Hostile(BaseHTTPRequestHandler):
    """Answers as its server's ``play`` says, and remembers what it was asked with."""

    server: "HostileServer"

    def do_GET(self) -> None:
        self.server.seen.append(self.headers.get("Authorization"))
        with suppress(OSError):
            self.server.play(self)

    do_OPTIONS = do_DELETE = do_POST = do_HEAD = do_GET  # noqa: N815 - the names that the base class looks for

    def say(self, status: int, media_type: str, body: bytes) -> None:
        """Answer with a whole body."""
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


class HostileServer(ThreadingHTTPServer):
    """A server that plays a part."""

    daemon_threads = True

    def __init__(self, play: Callable[[Hostile], None]) -> None:
        super().__init__(("127.0.0.1", 0), Hostile)
        self.play, self.seen = play, list[str | None]()
        self.is_over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def playing(play: Callable[[Hostile], None]) -> Iterator[HostileServer]:
    with HostileServer(play) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.is_over.set()
        server.shutdown()


def drips(request: Hostile) -> None:
    request.send_response(200)
    request.end_headers()
    while not request.server.is_over.wait(0.05):
        request.wfile.write(b" ")


def drips_headers(request: Hostile) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not request.server.is_over.wait(0.05):
        request.wfile.write(b"X-More: 1\r\n")


@pytest.mark.parametrize("play", [drips, drips_headers])
def test_answers_without_end_end_with_the_time_for_all_checks(play: Callable[[Hostile], None]) -> None:
    with playing(play) as server, httpx.Client(timeout=60) as client:
        report = run_checks(Sample(Server(server.url, client, within_s=0.5)), chosen_checks())

    assert len(report.results) == len(CHECKS)
    assert not report.is_conformant
    assert names(report, Verdict.PASSED) == set()
    messages = {each.message for each in report.results}
    assert any("did not end in time" in each for each in messages)
    assert any("the time for all checks is over" in each for each in messages)


@pytest.mark.parametrize(
    "play",
    [
        lambda request: request.say(204, "text/plain", b""),
        lambda request: request.say(404, "text/html", b"<html>no such page</html>"),
        lambda request: request.say(406, "text/plain", b"no"),
        lambda request: request.say(200, "application/zip", b"PK\x05\x06" + bytes(18)),
        lambda request: request.say(200, "multipart/related; boundary=x", b"--x\r\n" * 300_000),
        lambda request: request.say(200, "[/red] \\[bold]", b"[]"),
        lambda request: request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[]"),
        lambda request: request.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n"),
        lambda request: request.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"),
    ],
    ids=["204", "404", "406", "empty-zip", "parts", "markup", "cut-off", "bad-redirect", "endless-redirect"],
)
def test_no_hostile_server_stops_the_command_or_passes_it(play: Callable[[Hostile], None]) -> None:
    with playing(play) as server:
        for is_json in (True, False):
            answer = CliRunner().invoke(dicomweb_check, [server.url, *(["--json"] if is_json else [])])

            assert answer.exit_code == 1, answer.output
            assert isinstance(answer.exception, SystemExit)
            if is_json and not answer.output.startswith("Error"):
                assert json.loads(answer.stdout)["is_conformant"] is False


def test_a_server_that_wants_a_token_is_said_to_want_one() -> None:
    with playing(lambda request: request.say(401, "text/plain", b"")) as server:
        answer = CliRunner().invoke(dicomweb_check, [server.url, "--json"])

    assert answer.exit_code == 1
    assert "--token" in answer.output


@pytest.mark.parametrize("secret", [{"headers": {"Authorization": "Bearer x"}}, {"auth": ("name", "word")}])
def test_secrets_do_not_follow_an_address_that_the_server_gives(secret: dict[str, Any]) -> None:
    with (
        playing(lambda request: request.say(200, "application/json", b"[]")) as other,
        playing(lambda request: request.say(200, "application/json", b"[]")) as mine,
        httpx.Client(**secret) as client,
    ):
        server = Server(mine.url, client)
        server.ask(f"{other.url}/bulk")
        server.ask(f"{mine.url}/bulk")

    assert other.seen == [None]
    assert mine.seen[0]


def test_an_archive_that_unpacks_to_more_than_can_be_held_is_not_unpacked() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.dcm", "w") as file:
        for _ in range(513):
            file.write(bytes(2**20))
    answer = Answer(200, httpx.Headers({"content-type": "application/zip"}), held.getvalue())

    with pytest.raises(CheckFailedError, match="more than 512 MiB"):
        packing.unpacked(answer)


def test_a_deflated_file_that_inflates_to_more_than_can_be_held_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = EncapsulatedPDFStorage, "1.2.3"
    dataset.EncapsulatedDocument = bytes(2**20)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    assert len(file.getvalue()) < 2**14
    assert read_dataset(file.getvalue()).EncapsulatedDocument == dataset.EncapsulatedDocument
    monkeypatch.setattr(answers, "LARGEST_ANSWER_BYTES", 2**19)
    with pytest.raises(CheckFailedError, match="larger than this software inflates"):
        read_dataset(file.getvalue())


def test_what_a_server_says_is_shown_short_and_without_control_characters() -> None:
    result = Result(next(iter(CHECKS.values())), Verdict.FAILED, "\x1b[2J\ud800" + "x" * 10_000)

    assert result.message.startswith("\ufffd[2J\ufffd")
    assert len(result.message) <= 400
