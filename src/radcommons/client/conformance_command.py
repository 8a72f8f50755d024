"""``radcommons dicomweb-check``: whether a DICOMweb server does what PS3.18 says."""

from pathlib import Path

import click
import httpx
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from radcommons.client.conformance.answers import Server
from radcommons.client.conformance.checks import CheckFailedError, Result, Verdict
from radcommons.client.conformance.run import Report, chosen_checks, run_checks
from radcommons.client.conformance.sample import Sample

_SIGNS = {Verdict.PASSED: "[green]passed[/]", Verdict.FAILED: "[red]failed[/]", Verdict.SKIPPED: "[dim]skipped[/]"}

_UNADMITTED = frozenset({401, 403})


@click.command("dicomweb-check")
@click.argument("url")
@click.option("--token", envvar="RADCOMMONS_TOKEN", help="Bearer token, for a server that asks for one.")
@click.option("--user", metavar="NAME:PASSWORD", help="Basic authentication, for a server that asks for it.")
@click.option("--only", multiple=True, metavar="NAME", help="Checks whose names begin so; may be given again.")
@click.option(
    "--store",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A DICOM file that may be stored there; without it nothing is written.",
)
@click.option("--timeout", "timeout_s", type=float, default=60.0, show_default=True, help="Longest silence, seconds.")
@click.option("--list", "is_list", is_flag=True, help="Show the checks and their clauses; ask nothing.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def dicomweb_check(
    context: click.Context,
    /,
    url: str,
    *,
    only: tuple[str, ...],
    files: tuple[Path, ...],
    timeout_s: float,
    is_list: bool,
    is_json: bool,
    **access: str | None,
) -> None:
    """Check the DICOMweb server at URL (the address in front of /studies) against PS3.18.

    The exit code is 1 when something that the standard requires is not done. No answer may take longer than 5 minutes,
    all together not longer than 30; what could not be asked in that time has failed.
    """
    checks = chosen_checks(only)
    if not checks:
        raise click.UsageError("No check has such a name; --list shows them all.")
    if is_list:
        click.echo("\n".join(f"{each.name:40} {each.clause:16} {each.demand.value:9} {each.title}" for each in checks))
        return
    headers = {"Authorization": f"Bearer {access['token']}"} if access["token"] else {}
    name, _, password = (access["user"] or "").partition(":")
    auth = (name, password) if name else None
    with httpx.Client(headers=headers, auth=auth, timeout=timeout_s, follow_redirects=True) as client:
        server = Server(url, client)
        _must_answer(server)
        report = run_checks(Sample(server, files), checks, None if is_json else _show)
    if is_json:
        click.echo(orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2))
    else:
        _summary(report)
    if not report.is_conformant:
        context.exit(1)


def _must_answer(server: Server) -> None:
    """Say at once where there is nothing to check, or nothing for whoever asks."""
    try:
        status = server.ask("studies?limit=1").status
    except CheckFailedError as error:
        raise click.ClickException(f"There is nothing to check at {server.root}: {error}.") from error
    if status in _UNADMITTED:
        raise click.ClickException(f"{server.root} answers {status}: give --token or --user of whoever may read there.")


def _show(result: Result) -> None:
    demand = "" if result.verdict is not Verdict.FAILED else f" ({result.check.demand.value})"
    line = f"{_SIGNS[result.verdict]:>9} {result.check.name} · PS3.18 {result.check.clause}{demand}"
    Console(highlight=False, soft_wrap=True).print(line + (f": {escape(result.message)}" if result.message else ""))


def _summary(report: Report) -> None:
    table = Table("checks", *(verdict.value for verdict in Verdict))
    for demand in ("required", "optional"):
        mine = [each for each in report.results if each.check.demand.value == demand]
        table.add_row(demand, *(str(sum(each.verdict is verdict for each in mine)) for verdict in Verdict))
    Console().print(table)
