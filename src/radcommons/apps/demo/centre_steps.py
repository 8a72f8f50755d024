"""The centre's side of the demonstration: the verbs that people would call from pages, called in their order."""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Count

from radcommons.apps.demo.hospitals import PROJECT, Hospital
from radcommons.dicom.finding import Severity
from radcommons.server.annotation.models import ReadingProject
from radcommons.server.annotation.rules.states import Duty, ProjectVerb
from radcommons.server.annotation.rules.wishes import ProjectWish
from radcommons.server.annotation.services import projects as reading_projects
from radcommons.server.annotation.services.schemas import add_schema
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.catalog.models import CatalogSeries, Cohort
from radcommons.server.catalog.rules import CatalogQuery
from radcommons.server.catalog.services import freeze_cohort
from radcommons.server.curation.models import Case, CheckResult
from radcommons.server.curation.rules import CaseState
from radcommons.server.curation.services import clear_all
from radcommons.server.intake.models import Batch, QuarantinedInstance
from radcommons.server.platform import accounts, outbox
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.models import User
from radcommons.server.platform.policy import Actor, Role
from radcommons.server.releases import services as releases
from radcommons.server.releases.models import Release, ReleaseState
from radcommons.server.sites import services as sites
from radcommons.server.sites.models import Agreement, ContributorKey, Site
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.record import Method

OPERATOR = Actor.system("demo")
LICENCE = "CC-BY-4.0"
SLUG = "demonstration"
VERSION = "1.0.0"
WISH = releases.DraftWish(
    slug=SLUG,
    version=VERSION,
    title="Demonstration collection",
    description="Chest imaging that travelled the whole way of this software, from hospital folders to a release.",
    licence=LICENCE,
)
PEOPLE = (
    ("curator", Role.CURATOR),
    ("release-manager", Role.RELEASE_MANAGER),
    ("administrator", Role.ADMINISTRATOR),
    ("project-manager", Role.PROJECT_MANAGER),
    *((f"reader-{number}", Role.READER) for number in (1, 2, 3)),
    ("adjudicator", Role.ADJUDICATOR),
)
# What is read in the demonstration: schemas that come with the house, and the modalities they ask about.
MRALE = "demonstration-mrale"
READING = (
    ("demonstration-ct", "Chest CT of the demonstration", "ricord-1a", "CT"),
    (MRALE, "Lung oedema on radiographs of the demonstration", "midrc-mrale", "DX,CR"),
)
DUTIES = {Role.READER: Duty.READ, Role.ADJUDICATOR: Duty.ADJUDICATE}


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
    """How far intake and journey are with the batches; a database that is restarting is merely not settled."""
    try:
        return _received(batch_ids)
    except (InterfaceError, OperationalError):
        connection.close()
        return Received(is_settled=False, stored=0, quarantined=0, findings={})


def _received(batch_ids: Sequence[str]) -> Received:
    batches = Batch.objects.filter(batch_id__in=batch_ids)
    is_settled = all(batch.state in {"verified", "refused"} for batch in batches) and not outbox.pending_studies(1)
    findings: Counter[str] = Counter()
    held = QuarantinedInstance.objects.filter(part__batch__in=batches)
    for part_findings in held.values_list("part__findings", flat=True):
        findings.update(finding["code"] for finding in part_findings)
    stored = Instance.objects.filter(state=InstanceState.STORED).count()
    return Received(is_settled, stored, held.count(), dict(findings))


def clear_cases(curator: str) -> tuple[int, dict[str, int]]:
    """Clear every study whose checks found no error, by the curator's account; returns how many, and what holds others."""
    actor = actor_of_user(accounts.actor_named(curator))
    clear_all(actor=actor, reason="Demonstration: automatic checks found no error.")
    left = CheckResult.objects.exclude(case__state=CaseState.CLEARED).filter(severity=Severity.ERROR)
    return Case.objects.filter(state=CaseState.CLEARED).count(), dict(Counter(left.values_list("code", flat=True)))


def is_told() -> bool:
    """Whether every room knows what happened so far."""
    return not outbox.pending_studies(1)


def is_catalogued() -> bool:
    """Whether every cleared study is in the catalog."""
    cleared = Case.objects.filter(state=CaseState.CLEARED).count()
    studies = CatalogSeries.objects.aggregate(studies=Count("series__study", distinct=True))["studies"]
    return not outbox.pending_studies(1) and studies >= cleared


@dataclass(frozen=True, slots=True)
class Begun:
    """A reading project of the demonstration."""

    slug: str
    cases: int
    reads: int


def begin_reading(manager: str) -> list[Begun]:
    """Make the reading projects of the demonstration, name their readers and an adjudicator, and start them."""
    actor = actor_of_user(accounts.actor_named(manager))
    begun = []
    for slug, title, schema_name, modalities in READING:
        project = ReadingProject.objects.filter(slug=slug).first()
        if project is None and CatalogSeries.objects.filter(modality__in=modalities.split(",")).exists():
            schema = add_schema(ready_schema(schema_name).to_json(), actor=actor)
            wish = ProjectWish(slug, title, schema.name, schema.version, "catalog", modalities, seed=1)
            project = reading_projects.create_project(wish, actor=actor)
            for name, role in PEOPLE:
                if role in DUTIES:
                    method = Method.RETROSPECTIVE_EXPERT
                    reading_projects.add_member(project, name, DUTIES[role], method=method, actor=actor)
            project = reading_projects.move_project(project, ProjectVerb.START_READING, actor=actor)
        if project is not None:
            begun.append(Begun(slug, project.cases.count(), project.tasks.count()))
    return begun


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
        release = releases.draft(WISH, cohort, actor=actor)
    findings: Counter[str] = Counter()
    if release.state != ReleaseState.PUBLISHED:
        findings.update(finding.code for finding in releases.check(release.pk, actor=actor))
        release = releases.publish(release.pk, actor=actor)
    return Published(release.slug, release.version, release.root_hash, release.instances, dict(findings))
