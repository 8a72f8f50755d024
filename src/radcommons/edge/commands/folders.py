"""``radcommons edge init|scan|select|status``: the home, and what lies in the hospital's folders."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from radcommons.deid.pseudonyms import DateShiftRule
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge import console, passphrase
from radcommons.edge.commands.options import (
    folder_argument,
    given_passphrase,
    has_token,
    home_option,
    json_option,
    opened_home,
    processes_option,
    token_of,
    token_options,
)
from radcommons.edge.criteria import load_criteria
from radcommons.edge.home import EdgeHome, HomeChoices, Pseudonyms, init_home
from radcommons.edge.progress import progress_option, step_progress
from radcommons.edge.scan import scan_folder
from radcommons.edge.selection import read_patient_list, select_studies
from radcommons.edge.sending import sent_batches
from radcommons.edge.status import home_status


@click.command()
@click.option("--site", required=True, help="The site's code, as agreed with the centre, such as ALPHA.")
@click.option("--project", required=True, help="The project's code, such as covid19.")
@click.option("--profile", default="ricord", show_default=True, help="De-identification profile, by name or path.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=f"Protect the key with the first line of this file; {passphrase.VARIABLE} in the environment does so too.",
)
@click.option(
    "--pseudonyms",
    type=click.Choice([each.value for each in Pseudonyms]),
    default=Pseudonyms.CROSSWALK.value,
    show_default=True,
    help="Subjects from a table that can forget a patient, or from the key alone, without any table.",
)
@click.option(
    "--shift-days",
    type=(int, int),
    default=(DateShiftRule().min_days, DateShiftRule().max_days),
    show_default=True,
    help="Least and most days by which the dates of a patient move into the past.",
)
@click.option("--whole-weeks", is_flag=True, help="Move dates by whole weeks, so that weekdays stay.")
@home_option
@json_option
def init(site: str, project: str, profile: str, *, home: Path, is_json: bool, **chosen: Any) -> None:
    """Make the home folder with its secret key (mode 0600). Back the key up; never share it."""
    choices = _choices(**chosen)
    made = init_home(home, site=site, project=project, profile=profile, choices=choices)
    console.show(
        _Made.of(made, is_protected=choices.passphrase is not None),
        is_json=is_json,
        title="Home folder made. Back it up now, inside the hospital: without its key no later study joins the earlier ones.",
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """What ``edge init`` says of the home."""

    path: Path
    site: str
    project: str
    profile: str
    pseudonyms: str
    date_shift: DateShiftRule
    is_protected: bool

    @classmethod
    def of(cls, home: EdgeHome, *, is_protected: bool) -> "_Made":
        return cls(
            home.path, home.site, home.project, home.profile, home.pseudonyms.value, home.date_shift, is_protected
        )


def _choices(
    passphrase_file: Path | None, pseudonyms: str, shift_days: tuple[int, int], *, whole_weeks: bool
) -> HomeChoices:
    try:
        rule = DateShiftRule(*shift_days, is_whole_weeks=whole_weeks)
    except ValueError as error:
        raise RadCommonsError(Kind.INVALID, "edge.invalid-setting", f"{error}") from error
    return HomeChoices(
        passphrase=given_passphrase() if passphrase_file is None else passphrase.read_passphrase(passphrase_file),
        pseudonyms=Pseudonyms(pseudonyms),
        date_shift=rule,
    )


@click.command()
@folder_argument
@home_option
@progress_option
@processes_option
@json_option
def scan(folder: Path, *, home: Path, processes: int, is_json: bool) -> None:
    """Look through FOLDER and its zip archives. Tells patients, studies, series, and what is odd."""
    opened = opened_home(home)
    with step_progress(is_json=is_json) as progress:
        result = scan_folder(opened, folder, processes=processes, progress=progress)
    console.show(result, is_json=is_json, title="Scanned")


@click.command()
@folder_argument
@click.option("--criteria", "criteria_name", required=True, help="A TOML file, or the ready covid19_chest.")
@click.option(
    "--patients",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="CSV file with a column patient_id; all other patients are rejected.",
)
@home_option
@progress_option
@processes_option
@json_option
def select(
    folder: Path, criteria_name: str, *, patients: Path | None, home: Path, processes: int, is_json: bool
) -> None:
    """Choose the series of FOLDER that the project wants. The later steps use this choice."""
    opened, criteria = opened_home(home), load_criteria(criteria_name)
    listed = None if patients is None else read_patient_list(patients)
    with step_progress(is_json=is_json) as progress:
        result = select_studies(
            opened, folder, criteria=criteria, patients=listed, processes=processes, progress=progress
        )
    console.show(result, is_json=is_json, title="Selected")


@click.command()
@token_options
@home_option
@json_option
def status(*, token: str | None, token_file: Path | None, home: Path, is_json: bool) -> None:
    """What was scanned, selected, made and sent. With a token, what became of each batch."""
    opened = opened_home(home)
    secret = token_of(token, token_file) if has_token(token, token_file) else None
    found = home_status(opened, batches=sent_batches(opened, token=secret))
    if is_json:
        console.show(found, is_json=True, title="")
        return
    for line in found.lines():
        click.echo(line)
