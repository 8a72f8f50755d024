"""``radcommons edge listen``: a PACS sends, this machine keeps."""

import ipaddress
import logging
import signal
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import click
import orjson

from radcommons.edge import console
from radcommons.edge.commands.options import folder_argument, json_option
from radcommons.edge.listen.association import Rules
from radcommons.edge.listen.negotiation import Admission, Peer
from radcommons.edge.listen.server import Listener, ListenOptions, running

_TITLE_LENGTH = 16
_LINE_EVERY_S = 60.0
_MEGABYTE = 10**6


def ae_title(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """An application entity title as given on the command line (PS3.5 6.2, AE)."""
    if not 0 < len(value) <= _TITLE_LENGTH or not value.isascii() or not value.isprintable() or "\\" in value:
        raise click.BadParameter("An application entity title has 1 to 16 plain characters.")
    return value.strip()


def network_peers(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Peer, ...]:
    """Who may send, as given on the command line: titles, addresses, networks."""
    return tuple(_peer(value) for value in values)


def _peer(value: str) -> Peer:
    title, _, network = value.partition("@")
    try:
        return Peer(title.strip(), ipaddress.ip_network(network, strict=False) if network else None)
    except ValueError as error:
        raise click.BadParameter("Write TITLE, TITLE@ADDRESS, @ADDRESS or @NETWORK/BITS.") from error


def addresses(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[str, int]]:
    """Titles with host and port as given on the command line, ``TITLE=HOST:PORT``."""
    found = {}
    for value in values:
        title, _, place = value.partition("=")
        host, _, port = place.rpartition(":")
        if not title or not host or not port.isdecimal():
            raise click.BadParameter("Write TITLE=HOST:PORT.")
        found[title] = (host, int(port))
    return found


@click.command()
@folder_argument
@click.option("--aet", "title", default="RADCOMMONS", show_default=True, callback=ae_title, help="Our own title.")
@click.option("--port", type=click.IntRange(0, 65535), default=11112, show_default=True, help="0 takes a free one.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 for all.")
@click.option(
    "--allow",
    "peers",
    multiple=True,
    callback=network_peers,
    help="Who may send: TITLE, TITLE@ADDRESS, @ADDRESS or @NETWORK/BITS; again for each.",
)
@click.option("--allow-anybody", is_flag=True, help="Take from anybody who reaches the port.")
@click.option("--any-called", is_flag=True, help="Be called by any title, not only by --aet.")
@click.option(
    "--peer",
    "callers",
    multiple=True,
    callback=addresses,
    help="TITLE=HOST:PORT to which reports of storage commitment are sent; again for each.",
)
@click.option("--max-pdu", type=click.IntRange(4096, 1 << 22), default=1 << 18, show_default=True, help="Bytes.")
@click.option("--max-associations", type=click.IntRange(1, 512), default=32, show_default=True, help="Side by side.")
@click.option("--timeout", "timeout_s", type=float, default=60.0, show_default=True, help="Longest silence, seconds.")
@click.option("--reserve", "reserve_mb", type=click.IntRange(0), default=1024, show_default=True, help="MB kept free.")
@click.option("--tls-cert", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Certificate, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Its key, PEM.")
@click.option(
    "--tls-ca", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Demand peers' certificates by it."
)
@json_option
def listen(folder: Path, *, allow_anybody: bool, is_json: bool, **how: Any) -> None:
    """Receive into FOLDER what a PACS sends (C-STORE). Ends with Ctrl-C; nothing leaves this machine."""
    if not how["peers"] and not allow_anybody and not _is_loopback(how["bind"]):
        raise click.UsageError("Say who may send with --allow, or --allow-anybody; this port can be reached by others.")
    options = _options(how)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s")
    stopped = threading.Event()
    stop_on_signals(stopped)
    with running(folder, options) as listener:
        if is_json:
            console.show_json({"aet": options.title, "bind": options.bind, "port": listener.port})
        else:
            click.echo(f"Listening as {options.title} on {options.bind}:{listener.port}. Ctrl-C stops.")
        sys.stdout.flush()
        _watch(listener, stopped, is_json=is_json)
    if is_json:
        console.show_json({"stopped": True, **listener.counts.to_json()})
    else:
        click.echo(f"Stopped. {_counted(listener)}")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def stop_on_signals(stopped: threading.Event) -> None:
    """Have Ctrl-C and a polite end of the process set an event instead of breaking off."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _options(how: Mapping[str, Any]) -> ListenOptions:
    admission = Admission("" if how["any_called"] else how["title"], how["peers"])
    return ListenOptions(
        title=how["title"],
        rules=Rules(admission, maximum_length=how["max_pdu"], timeout_s=how["timeout_s"]),
        bind=how["bind"],
        port=how["port"],
        maximum_associations=how["max_associations"],
        reserve_bytes=how["reserve_mb"] * _MEGABYTE,
        callers=how["callers"],
        tls=_tls(how["tls_cert"], how["tls_key"], how["tls_ca"]),
    )


def _tls(certificate: Path | None, key: Path | None, authority: Path | None) -> ssl.SSLContext | None:
    """The server's side of DICOM over TLS (PS3.15 B.12: TLS 1.2 or newer)."""
    if certificate is None:
        if key is not None or authority is not None:
            raise click.UsageError("--tls-key and --tls-ca need --tls-cert.")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        if authority is not None:
            context.load_verify_locations(authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise click.UsageError("The certificate, its key or the authority cannot be read.") from error
    return context


def _watch(listener: Listener, stopped: threading.Event, *, is_json: bool) -> None:
    """Say how it goes until told to stop: a line that changes on a terminal, a line a minute elsewhere."""
    is_terminal = sys.stderr.isatty() and not is_json
    pause_s = 1.0 if is_terminal else _LINE_EVERY_S
    told_at, instances, size_bytes = time.monotonic(), 0, 0
    while not stopped.wait(pause_s):
        now = time.monotonic()
        counts = listener.counts.to_json()
        seconds = now - told_at
        rate, speed = (counts["instances"] - instances) / seconds, (counts["size_bytes"] - size_bytes) / seconds
        told_at, instances, size_bytes = now, counts["instances"], counts["size_bytes"]
        if is_json:
            line = orjson.dumps({**counts, "active": listener.active, "per_second": round(rate, 1)}).decode()
        else:
            line = f"{_counted(listener)} {listener.active} active, {rate:,.0f}/s, {speed / _MEGABYTE:,.1f} MB/s"
        click.echo(f"\r\033[2K{line}" if is_terminal else line, err=True, nl=not is_terminal)


def _counted(listener: Listener) -> str:
    counts = listener.counts
    return (
        f"{counts['instances']:,} instances, {counts['size_bytes'] / _MEGABYTE:,.0f} MB;"
        f" {counts['duplicates']:,} there before, {counts['refused']:,} refused."
    )
