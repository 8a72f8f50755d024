"""Everything a release needs, through the real verbs: signed sites, stored files, cleared studies, frozen cohorts."""

from collections.abc import Sequence
from pathlib import Path

from django.utils import timezone
from tests.support.batches import make_site, write_instance

from radcommons.dicom.instance import describe_file
from radcommons.server.archive.models import Study
from radcommons.server.archive.services import store_instance
from radcommons.server.catalog.models import Cohort
from radcommons.server.catalog.rules import CatalogQuery
from radcommons.server.catalog.services import catalog_study, freeze_cohort
from radcommons.server.curation import services as curation
from radcommons.server.platform.policy import Actor
from radcommons.server.releases import services
from radcommons.server.releases.models import Release
from radcommons.server.releases.services import DraftWish
from radcommons.server.sites.models import Site

ACTOR = Actor.system("tests")


def store_study(
    folder: Path, site: Site, study: str, *, instances: int = 2, subject: str = "", series: str = "a"
) -> str:
    """Store a CT study of a subject of its own and clear it; returns its Study Instance UID."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = ""
    for number in range(instances):
        path = folder / f"{study}-{series}-{number}.dcm"
        write_instance(path, study=study, series=(study, series), number=number, PatientID=subject or f"S-{study}")
        description, findings = describe_file(path)
        assert description is not None, findings
        store_instance(description, path, site=site, project="covid19", actor=ACTOR)
        uid = description.study_instance_uid
    return uid


def clear_study(study_instance_uid: str) -> None:
    """A curator looked at it."""
    curation.open_case(study_instance_uid)
    curation.clear(study_instance_uid, actor=ACTOR, reason="looked at")
    catalog_study(study_instance_uid)


def signed_site(code: str = "ALPHA") -> Site:
    """A site whose agreement is in force."""
    return Site.objects.filter(code=code).first() or make_site(code)


def frozen_cohort(name: str = "everything") -> Cohort:
    """All that is catalogued."""
    return freeze_cohort(name, CatalogQuery.from_lists({}), actor=ACTOR)


def wish(version: str = "1.0.0", **changes: str | Sequence[str]) -> DraftWish:
    """What a release manager would write."""
    values = {"slug": "chest-ct", "version": version, "title": "Chest CT of the tests", "licence": "CC-BY-4.0"}
    return DraftWish(**{**values, **changes})


def publish(folder: Path, version: str = "1.0.0", *, studies: Sequence[str] = ("one", "two")) -> Release:
    """The whole way, from files to a published version."""
    site = signed_site()
    for study in studies:
        clear_study(store_study(folder, site, study))
    draft = services.draft(wish(version), frozen_cohort(f"cohort-{version}"), actor=ACTOR)
    return services.publish(draft.pk, actor=ACTOR)


def studies_in(release: Release) -> list[str]:
    """Study Instance UIDs of a release."""
    rows = Study.objects.filter(series__instances__release_members__release=release).distinct()
    return sorted(rows.values_list("study_instance_uid", flat=True))


def today() -> str:
    """Today, as pages and records write it."""
    return timezone.localdate().isoformat()
