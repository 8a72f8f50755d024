"""The curators' pages, through the real routes."""

import pytest
from django.urls import reverse
from tests.support.studies import store_study

from radcommons.server.archive.models import Instance
from radcommons.server.curation import services
from radcommons.server.curation.models import Case
from radcommons.server.curation.scopes import curation_scope
from radcommons.server.platform.errors import ForbiddenError, UnauthenticatedError
from radcommons.server.platform.policy import Actor, Role

pytestmark = pytest.mark.usefixtures("tmp_store")


@pytest.fixture
def studies(db, tmp_path):
    found = {
        "ct": store_study(tmp_path, "ct", slices=6, SeriesDescription="Thorax 1.0", StudyDescription="CT chest"),
        "cr": store_study(tmp_path, "cr", site="BETA", Modality="CR", PatientAge="011Y", SeriesDescription="PA"),
    }
    for study in found.values():
        services.open_case(study)
    return found


@pytest.fixture
def browser(client_of):
    return client_of(Role.CURATOR)


def subjects(response):
    return {row.case.study.subject.subject_id for row in response.context["queue"].rows}


def test_the_queue_shows_open_studies_with_a_picture_and_their_counts(studies, browser):
    response = browser.get("/curation/")
    text = response.content.decode()
    assert subjects(response) == {"S-ct", "S-cr"}
    assert f"/dicom-web/curation/studies/{studies['ct']}/series/" in text
    assert "1 warning" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("site=BETA", {"S-cr"}),
        ("modality=CT", {"S-ct"}),
        ("code=curation.age-under-18", {"S-cr"}),
        ("severity=warning", {"S-cr"}),
        ("severity=nonsense", {"S-ct", "S-cr"}),
        ("text=s-CT", {"S-ct"}),
        ("attribute=SeriesDescription&value=PA", {"S-cr"}),
        ("attribute=PatientID&value=PA", {"S-ct", "S-cr"}),
        ("state=held", set()),
        ("state=&page=99", {"S-ct", "S-cr"}),
    ],
)
def test_the_address_of_the_queue_holds_its_filter(studies, browser, query, expected):
    assert subjects(browser.get(f"/curation/?{query}")) == expected


def test_an_empty_queue_says_what_will_fill_it(db, browser):
    assert "Nothing has arrived yet" in browser.get("/curation/").content.decode()


def test_a_study_page_offers_the_decisions_of_its_state_and_the_next_study(studies, browser):
    address = reverse("curation:study", args=[studies["ct"]])
    text = browser.get(address).content.decode()
    assert text.index("<h2>Pictures</h2>") < text.index("<h2>Facts</h2>")
    assert all(f'data-decide="{verb}"' in text for verb in ("clear", "hold", "return", "reject"))
    response = browser.post(reverse("curation:decide", args=[studies["ct"], "clear"]), follow=True)
    text = response.content.decode()
    assert "Cleared. The study goes on to the catalog." in text
    assert 'data-decide="hold"' in text
    assert 'data-decide="clear"' not in text


def test_a_refused_decision_comes_back_with_its_dialog_open(studies, browser):
    response = browser.post(reverse("curation:decide", args=[studies["ct"], "reject"]), {"reason": " "})
    assert response.headers["Location"].endswith("?decide=reject")
    text = browser.get(response.headers["Location"]).content.decode()
    assert "give a reason" in text
    assert 'aria-labelledby="decide-reject-title" open' in text


def test_nothing_is_decided_by_following_a_link(studies, browser):
    assert browser.get(reverse("curation:decide", args=[studies["ct"], "reject"])).status_code == 405
    assert set(Case.objects.values_list("state", flat=True)) == {"open"}


def test_an_administrator_may_look_but_not_decide(studies, client_of):
    administrator = client_of(Role.ADMINISTRATOR)
    text = administrator.get(reverse("curation:study", args=[studies["ct"]])).content.decode()
    assert "data-decide" not in text
    assert administrator.post(reverse("curation:decide", args=[studies["ct"], "clear"])).status_code == 403


def test_selected_studies_are_cleared_and_the_rest_is_named(studies, browser):
    services.reject(studies["cr"], actor=Actor.system("tests"), reason="No.")
    address = reverse("curation:clear-selected")
    response = browser.post(address, {"study": list(studies.values()), "back": "/curation/?site=ALPHA"}, follow=True)
    assert response.redirect_chain[0][0] == "/curation/?site=ALPHA"
    text = response.content.decode()
    assert "1 of 2 selected studies cleared." in text
    assert "curation.decision-not-possible (1)" in text


def test_the_way_back_never_leads_elsewhere(studies, browser):
    for back in ("https://example.org/", "//example.org/", "javascript:alert(1)"):
        response = browser.post(reverse("curation:clear-selected"), {"back": back})
        assert response.headers["Location"] == "/curation/"


def test_every_value_stands_once_with_its_counts(studies, browser):
    page = browser.get("/curation/values/?attribute=SeriesDescription").context["page"]
    assert [(item.value, item.study_count, item.series_count) for item in page.object_list] == [
        ("PA", 1, 1),
        ("Thorax 1.0", 1, 1),
    ]
    assert browser.get("/curation/values/?attribute=PatientName").status_code == 404


def test_curators_see_all_but_the_rejected_over_dicomweb(studies, actor_of):
    services.reject(studies["cr"], actor=Actor.system("tests"), reason="No.")
    scope = curation_scope("curation", actor_of(Role.CURATOR))
    assert scope.instances.count() == Instance.objects.count() - 1
    assert not scope.is_immutable
    with pytest.raises(UnauthenticatedError):
        curation_scope("curation", Actor.anonymous())
    with pytest.raises(ForbiddenError):
        curation_scope("curation", actor_of(Role.RESEARCHER))


def test_a_study_page_says_what_the_site_knew_of_writing_in_pictures(studies, browser):
    instances = Instance.objects.filter(series__study__study_instance_uid=studies["ct"]).order_by("pk")
    instances.update(pixel_text="approved")
    Instance.objects.filter(pk=instances.first().pk).update(pixel_text="redacted")

    page = browser.get(reverse("curation:study", args=[studies["ct"]]))

    assert page.context["page"].series[0].pixel_text == (("approved", 5), ("redacted", 1))
    assert "5 approved, 1 redacted" in page.content.decode()
