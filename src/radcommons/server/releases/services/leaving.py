"""What leaves the prefixes of the store that the public may read, when a version is withdrawn or its draft thrown away."""

from collections import defaultdict
from collections.abc import Iterator

from django.db.models import QuerySet

from radcommons.server.archive.services import take_back
from radcommons.server.archive.storage import series_version_name
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseInstance, ReleaseState

SERIES_AT_ONCE = 500


def take_back_series(release: Release) -> None:
    """Take what no published open version holds as this one does from below ``series/``."""
    take_back(_own_series_versions(release))


def _own_series_versions(release: Release) -> Iterator[str]:
    members = ReleaseInstance.objects.filter(release=release)
    out = ReleaseInstance.objects.filter(release__state=ReleaseState.PUBLISHED, release__access=ReleaseAccess.OPEN)
    series = list(members.order_by().values_list("instance__series_id", flat=True).distinct())
    for start in range(0, len(series), SERIES_AT_ONCE):
        some = series[start : start + SERIES_AT_ONCE]
        needed = _contents(out.filter(instance__series__in=some))
        for digests in _contents(members.filter(instance__series__in=some)) - needed:
            yield series_version_name(digests)


def _contents(members: QuerySet[ReleaseInstance]) -> set[tuple[str, ...]]:
    """The digests that each version has of each series among some members."""
    found: dict[tuple[int, int], list[str]] = defaultdict(list)
    rows = members.order_by("instance__sha256").values_list("release_id", "instance__series_id", "instance__sha256")
    for release_id, series_id, sha256 in rows:
        found[release_id, series_id].append(sha256)
    return {tuple(digests) for digests in found.values()}
