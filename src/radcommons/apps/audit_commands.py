"""``radcommons audit``: read, verify and countersign the audit log."""

import sys

import click
import orjson

from radcommons.server.platform import audit as log
from radcommons.server.platform.models import AuditEvent


@click.group()
def audit() -> None:
    """The audit log."""


@audit.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(*, as_json: bool) -> None:
    """Recompute the chain and the signatures of every checkpoint; exit 1 when something does not hold."""
    count, findings = log.verify()
    if as_json:
        click.echo(orjson.dumps({"events": count, "findings": [finding.to_json() for finding in findings]}))
    else:
        for finding in findings:
            click.echo(f"{finding.where}: {finding.message} [{finding.code}]")
        click.echo(f"{count} events verified, {len(findings)} findings")
    sys.exit(1 if findings else 0)


@audit.command("checkpoint")
def checkpoint() -> None:
    """Sign the present end of the chain and print the note, to be kept elsewhere."""
    row = log.checkpoint()
    click.echo(row.note if row else "Nothing was added since the last checkpoint.")


@audit.command("show")
@click.option("--last", default=50, show_default=True, help="How many events, newest last.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
def show(last: int, *, as_json: bool) -> None:
    """Show the newest events."""
    for event in reversed(list(AuditEvent.objects.order_by("-id")[:last])):
        row = {
            "at": event.at.isoformat(timespec="seconds"),
            "actor": event.actor,
            "action": event.action,
            "object": f"{event.object_kind} {event.object_id}",
            "facts": event.facts,
        }
        click.echo(
            orjson.dumps(row) if as_json else f"{row['at']} {row['actor']:<24} {row['action']:<24} {row['object']}"
        )
