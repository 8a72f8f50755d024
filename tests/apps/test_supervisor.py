import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from radcommons.apps.supervisor import MEMORY, Child, Supervisor, is_serving, lock
from radcommons.server.platform.errors import ConflictError

WRITER = "import os,sys,time,pathlib; pathlib.Path(sys.argv[1], str(os.getpid())).touch(); time.sleep(60)"
ENVIRONMENT = """
import json, os, pathlib, sys, time
aside = pathlib.Path(sys.argv[1], "aside")
aside.write_text(json.dumps({name: value for name, value in os.environ.items() if name.startswith("MALLOC_")}))
aside.rename(aside.with_name("told"))
time.sleep(60)
"""
SUPERVISED = """
import sys
from radcommons.apps.supervisor import Child, Supervisor
folder, code = sys.argv[1:]
Supervisor(database=None, children=[Child("writer", [sys.executable, "-c", code, folder])]).run()
"""
LEAVER = """
import pathlib, os, sys, time
from radcommons.apps.supervisor import leave_with_parent
leave_with_parent()
pathlib.Path(sys.argv[1], str(os.getpid())).touch()
time.sleep(60)
"""


def _wait_for(condition, timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def supervised(tmp_path):
    started = []

    def start(code: str) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-c", SUPERVISED, str(tmp_path), code])
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_killed_child_is_started_again(supervised, tmp_path):
    supervisor = supervised(WRITER)
    _wait_for(lambda: len(list(tmp_path.iterdir())) == 1)
    os.kill(int(next(tmp_path.iterdir()).name), signal.SIGKILL)
    _wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
    supervisor.terminate()
    assert supervisor.wait(timeout=15) == 0
    assert not any(_is_alive(int(path.name)) for path in tmp_path.iterdir())


def test_children_leave_when_the_supervisor_is_killed(supervised, tmp_path):
    supervisor = supervised(LEAVER)
    _wait_for(lambda: len(list(tmp_path.iterdir())) == 1)
    supervisor.kill()
    supervisor.wait()
    _wait_for(lambda: not any(_is_alive(int(path.name)) for path in tmp_path.iterdir()))
    assert len(list(tmp_path.iterdir())) == 1


def test_children_keep_freed_memory_for_the_next_piece_unless_the_operator_says_otherwise(
    supervised, tmp_path, monkeypatch
):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "7")
    supervised(ENVIRONMENT)
    told = tmp_path / "told"
    _wait_for(told.exists)
    assert json.loads(told.read_text()) == {**MEMORY, "MALLOC_ARENA_MAX": "7"}


def test_a_second_start_on_the_same_data_is_refused_and_names_the_first(tmp_path):
    with lock(tmp_path):
        assert is_serving(tmp_path)
        with pytest.raises(ConflictError, match=str(os.getpid())):
            lock(tmp_path)
    assert not is_serving(tmp_path)


def test_a_child_that_keeps_failing_is_started_less_and_less_often():
    child = Child("broken", [sys.executable, "-c", "raise SystemExit(3)"])
    supervisor = Supervisor(database=None, children=[child])
    waits = []
    for _ in range(3):
        child.not_before = 0.0
        supervisor._watch(child)
        assert child.process is not None
        child.process.wait()
        supervisor._watch(child)
        waits.append(child.not_before - time.monotonic())
    assert waits == sorted(waits)
    assert waits[-1] > 1
