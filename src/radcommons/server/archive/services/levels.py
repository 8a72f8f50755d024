"""The rows above an instance, subject, study and series, and the row of the instance itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from radcommons.dicom.finding import Finding
from radcommons.dicom.instance import InstanceDescription
from radcommons.server.archive import metadata, rules
from radcommons.server.archive.models import Instance, Series, Study, Subject
from radcommons.server.platform.rows import fetch, numbers, texts, write_rows
from radcommons.server.sites.models import Site


@dataclass(frozen=True, slots=True)
class Known:
    """Where studies and series stand already: studies as site, project and subject, series as their id and study's UID."""

    studies: dict[str, tuple[str, str, str]]
    series: dict[str, tuple[int, str]]

    def holds(self, place: rules.Place) -> bool:
        """Whether there are rows for the levels of a place, wherever they stand."""
        return place.study_instance_uid in self.studies and place.series_instance_uid in self.series


_STUDIES = b"""
SELECT study_instance_uid, site.code, subject.project, subject.subject_id
FROM archive_study AS study
JOIN archive_subject AS subject ON subject.id = study.subject_id
JOIN sites_site AS site ON site.id = subject.site_id
WHERE study_instance_uid = ANY(%s)
"""
_SERIES = b"""
SELECT series_instance_uid, series.id, study_instance_uid
FROM archive_series AS series JOIN archive_study AS study ON study.id = series.study_id
WHERE series_instance_uid = ANY(%s)
"""


def read(places: Sequence[rules.Place]) -> Known:
    """What is known of the studies and series of some places."""
    studies = fetch(_STUDIES, [texts({place.study_instance_uid for place in places})])
    series = fetch(_SERIES, [texts({place.series_instance_uid for place in places})])
    return Known(
        studies={uid: (site_code, project, subject_id) for uid, site_code, project, subject_id in studies},
        series={uid: (key, study) for uid, key, study in series},
    )


def refusals(place: rules.Place, known: Known) -> tuple[Finding, ...]:
    """Why an instance may not be placed; nothing when it may."""
    return rules.conflicts_of_place(
        place,
        study=known.studies.get(place.study_instance_uid),
        series_study_uid=known.series.get(place.series_instance_uid, (0, None))[1],
    )


def write_missing(
    descriptions: Sequence[InstanceDescription], known: Known, *, site: Site, project: str
) -> Known | None:
    """Write the subjects, studies and series that are not known yet.

    Rows are written in the order of their identifiers, so that two senders wait for each other instead of deadlocking.

    Returns
    -------
    What is known then; None when another sender wrote some of them meanwhile, so that all must be read again.
    """
    first_of_study = {item.study_instance_uid: item for item in reversed(descriptions)}
    new = [first_of_study[uid] for uid in sorted(first_of_study.keys() - known.studies.keys())]
    subjects = _ensure_subjects({item.patient_id for item in new}, site, project)
    rows = [_study_row(item, subjects) for item in new]
    studies = dict(write_rows(Study, rows, returning=("study_instance_uid", "id")))
    first = {item.series_instance_uid: item for item in reversed(descriptions)}
    missing = [first[uid] for uid in sorted(first.keys() - known.series.keys())]
    if others := {item.study_instance_uid for item in missing} - studies.keys():
        found = Study.objects.filter(study_instance_uid__in=others)
        studies |= dict(found.values_list("study_instance_uid", "pk"))
    rows = [_series_row(item, studies) for item in missing]
    series = dict(write_rows(Series, rows, returning=("series_instance_uid", "id")))
    if len(series) < len(missing) or any(item.study_instance_uid not in studies for item in new):
        return None
    own = {item.study_instance_uid: (site.code, project, item.patient_id) for item in new}
    placed = {item.series_instance_uid: (series[item.series_instance_uid], item.study_instance_uid) for item in missing}
    return Known(known.studies | own, known.series | placed)


def _ensure_subjects(subject_ids: set[str], site: Site, project: str) -> dict[str, int]:
    rows = [{"site_id": site.pk, "project": project, "subject_id": subject_id} for subject_id in sorted(subject_ids)]
    ids = dict(write_rows(Subject, rows, returning=("subject_id", "id")))
    if others := subject_ids - ids.keys():
        known = Subject.objects.filter(site=site, project=project, subject_id__in=others)
        ids |= dict(known.values_list("subject_id", "pk"))
    return ids


