"""Connecting a command to a centre: to the database of a running ``serve``, or to one started for the command."""

import atexit
import os
import tempfile
from pathlib import Path

from radcommons.apps import bootstrap
from radcommons.apps.supervisor import is_serving
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.postgres import EmbeddedPostgres

DATA_VARIABLE = "RADCOMMONS_DATA"
DATABASE_VARIABLE = "RADCOMMONS_DATABASE_URL"
DEFAULT_DATA = "var"


def data_dir_from(option: str | None) -> Path:
    """The data directory: the option, else ``RADCOMMONS_DATA``, else ``./var``."""
    return Path(option or os.environ.get(DATA_VARIABLE) or DEFAULT_DATA).expanduser().resolve()


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
    bootstrap.setup(data_dir)
    if not is_serving(data_dir):
        bootstrap.migrate()


def connect_to_nothing() -> None:
    """Load the rooms without a centre, to describe their commands; what Django needs lies in a folder that goes away."""
    folder = tempfile.TemporaryDirectory(prefix="radcommons-help-")
    atexit.register(folder.cleanup)
    bootstrap.setup(Path(folder.name))
