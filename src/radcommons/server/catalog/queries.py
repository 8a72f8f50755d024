"""Reads of the catalog: facets, the studies behind them, cohorts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet

from radcommons.server.archive.models import Instance, InstanceState, Series, Study
from radcommons.server.archive.queries import study_summaries
from radcommons.server.archive.study_pages import StudyPages
from radcommons.server.catalog.counting import cube
from radcommons.server.catalog.cube import Counts, Cube
from radcommons.server.catalog.models import CatalogSeries, Cohort, CohortInstance
from radcommons.server.catalog.rules import FACETS, CatalogQuery
from radcommons.server.curation.rules import CaseState
from radcommons.server.platform.errors import NotFoundError

PAGE_SIZE = 24
SHOWN_VALUES = 8
_cohort_pages = StudyPages()


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet, how much of the selection has it, and whether it is chosen."""

    value: str
    counts: Counts
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet with its values; each is counted under all other facets' choices, not under its own."""

    name: str
    label: str
    values: tuple[FacetValue, ...]

    @property
    def first(self) -> tuple[FacetValue, ...]:
        """The values that a page shows at once: the most frequent ones and whatever is chosen."""
        return tuple(one for place, one in enumerate(self.values) if place < SHOWN_VALUES or one.is_chosen)

    @property
    def rest(self) -> tuple[FacetValue, ...]:
        """The values behind "more"."""
        shown = set(self.first)
        return tuple(one for one in self.values if one not in shown)


@dataclass(frozen=True, slots=True)
class Facets:
    """The answer to a selection: totals of what it holds, of the whole catalog, and every facet."""

    selected: Counts
    everything: Counts
    facets: tuple[Facet, ...]


def facets(query: CatalogQuery) -> Facets:
    """Counts for every value of every facet under a selection."""
    return facets_of(cube(), query.to_lists(), FACETS)


def facets_of(counted: Cube, chosen: Mapping[str, Sequence[str]], labels: Mapping[str, str]) -> Facets:
    """The same for any cube, whose facets have these names and labels."""
    return Facets(
        selected=counted.total(chosen),
        everything=counted.total({}),
        facets=tuple(
            _facet(name, label, counted.by_value(name, chosen), chosen.get(name, ())) for name, label in labels.items()
        ),
    )


def _facet(name: str, label: str, found: dict[str, Counts], chosen: Sequence[str]) -> Facet:
    # A chosen value stays visible even when nothing has it any more, so that it can be taken back.
    values = found | {value: Counts() for value in chosen if value not in found}
    order = sorted(values) if name == "age_group" else sorted(values, key=lambda one: (-values[one].subjects, one))
    return Facet(name, label, tuple(FacetValue(value, values[value], value in chosen) for value in order))


def _conditions(query: CatalogQuery) -> Q:
    conditions = Q()
    for name, values in query.to_lists().items():
        conditions &= Q(**{f"{name}__in": values})
    return conditions


def instances(query: CatalogQuery) -> QuerySet[Instance]:
    """The stored instances that a selection holds, of studies that are cleared at this moment."""
    chosen = CatalogSeries.objects.filter(_conditions(query), study__curation_case__state=CaseState.CLEARED)
    return Instance.objects.filter(series__in=chosen.values("series"), state=InstanceState.STORED)


@dataclass(frozen=True, slots=True)
class StudyLine:
    """A study in the list beside the facets."""

    study: Study
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    age_group: str
    covid19_status: str
    series_count: int
    instance_count: int
    size_bytes: int
    picture: str
    picture_modality: str


def studies(query: CatalogQuery, *, page_number: str | int = 1) -> tuple[Page[Any], tuple[StudyLine, ...]]:
    """A page of the studies that a selection holds, the latest first.

    Which they are is known from the counted catalog, as old as its counts; what has left the catalog since is not shown.
    """
    page = Paginator(cube().latest_studies(query.to_lists()), PAGE_SIZE).get_page(page_number)
    keys = [int(key) for key in page.object_list]
    by_study: dict[int, list[CatalogSeries]] = {}
    chosen = CatalogSeries.objects.filter(_conditions(query), study__in=keys)
    for entry in chosen.select_related("series").order_by("-instance_count", "id"):
        by_study.setdefault(entry.study_id, []).append(entry)
    rows = Study.objects.filter(pk__in=by_study).select_related("subject__site").order_by("-id")
    return page, tuple(_line(study, by_study[study.pk]) for study in rows)


def _line(study: Study, entries: list[CatalogSeries]) -> StudyLine:
    return StudyLine(
        study=study,
        modalities=tuple(sorted({entry.modality for entry in entries})),
        body_parts=tuple(sorted({entry.body_part for entry in entries})),
        age_group=entries[0].age_group,
        covid19_status=entries[0].covid19_status,
        series_count=len(entries),
        instance_count=sum(entry.instance_count for entry in entries),
        size_bytes=sum(entry.size_bytes for entry in entries),
        picture=entries[0].series.series_instance_uid,
        picture_modality=entries[0].series.modality,
    )


def cohort(cohort_id: int) -> Cohort:
    """A cohort by its number.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    found = Cohort.objects.filter(pk=cohort_id).first()
    if found is None:
        raise NotFoundError("There is no such cohort.")
    return found


def cohort_named(name: str) -> Cohort:
    """A cohort by its name.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    found = Cohort.objects.filter(name=name).first()
    if found is None:
        raise NotFoundError(f"There is no cohort named {name}.")
    return found


def cohorts() -> QuerySet[Cohort]:
    """All cohorts, the latest first."""
    return Cohort.objects.order_by("-frozen_at", "-id")


def cohort_instances(cohort: Cohort) -> QuerySet[Instance]:
    """The instances of a cohort, without an order."""
    return Instance.objects.filter(id__in=CohortInstance.objects.filter(cohort=cohort).values("instance"))


def cohort_studies(cohort: Cohort, *, page_number: str | int = 1) -> Page[Any]:
    """The studies of a cohort with what of them is in it, newest first, a page at a time.

    A cohort never changes, so how many studies it has is known; only those of the page are counted.
    """
    page = Paginator(range(cohort.study_count), PAGE_SIZE).get_page(page_number)
    members = cohort_instances(cohort)
    found = _cohort_pages.page(Study.objects.all(), members, offset=page.start_index() - 1, limit=PAGE_SIZE)
    summaries = study_summaries([study.study_instance_uid for study in found], instances=members)
    return Page(summaries, page.number, page.paginator)


def series_of(cohort: Cohort) -> QuerySet[Series]:
    """The series of a cohort."""
    return Series.objects.filter(instances__cohort_members__cohort=cohort).distinct()


def catalogued_study_count() -> int:
    """How many studies stand in the catalog."""
    return CatalogSeries.objects.aggregate(number=Count("study", distinct=True))["number"] or 0
