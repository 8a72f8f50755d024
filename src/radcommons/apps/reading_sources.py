"""Where reading projects get their cases: the bodies that annotation, which knows neither catalog nor releases, asks for."""

from radcommons.server.annotation.sources import CaseSource
from radcommons.server.archive.models import Instance
from radcommons.server.catalog.models import CatalogSeries, Cohort
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.releases.queries import instances_of
from radcommons.server.releases.reading import readable_release


def of_cohort(name: str, actor: Actor) -> CaseSource:
    """The instances of a frozen cohort that are still cleared.

    Raises
    ------
    NotFoundError
        When there is no cohort of that name.
    """
    del actor
    cohort = Cohort.objects.filter(name=name).first()
    if cohort is None:
        raise NotFoundError("There is no cohort of that name.")
    listed = CatalogSeries.objects.values("series")
    instances = Instance.objects.filter(cohort_members__cohort=cohort, series__in=listed)
    return CaseSource(instances, {"kind": "cohort", "name": cohort.name, "digest": cohort.digest})


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
    return CaseSource(instances_of(release), facts)


def catalogued(name: str, actor: Actor) -> CaseSource:
    """Everything that is cleared at this moment; ``name`` narrows it to modalities, separated by commas."""
    del actor
    wanted = [modality.strip() for modality in name.split(",") if modality.strip()]
    rows = CatalogSeries.objects.filter(modality__in=wanted) if wanted else CatalogSeries.objects.all()
    return CaseSource(Instance.objects.filter(series__in=rows.values("series")), {"kind": "catalog", "name": name})


def of_studies(name: str, actor: Actor) -> CaseSource:
    """Some studies that are cleared at this moment, by their Study Instance UIDs, separated by commas.

    Raises
    ------
    NotFoundError
        When one of them is not in the catalog.
    """
    del actor
    wanted = {uid.strip() for uid in name.split(",") if uid.strip()}
    rows = CatalogSeries.objects.filter(study__study_instance_uid__in=wanted)
    if not wanted or rows.values("study").distinct().count() < len(wanted):
        raise NotFoundError("One of these studies is not in the catalog.")
    return CaseSource(Instance.objects.filter(series__in=rows.values("series")), {"kind": "studies", "name": ""})
