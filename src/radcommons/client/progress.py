"""One line on the terminal that tells how far a download is; nothing where nobody sees it."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from radcommons.client.errors import size_of
from radcommons.client.run import Progress, Report

EVERY_S = 0.25
# The speed is that of the last while, not of hours ago.
_WINDOW_S = 10.0


@dataclass(slots=True)
class Line:
    """The line, written anew at most four times a second."""

    sink: TextIO
    width: int
    _shown_at: float = field(default=-EVERY_S)
    _seen: list[tuple[float, int]] = field(default_factory=list)

    def show(self, step: Progress) -> None:
        """Tell how far it is, or what it waits for."""
        now = time.monotonic()
        if now - self._shown_at < EVERY_S and not step.trouble:
            return
        self._shown_at = now
        self._seen = [each for each in self._seen if now - each[0] <= _WINDOW_S and each[1] <= step.done_bytes]
        self._seen.append((now, step.done_bytes))
        (begin, before), span = self._seen[0], now - self._seen[0][0]
        speed = (step.done_bytes - before) / span if now > begin else 0.0
        self.sink.write("\r" + line_of(step, speed)[: self.width - 1].ljust(self.width - 1))
        self.sink.flush()

    def clear(self) -> None:
        """Take the line away."""
        self.sink.write("\r" + " " * (self.width - 1) + "\r")
        self.sink.flush()


def line_of(step: Progress, bytes_per_s: float) -> str:
    """What the line says, for example ``212 files, 101.2 MiB of 1.0 GiB (9 %), 88.1 MiB/s, 0:10 left``."""
    files = f"{step.files} file{'s' * (step.files != 1)}"
    if step.trouble:
        return f"{files}. {step.trouble} Trying again."
    words = f"{files}, {size_of(step.done_bytes)}"
    if step.total_bytes:
        words += f" of {size_of(step.total_bytes)} ({100 * step.done_bytes // step.total_bytes} %)"
    if bytes_per_s > 0:
        words += f", {size_of(bytes_per_s)}/s"
        left_s = max(0, step.total_bytes - step.done_bytes) / bytes_per_s
        if step.total_bytes:
            minutes, seconds = divmod(int(left_s), 60)
            words += f", {minutes}:{seconds:02} left"
    return words


@contextmanager
def shown(*, is_wanted: bool) -> Iterator[Report]:
    """What a download reports to: the line, when it is wanted and there is a terminal."""
    if not (is_wanted and sys.stderr.isatty()):
        yield lambda _: None
        return
    line = Line(sys.stderr, shutil.get_terminal_size().columns)
    try:
        yield line.show
    finally:
        line.clear()
