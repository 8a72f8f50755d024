"""``radcommons annotation export``: a project's reads and labels as files."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import click

from radcommons.server.annotation.models import ReadingProject
from radcommons.server.annotation.queries import agreement, final
from radcommons.server.annotation.queries.projects import seen_project
from radcommons.server.annotation.queries.readings import reads_document
from radcommons.server.annotation.rules.exporting import SINGLE, ExportAccount, ExportFormat, Member, Whose
from radcommons.server.annotation.services.agreeing import compute_agreement
from radcommons.server.annotation.services.exporting import Export, begin_export
from radcommons.server.annotation.services.whole_exports import WRITERS
from radcommons.server.annotation.zip_stream import zipped
from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.policy import Actor

ZIP = ".zip"


def _plain(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


# What needs no account: nothing is left out.
WHOLE: Mapping[str, Callable[[ReadingProject], bytes]] = MappingProxyType(
    {
        "readings": lambda project: _plain(reads_document(project, final.reader_readings(project))),
        "labels": lambda project: _plain(reads_document(project, final.final_readings(project))),
        "answers": lambda project: _plain(agreement.answer_rows(project)),
        "agreement": lambda project: _plain(compute_agreement(project.pk).body),
        **{kind.value: writer for kind, writer in WRITERS.items()},
    }
)
KINDS = (*WHOLE, *(kind.value for kind in ExportFormat))


@click.command()
@click.argument("slug")
@click.option("--as", "kind", type=click.Choice(KINDS), default="readings", show_default=True, help="What to write.")
@click.option(
    "--of",
    "whose",
    type=click.Choice([one.value for one in Whose]),
    default=Whose.ALL.value,
    show_default=True,
    help="For coco, nifti, dicom, midrc and mrale: the readers' reads, the labels as they stand, or both.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="The file to write; without it, the screen. For nifti, dicom and mrale a new folder, or a name that ends in .zip.",
)
@click.option("--by", metavar="NAME", help="The account that asks; without it, the operator.")
@click.option("--json", "as_json", is_flag=True, help="Tell what was written and left out as JSON.")
def export(slug: str, *, kind: str, whose: str, output: Path | None, by: str | None, as_json: bool) -> None:
    """Write a project's reads, its labels as they stand, its answers, its agreement, or the imported document again.

    Reads and labels leave whole as readings, labels, csv and parquet. The formats of other programs (mdai, coco, nifti, dicom,
    midrc, mrale) hold less; what has no place in one is counted.
    """
    actor = actor_of_user(accounts.actor_named(by)) if by else Actor.system("cli")
    if kind in set(ExportFormat):
        _write_foreign(begin_export(slug, ExportFormat(kind), Whose(whose), actor=actor), output, as_json=as_json)
        return
    project = seen_project(slug, actor)
    _write(WHOLE[kind](project), _demanded(output) if kind == "parquet" else output)


def _write(data: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(data)
    else:
        output.write_bytes(data)


def _demanded(output: Path | None) -> Path:
    if output is None:
        raise click.UsageError("Name where to write with --output.")
    return output


def _write_foreign(made: Export, output: Path | None, *, as_json: bool) -> None:
    members = made.members()
    if output is not None and output.suffix == ZIP:
        with output.open("xb") as file:
            file.writelines(zipped(members))
    elif made.format in SINGLE:
        _write(b"".join(member.data for member in members), output)
    else:
        _write_folder(_demanded(output), members)
    click.echo(json.dumps(made.account.to_json(), indent=2) if as_json else told(made.account), err=output is None)


def _write_folder(folder: Path, members: Iterator[Member]) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.UsageError("The folder is not empty: name a new one.")
    folder.mkdir(parents=True, exist_ok=True)
    for member in members:
        path = folder / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(member.data)


def told(account: ExportAccount) -> str:
    """An account in words."""
    lines = [f"{account.readings:,} readings became {account.files:,} files."]
    lines += [f"  {count:>6,} left out: {why}" for why, count in sorted(account.left_out.items())]
    return "\n".join(lines)
