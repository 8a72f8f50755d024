"""Reading the database from the event loop: a few connections, prepared statements, no thread that waits."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import OperationalError
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from radcommons.server.platform.errors import UnavailableError

_MOST_CONNECTIONS = 6
_PATIENCE_S = 10.0
_ATTEMPTS = 2


def database_conninfo() -> str:
    """How Django reaches the database, as one connection string."""
    values = connections[DEFAULT_DB_ALIAS].settings_dict
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    known = {name: str(values[key]) for name, key in named.items() if values.get(key)}
    return make_conninfo(**known, **values["OPTIONS"])


class ReadPool:
    """Connections of one process for reading; each statement is a transaction of its own."""

    def __init__(self) -> None:
        self._pool: AsyncConnectionPool[Any] | None = None

    @property
    def is_running(self) -> bool:
        """Whether statements can be run now."""
        return self._pool is not None

    @asynccontextmanager
    async def running(self, database_url: str) -> AsyncIterator[None]:
        """Hold connections while the application runs."""
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            database_url,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            timeout=_PATIENCE_S,
            open=False,
            kwargs={"autocommit": True, "prepare_threshold": 1},
        )
        async with pool:
            self._pool = pool
            try:
                yield
            finally:
                self._pool = None

    async def rows(self, statement: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        """All rows of a statement; binary columns as bytes.

        Raises
        ------
        UnavailableError
            When the database does not answer.
        """
        if self._pool is None:
            raise RuntimeError("The pool is not running.")
        for attempt in range(_ATTEMPTS):
            try:
                async with self._pool.connection() as connection:
                    cursor = connection.cursor(binary=True)
                    await cursor.execute(statement.encode(), parameters)
                    rows: list[tuple[Any, ...]] = await cursor.fetchall()
                    return rows
            except (OperationalError, PoolTimeout) as error:
                # A connection that broke while it waited is replaced by the pool; the statement changed nothing.
                if attempt + 1 == _ATTEMPTS:
                    message = "The database does not answer. Try again in a moment."
                    raise UnavailableError("platform.database-unavailable", message) from error
        raise AssertionError("unreachable")
