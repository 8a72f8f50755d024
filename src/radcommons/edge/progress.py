"""How far a long step is: drawn on a terminal, or written as lines for a log or a program, with rate and time left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TextIO, TypeVar

import click
import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

StepProgress = Callable[[str, int, int], None]
"""Told the step, how many items are done and how many there are, 0 when nobody knows."""
ByteProgress = Callable[[int, int, int, int], None]
"""Told files done, files in all, bytes done, bytes in all."""

_Function = TypeVar("_Function", bound=Callable[..., Any])
_META = "radcommons.edge.progress"
_STEPS = {
    "walk": "Looking through the folder",
    "scan": "Reading headers",
    "compare": "Comparing repeated instances",
    "deidentify": "De-identifying",
    "series": "Looking at series as a whole",
    "heads": "Looking for heads",
    "report": "Writing the report",
    "pictures": "Drawing pictures",
    "verify": "Looking again",
    "seal": "Sealing",
    "send": "Sending",
    "find": "Asking the PACS",
    "fetch": "Fetching studies",
}
_LINE_EVERY_S = 10.0
_JSON_EVERY_S = 1.0
_MINUTE_S, _HOUR_S = 60, 3600


class Shown(StrEnum):
    """Where progress goes: bars on a terminal if there is one, lines of text, lines of JSON, or nowhere."""

    AUTO = "auto"
    LINES = "lines"
    JSON = "json"
    NONE = "none"


def progress_option(function: _Function) -> _Function:
    """``--progress``: how a long command tells how far it is."""

    def remember(context: click.Context, parameter: click.Parameter, value: str) -> None:
        del parameter
        context.meta[_META] = Shown(value)

    return click.option(
        "--progress",
        type=click.Choice([each.value for each in Shown]),
        default=Shown.AUTO.value,
        show_default=True,
        expose_value=False,
        callback=remember,
        help="How far it is, on standard error: bars on a terminal (auto), lines for a log, JSON lines for a program.",
    )(function)


@contextmanager
def step_progress(*, is_json: bool) -> Iterator[StepProgress | None]:
    """A callback for steps in items; ``None`` when nobody watches."""
    shown = _shown(is_json=is_json)
    if shown is Shown.NONE:
        yield None
    elif shown is Shown.AUTO:
        with _bars(BarColumn(), MofNCompleteColumn(), _RateColumn()) as display:
            yield _Drawn(display).tell
    else:
        yield Lines(sys.stderr, is_json=shown is Shown.JSON).tell


@contextmanager
def byte_progress(*, is_json: bool) -> Iterator[ByteProgress | None]:
    """A callback for sending, in files and bytes; ``None`` when nobody watches."""
    shown = _shown(is_json=is_json)
    if shown is Shown.NONE:
        yield None
    elif shown is Shown.AUTO:
        with _bars(BarColumn(), DownloadColumn(), TransferSpeedColumn()) as display:
            yield _Drawn(display).tell_bytes
    else:
        lines = Lines(sys.stderr, is_json=shown is Shown.JSON)
        yield lambda files, files_total, size_bytes, bytes_total: lines.tell(
            "send", files, files_total, size_bytes=size_bytes, bytes_total=bytes_total
        )


def _shown(*, is_json: bool) -> Shown:
    context = click.get_current_context(silent=True)
    wanted: Shown = Shown.AUTO if context is None else context.meta.get(_META, Shown.AUTO)
    return Shown.NONE if wanted is Shown.AUTO and (is_json or not sys.stderr.isatty()) else wanted


def _bars(*columns: ProgressColumn) -> Progress:
    words = TextColumn("{task.description}")
    return Progress(SpinnerColumn(), words, *columns, TimeRemainingColumn(), console=Console(stderr=True))


class _Drawn:
    """Bars, one a step."""

    def __init__(self, display: Progress) -> None:
        self._display = display
        self._tasks: dict[str, Any] = {}

    def tell(self, step: str, done: int, total: int) -> None:
        self._update(step, done, total, _STEPS.get(step, step))

    def tell_bytes(self, files: int, files_total: int, size_bytes: int, bytes_total: int) -> None:
        self._update("send", size_bytes, bytes_total, f"{_STEPS['send']} {files} of {files_total} files")

    def _update(self, step: str, done: int, total: int, description: str) -> None:
        if step not in self._tasks:
            self._tasks[step] = self._display.add_task(description, total=total or None)
        self._display.update(self._tasks[step], completed=done, total=total or None, description=description)


class _RateColumn(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s", style="progress.data.speed")


@dataclass(slots=True)
class _Span:
    """One step since it was first heard of; what was done before then says nothing of its speed."""

    began_at: float
    done_at_first: int
    told_at: float


class Lines:
    """A line now and then, and one at the end of each step.

    Parameters
    ----------
    stream
        Where the lines go.
    is_json
        JSON lines with ``step``, ``done``, ``total``, ``per_second`` and ``seconds_left``, a second apart; otherwise
        sentences, ten seconds apart.
    clock
        Seconds that only grow.
    """

    def __init__(self, stream: TextIO, *, is_json: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._is_json = is_json
        self._clock = clock
        self._spans: dict[str, _Span] = {}

    def tell(self, step: str, done: int, total: int, **more: int) -> None:
        """Say how far a step is, if it is time to."""
        now = self._clock()
        span = self._spans.setdefault(step, _Span(now, done, now))
        pause_s = _JSON_EVERY_S if self._is_json else _LINE_EVERY_S
        if now - span.told_at < pause_s and not 0 < total <= done:
            return
        span.told_at = now
        elapsed_s, fresh = now - span.began_at, done - span.done_at_first
        rate = fresh / elapsed_s if elapsed_s > 0 else 0.0
        left_s = (total - done) / rate if rate and total else None
        self._write(step, done, total, rate=rate, left_s=left_s, more=more)

    def _write(
        self, step: str, done: int, total: int, *, rate: float, left_s: float | None, more: dict[str, int]
    ) -> None:
        if self._is_json:
            value = {"step": step, "done": done, "total": total or None, "per_second": round(rate, 1), **more}
            value["seconds_left"] = None if left_s is None else round(left_s)
            self._stream.write(orjson.dumps(value).decode() + "\n")
        else:
            of = f" of {total:,}" if total else ""
            left = f", {duration(left_s)} left" if left_s else ""
            self._stream.write(f"{_STEPS.get(step, step)}: {done:,}{of}, {rate:,.0f}/s{left}\n")
        self._stream.flush()


def duration(seconds: float) -> str:
    """A time for people: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{int(seconds // _HOUR_S)} h {int(seconds % _HOUR_S // _MINUTE_S)} min"
