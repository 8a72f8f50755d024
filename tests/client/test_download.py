import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from tests.support.disks import mounted
from tests.support.release_server import body, cut_after, status

from radcommons.client.download import Wish, download
from radcommons.client.errors import (
    BusyFolderError,
    DiskSpaceError,
    FolderError,
    LocalDiskError,
    RemoteError,
    SelectionError,
)
from radcommons.client.journal import Journal
from radcommons.client.layout import Layout
from radcommons.client.remote import ATTEMPTS
from radcommons.client.run import demand_space
from radcommons.client.verify import verify_folder
from radcommons.dicom.errors import Kind
from radcommons.transfer.release.errors import ReleaseFormatError, SignatureError


def wish(repository, **changes):
    return Wish(**{"name": "chest-ct@1.0.0", "url": repository.url, "first_wait_s": 0.001, **changes})


def images(folder):
    return sorted((folder / "images").rglob("*.dcm"))


def test_a_release_arrives_whole_and_says_how_to_cite_it(repository, tmp_path, contents):
    outcome = download(wish(repository), tmp_path / "copy")
    assert outcome.is_complete
    assert {path.read_bytes() for path in images(tmp_path / "copy")} == set(contents)
    receipt = json.loads((tmp_path / "copy" / "receipt.json").read_bytes())
    assert receipt["citation"] == "The test hospital (2026): Chest CT."
    assert receipt["instances"] == 10
    assert receipt["completed_at"]
    assert not list((tmp_path / "copy").rglob("*.part"))


def test_latest_is_an_alias_for_a_number(repository, tmp_path):
    assert download(wish(repository, name="chest-ct@latest"), tmp_path / "copy").receipt.version == "1.0.0"


def test_a_second_run_fetches_no_image_again(repository, tmp_path):
    download(wish(repository), tmp_path / "copy")
    repository.requests.clear()
    outcome = download(wish(repository), tmp_path / "copy")
    assert outcome.is_complete
    assert (outcome.fetched, outcome.already_there) == (0, outcome.audit.counts["checked"])
    assert not [path for path in repository.requests if "/instances/" in path]


def test_a_cut_connection_is_continued_where_it_broke(repository, tmp_path):
    repository.faults["/instances/"] = [cut_after(1000)]
    outcome = download(wish(repository, threads=1), tmp_path / "copy")
    assert outcome.is_complete
    assert repository.ranges == ["bytes=1000-"]


def test_passing_errors_are_retried_and_never_saved_as_data(repository, tmp_path, contents):
    repository.faults["/instances/"] = [status(503), status(500), status(429, headers=[("Retry-After", "0")])]
    assert download(wish(repository), tmp_path / "copy").is_complete
    assert {path.read_bytes() for path in images(tmp_path / "copy")} == set(contents)


def test_an_error_page_with_status_200_is_refused_and_named(repository, tmp_path):
    page = b"<html>Please log in</html>"
    repository.faults["/instances/"] = [body(page)] * 100
    outcome = download(wish(repository), tmp_path / "copy")
    assert not outcome.is_complete
    assert outcome.audit.counts["missing"] == 10
    assert not images(tmp_path / "copy")
    assert not [path for path in (tmp_path / "copy").rglob("*") if path.is_file() and path.read_bytes() == page]


def test_one_missing_file_leaves_the_others_and_an_incomplete_receipt(repository, tmp_path):
    lost = next(iter((repository.folder / "instances").iterdir()))
    lost.unlink()
    outcome = download(wish(repository), tmp_path / "copy")
    assert not outcome.is_complete
    assert outcome.failures == {"client.refused": 1}
    assert outcome.audit.counts["missing"] == 1
    assert len(images(tmp_path / "copy")) == 9
    assert json.loads((tmp_path / "copy" / "receipt.json").read_bytes())["completed_at"] is None


def test_a_flipped_byte_on_the_server_is_noticed(repository, tmp_path):
    changed = next(iter((repository.folder / "instances").iterdir()))
    changed.write_bytes(b"!" + changed.read_bytes()[1:])
    outcome = download(wish(repository), tmp_path / "copy")
    assert outcome.failures == {"client.digest-mismatch": 1}


