"""Asking to read a restricted version: what is asked, decided, ended, and what the record keeps of it."""

import json
from contextlib import nullcontext
from datetime import timedelta

import pytest
from click.testing import CliRunner
from django.db import DatabaseError, transaction
from django.utils import timezone
from tests.support.reading import chest_schema, person
from tests.support.releases import ACTOR, clear_study, frozen_cohort, signed_site, store_study, wish

from radcommons.server.access import asking, services
from radcommons.server.access.commands import access
from radcommons.server.access.services import AccessWish
from radcommons.server.annotation.models import ReadingProject
from radcommons.server.annotation.rules.wishes import ProjectWish
from radcommons.server.annotation.services import projects, schemas
from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_token, actor_of_user
from radcommons.server.platform.errors import ConflictError, ForbiddenError, InvalidError
from radcommons.server.platform.models import AuditEvent, User
from radcommons.server.platform.policy import Actor, Role
from radcommons.server.portal.steps import next_steps
from radcommons.server.releases import services as releases
from radcommons.server.releases.errors import InvalidReleaseError, RestrictedReleaseError
from radcommons.server.releases.models import Release, ReleaseReader
from radcommons.server.releases.reading import may_read, readable_by, readable_release


@pytest.fixture
def asker() -> Actor:
    return person("ada", Role.RESEARCHER)


@pytest.fixture
def manager() -> Actor:
    return person("mary", Role.RELEASE_MANAGER)


def a_wish(release, **changes):
    values = {"full_name": "Ada L.", "institution": "Elsewhere", "purpose": "To learn."}
    return AccessWish(**{**values, "terms_sha256": release.terms_sha256, **changes})


def ended(days=30):
    return timezone.localdate() + timedelta(days=days)


def test_somebody_asks_and_reads_after_the_approval_until_it_is_revoked(sealed, asker, manager):
    with pytest.raises(RestrictedReleaseError):
        readable_release("sealed-ct", "1.0.0", asker)
    asked = services.ask_for_access(sealed, a_wish(sealed), actor=asker)
    assert asking.standing_of(sealed, asker).state == "waiting"
    assert "1 request for access" in [step.title for step in next_steps(manager)]
    approved = services.approve_request(asked.pk, until=ended(), actor=manager)
    assert readable_release("sealed-ct", "latest", asker) == sealed
    assert asking.standing_of(sealed, asker).until == ended()
    token = accounts.issue_api_token(User.objects.get(username="ada"), "notebook", actor=asker)
    assert may_read(sealed, actor_of_token(token))
    releases.dismiss_reader(approved.grant.pk, reason="Left.", actor=manager)
    assert not may_read(sealed, actor_of_token(token))
    last = asking.own_requests(asker)[0]
    assert (last.state, last.reason) == ("revoked", "Left.")
    told = set(AuditEvent.objects.values_list("action", flat=True))
    assert told >= {"access.asked", "access.approved", "releases.reader-admitted", "releases.reader-dismissed"}
    assert not AuditEvent.objects.filter(facts__icontains="Ada L.").exists()


def test_a_refusal_says_why_and_does_not_keep_anybody_from_asking_again(sealed, asker, manager):
    asked = services.ask_for_access(sealed, a_wish(sealed), actor=asker)
    with pytest.raises(ConflictError):
        services.ask_for_access(sealed, a_wish(sealed), actor=asker)
    with pytest.raises(InvalidError):
        services.refuse_request(asked.pk, reason=" ", actor=manager)
    services.refuse_request(asked.pk, reason="No question is named.", actor=manager)
    assert asking.standing_of(sealed, asker).reason == "No question is named."
    with pytest.raises(ConflictError):
        services.approve_request(asked.pk, until=ended(), actor=manager)
    assert services.ask_for_access(sealed, a_wish(sealed, purpose="Better."), actor=asker).pk != asked.pk


@pytest.mark.parametrize(
    "changes", [{"purpose": " "}, {"institution": ""}, {"full_name": "\t"}, {"terms_sha256": "0" * 64}]
)
def test_what_is_missing_or_agrees_to_other_terms_is_refused(sealed, asker, changes):
    with pytest.raises(InvalidError):
        services.ask_for_access(sealed, a_wish(sealed, **changes), actor=asker)


def test_nobody_decides_but_release_managers(sealed, asker):
    asked = services.ask_for_access(sealed, a_wish(sealed), actor=asker)
    for decide in (
        lambda: services.approve_request(asked.pk, until=ended(), actor=asker),
        lambda: services.refuse_request(asked.pk, reason="x", actor=asker),
        lambda: releases.admit_reader(sealed, asked.user, until=ended(), actor=asker),
        lambda: releases.open_version(sealed.pk, reason="x", actor=asker),
    ):
        with pytest.raises(ForbiddenError):
            decide()


