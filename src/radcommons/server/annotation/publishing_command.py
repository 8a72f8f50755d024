"""``radcommons annotation publish``: hand a closed project's reads and labels to the archive."""

import json

import click

from radcommons.server.annotation.models import ReadingProject
from radcommons.server.annotation.queries.publishing import Account, account_of
from radcommons.server.annotation.services.publishing import begin_publication, publish_case, waiting_cases
from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor


@click.command()
@click.argument("slug")
@click.option("--by", metavar="NAME", help="The account that asks; without it, the operator.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def publish(slug: str, *, by: str | None, as_json: bool) -> None:
    """Write the reads and the consensus of a closed project as DICOM, and take them in.

    Stopped, it goes on where it was when it is run again; what was published is never published twice.
    """
    actor = actor_of_user(accounts.actor_named(by)) if by else Actor.system("cli")
    project = ReadingProject.objects.filter(slug=slug).first()
    if project is None:
        raise NotFoundError("There is no such reading project.")
    publication = begin_publication(project, actor=actor)
    cases = waiting_cases(publication)
    for number, case_id in enumerate(cases, start=1):
        publish_case(publication.pk, case_id, actor=actor)
        click.echo(f"\r{number:,} of {len(cases):,} cases", nl=number == len(cases), err=True)
    publication.refresh_from_db()
    account = account_of(publication)
    click.echo(json.dumps(account.to_json(), indent=2) if as_json else _told(account))


def _told(account: Account) -> str:
    objects = ", ".join(f"{count:,} {kind.upper()}" for kind, count in sorted(account.by_kind.items())) or "no object"
    states = ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in sorted(account.by_state.items()))
    lines = [
        f"Publication {account.publication.number} is {account.publication.state}: {objects} of {account.total:,} readings ({states})."
    ]
    lines += [f"  {count:>6,} left out: {text}" for _, count, text in account.left_out]
    lines += [f"  {count:>6,} readings held in quarantine: {code}" for code, count in account.held]
    lines.append("The studies are with the curators, who clear them again; then a release can hold the objects.")
    return "\n".join(lines)
