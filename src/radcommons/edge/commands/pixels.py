"""``radcommons edge pixels``: verdicts about pixels as a list, and a list of decisions taken in."""

from pathlib import Path

import click

from radcommons.edge import console
from radcommons.edge.commands.options import home_option, json_option, opened_home, out_argument
from radcommons.edge.review.verdicts import pixel_verdicts, take_decisions


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
    """List the verdicts about writing in pixels; what was read in them is never printed."""
    opened = opened_home(home)
    if decisions is None:
        console.show(pixel_verdicts(opened, out), is_json=is_json, title="Writing in pixels")
        return
    found = take_decisions(opened, out, path=decisions, by=by)
    console.show(found, is_json=is_json, title="Decisions taken in")
