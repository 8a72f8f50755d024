"""The command line: every command is a thin shell over one verb.

Command modules are imported only when their command is asked for, so ``radcommons --help`` answers at once and a
hospital without the server's dependencies can use ``edge``.
"""

import errno
import gc
import importlib
import json
import os
import sys
from dataclasses import dataclass
from typing import NoReturn

import click

from radcommons import __version__
from radcommons.apps.exits import EXIT_CODES
from radcommons.dicom.errors import Kind, RadCommonsError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives and what it is for, without importing it.

    ``ends_at_once`` is one that has closed whatever it held when it returns: no thread, child or connection is left.
    """

    module: str
    attribute: str
    summary: str
    needs_server: bool = False
    ends_at_once: bool = False


DATA_VARIABLE = "RADCOMMONS_DATA"
HELP_WORDS = frozenset({"-h", "--help"})
COMMANDS = {
    "demo": Entry("radcommons.apps.demo.command", "demo", "Show everything at once, on made-up or your own studies."),
    "serve": Entry("radcommons.apps.serve", "serve", "Start a centre: database, portal, DICOMweb, worker."),
    "doctor": Entry("radcommons.apps.doctor", "doctor", "Check this centre and explain what is wrong."),
    "edge": Entry("radcommons.edge.commands", "edge", "At the hospital: scan, select, de-identify, review, send."),
    "download": Entry(
        "radcommons.client.commands", "download", "Download a release, resumable and verified.", ends_at_once=True
    ),
    "manifest": Entry("radcommons.client.list_commands", "manifest", "Lists of a release for other programs."),
    "verify": Entry("radcommons.client.commands", "verify", "Verify a downloaded release offline."),
    "dicomweb-check": Entry(
        "radcommons.client.conformance_command", "dicomweb_check", "Check any DICOMweb server against PS3.18."
    ),
    "accounts": Entry("radcommons.apps.accounts_commands", "accounts", "Accounts and roles.", needs_server=True),
    "audit": Entry(
        "radcommons.apps.audit_commands", "audit", "The audit log: verify, show, checkpoint.", needs_server=True
    ),
    "jobs": Entry(
        "radcommons.apps.jobs_commands", "jobs", "Jobs that were given up: list, retry, dismiss.", needs_server=True
    ),
    "sites": Entry(
        "radcommons.server.sites.commands", "sites", "Sites, agreements, contributor keys.", needs_server=True
    ),
    "intake": Entry("radcommons.server.intake.commands", "intake", "Batches and quarantine.", needs_server=True),
    "archive": Entry(
        "radcommons.server.archive.commands",
        "archive",
        "Stored bytes: verify, export, import, purge.",
        needs_server=True,
    ),
    "journey": Entry("radcommons.server.journey.commands", "journey", "What became of a study.", needs_server=True),
    "curation": Entry(
        "radcommons.server.curation.commands", "curation", "Clear, hold, return, reject.", needs_server=True
    ),
    "annotation": Entry(
        "radcommons.server.annotation.commands", "annotation", "Schemas, blinded reads, agreement.", needs_server=True
    ),
    "catalog": Entry("radcommons.server.catalog.commands", "catalog", "Facets and cohorts.", needs_server=True),
    "release": Entry("radcommons.server.releases.commands", "release", "Draft, check, publish.", needs_server=True),
    "access": Entry(
        "radcommons.server.access.commands", "access", "Requests for restricted versions.", needs_server=True
    ),
    "deid-benchmark": Entry(
        "radcommons.apps.deid_benchmark.command", "deid_benchmark", "Measure de-identifiers on planted identifiers."
    ),
    "viewer": Entry("radcommons.server.portal.viewer.commands", "viewer", "Install the OHIF viewer's files."),
}


EPILOG = (
    "Begin with 'radcommons demo'; a hospital with 'radcommons edge init', a centre with 'radcommons serve'. "
    "The commands from 'accounts' to 'access' work on the centre that --data DIR or RADCOMMONS_DATA names."
)


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the work."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; one that needs the centre is connected to it first."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        try:
            return _with_centre(entry) if entry.needs_server else _load(entry)
        except ModuleNotFoundError as error:
            if error.name and error.name.startswith("radcommons"):
                raise
            message = f"'{cmd_name}' needs the server's packages: pip install \"radcommons[server]\" ({error.name})."
            raise click.ClickException(message) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


def _load(entry: Entry) -> click.Command:
    # There is no garbage in what is imported.
    gc.disable()
    try:
        command = getattr(importlib.import_module(entry.module), entry.attribute)
    finally:
        gc.enable()
    if not isinstance(command, click.Command):
        raise TypeError(f"{entry.module}.{entry.attribute} is not a command")
    return command


def _with_centre(entry: Entry) -> click.Command:
    """A command that needs the centre's database: it is connected, and started if need be, first."""
    centre = importlib.import_module("radcommons.apps.centre")
    if HELP_WORDS.isdisjoint(sys.argv):
        centre.connect(os.environ.get(DATA_VARIABLE))
        # Commands of one room ask what only others know, as pages do.
        importlib.import_module("radcommons.apps.wiring")
    else:
        centre.connect_to_nothing()
    command = _load(entry)
    _show_data_option(command)
    return command


def _show_data_option(command: click.Command) -> None:
    """Have help tell of ``--data``, which is off the line before a command of a room reads it."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _show_data_option(inner)
    elif all(parameter.name != "data" for parameter in command.params):
        text = f"The centre's data directory (default: {DATA_VARIABLE}, else ./var)."
        command.params.append(click.Option(["--data"], metavar="DIR", expose_value=False, help=text))


def _without_data_option(words: list[str]) -> list[str]:
    """Take ``--data DIR`` of a room's command off the line and into the environment; the rooms need not know of it."""
    rest: list[str] = []
    named = None
    left = iter(words)
    for word in left:
        if word == "--data":
            named = next(left, "")
        elif word.startswith("--data="):
            named = word.removeprefix("--data=")
        else:
            rest.append(word)
    entry = COMMANDS.get(rest[0]) if rest else None
    if named is None or entry is None or not entry.needs_server:
        return words
    if not named:
        raise click.UsageError("Option '--data' requires an argument.")
    os.environ[DATA_VARIABLE] = named
    return rest


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(__version__, prog_name="radcommons")
def radcommons() -> None:
    """Run an open imaging repository: hospitals send, a centre curates, researchers download."""


def main() -> None:
    """Run the command line; errors of the house become one line (or one JSON object) and an exit code by kind."""
    try:
        words = _without_data_option(sys.argv[1:])
        # Outside its own mode click hands back the code that a command asked to exit with, instead of exiting.
        code = radcommons(words, standalone_mode=False)
        if words and words[0] in COMMANDS and COMMANDS[words[0]].ends_at_once:
            _end(code or 0)
        sys.exit(code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except RadCommonsError as error:
        _refuse(error)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        message = "There is no room left on the disk. Make room and run the same command again."
        _refuse(RadCommonsError(Kind.UNAVAILABLE, "cli.disk-full", message))


def _end(code: int) -> NoReturn:
    """End without taking the interpreter apart, which lasts as long as fetching some files; the system frees everything at once."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _refuse(error: RadCommonsError) -> NoReturn:
    if "--json" in sys.argv:
        click.echo(json.dumps(error.to_json(), default=str), err=True)
    else:
        click.echo(f"{error.message} [{error.code}]", err=True)
    sys.exit(EXIT_CODES[error.kind])
