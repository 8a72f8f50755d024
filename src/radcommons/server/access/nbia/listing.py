"""The answers that are tables: collections, values, patients, studies, series."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from django.db.models import Count, Q

from radcommons.server.access.nbia import columns
from radcommons.server.access.nbia.formats import Rows, Value
from radcommons.server.access.nbia.requests import Asked, Parameters
from radcommons.server.access.released import (
    SERIES,
    STUDY,
    SUBJECT,
    Collection,
    ReleasedSeries,
    collections_named,
    current_collections,
    instances_in,
    one_series,
    released_series,
    series_of,
    shelved,
)
from radcommons.server.platform.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Table:
    """An answer before it has a format."""

    columns: Sequence[str]
    rows: Rows


# A parameter, the column it is compared with, and how: text in whatever case, UIDs exactly.
FILTERS = {
    "PatientID": f"{SUBJECT}subject_id__iexact",
    "PatientId": f"{SUBJECT}subject_id__iexact",
    "StudyInstanceUID": f"{STUDY}study_instance_uid",
    "SeriesInstanceUID": f"{SERIES}series_instance_uid",
    "Modality": f"{SERIES}modality__iexact",
    "BodyPartExamined": f"{SERIES}body_part_examined__iexact",
    "Manufacturer": f"{SERIES}manufacturer__iexact",
    "ManufacturerModelName": f"{SERIES}manufacturer_model_name__iexact",
}


def condition(parameters: Parameters) -> Q:
    """The filters of a call."""
    where = Q()
    for name, column in FILTERS.items():
        if value := parameters.text(name):
            where &= Q(**{column: value})
    return where


def named_or_current(asked: Asked) -> list[Collection]:
    """The collection that a call names, else all current ones."""
    name = asked.parameters.text("Collection")
    return collections_named(name, asked.actor) if name else current_collections(asked.actor)


def collection_values(asked: Asked) -> Table:
    """``getCollectionValues``."""
    return Table(("Collection",), [(collection.name,) for collection in current_collections(asked.actor)])


def collection_counts(asked: Asked) -> Table:
    """``getCollectionValuesAndCounts``: patients of each collection."""
    rows = [(each.name, each.release.subjects, 1) for each in current_collections(asked.actor)]
    return Table(("Collection", "Count", "Authorized"), rows)


def values_of(column: str, title: str) -> Callable[[Asked], Table]:
    """A call that lists the values of a column; without a title for counts, the values alone."""

    def answer(asked: Asked) -> Table:
        rows = shelved(named_or_current(asked), condition(asked.parameters))
        path = f"{SERIES}{column}"
        found = rows.exclude(**{path: ""}).order_by(path).values_list(path, flat=True).distinct()
        return Table((title,), [(value,) for value in found])

    return answer


def counts_of(column: str, title: str) -> Callable[[Asked], Table]:
    """A call that lists the values of a column with how many patients have each."""

    def answer(asked: Asked) -> Table:
        path = f"{SERIES}{column}"
        rows = shelved(named_or_current(asked), condition(asked.parameters)).exclude(**{path: ""})
        found = rows.order_by(path).values_list(path).annotate(number=Count(f"{SUBJECT}pk", distinct=True))
        return Table((title, "Count", "Authorized"), [(value, number, 1) for value, number in found])

    return answer


def species_counts(asked: Asked) -> Table:
    """``getSpeciesValuesAndCounts``."""
    numbers: dict[str, int] = {}
    for first in _first_of_each(released_series(current_collections(asked.actor)), _patient):
        code = columns.species(first.header)[0]
        numbers[code] = numbers.get(code, 0) + 1
    return Table(("Species", "Count", "Authorized"), [(code, number, 1) for code, number in sorted(numbers.items())])


def patients(asked: Asked) -> Table:
    """``getPatient``."""
    found = _first_of_each(released_series(named_or_current(asked), condition(asked.parameters)), _patient)
    return Table(columns.PATIENT, (columns.row(first, columns.PATIENT) for first in found))


def patients_by_modality(asked: Asked) -> Table:
    """``getPatientByCollectionAndModality``."""
    path = f"{SUBJECT}subject_id"
    rows = shelved(named_or_current(asked), condition(asked.parameters)).order_by(path).values_list(path, flat=True)
    return Table(("PatientId", "Authorized"), [(value, 1) for value in rows.distinct()])


def new_patients(asked: Asked) -> Table:
    """``NewPatientsInCollection``: patients with series released on or after a day."""
    found = _first_of_each(_since(asked, condition(asked.parameters)), _patient)
    return Table(columns.PATIENT, (columns.row(first, columns.PATIENT) for first in found))


def studies(asked: Asked) -> Table:
    """``getPatientStudy``."""
    return _studies(released_series(named_or_current(asked), condition(asked.parameters)))


def new_studies(asked: Asked) -> Table:
    """``NewStudiesInPatientCollection``."""
    return _studies(_since(asked, condition(asked.parameters)))


def series(asked: Asked) -> Table:
    """``getSeries``; a series asked for by its UID alone is found in older versions too."""
    uid = asked.parameters.uid("SeriesInstanceUID")
    if uid and not asked.parameters.text("Collection"):
        found = series_of([uid], asked.actor).values()
        kept = [each for each in found if shelved([each.collection], condition(asked.parameters)).exists()]
        return _series_table(kept)
    return _series_table(released_series(named_or_current(asked), condition(asked.parameters)))


def updated_series(asked: Asked) -> Table:
    """``getUpdatedSeries``: series released on or after a day."""
    return _series_table(_since(asked, Q()))


def series_size(asked: Asked) -> Table:
    """``getSeriesSize``."""
    found = _one_if_any(asked)
    return Table(("TotalSizeInBytes", "ObjectCount"), [(each.size_bytes, each.instances) for each in found])


def sop_instance_uids(asked: Asked) -> Table:
    """``getSOPInstanceUIDs``."""
    found = _one_if_any(asked)
    uids = (uid for each in found for uid in instances_in(each).values_list("sop_instance_uid", flat=True))
    return Table(("SOPInstanceUID",), ((uid,) for uid in uids))


def series_metadata(asked: Asked) -> Table:
    """``getSeriesMetadata``: a row for each UID of a list that is known."""
    return _table_of_uids(asked, asked.parameters.texts("list"), columns.METADATA, columns.METADATA)


def series_metadata_combined(asked: Asked) -> Table:
    """``getSeriesMetadataCombined``: the same under titles with spaces."""
    return _table_of_uids(
        asked, asked.parameters.texts("list"), columns.METADATA, [columns.COMBINED[name] for name in columns.METADATA]
    )


def series_qc_info(asked: Asked) -> Table:
    """``getSeriesQCInfo``: the same with the state of visibility."""
    wanted = (*columns.METADATA, "Visibility")
    return _table_of_uids(asked, asked.parameters.texts("seriesId"), wanted, wanted)


def retriever_metadata(asked: Asked) -> Table:
    """``getSeriesMetaData`` of versions 1 and 2: one series as the Data Retriever reads it."""
    return _retriever_table(_one_if_any(asked))


def contents_by_name(asked: Asked) -> Table:
    """``getContentsByName``: a shared list of series. Here every published version is one, under its name."""
    return _retriever_table(released_series(collections_named(asked.parameters.text("name"), asked.actor)))


def denied_series(asked: Asked) -> Table:
    """``getDeniedSeries``: those of a list that may not be downloaded, because nobody published them."""
    wanted = asked.parameters.texts("seriesList")
    known = series_of(wanted, asked.actor)
    return Table(("SeriesInstanceUID",), [(uid,) for uid in wanted if uid not in known])


def _one_if_any(asked: Asked) -> list[ReleasedSeries]:
    try:
        return [one_series(asked.parameters.uid("SeriesInstanceUID"), asked.actor)]
    except NotFoundError:
        return []


def _table_of_uids(asked: Asked, uids: Sequence[str], wanted: Sequence[str], titles: Sequence[str]) -> Table:
    known = series_of(uids, asked.actor)
    return Table(titles, [columns.row(known[uid], wanted) for uid in uids if uid in known])


def _series_table(found: Iterable[ReleasedSeries]) -> Table:
    return Table(columns.SERIES, (columns.row(each, columns.SERIES) for each in found))


def _retriever_table(found: Iterable[ReleasedSeries]) -> Table:
    return Table(tuple(columns.RETRIEVER), ([get(each) for get in columns.RETRIEVER.values()] for each in found))


def _studies(found: Iterable[ReleasedSeries]) -> Table:
    return Table(columns.STUDY, _study_rows(found))


def _study_rows(found: Iterable[ReleasedSeries]) -> Iterator[list[Value]]:
    for _, members in groupby(found, lambda each: (each.collection.name, each.study_instance_uid)):
        held = list(members)
        yield columns.row(held[0], columns.STUDY, SeriesCount=len(held))


def _since(asked: Asked, where: Q) -> Iterator[ReleasedSeries]:
    day = asked.parameters.day("fromDate", "Date") or date.min
    found = released_series(named_or_current(asked), where)
    return (each for each in found if each.released_at.date() >= day)


def _patient(each: ReleasedSeries) -> tuple[str, str]:
    return each.collection.name, each.subject_id


def _first_of_each(
    found: Iterable[ReleasedSeries], key: Callable[[ReleasedSeries], tuple[str, str]]
) -> Iterator[ReleasedSeries]:
    """The first series of each group of neighbours."""
    return (next(members) for _, members in groupby(found, key))
