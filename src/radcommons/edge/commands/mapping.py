"""``radcommons edge crosswalk …`` and ``radcommons edge key …``: who became whom, and the secret behind it."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from textwrap import wrap
from typing import Any, TypeVar

import click

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge import console
from radcommons.edge.commands.options import home_option, json_option, opened_home
from radcommons.edge.mapping.changes import confirm_patients, forget_patients
from radcommons.edge.mapping.entries import list_subjects, look_up
from radcommons.edge.mapping.events import Because, crosswalk_events
from radcommons.edge.mapping.exchange import export_crosswalk, import_crosswalk
from radcommons.edge.mapping.keys import key_state, protect_key, rotate_key, unprotect_key
from radcommons.edge.passphrase import read_passphrase
from radcommons.edge.selection import read_patient_list

_Function = TypeVar("_Function", bound=Callable[..., Any])
_file = click.Path(path_type=Path, dir_okay=False)
_existing = click.Path(path_type=Path, dir_okay=False, exists=True)
# As the centre prints it.
_FINGERPRINT_GROUP = 8

_FORGETTING = """\
Forgetting a patient
  - destroys who the patient became, and everything scanned, read and made of the patient in this home;
  - gives later studies of the patient a new subject that nobody can link to the earlier one;
  - does not take back what was sent: ask the centre to withdraw the subject first, while you still know it;
  - does not change the secret key: with it and the original images the new UIDs of these can be computed again.
