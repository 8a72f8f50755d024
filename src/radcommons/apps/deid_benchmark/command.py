"""``radcommons deid-benchmark``: make a set, score any tool's output, or run and compare the tools that are installed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from radcommons.apps.deid_benchmark.contest import RunOptions, run_contest
from radcommons.apps.deid_benchmark.generator.make import make_benchmark
from radcommons.apps.deid_benchmark.generator.plan import USUAL_OBJECTS
from radcommons.apps.deid_benchmark.midi_b import write_map
from radcommons.apps.deid_benchmark.report import report_html, report_markdown, table_markdown, write_into_page
from radcommons.apps.deid_benchmark.scoring.score import ScoreOptions, score_output

_Function = TypeVar("_Function", bound=Callable[..., Any])
_USUAL_SEED = 1
_LEAKS_SHOWN = 20


@click.group("deid-benchmark")
def deid_benchmark() -> None:
    """Plant identifiers in files of every kind, and count what a de-identifier leaves behind."""


def _set_options(function: _Function) -> _Function:
    """The options that decide which files a set has."""
    folder = click.Path(path_type=Path, exists=True, file_okay=False)
    for option in (
        click.option("--base", type=folder, help="Plant in the DICOM files of this folder too, not in pydicom's own."),
        click.option(
            "--objects",
            type=click.IntRange(1, 5000),
            default=USUAL_OBJECTS,
            show_default=True,
            help="How many objects.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(0, 2**31),
            default=_USUAL_SEED,
            show_default=True,
            help="Same seed, same bytes.",
        ),
    ):
        function = option(function)
    return function


_processes = click.option(
    "--processes", type=click.IntRange(1, 256), default=2, show_default=True, help="Files read side by side."
)


@deid_benchmark.command()
@click.argument("out", type=click.Path(path_type=Path))
@_set_options
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def make(out: Path, *, seed: int, objects: int, base: Path | None, is_json: bool) -> None:
    """Write OUT/files with planted identifiers, OUT/answer_key.json and the MIDI-B form OUT/midi_b."""
    key = make_benchmark(out, seed=seed, objects=objects, base=base)
    made = {
        "objects": len(key.objects),
        "kinds": len({planted.kind for planted in key.objects}),
        "checks": sum(len(planted.checks) for planted in key.objects),
        "burned_in": sum(len(planted.burned_in) for planted in key.objects),
    }
    click.echo(json.dumps(made) if is_json else "\n".join(f"{name:12} {count}" for name, count in made.items()))


@deid_benchmark.command()
@click.argument("key", type=click.Path(path_type=Path, exists=True))
@click.argument("output", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--uid-map", type=click.Path(path_type=Path, exists=True), help="The tool's own CSV id_old,id_new of UIDs."
)
@click.option("--patient-map", type=click.Path(path_type=Path, exists=True), help="The same of patient identifiers.")
@click.option(
    "--files",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The original files; beside the key by default.",
)
@click.option(
    "--second",
    type=click.Path(path_type=Path, exists=True),
    help="A second output of the same input: are the bytes the same?",
)
@click.option(
    "--maps", type=click.Path(path_type=Path, file_okay=False), help="Write the maps used here, for the MIDI-B script."
)
@click.option("--report", type=click.Path(path_type=Path), help="Write a report, .md or .html.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@_processes
def score(key: Path, output: Path, *, maps: Path | None, report: Path | None, is_json: bool, **how: Any) -> None:
    """Score the OUTPUT folder of any tool against the KEY of its input; exit code 1 when anything leaked."""
    found = score_output(key, output, options=ScoreOptions(**how))
    if maps is not None:
        maps.mkdir(parents=True, exist_ok=True)
        write_map(maps / "uid_map.csv", found.uid_map)
        write_map(maps / "patient_map.csv", found.patient_map)
    if report is not None:
        report.write_text(report_html(found) if report.suffix == ".html" else report_markdown(found), "utf-8")
    if is_json:
        click.echo(json.dumps(found.to_json(), ensure_ascii=False))
    else:
        click.echo(report_markdown(found, most_leaks=_LEAKS_SHOWN))
    if found.leaks:
        raise SystemExit(1)


@deid_benchmark.command()
@click.argument("work", type=click.Path(path_type=Path))
@_set_options
@click.option("--tool", "tools", multiple=True, help="Only these tools; all that are installed by default.")
@click.option(
    "--profile", help="Our own profile, by name or path; one that cleans and keeps as MIDI-B asks by default."
)
@click.option(
    "--page", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Renew the table in this page."
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@_processes
def run(work: Path, *, page: Path | None, is_json: bool, **how: Any) -> None:
    """Make a set below WORK, let every installed tool de-identify it twice, and score them in one table."""
    results = run_contest(work, RunOptions(**how))
    if page is not None:
        write_into_page(page, results)
    if is_json:
        click.echo(json.dumps([result.to_json() for result in results], ensure_ascii=False))
    else:
        click.echo(table_markdown(results))
