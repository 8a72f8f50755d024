"""Drafting a version from a cohort, and throwing a draft away."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from radcommons.server.archive.models import Instance
from radcommons.server.archive.services import unshelve
from radcommons.server.catalog.models import Cohort
from radcommons.server.catalog.queries import cohort_instances
from radcommons.server.platform import audit, keys
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.platform.settings import settings
from radcommons.server.releases.errors import ImmutableReleaseError, InvalidReleaseError, VersionExistsError
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseInstance, ReleaseState
from radcommons.server.releases.queries import latest_out, shelf_name
from radcommons.server.releases.rules import LICENCES, is_slug, parse_version
from radcommons.server.releases.services.leaving import take_back_series
from radcommons.server.releases.services.publishing import folder_of, objects_held_still, only_hand
from radcommons.server.releases.tables import manifest_row
from radcommons.transfer.release.canonical import sha256_hex
from radcommons.transfer.release.merkle import derive_salt

BATCH_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class DraftWish:
    """What a release manager writes about a version.

    Parameters
    ----------
    slug, version
        Its name; the version is ``MAJOR.MINOR.PATCH``.
    changes
        What is new, for the change log.
    creators
        Who is cited; empty means the publisher.
    doi
        A DOI registered elsewhere, or an empty string.
    terms
        What somebody must agree to who wants to read it; empty for a version that everybody may read.
    """

    slug: str
    version: str
    title: str
    licence: str
    description: str = ""
    changes: str = ""
    creators: tuple[str, ...] = ()
    doi: str = ""
    terms: str = ""


def draft(wish: DraftWish, cohort: Cohort, *, actor: Actor) -> Release:
    """Draft a version that holds exactly the instances of *cohort*.

    Raises
    ------
    InvalidReleaseError
        When slug, version, title or licence cannot be accepted.
    VersionExistsError
        When the version exists already.
    """
    authorise(actor, Action.RELEASES_MANAGE)
    version = _accepted(wish)
    try:
        with transaction.atomic():
            release = Release.objects.create(
                slug=wish.slug,
                version=wish.version,
                major=version[0],
                minor=version[1],
                patch=version[2],
                title=wish.title.strip(),
                description=wish.description.strip(),
                changes=wish.changes.strip(),
                licence=wish.licence,
                creators=list(wish.creators) or [settings().name],
                publisher=settings().name,
                doi=wish.doi.strip(),
                **_access(wish),
                cohort=cohort,
                parent=latest_out(wish.slug),
                created_by=actor.name,
            )
            _take_in(release, cohort_instances(cohort))
            _count(release, cohort)
            facts = {"name": f"{wish.slug}@{wish.version}", "cohort": cohort.name, "instances": release.instances}
            facts |= {"access": release.access}
            audit.record(actor, "releases.drafted", object_kind="release", object_id=release.pk, facts=facts)
    except IntegrityError as error:
        raise VersionExistsError(f"{wish.slug}@{wish.version}") from error
    return release


def discard_draft(release_id: int, *, actor: Actor) -> None:
    """Throw a draft away, with what a publishing that stopped left of it in the store. Safe to repeat.

    Raises
    ------
    ImmutableReleaseError
        When it is published already.
    BusyReleaseError
        When it, or the objects of another version, are moved at this moment.
    """
    authorise(actor, Action.RELEASES_MANAGE)
    with only_hand(release_id):
        _clear_store(_draft(Release.objects.filter(pk=release_id)))
        with transaction.atomic():
            release = _draft(Release.objects.select_for_update(no_key=True).filter(pk=release_id))
            facts = {"name": f"{release.slug}@{release.version}"}
            unshelve(shelf_name(release))
            release.delete()
            audit.record(actor, "releases.discarded", object_kind="release", object_id=release_id, facts=facts)


def _draft(found: QuerySet[Release]) -> Release:
    release = found.first()
    if release is None:
        raise NotFoundError
    if release.state in {ReleaseState.PUBLISHED, ReleaseState.WITHDRAWN}:
        raise ImmutableReleaseError(f"{release.slug}@{release.version}")
    return release


def _clear_store(release: Release) -> None:
    """Remove what publishing put into the store before it stopped.

    It stores the signed files first and places series after them: where there are none, nothing was placed, and they go last.
    """
    store = object_store()
    files = [found.key for found in store.list(folder_of(release))]
    if files and release.access == ReleaseAccess.OPEN:
        with objects_held_still(is_moving=True):
            take_back_series(release)
    for key in files:
        store.delete(key)


def _accepted(wish: DraftWish) -> tuple[int, int, int]:
    if not is_slug(wish.slug):
        raise InvalidReleaseError("The short name takes 3 to 63 small letters, digits and inner hyphens.")
    version = parse_version(wish.version)
    if version is None:
        raise InvalidReleaseError("A version is MAJOR.MINOR.PATCH, for example 1.0.0.")
    if not wish.title.strip():
        raise InvalidReleaseError("A title is needed.")
    if wish.licence not in LICENCES:
        raise InvalidReleaseError(f"The licence must be one of {', '.join(LICENCES)}.")
    return version


def _access(wish: DraftWish) -> dict[str, str]:
    """Who may read it; line ends are made alike, so that the same terms have the same digest from whatever browser."""
    terms = "\n".join(line.rstrip() for line in wish.terms.strip().splitlines())
    if not terms:
        return {"access": ReleaseAccess.OPEN}
    text = f"{terms}\n"
    return {"access": ReleaseAccess.RESTRICTED, "terms": text, "terms_sha256": sha256_hex(text.encode())}


def _take_in(release: Release, instances: QuerySet[Instance]) -> None:
    ReleaseInstance.objects.bulk_create(_members(release, instances), batch_size=BATCH_ROWS)


def _members(release: Release, instances: QuerySet[Instance]) -> Iterator[ReleaseInstance]:
    """Members with their salts: derived from the row, so that a repeated draft has the same root hash."""
    key, context = keys.salt_secret(), f"{release.slug}@{release.version}"
    rows = instances.values(
        "id",
        "sop_instance_uid",
        "sha256",
        "size_bytes",
        series_instance_uid=F("series__series_instance_uid"),
        study_instance_uid=F("series__study__study_instance_uid"),
        subject_id=F("series__study__subject__subject_id"),
    )
    for row in rows.iterator(chunk_size=BATCH_ROWS):
        salt = derive_salt(key, context, manifest_row(row).canonical())
        yield ReleaseInstance(release=release, instance_id=row["id"], leaf_salt=salt)


def _count(release: Release, cohort: Cohort) -> None:
    release.subjects = cohort.subject_count
    release.studies = cohort.study_count
    release.series = cohort.series_count
    release.instances = cohort.instance_count
    release.size_bytes = cohort.size_bytes
    release.save(update_fields=["subjects", "studies", "series", "instances", "size_bytes"])
