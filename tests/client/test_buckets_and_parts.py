"""Large files in parts, files from a bucket, disks that are full: on a real S3 server where one is asked."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import obstore
import pytest
from tests.support.disks import mounted
from tests.support.release_server import body, cut_after, status

from radcommons.client import run as run_module
from radcommons.client.download import Wish, download
from radcommons.client.errors import LocalDiskError, RemoteError
from radcommons.client.journal import Item, Journal
from radcommons.client.large import LargeFiles
from radcommons.client.remote import Expected, Remote
from radcommons.client.transport import Transport
from radcommons.server.platform.objects import CloudObjects


def wish(repository, **changes):
    return Wish(**{"name": "chest-ct@1.0.0", "url": repository.url, "first_wait_s": 0.001, **changes})


def images(folder):
    return sorted((folder / "images").rglob("*.dcm"))


@pytest.fixture
def bucket(repository, contents, s3_url):
    """A repository whose images lie in a real bucket."""
    store = CloudObjects(s3_url())
    for content in contents:
        sha256 = hashlib.sha256(content).hexdigest()
        store.put_bytes(f"{sha256}.dcm", content)
        repository.addresses[sha256] = store.signed_url(f"{sha256}.dcm", valid_s=600)
    return store


def of_instances(repository):
    return [path for path in repository.requests if "/instances/" in path]


def test_files_come_from_the_bucket_and_the_repository_is_not_asked_for_them(repository, bucket, tmp_path, contents):
    outcome = download(wish(repository, token="secret"), tmp_path / "copy")
    assert outcome.is_complete
    assert {path.read_bytes() for path in images(tmp_path / "copy")} == set(contents)
    assert of_instances(repository) == []


def test_an_address_that_opens_nothing_is_left_for_the_repository(repository, bucket, tmp_path, contents):
    for sha256, place in repository.addresses.items():
        repository.addresses[sha256] = place.replace("X-Amz-Signature=", "X-Amz-Signature=0")
    assert download(wish(repository), tmp_path / "copy").is_complete
    assert len(of_instances(repository)) == len(contents)


def test_a_bucket_with_other_bytes_is_noticed(repository, bucket, tmp_path, contents):
    for content in contents:
        obstore.put(bucket.store, f"{hashlib.sha256(content).hexdigest()}.dcm", content[:-1] + b"!")
    outcome = download(wish(repository), tmp_path / "copy")
    assert outcome.failures == {"client.digest-mismatch": len(contents)}
    assert images(tmp_path / "copy") == []


def test_a_large_file_comes_in_parts_that_a_redirect_signs_each(repository, bucket, tmp_path, contents):
    def redirect(handler):
        sha256 = handler.path.rpartition("/")[2].removesuffix(".dcm")
        handler.answer(307, b"", [("Location", bucket.signed_url(f"{sha256}.dcm", valid_s=60))])

    repository.addresses.clear()
    repository.faults["/instances/"] = [redirect] * 100
    outcome = download(wish(repository, large_bytes=200_000), tmp_path / "copy")
    assert outcome.is_complete
    assert {path.read_bytes() for path in images(tmp_path / "copy")} == set(contents)
    assert sum(repository.requests[path] for path in of_instances(repository)) == 4 * len(contents) - 1


def test_the_parts_of_a_large_file_come_from_the_bucket_and_their_bytes_are_told_while_they_arrive(
    repository, bucket, tmp_path, contents
):
    told = []
    outcome = download(wish(repository, large_bytes=200_000, threads=1), tmp_path / "copy", report=told.append)
    assert outcome.is_complete
    assert {path.read_bytes() for path in images(tmp_path / "copy")} == set(contents)
    assert of_instances(repository) == []
    done = [step.done_bytes for step in told if step.total_bytes == sum(map(len, contents))]
    assert done == sorted(done)
    assert len(set(done)) > 2 * len(contents)
    assert done[-1] == sum(map(len, contents))


def test_parts_whose_address_opens_nothing_are_asked_of_the_repository(repository, bucket, tmp_path, contents):
    for sha256, address in repository.addresses.items():
        repository.addresses[sha256] = address + "0"
    outcome = download(wish(repository, large_bytes=200_000), tmp_path / "copy")
    assert outcome.is_complete
    assert {path.read_bytes() for path in images(tmp_path / "copy")} == set(contents)


def test_a_server_that_sends_no_parts_is_asked_for_the_whole(repository, tmp_path, contents):
    whole = [
        lambda handler: handler.answer(
            200, (repository.folder / handler.path.removeprefix("/files/releases/chest-ct/1.0.0/")).read_bytes()
        )
    ] * 200
    repository.faults["/instances/"] = whole
    assert download(wish(repository, threads=2, large_bytes=200_000), tmp_path / "copy").is_complete
    assert not list((tmp_path / "copy").rglob("*.part"))


def test_only_the_missing_parts_of_a_large_file_are_fetched_again(repository, tmp_path, contents):
    content = contents[0]  # 300,000 bytes
    expected = Expected(hashlib.sha256(content).hexdigest(), len(content))
    address = f"files/releases/chest-ct/1.0.0/instances/{expected.digest}.dcm"
    repository.faults["/instances/"] = [status(404)] * 4
    with Journal(tmp_path / "copy") as journal, Remote(repository.url, first_wait_s=0.001) as remote:
        journal.add([Item("x.dcm", address, expected.digest, expected.size_bytes)])
        files = LargeFiles(remote, journal, threads=1, part_bytes=100_000)
        with pytest.raises(RemoteError):
            files.fetch("x.dcm", address, tmp_path / "x.dcm", expected)
        repository.faults.clear()
        with (tmp_path / "x.dcm.part").open("r+b") as part:
            part.seek(100_000)
            part.write(content[100_000:200_000])
        journal.mark_part("x.dcm", 1)
        repository.ranges.clear()
        assert files.fetch("x.dcm", address, tmp_path / "x.dcm", expected)
    assert (tmp_path / "x.dcm").read_bytes() == content
    assert sorted(repository.ranges) == ["bytes=0-99999", "bytes=200000-299999"]


def test_a_link_in_the_place_of_a_large_file_is_taken_away_and_what_it_leads_to_stays(repository, tmp_path, contents):
    content = contents[0]
    expected = Expected(hashlib.sha256(content).hexdigest(), len(content))
    address = f"files/releases/chest-ct/1.0.0/instances/{expected.digest}.dcm"
    other = tmp_path / "other"
    other.write_bytes(bytes(len(content)))
    with Journal(tmp_path / "copy") as journal, Remote(repository.url, first_wait_s=0.001) as remote:
        journal.add([Item("x.dcm", address, expected.digest, expected.size_bytes)])
        journal.mark_part("x.dcm", 1)
        (tmp_path / "x.dcm.part").symlink_to(other)
        files = LargeFiles(remote, journal, threads=1, part_bytes=100_000)
        assert files.fetch("x.dcm", address, tmp_path / "x.dcm", expected)
    assert (tmp_path / "x.dcm").read_bytes() == content
    assert not (tmp_path / "x.dcm").is_symlink()
    assert other.read_bytes() == bytes(len(content))


def test_a_download_of_large_files_that_is_killed_goes_on(repository, tmp_path, contents):
    repository.faults["/instances/"] = [lambda handler: (time.sleep(0.05), cut_after(50_000)(handler))] * 15
    program = (
        "import sys; from pathlib import Path; from radcommons.client.download import *\n"
        "download(Wish('chest-ct@1.0.0', sys.argv[1], threads=2, large_bytes=200_000), Path(sys.argv[2]))"
    )
    copy = tmp_path / "copy"
    process = subprocess.Popen([sys.executable, "-c", program, repository.url, str(copy)])
    deadline = time.monotonic() + 30
    while not list(copy.rglob("*.dcm.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    repository.faults.clear()
    assert download(wish(repository), copy).is_complete
    assert {path.read_bytes() for path in images(copy)} == set(contents)
    assert not list(copy.rglob("*.part"))


def test_a_line_that_breaks_again_and_again_but_brings_something_is_not_given_up(repository, tmp_path):
    content = os.urandom(14 << 20)
    (repository.folder / "huge").write_bytes(content)
    expected = Expected(hashlib.sha256(content).hexdigest(), len(content))
    repository.faults["/huge"] = [lambda handler: cut_after_range(handler, content, 1_200_000)] * 11
    with Remote(repository.url, first_wait_s=0.001) as remote:
        remote.fetch("files/releases/chest-ct/1.0.0/huge", tmp_path / "huge", expected)
    assert (tmp_path / "huge").read_bytes() == content
    assert repository.faults["/huge"] == []


def cut_after_range(handler, content, number):
    """The connection dies some bytes after where it was asked to go on."""
    start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - start))
    handler.end_headers()
    handler.wfile.write(content[start : start + number])
    handler.close_connection = True


def test_many_large_files_never_take_more_than_so_many_connections(repository, tmp_path, contents):
    together, most, lock = 0, 0, threading.Lock()

    def slowly(handler):
        nonlocal together, most
        with lock:
            together, most = together + 1, max(most, together + 1)
        time.sleep(0.02)
        with lock:
            together -= 1
        data = (repository.folder / handler.path.removeprefix("/files/releases/chest-ct/1.0.0/")).read_bytes()
        first, last = map(int, handler.headers["Range"].removeprefix("bytes=").split("-"))
        where = [("Content-Range", f"bytes {first}-{last}/{len(data)}")]
        handler.answer(206, data[first : last + 1], where)

    repository.faults["/instances/"] = [slowly] * 1000
    outcome = download(wish(repository, large_bytes=100_000, threads=3), tmp_path / "copy")
    assert outcome.is_complete
    assert {path.read_bytes() for path in images(tmp_path / "copy")} == set(contents)
    assert 1 < most <= 3


def test_a_disk_that_fills_up_stops_the_download_and_says_so(repository, tmp_path, monkeypatch):
    with mounted(tmp_path / "disk", mebibytes=2) as is_disk:
        assert is_disk, "these tests mount a small disk; run them as root"
        monkeypatch.setattr(run_module, "demand_space", lambda *_: None)
        with pytest.raises(LocalDiskError, match=r"No space left|full"):
            download(wish(repository), tmp_path / "disk")
        assert all(path.stat().st_size >= 300_000 for path in images(tmp_path / "disk"))
        huge = Expected("0" * 64, 4 << 20)
        with Remote(repository.url) as remote, Journal(tmp_path) as journal:
            files = LargeFiles(remote, journal, 1)
            with pytest.raises(LocalDiskError):
                files.fetch("x", "files/x", tmp_path / "disk" / "x", huge)


def test_a_truncating_server_never_leaves_a_short_file(repository, tmp_path):
    repository.faults["/instances/"] = [body(b"")] * 5 + [cut_after(10)] * 500
    outcome = download(wish(repository), tmp_path / "copy")
    assert outcome.failures
    assert images(tmp_path / "copy") == []


def test_a_token_goes_to_the_repository_only_and_never_to_where_it_redirects(tmp_path):
    seen: list[str | None] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def log_message(self, *_):
            return

        def do_GET(self):
            seen.append(self.headers.get("Authorization"))
            is_second = self.path == "/second"
            self.send_response(200 if is_second else 307)
            if not is_second:
                self.send_header("Location", f"http://127.0.0.1:{ports[1]}/second")
            self.send_header("Content-Length", "0")
            self.end_headers()

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) for _ in range(2)]
    ports = [server.server_port for server in servers]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    transport = Transport({"Authorization": "Bearer secret"})
    with transport.open(f"http://127.0.0.1:{ports[0]}/first") as answer:
        assert answer.status == 200
    transport.close()
    assert seen == ["Bearer secret", None]
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_proxy_is_used_as_the_environment_says(repository, tmp_path, monkeypatch):
    host = repository.url.removeprefix("http://")
    monkeypatch.setenv("http_proxy", f"http://{host}")
    monkeypatch.setenv("no_proxy", "")
    transport = Transport({})
    with transport.open("http://elsewhere.invalid/api/v1/releases/chest-ct/latest") as answer:
        assert answer.status == 404
    transport.close()
    assert [path for path in repository.requests if path.startswith("http://elsewhere.invalid/")]


def test_memory_stays_flat_whatever_the_size(repository, tmp_path):
    path = repository.folder / "huge"
    digest = hashlib.sha256()
    with path.open("wb") as sink:
        for number in range(128):
            piece = bytes([number]) * (1 << 20)
            digest.update(piece)
            sink.write(piece)
    program = (
        "import sys, resource; from pathlib import Path; from radcommons.client.remote import Remote, Expected\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "Remote(sys.argv[1]).fetch('files/releases/chest-ct/1.0.0/huge', Path(sys.argv[2]), "
        "Expected(sys.argv[3], 128 << 20))\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    arguments = [sys.executable, "-c", program, repository.url, str(tmp_path / "huge"), digest.hexdigest()]
    done = subprocess.run(arguments, capture_output=True, check=True)
    assert int(done.stdout) < 20


def test_a_server_that_asks_for_a_pause_is_given_it(repository, tmp_path):
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + timedelta(seconds=2).seconds))
    repository.faults["/instances/"] = [status(503, headers=[("Retry-After", later)])]
    began = time.monotonic()
    assert download(wish(repository, threads=1), tmp_path / "copy").is_complete
    assert time.monotonic() - began > 0.9
