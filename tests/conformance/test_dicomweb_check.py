"""The conformance checks, made on ourselves, on Debian's Orthanc, and on servers that answer nonsense."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from tests.server.archive.conftest import dicom_file
from tests.support.batches import write_instance
from tests.support.orthanc import running_orthanc
from tests.support.releases import ACTOR, clear_study, frozen_cohort, signed_site, store_study, wish

from radcommons.client.conformance.answers import Server
from radcommons.client.conformance.checks import CHECKS, Demand, Verdict
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
    assert len(CHECKS) >= 184
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
