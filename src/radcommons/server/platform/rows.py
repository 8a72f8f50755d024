"""Writing many rows of a table in one statement that the database prepares once, whatever their number.

Django writes each value of each row into the text of the statement, which costs more than everything else that happens to
an instance when it is stored. Here every column travels as one array.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any

from django.db import connection, models
from psycopg import Cursor, sql

_MOST = 1000
# What an array of values is sent as. Texts are never cast to a column's length: what is too long is refused, not cut.
_SENT_AS: Mapping[str, str] = MappingProxyType({"varchar": "text", "jsonb": "text"})


def write_rows(
    model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[object]], *, returning: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Insert rows in the order given, leaving out those that a unique constraint forbids.

    Parameters
    ----------
    names
        The columns (attributes of the model, ``series_id`` for a foreign key); every column without a default of its own in the
        database must be among them. Values of JSON fields are given as JSON text.
    rows
        The values of each row, in the order of ``names``.
    returning
        Columns to be told of the rows that were written.

    Raises
    ------
    django.db.Error
        As for every other statement.
    """
    written: list[tuple[Any, ...]] = []
    statement = _insertion(model, tuple(names), tuple(returning))
    remaining = iter(rows)
    while group := list(islice(remaining, _MOST)):
        written += fetch(statement, [list(column) for column in zip(*group, strict=True)])
    return written


def fetch(statement: sql.Composable | str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
    """All rows that a statement answers with; its parameters travel beside it, so that it is prepared once a connection.

    In the caller's transaction, as everything that Django asks.
    """
    connection.ensure_connection()
    prepared = statement if isinstance(statement, sql.Composable) else sql.SQL(statement)  # type: ignore[arg-type]
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        return cursor.execute(prepared, parameters, prepare=True).fetchall()


@lru_cache(maxsize=64)
def _insertion(model: type[models.Model], names: tuple[str, ...], returning: tuple[str, ...]) -> sql.Composed:
    fields = {field.attname: field for field in model._meta.concrete_fields}  # noqa: SLF001 - Django's documented name
    kinds = [
        str(fields[name].rel_db_type(connection) if fields[name].is_relation else fields[name].db_type(connection))
        for name in names
    ]
    given = [sql.Identifier(f"given_{number}") for number in range(len(names))]
    arrays = [
        sql.SQL("{}::{}[]").format(
            sql.Placeholder(format="b" if kind == "bytea" else "t"), sql.SQL(_SENT_AS.get(kind.partition("(")[0], kind))
        )
        for kind in kinds
    ]
    values = [
        sql.SQL("{}::jsonb").format(name) if kind == "jsonb" else name for name, kind in zip(given, kinds, strict=True)
    ]
    return sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {values} FROM unnest({arrays}) WITH ORDINALITY AS given ({given}, place) "
        "ORDER BY place ON CONFLICT DO NOTHING RETURNING {returning}"
    ).format(
        table=sql.Identifier(model._meta.db_table),  # noqa: SLF001
        columns=sql.SQL(", ").join(sql.Identifier(str(fields[name].column)) for name in names),
        values=sql.SQL(", ").join(values),
        arrays=sql.SQL(", ").join(arrays),
        given=sql.SQL(", ").join(given),
        returning=sql.SQL(", ").join(sql.Identifier(str(fields[name].column)) for name in returning),
    )