def test_a_file_damaged_between_two_runs_is_mended(repository, tmp_path):
    download(wish(repository), tmp_path / "copy")
    victim = images(tmp_path / "copy")[0]
    victim.write_bytes(b"!" + victim.read_bytes()[1:])
    images(tmp_path / "copy")[1].unlink()
    outcome = download(wish(repository), tmp_path / "copy")
    assert outcome.is_complete
    assert outcome.fetched == 2


def test_a_condition_selects_by_columns_of_every_level(repository, tmp_path):
    where = "modality = 'CT' AND patient_age_years < 51 AND covid19_status = 'negative'"
    outcome = download(wish(repository, where=where), tmp_path / "copy")
    assert outcome.is_complete
    assert outcome.receipt.instances == 5
    assert verify_folder(tmp_path / "copy").is_ok


@pytest.mark.parametrize(
    "where",
    [
        "no_such_column = 1",
        "true) UNION SELECT 'x' FROM read_csv('/etc/passwd') WHERE (true",
        "true); COPY instance TO '/tmp/stolen.csv'; SELECT (1",
        "EXISTS (SELECT 1 FROM read_text('/etc/passwd'))",
        "(SELECT count(*) FROM glob('/etc/*')) > 0",
        "modality = ",
    ],
)
def test_a_condition_reaches_nothing_but_the_tables(repository, tmp_path, where):
    with pytest.raises(SelectionError):
        download(wish(repository, where=where), tmp_path / "copy")


@pytest.mark.parametrize("layout", list(Layout))
def test_every_layout_verifies_even_without_its_receipt(repository, tmp_path, layout):
    assert download(wish(repository, layout=layout), tmp_path / "copy").is_complete
    (tmp_path / "copy" / "receipt.json").unlink()
    found = verify_folder(tmp_path / "copy")
    assert found.is_ok
    assert not found.extra


def test_a_condition_that_was_not_understood_names_the_columns_and_leaves_the_folder_free(repository, tmp_path):
    with pytest.raises(SelectionError, match=r"Its columns are: .*modality"):
        download(wish(repository, where="modlity = 'CT'"), tmp_path / "copy")
    assert download(wish(repository, where="modality = 'CT'"), tmp_path / "copy").is_complete


def test_a_condition_that_selects_nothing_leaves_the_folder_free(repository, tmp_path):
    assert download(wish(repository, where="modality = 'XA'"), tmp_path / "copy").receipt.instances == 0
    outcome = download(wish(repository, where="modality = 'CT'"), tmp_path / "copy")
    assert outcome.is_complete
    assert outcome.receipt.instances


def test_a_file_that_a_person_must_repair_is_asked_for_once_a_run(repository, tmp_path, contents):
    words = b'{"code":"archive.object-damaged","message":"The copy is damaged."}'
    repository.faults["/instances/"] = [status(503, words)] * 10_000
    for run in (1, 2):
        outcome = download(wish(repository), tmp_path / "copy")
        assert outcome.failures == {"archive.object-damaged": len(contents)}
        assert sum(count for path, count in repository.requests.items() if "/instances/" in path) == run * len(contents)


def test_what_stays_refused_is_waited_for_once_a_run(repository, tmp_path):
    repository.faults["/instances/"] = [status(503)] * 10_000
    for _ in range(2):
        repository.requests.clear()
        outcome = download(wish(repository), tmp_path / "copy")
        assert outcome.failures == {"client.refused": 10}
        assert {count for path, count in repository.requests.items() if "/instances/" in path} == {ATTEMPTS}


def test_tables_that_do_not_come_are_said_not_to_come(repository, tmp_path):
    repository.faults["[.]parquet"] = [status(503, b'{"code":"platform.busy","message":"Too busy."}')] * 10_000
    with pytest.raises(RemoteError, match=r"did not arrive\. Too busy"):
        download(wish(repository), tmp_path / "copy")
    repository.faults.clear()
    assert download(wish(repository), tmp_path / "copy").is_complete


