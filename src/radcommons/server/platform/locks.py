"""Locks that the database keeps, and lets go of when the process that holds one dies."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from radcommons.dicom.errors import RadCommonsError


@contextmanager
def held(lock: tuple[int, int], *, refusal: RadCommonsError, is_shared: bool = False) -> Iterator[None]:
    """Hold an advisory lock, alone or with others that share it; who cannot have it at once is refused.

    Raises
    ------
    RadCommonsError
        The refusal, when others hold it.
    """
    kind = "_shared" if is_shared else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock{kind}(%s, %s)", lock)
        row = cursor.fetchone()
    if row is None or not row[0]:
        raise refusal
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_unlock{kind}(%s, %s)", lock)
