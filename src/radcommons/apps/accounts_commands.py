"""``radcommons accounts``: accounts and roles from the command line."""

import sys

import click
import orjson

from radcommons.server.platform import accounts as verbs
from radcommons.server.platform.models import User
from radcommons.server.platform.policy import Actor, Role
from radcommons.server.platform.settings import settings

ROLE_NAMES = click.Choice([role.value for role in Role])
OPERATOR = Actor.system("cli")


@click.group()
def accounts() -> None:
    """Accounts and roles."""


@accounts.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_accounts(*, as_json: bool) -> None:
    """List accounts with their roles."""
    rows = [_described(user) for user in User.objects.order_by("username").prefetch_related("role_assignments")]
    if as_json:
        click.echo(
            orjson.dumps([{"username": name, "is_active": is_open, "roles": roles} for name, is_open, roles in rows])
        )
        return
    for name, is_open, roles in rows:
        click.echo(f"{name:<24} {'open' if is_open else 'closed':<8} {', '.join(roles) or 'no role'}")


def _described(user: User) -> tuple[str, bool, list[str]]:
    roles = [f"{row.role} {row.site_code}".strip() for row in user.role_assignments.all()]
    return user.get_username(), user.is_active, roles


@accounts.command("add")
@click.argument("username")
@click.option("--role", "roles", type=ROLE_NAMES, multiple=True, help="Grant a role; may be given several times.")
@click.option("--site", default="", help="The site of a site coordinator.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of making a link.")
def add_account(username: str, roles: tuple[str, ...], site: str, *, password_stdin: bool) -> None:
    """Make an account and print a one-time link to choose its password."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else None
    verbs.create_account(username, actor=OPERATOR, password=password)
    for role in roles:
        site_code = site if role == Role.SITE_COORDINATOR.value else ""
        verbs.grant_role(username, Role(role), actor=OPERATOR, site_code=site_code)
    if password is None:
        link = verbs.issue_setup_link(actor=OPERATOR, username=username)
        click.echo(f"{settings().public_url}/setup/{link}/")


@accounts.command("grant")
@click.argument("username")
@click.argument("role", type=ROLE_NAMES)
@click.option("--site", default="", help="The site of a site coordinator.")
def grant(username: str, role: str, site: str) -> None:
    """Grant a role."""
    verbs.grant_role(username, Role(role), actor=OPERATOR, site_code=site)


@accounts.command("revoke")
@click.argument("username")
@click.argument("role", type=ROLE_NAMES)
@click.option("--site", default="", help="The site of a site coordinator.")
def revoke(username: str, role: str, site: str) -> None:
    """Take a role away."""
    verbs.revoke_role(username, Role(role), actor=OPERATOR, site_code=site)


@accounts.command("link")
@click.argument("username", required=False)
def link(username: str | None) -> None:
    """Print a new one-time link to choose a password; without a name, for the first administrator."""
    secret = verbs.issue_setup_link(actor=OPERATOR, username=username)
    click.echo(f"{settings().public_url}/setup/{secret}/")


@accounts.command("remove-factor")
@click.argument("username")
def remove_factor(username: str) -> None:
    """Take the second factor off an account whose owner lost it."""
    verbs.remove_second_factor(username, actor=OPERATOR)


@accounts.command("token")
@click.argument("username")
@click.argument("name")
def token(username: str, name: str) -> None:
    """Issue a personal token for programs; it is shown once."""
    user = verbs.actor_named(username)
    click.echo(verbs.issue_api_token(user, name, actor=OPERATOR))
