"""How far a long step is: rate and time left, seldom enough for a log, regular enough for a program."""

import contextlib
import io
import json
import os
import pty
import subprocess
import sys

import pytest
from tests.support.hospital_folder import write_series

from radcommons.edge.progress import Lines, duration


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_lines_for_a_log_come_seldom_with_rate_and_time_left(clock):
    stream = io.StringIO()
    lines = Lines(stream, is_json=False, clock=clock)
    for done in range(0, 30_001, 125):
        lines.tell("scan", done, 100_000)
        clock.now += 0.125

    told = stream.getvalue().splitlines()

    assert told[0] == "Reading headers: 10,000 of 100,000, 1,000/s, 2 min left"
    assert len(told) == 3


def test_the_end_of_a_step_is_always_told(clock):
    stream = io.StringIO()
    lines = Lines(stream, is_json=False, clock=clock)
    lines.tell("verify", 1, 5)
    clock.now += 1
    lines.tell("verify", 5, 5)

    assert stream.getvalue() == "Looking again: 5 of 5, 4/s\n"


def test_a_step_of_unknown_length_has_a_rate_and_no_end(clock):
    stream = io.StringIO()
    lines = Lines(stream, is_json=False, clock=clock)
    lines.tell("walk", 400, 0)
    clock.now += 20
    lines.tell("walk", 40_400, 0)

    assert stream.getvalue() == "Looking through the folder: 40,400, 2,000/s\n"


def test_what_was_done_before_says_nothing_of_the_speed(clock):
    stream = io.StringIO()
    lines = Lines(stream, is_json=True, clock=clock)
    lines.tell("deidentify", 90_000, 100_000)
    clock.now += 10
    lines.tell("deidentify", 91_000, 100_000)

    (told,) = map(json.loads, stream.getvalue().splitlines())
    assert told == {"step": "deidentify", "done": 91_000, "total": 100_000, "per_second": 100.0, "seconds_left": 90}


def test_lines_for_a_program_carry_bytes_too(clock):
    stream = io.StringIO()
    lines = Lines(stream, is_json=True, clock=clock)
    lines.tell("send", 0, 4, size_bytes=0, bytes_total=400)
    clock.now += 2
    lines.tell("send", 2, 4, size_bytes=200, bytes_total=400)

    told = json.loads(stream.getvalue())
    assert (told["size_bytes"], told["bytes_total"], told["seconds_left"]) == (200, 400, 2)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (40.4, "40 s"), (720, "12 min"), (3600, "1 h 0 min"), (12_000, "3 h 20 min")]
)
def test_times_are_told_as_people_tell_them(seconds, words):
    assert duration(seconds) == words


def _scan(home, folder, *words, **more):
    command = [sys.executable, "-m", "radcommons", "edge", "scan", str(folder), "--home", str(home.path), *words]
    return subprocess.run(command, check=True, text=True, **more)


def test_a_program_reads_progress_from_one_stream_and_the_result_from_the_other(home, folder):
    write_series(folder, count=5)

    done = _scan(home, folder, "--json", "--progress", "json", capture_output=True)

    assert json.loads(done.stdout)["instances"] == 5
    steps = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"step": "scan", "done": 5, "total": 5}.items() <= steps[-1].items()


def test_without_a_terminal_nothing_is_drawn_unless_asked_for(home, folder):
    write_series(folder, count=5)
    assert _scan(home, folder, capture_output=True).stderr == ""


def test_on_a_terminal_a_bar_is_drawn(home, folder):
    write_series(folder, count=5)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "radcommons", "edge", "scan", str(folder), "--home", str(home.path)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)

    drawn = b""
    with contextlib.suppress(OSError):  # the other end is closed: everything was read
        while piece := os.read(ours, 4096):
            drawn += piece
    os.close(ours)

    assert running.wait() == 0
    assert b"Reading headers" in drawn
    assert b"5/5" in drawn


def test_every_step_of_making_has_words_for_people(home, folder, out):
    write_series(folder, count=2)
    command = [
        sys.executable,
        "-m",
        "radcommons",
        "edge",
        "deidentify",
        str(folder),
        str(out),
        "--home",
        str(home.path),
    ]
    done = subprocess.run([*command, "--progress", "lines"], check=True, text=True, capture_output=True)

    words = [line.partition(":")[0] for line in done.stderr.splitlines()]
    assert "Looking at series as a whole" in words
    assert all(each[0].isupper() for each in words)
