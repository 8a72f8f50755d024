"""How edge commands talk to a person: progress on standard error, results as lines or as one JSON object."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

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

from radcommons.edge.findings import result_json

_STEPS = {
    "walk": "Looking through the folder",
    "scan": "Reading headers",
    "compare": "Comparing repeated instances",
    "report": "Writing the report",
    "deidentify": "De-identifying",
    "pictures": "Drawing pictures",
    "verify": "Looking again",
    "send": "Sending",
}
_SHOWN_FINDINGS = 10


@contextmanager
def step_progress(*, is_json: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A progress callback that draws rate and time left; ``None`` when nobody watches."""
    if is_json or not sys.stderr.isatty():
        yield None
        return
    columns = (
        *(SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(_RateColumn(), TimeRemainingColumn()),
    )
    with Progress(*columns, console=Console(stderr=True)) as display:
        tasks: dict[str, Any] = {}

        def tell(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = display.add_task(_STEPS.get(step, step), total=total or None)
            display.update(tasks[step], completed=done, total=total or None)

        yield tell


@contextmanager
def byte_progress(*, is_json: bool) -> Iterator[Callable[[int, int, int, int], None] | None]:
    """A progress callback for sending, in bytes; ``None`` when nobody watches."""
    if is_json or not sys.stderr.isatty():
        yield None
        return
    columns = (
        *(SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn()),
        *(TransferSpeedColumn(), TimeRemainingColumn()),
    )
    with Progress(*columns, console=Console(stderr=True)) as display:
        task = display.add_task(_STEPS["send"], total=None)

        def tell(files: int, files_total: int, size_bytes: int, bytes_total: int) -> None:
            description = f"{_STEPS['send']} {files} of {files_total} files"
            display.update(task, completed=size_bytes, total=bytes_total, description=description)

        yield tell


def show(result: object, *, is_json: bool, title: str) -> None:
    """Print a result: one JSON object, or a title and one line for each value."""
    values = result_json(result)
    if is_json:
        click.echo(orjson.dumps(values))
        return
    click.secho(title, bold=True)
    for name, value in values.items():
        if isinstance(value, Mapping):
            _show_mapping(name, value)
        elif isinstance(value, list):
            _show_findings(name, value)
        elif value is not None:
            click.echo(f"  {_label(name):<24} {_text(name, value)}")


def show_json(value: object) -> None:
    """Print one JSON value."""
    click.echo(orjson.dumps(value))


class _RateColumn(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s", style="progress.data.speed")


def _show_mapping(name: str, values: Mapping[str, object]) -> None:
    if not values:
        return
    click.echo(f"  {_label(name)}")
    for key, value in values.items():
        click.echo(f"    {key or '(none)':<36} {value}")


def _show_findings(name: str, values: list[Any]) -> None:
    for value in values[:_SHOWN_FINDINGS]:
        if isinstance(value, dict):
            click.echo(f"  {value.get('code', '')}  {value.get('where', '')}: {value.get('message', '')}")
    if len(values) > _SHOWN_FINDINGS:
        click.echo(f"  and {len(values) - _SHOWN_FINDINGS} more {_label(name)} (all with --json)")


def _label(name: str) -> str:
    return name.removeprefix("is_").replace("_", " ")


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("bytes"):
        return f"{value:,}"
    return str(value)
