"""``radcommons curation …``: the queue and its decisions from the command line."""

import json
from collections.abc import Callable
from typing import Any

import click

from radcommons.server.curation import queries, services
from radcommons.server.curation.rules import CaseState, Verb
from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.policy import Actor

by_option = click.option("--by", metavar="NAME", help="The account that decides; without it, the operator.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
reason_option = click.option("--reason", default="", help="Why; read by colleagues and, when returned, by the site.")


def _actor(name: str | None) -> Actor:
    return actor_of_user(accounts.actor_named(name)) if name else Actor.system("cli")


@click.group()
def curation() -> None:
    """See what waits for a curator, and decide."""


@curation.command(name="list")
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in CaseState), "all"]),
    default=CaseState.OPEN.value,
    show_default=True,
    help="Which.",
)
@click.option("--site", default="", metavar="CODE", help="Only studies of this site.")
@click.option("--code", default="", help="Only studies with this finding.")
@json_option
def list_cases(state: str, site: str, code: str, *, as_json: bool) -> None:
    """Studies before the curators, waiting longest first."""
    wanted = queries.QueueFilter(state="" if state == "all" else state, site=site, code=code)
    cases = queries.filtered_cases(wanted)
    rows = [
        {
            "study_instance_uid": case.study.study_instance_uid,
            "site": case.study.subject.site.code,
            "subject_id": case.study.subject.subject_id,
            "state": case.state,
            "errors": case.error_count,
            "warnings": case.warning_count,
        }
        for case in (cases.filter(state=state) if state != "all" else cases).iterator(chunk_size=500)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(
            "{study_instance_uid}  {site}  {subject_id}  {state}  {errors} errors, {warnings} warnings".format(**row)
        )
    click.echo(f"{len(rows)} studies.", err=True)


@curation.command()
@click.argument("study_instance_uid")
@json_option
def show(study_instance_uid: str, *, as_json: bool) -> None:
    """One study: its state, what the checks found, what was decided."""
    page = queries.study_page(study_instance_uid)
    value: dict[str, Any] = {
        "study_instance_uid": study_instance_uid,
        "state": page.case.state,
        "series": len(page.series),
        "instances": page.instance_count,
        "size_bytes": page.size_bytes,
        "findings": [
            {"severity": one.severity, "code": one.code, "where": one.place, "message": one.message}
            for one in page.findings
        ],
        "decisions": [
            {"verb": one.verb, "by": one.actor, "at": one.decided_at.isoformat(), "reason": one.reason}
            for one in page.decisions
        ],
    }
    if as_json:
        click.echo(json.dumps(value, indent=2))
        return
    click.echo(f"{study_instance_uid}: {page.case.state}, {len(page.series)} series, {page.instance_count} instances")
    for finding in value["findings"]:
        click.echo("  {severity}: {message} [{code}] {where}".format(**finding))
    for decision in value["decisions"]:
        click.echo("  {verb} by {by} at {at} {reason}".format(**decision))


@curation.command()
@click.argument("study_instance_uids", nargs=-1)
@click.option("--all-without-errors", is_flag=True, help="Every open study in which the checks found no error.")
@reason_option
@by_option
@json_option
def clear(
    study_instance_uids: tuple[str, ...], *, all_without_errors: bool, reason: str, by: str | None, as_json: bool
) -> None:
    """Let studies go on to the catalog."""
    if bool(study_instance_uids) == all_without_errors:
        raise click.UsageError("Name studies, or say --all-without-errors.")
    actor = _actor(by)
    if all_without_errors:
        result = services.clear_all(actor=actor, reason=reason)
    elif len(study_instance_uids) == 1:
        services.clear(study_instance_uids[0], actor=actor, reason=reason)
        result = services.BulkResult(1, {})
    else:
        result = services.clear_several(study_instance_uids, actor=actor, reason=reason)
    if as_json:
        click.echo(json.dumps({"cleared": result.decided, "skipped": result.skipped}))
        return
    click.echo(f"{result.decided} studies cleared.")
    for code, number in sorted(result.skipped.items()):
        click.echo(f"{number} not cleared [{code}]", err=True)


def _one_study_command(verb: Verb, text: str, act: Callable[..., None]) -> None:
    @curation.command(name=verb.value, help=text)
    @click.argument("study_instance_uid")
    @click.option("--reason", required=True, help="Why; one sentence.")
    @by_option
    @json_option
    def decide(study_instance_uid: str, *, reason: str, by: str | None, as_json: bool) -> None:
        act(study_instance_uid, actor=_actor(by), reason=reason)
        state = queries.study_page(study_instance_uid).case.state
        click.echo(
            json.dumps({"study_instance_uid": study_instance_uid, "state": state}) if as_json else f"Now {state}."
        )


_one_study_command(Verb.HOLD, "Keep a study back until something is settled.", services.hold)
_one_study_command(Verb.RETURN, "Ask the site to correct a study and send it again.", services.return_to_site)
_one_study_command(Verb.REJECT, "Refuse a study for good.", services.reject)
