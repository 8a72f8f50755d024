"""Giving a published series a prefix of its own in the object store, so that one line of a list names all of it."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.db import transaction
from django.db.models import QuerySet

from radcommons.server.archive.models import Instance, InstanceState, Series, SeriesVersion
from radcommons.server.archive.storage import pack_digests, series_version_name, unpack_digests
from radcommons.server.platform.objects import ObjectStore, instance_key, object_store, place_key, place_prefix

COPIES_AT_ONCE = 8


def place(instances: QuerySet[Instance]) -> int:
    """Place each series of a set under the prefix of what it holds; bytes are moved or named again, never kept twice.

    A series that stands there already is left alone, so a new version costs what is new in it. Safe to repeat: the rows
    are written when every object is in its place, and only then does the name go under which it came in.

    Returns
    -------
    How many series were placed now.
    """
    stored = instances.filter(state=InstanceState.STORED).order_by()
    placed = 0
    for series_id in stored.values_list("series_id", flat=True).distinct():
        digests = sorted(stored.filter(series_id=series_id).values_list("sha256", flat=True))
        placed += _place_series(series_id, digests)
    return placed


def _place_series(series_id: int, digests: list[str]) -> bool:
    name, store = series_version_name(digests), object_store()
    if SeriesVersion.objects.filter(name=name).exists():
        return False
    with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
        list(pool.map(partial(_put, store, name), digests))
    with transaction.atomic():
        series = Series.objects.get(pk=series_id)
        version, _ = SeriesVersion.objects.get_or_create(
            name=name, defaults={"series": series, "members": pack_digests(digests)}
        )
        Instance.objects.filter(sha256__in=digests).update(placed_in=version)
    for sha256 in digests:
        # In a bucket the name under which it came in would hold a second copy; on a disk it is the same file.
        if store.where(instance_key(sha256)) != instance_key(sha256):
            store.delete(instance_key(sha256))
    return True


def _put(store: ObjectStore, name: str, sha256: str) -> None:
    key = place_key(name, sha256)
    if not store.exists(key):
        store.copy(instance_key(sha256), key)


def take_back(names: Iterable[str]) -> None:
    """Take series versions from under their prefixes, so that nobody finds them there who remembers a key; no bytes are lost.

    An object moves below another series version that has it, or back to where it came in. What lies below a prefix of which no
    row tells was left there by a placing that stopped, and goes too. Safe to repeat: the bytes are elsewhere before the
    rows say so, and what tells of the prefix goes when it is empty.
    """
    store = object_store()
    for name in names:
        version = SeriesVersion.objects.filter(name=name).first()
        if version is not None:
            _move_out(store, version)
        left = [found.key for found in store.list(place_prefix(name))]
        with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
            list(pool.map(store.delete, left))
        if version is not None:
            version.delete()


def _move_out(store: ObjectStore, version: SeriesVersion) -> None:
    others = SeriesVersion.objects.filter(series=version.series_id).exclude(pk=version.pk)
    elsewhere = {sha256: other for other in others for sha256 in unpack_digests(other.members)}
    placed = Instance.objects.filter(placed_in=version)
    # On a disk an object never left; of another, this prefix holds the only copy.
    homeless = [
        sha256
        for sha256 in placed.values_list("sha256", flat=True)
        if sha256 not in elsewhere and store.where(instance_key(sha256)) != instance_key(sha256)
    ]
    with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
        list(pool.map(partial(_bring_home, store, version.name), homeless))
    with transaction.atomic():
        for other in others:
            placed.filter(sha256__in=unpack_digests(other.members)).update(placed_in=other)
        placed.update(placed_in=None)


def _bring_home(store: ObjectStore, name: str, sha256: str) -> None:
    store.copy(place_key(name, sha256), instance_key(sha256))


def place_of(sha256: str) -> str | None:
    """The series version below whose prefix an instance lies; None when it lies where it came in."""
    rows = Instance.objects.filter(sha256=sha256).exclude(placed_in=None)
    return rows.values_list("placed_in__name", flat=True).first()
