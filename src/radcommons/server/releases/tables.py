"""The Parquet tables of a release. Equal rows give equal bytes: one thread, a fixed order, nothing of the hour."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from radcommons.transfer.annotation.tables import COLUMNS
from radcommons.transfer.release.manifest import Counts, InstanceRow
from radcommons.transfer.tables_engine import tables_engine

SHARD_ROWS = 5_000_000
SUBJECT = {
    "subject_id": "VARCHAR",
    "project": "VARCHAR",
    "site_code": "VARCHAR",
    "covid19_status": "VARCHAR",
    "number_of_studies": "BIGINT",
    "number_of_series": "BIGINT",
    "number_of_instances": "BIGINT",
}
STUDY = {
    "study_instance_uid": "VARCHAR",
    "subject_id": "VARCHAR",
    "study_date": "DATE",
    "study_description": "VARCHAR",
    "patient_sex": "VARCHAR",
    "patient_age_years": "DOUBLE",
    "number_of_series": "BIGINT",
    "number_of_instances": "BIGINT",
}
SERIES = {
    "series_instance_uid": "VARCHAR",
    "study_instance_uid": "VARCHAR",
    "subject_id": "VARCHAR",
    "modality": "VARCHAR",
    "body_part_examined": "VARCHAR",
    "series_number": "BIGINT",
    "series_description": "VARCHAR",
    "protocol_name": "VARCHAR",
    "manufacturer": "VARCHAR",
    "manufacturer_model_name": "VARCHAR",
    "slice_thickness_mm": "DOUBLE",
    "number_of_instances": "BIGINT",
}
INSTANCE = {
    "sop_instance_uid": "VARCHAR",
    "series_instance_uid": "VARCHAR",
    "study_instance_uid": "VARCHAR",
    "subject_id": "VARCHAR",
    "sop_class_uid": "VARCHAR",
    "transfer_syntax_uid": "VARCHAR",
    "instance_number": "BIGINT",
    "number_of_frames": "BIGINT",
    "rows": "BIGINT",
    "columns": "BIGINT",
    "sha256": "VARCHAR",
    "size_bytes": "BIGINT",
}
# The project, what a reading says, and the report in which it says it; only where a release has expert annotations.
ANNOTATION: Mapping[str, str] = {"project": "VARCHAR", **COLUMNS, "report_sop_instance_uid": "VARCHAR"}
ANNOTATION_PARQUET = "tables/annotation.parquet"
DESCRIPTIONS: Mapping[str, str] = {
    "subject": "One row per person, known by a pseudonym.",
    "study": "One row per imaging study. Dates are shifted by one offset per person; intervals are true.",
    "series": "One row per DICOM series.",
    "instance": "One row per DICOM SOP instance, that is per file.",
    "annotation": "One row per answer of a reader or of the consensus; readers are known by pseudonyms of their project.",
}
TABLES: Mapping[str, Mapping[str, str]] = {"subject": SUBJECT, "study": STUDY, "series": SERIES, "instance": INSTANCE}


_KEYS = {"subject": "subject_key", "study": "study_instance_uid", "series": "series_instance_uid"}
_COUNTED = {
    "number_of_studies": "count(DISTINCT study_instance_uid)",
    "number_of_series": "count(DISTINCT series_instance_uid)",
    "number_of_instances": "count(*)",
}
# Everything the tables say of an instance and of the levels above it, once per instance, in the order of the tree.
WIDE: Mapping[str, str] = {
    "ordinal": "BIGINT",
    "subject_key": "BIGINT",
    **{name: kind for columns in (SUBJECT, STUDY, SERIES, INSTANCE) for name, kind in columns.items()},
    "leaf_salt": "VARCHAR",
}


def manifest_row(row: Mapping[str, Any]) -> InstanceRow:
    """The part of a row that its leaf of the hash tree covers."""
    return InstanceRow(
        subject_id=row["subject_id"],
        study_instance_uid=row["study_instance_uid"],
        series_instance_uid=row["series_instance_uid"],
        sop_instance_uid=row["sop_instance_uid"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
    )


class Spool:
    """Takes the rows of a release one by one and turns them into its tables; what it holds lies on disk."""

    def __init__(self, folder: Path) -> None:
        self._rows_path = folder / "rows.ndjson"
        self._file = self._rows_path.open("wb")
        self._database = tables_engine(str(folder / "build.duckdb"))
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._database.close()

    def add(self, row: Mapping[str, object]) -> None:
        """Append one row with the columns of all levels; what is missing or an empty text becomes NULL."""
        chosen = {name: None if row.get(name) == "" else row.get(name) for name in WIDE}
        chosen["ordinal"] = self.rows
        self._file.write(orjson.dumps(chosen, option=orjson.OPT_APPEND_NEWLINE))
        self.rows += 1

    def close(self) -> None:
        """Take the rows over; no more may be added."""
        self._file.close()
        source = self._database.read_json(str(self._rows_path), columns=dict(WIDE), format="newline_delimited")
        source.create("wide")

    def write_tables(self, folder: Path) -> None:
        """Write ``subject``, ``study``, ``series`` and ``instance.parquet`` into *folder*."""
        for name, columns in TABLES.items():
            if name == "instance":
                query = f"SELECT {_listed(columns)} FROM wide ORDER BY ordinal"  # noqa: S608 - constants of this file
            else:
                key = _KEYS[name]
                chosen = ", ".join(f'{_COUNTED.get(c, f"""any_value("{c}")""")} AS "{c}"' for c in columns)
                query = f"SELECT {chosen} FROM wide GROUP BY {key} ORDER BY min(ordinal)"  # noqa: S608 - as above
            self._write(query, folder / f"{name}.parquet")

    def write_manifest(self, folder: Path) -> tuple[str, ...]:
        """Write the instance manifest in pieces of five million rows; returns their names in order."""
        names = []
        for number in range(max(1, -(-self.rows // SHARD_ROWS))):
            name = f"instances-{number:05d}.parquet"
            first, end = number * SHARD_ROWS, (number + 1) * SHARD_ROWS
            self._write(
                f"SELECT {_MANIFEST_SELECT} FROM wide WHERE ordinal >= {first} AND ordinal < {end} ORDER BY ordinal",  # noqa: S608
                folder / name,
            )
            names.append(name)
        return tuple(names)

    def counts(self) -> Counts:
        """How much was added."""
        row = self._database.execute(
            "SELECT count(DISTINCT subject_key), count(DISTINCT study_instance_uid), "
            "count(DISTINCT series_instance_uid), count(*), coalesce(sum(size_bytes), 0) FROM wide"
        ).fetchone()
        return Counts(*(int(value) for value in row or (0, 0, 0, 0, 0)))

    def frequencies(self, column: str, per: str) -> Sequence[tuple[str, int]]:
        """How many distinct *per* have each value of *column*, most frequent first."""
        rows = self._database.execute(
            f'SELECT coalesce("{column}", \'\') AS value, count(DISTINCT "{per}") AS number FROM wide '  # noqa: S608
            "GROUP BY value ORDER BY number DESC, value"
        ).fetchall()
        return [(str(value), int(number)) for value, number in rows]

    def _write(self, query: str, path: Path) -> None:
        # The relation's own writer, so that no path becomes part of a statement.
        self._database.sql(query).write_parquet(str(path), compression="zstd")


_MANIFEST_SELECT = (
    "'instances/' || sha256 || '.dcm' AS path, subject_id, study_instance_uid, series_instance_uid, sop_instance_uid, "
    "sha256, size_bytes, unhex(leaf_salt) AS leaf_salt, CAST(NULL AS BLOB) AS leaf_hash"
)


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
