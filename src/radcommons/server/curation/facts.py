"""From rows of the archive to the values that the checks judge."""

import math
from typing import Any

from radcommons.deid.refused_classes import refusal_of_class
from radcommons.server.archive.metadata import attributes_of
from radcommons.server.archive.models import Instance, InstanceState, Series, Study
from radcommons.server.curation.checks import InstanceFacts, SeriesFacts, StudyFacts

IMAGE_POSITION_PATIENT = "00200032"
IMAGE_ORIENTATION_PATIENT = "00200037"


def study_facts(study: Study) -> StudyFacts:
    """What the checks need to know of a study: its stored instances, and its subject's other studies."""
    others = Study.objects.filter(subject=study.subject).exclude(pk=study.pk)
    rows = Series.objects.filter(study=study).order_by("series_number", "series_instance_uid")
    return StudyFacts(
        study_date=study.study_date,
        study_description=study.study_description,
        patient_sex=study.patient_sex,
        patient_age_years=study.patient_age_years,
        series=tuple(_series_facts(series) for series in rows),
        others=tuple(others.values_list("study_date", "patient_age_years", "patient_sex")),
    )


def _series_facts(series: Series) -> SeriesFacts:
    stored = Instance.objects.filter(series=series, state=InstanceState.STORED).order_by("instance_number", "id")
    return SeriesFacts(
        series_instance_uid=series.series_instance_uid,
        modality=series.modality,
        body_part_examined=series.body_part_examined,
        series_description=series.series_description,
        protocol_name=series.protocol_name,
        slice_thickness_mm=series.slice_thickness_mm,
        instances=tuple(_instance_facts(instance) for instance in stored.iterator(chunk_size=200)),
    )


def _instance_facts(instance: Instance) -> InstanceFacts:
    attributes = attributes_of(instance.dicom_json) if instance.is_image else {}
    return InstanceFacts(
        is_image=instance.is_image,
        is_past_cleaning=bool(refusal_of_class(instance.sop_class_uid)),
        rows=instance.rows,
        columns=instance.columns,
        instance_number=instance.instance_number,
        orientation=_numbers(attributes, IMAGE_ORIENTATION_PATIENT, 6),
        position_mm=_numbers(attributes, IMAGE_POSITION_PATIENT, 3),
    )


def _numbers(attributes: dict[str, Any], tag: str, length: int) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(value) for value in attributes.get(tag, {}).get("Value", ()))
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == length and all(map(math.isfinite, numbers)) else None
