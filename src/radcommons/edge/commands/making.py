"""``radcommons edge deidentify``: from the hospital's folder to OUT."""

from pathlib import Path

import click

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge import console
from radcommons.edge.commands.options import (
    folder_argument,
    home_option,
    json_option,
    opened_home,
    out_argument,
    processes_option,
)
from radcommons.edge.deidentify import DeidentifyOptions, deidentify_folder
from radcommons.edge.progress import progress_option, step_progress


@click.command()
@folder_argument
@out_argument
@click.option("--profile", help="De-identification profile, by name or path; the home's when not given.")
@click.option(
    "--clinical",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="CSV file with the columns patient_id and covid19_status (positive, negative, unknown).",
)
@home_option
@progress_option
@processes_option
@json_option
def deidentify(
    folder: Path,
    out: Path,
    *,
    profile: str | None,
    clinical: Path | None,
    home: Path,
    processes: int,
    is_json: bool,
) -> None:
    """De-identify the selected instances of FOLDER into OUT. Stopped at any moment, it goes on where it was."""
    opened = opened_home(home)
    options = DeidentifyOptions(profile=profile, clinical_table=clinical, processes=processes)
    with step_progress(is_json=is_json) as progress:
        result = deidentify_folder(opened, folder, out=out, options=options, progress=progress)
    console.show(result, is_json=is_json, title="De-identified")
    if result.seen > result.asked and not is_json:
        steps = "`radcommons edge scan`" + (" and `edge select` say" if result.is_selection_used else " says")
        click.echo(
            f"  Of {result.seen} files and archive members {result.asked} were taken; {steps} why not the others."
        )
    if not result.instances:
        raise RadCommonsError(
            Kind.INVALID, "edge.nothing-made", "Not a single instance could be de-identified; the findings say why."
        )
