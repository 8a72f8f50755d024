"""``radcommons intake``: batches and quarantine from the command line."""

import click
import orjson

from radcommons.server.intake import queries, services
from radcommons.server.intake.models import Batch, QuarantinedInstance
from radcommons.server.platform.accounts import actor_named
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor

OPERATOR = Actor.system("cli")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
by_option = click.option("--by", metavar="NAME", help="The account that decides; without it, the operator.")
reason_option = click.option("--reason", required=True, help="Why; kept with the decision.")


def _actor(by: str | None) -> Actor:
    return actor_of_user(actor_named(by)) if by else OPERATOR


def _batch(prefix: str) -> Batch:
    rows = list(queries.readable_batches(OPERATOR).filter(batch_id__startswith=prefix)[:2])
    if len(rows) != 1:
        raise NotFoundError("No batch, or more than one, begins with these digits.")
    return rows[0]


@click.group()
def intake() -> None:
    """Batches and quarantine."""


@intake.command("list")
@click.option("--site", default="", metavar="CODE", help="Only batches of this site.")
@json_option
def list_batches(site: str, *, as_json: bool) -> None:
    """List batches, newest first."""
    rows = queries.readable_batches(OPERATOR)
    lines = queries.lines(rows.filter(site__code=site) if site else rows)
    if as_json:
        value = [
            {
                "batch_id": line.batch.batch_id,
                "site": line.batch.site.code,
                "state": line.batch.state,
                "studies": line.studies,
                "counts": line.counts.to_json(),
            }
            for line in lines
        ]
        click.echo(orjson.dumps(value).decode())
        return
    for line in lines:
        counts = line.counts
        click.echo(
            f"{line.batch.batch_id[:12]}  {line.batch.site.code:<12} {line.batch.state:<10} "
            f"{counts.sent} files: {counts.stored} stored, {counts.duplicate} there before, {counts.quarantined} held"
        )


@intake.command()
@click.argument("batch")
@json_option
def show(batch: str, *, as_json: bool) -> None:
    """Show what became of a batch, named by its digest or its first digits."""
    row = _batch(batch)
    if as_json:
        click.echo(orjson.dumps(queries.batch_json(row)).decode())
        return
    line = queries.line(row)
    click.echo(f"{row.batch_id}\n{row.site.code}, {row.project}, {row.state}. {line.next_step}")
    click.echo(", ".join(f"{name} {number}" for name, number in line.counts.to_json().items() if number))
    for finding in queries.findings_of(row):
        click.echo(f"  {finding.severity:<8} {finding.count:>6} × {finding.code}: {finding.message}")
    for study in queries.studies_of(row):
        click.echo(f"  {study.state:<12} {study.accepted}/{study.sent} {study.study_instance_uid}")


@intake.command()
@click.argument("batch")
@by_option
@json_option
def retry(batch: str, *, by: str | None, as_json: bool) -> None:
    """Have everything held back of a batch verified again, as it is."""
    count = services.retry_batch(_batch(batch), actor=_actor(by))
    click.echo(orjson.dumps({"files": count}).decode() if as_json else f"{count} files are verified again.")


@intake.group()
def quarantine() -> None:
    """Files held back."""


@quarantine.command("list")
@click.option("--batch", default="", help="Only of this batch.")
@click.option("--all", "with_decided", is_flag=True, help="Also those decided about.")
@json_option
def list_quarantined(batch: str, *, with_decided: bool, as_json: bool) -> None:
    """List files held back, waiting longest first."""
    rows = queries.quarantined(batch=_batch(batch) if batch else None, is_waiting=not with_decided)
    if as_json:
        click.echo(orjson.dumps([_value(row) for row in rows.iterator(chunk_size=500)]).decode())
        return
    for row in rows.iterator(chunk_size=500):
        click.echo(f"{row.pk:>8}  {row.part.batch.site.code:<12} {row.decision:<10} {', '.join(_codes(row))}")


def _codes(row: QuarantinedInstance) -> list[str]:
    return sorted({finding["code"] for finding in row.findings if finding["severity"] == "error"})


def _value(row: QuarantinedInstance) -> dict[str, object]:
    return {
        "id": row.pk,
        "batch_id": row.part.batch.batch_id,
        "site": row.part.batch.site.code,
        "sha256": row.part.sha256,
        "modality": row.modality,
        "decision": row.decision,
        "codes": _codes(row),
        "findings": row.findings,
    }


@quarantine.command()
@click.argument("number", type=int)
@reason_option
@by_option
def release(number: int, reason: str, by: str | None) -> None:
    """Vouch for the pixels of a file and have it verified again."""
    services.release_quarantined(number, reason=reason, actor=_actor(by))
    click.echo(f"File {number} is verified again.")


@quarantine.command()
@click.argument("number", type=int)
@reason_option
@by_option
def discard(number: int, reason: str, by: str | None) -> None:
    """Delete the bytes of a file held back; its findings stay."""
    services.discard_quarantined(number, reason=reason, actor=_actor(by))
    click.echo(f"File {number} was deleted.")
