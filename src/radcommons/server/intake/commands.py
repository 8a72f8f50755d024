"""``radcommons intake``: batches and quarantine from the command line."""

from pathlib import Path

import click
import orjson

from radcommons import __version__
from radcommons.deid.profile import DEFAULT_PROFILE
from radcommons.server.intake import queries, rules, services
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
@click.argument("source")
@click.option("--site", "site_code", required=True, metavar="CODE", help="The site whose data these are.")
@click.option("--project", required=True, help="The project, for which the site has an agreement in force.")
@click.option("--profile", default=DEFAULT_PROFILE, show_default=True, help="How the files were de-identified.")
@by_option
@json_option
def store(source: str, *, site_code: str, project: str, profile: str, by: str | None, as_json: bool) -> None:
    """Store de-identified files of a folder, or of a bucket's prefix (s3://bucket/prefix), as if their site had sent them.

    Every file is looked into again; what breaks a rule is held back. Doing it again stores nothing twice.
    """
    upload = services.open_direct_upload(site_code, project, profile=profile, actor=_actor(by))
    done = services.bring_in(upload, services.files_at(source), software=f"RadCommons {__version__}")
    if as_json:
        click.echo(orjson.dumps(done.to_json()).decode())
        return
    click.echo(f"{done.files} files: {done.stored} stored, {done.held_back} held back, {done.left_out} left out")
    for code, count in sorted(done.reasons.items()):
        click.echo(f"  {count:>6} × {code}")


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
@click.option("--picture", is_flag=True, help="You looked at all of it: it names nobody.")
@click.option("--texts", is_flag=True, help="You read those that look suspicious: they name nobody.")
@reason_option
@by_option
def release(number: int, *, picture: bool, texts: bool, reason: str, by: str | None) -> None:
    """Vouch for what you looked at of a file, and have it verified again."""
    vouched = [code for code, is_seen in ((rules.PIXEL_TEXT, picture), (rules.SUSPICIOUS_TEXT, texts)) if is_seen]
    services.release_quarantined(number, reason=reason, vouched=vouched, actor=_actor(by))
    click.echo(f"File {number} is verified again.")


@quarantine.command()
@click.argument("number", type=int)
@reason_option
@by_option
def discard(number: int, reason: str, by: str | None) -> None:
    """Delete the bytes of a file held back; its findings stay."""
    services.discard_quarantined(number, reason=reason, actor=_actor(by))
    click.echo(f"File {number} was deleted.")


@intake.group()
def keys() -> None:
    """Keys by which sites sign their batches."""


@keys.command("list")
@json_option
def list_keys(*, as_json: bool) -> None:
    """List the keys, those that wait for a person first."""
    rows = queries.signing_keys()
    if as_json:
        names = ("fingerprint", "trust", "decided_by", "reason")
        value = [{"id": row.pk, "site": row.site.code, **{name: getattr(row, name) for name in names}} for row in rows]
        click.echo(orjson.dumps(value).decode())
        return
    for row in rows:
        click.echo(f"{row.pk:>5}  {row.site.code:<12} {row.trust:<8} {row.shown_fingerprint}")


@keys.command()
@click.argument("number", type=int)
@reason_option
@by_option
def trust(number: int, reason: str, by: str | None) -> None:
    """Take batches signed with a key, after its fingerprint was compared with the site."""
    services.trust_signing_key(number, reason=reason, actor=_actor(by))
    click.echo(f"Key {number} is trusted. Batches that waited for it are verified.")


@keys.command()
@click.argument("number", type=int)
@reason_option
@by_option
def refuse(number: int, reason: str, by: str | None) -> None:
    """Take no batch signed with a key; those that wait are deleted."""
    services.refuse_signing_key(number, reason=reason, actor=_actor(by))
    click.echo(f"Key {number} is refused.")


@intake.group()
def profiles() -> None:
    """De-identification profiles that are accepted beside those that come with RadCommons."""


@profiles.command("list")
@json_option
def list_profiles(*, as_json: bool) -> None:
    """List the accepted profiles."""
    names = ("project", "name", "version", "sha256", "accepted_by")
    rows = [{"id": row.pk, **{name: getattr(row, name) for name in names}} for row in queries.accepted_profiles()]
    if as_json:
        click.echo(orjson.dumps(rows).decode())
        return
    for row in rows:
        click.echo(f"{row['id']:>5}  {row['project']:<16} {row['name']} {row['version']}  {row['sha256'][:16]}…")


@profiles.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--project", required=True, help="The project whose batches may come with it.")
@by_option
def accept(file: Path, project: str, by: str | None) -> None:
    """Accept a profile for a project; batches that come with it are verified by its rules."""
    row = services.accept_profile(file.read_text(encoding="utf-8"), project=project, actor=_actor(by))
    click.echo(f"Profile {row.name} {row.version} is accepted for {row.project}.")


@profiles.command()
@click.argument("number", type=int)
@by_option
def forget(number: int, by: str | None) -> None:
    """Accept a profile no longer."""
    services.forget_profile(number, actor=_actor(by))
    click.echo("Batches that come with this profile are refused from now on.")
