"""Sending over real HTTP: what is missing, in parallel, with patience, again after every interruption."""

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from tests.support.small_centre import TOKEN, SmallCentre, running

from radcommons.deid.pixel_text import PixelText
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.transfer.centre import SendOptions, checked_token, checked_url
from radcommons.transfer.manifest import BatchFile, BatchManifest, ProfileStamp, ReviewStamp, SoftwareStamp
from radcommons.transfer.sender import batch_state, send_batch, wait_until_verified

CT = "1.2.840.10008.5.1.4.1.1.2"
ENVELOPE = b"{}"
QUICK = SendOptions(threads=4, timeout_s=10, patience_s=15)


@pytest.fixture
def centre():
    return SmallCentre()


@pytest.fixture
def url(centre):
    with running(centre) as address:
        yield address


def batch(folder, count=12, size_bytes=5000):
    files, paths = [], {}
    for number in range(count):
        body = (f"instance {number} ".encode() * size_bytes)[:size_bytes]
        sha256 = hashlib.sha256(body).hexdigest()
        paths[sha256] = folder / f"{number}.dcm"
        paths[sha256].write_bytes(body)
        uids = ("2.25.1", "2.25.2", f"2.25.{number + 10}")
        files.append(BatchFile(sha256, len(body), *uids, CT, PixelText.NOT_APPLICABLE))
    manifest = BatchManifest(
        site="ALPHA",
        project="covid19",
        profile=ProfileStamp("ricord", "1", "0" * 64),
        software=SoftwareStamp("radcommons", "0.1.0"),
        report_sha256="1" * 64,
        review=ReviewStamp("Dr Example", "approved"),
        files=tuple(sorted(files)),
    )
    return manifest, paths


def test_a_batch_arrives_whole_and_sealed(centre, url, tmp_path):
    manifest, paths = batch(tmp_path)

    result = send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert (result.batch_id, result.state, result.files) == (manifest.batch_id, "sealed", 12)
    assert (result.sent, result.already_there, result.sent_bytes) == (12, 0, 60_000)
    assert centre.parts == {sha256: path.read_bytes() for sha256, path in paths.items()}
    assert centre.sealed == {manifest.batch_id}
    assert centre.summaries == {manifest.batch_id: ENVELOPE}


def test_progress_counts_files_and_bytes_to_the_end(url, tmp_path):
    manifest, paths = batch(tmp_path)
    told = []

    send_batch(
        manifest,
        paths,
        envelope=ENVELOPE,
        url=url,
        token=TOKEN,
        options=QUICK,
        progress=lambda *numbers: told.append(numbers),
    )

    assert told[0] == (0, 12, 0, 60_000)
    assert told[-1] == (12, 12, 60_000, 60_000)
    assert [files for files, *_ in told] == list(range(13))


def test_sending_the_same_batch_again_sends_nothing(centre, url, tmp_path):
    manifest, paths = batch(tmp_path)
    send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)
    puts = centre.requests["part"]

    again = send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert (again.state, again.sent, again.already_there) == ("sealed", 0, 12)
    assert centre.requests["part"] == puts


def test_files_travel_together_and_a_line_that_breaks_costs_no_file_twice(centre, url, tmp_path):
    manifest, paths = batch(tmp_path, count=40)
    centre.breaks = [10, 25]

    result = send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert (result.state, result.sent, len(centre.parts)) == ("sealed", 40, 40)
    # One request that breaks twice: asked twice what arrived, and sent on from there.
    assert centre.requests["part"] == 5
    assert centre.received_bytes < 40 * 5000 + 10_000 + 2 * 70_000


def test_a_large_batch_takes_several_requests(centre, url, tmp_path):
    manifest, paths = batch(tmp_path, count=9, size_bytes=2 * 2**20)

    send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert (len(centre.parts), centre.requests["part"]) == (9, 3)


def test_a_centre_that_takes_one_file_a_request_gets_one(centre, url, tmp_path):
    manifest, paths = batch(tmp_path)
    centre.takes_many = False

    result = send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert (result.state, centre.requests["part"], len(centre.parts)) == ("sealed", 12, 12)


def test_only_what_the_centre_lacks_is_sent(centre, url, tmp_path):
    manifest, paths = batch(tmp_path)
    for each in manifest.files[:7]:
        centre.parts[each.sha256] = paths[each.sha256].read_bytes()

    result = send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert (result.sent, result.already_there) == (5, 7)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_centre_is_asked_again(centre, url, tmp_path, status):
    manifest, paths = batch(tmp_path)
    centre.faults = [("open", status), ("part", status), ("part", status), ("seal", status)]

    result = send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert result.state == "sealed"
    assert centre.faults == []


