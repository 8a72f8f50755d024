"""Rows for a large archive, by COPY: the real index of the Imaging Data Commons, and made instances below its series."""

import json
from collections.abc import Iterable, Iterator, Sequence

import duckdb
import idc_index_data

_SOURCE = """
SELECT 1000 + dense_rank() OVER (ORDER BY collection_id, PatientID) AS subject, collection_id, PatientID,
       1000 + dense_rank() OVER (ORDER BY StudyInstanceUID) AS study, StudyInstanceUID,
       try_cast(StudyDate AS DATE) AS study_date, tidy(StudyDescription, 200) AS study_description,
       tidy(PatientSex, 16) AS sex, try_cast(substr(PatientAge, 1, 3) AS INTEGER) AS age,
       1000 + row_number() OVER (ORDER BY StudyInstanceUID, SeriesInstanceUID) AS series, SeriesInstanceUID,
       tidy(Modality, 16) AS modality, upper(tidy(BodyPartExamined, 64)) AS body_part,
       tidy(Manufacturer, 200) AS manufacturer, tidy(ManufacturerModelName, 200) AS model,
       tidy(SeriesDescription, 200) AS series_description, try_cast(SeriesNumber AS BIGINT) AS series_number,
       instanceCount AS instances, coalesce(cast(series_size_MB * 1000000 AS BIGINT), 1) + 1 AS size_bytes
FROM read_parquet(?) WHERE hash(StudyInstanceUID) % ? = 0
"""
_SEARCHED = """
SELECT s.study_date, array_agg(DISTINCT e.modality), p.subject_id, s.study_description, s.patient_sex
FROM archive_shelfstudy h JOIN archive_study s ON s.id = h.study_id JOIN archive_subject p ON p.id = s.subject_id
JOIN archive_series e ON e.study_id = s.id WHERE h.shelf_id = %s GROUP BY h.place, s.id, p.id ORDER BY h.place
"""


