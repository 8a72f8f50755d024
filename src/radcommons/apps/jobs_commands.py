"""``radcommons jobs``: background jobs that were given up."""

import click
import orjson

from radcommons.server.platform import failed_jobs
from radcommons.server.platform.policy import Actor

OPERATOR = Actor.system("cli")


@click.group()
def jobs() -> None:
    """Background jobs that were given up."""


@jobs.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_jobs(*, as_json: bool) -> None:
    """List the jobs that were given up; exit code 1 when there are any."""
    rows = failed_jobs.failed_jobs()
    if as_json:
        click.echo(orjson.dumps([row.to_json() for row in rows]).decode())
    else:
        for row in rows:
            at = f"{row.failed_at:%Y-%m-%d %H:%M}" if row.failed_at else "-"
            click.echo(f"{row.job:>8}  {at:<16}  tried {row.attempts} times  {row.task:<30} {row.work}")
        if not rows:
            click.echo("No job was given up.")
    if rows:
        raise click.exceptions.Exit(1)


@jobs.command()
@click.argument("job", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def retry(job: int, *, as_json: bool) -> None:
    """Put a job back into the queue, with all of its attempts."""
    failed_jobs.retry_job(job, actor=OPERATOR)
    click.echo(orjson.dumps({"retried": job}).decode() if as_json else f"Job {job} is in the queue again.")


@jobs.command()
@click.argument("job", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def dismiss(job: int, *, as_json: bool) -> None:
    """Remove a job; its work is not done."""
    failed_jobs.dismiss_job(job, actor=OPERATOR)
    click.echo(orjson.dumps({"dismissed": job}).decode() if as_json else f"Job {job} is removed.")
