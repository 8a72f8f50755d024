"""``radcommons archive``: the operator's commands of the archive."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import orjson

from radcommons.dicom.finding import Finding
from radcommons.server.archive import services
from radcommons.server.platform.policy import Actor

MIB = 1 << 20
TELL_EVERY_S = 5.0
IS_JSON = click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")


@click.group(name="archive")
def archive() -> None:
    """Stored instances and their bytes."""


@archive.command()
@click.option(
    "--sample",
    metavar="PERCENT",
    default=100.0,
    show_default=True,
    type=click.FloatRange(0, 100, min_open=True),
    help="The part of the objects to read; each sample is another part.",
)
@click.option("--rate", metavar="MIB/S", type=click.FloatRange(0, min_open=True), help="Most to read in a second.")
@click.option("--restart", "is_new", is_flag=True, help="Give up a verification that was interrupted and begin anew.")
@IS_JSON
def verify(*, sample: float, rate: float | None, is_new: bool, is_json: bool) -> None:
    """Read stored objects again and compare them with their digests; exit code 1 when one differs.

    An interrupted verification goes on where it was. A damaged object is laid aside and no longer served; when the same
    file is received again, from its site or from an export, it is whole again. So it is when somebody put it back into
    the store, under its old name: the next full verification finds it there.
    """
    pace = services.Pace(fraction=sample / 100, bytes_per_s=rate * MIB if rate else None, is_new=is_new)
    result = services.verify_objects(actor=Actor.system("cli"), pace=pace, progress=_telling("checked"))
    went_on = " (an interrupted verification went on)" if result.is_resumed else ""
    mended = f", {result.mended} served again" if result.mended else ""
    numbers = f"{result.checked:,} objects, {result.size_bytes:,} bytes checked{went_on}, {len(result.findings)} findings{mended}."
    _show(result.to_json(), numbers, result.findings, is_json=is_json)


@archive.command(name="clean-up")
@click.option("--hours", default=24, show_default=True, type=click.IntRange(min=1), help="Age of what is removed.")
@IS_JSON
def clean_up(*, hours: int, is_json: bool) -> None:
    """Remove what was begun to be stored and never finished."""
    removed = services.clean_up_unfinished(older_than_hours=hours)
    pieces = services.clean_up_pieces(older_than_hours=hours)
    answer = {"removed": removed, "pieces": pieces}
    plain = f"{removed} unfinished instances and {pieces} unfinished files removed."
    click.echo(orjson.dumps(answer).decode() if is_json else plain)


@archive.command(name="export")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@IS_JSON
def export(folder: Path, *, is_json: bool) -> None:
    """Write the whole archive as plain folders with signed manifests, or go on where an export stopped.

    The exit code is 1 when an object was damaged and left out.
    """
    done = services.export_archive(folder, actor=Actor.system("cli"), progress=_telling("exported"))
    plain = (
        f"{done.instances:,} instances, {done.size_bytes:,} bytes exported, {done.already_there:,} files were there."
    )
    _show(done.to_json(), plain, done.findings, is_json=is_json)


@archive.command(name="import")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The public key (PEM) of the centre that wrote the export, obtained another way than with it.",
)
@IS_JSON
def import_(folder: Path, *, key: Path | None, is_json: bool) -> None:
    """Take in an export of another archive: every digest is verified; what is here already is left alone.

    The exit code is 1 when a file was damaged, missing or refused.
    """
    pem = key.read_bytes() if key else None
    done = services.import_archive(folder, actor=Actor.system("cli"), pinned_key=pem, progress=_telling("imported"))
    plain = (
        f"{done.stored} instances stored, {done.already_there} were there already, {len(done.sites_made)} sites made."
    )
    _show(done.to_json(), plain, done.findings, is_json=is_json)


@archive.group()
def purge() -> None:
    """Remove bytes for good: first a plan, then exactly that plan."""


def _selecting(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what goes and why."""
    options = (
        click.option("--study", metavar="UID", default="", help="One study."),
        click.option("--subject", metavar="SITE/PROJECT/ID", default="", help="Everything of one subject."),
        click.option(
            "--cause", required=True, type=click.Choice([cause.value for cause in services.Cause]), help="Why it goes."
        ),
        click.option("--reason", required=True, help="The same in words; they stay on record."),
        IS_JSON,
    )
    for option in reversed(options):
        command = option(command)
    return command


