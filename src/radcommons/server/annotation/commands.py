"""``radcommons annotation …``: schemas, projects, reads of the past, results."""

import json
from pathlib import Path
from typing import Any

import click

from radcommons.server.annotation.export_command import export
from radcommons.server.annotation.import_command import import_past
from radcommons.server.annotation.models import ReadingProject
from radcommons.server.annotation.publishing_command import publish
from radcommons.server.annotation.queries.projects import project_json, projects
from radcommons.server.annotation.results_command import add_results_command
from radcommons.server.annotation.rules.states import Duty, ProjectVerb
from radcommons.server.annotation.rules.wishes import Blinding, ProjectWish
from radcommons.server.annotation.services import projects as verbs
from radcommons.server.annotation.services import schemas
from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.transfer.annotation.ready import READY, ready_schema
from radcommons.transfer.annotation.record import Method

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
by_option = click.option("--by", metavar="NAME", help="The account that asks; without it, the operator.")


def _actor(name: str | None) -> Actor:
    return actor_of_user(accounts.actor_named(name)) if name else Actor.system("cli")


def _project(slug: str) -> ReadingProject:
    found = ReadingProject.objects.select_related("schema").filter(slug=slug).first()
    if found is None:
        raise NotFoundError("There is no such reading project.")
    return found


@click.group()
def annotation() -> None:
    """Label schemas, blinded reading projects, reads of the past, agreement."""


annotation.add_command(publish)
annotation.add_command(export)
annotation.add_command(import_past)
annotation.add_command(add_results_command)


@annotation.command(name="list")
@json_option
def list_projects(*, as_json: bool) -> None:
    """Reading projects and how far they are."""
    rows = [
        {
            "slug": line.project.slug,
            "state": line.project.state,
            "schema": f"{line.project.schema.name}/{line.project.schema.version}",
            "cases": line.cases,
            "tasks": line.tasks,
            "done": line.done,
            "disputed": line.disputed,
        }
        for line in projects(Actor.system("cli"))
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(
            "{slug}  {state}  {schema}  {cases} cases, {done} of {tasks} reads, {disputed} disputed".format(**row)
        )


@annotation.command()
@click.argument("slug")
def show(slug: str) -> None:
    """One project as JSON."""
    click.echo(json.dumps(project_json(_project(slug)), indent=2))


@annotation.command(name="add-schema")
@click.argument("source")
@by_option
def add_schema(source: str, by: str | None) -> None:
    """Keep a label schema: a JSON file, or the name of one that comes with the house."""
    value = ready_schema(source).to_json() if source in READY else json.loads(Path(source).read_text(encoding="utf-8"))
    row = schemas.add_schema(value, actor=_actor(by))
    click.echo(f"{row.name}/{row.version} is kept, SHA-256 {row.digest}.")


@annotation.command()
@click.argument("slug")
@click.option("--title", required=True, help="What people read.")
@click.option("--schema", "schema", required=True, metavar="NAME/VERSION", help="What is asked.")
@click.option(
    "--from", "source", required=True, metavar="KIND:NAME", help="cohort:NAME, release:SLUG@VERSION, catalog:"
)
@click.option("--readers-per-case", default=3, show_default=True, help="How many read a case.")
@click.option("--overlap", default=1.0, show_default=True, help="Share of cases that several readers get.")
@click.option("--repeats", default=0.0, show_default=True, help="Share that a reader gets twice.")
@click.option("--show", "shown", multiple=True, type=click.Choice(sorted(Blinding.__slots__)), help="Open a blind.")
@by_option
def create(slug: str, *, title: str, schema: str, source: str, by: str | None, **rest: Any) -> None:
    """Make a project of what a source holds now."""
    name, _, version = schema.partition("/")
    kind, _, source_name = source.partition(":")
    wish = ProjectWish(
        slug=slug,
        title=title,
        schema_name=name,
        schema_version=int(version) if version.isdigit() else 1,
        source_kind=kind,
        source_name=source_name,
        readers_per_case=rest["readers_per_case"],
        overlap_share=rest["overlap"],
        repeat_share=rest["repeats"],
        blinding=Blinding(**dict.fromkeys(rest["shown"], True)),
    )
    project = verbs.create_project(wish, actor=_actor(by))
    click.echo(f"{project.slug}: {project.cases.count()} cases are frozen.")


@annotation.command(name="add-member")
@click.argument("slug")
@click.argument("username")
@click.option(
    "--duty",
    type=click.Choice([one.value for one in Duty]),
    default=Duty.READ.value,
    show_default=True,
    help="What the account does there.",
)
@by_option
def add_member(slug: str, username: str, duty: str, by: str | None) -> None:
    """Let an account read or adjudicate in a project."""
    reader = verbs.add_member(
        _project(slug), username, Duty(duty), method=Method.RETROSPECTIVE_EXPERT, actor=_actor(by)
    )
    click.echo(f"{username} is {reader.pseudonym} in {slug}.")


@annotation.command()
@click.argument("slug")
@click.argument("verb", type=click.Choice([one.value for one in ProjectVerb]))
@by_option
def move(slug: str, verb: str, by: str | None) -> None:
    """Start, pause or close a project."""
    click.echo(f"{slug} is {verbs.move_project(_project(slug), ProjectVerb(verb), actor=_actor(by)).state}.")
