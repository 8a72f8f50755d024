"""Readings as flat tables for spreadsheets and notebooks: CSV and Parquet, one row an answer.

Tables are for analysis, not for return: shapes are counted and measured, not repeated. The two formats have the same columns
and values.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from radcommons.transfer.annotation.geometry import AREAS, Geometry, Outline, area_pixels
from radcommons.transfer.annotation.raster import corners_of
from radcommons.transfer.annotation.record import Item, Reading
from radcommons.transfer.annotation.schema import LabelSchema
from radcommons.transfer.spreadsheets import harmless
from radcommons.transfer.tables_engine import tables_engine

# Name and DuckDB type of each column.
COLUMNS = {
    "study_instance_uid": "VARCHAR",
    "reading_id": "VARCHAR",
    "reader": "VARCHAR",
    "annotation_method": "VARCHAR",
    "schema": "VARCHAR",
    "is_nothing_found": "BOOLEAN",
    "flags": "VARCHAR",
    "active_seconds": "DOUBLE",
    "finished_at": "VARCHAR",
    "item_id": "VARCHAR",
    "about": "VARCHAR",
    "label_id": "VARCHAR",
    "label_name": "VARCHAR",
    "value": "VARCHAR",
    "number": "DOUBLE",
    "series_instance_uid": "VARCHAR",
    "sop_instance_uid": "VARCHAR",
    "frame_number": "BIGINT",
    "geometry": "VARCHAR",
    "shapes": "BIGINT",
    "pixels": "DOUBLE",
    "note": "VARCHAR",
}

Cell = str | int | float | bool | None


def rows_of(schema: LabelSchema, readings: Sequence[Reading]) -> Iterator[tuple[Cell, ...]]:
    """One row an item, in the order of :data:`COLUMNS`; a reading without items has one row without an item."""
    names = {label.id: schema.title_of(label) for label in schema.labels}
    for reading in readings:
        head: tuple[Cell, ...] = (
            reading.study_instance_uid,
            reading.id,
            reading.reader,
            reading.method.value,
            str(reading.schema),
            reading.is_nothing_found,
            " ".join(flag.value for flag in reading.flags),
            reading.active_seconds,
            reading.finished_at,
        )
        if not reading.items:
            yield (*head, *(None,) * (len(COLUMNS) - len(head) - 1), reading.note)
        for item in reading.items:
            yield (*head, *_cells(item, names.get(item.label_id, "")))


def _cells(item: Item, name: str) -> Iterator[Cell]:
    value = item.value
    yield from (item.id, item.about, item.label_id, name)
    yield " ".join(value) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else str(value)
    yield float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    yield from (item.target.series_instance_uid, item.target.sop_instance_uid, item.target.frame_number)
    outlines, masks = item.outlines, item.masks
    yield Geometry.MASK.value if masks else outlines[0].geometry.value if outlines else Geometry.NONE.value
    yield len(item.shapes)
    yield float(sum(mask.pixel_count for mask in masks)) + sum(map(_signed_area, outlines)) if item.shapes else None
    yield item.note


def _signed_area(outline: Outline) -> float:
    """The area of an outline in pixels, negative for a hole; 0 for what has no area."""
    if outline.geometry not in AREAS:
        return 0.0
    return area_pixels(corners_of(outline)) * (-1 if outline.is_hole else 1)


def write_csv(schema: LabelSchema, readings: Sequence[Reading]) -> bytes:
    """A CSV file (RFC 4180, UTF-8). Texts that a spreadsheet would run as a formula begin with an apostrophe."""
    return csv_of(COLUMNS, rows_of(schema, readings))


def csv_of(columns: Iterable[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Rows under the names of their columns as :func:`write_csv` writes them."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return stream.getvalue().encode()


def write_parquet(schema: LabelSchema, readings: Sequence[Reading], path: Path) -> None:
    """A Parquet file of the same rows at ``path``."""
    parquet_of(COLUMNS, list(rows_of(schema, readings)), path)


def parquet_of(columns: Mapping[str, str], rows: Sequence[Sequence[Cell]], path: Path) -> None:
    """Rows under named and typed columns as a Parquet file; equal rows give equal bytes."""
    values = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in columns]
    # One list a column: row by row DuckDB takes a hundred times as long.
    chosen = ", ".join(f'unnest(?::{kind}[]) AS "{name}"' for name, kind in columns.items())
    with tables_engine() as connection:
        connection.sql(f"SELECT {chosen}", params=values).write_parquet(str(path), compression="zstd")
