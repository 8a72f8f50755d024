"""The pages on which people ask for a restricted version and managers decide, in a browser: no breach, no wide page."""

from collections.abc import Callable

from playwright.sync_api import Page
from tests.browser.test_accessibility import SIGNATURE, SYSTEM, breaches
from tests.support.releases import clear_study, frozen_cohort, wish

from radcommons.server.releases import services as releases
from radcommons.server.sites import services as sites
from radcommons.server.sites.models import Site

TERMS = "1. Tell nobody who the patients are, and do not try to find out.\n\n2. Delete every copy when access ends."


def test_from_the_question_to_the_answer_no_page_has_a_breach(
    open_page: Callable[..., Page], client_of: Callable[..., object], stored_study: str
) -> None:
    sites.sign_agreement(Site.objects.get(), SIGNATURE, actor=SYSTEM)
    clear_study(stored_study)
    described = {"title": "Chest CT of patients with COVID-19", "description": "Non-contrast CT.", "terms": TERMS}
    release = releases.publish(releases.draft(wish(**described), frozen_cohort(), actor=SYSTEM).pk, actor=SYSTEM)
    base = f"/releases/{release.slug}/{release.version}/"
    manager, asker = client_of("release_manager"), client_of("researcher")
    views = [{"color_scheme": "light"}, {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}]

    def look(client: object, *paths: str) -> None:
        # By turns light and wide, dark and narrow.
        view = views[0]
        views.reverse()
        page = open_page(client, **view)
        for path in paths:
            assert page.goto(path).status == 200, path
            assert breaches(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        page.context.close()

    look(None, base, f"/releases/{release.slug}/")
    look(asker, f"{base}access/")
    page = open_page(asker)
    page.goto(base)
    page.get_by_role("link", name="Ask for access").click()
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Institution").fill("University of Elsewhere")
    page.get_by_label("What you want the data for").fill("To train a model of the extent of pneumonia.")
    page.get_by_label("I have read the terms").check()
    page.get_by_role("button", name="Ask for access").click()
    page.get_by_text("a release manager will decide").wait_for()
    asked = release.access_requests.get()
    look(manager, "/access/requests/", f"/access/requests/{asked.pk}/")
    page = open_page(manager)
    page.goto(f"/access/requests/{asked.pk}/")
    page.get_by_role("button", name="Grant access").click()
    page.get_by_text("Access is granted.").wait_for()
    look(manager, f"/access/requests/{asked.pk}/", "/releases/new/")
    look(asker, "/access/", f"{base}access/")