def test_the_time_a_centre_asks_for_is_waited(centre, url, tmp_path):
    manifest, paths = batch(tmp_path, count=1)
    centre.faults = [("open", 503, {"Retry-After": "1"})]
    started = time.monotonic()

    send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert time.monotonic() - started >= 1.0


def test_patience_has_an_end_and_says_that_nothing_is_lost(tmp_path):
    manifest, paths = batch(tmp_path, count=1)

    with pytest.raises(RadCommonsError, match="Nothing is lost") as refusal:
        send_batch(
            manifest,
            paths,
            envelope=ENVELOPE,
            url="http://127.0.0.1:9",
            token=TOKEN,
            options=SendOptions(patience_s=0.5),
        )

    assert (refusal.value.kind, refusal.value.code) == (Kind.UNAVAILABLE, "transfer.unreachable")


def test_a_centre_that_starts_late_still_gets_the_batch(centre, tmp_path):
    manifest, paths = batch(tmp_path)
    with running(SmallCentre()) as address:
        port = int(address.rpartition(":")[2])
    results = []
    sender = threading.Thread(
        target=lambda: results.append(
            send_batch(manifest, paths, envelope=ENVELOPE, url=address, token=TOKEN, options=QUICK)
        )
    )
    sender.start()
    time.sleep(1.0)

    with running(centre, port=port):
        sender.join(timeout=30)

    assert [result.state for result in results] == ["sealed"]


def test_parts_that_a_centre_loses_are_sent_again(centre, url, tmp_path):
    manifest, paths = batch(tmp_path)
    centre.forgotten = [each.sha256 for each in manifest.files[:2]]

    result = send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert (result.state, result.sent) == ("sealed", 14)


def test_a_refusal_keeps_the_centres_own_words(centre, url, tmp_path):
    manifest, paths = batch(tmp_path)
    centre.refusal = {"code": "sites.no-valid-agreement", "message": "The agreement ended.", "ended_on": "2026-01-31"}

    with pytest.raises(RadCommonsError, match="The agreement ended") as refusal:
        send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert (refusal.value.kind, refusal.value.code) == (Kind.FORBIDDEN, "sites.no-valid-agreement")
    assert refusal.value.facts["ended_on"] == "2026-01-31"
    assert centre.requests["part"] == 0


def test_an_unknown_token_is_refused_at_once_and_never_repeated(centre, url, tmp_path):
    manifest, paths = batch(tmp_path)

    with pytest.raises(RadCommonsError) as refusal:
        send_batch(manifest, paths, envelope=ENVELOPE, url=url, token="rcs_other", options=QUICK)

    assert (refusal.value.kind, refusal.value.code) == (Kind.UNAUTHENTICATED, "sites.unknown-token")
    assert centre.requests["open"] == 1
    assert "rcs_other" not in repr(refusal.value) + str(refusal.value.to_json())


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"other"), lambda path: path.unlink()])
def test_a_file_that_changed_after_sealing_stops_the_batch(centre, url, tmp_path, change):
    manifest, paths = batch(tmp_path)
    change(paths[manifest.files[5].sha256])

    with pytest.raises(RadCommonsError) as refusal:
        send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert refusal.value.code == "transfer.file-changed"
    assert centre.sealed == set()


def test_a_page_that_is_no_intake_is_recognised(tmp_path):
    manifest, paths = batch(tmp_path, count=1)

    class Elsewhere(SmallCentre):
        async def open_batch(self, request):
            self.manifests["0" * 64] = manifest
            response = await super().open_batch(request)
            response.body = response.body.replace(manifest.batch_id.encode(), b"0" * 64)
            return response

    with running(Elsewhere()) as address, pytest.raises(RadCommonsError) as refusal:
        send_batch(manifest, paths, envelope=ENVELOPE, url=address, token=TOKEN, options=QUICK)

    assert refusal.value.code == "transfer.other-batch"


def test_large_files_travel_in_small_pieces(centre, url, tmp_path):
    manifest, paths = batch(tmp_path, count=2, size_bytes=24 * 2**20)

    send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert {len(body) for body in centre.parts.values()} == {24 * 2**20}
    assert centre.largest_chunk <= 2**20


