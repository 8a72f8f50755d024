"""What a version holds, counted from its own signed tables: they never change, so it is read once in a process."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from radcommons.server.catalog.cube import Combination, Cube
from radcommons.server.catalog.queries import Facets, facets_of
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.settings import settings
from radcommons.server.releases.models import Release, ReleaseFile
from radcommons.server.releases.selection import COLUMNS, Selection, column_sql
from radcommons.server.releases.tables import TABLES
from radcommons.transfer.tables_engine import tables_engine

MOST_KEPT = 16
# One row a series with the columns of all levels; studies are numbered so that the highest comes first on a page.
_WIDE = """
CREATE TEMP TABLE wide AS
WITH sizes AS (SELECT series_instance_uid, sum(size_bytes)::BIGINT AS size_bytes FROM instance GROUP BY 1),
numbered AS (
    SELECT *, row_number() OVER (ORDER BY subject_id DESC, study_date DESC, study_instance_uid DESC) - 1 AS study_place,
           dense_rank() OVER (ORDER BY subject_id) AS subject_place
    FROM study
)
SELECT series.*, numbered.* EXCLUDE (study_instance_uid, subject_id, number_of_instances, number_of_series),
       subject.* EXCLUDE (subject_id, number_of_instances, number_of_series, number_of_studies), sizes.size_bytes
FROM series JOIN numbered USING (study_instance_uid) JOIN subject ON subject.subject_id = series.subject_id
JOIN sizes USING (series_instance_uid)
"""
SERIES_COLUMNS = (
    "series_instance_uid",
    "study_instance_uid",
    "subject_id",
    "modality",
    "body_part_examined",
    "slice_thickness_mm",
    "number_of_instances",
    "size_bytes",
)


@dataclass(frozen=True, slots=True)
class Holdings:
    """The counted tables of a version.

    Parameters
    ----------
    study_instance_uids
        By the number under which the cube knows a study.
    """

    cube: Cube
    study_instance_uids: tuple[str, ...]

    def facets(self, selection: Selection) -> Facets:
        """Totals and counts for every value of every column under a selection."""
        return facets_of(self.cube, dict(selection.chosen), COLUMNS)

    def studies_by(self, name: str) -> list[tuple[str, int]]:
        """How many studies have each value of a column, the most frequent first."""
        found = self.cube.by_value(name, {})
        return sorted(((value, counts.studies) for value, counts in found.items()), key=lambda one: (-one[1], one[0]))


def holdings(release: Release) -> Holdings:
    """The holdings of a published version."""
    return _holdings(release.pk, release.root_hash)


def selection_of(release: Release, values: Mapping[str, Sequence[str]]) -> Selection:
    """The selection in an address, of values that the version has."""
    return Selection.from_lists(values, holdings(release).cube.values)


def selected_series(release: Release, selection: Selection) -> list[tuple[Any, ...]]:
    """The series of a selection with the values of ``SERIES_COLUMNS``, by subject, study and series."""
    listed, where = ", ".join(SERIES_COLUMNS), selection.where() or "true"
    with _tables(release.pk) as engine:
        rows = engine.execute(
            f"SELECT {listed} FROM wide WHERE {where} "  # noqa: S608 - our columns; values are quoted literals
            "ORDER BY subject_id, study_instance_uid, series_instance_uid"
        )
        return list(rows.fetchall())


@lru_cache(maxsize=MOST_KEPT)
def _holdings(release_id: int, root_hash: str) -> Holdings:
    """The root hash stands for the content: a version that is drafted anew is another one."""
    del root_hash
    values = ", ".join(f"{column_sql(name)} AS {name}_value" for name in COLUMNS)
    with _tables(release_id) as engine:
        rows = engine.execute(
            f"SELECT {values}, count(*), sum(number_of_instances)::BIGINT, sum(size_bytes)::BIGINT, "  # noqa: S608
            "list(subject_place), list(study_place) FROM wide GROUP BY ALL"
        ).fetchall()
        studies = engine.execute("SELECT DISTINCT study_place, study_instance_uid FROM wide ORDER BY 1").fetchall()
    width = len(COLUMNS)
    cube = Cube.of(list(COLUMNS), (Combination(tuple(row[:width]), *row[width:]) for row in rows))
    return Holdings(cube, tuple(str(uid) for _, uid in studies))


@contextmanager
def _tables(release_id: int) -> Iterator[Any]:
    """A database with the tables of a version, and ``wide``, which joins them."""
    files = ReleaseFile.objects.filter(release_id=release_id, path__in=[f"tables/{name}.parquet" for name in TABLES])
    staging = settings().staging_dir
    staging.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="holdings-", dir=staging) as aside, closing(tables_engine()) as engine:
        for file in files:
            path = object_store().local_path(file.object_key)
            if path is None:
                path = Path(aside) / Path(file.path).name
                path.write_bytes(object_store().read(file.object_key))
            engine.read_parquet(str(path)).create_view(Path(file.path).stem)
        engine.execute(_WIDE)
        yield engine
