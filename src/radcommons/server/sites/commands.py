"""``radcommons sites``: surveys, sites, agreements and contributor keys from the command line."""

from datetime import date, datetime
from pathlib import Path

import click
import orjson

from radcommons.server.platform.accounts import actor_named
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.sites import queries, rules, services
from radcommons.server.sites.models import Agreement, AgreementText

DAY = click.DateTime(formats=["%Y-%m-%d"])


def _actor(by: str | None) -> Actor:
    return actor_of_user(actor_named(by)) if by else Actor.system("cli")


def _say(value: object, *, as_json: bool, text: str) -> None:
    click.echo(orjson.dumps(value).decode() if as_json else text)


@click.group()
def sites() -> None:
    """Sites, agreements, contributor keys."""


@sites.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_sites(*, as_json: bool) -> None:
    """List the sites with the state of their agreements."""
    rows = [
        {
            "code": line.site.code,
            "name": line.site.name,
            "country": line.site.country,
            "is_active": line.site.is_active,
            "agreement": line.agreement_state.value,
            "keys": line.active_keys,
        }
        for line in queries.sites_readable_by(Actor.system("cli"))
    ]
    text = "\n".join(f"{row['code']:<16} {row['agreement']:<18} {row['keys']:>3} keys  {row['name']}" for row in rows)
    _say(rows, as_json=as_json, text=text or "No site yet. Add one with: radcommons sites add CODE --country XX")


@sites.command("surveys")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_surveys(*, as_json: bool) -> None:
    """List what institutions answered in the survey."""
    rows = [
        {
            "id": row.pk,
            "organisation": row.organisation,
            "country": row.country,
            "modalities": row.modalities,
            "submitted_at": row.submitted_at.isoformat(timespec="seconds"),
            "site": row.site.code if row.site else None,
        }
        for row in queries.surveys()
    ]
    text = "\n".join(
        f"{row['id']:>5}  {row['country']}  {row['site'] or 'new':<16} {row['organisation']}" for row in rows
    )
    _say(rows, as_json=as_json, text=text or "No survey yet.")


