"""Home, people, account, audit, about and the error pages, through the real routes."""

import re
from html.parser import HTMLParser

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from tests.support.studies import store_study

from radcommons.server.archive.models import Instance
from radcommons.server.platform import accounts
from radcommons.server.platform.models import ApiToken, AuditEvent, User
from radcommons.server.platform.policy import Actor, Role
from radcommons.server.portal.context import navigation_items
from radcommons.server.portal.numbers import released_numbers
from radcommons.server.portal.steps import next_steps
from radcommons.server.releases.models import Release, ReleaseInstance
from radcommons.server.releases.services import withdraw

OPERATOR = Actor.system("tests")
PASSWORD = "correct horse battery"
PAGES = {
    "anonymous": ["/", "/about/", "/accounts/login/", "/accounts/password/reset/", "/accounts/signup/", "/nowhere/"],
    "curator": ["/", "/account/", "/accounts/logout/", "/accounts/password/change/", "/accounts/2fa/", "/people/"],
    "administrator": ["/", "/people/", "/people/administrator-all/", "/audit/", "/audit/?verify=1", "/catalog/"],
}


class Outline(HTMLParser):
    """What a screen reader needs of a page: headings, labels, names of controls."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.labels, self.controls, self.ids, self.language = [], set(), [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if "id" in values:
            self.ids.append(values["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)
        if tag == "html":
            self.language = values.get("lang")
        if tag == "label":
            self.labels.add(values.get("for"))
        if tag in ("input", "select", "textarea") and values.get("type") not in ("hidden", "submit"):
            self.controls.append(values)


@pytest.fixture(autouse=True)
def _fresh_numbers():
    cache.clear()


def publish(*, version="1.0.0"):
    """A published release of everything that is stored."""
    release = Release.objects.create(
        slug="chest", version=version, major=1, minor=0, patch=0, title="Chest", licence="CC-BY-4.0", publisher="P",
        created_by="tests",
    )  # fmt: skip
    for instance in Instance.objects.all():
        ReleaseInstance.objects.create(release=release, instance=instance, leaf_salt=bytes(32))
    release.state, release.root_hash, release.published_at = "published", "a" * 64, timezone.now()
    release.save()
    return release


@pytest.mark.parametrize(("role", "path"), [(role, path) for role, paths in PAGES.items() for path in paths])
def test_every_page_has_one_heading_names_for_its_controls_and_the_strict_policy(client_of, role, path):
    response = client_of(role).get(path)
    outline = Outline(response.content.decode())
    assert outline.headings.count("h1") == 1
    assert outline.headings[0] == "h1"
    assert outline.language == "en"
    assert len(outline.ids) == len(set(outline.ids))
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    text = response.content.decode()
    for control in outline.controls:
        inside = re.search(r"<label[^>]*>[^<]*<(?:input|select)[^>]*name=\"" + re.escape(control["name"]), text)
        assert control.get("id") in outline.labels or "aria-label" in control or inside, control["name"]


@pytest.mark.parametrize(
    ("role", "labels"),
    [
        (None, {"Releases"}),
        (Role.RESEARCHER, {"Releases"}),
        (Role.CURATOR, {"Releases", "Batches", "Curation", "Catalog", "Sites"}),
        (Role.RELEASE_MANAGER, {"Releases", "Catalog"}),
        (
            Role.ADMINISTRATOR,
            {
                "Releases",
                "Batches",
                "Curation",
                "Catalog",
                "Sites",
                "People",
                "Audit",
                "Storage",
                "Reading projects",
            },
        ),
    ],
)
def test_the_navigation_shows_what_an_actor_may_open(actor_of, role, labels):
    actor = actor_of(role) if role else Actor.anonymous()
    assert {item.label for item in navigation_items(actor, "/")} == labels


@pytest.mark.parametrize(
    ("role", "path", "label"),
    [
        (Role.ADMINISTRATOR, "/people/anna/", "People"),
        (Role.ADMINISTRATOR, "/jobs/", "Storage"),
        (Role.CURATOR, "/quarantine/1/", "Batches"),
        (Role.RELEASE_MANAGER, "/cohorts/", "Catalog"),
    ],
)
def test_the_place_where_one_is_stands_out(actor_of, role, path, label):
    assert [item.label for item in navigation_items(actor_of(role), path) if item.is_current] == [label]


@pytest.mark.parametrize(
    ("role", "site", "title"),
    [
        (Role.CURATOR, None, "0 studies to curate"),
        (Role.RELEASE_MANAGER, None, "0 cleared studies in the catalog"),
        (Role.ADMINISTRATOR, None, "Sites and agreements"),
        (Role.SITE_COORDINATOR, "ALPHA", "Your site ALPHA"),
        (Role.READER, None, "Your reads"),
        (None, None, "Your account"),
    ],
)
def test_everybody_is_told_a_next_step(actor_of, role, site, title):
    assert title in {step.title for step in next_steps(actor_of(role, site))}


def test_nothing_is_counted_before_it_is_published(db, tmp_path, tmp_store, client_of):
    store_study(tmp_path, "a")
    assert released_numbers().instances == 0
    assert "Nothing is published yet" in client_of("anonymous").get("/").content.decode()


def test_few_subjects_are_not_told_at_all(db, tmp_path, tmp_store, client_of):
    for number in range(4):
        store_study(tmp_path, str(number))
    publish()
    text = client_of("anonymous").get("/").content.decode()
    assert released_numbers().subjects is None
    assert "fewer than 5" in text
    assert "<dt>Studies</dt>" not in text
    assert "data-chart" not in text


def test_the_public_numbers_are_counted_once_and_anew_when_versions_change(
    db, tmp_path, tmp_store, django_assert_num_queries
):
    for number in range(5):
        store_study(tmp_path, str(number))
    publish()
    assert released_numbers().studies == 5
    with django_assert_num_queries(1):
        assert released_numbers().studies == 5
    withdraw(Release.objects.get().pk, reason="By mistake.", actor=Actor.system("tests"))
    assert released_numbers().studies == 0


def test_public_tables_withhold_small_counts_and_their_complements(db, tmp_path, tmp_store, client_of):
    for number in range(14):
        modality = "CT" if number < 7 else "CR" if number < 13 else "US"
        store_study(tmp_path, str(number), Modality=modality, PatientSex="F" if number % 2 else "M")
    publish()
    tables = {table.name: {row.label: row.subjects for row in table.rows} for table in released_numbers().tables}
    assert tables["modality"] == {"CT": 7, "CR": None, "US": None}
    assert tables["sex"] == {"F": 7, "M": 7}
    assert list(tables["month"].values()) == [14]
    text = client_of("anonymous").get("/").content.decode()
    assert text.count("withheld</span>") == 2
    assert 'href="/releases/chest/1.0.0/"' in text


def test_an_invited_person_gets_a_link_once_and_a_role(client_of):
    browser = client_of(Role.ADMINISTRATOR)
    response = browser.post(reverse("portal:invite"), {"username": "anna", "role": "curator", "site_code": ""})
    link = re.search(r'<code id="link">(.*?)</code>', response.content.decode()).group(1)
    assert "no-store" in response.headers["Cache-Control"]
    path = "/setup/" + link.rsplit("/setup/", 1)[1]
    person = client_of("anonymous")
    assert "anna" in person.get(path).content.decode()
    wrong = person.post(path, {"password": PASSWORD, "repeated": "something else"})
    assert (wrong.status_code, "The two passwords differ." in wrong.content.decode()) == (422, True)
    weak = person.post(path, {"password": "123", "repeated": "123"})
    assert weak.status_code == 422
    assert person.post(path, {"password": PASSWORD, "repeated": PASSWORD}).headers["Location"] == "/accounts/login/"
    assert person.login(username="anna", password=PASSWORD)
    assert person.get("/curation/").status_code == 200
    used = client_of("anonymous").get(path)
    assert (used.status_code, "too old" in used.content.decode()) == (404, True)


def test_the_first_administrator_chooses_a_name(db, client_of):
    path = reverse("portal:setup", args=[accounts.issue_setup_link(actor=OPERATOR)])
    client_of("anonymous").post(path, {"username": "root", "password": PASSWORD, "repeated": PASSWORD})
    assert User.objects.get(username="root").role_assignments.get().role == "administrator"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"username": "anna", "role": "site_coordinator", "site_code": ""}, "Choose a site"),
        ({"username": "administrator-all", "role": "curator", "site_code": ""}, "There is an account named"),
        ({"username": "a b", "role": "curator", "site_code": ""}, "Enter a valid username"),
    ],
)
def test_an_invitation_that_cannot_be_is_explained_on_the_form(client_of, values, message):
    response = client_of(Role.ADMINISTRATOR).post(reverse("portal:invite"), values)
    assert (response.status_code, message in response.content.decode()) == (422, True)
    assert not User.objects.filter(username="anna").exists()


def test_roles_are_given_and_taken_and_the_last_administrator_stays(client_of, actor_of):
    browser = client_of(Role.ADMINISTRATOR)
    actor_of(Role.READER)
    browser.post(reverse("portal:person-grant", args=["reader-all"]), {"role": "curator", "site_code": ""})
    browser.post(reverse("portal:person-revoke", args=["reader-all"]), {"role": "reader", "site_code": ""})
    assert list(User.objects.get(username="reader-all").role_assignments.values_list("role", flat=True)) == ["curator"]
    response = browser.post(
        reverse("portal:person-revoke", args=["administrator-all"]), {"role": "administrator"}, follow=True
    )
    assert "This is the last administrator" in response.content.decode()
    text = browser.get("/people/reader-all/").content.decode()
    assert "role.granted" in text


def test_a_closed_account_can_do_nothing(client_of):
    reader = client_of(Role.READER)
    administrator = client_of(Role.ADMINISTRATOR)
    administrator.post(reverse("portal:person-active", args=["reader-all"]), {"is_active": "no"})
    assert reader.get("/account/").headers["Location"].startswith("/accounts/login/")
    administrator.post(reverse("portal:person-active", args=["reader-all"]), {"is_active": "yes"})
    assert User.objects.get(username="reader-all").is_active


def test_guessing_passwords_is_stopped_with_its_own_status(client_of, actor_of):
    actor_of(Role.READER)
    guess = {"login": "reader-all", "password": "wrong"}
    statuses = [client_of("anonymous").post("/accounts/login/", guess).status_code for _ in range(7)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    refused = client_of("anonymous").post("/accounts/login/", guess).content.decode()
    assert "Too many attempts" in refused
    assert "reader-all" not in refused
    # Somebody else is still let in.
    assert client_of("anonymous").post("/accounts/login/", guess | {"login": "another"}).status_code == 200


def test_a_token_is_shown_once_works_and_is_revoked(client_of):
    browser = client_of(Role.CURATOR)
    text = browser.post(reverse("portal:issue-token"), {"name": "notebook"}).content.decode()
    plain = re.search(r'<code id="token">(rcu_.*?)</code>', text).group(1)
    assert plain not in browser.get("/account/").content.decode()
    token = ApiToken.objects.get()
    assert client_of("anonymous").get("/curation/", headers={"Authorization": f"Bearer {plain}"}).status_code == 200
    assert client_of(Role.READER).post(reverse("portal:revoke-token", args=[token.pk])).status_code == 404
    browser.post(reverse("portal:revoke-token", args=[token.pk]))
    assert client_of("anonymous").get("/curation/", headers={"Authorization": f"Bearer {plain}"}).status_code == 401


def test_the_audit_page_is_filtered_by_its_address(client_of, actor_of):
    browser = client_of(Role.ADMINISTRATOR)
    actor_of(Role.READER)
    page = browser.get("/audit/?action=role.granted&object_id=reader").context["page"]
    assert [(event.action, event.object_id) for event in page.object_list] == [("role.granted", "reader-all")]
    assert browser.get("/audit/?actor=nobody").context["page"].paginator.count == 0
    assert browser.get("/audit/?until=2001-01-01").context["page"].paginator.count == 0
    assert browser.get("/audit/?since=2001-01-01").context["page"].paginator.count == AuditEvent.objects.count()
    # The last day there is.
    everything = AuditEvent.objects.count()
    assert browser.get("/audit/?until=9999-12-31").context["page"].paginator.count == everything


def test_the_audit_page_names_the_filter_that_cannot_be_used(client_of):
    browser = client_of(Role.ADMINISTRATOR)
    misdated = browser.get("/audit/?since=yesterday").content.decode()
    assert "From: This is no date. Write it as 2026-01-31." in misdated
    assert "No event matches" not in misdated
    misnamed = browser.get("/audit/?actor=%00").content.decode()
    assert "Who: Null characters are not allowed." in misnamed
    assert "This is no date" not in misnamed


def test_the_audit_page_says_whether_the_log_is_intact(transactional_db, client_of):
    browser = client_of(Role.ADMINISTRATOR)
    assert "The log is intact." in browser.get("/audit/?verify=1").content.decode()


@pytest.mark.parametrize("path", ["/people/", "/audit/", "/people/reader-all/"])
def test_pages_of_administrators_are_closed_to_others(client_of, path):
    assert client_of(Role.READER).get(path).status_code == 403
    assert client_of("anonymous").get(path).status_code == 302


def test_error_pages_say_what_to_do_and_nothing_of_the_inside(client_of):
    missing = client_of("anonymous").get("/nowhere/")
    assert (missing.status_code, "The address may be mistyped" in missing.content.decode()) == (404, True)
    closed = client_of(Role.READER).get("/audit/").content.decode()
    assert "This is not open to your account" in closed
    assert closed.count("Your account may not do this") == 1
    assert "Traceback" not in closed


def test_nobody_can_make_an_account_alone(client_of):
    assert "Accounts are made by invitation" in client_of("anonymous").get("/accounts/signup/").content.decode()


def test_a_page_of_somebody_signed_in_stays_in_no_browser_and_no_proxy(client_of):
    assert "no-store" not in client_of("anonymous").get("/about/").headers.get("Cache-Control", "")
    for address in ("/", "/about/", "/nowhere/"):
        assert client_of("curator").get(address).headers["Cache-Control"] == "private, no-store", address