@pytest.mark.parametrize("days", [-1, 4 * 366])
def test_access_ends_on_a_day_that_is_near_enough(sealed, asker, manager, days):
    asked = services.ask_for_access(sealed, a_wish(sealed), actor=asker)
    with pytest.raises(InvalidReleaseError):
        services.approve_request(asked.pk, until=ended(days), actor=manager)
    assert asking.standing_of(sealed, asker).state == "waiting"


def test_a_grant_holds_through_its_last_day_and_no_longer(sealed, asker):
    grant = {"slug": "sealed-ct", "terms_sha256": sealed.terms_sha256, "user_id": asker.user_id, "granted_by": "x"}
    ReleaseReader.objects.create(**grant, until=ended(-1))
    assert not may_read(sealed, asker)
    ReleaseReader.objects.create(**grant, until=ended(0))
    assert may_read(sealed, asker)


def test_a_grant_is_for_the_terms_so_that_a_correction_sends_nobody_back(sealed, asker, tmp_path):
    releases.admit_reader(sealed, User.objects.get(username="ada"), until=ended(), actor=ACTOR)
    clear_study(store_study(tmp_path, signed_site(), "two"))
    cohort, slug = frozen_cohort("two"), "sealed-ct"
    # The same terms, as another browser sends them.
    same = releases.draft(wish("1.1.0", slug=slug, terms=sealed.terms.replace("\n", "\r\n")), cohort, actor=ACTOR)
    other = releases.draft(wish("1.2.0", slug=slug, terms="Other terms."), cohort, actor=ACTOR)
    for draft in (same, other):
        releases.publish(draft.pk, actor=ACTOR)
    assert sorted(readable_by(asker).values_list("version", flat=True)) == ["1.0.0", "1.1.0"]
    assert not readable_by(Actor.anonymous()).exists()
    # One question for what one answer opens.
    second = person("bob", Role.RESEARCHER)
    services.ask_for_access(sealed, a_wish(sealed), actor=second)
    for draft, refusal in ((same, ConflictError), (other, None)):
        release = Release.objects.get(pk=draft.pk)
        with pytest.raises(refusal) if refusal else nullcontext():
            services.ask_for_access(release, a_wish(release), actor=second)


def test_whoever_was_granted_the_same_twice_loses_both_at_once(sealed, asker):
    user = User.objects.get(username="ada")
    first, second = (releases.admit_reader(sealed, user, until=ended(days), actor=ACTOR) for days in (30, 60))
    releases.dismiss_reader(first.pk, reason="Left.", actor=ACTOR)
    assert not may_read(sealed, asker)
    assert ReleaseReader.objects.get(pk=second.pk).revocation_reason == "Left."
    assert AuditEvent.objects.filter(action="releases.reader-dismissed").count() == 2


def test_what_a_stranger_writes_is_one_harmless_line_in_lists(sealed, asker):
    wish = a_wish(sealed, full_name="\x1b[2JAda\nL.", institution="\u202eElse\twhere \x9b0m")
    asked = services.ask_for_access(sealed, wish, actor=asker)
    assert (asked.full_name, asked.institution) == ("[2JAda L.", "Else where 0m")


def test_nobody_decides_about_his_own_request(sealed, asker):
    asked = services.ask_for_access(sealed, a_wish(sealed), actor=asker)
    accounts.grant_role("ada", Role.RELEASE_MANAGER, actor=ACTOR)
    with pytest.raises(ConflictError):
        services.approve_request(asked.pk, until=ended(), actor=actor_of_user(User.objects.get(username="ada")))
    assert not ReleaseReader.objects.exists()


def test_a_grant_is_revoked_on_its_page_after_the_version_it_was_asked_for_is_open(sealed, asker, manager, client):
    asked = services.ask_for_access(sealed, a_wish(sealed), actor=asker)
    services.approve_request(asked.pk, until=ended(), actor=manager)
    releases.open_version(sealed.pk, reason="The embargo is over.", actor=ACTOR)
    client.force_login(User.objects.get(username="mary"))
    # It still opens the other versions under the same terms.
    assert "Revoke access" in client.get(f"/access/requests/{asked.pk}/").content.decode()


