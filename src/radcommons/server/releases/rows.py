"""The rows of a release, read from the archive in a fixed order and in constant memory."""

from collections.abc import Iterator
from typing import Any

from django.db.models import F
from django.db.models.functions import Collate

from radcommons.server.clinical.models import SubjectRecord
from radcommons.server.releases.models import Release, ReleaseInstance

CHUNK_ROWS = 2_000
UNKNOWN = "unknown"

_INSTANCE = "instance__"
_SERIES = "instance__series__"
_STUDY = "instance__series__study__"
_SUBJECT = "instance__series__study__subject__"
_COLUMNS = {
    **dict.fromkeys(
        (
            "sop_instance_uid",
            "sop_class_uid",
            "transfer_syntax_uid",
            "instance_number",
            "number_of_frames",
            "rows",
            "columns",
            "sha256",
            "size_bytes",
        ),
        _INSTANCE,
    ),
    **dict.fromkeys(
        (
            "series_instance_uid",
            "modality",
            "body_part_examined",
            "series_number",
            "series_description",
            "protocol_name",
            "manufacturer",
            "manufacturer_model_name",
            "slice_thickness_mm",
        ),
        _SERIES,
    ),
    **dict.fromkeys(
        ("study_instance_uid", "study_date", "study_description", "patient_sex", "patient_age_years"), _STUDY
    ),
    **dict.fromkeys(("subject_id", "project"), _SUBJECT),
}


def release_rows(release: Release) -> Iterator[dict[str, Any]]:
    """One mapping per instance with the columns of all levels, in the order of the hash tree.

    The order is by bytes of subject, study, series and SOP identifiers: the same on every database, whatever its
    language, and so are the rows of one series, study and subject neighbours.
    """
    names = {name: F(f"{level}{name}") for name, level in _COLUMNS.items()}
    rows = (
        ReleaseInstance.objects.filter(release=release)
        .annotate(site_code=F(f"{_SUBJECT}site__code"), subject_key=F(f"{_SUBJECT}pk"))
        .order_by(
            Collate(f"{_SUBJECT}subject_id", "C"),
            Collate(f"{_STUDY}study_instance_uid", "C"),
            Collate(f"{_SERIES}series_instance_uid", "C"),
            Collate(f"{_INSTANCE}sop_instance_uid", "C"),
        )
        .values("leaf_salt", "site_code", "subject_key", **names)
    )
    statuses = _covid19_statuses(release)
    for row in rows.iterator(chunk_size=CHUNK_ROWS):
        yield {**row, "covid19_status": statuses.get(row["subject_key"], UNKNOWN)}


def _covid19_statuses(release: Release) -> dict[int, str]:
    subjects = ReleaseInstance.objects.filter(release=release).values(f"{_SUBJECT}pk").distinct()
    records = SubjectRecord.objects.filter(subject__in=subjects).exclude(covid19_status="")
    return dict(records.values_list("subject_id", "covid19_status"))
