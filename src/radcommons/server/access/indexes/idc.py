"""The index of a version with the columns of ``idc-index-data``: a row a series, so that notebooks written for it work.

Numbers of versions are those of the data set, from 1. ``crdc_series_uuid`` follows from the instances of the series: equal
instances, equal UUID. ``series_aws_url`` is where the series lies in the bucket; empty where the objects of the centre lie on
its own disks.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from radcommons.dicom.uids import name_of_uid
from radcommons.server.access.indexes.bucket import Bucket, bucket
from radcommons.server.access.released import Collection, ReleasedSeries, instances_in, released_series
from radcommons.server.archive.metadata import text_of, unpack
from radcommons.server.archive.queries import series_version
from radcommons.transfer.tables_engine import tables_engine

COLUMNS: Mapping[str, str] = {
    "collection_id": "VARCHAR",
    "analysis_result_id": "VARCHAR",
    "PatientID": "VARCHAR",
    "SeriesInstanceUID": "VARCHAR",
    "StudyInstanceUID": "VARCHAR",
    "source_DOI": "VARCHAR",
    "PatientAge": "VARCHAR",
    "PatientSex": "VARCHAR",
    "StudyDate": "VARCHAR",
    "StudyDescription": "VARCHAR",
    "BodyPartExamined": "VARCHAR",
    "Modality": "VARCHAR",
    "SOPClassUID": "VARCHAR",
    "sop_class_name": "VARCHAR",
    "TransferSyntaxUID": "VARCHAR",
    "transfer_syntax_name": "VARCHAR",
    "PhotometricInterpretation": "VARCHAR",
    "PixelRepresentation": "VARCHAR",
    "Manufacturer": "VARCHAR",
    "ManufacturerModelName": "VARCHAR",
    "SeriesDate": "VARCHAR",
    "SeriesDescription": "VARCHAR",
    "SeriesNumber": "VARCHAR",
    "instanceCount": "BIGINT",
    "license_short_name": "VARCHAR",
    "series_init_idc_version": "BIGINT",
    "series_revised_idc_version": "BIGINT",
    "aws_bucket": "VARCHAR",
    "crdc_series_uuid": "VARCHAR",
    "series_aws_url": "VARCHAR",
    "series_size_MB": "DOUBLE",
}
_SHORT_LICENCES = {"CC0-1.0": "CC0 1.0", "CC-BY-4.0": "CC BY 4.0", "CC-BY-NC-4.0": "CC BY-NC 4.0"}
_PHOTOMETRIC = re.compile(rb'"00280004":\{"vr":"CS","Value":\["([A-Z0-9_ ]{1,16})"')
_REPRESENTATION = re.compile(rb'"00280103":\{"vr":"US","Value":\[(\d)')
_MEGABYTE = 1_000_000


def write_index(collection: Collection, path: Path) -> None:
    """Write the index of a version as Parquet; equal versions give equal rows in equal order."""
    with TemporaryDirectory(dir=path.parent) as aside:
        rows_path = Path(aside) / "rows.ndjson"
        with rows_path.open("wb") as sink:
            for series in released_series([collection]):
                sink.write(orjson.dumps(_row(series), option=orjson.OPT_APPEND_NEWLINE))
        with tables_engine() as database:
            rows = database.read_json(str(rows_path), columns=dict(COLUMNS), format="newline_delimited")
            rows.write_parquet(str(path), compression="zstd")


def _row(series: ReleasedSeries) -> dict[str, str | int | float | None]:
    release, header = series.collection.release, series.header
    pixels = _Pixels.of(series)
    store = bucket()
    syntaxes = sorted(pixels.transfer_syntaxes)
    values: dict[str, str | int | float | None] = {
        "collection_id": release.slug,
        "analysis_result_id": None,
        "PatientID": series.subject_id,
        "SeriesInstanceUID": series.series_instance_uid,
        "StudyInstanceUID": series.study_instance_uid,
        "source_DOI": release.doi,
        "PatientAge": text_of(header, "00101010"),
        "PatientSex": series.patient_sex,
        "StudyDate": series.study_date.isoformat() if series.study_date else None,
        "StudyDescription": series.study_description,
        "BodyPartExamined": series.body_part_examined,
        "Modality": series.modality,
        "SOPClassUID": series.sop_class_uid,
        "sop_class_name": name_of_uid(series.sop_class_uid),
        "TransferSyntaxUID": ",".join(syntaxes),
        "transfer_syntax_name": ",".join(sorted(name_of_uid(uid) for uid in syntaxes)),
        "PhotometricInterpretation": ",".join(sorted(pixels.photometric)),
        "PixelRepresentation": ",".join(sorted(pixels.representations)),
        "Manufacturer": series.manufacturer,
        "ManufacturerModelName": series.manufacturer_model_name,
        "SeriesDate": _dashed(text_of(header, "00080021")),
        "SeriesDescription": series.series_description,
        "SeriesNumber": None if series.series_number is None else str(series.series_number),
        "instanceCount": series.instances,
        "license_short_name": _SHORT_LICENCES.get(release.licence, release.licence),
        "series_init_idc_version": series.first,
        "series_revised_idc_version": series.revised,
        "aws_bucket": store.name if store else None,
        "crdc_series_uuid": str(pixels.content_id),
        "series_aws_url": pixels.address(store) if store else None,
        "series_size_MB": series.size_bytes / _MEGABYTE,
    }
    return {name: None if value == "" else value for name, value in values.items()}


class _Pixels:
    """What the instances of a series say of their pixels, each value once."""

    def __init__(self) -> None:
        self.transfer_syntaxes: set[str] = set()
        self.photometric: set[str] = set()
        self.representations: set[str] = set()
        self._digests: list[str] = []

    @classmethod
    def of(cls, series: ReleasedSeries) -> "_Pixels":
        """Read them, some at a time."""
        found = cls()
        columns = ("transfer_syntax_uid", "sha256", "dicom_json")
        for syntax, sha256, packed in instances_in(series).values_list(*columns).iterator(chunk_size=200):
            header = unpack(packed)
            found.transfer_syntaxes.add(syntax)
            found.photometric |= set(_found(_PHOTOMETRIC, header))
            found.representations |= set(_found(_REPRESENTATION, header))
            found._digests.append(sha256)
        return found

    def address(self, store: Bucket) -> str | None:
        """Where the series lies in the bucket, as programs for many files take it; None when it was not placed."""
        name = series_version(self._digests)
        return None if name is None else store.url(f"series/{name}/*")

    @property
    def content_id(self) -> uuid.UUID:
        """A UUID (RFC 9562, version 8) that follows from the instances."""
        digest = bytearray(hashlib.sha256("".join(sorted(self._digests)).encode()).digest()[:16])
        digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
        return uuid.UUID(bytes=bytes(digest))


def _found(pattern: re.Pattern[bytes], header: bytes) -> Iterator[str]:
    match = pattern.search(header)
    if match:
        yield match[1].decode().strip()


def _dashed(value: str) -> str | None:
    return f"{value[:4]}-{value[4:6]}-{value[6:8]}" if len(value) == 8 and value.isdigit() else None  # noqa: PLR2004
