"""``radcommons edge verify``: a second look at what was made, before anybody sends it."""

from pathlib import Path

import click

from radcommons.edge import console
from radcommons.edge.commands.options import home_option, json_option, opened_home, out_argument, processes_option
from radcommons.edge.progress import progress_option, step_progress
from radcommons.edge.verify import VerifyOptions, verify_folder


@click.command()
@out_argument
@click.option("--sample", type=click.IntRange(1), help="Look at this many instances, spread evenly; all by default.")
@click.option("--profile", help="The profile OUT was made with, by name or path, when it is not the home's.")
@home_option
@progress_option
@processes_option
@json_option
@click.pass_context
def verify(
    context: click.Context,
    /,
    out: Path,
    *,
    sample: int | None,
    profile: str | None,
    home: Path,
    processes: int,
    is_json: bool,
) -> None:
    """Look at every instance of OUT again, as the centre will.

    Every identifier of the originals is looked for. Ends with 1 when anything is found that must not leave; findings
    name the place, never the value.
    """
    opened, options = opened_home(home), VerifyOptions(sample=sample, profile=profile, processes=processes)
    with step_progress(is_json=is_json) as progress:
        result = verify_folder(opened, out, options=options, progress=progress)
    console.show(result, is_json=is_json, title="Verified" if result.is_clean else "Something must not leave")
    if not result.is_clean:
        context.exit(1)
