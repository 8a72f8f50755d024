"""What the public may know of the repository: counts of released things only, small ones withheld."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.core.cache import cache
from django.db.models import Count, Min, QuerySet, Sum
from django.db.models.functions import TruncMonth

from radcommons.server.archive.models import Instance, Series, Study
from radcommons.server.catalog.rules import AGE_GROUPS, NOT_STATED, OLDEST_GROUP, age_group, disclosed
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.settings import settings
from radcommons.server.releases.models import Release, ReleaseInstance
from radcommons.server.releases.reading import readable_by

CACHE_S = 24 * 3600
_AGE_ORDER = [name for _, _, name in AGE_GROUPS] + [OLDEST_GROUP, NOT_STATED]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table beside its chart; the number is None where it is withheld."""

    label: str
    subjects: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """Subjects by one property; a subject may stand in several lines."""

    name: str
    title: str
    column: str
    rows: tuple[Row, ...]

    @property
    def is_told(self) -> bool:
        """Whether at least one line may be told."""
        return any(row.subjects is not None for row in self.rows)


@dataclass(frozen=True, slots=True)
class ReleasedNumbers:
    """Everything that stands in open published releases, each subject counted once.

    Parameters
    ----------
    subjects
        None where there are too few to tell.
    threshold
        Counts of subjects below it are withheld.
    untold
        Titles of the tables in which every line is withheld, hence left out.
    """

    subjects: int | None
    studies: int
    series: int
    instances: int
    size_bytes: int
    threshold: int
    tables: tuple[Table, ...]
    untold: tuple[str, ...] = ()


def released_numbers() -> ReleasedNumbers:
    """The public numbers. They follow from the versions that everybody may read, and are counted anew when these change."""
    versions = _counted().order_by("pk").values_list("pk", "root_hash", "published_at")
    key = f"portal.released-numbers.{hashlib.sha256(repr(list(versions)).encode()).hexdigest()}"
    found: ReleasedNumbers | None = cache.get(key)
    if found is None:
        found = _count()
        cache.set(key, found, CACHE_S)
    return found


def _count() -> ReleasedNumbers:
    members = ReleaseInstance.objects.filter(release__in=_counted())
    instances = Instance.objects.filter(pk__in=members.values("instance"))
    totals = instances.aggregate(
        subjects=Count("series__study__subject", distinct=True),
        studies=Count("series__study", distinct=True),
        series=Count("series", distinct=True),
        instances=Count("id"),
        size_bytes=Sum("size_bytes", default=0),
    )
    threshold = settings().suppression_threshold
    few = 0 < totals["subjects"] < threshold
    tables = () if few or not totals["subjects"] else _tables(instances, threshold)
    return ReleasedNumbers(
        subjects=None if few else totals["subjects"],
        studies=totals["studies"],
        series=totals["series"],
        instances=totals["instances"],
        size_bytes=totals["size_bytes"],
        threshold=threshold,
        tables=tuple(table for table in tables if table.is_told),
        untold=tuple(table.title for table in tables if not table.is_told),
    )


def _counted() -> QuerySet[Release]:
    """What a stranger may read: restricted versions are in no public number, so that no difference tells of them."""
    return readable_by(Actor.anonymous())


def _tables(instances: QuerySet[Instance], threshold: int) -> tuple[Table, ...]:
    series = Series.objects.filter(pk__in=instances.values("series"))
    by_modality = series.order_by().values_list("modality").annotate(Count("study__subject", distinct=True))
    by_part = series.order_by().values_list("body_part_examined").annotate(Count("study__subject", distinct=True))
    people = _people(series)
    return (
        _table("modality", "By modality", "Modality", dict(by_modality), threshold),
        _table("month", "New subjects by month of first release", "Month", _first_months(), threshold),
        _table("body-part", "By body part", "Body part", _merged(by_part), threshold),
        _table("age", "By age at the first study", "Age", Counter(age for age, _ in people), threshold),
        _table("sex", "By sex", "Sex", Counter(sex for _, sex in people), threshold),
    )


def _merged(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    merged: Counter[str] = Counter()
    for part, number in rows:
        merged[part.upper()] += number
    return dict(merged)


def _people(series: QuerySet[Series]) -> list[tuple[str, str]]:
    studies = Study.objects.filter(pk__in=series.values("study")).order_by("subject", "study_date", "id")
    rows = studies.distinct("subject").values_list("patient_age_years", "patient_sex")
    return [(age_group(age), sex or NOT_STATED) for age, sex in rows]


def _first_months() -> dict[str, int]:
    rows = ReleaseInstance.objects.filter(release__in=_counted()).order_by()
    first = rows.values("instance__series__study__subject").annotate(month=Min(TruncMonth("release__published_at")))
    months: Counter[str] = Counter()
    for day in first.values_list("month", flat=True):
        months[_month(day)] += 1
    return dict(months)


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _table(name: str, title: str, column: str, counts: Mapping[str, int], threshold: int) -> Table:
    told = disclosed({label or NOT_STATED: number for label, number in counts.items()}, threshold=threshold)
    order = {"age": _by_age, "month": _by_label}.get(name, _by_number)
    return Table(name, title, column, tuple(sorted((Row(*item) for item in told.items()), key=order)))


def _by_age(row: Row) -> tuple[int, str]:
    return (_AGE_ORDER.index(row.label) if row.label in _AGE_ORDER else len(_AGE_ORDER), row.label)


def _by_label(row: Row) -> tuple[int, str]:
    return (0, row.label)


def _by_number(row: Row) -> tuple[int, str]:
    return (-(row.subjects or 0), row.label)
