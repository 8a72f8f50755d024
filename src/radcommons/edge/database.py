"""The SQLite file of a home: what was scanned, who became whom, what was made, decided and sent.

It holds original identifiers, sealed with the home's secret, and stays at the hospital. Every writer is a short
transaction, so that a process killed at any moment leaves the file as it was after the last one.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.home import EdgeHome
from radcommons.edge.schema import DROPPED_FROM_1, KEPT_FROM_1, SCHEMA, VERSION

_CHECK_VALUE = "radcommons"


@contextmanager
def database(home: EdgeHome) -> Iterator[sqlite3.Connection]:
    """An open connection with the current schema, closed at the end; rows are :class:`sqlite3.Row`.

    SQL has the functions ``seal(text)`` and ``unseal(blob)`` of the home's :class:`~radcommons.edge.sealer.Sealer`.

    Raises
    ------
    RadCommonsError
        ``edge.newer-home`` when a newer program wrote the file, ``edge.wrong-secret`` when another secret sealed it.
    """
    descriptor = os.open(home.database_path, os.O_RDWR | os.O_CREAT, 0o600)
    os.close(descriptor)
    connection = sqlite3.connect(home.database_path, timeout=30.0, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        # What is deleted is overwritten, and what is sorted opened never reaches a temporary file.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        home.sealer().register(connection)
        if _version(connection) != VERSION:
            _migrate(connection, home)
        _check_secret(connection)
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, taking the write lock at once."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def purge(connection: sqlite3.Connection) -> None:
    """Leave no byte of what was deleted: rewrite the file and empty the log beside it."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _migrate(connection: sqlite3.Connection, home: EdgeHome) -> None:
    with transaction(connection):
        found = _version(connection)
        if found > VERSION:
            raise RadCommonsError(
                Kind.CONFLICT, "edge.newer-home", "A newer version of RadCommons wrote this home folder. Upgrade first."
            )
        if found == 0:
            _create(connection)
        elif found == 1:
            _from_1(connection, home)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    if found == 1:
        purge(connection)


def _create(connection: sqlite3.Connection) -> None:
    for statement in _statements(SCHEMA):
        connection.execute(statement)
    connection.execute("INSERT INTO sealed_with (only, check_value) VALUES (1, seal(?))", (_CHECK_VALUE,))


def _from_1(connection: sqlite3.Connection, home: EdgeHome) -> None:
    """Seal what version 1 kept in clear, in the transaction of the caller."""
    key = home.key()
    connection.create_function("date_shift", 1, lambda each: str(key.date_shift_days(each.removeprefix("id:"))))
    for statement in _statements(DROPPED_FROM_1):
        connection.execute(statement)
    columns: dict[str, str] = {}
    for table in KEPT_FROM_1:
        columns[table] = ", ".join(row["name"] for row in connection.execute(f"PRAGMA table_info({table})"))
        for row in connection.execute(f"PRAGMA index_list({table})").fetchall():
            if row["origin"] == "c":
                connection.execute(f"DROP INDEX {row['name']}")
        connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    columns["output"] = columns["output"].removeprefix("output_id, ")
    columns["subject"] += ", date_shift_days"
    _create(connection)
    for table, query in KEPT_FROM_1.items():
        connection.execute(f"INSERT INTO {table} ({columns[table]}) {query}")  # noqa: S608 - names of this module
        connection.execute(f"DROP TABLE old_{table}")


def _statements(schema: str) -> Iterator[str]:
    """The statements of a script one by one; ``executescript`` would end the transaction."""
    statement = ""
    for line in schema.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _check_secret(connection: sqlite3.Connection) -> None:
    row = connection.execute("SELECT check_value = seal(?) FROM sealed_with", (_CHECK_VALUE,)).fetchone()
    if row is None or not row[0]:
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.wrong-secret",
            "Another secret key sealed this home's database. Restore secret.key and edge.sqlite from the same backup.",
        )


def _version(connection: sqlite3.Connection) -> int:
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])
