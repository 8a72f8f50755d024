"""The programs under measurement, run as anybody runs them: through the command line."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Span, watched

RADCOMMONS = [sys.executable, "-m", "radcommons"]


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*words: object, data: Path | None = None, counts_shared_once: bool = False) -> tuple[dict, Span]:
    """Run a command with ``--json`` to its end, at the centre whose data are given; returns its answer and what it took."""
    environment = os.environ | ({"RADCOMMONS_DATA": str(data)} if data else {})
    return _run([*RADCOMMONS, *map(str, words), "--json"], environment, counts_shared_once=counts_shared_once)


def run_python(code: str, *words: object, counts_shared_once: bool = False) -> tuple[dict, Span]:
    """Run a program of a few lines that prints JSON; its answer and what it took."""
    command = [sys.executable, "-c", code, *map(str, words)]
    return _run(command, dict(os.environ), counts_shared_once=counts_shared_once)


def _run(command: list[str], environment: dict[str, str], *, counts_shared_once: bool) -> tuple[dict, Span]:
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    with watched(child.pid, counts_shared_once=counts_shared_once) as span:
        answer, complaint = child.communicate()
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{complaint}{answer}")
    return json.loads(answer) if answer.strip().startswith(("{", "[")) else {}, span


@contextmanager
def centre(data: Path, log: Path) -> Iterator[tuple[str, int]]:
    """Serve a centre and yield its address and process id."""
    port = free_port()
    environment = os.environ | {"RADCOMMONS_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    command = [*RADCOMMONS, "serve", "--data", str(data), "--port", str(port)]
    with log.open("w") as output:
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            yield f"http://127.0.0.1:{port}", child.pid
        finally:
            child.terminate()
            child.wait(timeout=60)
