"""Whether a series is wanted: pure decisions on plain values."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from radcommons.edge.criteria.reading import Criteria, SeriesLimits
from radcommons.edge.header import Header

_AGE = re.compile(r"(\d{1,3})([DWMY])")
_DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
_DAYS_A_YEAR = 365.25
_ORIENTATIONS = ("sagittal", "coronal", "axial")
_DA_LENGTH = 8


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What is known of one series: its first header, what differs between its instances, and their number."""

    header: Header
    instances: int
    is_listed_patient: bool
    image_types: frozenset[str]
    codes: frozenset[str]
    slice_thicknesses_mm: frozenset[float]
    orientations: frozenset[str]


def first_failed(facts: SeriesFacts, criteria: Criteria) -> str | None:
    """The name of the first criterion that the series fails, or ``None`` when it is wanted."""
    return next((name for name, is_met in _checks(facts, criteria) if not is_met), None)


def orientation_of(cosines: tuple[float, ...]) -> str | None:
    """``axial``, ``coronal`` or ``sagittal`` by the largest component of the image normal (PS3.3 C.7.6.2.1.1)."""
    if not cosines:
        return None
    row, column = cosines[:3], cosines[3:]
    normal = (
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    )
    largest = max(range(3), key=lambda axis: abs(normal[axis]))
    return _ORIENTATIONS[largest]


def age_years(header: Header) -> float | None:
    """Age at the study in years, from PatientAge or else from birth and study dates."""
    match = _AGE.fullmatch(header.patient_age)
    if match:
        return int(match[1]) * _DAYS[match[2]] / _DAYS_A_YEAR
    born, studied = day_of(header.patient_birth_date), day_of(header.study_date)
    if born is None or studied is None or studied < born:
        return None
    return studied.year - born.year - ((studied.month, studied.day) < (born.month, born.day))


def day_of(value: str) -> date | None:
    """The day of a DA value (PS3.5 6.2), or ``None`` when it is absent or no date."""
    if len(value) != _DA_LENGTH or not value.isdigit():
        return None
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return None


def _checks(facts: SeriesFacts, criteria: Criteria) -> Iterator[tuple[str, bool]]:
    header = facts.header
    limits = criteria.limits
    own = criteria.limits_by_modality.get(header.modality, SeriesLimits())
    yield "patient.listed", facts.is_listed_patient
    yield "patient.age", _is_age_met(header, criteria)
    yield "patient.sex", not criteria.sexes or header.patient_sex in criteria.sexes
    yield "study.date", _is_date_met(header, criteria)
    yield "study.codes", not criteria.codes or bool(_code_values(facts.codes) & set(criteria.codes))
    yield "series.modality", not criteria.modalities or header.modality in criteria.modalities
    yield "series.body_part", _is_body_part_met(header, criteria)
    yield "series.image_type", not facts.image_types & set(criteria.exclude_image_types)
    yield "series.description", _is_description_met(header, criteria)
    for each in (limits, own):
        yield "series.instances", _is_within(facts.instances, each.minimum_instances, each.maximum_instances)
        yield "series.slice_thickness", _is_thickness_met(facts, each)
        yield "series.orientation", _is_orientation_met(facts, each)


def _is_age_met(header: Header, criteria: Criteria) -> bool:
    if criteria.minimum_age_years is None and criteria.maximum_age_years is None:
        return True
    years = age_years(header)
    if years is None:
        return not criteria.is_age_needed
    upper = None if criteria.maximum_age_years is None else criteria.maximum_age_years + 1
    return _is_within(years, criteria.minimum_age_years, None) and (upper is None or years < upper)


def _is_date_met(header: Header, criteria: Criteria) -> bool:
    first, last = criteria.first_study_date, criteria.last_study_date
    if first is None and last is None:
        return True
    studied = day_of(header.study_date)
    return studied is not None and (first is None or studied >= first) and (last is None or studied <= last)


def _code_values(codes: frozenset[str]) -> set[str]:
    return {each.partition("|")[0] for each in codes}


def _is_body_part_met(header: Header, criteria: Criteria) -> bool:
    if not criteria.body_parts and criteria.body_part_or_description is None:
        return True
    if header.body_part_examined in criteria.body_parts:
        return True
    pattern = criteria.body_part_or_description
    if pattern is not None and pattern.search(f"{header.body_part_examined}\n{_described(header)}"):
        return True
    return not header.body_part_examined and not criteria.is_body_part_needed


def _is_description_met(header: Header, criteria: Criteria) -> bool:
    described = _described(header)
    if criteria.exclude_description is not None and criteria.exclude_description.search(described):
        return False
    return criteria.include_description is None or bool(criteria.include_description.search(described))


def _described(header: Header) -> str:
    return f"{header.study_description}\n{header.series_description}\n{header.protocol_name}"


def _is_within(value: float, lowest: float | None, highest: float | None) -> bool:
    return (lowest is None or value >= lowest) and (highest is None or value <= highest)


def _is_thickness_met(facts: SeriesFacts, limits: SeriesLimits) -> bool:
    lowest, highest = limits.minimum_slice_thickness_mm, limits.maximum_slice_thickness_mm
    if lowest is None and highest is None:
        return True
    return bool(facts.slice_thicknesses_mm) and all(
        _is_within(each, lowest, highest) for each in facts.slice_thicknesses_mm
    )


def _is_orientation_met(facts: SeriesFacts, limits: SeriesLimits) -> bool:
    """An orientation that the header does not tell is not held against the series."""
    return limits.orientation is None or facts.orientations <= {limits.orientation}
