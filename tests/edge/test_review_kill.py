"""kill -9 of the review server in the middle of decisions: nothing that was answered is lost, nothing is half done."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from html import unescape

import httpx
import pytest
from tests.support.hospital_folder import datasets, write_series
from tests.support.many_candidates import hospital_with

from radcommons.edge.deidentify import deidentify_folder
from radcommons.edge.outfolder import opened
from radcommons.edge.review.groups import Query
from radcommons.edge.review.overview import Overview
from radcommons.edge.texts import text_id

LEFT_BEHIND = "axial Zwinglified"
ONE_BY_ONE = "by=none&order=subject"


@contextmanager
def served(home, out):
    """The command as a coordinator starts it, and a client that opened the address it prints."""
    words = ["edge", "review", str(out), "--home", str(home.path), "--serve"]
    run = subprocess.Popen(
        [sys.executable, "-m", "radcommons", *words],
        env=os.environ | {"BROWSER": "true %s"}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        address, token = re.match(r"Open (http://127\.0\.0\.1:\d+)/\?token=(\S+)", run.stderr.readline()).groups()
        with httpx.Client(base_url=address, follow_redirects=True, timeout=60) as client:
            client.get("/", params={"token": token})
            client.form = {"token": token, "by": "Dr Example", "back": ONE_BY_ONE}
            client.kill = lambda: run.send_signal(signal.SIGKILL)
            yield client
    finally:
        run.kill()
        run.wait(timeout=30)
        run.stderr.close()


def decide_until_killed(client, answered):
    """Confirm one picture after the other, as they stand on the page, and note what was answered."""
    with suppress(httpx.HTTPError):
        page = client.get(f"/pictures?{ONE_BY_ONE}").text
        while True:
            wanted = unescape(re.search(r'value="(confirm [^"]+)"', page)[1])
            page = client.post("/decide", data={**client.form, "do": wanted}).raise_for_status().text
            answered.append(wanted.split()[1].partition(":")[0])


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    return hospital_with(tmp_path_factory.mktemp("killed"), copies=30)


def test_what_was_answered_stands_after_a_kill_and_the_next_sitting_goes_on(hospital):
    home, out = hospital
    answered: list[str] = []
    with served(home, out) as client:
        worker = threading.Thread(target=decide_until_killed, args=(client, answered))
        worker.start()
        while len(answered) < 5:
            assert worker.is_alive()
            time.sleep(0.005)
        client.kill()
        worker.join(timeout=60)

    decided = Overview(home, opened(home, out)).shown(Query()).counts.decided
    # The last request may have been recorded without its answer having been sent.
    assert len(answered) <= decided <= len(answered) + 1
    with served(home, out) as client:
        again = client.get(f"/pictures?{ONE_BY_ONE}").text
        assert f"{decided} of 91 pictures decided" in again
        assert "Last: confirm, 1 picture, Dr Example" in again
        act = re.search(r'name="act" value="(\d+)"', again)[1]
        undone = client.post("/undo", data={**client.form, "act": act}).text
        assert f"{decided - 1} of 91 pictures decided" in undone


def test_what_a_decision_changes_is_made_by_the_next_sitting_when_this_one_is_killed(home, folder, out):
    write_series(folder, count=3, SeriesDescription=LEFT_BEHIND)
    deidentify_folder(home, folder, out=out)
    with served(home, out) as client:
        answer = client.post("/texts", data={**client.form, f"verdict.{text_id(LEFT_BEHIND)}": "remove"})
        client.kill()
    assert "3 objects are made anew" in answer.text

    with served(home, out):
        ends_at = time.monotonic() + 60
        while any("SeriesDescription" in each and each.SeriesDescription for each in datasets(out)):
            assert time.monotonic() < ends_at
            time.sleep(0.2)
