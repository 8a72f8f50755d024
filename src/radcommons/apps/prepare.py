"""Before a centre opens: bring the schema to this version's, and on the first start offer the administrator's link.

A program of its own, so that the supervisor never loads Django and stays small for as long as it runs.
"""

import shutil

import click

from radcommons.apps import bootstrap
from radcommons.server.platform import accounts
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.settings import settings


def main(address: str) -> None:
    """Migrate, clear half-received uploads, and print the one-time link when nobody is administrator yet."""
    bootstrap.migrate()
    shutil.rmtree(settings().staging_dir / "incoming", ignore_errors=True)
    click.echo(f"RadCommons is starting at {address}", err=True)
    if not accounts.has_administrator():
        link = accounts.issue_setup_link(actor=Actor.system("serve"))
        click.echo("There is no administrator yet. Open this link once, within 24 hours, to become it:", err=True)
        click.echo(f"  {address}/setup/{link}/", err=True)