Backups and exports of the crosswalk still hold the patient until you delete them."""
_KEEPING = """\
Rotating the key and keeping subjects
  - patients of the crosswalk keep their subject id and their date shift, so that who is who and how long between
    stays true; whoever has the old key can still compute the date shift of these patients, not of new ones;
  - all UIDs made from now on are new: objects made later do not refer to instances that were sent before, and a study
    that was sent before must not be sent again without having it withdrawn first;"""
_STARTING_ANEW = """\
Rotating the key with new subjects
  - forgets every patient: each becomes a new subject with another date shift and new UIDs, and nothing made from now
    on can be linked to what was sent before; have that withdrawn if the studies are to be sent again;"""
_ROTATING = """\
  - OUT folders made before are not sent any more until `radcommons edge deidentify` has made them anew;
  - the key with which this home signs changes too: tell the centre the new one (`radcommons edge key show`);
  - backups of secret.key and edge.sqlite belong together: make new ones, and destroy the old ones if the key leaked."""


@click.group()
def crosswalk() -> None:
    """See, take out, take in, confirm and forget who became whom. Originals are shown only with a reason."""


@click.group()
def key() -> None:
    """See and protect the secret key of this home."""


def _because_options(function: _Function) -> _Function:
    by = click.option("--by", default="", help="Who does this; kept in the home's own journal.")
    reason = click.option("--reason", default="", help="Why; kept in the home's own journal.")
    return by(reason(function))


def _yes_option(function: _Function) -> _Function:
    return click.option("--yes", "is_sure", is_flag=True, help="Do it; without this it is only explained.")(function)


def _sure(explanation: str, *, is_sure: bool) -> None:
    if is_sure:
        return
    raise RadCommonsError(
        Kind.INVALID, "edge.not-confirmed", f"{explanation}\nNothing was done. Say --yes when this is what you want."
    )


@crosswalk.command("list")
@home_option
@json_option
def list_(*, home: Path, is_json: bool) -> None:
    """The subjects of this home with the number of their studies; nothing of the patients."""
    found = list_subjects(opened_home(home))
    if is_json:
        console.show(found, is_json=True, title="")
        return
    click.secho(f"{len(found.subjects)} subjects ({found.pseudonyms}, key generation {found.generation})", bold=True)
    for each in found.subjects:
        merged = f", {each.patient_ids} patient identifiers" if each.patient_ids > 1 else ""
        click.echo(f"  {each.subject_id}  {each.studies} {'study' if each.studies == 1 else 'studies'}{merged}")


@crosswalk.command()
@click.argument("subjects", nargs=-1, required=True)
@_because_options
@home_option
@json_option
def lookup(subjects: tuple[str, ...], *, by: str, reason: str, home: Path, is_json: bool) -> None:
    """Show the patients behind SUBJECTS, for instance when a finding concerns their care."""
    found = look_up(opened_home(home), subjects, because=Because(by, reason))
    if is_json:
        console.show(found, is_json=True, title="")
        return
    for each in found.entries:
        name = each.patient_id or f"(no identifier) study {each.study_instance_uid}"
        click.echo(f"{each.subject_id}  {name}  dates moved by {each.date_shift_days} days")
    for subject_id in found.unknown:
        click.echo(f"{subject_id}  not known here")


@crosswalk.command("export")
@click.argument("file", type=_file)
@click.option("--passphrase-file", type=_existing, help="Protect the export with the first line of this file.")
@_because_options
@home_option
@json_option
def export_(file: Path, *, passphrase_file: Path | None, by: str, reason: str, home: Path, is_json: bool) -> None:
    """Write who became whom to a new FILE that only this account may read: CSV, or protected by a passphrase."""
    passphrase = None if passphrase_file is None else read_passphrase(passphrase_file)
    made = export_crosswalk(opened_home(home), file, because=Because(by, reason), passphrase=passphrase)
    console.show(made, is_json=is_json, title="Exported. The file identifies patients: keep it inside the hospital.")


@crosswalk.command("import")
@click.argument("file", type=_existing)
@click.option("--passphrase-file", type=_existing, help="A file whose first line opens a protected export.")
@click.option("--same-person", "is_same_person", is_flag=True, help="Identifiers that share a subject are one person.")
@_because_options
@home_option
@json_option
def import_(
    file: Path,
    *,
    passphrase_file: Path | None,
    is_same_person: bool,
    by: str,
    reason: str,
    home: Path,
    is_json: bool,
) -> None:
    """Take in FILE: CSV with the columns patient_id and subject_id, or an export. All rows fit, or nothing changes."""
    passphrase = None if passphrase_file is None else read_passphrase(passphrase_file)
    taken = import_crosswalk(
        opened_home(home), file, because=Because(by, reason), passphrase=passphrase, is_same_person=is_same_person
    )
    console.show(taken, is_json=is_json, title="Imported")


@crosswalk.command()
@click.option("--patients", type=_existing, required=True, help="CSV file with a column patient_id.")
@_because_options
@home_option
@json_option
def confirm(*, patients: Path, by: str, reason: str, home: Path, is_json: bool) -> None:
    """Answer for it that all that was scanned under each of these identifiers belongs to one patient."""
    confirmed = confirm_patients(opened_home(home), read_patient_list(patients), because=Because(by, reason))
    console.show(confirmed, is_json=is_json, title="Confirmed. Run the step that kept them out again.")


@crosswalk.command()
@click.option("--subject", "subjects", multiple=True, metavar="SITE-NNNNNN", help="A subject to forget.")
@click.option("--patients", type=_existing, help="CSV file with a column patient_id.")
@_yes_option
@_because_options
@home_option
@json_option
def forget(
    *,
    subjects: tuple[str, ...],
    patients: Path | None,
    is_sure: bool,
    by: str,
    reason: str,
    home: Path,
    is_json: bool,
) -> None:
    """Destroy who some patients became, for good (right to erasure). Without --yes it says what that means."""
    _sure(_FORGETTING, is_sure=is_sure)
    listed = () if patients is None else read_patient_list(patients)
    done = forget_patients(opened_home(home), subject_ids=subjects, patient_ids=listed, because=Because(by, reason))
    console.show(done, is_json=is_json, title="Forgotten. Make OUT folders with these patients anew, and new backups.")


@crosswalk.command()
@click.option(
    "--keep-subjects/--new-subjects",
    "is_keeping_subjects",
    default=None,
    help="Keep subject ids and date shifts of known patients, or start anew.",
)
@_yes_option
@_because_options
@home_option
@json_option
def rotate(*, is_keeping_subjects: bool | None, is_sure: bool, by: str, reason: str, home: Path, is_json: bool) -> None:
    """Give the home a new secret key, after it may have leaked. Without --yes it says what changes."""
    if is_keeping_subjects is None:
        raise RadCommonsError(
            Kind.INVALID,
            "edge.not-confirmed",
            f"Choose one of two.\n--keep-subjects: {_KEEPING}\n--new-subjects: {_STARTING_ANEW}\nBoth:\n{_ROTATING}",
        )
    _sure(f"{_KEEPING if is_keeping_subjects else _STARTING_ANEW}\n{_ROTATING}", is_sure=is_sure)
    done = rotate_key(opened_home(home), is_keeping_subjects=is_keeping_subjects, because=Because(by, reason))
    console.show(done, is_json=is_json, title="Rotated. Make new backups of secret.key and edge.sqlite together.")


@crosswalk.command()
@home_option
@json_option
def journal(*, home: Path, is_json: bool) -> None:
    """Who looked at, took out or changed the crosswalk, when and why."""
    events = crosswalk_events(opened_home(home))
    if is_json:
        console.show_json([asdict(each) for each in events])
        return
    for each in events:
        click.echo(
            f"{each.at}  {each.verb:<9} {each.subjects:>6} {'subject ' if each.subjects == 1 else 'subjects'}  {each.by}: {each.reason}"
        )


@key.command()
@home_option
@json_option
def show(*, home: Path, is_json: bool) -> None:
    """The generation of the secret key, whether a passphrase protects it, and the public key of this home's signature."""
    state = key_state(opened_home(home))
    console.show(state, is_json=is_json, title="Key of this home")
    if not is_json:
        click.echo(
            f"Fingerprint, to be compared with the centre:\n  {' '.join(wrap(state.signing_key_id, _FINGERPRINT_GROUP))}"
        )


@key.command()
@click.option("--passphrase-file", type=_existing, help="The new passphrase is its first line; asked for without.")
@_because_options
@home_option
@json_option
def protect(*, passphrase_file: Path | None, by: str, reason: str, home: Path, is_json: bool) -> None:
    """Lock the secret key with a passphrase, or with another one. A lost passphrase is a lost key."""
    passphrase = _asked_twice() if passphrase_file is None else read_passphrase(passphrase_file)
    state = protect_key(opened_home(home), passphrase, because=Because(by, reason))
    console.show(state, is_json=is_json, title="Protected. Keep the passphrase apart from the machine and its backups.")


@key.command()
@_because_options
@home_option
@json_option
def unprotect(*, by: str, reason: str, home: Path, is_json: bool) -> None:
    """Keep the secret key plain again, readable by this account alone."""
    console.show(unprotect_key(opened_home(home), because=Because(by, reason)), is_json=is_json, title="Not protected")


def _asked_twice() -> str:
    return str(click.prompt("New passphrase", hide_input=True, confirmation_prompt=True))