@sites.command("add")
@click.argument("code")
@click.option("--name", default="", help="The hospital's name; the code when not given.")
@click.option("--country", required=True, help="ISO 3166 code of two letters.")
@click.option("--survey", "survey_id", type=int, help="The survey it came from.")
@click.option("--by", help="The account on whose behalf this is done.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def add_site(code: str, name: str, country: str, *, survey_id: int | None, by: str | None, as_json: bool) -> None:
    """Record a site under its code."""
    site = services.add_site(code, name=name or code, country=country.upper(), actor=_actor(by), survey_id=survey_id)
    _say({"code": site.code, "name": site.name, "country": site.country}, as_json=as_json, text=f"Site {site.code}.")


@sites.command("sign")
@click.argument("code")
@click.option("--project", required=True, help="The project whose data the agreement covers.")
@click.option("--signatory", required=True, help="Who signed.")
@click.option("--title", required=True, help="The signatory's title.")
@click.option(
    "--licence", type=click.Choice(rules.LICENCES), default="CC-BY-4.0", show_default=True, help="What the site grants."
)
@click.option("--signed-on", type=DAY, help="The day of signing; today when not given.")
@click.option("--ends-on", type=DAY, help="The last day on which batches are accepted.")
@click.option("--text", "version", help="The version of the text that was signed; the newest when not given.")
@click.option("--by", help="The account on whose behalf this is done.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sign(code: str, **options: object) -> None:
    """Record that a site signed the data sharing agreement."""
    signed_on, ends_on = _day(options["signed_on"]), _day(options["ends_on"])
    signature = services.Signature(
        project=str(options["project"]),
        signatory_name=str(options["signatory"]),
        signatory_title=str(options["title"]),
        signed_on=signed_on or date.today(),  # noqa: DTZ011 the day on the operator's calendar
        licence=str(options["licence"]),
        ends_on=ends_on,
    )
    text = _text(str(options["version"])) if options["version"] else None
    actor = _actor(str(options["by"]) if options["by"] else None)
    row = services.sign_agreement(queries.site_by_code(code), signature, actor=actor, text=text)
    value = {"site": code, "agreement": row.pk, "project": row.project, "licence": row.licence}
    _say(value, as_json=bool(options["as_json"]), text=f"Agreement {row.pk} of site {code} for project {row.project}.")


def _day(value: object) -> date | None:
    return value.date() if isinstance(value, datetime) else None


def _text(version: str) -> AgreementText:
    row = AgreementText.objects.filter(version=version).first()
    if row is None:
        raise NotFoundError(f"There is no agreement text {version!r}.")
    return row


@sites.command("publish-text")
@click.argument("version")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--title", default="Data sharing agreement", show_default=True, help="Its title.")
@click.option("--by", help="The account on whose behalf this is done.")
def publish_text(version: str, file: Path, title: str, *, by: str | None) -> None:
    """Add a version of the agreement's text from a file; earlier versions stay as they are."""
    body = file.read_text(encoding="utf-8")
    row = services.publish_text(version, title=title, body=body, actor=_actor(by))
    click.echo(f"Version {row.version}, SHA-256 {row.sha256}.")


@sites.command("token")
@click.argument("code")
@click.option("--name", default="command line", show_default=True, help="What the key is for.")
@click.option("--by", help="The account on whose behalf this is done.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def token(code: str, *, name: str, by: str | None, as_json: bool) -> None:
    """Make a contributor key and print it; it is shown this once."""
    issued = services.issue_contributor_key(queries.site_by_code(code), name=name, actor=_actor(by))
    _say({"site": code, "key": issued.key.pk, "token": issued.plain}, as_json=as_json, text=issued.plain)


@sites.command("revoke")
@click.argument("code")
@click.option("--key", "key_id", type=int, help="Revoke this contributor key.")
@click.option("--agreement", "agreement_id", type=int, help="Revoke this agreement.")
@click.option("--reason", default="", help="Why an agreement is revoked.")
@click.option("--by", help="The account on whose behalf this is done.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def revoke(
    code: str, *, key_id: int | None, agreement_id: int | None, reason: str, by: str | None, as_json: bool
) -> None:
    """Revoke a contributor key or an agreement of a site."""
    if (key_id is None) == (agreement_id is None):
        raise click.UsageError("Name either --key or --agreement.")
    site, actor = queries.site_by_code(code), _actor(by)
    if key_id is not None:
        services.revoke_contributor_key(site, key_id, actor=actor)
        _say({"site": code, "revoked_key": key_id}, as_json=as_json, text=f"Key {key_id} is revoked.")
        return
    row = Agreement.objects.filter(site=site, pk=agreement_id or 0).first()
    if row is None:
        raise NotFoundError(f"Site {code} has no such agreement.")
    services.revoke_agreement(row, reason=reason, actor=actor)
    _say({"site": code, "revoked_agreement": row.pk}, as_json=as_json, text=f"Agreement {row.pk} is revoked.")


@sites.command("show")
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(code: str, *, as_json: bool) -> None:
    """Show the agreements and keys of a site."""
    site = queries.site_by_code(code)
    agreements = [
        {
            "id": line.agreement.pk,
            "project": line.agreement.project,
            "state": line.state.value,
            "licence": line.agreement.licence,
            "signed_on": line.agreement.signed_on.isoformat(),
            "ends_on": line.agreement.ends_on.isoformat() if line.agreement.ends_on else None,
        }
        for line in queries.agreements_of(site)
    ]
    keys = [{"id": key.pk, "name": key.name, "is_revoked": key.revoked_at is not None} for key in queries.keys_of(site)]
    lines = [f"{site.code}  {site.name} ({site.country})"]
    lines += [f"  agreement {row['id']}: {row['project']}, {row['licence']}, {row['state']}" for row in agreements]
    lines += [f"  key {row['id']}: {row['name']}{', revoked' if row['is_revoked'] else ''}" for row in keys]
    value = {"code": site.code, "name": site.name, "agreements": agreements, "keys": keys}
    _say(value, as_json=as_json, text="\n".join(lines))
