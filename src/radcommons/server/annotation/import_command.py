"""``radcommons annotation import``: reads of the past, from documents or from a project on an earlier version."""

import json
from pathlib import Path

import click

from radcommons.server.annotation.models import ReadingProject
from radcommons.server.annotation.queries.projects import seen_project
from radcommons.server.annotation.services.agreeing import compute_agreement
from radcommons.server.annotation.services.carrying import carry_reads
from radcommons.server.annotation.services.documents import Format, Imported, ImportWish
from radcommons.server.annotation.services.importing import import_reads
from radcommons.server.annotation.services.settling import settle_project
from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.policy import Action, Actor

SHOWN = 20


@click.command(name="import")
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@click.option("--format", "kind", type=click.Choice([one.value for one in Format]), help="What the document is.")
@click.option("--from-project", "old", metavar="SLUG", help="Instead of a document: a closed project here.")
@click.option("--slug", required=True, help="The project's name in addresses.")
@click.option("--title", default="", help="What people read.")
@click.option(
    "--schema",
    default="",
    metavar="NAME[/VERSION]",
    help="MD.ai: translate to this ready schema. COCO: whose labels the categories are. --from-project: the later version.",
)
@click.option("--by", metavar="NAME", help="The account that asks; without it, the operator.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def import_past(path: Path | None, *, kind: str | None, old: str | None, slug: str, **rest: str | bool | None) -> None:
    """Keep reads of the past as a closed project; of a document nothing is lost.

    Documents: readings (what `export` writes), MD.ai's JSON, MIDRC's mRALE table and annotation records, LIDC's XML, COCO.
    With --from-project, the reads of a project are carried over to a later version of its schema, by the versions' mappings.
    """
    actor = actor_of_user(accounts.actor_named(str(rest["by"]))) if rest["by"] else Actor.system("cli")
    title, schema = str(rest["title"]) or slug, str(rest["schema"])
    if old is not None:
        if path is not None or kind is not None:
            raise click.UsageError("Give a document with its --format, or --from-project.")
        _, _, version = schema.rpartition("/")
        if not version.isdigit():
            raise click.UsageError("Name the later version: --schema NAME/VERSION.")
        project = seen_project(old, actor, action=Action.ANNOTATION_MANAGE)
        if schema.rpartition("/")[0] != project.schema.name:
            raise click.UsageError(f"The project's reads answer {project.schema.name}: name a version of that schema.")
        made = carry_reads(project, int(version), slug, title=title, actor=actor)
    else:
        if path is None or kind is None:
            raise click.UsageError("Name a document and its --format, or --from-project.")
        made = import_reads(path.read_bytes(), ImportWish(slug, title, Format(kind), schema), actor=actor)
    _tell(*made, as_json=bool(rest["as_json"]))


def _tell(project: ReadingProject, found: Imported, *, as_json: bool) -> None:
    disputed = settle_project(project.pk)
    compute_agreement(project.pk)
    counts = {
        "studies": len(set(found.studies)) or project.cases.count(),
        "cases": project.cases.count(),
        "annotations": found.annotations,
        "labels": len(found.schema.labels),
        "reads": len(found.readings),
        "readers": project.readers.count(),
        "disputed": disputed,
        "findings": len(found.findings),
    }
    if as_json:
        odd = [one.to_json() for one in found.findings]
        click.echo(json.dumps({"project": project.slug, **counts, "odd": odd}, indent=2))
        return
    click.echo(f"{project.slug}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    for finding in found.findings[:SHOWN]:
        click.echo(f"  {finding.severity}: {finding.message} [{finding.code}] {finding.where}", err=True)