def test_who_revokes_sees_which_reading_projects_go_on(sealed, manager, client):
    maker = person("paul", Role.RESEARCHER, Role.PROJECT_MANAGER)
    asked = services.ask_for_access(sealed, a_wish(sealed), actor=maker)
    approved = services.approve_request(asked.pk, until=ended(), actor=manager)
    schema = schemas.add_schema(chest_schema(), actor=ACTOR)
    values = {"schema_name": schema.name, "schema_version": schema.version, "readers_per_case": 1, "seed": 1}
    source = {"source_kind": "release", "source_name": "sealed-ct@1.0.0"}
    project = projects.create_project(ProjectWish("reads", "Sealed <reads>", **values, **source), actor=maker)
    client.force_login(User.objects.get(username="mary"))
    page = f"/access/requests/{asked.pk}/"
    assert "Sealed &lt;reads&gt;</a>. Its readers see restricted images" in client.get(page).content.decode()
    releases.dismiss_reader(approved.grant.pk, reason="Left.", actor=manager)
    assert "Sealed &lt;reads&gt;" in client.get(page).content.decode()
    ReadingProject.objects.filter(pk=project.pk).update(state="closed")
    assert "Sealed &lt;reads&gt;" not in client.get(page).content.decode()


def test_the_database_lets_nobody_close_or_open_a_version_by_the_way(sealed):
    released = Release.objects.filter(pk=sealed.pk)
    for change in ({"terms": "Others."}, {"terms_sha256": "0" * 64}, {"access": "open"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            released.update(**change)
    releases.open_version(sealed.pk, reason="The embargo is over.", actor=ACTOR)
    with pytest.raises(DatabaseError), transaction.atomic():
        released.update(access="restricted")
    with pytest.raises(DatabaseError), transaction.atomic():
        released.update(opening_reason="Another.")
    assert may_read(sealed, Actor.anonymous())
    assert AuditEvent.objects.get(action="releases.opened").facts["reason"] == "The embargo is over."


def test_the_database_lets_nobody_lengthen_or_take_up_a_grant_again(sealed, asker):
    grant = releases.admit_reader(sealed, User.objects.get(username="ada"), until=ended(), actor=ACTOR)
    row = ReleaseReader.objects.filter(pk=grant.pk)
    with pytest.raises(DatabaseError), transaction.atomic():
        row.update(until=ended(60))
    releases.dismiss_reader(grant.pk, reason="Left.", actor=ACTOR)
    for change in ({"revoked_at": None, "revocation_reason": ""}, {"revocation_reason": "Other."}):
        with pytest.raises(DatabaseError), transaction.atomic():
            row.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        row.delete()


def test_the_pages_lead_from_the_question_to_the_answer(sealed, asker, manager, client):
    address = "/releases/sealed-ct/1.0.0/access/"
    landing = client.get("/releases/sealed-ct/1.0.0/").content.decode()
    assert address in landing
    assert "Tell nobody who they are." in landing
    client.force_login(User.objects.get(username="ada"))
    form = {"full_name": "Ada L.", "institution": "Elsewhere", "purpose": "To learn."}
    answer = client.post(address, {**form, "terms_sha256": sealed.terms_sha256})
    assert answer.status_code == 422
    assert not asking.waiting_requests().exists()
    client.post(address, {**form, "terms_sha256": sealed.terms_sha256, "agrees": "on"})
    asked = asking.waiting_requests().get()
    assert "a release manager will decide" in client.get(address).content.decode()
    client.force_login(User.objects.get(username="mary"))
    assert "Ada L." in client.get("/access/requests/").content.decode()
    page = f"/access/requests/{asked.pk}/"
    assert client.post(f"{page}approve/", {"until": "1999-01-01"}).status_code == 422
    client.post(f"{page}approve/", {"until": ended().isoformat()})
    assert "Revoke access" in client.get(page).content.decode()
    client.force_login(User.objects.get(username="ada"))
    assert "Granted until" in client.get("/access/").content.decode()
    assert "RADCOMMONS_TOKEN" in client.get("/releases/sealed-ct/1.0.0/").content.decode()
    client.force_login(User.objects.get(username="mary"))
    client.post(f"{page}revoke/", {"reason": "Left the institution."})
    client.force_login(User.objects.get(username="ada"))
    assert "Left the institution." in client.get(address).content.decode()
    assert client.get("/releases/sealed-ct/1.0.0/studies/").status_code == 403


def test_an_operator_decides_from_the_command_line(sealed, asker):
    def run(*words):
        done = CliRunner().invoke(access, [*words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "None." in run("requests")
    number = str(services.ask_for_access(sealed, a_wish(sealed), actor=asker).pk)
    assert json.loads(run("requests", "--json"))[0]["purpose"] == "To learn."
    assert "granted until" in run("approve", number, "--until", ended().isoformat())
    assert "ada, Elsewhere" in run("readers")
    assert "revoked" in run("revoke", number, "--reason", "Left.")
    assert "None." in run("readers")
    again = str(services.ask_for_access(sealed, a_wish(sealed), actor=asker).pk)
    assert "refused" in run("refuse", again, "--reason", "No.")