def test_a_file_that_fails_again_is_counted_once(repository, tmp_path):
    refused = status(422, b'{"code":"platform.odd","message":"Odd."}')
    repository.faults["/instances/"] = [refused] * 10_000
    first = download(wish(repository), tmp_path / "copy")
    again = download(wish(repository), tmp_path / "copy")
    assert again.failures == first.failures
    assert set(again.failures) == {"platform.odd"}


def test_a_server_that_is_gone_ends_the_download_and_not_after_every_file(repository, tmp_path, contents):
    def hang_up(handler):
        handler.close_connection = True

    repository.faults["/instances/"] = [hang_up] * 10_000
    with pytest.raises(RemoteError, match="What arrived is kept"):
        download(wish(repository, threads=1), tmp_path / "copy")
    assert sum(count for path, count in repository.requests.items() if "/instances/" in path) < 8 * (len(contents) + 1)
    repository.faults.clear()
    assert download(wish(repository), tmp_path / "copy").is_complete


def test_a_folder_belongs_to_one_selection(repository, tmp_path):
    download(wish(repository), tmp_path / "copy")
    with pytest.raises(FolderError):
        download(wish(repository, where="modality = 'CT'"), tmp_path / "copy")


def test_two_downloads_do_not_share_a_folder(repository, tmp_path):
    with Journal(tmp_path / "copy"), pytest.raises(BusyFolderError):
        download(wish(repository), tmp_path / "copy")


def test_an_unknown_release_is_said_to_be_unknown(repository, tmp_path):
    with pytest.raises(RemoteError) as caught:
        download(wish(repository, name="chest-ct@9.9.9"), tmp_path / "copy")
    assert caught.value.kind is Kind.NOT_FOUND
    assert "chest-ct@9.9.9" in str(caught.value)
    assert not (tmp_path / "copy").exists()


def test_a_withdrawn_release_says_why(repository, tmp_path):
    answer = b'{"code":"releases.withdrawn","message":"Withdrawn: consent."}'
    repository.faults["/api/"] = [status(410, answer)]
    with pytest.raises(RemoteError, match="consent") as caught:
        download(wish(repository), tmp_path / "copy")
    assert caught.value.kind is Kind.GONE


def test_what_does_not_fit_is_refused_before_the_first_byte(tmp_path):
    demand_space(tmp_path, 1)
    with pytest.raises(DiskSpaceError, match="GiB free"):
        demand_space(tmp_path, 2**60)


@pytest.mark.parametrize(
    "name", ["../up.txt", "/etc/cron.d/x", ".radcommons/journal.sqlite", "images/x.dcm", "a/../../b"]
)
def test_names_that_leave_the_folder_are_refused(repository, tmp_path, name):
    path = repository.folder / "status.json"
    path.write_text(json.dumps({"records": [{"path": name, "sha256": "0" * 64, "size_bytes": 1}]}))
    with pytest.raises(ReleaseFormatError):
        download(wish(repository), tmp_path / "copy")
    assert [entry.name for entry in tmp_path.iterdir() if entry.name not in {"server", "copy"}] == []


def test_a_manifest_that_is_not_the_signed_one_is_refused(repository, tmp_path):
    path = repository.folder / "release.json"
    path.write_bytes(path.read_bytes().replace(b"Chest CT of", b"Chest XR of"))
    with pytest.raises(SignatureError):
        download(wish(repository), tmp_path / "copy")