class Loader:
    """Fills tables by COPY; what a caller does not say has its model's default."""

    def __init__(self) -> None:
        from django.db import connection  # noqa: PLC0415  Django is made ready at run time

        self._connection = connection

    def copy(self, model: type, names: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Copy rows of some columns; returns how many."""
        from django.utils import timezone  # noqa: PLC0415

        fields = [field for field in model._meta.concrete_fields if field.column not in names]  # noqa: SLF001
        defaults = []
        for field in fields:
            is_time = getattr(field, "auto_now_add", False)
            value = timezone.now() if is_time else field.get_default()
            defaults.append((field.column, json.dumps(value) if isinstance(value, list | dict) else value))
        said = [(name, value) for name, value in defaults if value is not None]
        columns = ", ".join([f'"{name}"' for name in [*names, *(name for name, _ in said)]])
        rest = tuple(value for _, value in said)
        count = 0
        with (
            self._connection.cursor() as cursor,
            cursor.copy(
                f"COPY {model._meta.db_table} ({columns}) FROM STDIN"  # noqa: SLF001
            ) as copy,
        ):
            for row in rows:
                copy.write_row((*row, *rest))
                count += 1
        return count

    def run(self, *statements: str) -> None:
        """Run statements."""
        with self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def fill(share: int, instances: int) -> dict[str, int]:
    """Fill all tables; how many rows each got."""
    from radcommons.server.archive.models import Instance, Series, Study, Subject  # noqa: PLC0415
    from radcommons.server.catalog.models import CatalogSeries  # noqa: PLC0415
    from radcommons.server.catalog.rules import NOT_STATED, age_group  # noqa: PLC0415
    from radcommons.server.sites.models import Site  # noqa: PLC0415

    source = duckdb.connect()
    # Some texts of the index hold NUL characters, as ours never do.
    source.execute("CREATE MACRO tidy(text, length) AS left(replace(coalesce(text, ''), chr(0), ''), length)")
    source.execute(f"CREATE TABLE source AS {_SOURCE}", [str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH), share])
    site = Site.objects.create(code="IDC", name="Imaging Data Commons", country="US")
    loader, counts = Loader(), {}
    packed = packed_nothing()
    # What refers to what is made here; to look up every reference again would take longer than to copy the rows.
    loader.run("SET session_replication_role = replica")

    counts["subjects"] = loader.copy(
        Subject,
        ["id", "site_id", "project", "subject_id"],
        (
            (key, site.pk, project, name[:64])
            for key, project, name in rows_of(
                source, "SELECT subject, min(collection_id), min(PatientID) FROM source GROUP BY subject"
            )
        ),
    )
    counts["studies"] = loader.copy(
        Study,
        [
            "id",
            "subject_id",
            "study_instance_uid",
            "study_date",
            "study_description",
            "patient_sex",
            "patient_age_years",
            "study_json",
        ],
        (
            (*row, packed)
            for row in rows_of(
                source,
                "SELECT study, min(subject), min(StudyInstanceUID), min(study_date),"
                " min(study_description), left(min(sex), 16), min(age) FROM source GROUP BY study",
            )
        ),
    )
    counts["series"] = loader.copy(
        Series,
        [
            "id",
            "study_id",
            "series_instance_uid",
            "modality",
            "body_part_examined",
            "manufacturer",
            "manufacturer_model_name",
            "series_description",
            "series_number",
            "series_json",
        ],
        (
            (*row, packed)
            for row in rows_of(
                source,
                "SELECT series, study, SeriesInstanceUID, modality, body_part,"
                " manufacturer, model, series_description, series_number FROM source",
            )
        ),
    )
    catalog = rows_of(
        source,
        "SELECT series, study, subject, collection_id, modality, body_part, left(sex, 16), age,"
        " manufacturer, instances, size_bytes FROM source",
    )
    counts["catalog"] = loader.copy(
        CatalogSeries,
        [
            "series_id",
            "study_id",
            "subject_id",
            "collection",
            "site",
            "modality",
            "body_part",
            "sex",
            "age_group",
            "manufacturer",
            "covid19_status",
            "instance_count",
            "size_bytes",
            "catalogued_at",
        ],
        (
            (
                series,
                study,
                subject,
                project[:64],
                "IDC",
                modality or NOT_STATED,
                part or NOT_STATED,
                sex or NOT_STATED,
                age_group(age),
                manufacturer or NOT_STATED,
                "unknown",
                number,
                size,
                "2026-01-01T00:00:00Z",
            )
            for series, study, subject, project, modality, part, sex, age, manufacturer, number, size in catalog
        ),
    )
    counts["instances"] = copy_instances(loader, Instance, source, instances)
    for table in ("subject", "study", "series", "instance"):
        name = f"archive_{table}"
        loader.run(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}")  # noqa: S608
    loader.run("SET session_replication_role = origin", "VACUUM ANALYZE")
    return counts


def copy_instances(loader: Loader, model: type, source: duckdb.DuckDBPyConnection, wanted: int) -> int:
    """Made instances below the series, as many as wanted, no series with more than its own; indexes are made afterwards."""
    from django.db import connection  # noqa: PLC0415

    series = source.execute("SELECT count(*) FROM source").fetchone()[0]
    most = next(
        (
            limit
            for limit in (*range(1, 40), 60, 100, 1000)
            if source.execute("SELECT sum(least(instances, ?)) FROM source", [limit]).fetchone()[0] >= wanted
        ),
        1000,
    )
    names = [
        "series_id",
        "sop_instance_uid",
        "sop_class_uid",
        "transfer_syntax_uid",
        "sha256",
        "size_bytes",
        "instance_number",
        "rows",
        "columns",
        "bits_allocated",
        "is_image",
        "pixel_offset",
        "pixel_length",
        "frames",
        "dicom_json",
        "state",
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'archive_instance'"
            " AND indexname NOT LIKE '%_pkey' AND indexdef NOT LIKE 'CREATE UNIQUE%'"
        )
        indexes = cursor.fetchall()
    loader.run(*(f'DROP INDEX "{name}"' for name, _ in indexes))
    count = loader.copy(model, names, made_instances(source, most, wanted))
    loader.run("SET maintenance_work_mem = '1GB'", *(definition for _, definition in indexes))
    assert series > 0
    return count


def made_instances(source: duckdb.DuckDBPyConnection, most: int, wanted: int) -> Iterator[tuple[object, ...]]:
    """Rows of instances: identifiers of their own, one frame of 512 × 512 each."""
    packed, number = packed_nothing(), 0
    frames = '{"offset": 3400, "length": 524288, "count": 1}'
    rest = (512, 512, 16, True, 3400, 524288, frames, packed, "stored")
    for series, modality, count in rows_of(source, "SELECT series, modality, instances FROM source ORDER BY series"):
        for position in range(min(count, most)):
            if number >= wanted:
                return
            number += 1
            uid = f"2.25.{300_000_000_000_000_000_000_000_000_000 + number}"
            kind = "1.2.840.10008.5.1.4.1.1.4" if modality == "MR" else "1.2.840.10008.5.1.4.1.1.2"
            yield (series, uid, kind, "1.2.840.10008.1.2.1", f"{number:064x}", 527_700, position + 1, *rest)


def fill_shelf(name: str) -> int:
    """Put everything on a shelf, with search results as long as real ones; the shelf's number."""
    from django.db import connection  # noqa: PLC0415

    from radcommons.server.archive.dicomweb.shelf_index import ShelfIndex, ShelfRow  # noqa: PLC0415
    from radcommons.server.archive.models import ShelfSearch  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO archive_shelf (name, created_at) VALUES (%s, now()) RETURNING id", [name])
        shelf = int(cursor.fetchone()[0])
        cursor.execute(
            "INSERT INTO archive_shelfstudy (shelf_id, study_id, place, answer) SELECT %s, id,"
            " row_number() OVER (ORDER BY study_date DESC NULLS LAST, study_instance_uid) - 1,"
            " convert_to('{\"x\":\"' || repeat('x', 800) || '\"}', 'UTF8') FROM archive_study",
            [shelf],
        )
        cursor.execute(
            "INSERT INTO archive_shelfseries (shelf_id, shelf_study_id, series_id, answer)"
            " SELECT %s, h.id, e.id, convert_to(repeat('x', 500), 'UTF8')"
            " FROM archive_series e JOIN archive_shelfstudy h ON h.study_id = e.study_id",
            [shelf],
        )
        cursor.execute(_SEARCHED, [shelf])
        rows = (ShelfRow(day, tuple(modalities), *texts) for day, modalities, *texts in cursor.fetchall())
        ShelfSearch.objects.create(shelf_id=shelf, packed=ShelfIndex.of(rows).packed())
        cursor.execute("VACUUM ANALYZE archive_shelfstudy, archive_shelfseries, archive_shelfsearch")
    return shelf


def packed_nothing() -> bytes:
    """The packed DICOM JSON of an object without attributes."""
    from radcommons.server.archive import metadata  # noqa: PLC0415

    return metadata.pack(b"{}")


def rows_of(source: duckdb.DuckDBPyConnection, question: str) -> Iterator[tuple]:
    """The rows of an answer, some at a time."""
    answer = source.cursor().execute(question)
    while rows := answer.fetchmany(20_000):
        yield from rows
