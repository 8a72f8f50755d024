"""kill -9 of the sender, the worker, the web process and PostgreSQL, each in the middle of a batch of 500 instances."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pydicom
import pytest
from pydicom.uid import generate_uid
from tests.support.demonstration import TIMEOUT_S, command, environment, run_demo

SERIES = 7
PATIENCE_S = 180


@pytest.fixture(scope="module")
def originals(shared_data, tmp_path_factory) -> Path:
    """Some 550 real slices: one small chest CT as seven series of as many patients."""
    folder = tmp_path_factory.mktemp("many")
    slices = [pydicom.dcmread(path) for path in sorted((shared_data / "ct/cip-64/dicom").iterdir())]
    for number in range(SERIES):
        study, series = (
            generate_uid(entropy_srcs=["study", str(number)]),
            generate_uid(entropy_srcs=["series", str(number)]),
        )
        for index, dataset in enumerate(slices):
            dataset.PatientID = f"PATIENT{number:04d}"
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
            uid = generate_uid(entropy_srcs=[str(number), str(index)])
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
            dataset.save_as(folder / f"{number}-{index:03d}.dcm")
    return folder


@pytest.fixture(scope="module")
def undisturbed(originals, tmp_path_factory) -> dict:
    return run_demo(tmp_path_factory.mktemp("undisturbed"), originals).report


class Disturbed:
    """A demonstration whose processes are killed while it works."""

    def __init__(self, data: Path, originals: Path) -> None:
        self.data, self.originals = data, originals
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        words = command(self.data, self.originals)
        self.begun = time.time()
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())

    def count(self, folder: str) -> int:
        return sum(1 for path in (self.data / "centre" / folder).rglob("*") if path.is_file())

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "the moment to kill never came"
            time.sleep(0.01)

    def pids(self, *words: str) -> list[int]:
        mine = str(self.data / "centre")
        found = []
        for process in psutil.process_iter(["cmdline", "environ", "create_time"]):
            line = " ".join(process.info["cmdline"] or ())
            belongs = mine in line or (process.info["environ"] or {}).get("RADCOMMONS_DATA") == mine
            # What is left of the run before this one may still be ending.
            is_of_now = process.info["create_time"] > self.begun - 1
            if belongs and is_of_now and all(word in line for word in words):
                found.append(process.pid)
        return found

    def kill(self, *words: str) -> None:
        """Kill what there is of it, as soon as there is something."""
        killed = set[int]()

        def is_hit() -> bool:
            for pid in self.pids(*words):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
            return bool(killed)

        self.wait_until(is_hit)

    def finish(self) -> None:
        out, err = self.process.communicate(timeout=TIMEOUT_S)
        assert self.process.returncode == 0, f"{out}\n{err}\n{(self.data / 'centre.log').read_text()[-3000:]}"


def test_the_release_is_complete_and_identical_after_every_kill(originals, undisturbed, tmp_path):
    run = Disturbed(tmp_path / "demo", originals)
    run.wait_until(lambda: run.count("staging") > 20)
    run.process.kill()
    run.process.communicate()
    run.process = run.start()
    # What came before lies there already: the web process is killed as soon as there is one again.
    run.wait_until(lambda: run.count("staging") > 40)
    run.kill("radcommons.apps.run", "web")
    run.wait_until(lambda: run.count("objects") > 50)
    run.kill("radcommons.apps.run", "worker")
    run.wait_until(lambda: run.count("objects") > 200)
    run.kill("/postgres", "-D")
    run.finish()
    again = run_demo(run.data, originals).report
    assert again["release"]["root_hash"] == undisturbed["release"]["root_hash"]
    assert again["counts"] == undisturbed["counts"]
    assert again["counts"]["released"] == SERIES * 79
