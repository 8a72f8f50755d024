"""The cube of the catalog, read from the database and kept while nothing changes."""

import threading
import time
from dataclasses import dataclass, field

from django.db import connection

from radcommons.server.catalog.cube import Combination, Cube
from radcommons.server.catalog.rules import FACETS

# A catalog that is read in a moment is read each time. A larger one may be as old as this many readings of it take.
_MOMENT_S = 0.05
_PATIENCE = 20
# How many rows were ever written, as the database's own statistics tell some seconds later at most.
_CHANGES = """
SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relid = 'catalog_catalogseries'::regclass
"""
_READ = """
SELECT {facets}, count(*), sum(instance_count)::bigint, sum(size_bytes)::bigint,
       array_agg(subject_id), array_agg(study_id), ({changes})
FROM catalog_catalogseries GROUP BY {facets}
"""


@dataclass(slots=True)
class _Kept:
    cube: Cube | None = None
    changes: int = -1
    read_at: float = 0.0
    took_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


_kept = _Kept()


def cube() -> Cube:
    """The catalog, ready to be counted.

    A small one is what the database holds now. A large one is read again when rows were written since, but not all the
    time while they are.
    """
    with _kept.lock:
        if _kept.cube is None or _kept.took_s < _MOMENT_S or _is_outdated():
            begin = time.monotonic()
            _kept.cube, _kept.changes = _read()
            _kept.read_at, _kept.took_s = begin, time.monotonic() - begin
        return _kept.cube


def _is_outdated() -> bool:
    is_due = time.monotonic() - _kept.read_at > _PATIENCE * _kept.took_s
    return is_due and _changes() != _kept.changes


def _changes() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES)
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _read() -> tuple[Cube, int]:
    """The catalog, and how many rows had been written."""
    names = list(FACETS)
    with connection.cursor() as cursor:
        cursor.execute(_READ.format(facets=", ".join(names), changes=_CHANGES))
        rows = cursor.fetchall()
    width = len(names)
    combinations = (Combination(tuple(row[:width]), *row[width:-1]) for row in rows)
    return Cube.of(names, combinations), int(rows[0][-1] or 0) if rows else 0
