"""What becomes of an object whose bytes are gone or changed: it is no longer served, and heals when its bytes come again.

They come through a door like any others, or somebody puts them back into the store, where the next look finds them.
"""

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.utils import timezone

from radcommons.server.archive.models import DamagedObject, Instance, InstanceState, SeriesVersion
from radcommons.server.archive.services import levels
from radcommons.server.archive.storage import unpack_digests
from radcommons.server.platform import audit
from radcommons.server.platform.objects import ObjectStore, damaged_key, instance_key, object_store, place_key
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.rows import fetch, texts


def take_out(sha256: str, *, is_missing: bool, actor: Actor) -> None:
    """Lay a damaged object aside, so that no door serves it as good, and remember that it is damaged.

    The bytes go first: a process that is killed in between leaves an object that the next look finds missing.
    """
    store, key = object_store(), instance_key(sha256)
    if not is_missing:
        store.copy(key, damaged_key(sha256))
    for series_id in Instance.objects.filter(sha256=sha256).values_list("series_id", flat=True):
        _delete_everywhere(store, sha256, series_id)
    with transaction.atomic():
        rows = Instance.objects.filter(sha256=sha256, state=InstanceState.STORED)
        if rows.update(state=InstanceState.DAMAGED, placed_in=None):
            DamagedObject.objects.get_or_create(sha256=sha256, mended_at=None, defaults={"is_missing": is_missing})
            facts = {"missing": is_missing}
            audit.record(actor, "archive.damage-found", object_kind="object", object_id=sha256, facts=facts)


def put_back(digests: Sequence[str], *, actor: Actor) -> None:
    """Make damaged objects whole whose bytes were received again, under every name that they had.

    The bytes lie under the key of their digest already, and were compared with it when they came.
    """
    damaged = DamagedObject.objects.filter(sha256__in=digests, mended_at=None)
    mended = list(damaged.values_list("sha256", flat=True))
    if not mended:
        return
    for version in SeriesVersion.objects.filter(series__instances__sha256__in=mended).distinct():
        for sha256 in set(unpack_digests(version.members)) & set(mended):
            object_store().copy(instance_key(sha256), place_key(version.name, sha256))
    with transaction.atomic():
        _note_mended(mended, actor)


def serve_again(sha256: str, key: str, names: Iterable[str], *, actor: Actor) -> None:
    """Serve a damaged object that somebody put back into the store, under every name that it had.

    Parameters
    ----------
    key
        The name under which its bytes were just read and compared with its digest.
    names
        All that it has (:func:`names_of`).
    """
    for name in names:
        if name != key:
            object_store().copy(key, name)
    with transaction.atomic():
        levels.make_visible(list(Instance.objects.filter(sha256=sha256).values_list("pk", flat=True)))
        _note_mended([sha256], actor)


def _note_mended(digests: Sequence[str], actor: Actor) -> None:
    for sha256 in digests:
        object_store().delete(damaged_key(sha256))
        audit.record(actor, "archive.damage-mended", object_kind="object", object_id=sha256)
    DamagedObject.objects.filter(sha256__in=digests, mended_at=None).update(mended_at=timezone.now())


def names_of(sha256: str, series_id: int) -> list[str]:
    """The keys under which an instance may lie: below the series versions that hold it, and where it came in."""
    versions = SeriesVersion.objects.filter(series=series_id)
    placed = [place_key(version.name, sha256) for version in versions if sha256 in unpack_digests(version.members)]
    return [*placed, instance_key(sha256)]


_PURGED = b"SELECT sha256 FROM archive_purgedobject WHERE sha256 = ANY(%s)"


def purged_among(digests: Iterable[str]) -> frozenset[str]:
    """Those of some digests that were purged and are not taken again."""
    return frozenset(sha256 for (sha256,) in fetch(_PURGED, [texts(digests)]))


def delete_bytes(sha256: str, series_id: int) -> None:
    """Remove an object under every name that it has, what was laid aside of it, and the pictures made of it."""
    store = object_store()
    _delete_everywhere(store, sha256, series_id)
    store.delete(damaged_key(sha256))
    for found in store.list(f"renditions/{sha256[:2]}/"):
        if found.key.rpartition("/")[2].startswith(sha256):
            store.delete(found.key)


def _delete_everywhere(store: ObjectStore, sha256: str, series_id: int) -> None:
    for name in names_of(sha256, series_id):
        store.delete(name)


def clean_up_pieces(*, older_than_hours: int = 24) -> int:
    """Remove what writes left in the store that a crash interrupted; how many pieces that were."""
    return object_store().clean_up(older_than_s=older_than_hours * 3600.0)
