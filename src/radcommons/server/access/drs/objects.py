"""What DRS tells of versions, studies, series and instances: who may read them is asked before anything is looked up."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from radcommons.server.access.errors import TooManyObjectsError
from radcommons.server.access.indexes.bucket import bucket
from radcommons.server.archive.models import Instance
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.settings import settings
from radcommons.server.releases import describing
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseInstance, ReleaseState
from radcommons.server.releases.queries import instances_of
from radcommons.server.releases.reading import known_to, readable_by, readable_release
from radcommons.transfer.release.paths import is_sha256

Json = dict[str, Any]

SEPARATOR = "~"
MOST_EXPANDED = 50_000
HTTPS, S3 = "https", "s3"


@dataclass(frozen=True, slots=True)
class Leaf:
    """An instance in a bundle."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sha256: str
    size_bytes: int


def drs_object(object_id: str, actor: Actor, *, is_expanded: bool = False) -> Json:
    """One object, for an actor who may read it.

    Raises
    ------
    NotFoundError
        When nothing published has this identifier.
    WithdrawnReleaseError
        When it belongs to withdrawn versions only.
    TooManyObjectsError
        When a bundle is too large to be expanded.
    """
    if is_sha256(object_id):
        release, instance = _instance(object_id, actor)
        return _instance_object(release, instance)
    slug, version, kind, uid = _parts(object_id)
    release = readable_release(slug, version, actor)
    if version != release.version:
        raise NotFoundError
    return _bundle(release, kind, uid, is_expanded=is_expanded)


def _instance_object(release: Release, instance: Instance) -> Json:
    return {
        **_named_object(instance.sha256, f"{instance.sop_instance_uid}.dcm", release),
        "size": instance.size_bytes,
        "created_time": _moment(instance.created_at),
        "mime_type": "application/dicom",
        "checksums": [{"checksum": instance.sha256, "type": "sha-256"}],
        "access_methods": _access_methods(release, instance.sha256),
        "aliases": [instance.sop_instance_uid],
    }


def _bundle(release: Release, kind: str, uid: str, *, is_expanded: bool) -> Json:
    name = f"{release.slug}{SEPARATOR}{release.version}"
    contents: Sequence[Json]
    if not kind:
        contents, checksum = _studies(release.pk, name), _checksum_of_release(release.pk, release.root_hash)
        size, title = release.size_bytes, f"{release.slug}@{release.version}"
        if is_expanded and release.instances > MOST_EXPANDED:
            raise TooManyObjectsError(MOST_EXPANDED)
    else:
        column = f"series__{'study__study' if kind == 'study' else 'series'}_instance_uid"
        leaves = _leaves(release, **{column: uid})
        if not leaves:
            raise NotFoundError
        contents = _series_contents(name, leaves) if kind == "study" else [_file(leaf) for leaf in leaves]
        checksum = _study_checksum(leaves) if kind == "study" else _bundle_checksum(leaf.sha256 for leaf in leaves)
        size, title = sum(leaf.size_bytes for leaf in leaves), uid
    if is_expanded:
        contents = [_expanded(release, entry) for entry in contents]
    object_id = SEPARATOR.join(part for part in (name, kind, uid) if part)
    return {
        **_named_object(object_id, title, release),
        "size": size,
        "created_time": _moment(release.published_at),
        "checksums": [{"checksum": checksum, "type": "sha-256"}],
        "contents": list(contents),
        **({"description": release.title} if not kind else {}),
    }


def _expanded(release: Release, entry: Json) -> Json:
    if is_sha256(entry["id"]):
        return entry
    _, _, kind, uid = _parts(entry["id"])
    return {**entry, "contents": _bundle(release, kind, uid, is_expanded=True)["contents"]}


def _named_object(object_id: str, name: str, release: Release) -> Json:
    return {
        "id": object_id,
        "name": name,
        "self_uri": _uri(object_id),
        "version": release.version,
    }


def _access_methods(release: Release, sha256: str) -> list[Json]:
    url = {"url": f"{describing.files_url(release)}instances/{sha256}.dcm"}
    methods: list[Json] = [{"type": HTTPS, "access_url": url, "access_id": HTTPS}]
    # An address in the bucket opens what nobody can take back.
    store = bucket() if release.access == ReleaseAccess.OPEN else None
    if store is not None:
        methods.append(
            {"type": S3, "access_url": {"url": store.url(object_store().where(instance_key(sha256)))}, "access_id": S3}
        )
    return methods


