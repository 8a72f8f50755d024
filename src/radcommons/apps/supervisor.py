"""One process tree: the embedded PostgreSQL, the web process and the worker, watched and restarted.

Children end when the supervisor ends, even by ``kill -9``: each holds the reading end of a pipe whose writing end only
the supervisor has, and leaves when it closes. PostgreSQL stays then, and the next start takes it over.
"""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from radcommons.server.platform.errors import ConflictError, UnavailableError
from radcommons.server.platform.postgres import EmbeddedPostgres

logger = logging.getLogger(__name__)
LOCK_NAME = "serve.lock"
# Each thread would keep what it freed in an arena of its own, of which glibc makes eight a processor. And pieces of a
# body, a quarter of a megabyte each, and pictures, of a few, would be asked of the kernel and given back one by one, page
# after page, which costs more than what is done with them.
MEMORY = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(3 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(6 << 20),
}
PARENT_PIPE = "RADCOMMONS_PARENT_PIPE"
GRACE_S = 10.0
WATCH_S = 0.5
BACKOFF_MAX_S = 15.0


@dataclass(slots=True)
class Child:
    """One program of the tree."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    not_before: float = 0.0
    started_at: float = field(default=0.0)


def lock(data_dir: Path) -> IO[str]:
    """Claim a data directory for this process until it ends.

    Raises
    ------
    ConflictError
        When another process serves it; its number is told.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    handle = (data_dir / LOCK_NAME).open("a+", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        message = f"{data_dir} is being served already (process {owner}). Stop it first, or choose another --data."
        raise ConflictError("serve.already-running", message) from error
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def is_serving(data_dir: Path) -> bool:
    """Whether a supervisor holds the data directory."""
    path = data_dir / LOCK_NAME
    if not path.exists():
        return False
    with path.open("r", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


class Supervisor:
    """Starts the children, restarts what dies, stops all in order."""

    def __init__(self, *, database: EmbeddedPostgres | None, children: Sequence[Child]) -> None:
        self.database = database
        self.children = list(children)
        self._stopping = False
        self._pipe_read, self._pipe_write = os.pipe()

    def run(self) -> None:
        """Watch until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        try:
            while not self._stopping:
                self._watch_database()
                for child in self.children:
                    self._watch(child)
                time.sleep(WATCH_S)
        finally:
            self._stop_all()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stopping = True

    def _watch_database(self) -> None:
        if self.database is None or self.database.is_running():
            return
        logger.warning("PostgreSQL is not running; starting it")
        try:
            self.database.ensure_running()
        except UnavailableError:
            logger.exception("PostgreSQL did not start; trying again")

    def _watch(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None and child.process.poll() is not None:
            is_quick = now - child.started_at < GRACE_S
            child.failures = child.failures + 1 if is_quick else 1
            wait = min(BACKOFF_MAX_S, 0.2 * 2**child.failures)
            logger.warning("%s ended (%s); starting it again in %.1f s", child.name, child.process.returncode, wait)
            child.process, child.not_before = None, now + wait
        if child.process is None and now >= child.not_before and not self._stopping:
            child.process = self._start(child)
            child.started_at = now

    def _start(self, child: Child) -> subprocess.Popen[bytes]:
        environment = {**MEMORY, **os.environ, PARENT_PIPE: str(self._pipe_read)}
        # A session of its own, so that Ctrl-C reaches the supervisor alone and it stops the others in order.
        return subprocess.Popen(
            child.command,
            env=environment,
            pass_fds=(self._pipe_read,),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )

    def _stop_all(self) -> None:
        running = [child.process for child in self.children if child.process and child.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + GRACE_S
        for process in running:
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        os.close(self._pipe_write)


def leave_with_parent(*, is_forced: bool = True) -> None:
    """In a child: end when the parent is gone, if need be by force; a supervisor is left the time to stop in order."""
    descriptor = os.environ.pop(PARENT_PIPE, None)
    if descriptor is None:
        return

    def wait_for_end() -> None:
        os.read(int(descriptor), 1)
        os.kill(os.getpid(), signal.SIGTERM)
        if is_forced:
            time.sleep(GRACE_S)
            os._exit(1)

    threading.Thread(target=wait_for_end, daemon=True, name="leave-with-parent").start()


def program(name: str, *arguments: str) -> list[str]:
    """The command line of one of our own programs; see :mod:`radcommons.apps.run`."""
    return [sys.executable, "-m", "radcommons.apps.run", name, *arguments]
