"""Reads of the access room."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from radcommons.server.access.indexes.lists import FOLDER, kept_list
from radcommons.server.archive.errors import DamagedObjectError
from radcommons.server.archive.models import InstanceState
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import instance_key, object_store, place_key
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.settings import settings
from radcommons.server.releases import describing
from radcommons.server.releases.models import Release, ReleaseAccess
from radcommons.server.releases.queries import (
    file_of,
    instance_by_digest,
    instances_of,
    public_release,
)
from radcommons.server.releases.reading import readable_release
from radcommons.transfer.release.canonical import sha256_hex
from radcommons.transfer.release.paths import is_sha256

INSTANCES = "instances/"
DICOM = "application/dicom"
REDIRECT_VALID_S = 900


@dataclass(frozen=True, slots=True)
class Download:
    """Something that can be sent: an object of the store, or bytes made just now.

    Parameters
    ----------
    sha256
        Of the bytes, which are compared with it before they leave or as they do.
    is_immutable
        Whether the address will always mean these bytes.
    is_instance
        Whether it is an instance of the archive, and no file of the version.
    is_restricted
        Whether the right to read it may end: nobody keeps it, and no address opens it.
    """

    release_id: int
    media_type: str
    size_bytes: int
    sha256: str
    is_immutable: bool
    object_key: str = ""
    body: bytes = b""
    is_instance: bool = False
    is_restricted: bool = False

    @property
    def etag(self) -> str:
        """What names the bytes in a conditional request."""
        return f'"{self.sha256}"'


def download_at(slug: str, version: str, path: str, actor: Actor) -> Download:
    """What lies at a path below a version's folder, for an actor who may read it.

    Raises
    ------
    NotFoundError
        When there is no such version or file.
    WithdrawnReleaseError
        When the version was withdrawn; its dated records are still served, because they say so.
    """
    release = public_release(slug, version)
    is_public = describing.is_public(release, path)
    if not is_public:
        release = readable_release(slug, version, actor)
    is_restricted = not is_public and release.access == ReleaseAccess.RESTRICTED
    found = _found(release, path, is_immutable=version == release.version)
    return replace(found, is_immutable=False, is_restricted=True) if is_restricted else found


def _found(release: Release, path: str, *, is_immutable: bool) -> Download:
    record = describing.record(release, path)
    if record is not None:
        body, media_type = record
        return Download(release.pk, media_type, len(body), sha256_hex(body), is_immutable=False, body=body)
    if path.startswith(INSTANCES):
        return _instance(release, path.removeprefix(INSTANCES).removesuffix(".dcm"), is_immutable=is_immutable)
    if path.startswith(FOLDER):
        # Addresses that the operator sets stand in lists, so that they are asked for again.
        kept = kept_list(release, path.removeprefix(FOLDER))
        return Download(
            release.pk, kept.media_type, kept.size_bytes, kept.sha256, is_immutable=False, object_key=kept.object_key
        )
    file = file_of(release, path)
    if file is None:
        raise NotFoundError
    return Download(release.pk, file.media_type, file.size_bytes, file.sha256, is_immutable, object_key=file.object_key)


def _instance(release: Release, sha256: str, *, is_immutable: bool) -> Download:
    instance = instance_by_digest(release, sha256) if is_sha256(sha256) else None
    if instance is None:
        raise NotFoundError
    if instance.state != InstanceState.STORED:
        raise DamagedObjectError
    return Download(
        release.pk,
        DICOM,
        instance.size_bytes,
        sha256,
        is_immutable,
        object_key=instance_key(sha256),
        is_instance=True,
    )


def is_redirected(size_bytes: int) -> bool:
    """Whether an object of this size is left to the bucket, where there is one."""
    least = settings().redirect_bytes
    return 0 < least <= size_bytes


@dataclass(frozen=True, slots=True)
class Addresses:
    """Presigned addresses of instances of a version by their digests, and how many bytes they open."""

    release_id: int
    by_sha256: dict[str, str]
    size_bytes: int


def addresses_of(release: Release, digests: Sequence[str]) -> Addresses:
    """Presigned addresses of those instances of a version that are left to the bucket; the others are not among them.

    Nothing of a restricted version has one: an address outlives the right to read.
    """
    if release.access == ReleaseAccess.RESTRICTED:
        return Addresses(release.pk, {}, 0)
    rows = instances_of(release).filter(sha256__in=digests, state=InstanceState.STORED)
    found: dict[str, str] = {}
    size, store = 0, object_store()
    for sha256, size_bytes, place in rows.values_list("sha256", "size_bytes", "placed_in__name"):
        # On a disk an object keeps the key under which it came in; there it has no address either.
        key = place_key(place, sha256) if place else instance_key(sha256)
        address = store.signed_url(key, valid_s=REDIRECT_VALID_S) if is_redirected(size_bytes) else None
        if address:
            found[sha256], size = address, size + size_bytes
    return Addresses(release.pk, found, size)
