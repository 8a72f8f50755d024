"""Storing over DICOMweb when things go wrong: kill -9 in the middle, a disk that is full, sixty-four senders at a crawl."""

import hashlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from django.db import connection, connections
from tests.support.batches import make_site, make_token, write_instance
from tests.support.disks import mounted

from radcommons.server.archive.models import Instance
from radcommons.server.intake.models import BatchPart
from radcommons.server.platform.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)
HEADERS = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
PATH = "/dicom-web/intake/ALPHA/covid19/studies"
SIDE = 512
SENDERS = 64
# What may be under way for one sender: what was received and not yet written, and what its connection holds.
FOR_EACH_BYTES = 2 << 20


@pytest.fixture
def bodies(tmp_path):
    def make(count):
        paths = [
            write_instance(
                tmp_path / f"{number}.dcm", number=number, Rows=SIDE, Columns=SIDE, PixelData=bytes(2 * SIDE**2)
            )
            for number in range(1, count + 1)
        ]
        return [path.read_bytes() for path in paths]

    return make


def message(bodies):
    parts = [b"--b\r\nContent-Type: application/dicom\r\n\r\n" + body + b"\r\n" for body in bodies]
    return b"".join(parts) + b"--b--\r\n"


class Centre:
    """The web process of a centre, as it is run, on the tests' database."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self):
        parts = urlsplit(os.environ["RADCOMMONS_DATABASE_URL"])
        database = parts._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        environment = os.environ | {"RADCOMMONS_DATA": str(self.data), "RADCOMMONS_DATABASE_URL": database}
        words = [sys.executable, "-m", "radcommons.apps.run", "web", "127.0.0.1", str(self.port)]
        log_path = self.data.with_suffix(".log")
        with log_path.open("w") as log:
            process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 60
            while not self.answers():
                assert process.poll() is None, log_path.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield process
        finally:
            helpers = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.terminate()
            process.wait(timeout=60)
            psutil.wait_procs(helpers, timeout=60)

    def answers(self):
        try:
            return httpx.options(f"{self.url}{PATH}").status_code == 204
        except httpx.HTTPError:
            return False

    def store(self, token, body):
        headers = HEADERS | {"Authorization": f"Bearer {token}"}
        return httpx.post(f"{self.url}{PATH}", content=body, headers=headers, timeout=120)

    def files(self, folder):
        return [path for path in (self.data / folder).rglob("*") if path.is_file()]


def digests(bodies):
    return sorted(hashlib.sha256(body).hexdigest() for body in bodies)


def test_killed_in_the_middle_of_a_request_all_of_it_is_stored_or_nothing_and_sending_again_stores_it_once(
    bodies, tmp_path
):
    token, sent = make_token(make_site()), bodies(12)
    centre = Centre(tmp_path / "centre")
    centre.data.mkdir()
    moments = (lambda: len(centre.files("staging/direct")) > 5, lambda: centre.files("objects/instances"))
    for has_come in moments:
        with centre.running() as process, ThreadPoolExecutor(1) as pool:
            answer = pool.submit(centre.store, token, message(sent))
            while not has_come():
                assert not answer.done(), answer.result().text
                time.sleep(0.001)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            visible = sorted(Instance.objects.filter(state="stored").values_list("sha256", flat=True))
            assert visible in ([], digests(sent))
            if answer.exception() is None:
                assert visible == digests(sent)

    with centre.running():
        assert centre.store(token, message(sent)).status_code == 200
    assert sorted(Instance.objects.filter(state="stored").values_list("sha256", flat=True)) == digests(sent)
    assert Instance.objects.count() == BatchPart.objects.filter(state="stored").count() == len(sent)
    assert sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in centre.files("objects")) == digests(sent)
    assert centre.files("staging/batches") == []
    connections.close_all()


def test_a_disk_that_fills_up_refuses_the_request_and_takes_it_once_there_is_room(bodies, tmp_path):
    token, sent = make_token(make_site()), bodies(24)
    with mounted(tmp_path / "small", mebibytes=8) as is_mounted:
        centre = Centre(tmp_path / "small")
        (centre.data / "radcommons.toml").write_text("staging_free_bytes = 0\n")
        with centre.running() as process:
            assert centre.store(token, message(sent[:8])).status_code == 200
            if not is_mounted:
                # Where nothing may be mounted, a limit on the size of files stands for the end of the disk.
                unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1 << 18, resource.RLIM_INFINITY))
            # The second does not say how long it is: the disk fills up on the way.
            for body in (message(sent[8:]), iter([message(sent[8:])])):
                refused = centre.store(token, body)
                assert (refused.status_code, refused.json()["code"]) == (503, "intake.disk-full")
            assert Instance.objects.count() == BatchPart.objects.count() == 8
            assert centre.files("staging") == []
            if is_mounted:
                subprocess.run(["mount", "-o", "remount,size=64m", str(centre.data)], check=True)
            else:
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
            assert centre.store(token, message(sent[8:])).status_code == 200
        assert sorted(Instance.objects.filter(state="stored").values_list("sha256", flat=True)) == digests(sent)
        assert len(centre.files("objects")) == len(sent)


def test_senders_at_a_crawl_cost_next_to_nothing_stop_nobody_and_leave_nothing_when_they_go(live_server_url, bodies):
    token, made = make_token(make_site()), bodies(SENDERS + 1)
    address = urlsplit(live_server_url)
    messages = [message([body]) for body in made]
    before = psutil.Process().memory_info().rss
    slow = []
    for body in messages[:SENDERS]:
        sender = socket.create_connection((address.hostname, address.port), timeout=60)
        lines = [f"POST {PATH} HTTP/1.1", f"Host: {address.netloc}", f"Authorization: Bearer {token}"]
        lines += [
            f"Content-Type: {HEADERS['Content-Type']}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            "",
            "",
        ]
        sender.sendall("\r\n".join(lines).encode() + body[: len(body) // 2])
        slow.append(sender)

    quick = httpx.post(
        f"{live_server_url}{PATH}",
        content=messages[-1],
        headers=HEADERS | {"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert quick.status_code == 200
    assert psutil.Process().memory_info().rss - before < SENDERS * FOR_EACH_BYTES
    for sender in slow[::2]:
        sender.close()
    for sender, body in zip(slow[1::2], messages[1:SENDERS:2], strict=True):
        sender.sendall(body[len(body) // 2 :])
    answers = [b"".join(iter(lambda sender=sender: sender.recv(1 << 16), b"")) for sender in slow[1::2]]
    for sender in slow:
        sender.close()

    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 200"}
    expected = digests([*made[1:SENDERS:2], made[-1]])
    assert sorted(Instance.objects.filter(state="stored").values_list("sha256", flat=True)) == expected
    assert BatchPart.objects.count() == Instance.objects.count() == len(expected)
    deadline = time.monotonic() + 20
    while (
        left := [path for path in settings().staging_dir.rglob("*") if path.is_file()]
    ) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
