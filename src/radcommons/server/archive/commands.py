"""``radcommons archive``: the operator's commands of the archive."""

import sys
import time
from collections.abc import Callable

import click
import orjson

from radcommons.server.archive import services
from radcommons.server.platform.policy import Actor

MIB = 1 << 20
TELL_EVERY_S = 5.0
IS_JSON = click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")


@click.group(name="archive")
def archive() -> None:
    """Stored instances and their bytes."""


@archive.command()
@click.option(
    "--sample",
    metavar="PERCENT",
    default=100.0,
    show_default=True,
    type=click.FloatRange(0, 100, min_open=True),
    help="The part of the objects to read; each sample is another part.",
)
@click.option("--rate", metavar="MIB/S", type=click.FloatRange(0, min_open=True), help="Most to read in a second.")
@click.option("--restart", "is_new", is_flag=True, help="Give up a verification that was interrupted and begin anew.")
@IS_JSON
def verify(*, sample: float, rate: float | None, is_new: bool, is_json: bool) -> None:
    """Read stored objects again and compare them with their digests; exit code 1 when one differs.

    An interrupted verification goes on where it was. A damaged object is laid aside and no longer served; when the same
    file is received again, from its site or from an export, it is whole again.
    """
    pace = services.Pace(fraction=sample / 100, bytes_per_s=rate * MIB if rate else None, is_new=is_new)
    result = services.verify_objects(actor=Actor.system("cli"), pace=pace, progress=_telling("checked"))
    if is_json:
        click.echo(orjson.dumps(result.to_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        for finding in result.findings:
            click.echo(f"{finding.severity.value}: {finding.code}: {finding.where}: {finding.message}")
        went_on = " (an interrupted verification went on)" if result.is_resumed else ""
        click.echo(
            f"{result.checked} objects, {result.size_bytes} bytes checked{went_on}, {len(result.findings)} findings."
        )
    if result.findings:
        raise click.exceptions.Exit(1)


@archive.command(name="clean-up")
@click.option("--hours", default=24, show_default=True, type=click.IntRange(min=1), help="Age of what is removed.")
@IS_JSON
def clean_up(*, hours: int, is_json: bool) -> None:
    """Remove what was begun to be stored and never finished."""
    removed = services.clean_up_unfinished(older_than_hours=hours)
    pieces = services.clean_up_pieces(older_than_hours=hours)
    answer = {"removed": removed, "pieces": pieces}
    plain = f"{removed} unfinished instances and {pieces} unfinished files removed."
    click.echo(orjson.dumps(answer).decode() if is_json else plain)


def _telling(word: str) -> Callable[[int, int], None]:
    """Tells on the error stream, every few seconds, how far a long command has come."""
    told = time.monotonic()

    def progress(count: int, size_bytes: int) -> None:
        nonlocal told
        if time.monotonic() - told >= TELL_EVERY_S:
            told = time.monotonic()
            click.echo(f"{word}: {count} objects, {size_bytes / MIB:.0f} MiB", file=sys.stderr)

    return progress
