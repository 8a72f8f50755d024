"""``radcommons edge``: the hospital's commands, in the order in which a coordinator uses them."""

import os
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge import console
from radcommons.edge.criteria import load_criteria
from radcommons.edge.deidentify import DeidentifyOptions, deidentify_folder
from radcommons.edge.home import DEFAULT_HOME, init_home, open_home
from radcommons.edge.review import Decision, record_review, write_page
from radcommons.edge.review.serve import ReviewServer
from radcommons.edge.scan import scan_folder
from radcommons.edge.selection import read_patient_list, select_studies
from radcommons.edge.sending import send as send_folder
from radcommons.edge.sending import sent_batches
from radcommons.edge.status import home_status
from radcommons.transfer.centre import SendOptions
from radcommons.transfer.sender import wait_until_verified

_Function = TypeVar("_Function", bound=Callable[..., Any])
_TOKEN_VARIABLE = "RADCOMMONS_TOKEN"  # noqa: S105 - the name of a variable, no secret


@click.group("edge")
def edge() -> None:
    """Work at the hospital: find, de-identify, review and send studies. Nothing leaves before `send`."""


def _home_option(function: _Function) -> _Function:
    return click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_HOME,
        show_default=True,
        help="The hospital's own state: secret key and crosswalk. It never leaves this machine.",
    )(function)


def _json_option(function: _Function) -> _Function:
    return click.option("--json", "is_json", is_flag=True, help="Print one JSON object and no progress.")(function)


def _processes_option(function: _Function) -> _Function:
    return click.option(
        "--processes",
        type=click.IntRange(1, 256),
        default=os.cpu_count() or 1,
        show_default="one a processor",
        help="How many instances are read side by side.",
    )(function)


_folder = click.argument("folder", type=click.Path(path_type=Path))
_out = click.argument("out", type=click.Path(path_type=Path))


@edge.command()
@click.option("--site", required=True, help="The site's code, as agreed with the centre, such as ALPHA.")
@click.option("--project", required=True, help="The project's code, such as covid19.")
@click.option("--profile", default="ricord", show_default=True, help="De-identification profile, by name or path.")
@_home_option
@_json_option
def init(site: str, project: str, profile: str, *, home: Path, is_json: bool) -> None:
    """Make the home folder with its secret key (mode 0600). Back the key up; never share it."""
    made = init_home(home, site=site, project=project, profile=profile)
    console.show(made, is_json=is_json, title="Home folder made. Keep a safe copy of secret.key inside the hospital.")


@edge.command()
@_folder
@_home_option
@_processes_option
@_json_option
def scan(folder: Path, *, home: Path, processes: int, is_json: bool) -> None:
    """Look through FOLDER (also zip archives): how many patients, studies and series, and what is odd."""
    opened = open_home(home)
    with console.step_progress(is_json=is_json) as progress:
        result = scan_folder(opened, folder, processes=processes, progress=progress)
    console.show(result, is_json=is_json, title="Scanned")


@edge.command()
@_folder
@click.option("--criteria", "criteria_name", required=True, help="A TOML file, or the ready covid19_chest.")
@click.option(
    "--patients",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="CSV file with a column patient_id; all other patients are rejected.",
)
@_home_option
@_processes_option
@_json_option
def select(
    folder: Path, criteria_name: str, *, patients: Path | None, home: Path, processes: int, is_json: bool
) -> None:
    """Choose the series of FOLDER that the project wants; the later steps use this choice."""
    opened, criteria = open_home(home), load_criteria(criteria_name)
    listed = None if patients is None else read_patient_list(patients)
    with console.step_progress(is_json=is_json) as progress:
        result = select_studies(
            opened, folder, criteria=criteria, patients=listed, processes=processes, progress=progress
        )
    console.show(result, is_json=is_json, title="Selected")


@edge.command()
@_folder
@_out
@click.option("--profile", help="De-identification profile, by name or path; the home's when not given.")
@click.option(
    "--clinical",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="CSV file with the columns patient_id and covid19_status (positive, negative, unknown).",
)
@_home_option
@_processes_option
@_json_option
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
    opened = open_home(home)
    options = DeidentifyOptions(profile=profile, clinical_table=clinical, processes=processes)
    with console.step_progress(is_json=is_json) as progress:
        result = deidentify_folder(opened, folder, out=out, options=options, progress=progress)
    console.show(result, is_json=is_json, title="De-identified")
    if not result.instances:
        raise RadCommonsError(
            Kind.INVALID, "edge.nothing-made", "Not a single instance could be de-identified; the findings say why."
        )


