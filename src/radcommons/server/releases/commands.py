"""``radcommons release …``: draft, check, publish, open, withdraw from the command line."""

import json
from typing import Any, TextIO

import click

from radcommons.server.catalog.queries import cohort_named
from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.words import counted
from radcommons.server.releases import queries, services
from radcommons.server.releases.errors import InvalidReleaseError
from radcommons.server.releases.models import Release
from radcommons.server.releases.rules import LICENCES
from radcommons.server.releases.services import DraftWish

EXIT_FINDINGS = 3
by_option = click.option("--by", metavar="NAME", help="The account that acts; without it, the operator.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def _actor(name: str | None) -> Actor:
    return actor_of_user(accounts.actor_named(name)) if name else Actor.system("cli")


@click.group()
def release() -> None:
    """Draft a version from a cohort, check it, publish it, open it, withdraw it."""


@release.command()
@click.argument("name", metavar="SLUG@VERSION")
@click.option("--cohort", required=True, metavar="NAME", help="The frozen cohort it holds.")
@click.option("--title", required=True, help="Its title, as it will be cited.")
@click.option(
    "--licence", type=click.Choice(list(LICENCES)), default="CC-BY-4.0", show_default=True, help="Its licence."
)
@click.option("--description", default="", help="What is in it, for whom.")
@click.option("--changes", default="", help="What is new, for the change log.")
@click.option("--creator", "creators", multiple=True, help="Who is cited; repeat for more.")
@click.option("--doi", default="", help="A DOI registered for it.")
@click.option(
    "--restricted",
    "terms_file",
    type=click.File(encoding="utf-8"),
    metavar="TERMS",
    help="Only people who were granted access may read it; a text file with the terms to which they agree.",
)
@by_option
@json_option
def draft(name: str, *, cohort: str, by: str | None, as_json: bool, terms_file: TextIO | None, **wished: Any) -> None:
    """Draft the version SLUG@VERSION."""
    slug, version = _split(name)
    terms = terms_file.read() if terms_file else ""
    if terms_file and not terms.strip():
        raise InvalidReleaseError("The file with the terms is empty. A restricted version needs terms.")
    wish = DraftWish(slug=slug, version=version, terms=terms, **wished)
    row = services.draft(wish, cohort_named(cohort), actor=_actor(by))
    _show(row, as_json=as_json)


@release.command()
@click.argument("name", metavar="SLUG@VERSION")
@by_option
@json_option
@click.pass_context
def check(context: click.Context, /, name: str, *, by: str | None, as_json: bool) -> None:
    """Run the checks on a draft; the exit code is 3 when something keeps it from being published."""
    row = _find(name)
    findings = services.check(row.pk, actor=_actor(by))
    if as_json:
        click.echo(json.dumps({"release": name, "findings": [finding.to_json() for finding in findings]}, indent=2))
    else:
        for finding in findings:
            click.echo(f"{finding.severity}  {finding.code}  {finding.where}: {finding.message}")
        click.echo(f"{counted(len(findings), 'finding')}.")
    if any(finding.is_error for finding in findings):
        context.exit(EXIT_FINDINGS)


@release.command()
@click.argument("name", metavar="SLUG@VERSION")
@by_option
@json_option
def publish(name: str, *, by: str | None, as_json: bool) -> None:
    """Publish a draft for everybody and for good."""
    _show(services.publish(_find(name).pk, actor=_actor(by)), as_json=as_json)


@release.command()
@click.argument("name", metavar="SLUG@VERSION")
@click.option("--reason", required=True, help="Read by everybody, on the page that stays.")
@by_option
@json_option
def withdraw(name: str, *, reason: str, by: str | None, as_json: bool) -> None:
    """Withdraw a published version; its page stays and says why."""
    _show(services.withdraw(_find(name).pk, reason=reason, actor=_actor(by)), as_json=as_json)


@release.command(name="open")
@click.argument("name", metavar="SLUG@VERSION")
@click.option("--reason", required=True, help="Stays in the record.")
@by_option
@json_option
def open_release(name: str, *, reason: str, by: str | None, as_json: bool) -> None:
    """Open a restricted version to everybody, for good."""
    _show(services.open_version(_find(name).pk, reason=reason, actor=_actor(by)), as_json=as_json)


@release.command()
@click.argument("name", metavar="SLUG@VERSION")
@by_option
def discard(name: str, *, by: str | None) -> None:
    """Throw a draft away."""
    services.discard_draft(_find(name).pk, actor=_actor(by))
    click.echo(f"{name} discarded.")


@release.command(name="list")
@json_option
def list_releases(*, as_json: bool) -> None:
    """All versions, drafts included."""
    rows = list(Release.objects.all())
    if as_json:
        click.echo(json.dumps([_summary(row) for row in rows], indent=2))
        return
    for row in rows:
        click.echo(
            f"{row.slug}@{row.version}  {row.state}  {row.access}  {row.instances} instances  {row.root_hash[:16]}"
        )


def _split(name: str) -> tuple[str, str]:
    slug, separator, version = name.partition("@")
    if not separator:
        raise InvalidReleaseError("Name a version as SLUG@VERSION, for example chest-ct@1.0.0.")
    return slug, version


def _find(name: str) -> Release:
    return queries.any_release(*_split(name))


def _show(row: Release, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_summary(row), indent=2))
        return
    click.echo(
        f"{row.slug}@{row.version} is {row.state} ({row.access}): {row.subjects} subjects, {row.instances} instances"
    )
    if row.root_hash:
        click.echo(f"root hash {row.root_hash}")


def _summary(row: Release) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "version": row.version,
        "title": row.title,
        "state": row.state,
        "access": row.access,
        "licence": row.licence,
        "subjects": row.subjects,
        "studies": row.studies,
        "series": row.series,
        "instances": row.instances,
        "size_bytes": row.size_bytes,
        "root_hash": row.root_hash or None,
        "manifest_sha256": row.manifest_sha256 or None,
        "published_at": row.published_at.isoformat() if row.published_at else None,
        "findings": row.findings,
    }
