"""Pages of the sites room as a browser gets them."""

import pytest
from tests.support.batches import make_site, make_token

from radcommons.server.sites.models import Agreement, ContributorKey, Site, Survey

pytestmark = pytest.mark.django_db
ANSWERS = {
    "organisation": "St. Elsewhere",
    "country": "BR",
    "contact_name": "Ana",
    "contact_email": "ana@hospital.example",
    "modalities": ["CT", "XR"],
    "studies_available": "100-999",
    "positive_studies": "<100",
    "clinical_data": ["tests"],
    "annotations": "willing",
    "legal_basis": "ethics-waiver",
}


def test_anybody_may_answer_the_survey_and_learns_the_next_step(client_of):
    visitor = client_of("anonymous")
    assert visitor.get("/survey/").status_code == 200
    answer = visitor.post("/survey/", ANSWERS, follow=True)
    assert answer.redirect_chain == [("/survey/thanks/", 302)]
    assert "What comes next" in answer.content.decode()
    assert Survey.objects.get().modalities == ["CT", "XR"]


def test_an_incomplete_survey_says_what_is_missing_and_keeps_the_answers(client_of):
    answer = client_of("anonymous").post("/survey/", ANSWERS | {"contact_email": "nobody"})
    assert answer.status_code == 422
    assert "St. Elsewhere" in answer.content.decode()
    assert not Survey.objects.exists()


def test_programs_that_fill_in_every_field_leave_nothing(client_of):
    client_of("anonymous").post("/survey/", ANSWERS | {"website": "https://spam.example"})
    assert not Survey.objects.exists()


def test_a_survey_becomes_a_site(client_of):
    client_of("anonymous").post("/survey/", ANSWERS)
    office = client_of("administrator")
    survey = Survey.objects.get()
    assert "St. Elsewhere" in office.get("/sites/surveys/").content.decode()
    assert "ethics" in office.get(f"/sites/surveys/{survey.pk}/").content.decode().lower()
    assert "St. Elsewhere" in office.get(f"/sites/add/?survey={survey.pk}").content.decode()
    values = {"code": "else", "name": "St. Elsewhere", "country": "BR"}
    answer = office.post(f"/sites/add/?survey={survey.pk}", values, follow=True)
    assert answer.status_code == 200
    assert Site.objects.get().code == "ELSE"
    survey.refresh_from_db()
    assert survey.site == Site.objects.get()


@pytest.mark.parametrize("number", ["²", "①", "٣", "-1", "9" * 30, "none"])
def test_a_survey_that_is_none_leaves_the_form_empty(client_of, number):
    assert client_of("administrator").get("/sites/add/", {"survey": number}).status_code == 200


def test_an_agreement_is_recorded_shown_and_revoked(client_of):
    make_site(is_signed=False)
    office = client_of("administrator")
    form = {
        "project": "covid19",
        "licence": "CC-BY-4.0",
        "signatory_name": "Prof. S",
        "signatory_title": "Director",
        "signed_on": "2026-01-01",
    }
    page = office.get("/sites/ALPHA/agreements/sign/")
    assert page.status_code == 200
    text = page.context["form"].fields["text"].queryset.get()
    wrong = office.post("/sites/ALPHA/agreements/sign/", form | {"text": text.pk, "ends_on": "2025-01-01"})
    assert wrong.status_code == 422
    assert office.post("/sites/ALPHA/agreements/sign/", form | {"text": text.pk}).status_code == 302
    row = Agreement.objects.get()
    shown = office.get(f"/sites/ALPHA/agreements/{row.pk}/").content.decode()
    assert "have it checked" in shown.lower() or "counsel" in shown
    assert office.post(f"/sites/ALPHA/agreements/{row.pk}/revoke/", {"reason": ""}, follow=True).status_code == 200
    row.refresh_from_db()
    assert row.revoked_at is None
    office.post(f"/sites/ALPHA/agreements/{row.pk}/revoke/", {"reason": "asked"})
    row.refresh_from_db()
    assert row.revoked_at is not None


