"""What is published, series by series: the rows that other archives' programs ask for.

A *collection* is a data set as those programs know it: its newest published version, under the data set's short name. Any
other published version is a collection too, under ``slug@version``; its series stay reachable for ever. Series are read
from the shelves that publishing makes, so the cost grows with the series of an answer, never with the archive.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum

from radcommons.server.archive import metadata
from radcommons.server.archive.models import Instance, Shelf, ShelfSeries
from radcommons.server.archive.queries import INSTANCE_ORDER
from radcommons.server.platform.errors import NotFoundError, UnauthenticatedError
from radcommons.server.platform.policy import Actor
from radcommons.server.releases.errors import RestrictedReleaseError
from radcommons.server.releases.models import Release, ReleaseInstance, ReleaseState
from radcommons.server.releases.queries import LATEST, instances_of, shelf_name, version_of
from radcommons.server.releases.reading import equally_open, known_to, readable_by, readable_release

SERIES = "series__"
STUDY = "series__study__"
SUBJECT = "series__study__subject__"
_TOGETHER = 500
_COLUMNS: Mapping[str, str] = {
    **{
        name: f"{SERIES}{name}"
        for name in (
            "series_instance_uid",
            "modality",
            "body_part_examined",
            "series_number",
            "series_description",
            "protocol_name",
            "manufacturer",
            "manufacturer_model_name",
            "slice_thickness_mm",
            "created_at",
        )
    },
    **{
        name: f"{STUDY}{name}"
        for name in (
            "study_instance_uid",
            "study_date",
            "study_id",
            "study_description",
            "patient_name",
            "patient_sex",
            "patient_age_years",
        )
    },
    "subject_id": f"{SUBJECT}subject_id",
    "site_code": f"{SUBJECT}site__code",
    "instances": "packed__instances",
    "size_bytes": "packed__size_bytes",
}


@dataclass(frozen=True, slots=True)
class Collection:
    """A published version under the name by which it is asked for: the short name alone means the newest one."""

    name: str
    release: Release
    shelf_id: int

    @property
    def is_current(self) -> bool:
        """Whether it goes by the short name alone."""
        return self.name == self.release.slug


@dataclass(frozen=True, slots=True)
class SeriesPlace:
    """Where a series stands: enough to find its instances."""

    collection: Collection
    series_id: int
    series_instance_uid: str


@dataclass(frozen=True, slots=True)
class ReleasedSeries(SeriesPlace):
    """A series of a collection; columns as in the tables of the archive.

    Parameters
    ----------
    first, revised
        Numbers, from 1, of the published versions of the data set that first held this series, and that first held it
        with exactly these instances; versions that are less open than this one are not counted.
    released_at
        When the latter came out.
    header
        DICOM JSON of its first instance in this version.
    """

    modality: str
    body_part_examined: str
    series_number: int | None
    series_description: str
    protocol_name: str
    manufacturer: str
    manufacturer_model_name: str
    slice_thickness_mm: float | None
    created_at: datetime
    study_instance_uid: str
    study_date: date | None
    study_id: str
    study_description: str
    patient_name: str
    patient_sex: str
    patient_age_years: float | None
    subject_id: str
    site_code: str
    instances: int
    size_bytes: int
    first: int
    revised: int
    released_at: datetime
    sop_class_uid: str
    header: Mapping[str, Any] = field(repr=False)


def every_collection(actor: Actor) -> list[Collection]:
    """Every published version that an actor may read, by name; the newest of a data set first."""
    return _collections(readable_by(actor))


def current_collections(actor: Actor) -> list[Collection]:
    """The newest version of every data set among those that an actor may read, by name."""
    return [collection for collection in every_collection(actor) if collection.is_current]


def collection_of(release: Release) -> Collection:
    """A version that may be read, under its whole name.

    Raises
    ------
    NotFoundError
        When it is not published.
    """
    found = _collections(Release.objects.filter(pk=release.pk, state=ReleaseState.PUBLISHED))
    if not found:
        raise NotFoundError
    return Collection(f"{release.slug}@{release.version}", found[0].release, found[0].shelf_id)


def collections_named(name: str, actor: Actor) -> list[Collection]:
    """The collection of a name, in whatever case; empty when there is none that an actor may read.

    Parameters
    ----------
    name
        ``slug``, ``slug@version`` or ``slug@latest``.

    Raises
    ------
    WithdrawnReleaseError
        When only a tombstone is left.
    """
    slug, _, version = name.strip().lower().partition("@")
    is_newest = version in {"", LATEST}
    wanted = slug if is_newest else f"{slug}@{version}"
    for each in every_collection(actor):
        if each.release.slug == slug and (each.is_current if is_newest else each.release.version == version):
            return [Collection(wanted, each.release, each.shelf_id)]
    with suppress(NotFoundError, RestrictedReleaseError, UnauthenticatedError):
        readable_release(slug, version or LATEST, actor)
    return []


def _collections(releases: QuerySet[Release]) -> list[Collection]:
    shelves = dict(Shelf.objects.filter(name__startswith="releases/").values_list("name", "pk"))
    found: list[Collection] = []
    for release in releases.order_by("slug", "-major", "-minor", "-patch"):
        shelf_id = shelves.get(shelf_name(release))
        if shelf_id is not None:
            is_first = not found or found[-1].release.slug != release.slug
            name = release.slug if is_first else f"{release.slug}@{release.version}"
            found.append(Collection(name, release, shelf_id))
    return found


def shelved(collections: Iterable[Collection], where: Q | None = None) -> QuerySet[ShelfSeries]:
    """The rows of the series of some collections that fit a condition on columns below ``series__``."""
    shelves = [collection.shelf_id for collection in collections]
    return ShelfSeries.objects.filter(where or Q(), shelf_id__in=shelves)


def released_series(collections: Sequence[Collection], where: Q | None = None) -> Iterator[ReleasedSeries]:
    """The series of some collections, by collection, subject, study and series, some at a time."""
    for collection in collections:
        rows = (
            shelved([collection], where)
            .order_by(f"{SUBJECT}subject_id", f"{STUDY}study_instance_uid", f"{SERIES}series_instance_uid")
            .annotate(first_id=_first_instance(collection))
            .values("series_id", "packed_id", "first_id", **{name: F(path) for name, path in _COLUMNS.items()})
        )
        chunk: list[dict[str, Any]] = []
        for row in rows.iterator(chunk_size=_TOGETHER):
            chunk.append({**row})
            if len(chunk) == _TOGETHER:
                yield from _completed(collection, chunk)
                chunk = []
        yield from _completed(collection, chunk)


def series_of(series_instance_uids: Iterable[str], actor: Actor) -> dict[str, ReleasedSeries]:
    """Series by their UIDs, in the collection that stands for each: a current one before older ones, the newest first.

    Only in versions that the actor may read; the others hold nothing.
    """
    grouped: dict[Collection, list[int]] = defaultdict(list)
    for place in _places(series_instance_uids, actor):
        grouped[place.collection].append(place.series_id)
    found = (
        each for collection, ids in grouped.items() for each in released_series([collection], Q(series_id__in=ids))
    )
    return {each.series_instance_uid: each for each in found}


def place_of(series_instance_uid: str, actor: Actor) -> SeriesPlace:
    """Where one series stands for an actor who may read it, as in :func:`series_of`.

    Raises
    ------
    WithdrawnReleaseError
        When every version that held it and that the actor might know was withdrawn.
    NotFoundError
        When none ever held it.
    """
    for place in _places([series_instance_uid], actor):
        return place
    of_it = ReleaseInstance.objects.filter(instance__series__series_instance_uid=series_instance_uid)
    # That a restricted version held it is not told with its tombstone.
    recalled = known_to(actor).filter(state=ReleaseState.WITHDRAWN, pk__in=of_it.values("release")).first()
    if recalled is not None:
        readable_release(recalled.slug, recalled.version, actor)
    raise NotFoundError


def one_series(series_instance_uid: str, actor: Actor) -> ReleasedSeries:
    """One series by its UID, for an actor who may read it; errors as of :func:`place_of`."""
    place = place_of(series_instance_uid, actor)
    return next(released_series([place.collection], Q(series_id=place.series_id)))


def instances_in(series: SeriesPlace) -> QuerySet[Instance]:
    """The instances of a series in its collection, in the order of their numbers."""
    return instances_of(series.collection.release).filter(series_id=series.series_id).order_by(*INSTANCE_ORDER)


def _places(series_instance_uids: Iterable[str], actor: Actor) -> Iterator[SeriesPlace]:
    """Where series stand that an actor may read, collection by collection."""
    collections = {collection.shelf_id: collection for collection in _by_precedence(actor)}
    wanted = Q(series__series_instance_uid__in=set(series_instance_uids))
    rows = shelved(collections.values(), wanted).values_list("shelf_id", "series_id", "series__series_instance_uid")
    ranks = {shelf_id: rank for rank, shelf_id in enumerate(collections)}
    seen: set[int] = set()
    for shelf_id, series_id, uid in sorted(rows, key=lambda row: ranks[row[0]]):
        if series_id not in seen:
            seen.add(series_id)
            yield SeriesPlace(collections[shelf_id], series_id, uid)


def _by_precedence(actor: Actor) -> list[Collection]:
    return sorted(
        every_collection(actor),
        key=lambda collection: (not collection.is_current, -_published(collection.release).timestamp()),
    )


def _first_instance(collection: Collection) -> Subquery:
    of_series = instances_of(collection.release).filter(series_id=OuterRef("series_id")).order_by(*INSTANCE_ORDER)
    return Subquery(of_series.values("pk")[:1])


def _completed(collection: Collection, rows: Sequence[Mapping[str, Any]]) -> Iterator[ReleasedSeries]:
    history = _History.of(collection, [row["series_id"] for row in rows])
    large = _counted(collection, [row["series_id"] for row in rows if row["packed_id"] is None])
    firsts = Instance.objects.filter(pk__in=[row["first_id"] for row in rows])
    headers = {pk: (uid, packed) for pk, uid, packed in firsts.values_list("pk", "sop_class_uid", "dicom_json")}
    for row in rows:
        values = {name: value for name, value in row.items() if name not in {"packed_id", "first_id"}}
        values |= large.get(row["series_id"], {})
        first, revised = history.numbers(row["series_id"], row["packed_id"])
        sop_class_uid, packed_header = headers[row["first_id"]]
        yield ReleasedSeries(
            **values,
            collection=collection,
            first=first,
            revised=revised,
            released_at=history.published_at(revised),
            sop_class_uid=sop_class_uid,
            header=metadata.attributes_of(packed_header),
        )


def _counted(collection: Collection, series_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Counts and sizes of series that are too large to be packed."""
    if not series_ids:
        return {}
    members = instances_of(collection.release).filter(series_id__in=series_ids).order_by()
    rows = members.values("series_id").annotate(instances=Count("pk"), size=Sum("size_bytes"))
    return {row["series_id"]: {"instances": row["instances"], "size_bytes": row["size"]} for row in rows}