def test_memory_does_not_grow_with_the_files(centre, url, tmp_path):
    code = """
        import resource, sys
        from pathlib import Path
        from radcommons.transfer.centre import SendOptions
        from radcommons.transfer.manifest import BatchManifest
        from radcommons.transfer.sender import file_sha256, send_batch

        folder, url, token = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
        manifest = BatchManifest.from_bytes((folder / "manifest.json").read_bytes())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        paths = {file_sha256(path): path for path in folder.glob("*.dcm")}
        send_batch(manifest, paths, envelope=b"{}", url=url, token=token, options=SendOptions(threads=4))
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    """
    manifest, _ = batch(tmp_path, count=4, size_bytes=48 * 2**20)
    (tmp_path / "manifest.json").write_bytes(manifest.canonical_bytes)

    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), url, TOKEN], check=True, capture_output=True
    )

    assert int(told.stdout) < 48


def test_a_killed_sender_goes_on_where_it_was(centre, url, tmp_path):
    manifest, paths = batch(tmp_path, count=200, size_bytes=20_000)
    (tmp_path / "manifest.json").write_bytes(manifest.canonical_bytes)
    code = """
        import sys
        from pathlib import Path
        from radcommons.transfer.manifest import BatchManifest
        from radcommons.transfer.sender import file_sha256, send_batch

        folder = Path(sys.argv[1])
        manifest = BatchManifest.from_bytes((folder / "manifest.json").read_bytes())
        paths = {file_sha256(path): path for path in folder.glob("*.dcm")}
        send_batch(manifest, paths, envelope=b"{}", url=sys.argv[2], token=sys.argv[3])
    """
    sender = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), str(tmp_path), url, TOKEN])
    while len(centre.parts) < 20:
        time.sleep(0.005)
    os.kill(sender.pid, signal.SIGKILL)
    sender.wait()
    there = len(centre.parts)

    result = send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert 20 <= there < 200
    assert result.state == "sealed"
    assert result.already_there >= there
    assert len(centre.parts) == 200


def test_the_state_of_a_batch_is_asked_for_and_awaited(url, tmp_path):
    manifest, paths = batch(tmp_path, count=1)
    send_batch(manifest, paths, envelope=ENVELOPE, url=url, token=TOKEN, options=QUICK)

    assert batch_state(manifest.batch_id, url=url, token=TOKEN)["state"] == "verified"
    assert wait_until_verified(manifest.batch_id, url=url, token=TOKEN)["counts"] == {"sent": 1}
    with pytest.raises(RadCommonsError) as refusal:
        batch_state("0" * 64, url=url, token=TOKEN)
    assert refusal.value.kind is Kind.NOT_FOUND


def test_a_batch_that_is_not_verified_in_time_is_said_to_be_on_its_way(centre, url, tmp_path):
    manifest, _ = batch(tmp_path, count=1)
    centre.manifests[manifest.batch_id] = manifest

    with pytest.raises(RadCommonsError, match="still verifying"):
        wait_until_verified(manifest.batch_id, url=url, token=TOKEN, timeout_s=0.1)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://centre.example", "transfer.plain-http"),
        ("http://10.0.0.7:8000", "transfer.plain-http"),
        ("ftp://centre.example", "transfer.invalid-url"),
        ("centre.example", "transfer.invalid-url"),
        ("https://", "transfer.invalid-url"),
        ("https://user:secret@centre.example", "transfer.invalid-url"),
        ("https://centre:port", "transfer.invalid-url"),
    ],
)
def test_a_token_is_never_sent_in_the_open(url, code):
    with pytest.raises(RadCommonsError) as refusal:
        checked_url(url, may_use_plain_http=False)

    assert refusal.value.code == code


@pytest.mark.parametrize(
    "url", ["https://centre.example/", "http://localhost:8000", "http://127.0.0.1:1", "http://[::1]:2"]
)
def test_safe_addresses_are_used_without_a_trailing_slash(url):
    assert checked_url(url, may_use_plain_http=False) == url.rstrip("/")
    assert checked_url("http://centre.example", may_use_plain_http=True) == "http://centre.example"


@pytest.mark.parametrize("token", ["", "  ", "two words", "um\u00e4ut", "line\nbreak"])
def test_what_cannot_be_a_token_is_refused(token):
    with pytest.raises(RadCommonsError) as refusal:
        checked_token(token)

    assert refusal.value.code == "transfer.invalid-token"
