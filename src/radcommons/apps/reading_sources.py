"""Where reading projects get their cases: the bodies that annotation, which knows neither catalog nor releases, asks for.

Whoever reads in a project sees its images under the responsibility of who made it. So a project takes images of a restricted version only
from somebody who may read that version, and its record names the version (docs/decisions/0018).
"""

from collections.abc import Mapping

from django.db.models import QuerySet

from radcommons.server.annotation.sources import CaseSource
from radcommons.server.archive.models import Instance
from radcommons.server.catalog.models import CatalogSeries, Cohort
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.releases.errors import RestrictedReleaseError
from radcommons.server.releases.queries import instances_of
from radcommons.server.releases.reading import hidden_from, readable_release, restricted_members


def of_cohort(name: str, actor: Actor) -> CaseSource:
    """The instances of a frozen cohort that are still cleared.

    Raises
    ------
    NotFoundError
        When there is no cohort of that name.
    RestrictedReleaseError
        When images of it are restricted and the actor was not granted access.
    """
    cohort = Cohort.objects.filter(name=name).first()
    if cohort is None:
        raise NotFoundError("There is no cohort of that name.")
    listed = CatalogSeries.objects.values("series")
    instances = Instance.objects.filter(cohort_members__cohort=cohort, series__in=listed)
    facts = {"kind": "cohort", "name": cohort.name, "digest": cohort.digest}
    return _for_reader(instances, facts, actor)


def of_release(name: str, actor: Actor) -> CaseSource:
    """The instances of a published version, named ``<slug>@<version>``.

    Raises
    ------
    NotFoundError
        When there is no such version.
    RestrictedReleaseError
        When it is restricted and the actor was not granted access.
    """
    slug, _, version = name.partition("@")
    release = readable_release(slug, version or "latest", actor)
    facts = {"kind": "release", "name": f"{release.slug}@{release.version}", "digest": release.root_hash}
    return _for_reader(instances_of(release), facts, actor)


def catalogued(name: str, actor: Actor) -> CaseSource:
    """Everything that is cleared at this moment and that the actor may read; ``name`` narrows it to modalities, separated by commas."""
    wanted = [modality.strip() for modality in name.split(",") if modality.strip()]
    rows = CatalogSeries.objects.filter(modality__in=wanted) if wanted else CatalogSeries.objects.all()
    instances = Instance.objects.filter(series__in=rows.values("series"))
    # Nobody named these images: what the actor may not read is no part of "everything".
    readable = instances.exclude(pk__in=hidden_from(actor).values("instance"))
    return _for_reader(readable, {"kind": "catalog", "name": name}, actor)


def of_studies(name: str, actor: Actor) -> CaseSource:
    """Some studies that are cleared at this moment, by their Study Instance UIDs, separated by commas.

    Raises
    ------
    NotFoundError
        When one of them is not in the catalog.
    RestrictedReleaseError
        When images of them are restricted and the actor was not granted access.
    """
    wanted = {uid.strip() for uid in name.split(",") if uid.strip()}
    rows = CatalogSeries.objects.filter(study__study_instance_uid__in=wanted)
    if not wanted or rows.values("study").distinct().count() < len(wanted):
        raise NotFoundError("One of these studies is not in the catalog.")
    instances = Instance.objects.filter(series__in=rows.values("series"))
    return _for_reader(instances, {"kind": "studies", "name": ""}, actor)


def _for_reader(instances: QuerySet[Instance], facts: Mapping[str, str], actor: Actor) -> CaseSource:
    """A source for an actor who may read all of it; the restricted versions in it are named, for the record."""
    chosen = instances.order_by().values("pk")
    hidden = hidden_from(actor).filter(instance__in=chosen).select_related("release").first()
    if hidden is not None:
        raise RestrictedReleaseError(f"{hidden.release.slug}@{hidden.release.version}")
    versions = restricted_members().filter(instance__in=chosen).values_list("release__slug", "release__version")
    names = ", ".join(sorted(f"{slug}@{version}" for slug, version in versions.distinct()))
    return CaseSource(instances, {**facts, **({"restricted": names} if names else {})})