@dataclass(frozen=True, slots=True)
class _History:
    """In which published versions of a data set its series came and changed."""

    versions: Sequence[Release]
    # For each series, the number of each version that holds it and what it holds there, oldest first.
    appearances: Mapping[int, Sequence[tuple[int, int | None]]]

    @classmethod
    def of(cls, collection: Collection, series_ids: Sequence[int]) -> "_History":
        """The history up to this version, as far as everybody may know it who may read this version."""
        known = _collections(equally_open(collection.release))
        upto = [each for each in known if version_of(each.release) <= version_of(collection.release)]
        upto.sort(key=lambda each: version_of(each.release))
        numbers = {each.shelf_id: number for number, each in enumerate(upto, start=1)}
        appearances: dict[int, list[tuple[int, int | None]]] = defaultdict(list)
        rows = ShelfSeries.objects.filter(shelf_id__in=numbers, series_id__in=series_ids)
        for series_id, shelf_id, packed_id in rows.values_list("series_id", "shelf_id", "packed_id"):
            appearances[series_id].append((numbers[shelf_id], packed_id))
        return cls([each.release for each in upto], appearances)

    def numbers(self, series_id: int, packed_id: int | None) -> tuple[int, int]:
        """The versions in which a series came, and came to hold exactly these instances."""
        held = self.appearances[series_id]
        return min(number for number, _ in held), min(number for number, packed in held if packed == packed_id)

    def published_at(self, number: int) -> datetime:
        """When a version came out."""
        return _published(self.versions[number - 1])


def _published(release: Release) -> datetime:
    if release.published_at is None:
        raise ValueError("a draft is in no collection")
    return release.published_at