def test_a_coordinator_makes_a_key_sees_it_once_and_revokes_it(client_of):
    make_site()
    browser = client_of("site_coordinator", "ALPHA")
    answer = browser.post("/sites/ALPHA/keys/", {"name": "pacs-1"})
    assert "rcs_" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    home = browser.get("/sites/ALPHA/").content.decode()
    assert "pacs-1" in home
    assert "rcs_" not in home
    browser.post(f"/sites/ALPHA/keys/{ContributorKey.objects.get().pk}/revoke/")
    assert ContributorKey.objects.get().revoked_at is not None


def test_a_coordinator_of_one_site_is_led_home_and_another_site_does_not_exist_for_them(client_of):
    make_site("ALPHA")
    beta = make_site("BETA")
    make_token(beta)
    browser = client_of("site_coordinator", "ALPHA")
    assert browser.get("/sites/").headers["Location"] == "/sites/ALPHA/"
    assert browser.get("/sites/ALPHA/").status_code == 200
    key, agreement = ContributorKey.objects.get().pk, Agreement.objects.get(site=beta).pk
    assert browser.get("/sites/BETA/").status_code == 404
    assert browser.get(f"/sites/BETA/agreements/{agreement}/").status_code == 404
    assert browser.get(f"/sites/ALPHA/agreements/{agreement}/").status_code == 404
    assert browser.post("/sites/BETA/keys/", {"name": "x"}).status_code == 404
    assert browser.post(f"/sites/BETA/keys/{key}/revoke/").status_code == 404
    assert browser.post(f"/sites/ALPHA/agreements/{agreement}/revoke/", {"reason": "x"}).status_code == 403


def test_the_list_shows_all_sites_to_curators_with_their_agreements(client_of):
    make_site("ALPHA")
    make_site("BETA", is_signed=False)
    page = client_of("curator").get("/sites/").content.decode()
    assert "in force" in page
    assert "missing" in page
    assert "Add a site" not in page


def test_a_site_can_be_stopped_and_let_send_again(client_of):
    make_site()
    office = client_of("administrator")
    office.post("/sites/ALPHA/active/", {"is_active": "0"})
    assert not Site.objects.get().is_active
    assert "may not send" in office.get("/sites/ALPHA/").content.decode()
    office.post("/sites/ALPHA/active/", {"is_active": "1"})
    assert Site.objects.get().is_active


@pytest.mark.parametrize("role", ["researcher", "reader", "release_manager", None])
def test_others_have_no_business_here(client_of, role):
    make_site()
    browser = client_of(role)
    for page in ("/sites/", "/sites/ALPHA/", "/sites/surveys/", "/sites/add/"):
        assert browser.get(page).status_code == 403
    assert client_of("anonymous").get("/sites/").status_code == 302


def test_a_survey_shows_what_was_sent_as_text_and_in_the_words_of_its_own_questions(client_of):
    nasty = '"><script>alert(1)</script>{{ 7|add:7 }}\u202e'
    texts = dict.fromkeys(("organisation", "contact_name", "contact_role", "period", "legal_notes", "comments"), nasty)
    client_of("anonymous").post(
        "/survey/", ANSWERS | texts | {"studies_available": "unknown", "legal_basis": "unknown"}
    )
    office = client_of("administrator")
    survey = Survey.objects.get()
    for path in ("/sites/surveys/", f"/sites/surveys/{survey.pk}/", f"/sites/add/?survey={survey.pk}"):
        page = office.get(path).content.decode()
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert "\u202e" not in page
    page = office.get(f"/sites/surveys/{survey.pk}/").content.decode()
    assert "<dt>Studies</dt><dd>Not known yet</dd>" in page
    assert "<dt>Legal basis</dt><dd>Not settled yet" in page
