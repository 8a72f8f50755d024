"""``radcommons edge fetch``: what a list names comes from the PACS."""

import re
import socket
import threading
from datetime import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import click

from radcommons.edge import console
from radcommons.edge.commands.listening import ae_title, network_peers, stop_on_signals
from radcommons.edge.commands.options import folder_argument, json_option
from radcommons.edge.fetch.fetching import FetchOptions, write_report
from radcommons.edge.fetch.fetching import fetch as fetch_list
from radcommons.edge.fetch.pace import Pace, parse_pause
from radcommons.edge.fetch.pacs import Pacs, echo
from radcommons.edge.fetch.wishes import read_wishes
from radcommons.edge.listen.association import Rules
from radcommons.edge.listen.negotiation import Admission, Peer
from radcommons.edge.listen.server import ListenOptions
from radcommons.edge.progress import progress_option, step_progress

_PLACE = re.compile(r"(?P<title>[^@]{1,16})@(?P<host>[^@]+):(?P<port>\d{1,5})")


def _pacs(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, str, int]:
    match = _PLACE.fullmatch(value)
    if match is None or not 0 < int(match["port"]) < 65536:  # noqa: PLR2004  ports
        raise click.BadParameter("Write TITLE@HOST:PORT.")
    return match["title"].strip(), match["host"], int(match["port"])


def _pauses(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[time, time], ...]:
    try:
        return tuple(parse_pause(value) for value in values)
    except ValueError as error:
        raise click.BadParameter("Write 07:30-18:00.") from error


@click.command()
@click.argument("wishes", metavar="LIST", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@folder_argument
@click.option("--from", "pacs", required=True, callback=_pacs, help="The PACS: TITLE@HOST:PORT.")
@click.option("--aet", "title", default="RADCOMMONS", show_default=True, callback=ae_title, help="Our title there.")
@click.option(
    "--method",
    type=click.Choice(["move", "get"]),
    default="move",
    show_default=True,
    help="move: the PACS calls us back and must know where; get: all on one association.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=11112, show_default=True, help="Where it calls back.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="The address it calls back on; 0.0.0.0 for all.")
@click.option(
    "--allow", "peers", multiple=True, callback=network_peers, help="Who may send besides the PACS; as for listen."
)
@click.option("--per-hour", type=click.FloatRange(0), default=120.0, show_default=True, help="Studies; 0 for no limit.")
@click.option(
    "--not-during", "pauses", multiple=True, callback=_pauses, help="Hours of rest, 07:30-18:00; again for each."
)
@click.option("--attempts", type=click.IntRange(1, 20), default=3, show_default=True, help="For each study.")
@click.option("--timeout", "timeout_s", type=float, default=120.0, show_default=True, help="Longest silence, seconds.")
@click.option("--retry", "is_retried", is_flag=True, help="Ask again about every line: what was late, missing or grew.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Only ask what there is.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write what became of each line, CSV.")
@progress_option
@json_option
def fetch(wishes: Path, folder: Path, *, report: Path | None, is_json: bool, **how: Any) -> None:
    """Fetch into FOLDER the studies that LIST names.

    LIST is a CSV file with accession_number or patient_id. Run again, it goes on where it stopped. Exit code 1 when
    something was not found or did not come whole.
    """
    options, named = _options(how), read_wishes(wishes)
    stopped = threading.Event()
    stop_on_signals(stopped)
    echo(options.pacs)
    with step_progress(is_json=is_json) as progress:
        result = fetch_list(folder, named, options, stopped=stopped, progress=progress)
    if report is not None:
        write_report(folder, report)
    title = "Asked" if options.is_dry else "Stopped; run it again to go on" if stopped.is_set() else "Fetched"
    console.show(result, is_json=is_json, title=title)
    if not result.is_whole and not options.is_dry:
        raise click.exceptions.Exit(1)


def _options(how: dict[str, Any]) -> FetchOptions:
    called, host, port = how["pacs"]
    admission = Admission(how["title"], (*_peer_of(host), *how["peers"]))
    listen = ListenOptions(
        title=how["title"], rules=Rules(admission, timeout_s=how["timeout_s"]), bind=how["bind"], port=how["port"]
    )
    return FetchOptions(
        pacs=Pacs(host, port, called, how["title"], timeout_s=how["timeout_s"]),
        listen=listen if how["method"] == "move" else None,
        pace=Pace(how["per_hour"], how["pauses"]),
        attempts=how["attempts"],
        is_dry=how["is_dry"],
        is_retried=how["is_retried"],
    )


def _peer_of(host: str) -> tuple[Peer, ...]:
    """The PACS itself as one that may send; every address of its name."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise click.BadParameter("The host of the PACS has no address.") from error
    return tuple(Peer("", ip_network(address.partition("%")[0])) for address in sorted(found))