@dataclass(frozen=True, slots=True)
class _ReviewFlags:
    """The options of ``edge review`` that decide something."""

    approve: bool
    approve_pixels: tuple[str, ...]
    exclude: tuple[str, ...]
    exclude_text: tuple[str, ...]
    by: str
    reason: str

    @property
    def is_decision(self) -> bool:
        return self.approve or bool(self.approve_pixels or self.exclude or self.exclude_text)


@edge.command()
@_out
@click.option("--serve", "is_served", is_flag=True, help="Open the page with buttons, on this machine only.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port for --serve; any free one by default.")
@click.option("--approve", is_flag=True, help="Approve everything in OUT as it is now.")
@click.option("--approve-pixels", multiple=True, metavar="SERIES_UID|all", help="No identifying text in its pixels.")
@click.option("--exclude", multiple=True, metavar="SERIES_UID", help="Keep this series out.")
@click.option("--exclude-text", multiple=True, metavar="ID", help="Keep out every series that carries this text.")
@click.option("--by", default="", help="Who decides; the name travels with the batch.")
@click.option("--reason", default="", help="Why something is excluded.")
@_home_option
@_processes_option
@_json_option
def review(out: Path, *, is_served: bool, port: int, home: Path, processes: int, is_json: bool, **flags: Any) -> None:
    """Write the review page of OUT (pictures, texts, findings), or record a named person's decision about it."""
    opened, chosen = open_home(home), _ReviewFlags(**flags)
    if chosen.is_decision:
        decision = Decision(
            by=chosen.by,
            is_approval=chosen.approve,
            approve_pixels=chosen.approve_pixels,
            exclude=chosen.exclude,
            exclude_texts=chosen.exclude_text,
            reason=chosen.reason,
        )
        console.show(record_review(opened, out, decision=decision), is_json=is_json, title="Decision recorded")
        return
    with console.step_progress(is_json=is_json) as progress:
        result = write_page(opened, out, processes=processes, progress=progress)
    console.show(result, is_json=is_json, title="Review page written")
    if is_served:
        server = ReviewServer(opened, out, port=port)
        click.echo(f"Open {server.url}\nCtrl-C ends it.", err=True)
        webbrowser.open(server.url)
        server.run()


@edge.command()
@_out
@click.option("--to", "url", required=True, help="The centre's address, https://…")
@click.option("--token", help=f"The contributor token; better in {_TOKEN_VARIABLE} or a file.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file that holds the contributor token.",
)
@click.option("--threads", type=click.IntRange(1, 64), default=4, show_default=True, help="Parts sent side by side.")
@click.option("--timeout", "timeout_s", type=float, default=60.0, show_default=True, help="Longest silence, seconds.")
@click.option("--patience", "patience_s", type=float, default=180.0, show_default=True, help="Retry for, seconds.")
@click.option("--plain-http", "may_use_plain_http", is_flag=True, help="Allow http:// to another machine.")
@click.option("--wait", "is_awaited", is_flag=True, help="Wait until the centre has verified the batch.")
@_home_option
@_json_option
def send(
    out: Path, *, token: str | None, token_file: Path | None, is_awaited: bool, home: Path, is_json: bool, **how: Any
) -> None:
    """Seal what was approved in OUT and send it. Stopped at any moment, it goes on where it was."""
    opened, url = open_home(home), str(how.pop("url"))
    options, secret = SendOptions(**how), _token(token, token_file)
    with console.byte_progress(is_json=is_json) as progress:
        result = send_folder(opened, out, url=url, token=secret, options=options, progress=progress)
    if is_awaited:
        verified = wait_until_verified(result.batch_id, url=url, token=secret, options=options)
        result = result.with_centre(verified)
    console.show(result, is_json=is_json, title="Sent")


@edge.command()
@click.option("--token", help="Contributor token: ask the centres what became of each batch.")
@click.option(
    "--token-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="A file that holds it."
)
@_home_option
@_json_option
def status(*, token: str | None, token_file: Path | None, home: Path, is_json: bool) -> None:
    """What was scanned, selected, made and sent from this home, and what became of it."""
    opened = open_home(home)
    has_token = bool(token or token_file or os.environ.get(_TOKEN_VARIABLE))
    secret = _token(token, token_file) if has_token else None
    found = home_status(opened, batches=sent_batches(opened, token=secret))
    if is_json:
        console.show(found, is_json=True, title="")
        return
    for line in found.lines():
        click.echo(line)


def _token(token: str | None, token_file: Path | None) -> str:
    if token:
        return token
    if token_file is not None:
        return token_file.read_text("utf-8", "replace").strip()
    found = os.environ.get(_TOKEN_VARIABLE, "")
    if not found:
        raise RadCommonsError(
            Kind.UNAUTHENTICATED,
            "edge.token-needed",
            f"Give the contributor token with --token-file, --token or {_TOKEN_VARIABLE}. The centre shows it once.",
        )
    return found
