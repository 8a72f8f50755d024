"""Reads that pages, the access room and the verbs use."""

from collections.abc import Iterator

from django.db.models import Count, Exists, OuterRef, QuerySet

from radcommons.server.archive.models import Instance, Series, Study
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, holds
from radcommons.server.platform.settings import settings
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseFile, ReleaseInstance, ReleaseState
from radcommons.server.releases.rules import Told, Version, rounded_down

LATEST = "latest"
OUT = (ReleaseState.PUBLISHED, ReleaseState.WITHDRAWN)


def version_of(release: Release) -> Version:
    """The version as numbers."""
    return (release.major, release.minor, release.patch)


def versions_out(slug: str) -> QuerySet[Release]:
    """The versions that were ever published, the newest first."""
    return Release.objects.filter(slug=slug, state__in=OUT).order_by("-major", "-minor", "-patch")


def latest_out(slug: str) -> Release | None:
    """The greatest version that was ever published."""
    return versions_out(slug).first()


def successor(release: Release) -> Release | None:
    """The greatest published version, when it is not this one."""
    newest = versions_out(release.slug).filter(state=ReleaseState.PUBLISHED).first()
    is_newer = newest is not None and version_of(newest) > version_of(release)
    return newest if is_newer else None


def may_see_drafts(actor: Actor) -> bool:
    """Whether drafts exist for this actor."""
    return holds(actor, Action.RELEASES_READ_DRAFTS)


def drafts() -> QuerySet[Release]:
    """What is being prepared, the newest first."""
    return Release.objects.exclude(state__in=OUT).select_related("cohort", "parent").order_by("-created_at")


def draft_by_id(release_id: int) -> Release:
    """One draft, or a version that has meanwhile come out.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    release = Release.objects.select_related("cohort", "parent").filter(pk=release_id).first()
    if release is None:
        raise NotFoundError
    return release


def any_release(slug: str, version: str) -> Release:
    """A version by its name, drafts included; for operators and release managers.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    release = Release.objects.filter(slug=slug, version=version).first()
    if release is None:
        raise NotFoundError("There is no such version.")
    return release


def data_sets() -> list[Release]:
    """The newest published version of every data set, by name."""
    rows = Release.objects.filter(state=ReleaseState.PUBLISHED).order_by("slug", "-major", "-minor", "-patch")
    return list(rows.distinct("slug"))


def public_versions(slug: str) -> list[Release]:
    """The versions of a data set that the public may know of, the newest first; withdrawn ones as tombstones.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    rows = list(versions_out(slug))
    if not rows:
        raise NotFoundError
    return rows


def public_release(slug: str, version: str) -> Release:
    """A version that is or was public; ``latest`` means the newest published one.

    Raises
    ------
    NotFoundError
        When there is none, or it is still a draft.
    """
    rows = versions_out(slug)
    if version == LATEST:
        found = rows.filter(state=ReleaseState.PUBLISHED).first() or rows.first()
    else:
        found = rows.filter(version=version).first()
    if found is None:
        raise NotFoundError
    return found


def told(release: Release) -> Told:
    """What the public is told of how much is in a version.

    Of an open version everything, as it is (docs/decisions/0008); of a restricted one subjects and studies, rounded down.
    """
    if release.access == ReleaseAccess.OPEN:
        return Told(release.subjects, release.studies, release.series, release.instances, release.size_bytes)
    step = settings().suppression_threshold
    subjects = rounded_down(release.subjects, step)
    return Told(subjects, rounded_down(release.studies, step) if subjects else None)


def shelf_name(release: Release) -> str:
    """The name under which the archive keeps a version ready to be served."""
    return f"releases/{release.slug}/{release.version}"


def instances_of(release: Release) -> QuerySet[Instance]:
    """The instances of a version, without an order."""
    members = ReleaseInstance.objects.filter(release=release, instance=OuterRef("pk"))
    return Instance.objects.filter(Exists(members))


def instance_by_digest(release: Release, sha256: str) -> Instance | None:
    """The instance of a version with these bytes."""
    return instances_of(release).filter(sha256=sha256).only("sha256", "size_bytes", "state").first()


def file_of(release: Release, path: str) -> ReleaseFile | None:
    """A file of the signed core."""
    return ReleaseFile.objects.filter(release=release, path=path).first()


def studies_of(release: Release) -> Iterator[str]:
    """Study Instance UIDs of a version, in order."""
    rows = Study.objects.filter(pk__in=instances_of(release).values("series__study"))
    return rows.order_by("study_instance_uid").values_list("study_instance_uid", flat=True).iterator(chunk_size=1000)


def modalities_of(release: Release) -> tuple[str, ...]:
    """The modalities that the public is told of, sorted; of a restricted version those that are not a few subjects' only."""
    series = Series.objects.filter(pk__in=instances_of(release).values("series")).exclude(modality="").order_by()
    counted = series.values_list("modality").annotate(subjects=Count("study__subject", distinct=True))
    least = settings().suppression_threshold if release.access == ReleaseAccess.RESTRICTED else 1
    return tuple(sorted(modality for modality, subjects in counted if subjects >= least))
