"""``radcommons archive``: the operator's commands of the archive."""

import click
import orjson

from radcommons.server.archive import services
from radcommons.server.platform.policy import Actor


@click.group(name="archive")
def archive() -> None:
    """Stored instances and their bytes."""


@archive.command()
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def verify(*, is_json: bool) -> None:
    """Read every stored object again and compare it with its digest; exit code 1 when one differs."""
    result = services.verify_objects(actor=Actor.system("cli"))
    if is_json:
        click.echo(orjson.dumps(result.to_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        for finding in result.findings:
            click.echo(f"{finding.severity.value}: {finding.code}: {finding.where}: {finding.message}")
        click.echo(f"{result.checked} objects, {result.size_bytes} bytes checked, {len(result.findings)} findings.")
    if result.findings:
        raise click.exceptions.Exit(1)


@archive.command(name="clean-up")
@click.option("--hours", default=24, show_default=True, type=click.IntRange(min=1), help="Age of what is removed.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def clean_up(*, hours: int, is_json: bool) -> None:
    """Remove what was begun to be stored and never finished."""
    removed = services.clean_up_unfinished(older_than_hours=hours)
    click.echo(orjson.dumps({"removed": removed}).decode() if is_json else f"{removed} unfinished instances removed.")
