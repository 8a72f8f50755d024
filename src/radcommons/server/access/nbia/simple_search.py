"""``getSimpleSearch``: patients whose series fit, with the values that narrow the search further."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Q

from radcommons.server.access.nbia import columns
from radcommons.server.access.nbia.search_grammar import Criterion, SimpleSearch
from radcommons.server.access.released import (
    SERIES,
    STUDY,
    SUBJECT,
    Collection,
    ReleasedSeries,
    collections_named,
    current_collections,
    released_series,
    shelved,
)
from radcommons.server.archive.metadata import text_of
from radcommons.server.platform.policy import Actor

NON_COMMERCIAL = "-NC-"
# Criteria on columns: compared as text in whatever case.
_TEXTS: Mapping[Criterion, str] = {
    Criterion.MODALITY: f"{SERIES}modality__iexact",
    Criterion.BODY_PART: f"{SERIES}body_part_examined__iexact",
    Criterion.MANUFACTURER: f"{SERIES}manufacturer__iexact",
    Criterion.MODEL: f"{SERIES}manufacturer_model_name__iexact",
    Criterion.PATIENT: f"{SUBJECT}subject_id__iexact",
    Criterion.STUDY: f"{STUDY}study_instance_uid",
    Criterion.SERIES: f"{SERIES}series_instance_uid",
    Criterion.SEX: f"{STUDY}patient_sex__iexact",
    Criterion.DESCRIPTION: f"{SERIES}series_description__icontains",
}
_NUMBERS: Mapping[Criterion, str] = {
    Criterion.AGE_RANGE: f"{STUDY}patient_age_years",
    Criterion.SLICE_THICKNESS: f"{SERIES}slice_thickness_mm",
}
# Criteria that only the header or the history of a series answers.
_READ = frozenset({Criterion.SPECIES, Criterion.SOFTWARE})


@dataclass(slots=True)
class Patient:
    """A patient of a collection with what was found of them."""

    collection: Collection
    subject_key: int
    subject_id: str
    studies: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    study_dates: set[date | None] = field(default_factory=set)
    modalities: set[str] = field(default_factory=set)
    body_parts: set[str] = field(default_factory=set)

    @property
    def series_count(self) -> int:
        """How many series were found."""
        return sum(len(series) for series in self.studies.values())

    @property
    def series(self) -> Iterator[str]:
        """Their UIDs."""
        return (uid for series in self.studies.values() for uid, _ in series)


def find_patients(search: SimpleSearch, actor: Actor) -> list[Patient]:
    """The patients whose series fit all criteria, among what an actor may read, in the order asked for."""
    found: list[Patient] = []
    for collection in _collections(search, actor):
        found.extend(_patients(collection, _condition(search, collection)))
    anded = {value.upper() for value in search.values.get(Criterion.MODALITY, ())}
    is_anded = any(value.lower() == "all" for value in search.values.get(Criterion.MODALITY_ANDED, ()))
    studies, dates = search.number(Criterion.MIN_STUDIES), search.number(Criterion.MIN_STUDY_DATES)
    kept = [
        patient
        for patient in found
        if len(patient.studies) >= studies
        and len(patient.study_dates) >= dates
        and (not is_anded or anded <= {value.upper() for value in patient.modalities})
    ]
    kept.sort(key=_ORDERS[search.sort_field], reverse=search.is_descending)
    return kept


def answer(search: SimpleSearch, actor: Actor) -> dict[str, Any]:
    """The document that ``getSimpleSearch`` answers with."""
    found = find_patients(search, actor)
    shown = found[search.start : search.start + search.size]
    return {
        "resultSet": [_result(patient) for patient in shown],
        "totalPatients": len(found),
        "bodyParts": _counted(value for patient in found for value in patient.body_parts),
        "modalities": _counted(value for patient in found for value in patient.modalities),
        "collections": _counted(patient.collection.name for patient in found),
        "species": _counted(columns.HUMAN[0] for _ in found),
        "sort": f"{search.sort_field} {'descending' if search.is_descending else 'ascending'}",
    }


def is_commercially_restricted(search: SimpleSearch, actor: Actor) -> bool:
    """Whether any patient found is in a collection whose licence forbids commercial use."""
    return any(NON_COMMERCIAL in patient.collection.release.licence for patient in find_patients(search, actor))


def _collections(search: SimpleSearch, actor: Actor) -> list[Collection]:
    names = search.values.get(Criterion.COLLECTION, ())
    found = [each for name in names for each in collections_named(name, actor)] if names else current_collections(actor)
    if Criterion.EXCLUDE_COMMERCIAL in search.values:
        found = [each for each in found if NON_COMMERCIAL not in each.release.licence]
    # Nothing here is a phantom or an analysis by others.
    only = (*search.values.get(Criterion.PHANTOM, ()), *search.values.get(Criterion.THIRD_PARTY, ()))
    return [] if any(value.lower().startswith(("only", "yes", "true")) for value in only) else found


def _condition(search: SimpleSearch, collection: Collection) -> Q:
    where = Q()
    for criterion, column in _TEXTS.items():
        if values := search.values.get(criterion):
            alternatives = Q()
            for value in values:
                alternatives |= Q(**{column: value})
            where &= alternatives
    for criterion, column in _NUMBERS.items():
        lowest, highest = search.ranges.get(criterion, (None, None))
        where &= Q() if lowest is None else Q(**{f"{column}__gte": lowest})
        where &= Q() if highest is None else Q(**{f"{column}__lte": highest})
    if _READ & search.values.keys() or Criterion.PIXEL_SPACING in search.ranges or any(search.released):
        fitting = (each.series_id for each in released_series([collection], where) if _fits(each, search))
        where &= Q(series_id__in=list(fitting))
    return where


def _fits(series: ReleasedSeries, search: SimpleSearch) -> bool:
    first, last = search.released
    day = series.released_at.date()
    if (first and day < first) or (last and day > last):
        return False
    wanted = search.values.get(Criterion.SPECIES)
    if wanted and columns.species(series.header)[0] not in wanted:
        return False
    wanted = search.values.get(Criterion.SOFTWARE)
    if wanted and text_of(series.header, "00181020").lower() not in {value.lower() for value in wanted}:
        return False
    if Criterion.PIXEL_SPACING not in search.ranges:
        return True
    lowest, highest = search.ranges[Criterion.PIXEL_SPACING]
    spacing = columns.GETTERS["PixelSpacing(mm)-Row"](series)
    if not isinstance(spacing, int | float):
        return False
    return (lowest is None or spacing >= lowest) and (highest is None or spacing <= highest)


def _patients(collection: Collection, where: Q) -> Iterable[Patient]:
    paths = (
        f"{SUBJECT}pk",
        f"{SUBJECT}subject_id",
        f"{STUDY}study_instance_uid",
        f"{STUDY}study_date",
        f"{SERIES}series_instance_uid",
        f"{SERIES}modality",
        f"{SERIES}body_part_examined",
    )
    rows = shelved([collection], where).order_by(*paths[1:3], paths[4]).values_list(*paths)
    found: dict[int, Patient] = {}
    for key, subject_id, study, day, series, modality, body_part in rows.iterator(chunk_size=2000):
        patient = found.setdefault(key, Patient(collection, key, subject_id))
        patient.studies[study].append((series, modality))
        patient.study_dates.add(day)
        patient.modalities |= {modality} - {""}
        patient.body_parts |= {body_part} - {""}
    return found.values()


def _result(patient: Patient) -> dict[str, Any]:
    return {
        "subjectId": patient.subject_id,
        "project": patient.collection.name,
        "id": patient.subject_key,
        "studyIdentifiers": [
            {
                "studyIdentifier": study,
                "seriesIdentifiers": [uid for uid, _ in series],
                "seriesAndModality": [{"seriesId": uid, "modality": modality} for uid, modality in series],
            }
            for study, series in patient.studies.items()
        ],
        "modalities": sorted(patient.modalities),
        "bodyParts": sorted(patient.body_parts),
        "species": [columns.HUMAN[0]],
        "totalNumberOfStudies": len(patient.studies),
        "totalNumberOfSeries": patient.series_count,
        "authorized": 1,
    }


def _counted(values: Iterable[str]) -> Sequence[dict[str, str | int]]:
    return [{"value": value, "count": count} for value, count in sorted(Counter(values).items())]


_ORDERS: Mapping[str, Callable[[Patient], tuple[int | str, str]]] = {
    "subject": lambda patient: (patient.subject_id, patient.collection.name),
    "studies": lambda patient: (len(patient.studies), patient.subject_id),
    "series": lambda patient: (patient.series_count, patient.subject_id),
    "collection": lambda patient: (patient.collection.name, patient.subject_id),
}