@purge.command(name="plan")
@_selecting
def plan(*, study: str, subject: str, cause: str, reason: str, is_json: bool) -> None:
    """Say what would be removed and what is kept, and why; nothing is changed."""
    found = services.plan_purge(_selection(study, subject), cause=services.Cause(cause), reason=reason)
    numbers = {"instances": len(found.purged), "size_bytes": found.size_bytes, "kept": dict(found.kept)}
    if is_json:
        digests = [item.sha256 for item in found.purged]
        click.echo(orjson.dumps({"plan": found.sha256, **numbers, "sha256": digests}).decode())
        return
    click.echo(f"{len(found.purged):,} instances, {found.size_bytes:,} bytes would be removed for good.")
    for why, count in sorted(found.kept.items()):
        click.echo(f"kept: {count} instances, for {why}.")
    click.echo(f"To remove them, run the same options with: purge apply --plan {found.sha256}")


@purge.command(name="apply")
@click.option("--plan", "plan_sha256", required=True, metavar="SHA256", help="The digest of the plan that was read.")
@_selecting
def apply(*, plan_sha256: str, study: str, subject: str, cause: str, reason: str, is_json: bool) -> None:
    """Remove exactly what a plan said, and print the signed tombstone."""
    done = services.apply_purge(
        _selection(study, subject),
        cause=services.Cause(cause),
        reason=reason,
        plan_sha256=plan_sha256,
        actor=Actor.system("cli"),
    )
    tombstone = orjson.loads(bytes(done.tombstone))
    if is_json:
        numbers = {"plan": done.plan_sha256, "instances": done.instances, "size_bytes": done.size_bytes}
        click.echo(orjson.dumps({**numbers, "tombstone": tombstone}).decode())
        return
    click.echo(f"{done.instances:,} instances, {done.size_bytes:,} bytes removed. The tombstone:")
    click.echo(orjson.dumps(tombstone).decode())


@purge.command(name="lift")
@click.argument("plan_sha256", metavar="SHA256")
@IS_JSON
def lift(plan_sha256: str, *, is_json: bool) -> None:
    """Let the bytes of a purge be received again, when it was a mistake; its tombstone stays."""
    count = services.lift_purge(plan_sha256, actor=Actor.system("cli"))
    click.echo(orjson.dumps({"lifted": count}).decode() if is_json else f"{count} digests are taken again.")


def _selection(study: str, subject: str) -> services.Selection:
    parts = subject.split("/")
    if bool(study) == bool(subject) or (subject and len(parts) != len(("SITE", "PROJECT", "ID"))):
        raise click.UsageError("Give either --study UID or --subject SITE/PROJECT/ID.")
    return services.Selection(study) if study else services.Selection("", *parts)


def _show(document: dict[str, object], plain: str, findings: Sequence[Finding], *, is_json: bool) -> None:
    """Print an outcome; exit code 1 when there is a finding."""
    if is_json:
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        for finding in findings:
            click.echo(f"{finding.severity.value}: {finding.code}: {finding.where}: {finding.message}")
        click.echo(plain)
    if findings:
        raise click.exceptions.Exit(1)


def _telling(word: str) -> Callable[[int, int], None]:
    """Tells on the error stream, every few seconds, how far a long command has come."""
    told = time.monotonic()

    def progress(count: int, size_bytes: int) -> None:
        nonlocal told
        if time.monotonic() - told >= TELL_EVERY_S:
            told = time.monotonic()
            click.echo(f"{word}: {count:,} objects, {size_bytes / MIB:.0f} MiB", file=sys.stderr)

    return progress
