"""``radcommons journey``: what became of a study, and what could not be acted upon."""

import click
import orjson

from radcommons.server.journey import queries, services
from radcommons.server.platform.policy import Actor

OPERATOR = Actor.system("cli")


@click.group()
def journey() -> None:
    """What became of a study."""


@journey.command()
@click.argument("study_instance_uid")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def timeline(study_instance_uid: str, *, as_json: bool) -> None:
    """Show what happened to a study, oldest first, and what comes next."""
    found = queries.timeline(study_instance_uid)
    if as_json:
        value = {
            "study_instance_uid": found.study_instance_uid,
            "site": found.site_code,
            "state": found.state.value,
            "next_step": found.next_step,
            "entries": [entry.to_json() for entry in found.entries],
        }
        click.echo(orjson.dumps(value).decode())
        return
    for entry in found.entries:
        note = f" [{entry.problem}]" if entry.problem else " (being passed on)" if entry.is_waiting else ""
        click.echo(f"{entry.at:%Y-%m-%d %H:%M}  {entry.state:<12} {entry.sentence}{note}")
        if entry.reason:
            click.echo(f"{'':<31}{entry.reason}")
    click.echo(f"Now: {found.state}. {found.next_step}")


@journey.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def failed(*, as_json: bool) -> None:
    """List facts that could not be acted upon; exit code 1 when there are any."""
    rows = [
        {"fact": fact.pk, "kind": fact.kind, "study_instance_uid": fact.study_instance_uid, "code": fact.error_code}
        for fact in queries.failed()
    ]
    if as_json:
        click.echo(orjson.dumps(rows).decode())
    else:
        for row in rows:
            click.echo(f"{row['fact']:>8}  {row['kind']:<18} {row['code']:<28} {row['study_instance_uid']}")
        click.echo(f"{len(rows)} facts failed.")
    if rows:
        raise click.exceptions.Exit(1)


@journey.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def retry(*, as_json: bool) -> None:
    """Give all failed facts another chance, and act upon everything that waits."""
    retried = services.retry_failed(actor=OPERATOR)
    delivered = services.deliver_pending()
    value = {"retried": retried, "studies": delivered, "failed": len(queries.failed())}
    text = f"{retried} facts retried, {delivered} studies acted upon, {value['failed']} facts still fail."
    click.echo(orjson.dumps(value).decode() if as_json else text)
