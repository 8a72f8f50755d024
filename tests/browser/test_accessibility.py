"""No page breaks a rule of WCAG 2.2 A or AA that a machine can check, in light and in dark."""

from collections.abc import Callable
from datetime import date
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from tests.browser import phantoms
from tests.support.releases import clear_study, frozen_cohort, wish

from radcommons.server.archive.models import Series
from radcommons.server.curation import services as curation
from radcommons.server.platform.policy import Actor
from radcommons.server.releases import services as releases
from radcommons.server.sites import services as sites
from radcommons.server.sites.models import Site

SYSTEM = Actor.system("tests")
SIGNATURE = sites.Signature("covid19", "Prof. S. Ignatory", "Director", date(2020, 3, 1), "CC-BY-4.0")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PUBLIC_PAGES = ["/", "/releases/", "/survey/", "/accounts/login/", "/about/", "/viewer/"]
CURATOR_PAGES = ["/curation/", f"/curation/studies/{phantoms.STUDY}/", "/catalog/"]
READING_PAGE = f"/view/curation/{phantoms.STUDY}/{phantoms.CT}/"


def breaches(page: Page) -> list[str]:
    """Rule, help and element of each breach."""
    # The page's own policy forbids the evaluation of strings; axe is a file that the test injects.
    found = Axe().run(page, options={"runOnly": TAGS}).response["violations"]
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_public_pages_have_no_breach(open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    found = {}
    for path in PUBLIC_PAGES:
        answer = page.goto(path)
        assert (answer.status, urlsplit(page.url).path) == (200, path)
        found[path] = breaches(page)
    assert {path: rules for path, rules in found.items() if rules} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_a_curator_have_no_breach(
    open_page: Callable[..., Page], client_of: Callable[..., object], stored_study: str, scheme: str
) -> None:
    curation.open_case(stored_study)
    page = open_page(client_of("curator"), color_scheme=scheme)
    found = {}
    for path in CURATOR_PAGES:
        answer = page.goto(path)
        assert (answer.status, urlsplit(page.url).path) == (200, path)
        found[path] = breaches(page)
    assert {path: rules for path, rules in found.items() if rules} == {}


@pytest.mark.parametrize("width", [390, 1280])
def test_the_audit_log_is_a_table_that_needs_no_scrolling_sideways(
    open_page: Callable[..., Page], client_of: Callable[..., object], stored_study: str, width: int
) -> None:
    curation.open_case(stored_study)
    page = open_page(client_of("administrator"), viewport={"width": width, "height": 844})
    page.goto("/audit/")
    assert page.get_by_role("row").count() == page.locator(".rc-stacked tr").count() > 3
    assert page.evaluate(
        "[...document.querySelectorAll('.rc-scroll')].every((one) => one.scrollWidth <= one.clientWidth)"
    )
    assert breaches(page) == []


def test_the_reading_page_and_its_help_have_no_breach(curator_page: Page) -> None:
    curator_page.goto(READING_PAGE)
    curator_page.wait_for_selector("#stage[data-state=shown]")
    assert breaches(curator_page) == []
    curator_page.keyboard.press("?")
    assert breaches(curator_page) == []


def test_the_reading_page_is_walked_through_in_the_order_it_is_read(curator_page: Page) -> None:
    curator_page.goto(READING_PAGE)
    curator_page.wait_for_selector("#stage[data-state=shown]")
    curator_page.wait_for_selector("#series a")
    order = []
    for _ in range(22):
        curator_page.keyboard.press("Tab")
        order.append(curator_page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert order[0] == "Skip to the image"
    assert order[1] == "back"
    assert order.index("preset") < order.index("invert") < order.index("Measure") < order.index("stage")
    assert order.index("stage") < order.index("slice")


def test_a_long_word_in_a_reason_does_not_widen_a_narrow_page(
    open_page: Callable[..., Page], client_of: Callable[..., object], stored_study: str
) -> None:
    curation.open_case(stored_study)
    curation.hold(stored_study, reason="x" * 400, actor=Actor.system("tests"))
    page = open_page(client_of("curator"), viewport={"width": 390, "height": 844})
    for path in (f"/curation/studies/{stored_study}/", f"/studies/{stored_study}/timeline/"):
        assert page.goto(path).status == 200
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path


def test_the_table_of_series_is_whole_on_a_common_screen(
    open_page: Callable[..., Page], client_of: Callable[..., object], stored_study: str
) -> None:
    Series.objects.update(
        series_description="Thorax native, thin slices",
        manufacturer="SIEMENS",
        manufacturer_model_name="SOMATOM Definition",
    )
    sites.sign_agreement(Site.objects.get(), SIGNATURE, actor=SYSTEM)
    clear_study(stored_study)
    release = releases.publish(releases.draft(wish(), frozen_cohort(), actor=SYSTEM).pk, actor=SYSTEM)
    page = open_page(client_of("curator"))
    for path in (
        f"/curation/studies/{stored_study}/",
        f"/releases/{release.slug}/{release.version}/studies/{stored_study}/",
    ):
        assert page.goto(path).status == 200, path
        table = page.locator(".rc-scroll", has=page.get_by_text("More views"))
        assert table.evaluate("element => element.scrollWidth - element.clientWidth") <= 0, path
