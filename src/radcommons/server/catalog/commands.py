"""``radcommons catalog …``: count the catalog, freeze cohorts."""

import json
from dataclasses import asdict
from typing import Any

import click

from radcommons.server.catalog import queries, services
from radcommons.server.catalog.models import Cohort
from radcommons.server.catalog.rules import FACETS, CatalogQuery
from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.errors import InvalidError
from radcommons.server.platform.policy import Actor

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
where_option = click.option(
    "--where",
    multiple=True,
    metavar="FACET=VALUE",
    help=f"Narrow the selection; repeat for more. Facets: {', '.join(FACETS)}.",
)


def _query(where: tuple[str, ...]) -> CatalogQuery:
    lists: dict[str, list[str]] = {}
    for item in where:
        name, separator, value = item.partition("=")
        if not separator or name not in FACETS:
            message = f"'{item}' is not FACET=VALUE. The facets are {', '.join(FACETS)}."
            raise InvalidError("catalog.query-invalid", message)
        lists.setdefault(name, []).append(value)
    return CatalogQuery.from_lists(lists)


@click.group()
def catalog() -> None:
    """Count what is cleared, and freeze selections of it as cohorts."""


@catalog.command()
@where_option
@json_option
def facets(where: tuple[str, ...], *, as_json: bool) -> None:
    """How much the catalog holds, by every facet."""
    answer = queries.facets(_query(where))
    if as_json:
        click.echo(json.dumps(asdict(answer), indent=2))
        return
    one = answer.selected
    click.echo(f"{one.subjects} subjects, {one.studies} studies, {one.series} series, {one.instances} instances")
    for facet in answer.facets:
        click.echo(facet.label)
        for value in facet.values:
            noun = "subject " if value.counts.subjects == 1 else "subjects"
            click.echo(f"  {value.value:<32} {value.counts.subjects:>8} {noun} {value.counts.series:>8} series")


@catalog.command()
@click.argument("name")
@where_option
@click.option("--by", metavar="NAME", help="The account that freezes; without it, the operator.")
@json_option
def freeze(name: str, where: tuple[str, ...], by: str | None, *, as_json: bool) -> None:
    """Freeze what a selection holds now as the cohort NAME."""
    actor = actor_of_user(accounts.actor_named(by)) if by else Actor.system("cli")
    _show([services.freeze_cohort(name, _query(where), actor=actor)], as_json=as_json, is_list=False)


@catalog.command()
@json_option
def cohorts(*, as_json: bool) -> None:
    """All cohorts, the latest first."""
    _show(list(queries.cohorts()), as_json=as_json, is_list=True)


def _show(rows: list[Cohort], *, as_json: bool, is_list: bool) -> None:
    values: list[dict[str, Any]] = [
        {
            "id": row.pk,
            "name": row.name,
            "query": row.query,
            "digest": row.digest,
            "subjects": row.subject_count,
            "studies": row.study_count,
            "series": row.series_count,
            "instances": row.instance_count,
            "size_bytes": row.size_bytes,
            "frozen_by": row.frozen_by,
            "frozen_at": row.frozen_at.isoformat(),
        }
        for row in rows
    ]
    if as_json:
        click.echo(json.dumps(values if is_list else values[0], indent=2))
        return
    for value in values:
        text = (
            "{name}: {subjects} subjects, {studies} studies, {series} series, {instances} instances, SHA-256 {digest}"
        )
        click.echo(text.format(**value))
