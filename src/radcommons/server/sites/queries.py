"""What other rooms and pages ask about sites."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, sites_for
from radcommons.server.sites import rules
from radcommons.server.sites.errors import NoValidAgreementError
from radcommons.server.sites.models import Agreement, ContributorKey, Site, Survey
from radcommons.server.sites.rules import AgreementState


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """An agreement with its state today."""

    agreement: Agreement
    state: AgreementState


@dataclass(frozen=True, slots=True)
class SiteSummary:
    """A site as lists show it."""

    site: Site
    agreement_state: AgreementState
    active_keys: int


def valid_agreement(site: Site, project: str, on: date) -> Agreement | None:
    """The agreement under which a site may send to a project on a day; None when there is none."""
    if not site.is_active:
        return None
    candidates = Agreement.objects.filter(site=site, project=project).select_related("text")
    return next((row for row in candidates if _state(row, on) is AgreementState.IN_FORCE), None)


def require_agreement(site: Site, project: str, on: date) -> Agreement:
    """The agreement in force.

    Raises
    ------
    NoValidAgreementError
        When there is none; its message says why and what to do.
    """
    agreement = valid_agreement(site, project, on)
    if agreement is not None:
        return agreement
    state = AgreementState.SITE_INACTIVE
    if site.is_active:
        state = rules.best_state(_state(row, on) for row in Agreement.objects.filter(site=site, project=project))
    raise NoValidAgreementError(rules.refusal(state, site.code, project), reason=state.value)


def site_by_code(code: str) -> Site:
    """One site.

    Raises
    ------
    NotFoundError
        When no site has the code.
    """
    site = Site.objects.filter(code=code).first()
    if site is None:
        raise NotFoundError(f"No site has the code {code[:20]!r}.")
    return site


def readable_site(code: str, actor: Actor, action: Action = Action.SITES_READ) -> Site:
    """One site, if the actor may see it under an action; otherwise it does not exist for them.

    Raises
    ------
    NotFoundError
        When there is no such site, or it is another's.
    """
    allowed = sites_for(actor, action)
    if allowed is not None and code not in allowed:
        raise NotFoundError
    return site_by_code(code)


def sites_readable_by(actor: Actor) -> Sequence[SiteSummary]:
    """The sites an actor may see, with the state of their agreements and their number of live keys."""
    rows = Site.objects.prefetch_related("agreements", "contributor_keys")
    allowed = sites_for(actor, Action.SITES_READ)
    if allowed is not None:
        rows = rows.filter(code__in=allowed)
    today = timezone.localdate()
    return [
        SiteSummary(
            site,
            rules.best_state(_state(row, today) for row in site.agreements.all()),
            sum(1 for key in site.contributor_keys.all() if key.revoked_at is None),
        )
        for site in rows
    ]


def agreements_of(site: Site) -> Sequence[AgreementLine]:
    """All agreements of a site, newest first, with their state today."""
    today = timezone.localdate()
    rows = Agreement.objects.filter(site=site).select_related("text")
    return [AgreementLine(row, _state(row, today)) for row in rows]


def keys_of(site: Site) -> Sequence[ContributorKey]:
    """All contributor keys of a site, newest first."""
    return list(ContributorKey.objects.filter(site=site))


def surveys() -> Sequence[Survey]:
    """All surveys, newest first."""
    return list(Survey.objects.select_related("site"))


def _state(row: Agreement, on: date) -> AgreementState:
    return rules.agreement_state(rules.AgreementTerms(row.signed_on, row.ends_on, row.revoked_at is not None), on)
