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
from radcommons.edge.keyfile import promote, read_key
from radcommons.edge.schema import FROM_1, FROM_3, SCHEMA, VERSION
from radcommons.edge.sealer import Sealer

CHECK_VALUE = "radcommons"


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
        if not is_secret_right(connection) and home.next_key_path.exists():
            finish_rotation(connection, home)
        _check_secret(connection)
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, taking the write lock at once.

    Raises
    ------
    RadCommonsError
        ``edge.wrong-secret`` when another process gave the home a new secret meanwhile.
    """
    with _immediate(connection):
        _check_secret(connection)
        yield


def commits_elsewhere(connection: sqlite3.Connection) -> int:
    """A number that changes whenever another connection changed the home."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


@contextmanager
def durable(connection: sqlite3.Connection) -> Iterator[None]:
    """A :func:`transaction` that a loss of power does not undo, and of whose deletions no byte stays in the file."""
    connection.execute("PRAGMA synchronous = FULL")
    with transaction(connection):
        yield
    purge(connection)
    connection.execute("PRAGMA synchronous = NORMAL")


@contextmanager
def _immediate(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def purge(connection: sqlite3.Connection) -> None:
    """Leave no byte of what was deleted: rewrite the file and empty the log beside it."""
    # Rewriting handles sealed pages only, so that it may use a temporary file instead of memory.
    connection.execute("PRAGMA temp_store = FILE")
    connection.execute("VACUUM")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _migrate(connection: sqlite3.Connection, home: EdgeHome) -> None:
    with _immediate(connection):
        found = _version(connection)
        if found > VERSION:
            raise RadCommonsError(
                Kind.CONFLICT, "edge.newer-home", "A newer version of RadCommons wrote this home folder. Upgrade first."
            )
        if found == 0:
            _create(connection)
        elif found == 1:
            _from_1(connection, home)
        elif found < VERSION:
            _from_2_or_3(connection, found)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    if found == 1:
        purge(connection)


def _create(connection: sqlite3.Connection) -> None:
    for statement in _statements(SCHEMA):
        connection.execute(statement)
    connection.execute("INSERT INTO sealed_with (only, check_value) VALUES (1, seal(?))", (CHECK_VALUE,))


def _from_1(connection: sqlite3.Connection, home: EdgeHome) -> None:
    """Seal what version 1 kept in clear, in the transaction of the caller."""
    key = home.key()
    connection.create_function("date_shift", 1, lambda each: str(key.date_shift_days(each.removeprefix("id:"))))
    found = connection.execute("SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    old = [name for kind, name in found if kind == "table"]
    for kind, name in found:
        if kind in {"view", "index"}:
            connection.execute(f"DROP {kind} {name}")
    for name in old:
        connection.execute(f"ALTER TABLE {name} RENAME TO v1_{name}")
    _create(connection)
    for statement in _statements(FROM_1):
        connection.execute(statement)
    for name in old:
        connection.execute(f"DROP TABLE v1_{name}")


def _from_2_or_3(connection: sqlite3.Connection, found: int) -> None:
    if found == 2:  # noqa: PLR2004  the version that knew no engine
        connection.execute("ALTER TABLE out_profile ADD COLUMN engine TEXT NOT NULL DEFAULT ''")
    for statement in _statements(FROM_3):
        connection.execute(statement)


def _statements(schema: str) -> Iterator[str]:
    """The statements of a script one by one; ``executescript`` would end the transaction."""
    statement = ""
    for line in schema.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def finish_rotation(connection: sqlite3.Connection, home: EdgeHome) -> None:
    """Put the next secret in place when it is the one that seals the database, and use it from now on.

    Renaming the file is the last step of a rotation; whoever opens the home next does it for a process that was killed.
    """
    try:
        sealer = Sealer(read_key(home.next_key_path, home.ask_passphrase).secret)
        sealer.register(connection)
        if is_secret_right(connection):
            promote(home.next_key_path, home.key_path)
    except FileNotFoundError:
        # Another process was faster.
        home.sealer().register(connection)


def is_secret_right(connection: sqlite3.Connection) -> bool:
    """Whether the secret in use is the one that sealed the database."""
    row = connection.execute("SELECT check_value = seal(?) FROM sealed_with", (CHECK_VALUE,)).fetchone()
    return bool(row and row[0])


def _check_secret(connection: sqlite3.Connection) -> None:
    if not is_secret_right(connection):
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.wrong-secret",
            "Another secret key sealed this home's database. Restore secret.key and edge.sqlite from the same backup.",
        )


def _version(connection: sqlite3.Connection) -> int:
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])
