"""``radcommons edge pixels``: verdicts about pixels as a list, and a list of decisions taken in."""

from dataclasses import replace
from pathlib import Path

import click

from radcommons.edge import console
from radcommons.edge.commands.options import home_option, json_option, opened_home, out_argument
from radcommons.edge.review.verdicts import PixelVerdicts, pixel_verdicts, take_decisions
from radcommons.edge.review.waiting import VERDICT_WORDS

_SHOWN = 20


@click.command()
@out_argument
@click.option(
    "--decide",
    "decisions",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take in a list as --json prints it, with decision confirm (and boxes), reject (and reason) or release (reason and why).",
)
@click.option("--by", default="", help="Who decides; needed with --decide.")
@home_option
@json_option
def pixels(out: Path, *, decisions: Path | None, by: str, home: Path, is_json: bool) -> None:
    """List the verdicts about writing in pixels. What was read in them is never printed."""
    opened = opened_home(home)
    if decisions is None:
        found, title = pixel_verdicts(opened, out), "Writing in pixels"
    else:
        found, title = take_decisions(opened, out, path=decisions, by=by), "Decisions taken in"
    if is_json:
        console.show(found, is_json=True, title=title)
        return
    console.show(replace(found, instances=()), is_json=False, title=title)
    _show_waiting(found)


def _show_waiting(found: PixelVerdicts) -> None:
    """What a person has to decide, by its place in OUT; nothing of an original is named."""
    waiting = [each for each in found.instances if each.is_waiting]
    for each in waiting[:_SHOWN]:
        place = each.path or f"not in OUT, series {each.series_instance_uid}"
        click.echo(f"  {VERDICT_WORDS.get(each.verdict, each.verdict):<16} {place}")
    if len(waiting) > _SHOWN:
        click.echo(f"  and {len(waiting) - _SHOWN} more that wait (all with --json)")
