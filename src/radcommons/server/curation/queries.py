"""Reads of curation: the queue, one study, every distinct value once."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet, Sum

from radcommons.server.archive.models import Instance, InstanceState, Series, Study, Subject
from radcommons.server.curation.models import Case, CheckResult, Decision
from radcommons.server.curation.rules import CaseState, Verb, verbs_from
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.paging import KeyPaginator
from radcommons.server.platform.rows import indexed_values
from radcommons.server.sites.models import Site

PAGE_SIZE = 50

# Attributes whose every distinct value a curator sees once: keyword, and the path from a series.
DESCRIPTORS: Mapping[str, str] = MappingProxyType(
    {
        "StudyDescription": "study__study_description",
        "SeriesDescription": "series_description",
        "ProtocolName": "protocol_name",
        "BodyPartExamined": "body_part_examined",
        "Manufacturer": "manufacturer",
        "ManufacturerModelName": "manufacturer_model_name",
    }
)


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which cases the queue shows; the same names stand in the address of the page.

    Parameters
    ----------
    state
        One state, or empty for all.
    severity
        ``error`` or ``warning``: only cases in which the checks found at least one of these.
    text
        Part of a subject's pseudonym or of a Study Instance UID.
    attribute, value
        A descriptor of :data:`DESCRIPTORS` and the value that one of the study's series has in it.
    """

    state: str = CaseState.OPEN
    site: str = ""
    modality: str = ""
    code: str = ""
    severity: str = ""
    text: str = ""
    attribute: str = ""
    value: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "QueueFilter":
        """The filter that an address asks for; unknown values are ignored."""
        state = query.get("state", CaseState.OPEN)
        attribute = query.get("attribute", "")
        severity = query.get("severity", "")
        return cls(
            state=state if state in {*CaseState, ""} else CaseState.OPEN.value,
            site=query.get("site", ""),
            modality=query.get("modality", ""),
            code=query.get("code", ""),
            severity=severity if severity in ("error", "warning") else "",
            text=query.get("text", "").strip(),
            attribute=attribute if attribute in DESCRIPTORS else "",
            value=query.get("value", ""),
        )


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One line of the queue."""

    case: Case
    modalities: tuple[str, ...]
    series_count: int
    instance_count: int
    picture: str
    picture_modality: str


@dataclass(frozen=True, slots=True)
class QueuePage:
    """What the queue page shows: a page of cases, and how many there are in each state under the same filter."""

    page: Page[Case]
    rows: tuple[QueueRow, ...]
    state_counts: tuple[tuple[str, int], ...]
    total: int


def queue(wanted: QueueFilter, *, page_number: str | int = 1) -> QueuePage:
    """A page of the queue, oldest first."""
    cases = filtered_cases(wanted)
    counts = dict(cases.order_by().values_list("state").annotate(Count("id")))
    if wanted.state:
        cases = cases.filter(state=wanted.state)
    number = counts.get(wanted.state, 0) if wanted.state else sum(counts.values())
    page = KeyPaginator(cases, PAGE_SIZE, known_count=number).get_page(page_number)
    return QueuePage(
        page,
        _rows(list(page.object_list)),
        tuple((state.value, counts.get(state.value, 0)) for state in CaseState),
        sum(counts.values()),
    )


def filtered_cases(wanted: QueueFilter) -> QuerySet[Case]:
    """Cases under a filter, whatever their state, oldest first."""
    conditions = Q()
    if wanted.site:
        conditions &= Q(study__subject__site__code=wanted.site)
    if wanted.text:
        conditions &= Q(study__subject__subject_id__icontains=wanted.text) | Q(
            study__study_instance_uid__startswith=wanted.text
        )
    if wanted.modality:
        conditions &= Q(study__in=Series.objects.filter(modality=wanted.modality).values("study"))
    if wanted.attribute:
        path = DESCRIPTORS[wanted.attribute]
        conditions &= Q(study__in=Series.objects.filter(**{path: wanted.value}).values("study"))
    if wanted.code:
        conditions &= Q(id__in=CheckResult.objects.filter(code=wanted.code).values("case"))
    if wanted.severity:
        conditions &= Q(**{f"{wanted.severity}_count__gt": 0})
    rows = Case.objects.filter(conditions).select_related("study__subject__site")
    return rows.order_by("opened_at", "id")


def _rows(cases: list[Case]) -> tuple[QueueRow, ...]:
    stored = Count("instances", filter=Q(instances__state=InstanceState.STORED))
    pictures = Count("instances", filter=Q(instances__state=InstanceState.STORED, instances__is_image=True))
    series_of: dict[int, list[Any]] = {}
    rows = Series.objects.filter(study__in=[case.study_id for case in cases])
    for series in rows.annotate(stored=stored, pictures=pictures).order_by("series_number", "series_instance_uid"):
        series_of.setdefault(series.study_id, []).append(series)
    return tuple(_row(case, series_of.get(case.study_id, [])) for case in cases)


def _row(case: Case, series: list[Any]) -> QueueRow:
    # The longest series stands for the study: a volume rather than its localiser.
    longest = max(series, key=lambda one: one.pictures, default=None)
    return QueueRow(
        case=case,
        modalities=tuple(sorted({one.modality for one in series if one.modality})),
        series_count=len(series),
        instance_count=sum(one.stored for one in series),
        picture=longest.series_instance_uid if longest is not None and longest.pictures else "",
        picture_modality=longest.modality if longest is not None else "",
    )


def choices() -> dict[str, list[str]]:
    """Values to choose from in the queue's filter: sites, modalities, codes of findings."""
    return {
        "site": list(Site.objects.filter(pk__in=indexed_values(Subject, "site")).values_list("code", flat=True)),
        "modality": [modality for modality in indexed_values(Series, "modality") if modality],
        "code": indexed_values(CheckResult, "code"),
    }


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """A series as the study page shows it."""

    series: Series
    instance_count: int
    image_count: int
    size_bytes: int
    pixel_text: tuple[tuple[str, int], ...]
    """Pictures by what their site knew of writing in them."""


