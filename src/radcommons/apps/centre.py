"""Connecting a command to a centre: to the database of a running ``serve``, or to one started for the command."""

import atexit
import importlib
import os
import tempfile
from pathlib import Path

from radcommons.apps import bootstrap
from radcommons.apps.supervisor import is_serving
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.postgres import EmbeddedPostgres
from radcommons.server.platform.settings import read_settings

DATA_VARIABLE = "RADCOMMONS_DATA"
DATABASE_VARIABLE = "RADCOMMONS_DATABASE_URL"
PUBLIC_URL_VARIABLE = "RADCOMMONS_PUBLIC_URL"
DEFAULT_DATA = "var"
ADDRESS_NAME = "portal-address"


def data_dir_from(option: str | None) -> Path:
    """The data directory: the option, else ``RADCOMMONS_DATA``, else ``./var``."""
    return Path(option or os.environ.get(DATA_VARIABLE) or DEFAULT_DATA).expanduser().resolve()


def remember_address(data_dir: Path, address: str) -> None:
    """Note where ``serve`` answers, for the links that commands beside it print."""
    (data_dir / ADDRESS_NAME).write_text(address, encoding="utf-8")


def recall_address(data_dir: Path) -> None:
    """Let this process make links to where ``serve`` answers or last answered, unless the settings name an address."""
    path = data_dir / ADDRESS_NAME
    if path.exists() and not read_settings(data_dir, os.environ).has_public_url:
        os.environ[PUBLIC_URL_VARIABLE] = path.read_text(encoding="utf-8").strip()


def connect(option: str | None) -> None:
    """Make this process ready for the rooms' verbs.

    Raises
    ------
    NotFoundError
        When the directory holds no centre.
    """
    data_dir = data_dir_from(option)
    if not os.environ.get(DATABASE_VARIABLE):
        if not (data_dir / "postgres").is_dir():
            raise NotFoundError(f"There is no centre in {data_dir}. Name one with --data DIR, or start 'serve' there.")
        database = EmbeddedPostgres(data_dir / "postgres")
        os.environ[DATABASE_VARIABLE] = database.ensure_running()
        if not is_serving(data_dir):
            atexit.register(database.stop)
    recall_address(data_dir)
    bootstrap.setup(data_dir)
    # Rooms ask for what only higher ones know; a command needs the answers as much as a page does.
    importlib.import_module("radcommons.apps.wiring")
    if not is_serving(data_dir):
        bootstrap.migrate()


def connect_to_nothing() -> None:
    """Load the rooms without a centre, to describe their commands; what Django needs lies in a folder that goes away."""
    folder = tempfile.TemporaryDirectory(prefix="radcommons-help-")
    atexit.register(folder.cleanup)
    bootstrap.setup(Path(folder.name))
