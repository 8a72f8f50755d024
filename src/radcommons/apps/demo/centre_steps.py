"""The centre's side of the demonstration: the verbs that people would call from pages, called in their order."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count

from radcommons.apps.demo.hospitals import PROJECT, Hospital
from radcommons.server.archive.models import Instance
from radcommons.server.catalog.models import CatalogSeries, Cohort
from radcommons.server.catalog.query import CatalogQuery
from radcommons.server.catalog.services import freeze_cohort
from radcommons.server.curation.models import Case
from radcommons.server.curation.services import clear_all
from radcommons.server.intake.models import Batch, QuarantinedInstance
from radcommons.server.platform import accounts, outbox
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.models import User
from radcommons.server.platform.policy import Actor, Role
from radcommons.server.releases import services as releases
from radcommons.server.releases.models import Release
from radcommons.server.sites import services as sites
from radcommons.server.sites.models import Agreement, ContributorKey, Site

OPERATOR = Actor.system("demo")
LICENCE = "CC-BY-4.0"
SLUG = "demonstration"
VERSION = "1.0.0"
PEOPLE = (
    ("curator", Role.CURATOR),
    ("release-manager", Role.RELEASE_MANAGER),
    ("administrator", Role.ADMINISTRATOR),
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the demonstration and its password, shown once."""

    username: str
    password: str
    role: str


def open_accounts(hospitals: Sequence[Hospital]) -> list[Account]:
    """Make the people of the demonstration; on a later run they get new passwords."""
    wanted = [(name, role, "") for name, role in PEOPLE]
    wanted.append((f"coordinator-{hospitals[0].code.lower()}", Role.SITE_COORDINATOR, hospitals[0].code))
    made = []
    for name, role, site_code in wanted:
        password = secrets.token_urlsafe(12)
        if User.objects.filter(username=name).exists():
            link = accounts.issue_setup_link(actor=OPERATOR, username=name)
            accounts.redeem_setup_link(link, password=password)
        else:
            accounts.create_account(name, actor=OPERATOR, password=password)
            accounts.grant_role(name, role, actor=OPERATOR, site_code=site_code)
        made.append(Account(name, password, role.value))
    return made


def enrol(hospital: Hospital) -> str:
    """Make a hospital a site with a signed agreement; returns a fresh contributor token."""
    site = Site.objects.filter(code=hospital.code).first()
    if site is None:
        site = sites.add_site(hospital.code, name=hospital.name, country=hospital.country, actor=OPERATOR)
    if not Agreement.objects.filter(site=site, revoked_at=None).exists():
        signature = sites.Signature(
            project=PROJECT,
            signatory_name="Demonstration Signatory",
            signatory_title="Head of Radiology",
            signed_on=date(2026, 1, 1),
            ends_on=date(2099, 12, 31),
            licence=LICENCE,
        )
        sites.sign_agreement(site, signature, actor=OPERATOR, text=sites.template_text())
    for row in ContributorKey.objects.filter(site=site, revoked_at=None):
        sites.revoke_contributor_key(site, row.pk, actor=OPERATOR)
    return sites.issue_contributor_key(site, name="demonstration", actor=OPERATOR).plain


@dataclass(frozen=True, slots=True)
class Received:
    """What the centre holds after intake."""

    is_settled: bool
    stored: int
    quarantined: int
    findings: dict[str, int]


def received(batch_ids: Sequence[str]) -> Received:
    """How far intake and journey are with the batches."""
    batches = Batch.objects.filter(pk__in=batch_ids)
    is_settled = all(batch.state in {"verified", "refused"} for batch in batches) and not outbox.pending_studies(1)
    findings: dict[str, int] = {}
    for row in QuarantinedInstance.objects.filter(batch__in=batches):
        for finding in row.findings:
            findings[finding["code"]] = findings.get(finding["code"], 0) + 1
    stored = Instance.objects.filter(state=Instance.State.STORED).count()
    quarantined = QuarantinedInstance.objects.filter(batch__in=batches).count()
    return Received(is_settled, stored, quarantined, findings)


def clear_cases(curator: str) -> tuple[int, dict[str, int]]:
    """Clear every study whose checks found no error, by the curator's account; returns how many, and what holds others."""
    actor = actor_of_user(accounts.actor_named(curator))
    clear_all(actor=actor, reason="Demonstration: automatic checks found no error.")
    left: dict[str, int] = {}
    for case in Case.objects.exclude(state="cleared").prefetch_related("check_results"):
        for result in case.check_results.filter(severity="error"):
            left[result.code] = left.get(result.code, 0) + 1
    return Case.objects.filter(state="cleared").count(), left


def is_catalogued() -> bool:
    """Whether every cleared study is in the catalog."""
    cleared = Case.objects.filter(state="cleared").count()
    studies = CatalogSeries.objects.aggregate(studies=Count("series__study", distinct=True))["studies"]
    return not outbox.pending_studies(1) and studies >= cleared


@dataclass(frozen=True, slots=True)
class Published:
    """The release of the demonstration."""

    slug: str
    version: str
    root_hash: str
    instances: int
    findings: dict[str, int]


def publish(manager: str) -> Published:
    """Freeze everything that is catalogued into a cohort, draft a release, check and publish it."""
    actor = actor_of_user(accounts.actor_named(manager))
    release = Release.objects.filter(slug=SLUG, version=VERSION).first()
    if release is None:
        cohort = Cohort.objects.filter(name=SLUG).first() or freeze_cohort(SLUG, CatalogQuery(), actor=actor)
        release = releases.draft(_wish(cohort), actor=actor)
    findings: dict[str, int] = {}
    if release.state != Release.State.PUBLISHED:
        for finding in releases.check(release, actor=actor):
            findings[finding.code] = findings.get(finding.code, 0) + 1
        release = releases.publish(release, actor=actor)
    return Published(release.slug, release.version, release.root_hash, release.instances.count(), findings)


def _wish(cohort: Cohort) -> releases.Draft:
    return releases.Draft(
        slug=SLUG,
        version=VERSION,
        title="Demonstration collection",
        description="Chest imaging that travelled the whole way of this software, from hospital folders to a release.",
        licence=LICENCE,
        cohort=cohort,
    )