@dataclass(frozen=True, slots=True)
class FindingLine:
    """What a check found, and where, in words of the study page."""

    severity: str
    code: str
    message: str
    place: str


@dataclass(frozen=True, slots=True)
class StudyPage:
    """Everything the study page shows."""

    case: Case
    series: tuple[SeriesLine, ...]
    findings: tuple[FindingLine, ...]
    decisions: tuple[Decision, ...]
    verbs: tuple[Verb, ...]
    instance_count: int
    size_bytes: int
    next_open: str


def study_page(study_instance_uid: str) -> StudyPage:
    """One study before its curator.

    Raises
    ------
    NotFoundError
        When the study has no case.
    """
    rows = Case.objects.select_related("study__subject__site")
    case = rows.filter(study__study_instance_uid=study_instance_uid).first()
    if case is None:
        raise NotFoundError("There is no such study in curation.")
    series = _series_lines(case.study)
    return StudyPage(
        case=case,
        series=series,
        findings=_finding_lines(case, series),
        decisions=tuple(case.decisions.order_by("-decided_at", "-id")),
        verbs=verbs_from(CaseState(case.state)),
        instance_count=sum(line.instance_count for line in series),
        size_bytes=sum(line.size_bytes for line in series),
        next_open=next_open_study(case),
    )


def _finding_lines(case: Case, series: tuple[SeriesLine, ...]) -> tuple[FindingLine, ...]:
    names = {f"series {line.series.series_instance_uid}": _series_name(line.series) for line in series}
    rows = sorted(case.check_results.all(), key=_by_severity)
    return tuple(FindingLine(row.severity, row.code, row.message, names.get(row.place, row.place)) for row in rows)


def _series_name(series: Series) -> str:
    number = "" if series.series_number is None else f" {series.series_number}"
    return f"series{number}, {series.series_description}" if series.series_description else f"series{number}"


def _by_severity(result: CheckResult) -> tuple[int, str, int]:
    return (("error", "warning", "info").index(result.severity), result.code, result.pk)


def _series_lines(study: Study) -> tuple[SeriesLine, ...]:
    is_stored = Q(instances__state=InstanceState.STORED)
    rows = study.series.annotate(
        stored=Count("instances", filter=is_stored),
        pictures=Count("instances", filter=is_stored & Q(instances__is_image=True)),
        size_bytes=Sum("instances__size_bytes", filter=is_stored, default=0),
    )
    verdicts = _pixel_verdicts(study)
    return tuple(
        SeriesLine(row, row.stored, row.pictures, row.size_bytes, verdicts.get(row.pk, ()))
        for row in rows.order_by("series_number", "series_instance_uid")
    )


def _pixel_verdicts(study: Study) -> Mapping[int, tuple[tuple[str, int], ...]]:
    """Of each series, how many instances have which verdict about writing in their pixels."""
    stored = Instance.objects.filter(series__study=study, state=InstanceState.STORED).exclude(pixel_text="")
    found: dict[int, list[tuple[str, int]]] = {}
    for key, verdict, number in stored.values_list("series", "pixel_text").annotate(Count("pk")).order_by("pixel_text"):
        found.setdefault(key, []).append((verdict, number))
    return {key: tuple(lines) for key, lines in found.items()}


def next_open_study(case: Case) -> str:
    """The Study Instance UID of the open case that waits longest after this one; empty when none is left."""
    rows = Case.objects.filter(state=CaseState.OPEN).exclude(pk=case.pk).order_by("opened_at", "id")
    later = rows.filter(Q(opened_at__gt=case.opened_at) | Q(opened_at=case.opened_at, id__gt=case.pk))
    following = later.select_related("study").first() or rows.select_related("study").first()
    return following.study.study_instance_uid if following else ""


@dataclass(frozen=True, slots=True)
class DistinctValue:
    """One value of a descriptor, and in how much it stands."""

    value: str
    study_count: int
    series_count: int


def distinct_values(attribute: str, *, page_number: str | int = 1) -> Page[Any]:
    """Every distinct value of a descriptor in studies that are not rejected, the most frequent first.

    Raises
    ------
    NotFoundError
        When the attribute is not a descriptor.
    """
    path = DESCRIPTORS.get(attribute)
    if path is None:
        raise NotFoundError("Values of this attribute are not listed.")
    rows = Series.objects.exclude(study__curation_case__state=CaseState.REJECTED).exclude(study__curation_case=None)
    grouped = rows.order_by().values(path).annotate(studies=Count("study", distinct=True), series=Count("id"))
    page = Paginator(grouped.order_by("-studies", path), PAGE_SIZE * 4).get_page(page_number)
    page.object_list = [DistinctValue(row[path] or "", row["studies"], row["series"]) for row in page.object_list]
    return page


def open_count() -> int:
    """How many studies wait for a curator."""
    return Case.objects.filter(state=CaseState.OPEN).count()


def held_count() -> int:
    """How many studies are held back."""
    return Case.objects.filter(state=CaseState.HELD).count()


def instances_of(study_instance_uid: str) -> QuerySet[Instance]:
    """The stored instances of a study, for the metadata table of its page."""
    return Instance.objects.filter(
        series__study__study_instance_uid=study_instance_uid, state=InstanceState.STORED
    ).order_by("series__series_number", "instance_number", "sop_instance_uid")
