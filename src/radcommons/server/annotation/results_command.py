"""``radcommons annotation add-results``: files that an algorithm wrote, as reads of a project."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from radcommons.server.annotation.queries.projects import seen_project
from radcommons.server.annotation.rules.uploads import Labelling
from radcommons.server.annotation.services.results import add_results
from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.policy import Action, Actor
from radcommons.transfer.annotation.results import ResultKind


@click.command(name="add-results")
@click.argument("slug")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--software", required=True, metavar="NAME VERSION", help="The algorithm; another version is another reader."
)
@click.option(
    "--as", "kind", type=click.Choice([one.value for one in ResultKind]), required=True, help="What they are."
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="[NAME=]LABEL",
    help="The label of everything drawn, or of what has that name or number. NAME= leaves it out, *= all that is no label.",
)
@click.option("--by", metavar="NAME", help="The account that asks; without it, the operator.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def add_results_command(slug: str, paths: Sequence[Path], *, software: str, kind: str, **rest: object) -> None:
    """Keep what an algorithm found, from files or folders, as reads of its own: all of them, or none.

    Readers see them only where the project says so; in a review they are what readers accept or reject. Images are found by
    their UIDs, labels by id, name or code.
    """
    by, labels = rest["by"], rest["labels"]
    actor = actor_of_user(accounts.actor_named(by)) if isinstance(by, str) else Actor.system("cli")
    project = seen_project(slug, actor, action=Action.ANNOTATION_MANAGE)
    labelling = Labelling.from_words(labels if isinstance(labels, tuple) else ())
    added = add_results(project, software, paths, ResultKind(kind), labelling, actor=actor)
    counts = {
        "files": added.files,
        "other_objects": added.other_objects,
        "reads": added.reads,
        "items": added.items,
        "left_out": added.left_out,
    }
    if rest["as_json"]:
        click.echo(json.dumps({"project": slug, "reader": added.reader.pseudonym, **counts}, indent=2))
        return
    told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
    click.echo(f"{added.reader.pseudonym} in {slug}: {told}.")
