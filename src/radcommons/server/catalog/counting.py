"""The cube of the catalog, read from the database and kept while nothing changes."""

import threading
import time
from collections.abc import Callable
from functools import cache

from django.db import connection

from radcommons.server.catalog.cube import Combination, Cube
from radcommons.server.catalog.rules import FACETS

# A catalog that is read in a moment is read each time. A larger one may be as old as this many readings of it take.
MOMENT_S = 0.05
PATIENCE = 20
# How many rows were ever written, as the database's own statistics tell some seconds later at most.
_CHANGES = """
SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relid = 'catalog_catalogseries'::regclass
"""
_READ = """
SELECT {facets}, count(*), sum(instance_count)::bigint, sum(size_bytes)::bigint,
       array_agg(subject_id), array_agg(study_id), ({changes})
FROM catalog_catalogseries GROUP BY {facets}
"""


def changes() -> int:
    """How many rows of the catalog were ever written, as far as the database has counted."""
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES)
        row = cursor.fetchone()
    return int(row[0]) if row else 0


class KeptCube:
    """The catalog of one process. A small one is read each time; a large one when rows were written since.

    Parameters
    ----------
    moment_s
        What is read within this time is small.
    patience
        How many times as old as it takes to read a large one may be, however much is written.
    changes
        Tells how many rows were ever written.
    """

    def __init__(
        self, *, moment_s: float = MOMENT_S, patience: float = PATIENCE, changes: Callable[[], int] = changes
    ) -> None:
        self._moment_s, self._patience, self._changes = moment_s, patience, changes
        self._cube: Cube | None = None
        self._seen_changes, self._read_at, self._took_s = 0, 0.0, 0.0
        self._lock = threading.Lock()

    def cube(self) -> Cube:
        """The catalog, ready to be counted."""
        with self._lock:
            if self._cube is None or self._took_s <= self._moment_s or self._is_outdated():
                begin = time.monotonic()
                self._cube, self._seen_changes = _read()
                self._read_at, self._took_s = begin, time.monotonic() - begin
            return self._cube

    def _is_outdated(self) -> bool:
        is_due = time.monotonic() - self._read_at >= self._patience * self._took_s
        return is_due and self._changes() != self._seen_changes


def _read() -> tuple[Cube, int]:
    """The catalog, and how many rows had been written."""
    names = list(FACETS)
    with connection.cursor() as cursor:
        cursor.execute(_READ.format(facets=", ".join(names), changes=_CHANGES))
        rows = cursor.fetchall()
    width = len(names)
    combinations = (Combination(tuple(row[:width]), *row[width:-1]) for row in rows)
    return Cube.of(names, combinations), int(rows[0][-1] or 0) if rows else 0


@cache
def _kept() -> KeptCube:
    return KeptCube()


def cube() -> Cube:
    """The catalog of this centre, ready to be counted."""
    return _kept().cube()