def test_a_killed_download_goes_on_where_it_was(repository, tmp_path, contents):
    slow = [lambda handler: (time.sleep(0.3), status(503)(handler))] * 6
    repository.faults["/instances/"] = slow
    copy = tmp_path / "copy"
    program = (
        "import sys; from pathlib import Path; from radcommons.client.download import *;"
        "download(Wish('chest-ct@1.0.0', sys.argv[1], threads=2), Path(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, repository.url, str(copy)])
    deadline = time.monotonic() + 30
    while not (copy / "receipt.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    outcome = download(wish(repository), copy)
    assert outcome.is_complete
    assert {hashlib.sha256(path.read_bytes()).digest() for path in images(copy)} == {
        hashlib.sha256(content).digest() for content in contents
    }


def test_why_files_failed_is_said_in_the_words_of_the_server(repository, tmp_path):
    words = b'{"code":"platform.odd","message":"This one is odd."}'
    repository.faults["/instances/"] = [status(422, words)] * 100
    outcome = download(wish(repository), tmp_path / "copy")
    (line,) = outcome.failures.lines()
    assert line == "failed: 10 × This one is odd. [platform.odd]"
    assert outcome.to_json()["reasons"] == {"platform.odd": "This one is odd."}


@pytest.mark.parametrize(
    ("number", "kind", "hint"),
    [(401, Kind.UNAUTHENTICATED, "--token"), (403, Kind.FORBIDDEN, ""), (410, Kind.GONE, "")],
)
def test_a_refusal_that_concerns_the_whole_release_ends_a_download(repository, tmp_path, number, kind, hint):
    repository.faults["/instances/"] = [status(number, b'{"code":"a.reason","message":"Because."}')] * 100
    with pytest.raises(RemoteError, match=f"Because[.].*{hint}.*What arrived is kept") as caught:
        download(wish(repository, threads=1), tmp_path / "copy")
    assert (caught.value.kind, caught.value.code) == (kind, "a.reason")
    repository.faults.clear()
    assert download(wish(repository), tmp_path / "copy").is_complete


def test_whoever_waits_is_told_for_what(repository, tmp_path):
    repository.faults["/instances/"] = [status(503, b'{"code":"a.reason","message":"The store is away."}')]
    steps = []
    assert download(wish(repository), tmp_path / "copy", report=steps.append).is_complete
    assert "The store is away." in {step.trouble for step in steps}


def test_an_address_of_something_else_is_said_to_be_no_repository(repository, tmp_path):
    for url in (f"{repository.url}/releases/chest-ct", f"{repository.url}/files/releases/chest-ct/1.0.0"):
        with pytest.raises(RemoteError, match="address of its first page"):
            download(wish(repository, url=url), tmp_path / "copy")


def test_a_token_is_taken_without_its_line_end_and_one_that_is_none_is_refused_before_anything_is_asked(
    repository, tmp_path
):
    assert download(wish(repository, token="rct_abc\n"), tmp_path / "copy").is_complete
    repository.requests.clear()
    for token in ("two words", "line\nline", "\u20ac"):
        with pytest.raises(RemoteError, match="Copy it anew"):
            download(wish(repository, token=token), tmp_path / "other")
    assert not repository.requests


def test_a_folder_that_cannot_be_written_is_said_to_be_one_and_not_to_be_busy(repository, tmp_path):
    with mounted(tmp_path / "disk", mebibytes=100) as is_disk:
        assert is_disk, "these tests mount a small disk; run them as root"
        assert download(wish(repository), tmp_path / "disk" / "copy").is_complete
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        for name in ("copy", "new", "."):
            with pytest.raises(LocalDiskError, match="choose another folder"):
                download(wish(repository), tmp_path / "disk" / name)


def test_the_program_says_everything_before_it_ends_and_fails_when_a_file_is_missing(repository, tmp_path):
    lost = next(iter((repository.folder / "instances").iterdir()))
    content = lost.read_bytes()
    lost.unlink()
    command = [
        sys.executable,
        "-m",
        "radcommons",
        "download",
        "chest-ct@1.0.0",
        "copy",
        "--from",
        repository.url,
        "--json",
    ]
    for is_whole in (False, True):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        said = json.loads(done.stdout)
        assert (done.returncode, said["ok"], said["audit"]["counts"]["missing"]) == (
            0 if is_whole else 3,
            is_whole,
            not is_whole,
        )
        assert done.stderr == b""
        lost.write_bytes(content)


@contextmanager
def heeding_ctrl_c():
    """What is started in here heeds SIGINT; a shell has what it starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_whoever_stops_a_download_waits_for_nobody_and_is_told_how_to_go_on(repository, tmp_path):
    repository.faults["/instances/"] = [status(503, headers=[("Retry-After", "300")])] * 100
    command = [sys.executable, "-m", "radcommons", "download", "chest-ct@1.0.0", "copy", "--from", repository.url]
    with heeding_ctrl_c():
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(repository.faults["/instances/"]) > 98 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in said
    assert "Traceback" not in said
    repository.faults.clear()
    assert download(wish(repository), tmp_path / "copy").is_complete
