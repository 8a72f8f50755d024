"""The verbs of the sites room."""

from datetime import date

import pytest
from django.db import IntegrityError, transaction
from tests.support.batches import OPERATOR, make_site, make_token

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.policy import Actor, ActorKind
from radcommons.server.sites import queries, services
from radcommons.server.sites.errors import NoValidAgreementError
from radcommons.server.sites.models import Agreement, AgreementText, ContributorKey, Site, Survey

pytestmark = pytest.mark.django_db
SIGNED = services.Signature("covid19", "Prof. S", "Director", date(2026, 1, 1), "CC-BY-4.0", date(2026, 12, 31))


def _code(caught: pytest.ExceptionInfo[RadCommonsError]) -> str:
    return caught.value.code


def test_a_key_is_shown_once_stored_as_digest_and_names_its_site():
    site = make_site()
    issued = services.issue_contributor_key(site, name="pacs-1", actor=OPERATOR)
    assert issued.plain.startswith("rcs_")
    assert issued.plain not in str(list(ContributorKey.objects.values()) + list(AuditEvent.objects.values()))
    actor = services.actor_for_contributor_token(issued.plain)
    assert actor == Actor.contributor("ALPHA")
    assert actor.kind is ActorKind.SITE
    assert ContributorKey.objects.get().last_used_at is not None


def test_a_revoked_key_and_the_key_of_an_inactive_site_open_nothing():
    site = make_site()
    plain = make_token(site)
    services.set_active(site, is_active=False, actor=OPERATOR)
    assert services.actor_for_contributor_token(plain) is None
    services.set_active(site, is_active=True, actor=OPERATOR)
    assert services.actor_for_contributor_token(plain) is not None
    services.revoke_contributor_key(site, ContributorKey.objects.get().pk, actor=OPERATOR)
    assert services.actor_for_contributor_token(plain) is None
    with pytest.raises(RadCommonsError) as caught:
        services.revoke_contributor_key(site, ContributorKey.objects.get().pk, actor=OPERATOR)
    assert _code(caught) == "sites.already-revoked"


def test_a_key_of_another_site_cannot_be_revoked_from_here():
    alpha, beta = make_site("ALPHA"), make_site("BETA")
    make_token(beta)
    with pytest.raises(RadCommonsError) as caught:
        services.revoke_contributor_key(alpha, ContributorKey.objects.get().pk, actor=OPERATOR)
    assert _code(caught) == "platform.not-found"


def test_agreements_are_found_by_project_and_day():
    site = make_site(is_signed=False)
    agreement = services.sign_agreement(site, SIGNED, actor=OPERATOR)
    assert queries.valid_agreement(site, "covid19", date(2026, 6, 1)) == agreement
    assert queries.valid_agreement(site, "other", date(2026, 6, 1)) is None
    assert queries.valid_agreement(site, "covid19", date(2027, 1, 1)) is None
    with pytest.raises(NoValidAgreementError, match="has ended"):
        queries.require_agreement(site, "covid19", date(2027, 1, 1))
    services.revoke_agreement(agreement, reason="asked", actor=OPERATOR)
    with pytest.raises(NoValidAgreementError, match="was revoked"):
        queries.require_agreement(site, "covid19", date(2026, 6, 1))


def test_the_newest_own_text_is_signed_and_the_template_only_when_there_is_none():
    site = make_site(is_signed=False)
    assert services.sign_agreement(site, SIGNED, actor=OPERATOR).text.is_template
    services.publish_text("2026-1", title="Agreement", body="Our own words.", actor=OPERATOR)
    assert services.sign_agreement(site, SIGNED, actor=OPERATOR).text.version == "2026-1"
    with pytest.raises(RadCommonsError) as caught:
        services.publish_text("2026-1", title="Agreement", body="Other words.", actor=OPERATOR)
    assert _code(caught) == "sites.text-taken"
    assert AgreementText.objects.get(version="2026-1").body == "Our own words."


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"project": "Covid 19"}, "sites.project"),
        ({"licence": "GPL"}, "sites.licence"),
        ({"ends_on": date(2025, 1, 1)}, "sites.dates"),
        ({"signatory_name": " "}, "sites.signatory"),
    ],
)
def test_a_signature_that_cannot_be_is_refused(changes, code):
    site = make_site(is_signed=False)
    values = {name: getattr(SIGNED, name) for name in SIGNED.__slots__} | changes
    with pytest.raises(RadCommonsError) as caught:
        services.sign_agreement(site, services.Signature(**values), actor=OPERATOR)
    assert _code(caught) == code
    assert not Agreement.objects.exists()


def test_the_table_itself_refuses_an_end_before_the_start():
    site = make_site()
    row = Agreement.objects.get()
    row.ends_on = date(1999, 1, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()
    assert queries.valid_agreement(site, "covid19", date(2026, 1, 1)) is not None


@pytest.mark.parametrize(("code", "country", "expected"), [("a b", "DE", "sites.code"), ("A", "XX", "sites.country")])
def test_a_site_needs_a_code_and_a_country(code, country, expected):
    with pytest.raises(RadCommonsError) as caught:
        services.add_site(code, name="x", country=country, actor=OPERATOR)
    assert _code(caught) == expected


def test_a_code_names_one_site_only():
    make_site("ALPHA")
    with pytest.raises(RadCommonsError) as caught:
        make_site("ALPHA")
    assert _code(caught) == "sites.code-taken"
    assert Site.objects.count() == 1


def test_each_verb_leaves_one_audit_event():
    site = make_site()
    services.revoke_agreement(Agreement.objects.get(), reason="asked", actor=OPERATOR)
    make_token(site)
    services.revoke_contributor_key(site, ContributorKey.objects.get().pk, actor=OPERATOR)
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == [
        "sites.add",
        "sites.sign-agreement",
        "sites.revoke-agreement",
        "sites.issue-key",
        "sites.revoke-key",
    ]


def test_only_administrators_manage_and_coordinators_keep_their_own_keys(actor_of):
    alpha, beta = make_site("ALPHA"), make_site("BETA")
    coordinator = actor_of("site_coordinator", "ALPHA")
    assert services.issue_contributor_key(alpha, name="mine", actor=coordinator).plain
    forbidden = [
        lambda: services.issue_contributor_key(beta, name="theirs", actor=coordinator),
        lambda: services.add_site("GAMMA", name="x", country="DE", actor=coordinator),
        lambda: services.sign_agreement(alpha, SIGNED, actor=coordinator),
        lambda: services.issue_contributor_key(alpha, name="x", actor=actor_of("curator")),
        lambda: services.set_active(alpha, is_active=False, actor=Actor.contributor("ALPHA")),
    ]
    for attempt in forbidden:
        with pytest.raises(RadCommonsError) as caught:
            attempt()
        assert _code(caught) == "platform.forbidden"


def test_a_survey_needs_an_institution_and_a_contact():
    with pytest.raises(RadCommonsError) as caught:
        services.submit_survey({"organisation": "Hospital"}, actor=Actor.anonymous())
    assert _code(caught) == "sites.survey-incomplete"
    assert not Survey.objects.exists()
