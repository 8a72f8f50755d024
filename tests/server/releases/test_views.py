import json
import re

import pytest
from django.urls import reverse
from tests.support.releases import (
    ACTOR,
    clear_study,
    frozen_cohort,
    publish,
    signed_site,
    store_study,
    studies_in,
    wish,
)

from radcommons.server.releases import services
from radcommons.server.releases.models import Release, ReleaseState

pytestmark = pytest.mark.usefixtures("db", "tmp_store")


def page(client, url, status=200):
    response = client.get(url)
    assert response.status_code == status, response.content[:500]
    return response.content.decode()


def drafted(tmp_path):
    clear_study(store_study(tmp_path, signed_site(), "one"))
    return services.draft(wish(), frozen_cohort(), actor=ACTOR)


def test_an_empty_repository_says_so(client):
    assert "Nothing is published yet" in page(client, "/releases/")


def test_anybody_reads_a_published_version(client, tmp_path):
    release = publish(tmp_path)
    study = studies_in(release)[0]
    assert "/releases/chest-ct/1.0.0/" in page(client, "/releases/")
    assert "1.0.0" in page(client, "/releases/chest-ct/")
    landing = page(client, "/releases/chest-ct/1.0.0/")
    assert "radcommons download chest-ct@1.0.0" in landing
    assert release.root_hash in landing
    assert f"/dicom-web/releases/chest-ct/1.0.0/studies/{study}/thumbnail" in landing
    assert f"/releases/chest-ct/1.0.0/studies/{study}/" in page(client, "/releases/chest-ct/1.0.0/studies/")
    reading = page(client, f"/releases/chest-ct/1.0.0/studies/{study}/")
    assert f"/view/releases/chest-ct/1.0.0/{study}/" in reading
    assert reverse("viewer:ohif", args=["releases/chest-ct/1.0.0", study]) in reading


def test_the_landing_page_describes_itself_to_machines(client, tmp_path):
    clear_study(store_study(tmp_path, signed_site(), "one"))
    sly = services.draft(wish(title="</script><script>alert(1)</script>"), frozen_cohort(), actor=ACTOR)
    services.publish(sly.pk, actor=ACTOR)
    landing = page(client, "/releases/chest-ct/1.0.0/")
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', landing, re.DOTALL)
    assert json.loads(blocks[0])["alternateName"] == "</script><script>alert(1)</script>"
    assert "<script>alert" not in landing


def test_latest_leads_to_a_number(client, tmp_path):
    publish(tmp_path)
    assert client.get("/releases/chest-ct/latest/").headers["location"] == "/releases/chest-ct/1.0.0/"


def test_without_a_cohort_the_way_to_one_is_shown_instead_of_a_form(client_of):
    shown = page(client_of("release_manager"), "/releases/new/")
    assert "No cohort yet" in shown
    assert '<form class="rc-form"' not in shown


def test_a_draft_does_not_exist_outside(client, client_of, tmp_path):
    release = drafted(tmp_path)
    study = studies_in(release)[0]
    for role in ("anonymous", "researcher", "curator", "release_manager"):
        browser = client_of(role)
        for url in (
            "/releases/chest-ct/",
            "/releases/chest-ct/1.0.0/",
            "/releases/chest-ct/1.0.0/studies/",
            f"/releases/chest-ct/1.0.0/studies/{study}/",
        ):
            assert browser.get(url).status_code == 404
    assert "chest-ct" not in page(client, "/releases/")
    assert client.get(f"/releases/drafts/{release.pk}/").status_code == 302
    assert client_of("curator").get(f"/releases/drafts/{release.pk}/").status_code in {403, 404}
    assert "chest-ct" in page(client_of("administrator"), f"/releases/drafts/{release.pk}/")


def test_a_release_manager_drafts_checks_and_publishes(client_of, tmp_path):
    clear_study(store_study(tmp_path, signed_site(), "one"))
    cohort = frozen_cohort()
    browser = client_of("release_manager")
    assert f'value="{cohort.pk}" selected' in page(browser, f"/releases/new/?cohort={cohort.pk}")
    fields = {"cohort": cohort.pk, "slug": "chest-ct", "version": "1.0.0", "title": "Chest", "licence": "CC-BY-4.0"}
    response = browser.post("/releases/new/", fields)
    assert response.status_code == 302
    release = Release.objects.get()
    assert response.headers["location"] == f"/releases/drafts/{release.pk}/"
    assert "Publish for good" in page(browser, f"/releases/drafts/{release.pk}/")
    assert "chest-ct" in page(browser, "/releases/drafts/")
    response = browser.post(f"/releases/drafts/{release.pk}/publish/", follow=True)
    assert response.redirect_chain[-1][0] == "/releases/chest-ct/1.0.0/"
    assert Release.objects.get().published_by == "user:release_manager-all"


def test_a_form_with_faults_says_which(client_of, tmp_path):
    clear_study(store_study(tmp_path, signed_site(), "one"))
    fields = {
        "cohort": frozen_cohort().pk,
        "slug": "Chest CT",
        "version": "1",
        "title": "Chest",
        "licence": "CC-BY-4.0",
    }
    response = client_of("release_manager").post("/releases/new/", fields)
    assert response.status_code == 422
    assert b"short name" in response.content
    assert not Release.objects.exists()


def test_a_draft_with_errors_lists_them_and_is_not_published(client_of, tmp_path):
    clear_study(store_study(tmp_path, signed_site(), "one"))
    release = services.draft(wish(licence="CC0-1.0"), frozen_cohort(), actor=ACTOR)
    browser = client_of("release_manager")
    browser.post(f"/releases/drafts/{release.pk}/publish/")
    text = page(browser, f"/releases/drafts/{release.pk}/")
    assert "releases.licence-too-free" in text
    assert "Publish for good" not in text
    assert Release.objects.get().state == ReleaseState.DRAFT


def test_a_draft_is_discarded(client_of, tmp_path):
    release = drafted(tmp_path)
    response = client_of("release_manager").post(f"/releases/drafts/{release.pk}/discard/")
    assert response.headers["location"] == "/releases/drafts/"
    assert not Release.objects.exists()


def test_only_release_managers_act(client_of, tmp_path):
    release = drafted(tmp_path)
    for role in ("administrator", "curator", "researcher", "anonymous"):
        for verb in ("check", "publish", "discard", "withdraw"):
            client_of(role).post(f"/releases/drafts/{release.pk}/{verb}/", {"reason": "x"})
    assert Release.objects.get().state == ReleaseState.DRAFT


def test_acting_takes_a_post(client_of, tmp_path):
    release = drafted(tmp_path)
    assert client_of("release_manager").get(f"/releases/drafts/{release.pk}/publish/").status_code == 405


def test_a_withdrawn_version_shows_its_tombstone(client, client_of, tmp_path):
    release = publish(tmp_path)
    client_of("release_manager").post(f"/releases/drafts/{release.pk}/withdraw/", {"reason": "A name was found."})
    tombstone = page(client, "/releases/chest-ct/1.0.0/", status=410)
    assert "A name was found." in tombstone
    assert "thumbnail" not in tombstone
    assert 'data-copy="citation"' in tombstone
    assert f"<dt>Instances</dt><dd>{release.instances}</dd>" in tombstone
    page(client, "/releases/chest-ct/1.0.0/studies/", status=410)
    assert "A name was found." in page(client, "/releases/chest-ct/")
    assert "chest-ct" not in page(client, "/releases/")