def _instance(sha256: str, actor: Actor) -> tuple[Release, Instance]:
    """An instance and the newest version that holds it among those that an actor may read, open ones first."""
    rows = ReleaseInstance.objects.filter(instance__sha256=sha256)
    holding = rows.values("release")
    release = readable_by(actor).filter(pk__in=holding).order_by("access", "-published_at").first()
    if release is not None:
        return release, rows.select_related("instance").get(release=release).instance
    # That a restricted version held it is not told with its tombstone.
    recalled = known_to(actor).filter(pk__in=holding, state=ReleaseState.WITHDRAWN).first()
    if recalled is not None:
        readable_release(recalled.slug, recalled.version, actor)
    raise NotFoundError


def _leaves(release: Release, **where: str) -> list[Leaf]:
    """Instances of a version, by study, series and number."""
    study, series = "series__study__study_instance_uid", "series__series_instance_uid"
    order = (study, series, "instance_number", "sop_instance_uid")
    rows = instances_of(release).filter(**where).order_by(*order)
    return [Leaf(*values) for values in rows.values_list(study, series, "sop_instance_uid", "sha256", "size_bytes")]


def _file(leaf: Leaf) -> Json:
    return {"name": f"{leaf.sop_instance_uid}.dcm", "id": leaf.sha256, "drs_uri": [_uri(leaf.sha256)]}


def _series_contents(name: str, leaves: Iterable[Leaf]) -> list[Json]:
    uids = dict.fromkeys(leaf.series_instance_uid for leaf in leaves)
    return [_entry(uid, f"{name}{SEPARATOR}series{SEPARATOR}{uid}") for uid in uids]


@lru_cache(maxsize=32)
def _studies(release_id: int, name: str) -> tuple[Json, ...]:
    column = "series__study__study_instance_uid"
    rows = instances_of(Release.objects.get(pk=release_id)).order_by(column).values_list(column, flat=True).distinct()
    return tuple(_entry(uid, f"{name}{SEPARATOR}study{SEPARATOR}{uid}") for uid in rows)


def _entry(name: str, object_id: str) -> Json:
    return {"name": name, "id": object_id, "drs_uri": [_uri(object_id)]}


@lru_cache(maxsize=256)
def _checksum_of_release(release_id: int, root_hash: str) -> str:
    """The checksum of a whole version, read once by each process: what its root hash stands for never changes."""
    del root_hash
    rows = _leaves(Release.objects.get(pk=release_id))
    by_study = groupby(rows, key=lambda leaf: leaf.study_instance_uid)
    return _bundle_checksum(_study_checksum(list(members)) for _, members in by_study)


def _study_checksum(leaves: Iterable[Leaf]) -> str:
    by_series = groupby(leaves, key=lambda leaf: leaf.series_instance_uid)
    return _bundle_checksum(_bundle_checksum(leaf.sha256 for leaf in members) for _, members in by_series)


def _bundle_checksum(checksums: Iterable[str]) -> str:
    """The checksum of a bundle: of its contents' checksums, sorted and joined (DRS 1.5, ``DrsObject.checksums``)."""
    return hashlib.sha256("".join(sorted(checksums)).encode()).hexdigest()


def _parts(object_id: str) -> tuple[str, str, str, str]:
    # No database takes the character NUL in a text; in the body of a request it may stand.
    parts = [] if "\0" in object_id else object_id.split(SEPARATOR)
    if len(parts) == 2:  # noqa: PLR2004 - slug and version
        return parts[0], parts[1], "", ""
    if len(parts) == 4 and parts[2] in {"study", "series"}:  # noqa: PLR2004 - with a level and its UID
        return parts[0], parts[1], parts[2], parts[3]
    raise NotFoundError


def _uri(object_id: str) -> str:
    return f"drs://{urlsplit(settings().public_url).netloc}/{object_id}"


def _moment(value: datetime | None) -> str:
    return value.isoformat(timespec="seconds").replace("+00:00", "Z") if value else ""