def _study_row(item: InstanceDescription, subjects: dict[str, int]) -> dict[str, Any]:
    attributes = orjson.loads(item.dicom_json)
    return {
        "subject_id": subjects[item.patient_id],
        "study_instance_uid": item.study_instance_uid,
        "study_date": rules.as_date(item.study_date),
        "study_time": rules.short_text(item.study_time, 16),
        "study_id": rules.short_text(metadata.text_of(attributes, "00200010"), 64),
        "accession_number": rules.short_text(item.accession_number, 64),
        "study_description": rules.short_text(item.study_description, 256),
        "patient_name": rules.short_text(metadata.text_of(attributes, "00100010"), 324),
        "patient_sex": rules.short_text(item.patient_sex, 16),
        "patient_age_years": rules.age_in_years(item.patient_age),
        "study_json": metadata.part_of(attributes, metadata.STUDY_TAGS),
    }


def _series_row(item: InstanceDescription, studies: dict[str, int]) -> dict[str, Any]:
    attributes = orjson.loads(item.dicom_json)
    return {
        "study_id": studies[item.study_instance_uid],
        "series_instance_uid": item.series_instance_uid,
        "modality": rules.short_text(item.modality, 16),
        "body_part_examined": rules.short_text(item.body_part_examined, 64),
        "manufacturer": rules.short_text(item.manufacturer, 256),
        "manufacturer_model_name": rules.short_text(item.manufacturer_model_name, 256),
        "series_description": rules.short_text(item.series_description, 256),
        "protocol_name": rules.short_text(item.protocol_name, 256),
        "series_number": rules.as_integer(item.series_number),
        "slice_thickness_mm": rules.as_length(item.slice_thickness_mm),
        "performed_date": rules.as_date(metadata.text_of(attributes, "00400244")),
        "performed_time": rules.short_text(metadata.text_of(attributes, "00400245"), 16),
        "series_json": metadata.part_of(attributes, metadata.SERIES_TAGS),
    }


def ensure_instances(
    given: Mapping[str, tuple[InstanceDescription, str]], series_ids: Mapping[str, int]
) -> dict[str, tuple[int, str, str]]:
    """Instances by SOP Instance UID as id, digest and state; missing ones are written as *storing*.

    Parameters
    ----------
    given
        Descriptions, each with the verdict about its pixels, by SOP Instance UID.
    """
    # One order everywhere, so that two senders of the same study wait for each other instead of deadlocking.
    rows = [_instance_row(*given[uid], series_ids) for uid in sorted(given)]
    columns = ("sop_instance_uid", "id", "sha256", "state")
    known = {uid: (key, sha256, state) for uid, key, sha256, state in write_rows(Instance, rows, returning=columns)}
    if others := given.keys() - known.keys():
        found = Instance.objects.filter(sop_instance_uid__in=others).values_list("sop_instance_uid", "pk", *columns[2:])
        known |= {uid: (key, sha256, state) for uid, key, sha256, state in found}
    return known


def _instance_row(item: InstanceDescription, pixel_text: str, series_ids: Mapping[str, int]) -> dict[str, Any]:
    return {
        "series_id": series_ids[item.series_instance_uid],
        "sop_instance_uid": item.sop_instance_uid,
        "sop_class_uid": item.sop_class_uid,
        "transfer_syntax_uid": item.transfer_syntax_uid,
        "sha256": item.sha256,
        "size_bytes": item.size_bytes,
        "instance_number": rules.as_integer(item.instance_number),
        "number_of_frames": rules.as_count(item.number_of_frames) or 1,
        "rows": rules.as_count(item.rows),
        "columns": rules.as_count(item.columns),
        "bits_allocated": rules.as_count(item.bits_allocated),
        "is_image": item.is_image,
        "pixel_offset": item.pixel_offset if item.pixel_offset >= 0 else None,
        "pixel_length": item.pixel_length if item.pixel_offset >= 0 else None,
        "pixel_text": pixel_text,
        "frames": rules.frame_table(item.fragments or tuple((span,) for span in item.frames)),
        "dicom_json": metadata.pack(item.dicom_json),
    }


_MAKE_VISIBLE = b"""
WITH waiting AS (
    SELECT id FROM archive_instance WHERE id = ANY(%s) AND state IN ('storing', 'damaged') ORDER BY id FOR NO KEY UPDATE
)
UPDATE archive_instance AS instance SET state = 'stored'
FROM waiting, archive_series AS series, archive_study AS study
WHERE instance.id = waiting.id AND series.id = instance.series_id AND study.id = series.study_id
RETURNING instance.id, instance.sha256, study.study_instance_uid
"""


def make_visible(instance_ids: Sequence[int]) -> list[tuple[int, str, str]]:
    """Make instances *stored* whose bytes are placed; id, digest and study of those that nobody else finished."""
    return fetch(_MAKE_VISIBLE, [numbers(instance_ids)])
