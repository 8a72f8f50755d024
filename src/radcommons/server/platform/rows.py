"""Statements that cost the same whatever the number of rows: writing many of them at once, telling which values a column has.

Django writes each value of each row into the text of the statement, which costs more than everything else that happens to
an instance when it is stored. Here every column travels as one array.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias

import orjson
from django.db import connection, models
from psycopg import Cursor, sql

_MOST = 1000
# What an array of values is sent as. Texts are never cast to a column's length: what is too long is refused, not cut.
_SENT_AS: Mapping[str, str] = MappingProxyType({"varchar": "text", "jsonb": "text"})
_Field: TypeAlias = "models.Field[Any, Any]"


def write_rows(rows: Sequence[models.Model], *, returning: Sequence[str]) -> list[tuple[Any, ...]]:
    """Insert rows of one table in the order given, leaving out those that a unique constraint forbids.

    Parameters
    ----------
    rows
        Objects that were never saved; they stay as they are, without their keys.
    returning
        Attributes of which the values are told for each row that was written (``series_id`` for a foreign key).

    Raises
    ------
    django.db.Error
        As for every other statement.
    """
    if not rows:
        return []
    model = type(rows[0])
    statement, columns = _insertion(model, tuple(returning)), _columns(model)
    written: list[tuple[Any, ...]] = []
    for start in range(0, len(rows), _MOST):
        group = rows[start : start + _MOST]
        written += fetch(statement, [[value_of(row) for row in group] for _, value_of in columns])
    return written


def fetch(statement: bytes, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
    """All rows that a statement answers with; its parameters travel beside it.

    It is planned each time, as Django has it: prepared once, statements on a table that grew from nothing to 13,000 rows took
    the database a third more of the processor.

    In the caller's transaction, as everything that Django asks.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        return cursor.execute(statement, parameters).fetchall()


def indexed_values(model: type[models.Model], name: str) -> list[Any]:
    """The values that an indexed attribute has, sorted; the index is asked for one after the other, its rows are not read.

    For attributes with few values: each costs a look into the index.
    """
    columns = {field.name: str(field.column) for field in model._meta.concrete_fields}  # noqa: SLF001
    column = sql.Identifier(columns[name])
    statement = sql.SQL(
        "WITH RECURSIVE found AS (SELECT min({column}) AS value FROM {table} UNION ALL"
        " SELECT (SELECT min({column}) FROM {table} WHERE {column} > found.value) FROM found WHERE found.value IS NOT NULL)"
        " SELECT value FROM found WHERE value IS NOT NULL"
    ).format(column=column, table=sql.Identifier(model._meta.db_table))  # noqa: SLF001
    return [value for (value,) in fetch(statement.as_bytes(None), [])]


@lru_cache(maxsize=64)
def _columns(model: type[models.Model]) -> tuple[tuple[_Field, Callable[[models.Model], object]], ...]:
    """The columns that are written, each with what takes its value from a row; the database counts the keys itself."""
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]  # noqa: SLF001
    return tuple((field, _value_of(field)) for field in fields)


def _value_of(field: _Field) -> Callable[[models.Model], object]:
    if isinstance(field, models.JSONField):
        return lambda row: orjson.dumps(getattr(row, field.attname)).decode()
    return lambda row: field.pre_save(row, add=True)


@lru_cache(maxsize=64)
def _insertion(model: type[models.Model], returning: tuple[str, ...]) -> bytes:
    fields = [field for field, _ in _columns(model)]
    columns = {field.attname: str(field.column) for field in model._meta.concrete_fields}  # noqa: SLF001
    kinds = [str(field.rel_db_type(connection) if field.is_relation else field.db_type(connection)) for field in fields]
    given = [sql.Identifier(f"given_{number}") for number in range(len(fields))]
    arrays = [
        sql.SQL("{}::{}[]").format(
            sql.Placeholder(format="b" if kind == "bytea" else "t"), sql.SQL(_SENT_AS.get(kind.partition("(")[0], kind))
        )
        for kind in kinds
    ]
    values = [
        sql.SQL("{}::jsonb").format(name) if kind == "jsonb" else name for name, kind in zip(given, kinds, strict=True)
    ]
    statement = sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {values} FROM unnest({arrays}) WITH ORDINALITY AS given ({given}, place) "
        "ORDER BY place ON CONFLICT DO NOTHING RETURNING {returning}"
    ).format(
        table=sql.Identifier(model._meta.db_table),  # noqa: SLF001
        columns=sql.SQL(", ").join(sql.Identifier(columns[field.attname]) for field in fields),
        values=sql.SQL(", ").join(values),
        arrays=sql.SQL(", ").join(arrays),
        given=sql.SQL(", ").join(given),
        returning=sql.SQL(", ").join(sql.Identifier(columns[name]) for name in returning),
    )
    return statement.as_bytes(None)
