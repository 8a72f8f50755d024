"""``radcommons access …``: requests for restricted versions, and who may read them, from the command line."""

from datetime import datetime
from typing import Any

import click
import orjson

from radcommons.server.access import asking, services
from radcommons.server.access.models import AccessRequest
from radcommons.server.platform.accounts import actor_named
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.policy import Actor
from radcommons.server.releases.services import dismiss_reader

DAY = click.DateTime(formats=["%Y-%m-%d"])
by_option = click.option("--by", metavar="NAME", help="The account that acts; without it, the operator.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def _actor(by: str | None) -> Actor:
    return actor_of_user(actor_named(by)) if by else Actor.system("cli")


@click.group()
def access() -> None:
    """Requests for restricted versions: see them, grant, refuse, revoke."""


@access.command()
@click.option("--all", "is_all", is_flag=True, help="Decided ones too.")
@json_option
def requests(*, is_all: bool, as_json: bool) -> None:
    """List what waits for a decision."""
    rows = [*asking.waiting_requests(), *(asking.decided_requests() if is_all else ())]
    _list(rows, as_json=as_json)


@access.command()
@json_option
def readers(*, as_json: bool) -> None:
    """List who may read restricted versions now."""
    _list(list(asking.granted_requests()), as_json=as_json)


@access.command()
@click.argument("number", type=int)
@click.option("--until", type=DAY, required=True, help="The last day of access.")
@by_option
@json_option
def approve(number: int, *, until: datetime, by: str | None, as_json: bool) -> None:
    """Grant what the request NUMBER asks for."""
    services.approve_request(number, until=until.date(), actor=_actor(by))
    _list([asking.request_by_id(number)], as_json=as_json)


@access.command()
@click.argument("number", type=int)
@click.option("--reason", required=True, help="The person reads it.")
@by_option
@json_option
def refuse(number: int, *, reason: str, by: str | None, as_json: bool) -> None:
    """Refuse what the request NUMBER asks for."""
    services.refuse_request(number, reason=reason, actor=_actor(by))
    _list([asking.request_by_id(number)], as_json=as_json)


@access.command()
@click.argument("number", type=int)
@click.option("--reason", required=True, help="The person reads it.")
@by_option
@json_option
def revoke(number: int, *, reason: str, by: str | None, as_json: bool) -> None:
    """Revoke at once what was granted on the request NUMBER."""
    asked = asking.request_by_id(number)
    if asked.grant is None:
        raise click.UsageError(f"Nothing was granted on request {number}.")
    dismiss_reader(asked.grant.pk, reason=reason, actor=_actor(by))
    _list([asking.request_by_id(number)], as_json=as_json)


def _list(rows: list[AccessRequest], *, as_json: bool) -> None:
    found = [_summary(row) for row in rows]
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    for row in found:
        until = f" until {row['until']}" if row["until"] else ""
        click.echo(f"{row['number']}  {row['release']}  {row['account']}, {row['institution']}  {row['state']}{until}")
    if not found:
        click.echo("None.")


def _summary(asked: AccessRequest) -> dict[str, Any]:
    standing = asking.standing(asked)
    return {
        "number": asked.pk,
        "release": f"{asked.release.slug}@{asked.release.version}",
        "account": asked.user.get_username(),
        "full_name": asked.full_name,
        "institution": asked.institution,
        "purpose": asked.purpose,
        "terms_sha256": asked.terms_sha256,
        "asked_at": asked.asked_at,
        "state": standing.state,
        "until": standing.until,
        "reason": standing.reason,
    }
