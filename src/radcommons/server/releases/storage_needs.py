"""What the releases keep in the object store and need of it; the archive asks before it verifies, exports or purges."""

from collections.abc import Iterable, Iterator

from radcommons.server.archive.companions import Companion
from radcommons.server.releases.models import ReleaseFile, ReleaseInstance, ReleaseState

_NEEDING = {
    ReleaseState.DRAFT: "a draft of a version holds it",
    ReleaseState.CHECKED: "a draft of a version holds it",
    ReleaseState.PUBLISHED: "a published version holds it",
}


def core_files() -> Iterator[Companion]:
    """The signed files of every version that was ever published."""
    rows = ReleaseFile.objects.select_related("release").order_by("release_id", "path")
    for file in rows.iterator(chunk_size=500):
        place = f"releases/{file.release.slug}/{file.release.version}/{file.path}"
        yield Companion(place, file.object_key, file.sha256, file.size_bytes)


def released(instance_ids: Iterable[int]) -> dict[int, str]:
    """The instances that a version still needs; a withdrawn one needs none, its list of digests stays with it."""
    rows = ReleaseInstance.objects.filter(instance__in=list(instance_ids), release__state__in=list(_NEEDING))
    pairs = rows.order_by("release__state").values_list("instance_id", "release__state")
    return {instance_id: _NEEDING[ReleaseState(state)] for instance_id, state in pairs}
