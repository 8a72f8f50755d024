"""A real browser on the real server, and a study it may look at."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from tests.browser import phantoms

from radcommons.dicom.instance import describe_file
from radcommons.server.archive.services.storing import Offer, store_instances
from radcommons.server.platform.policy import Actor
from radcommons.server.sites import services as sites

# Software rendering, no sandbox (tests run as root in containers), nothing that talks to the network by itself.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
SYSTEM = Actor.system("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs Chromium."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # Static files and upload buffers of Django under ASGI; neither is what these tests look at.
            item.add_marker(pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"))
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or the one that RADCOMMONS_TEST_BROWSER names.

    It ends with its module: while it lives, no other test of this process could run an event loop of its own.
    """
    executable = os.environ.get("RADCOMMONS_TEST_BROWSER") or shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    # Playwright keeps an event loop in this thread, in which Django would refuse to touch the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")


# OHIF says so, as an error, of an image that arrives when its place on the page was given to another one; nobody sees it.
OHIF_WAS_QUICKER = "The stack viewport has been destroyed and is no longer usable"


@dataclass
class Watch:
    """What a page did that it should not do."""

    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def on_console(self, message: ConsoleMessage) -> None:
        """Keep errors, among them every breach of the content security policy."""
        if message.type == "error" and not any(words in message.text for words in self.expected):
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def on_page_error(self, error: object) -> None:
        """Keep errors that nobody caught."""
        if OHIF_WAS_QUICKER not in str(error):
            self.errors.append(str(error))

    def on_request(self, url: str) -> None:
        """Keep every request that leaves this machine."""
        if urlsplit(url).scheme in {"http", "https", "ws", "wss"} and urlsplit(url).hostname != "127.0.0.1":
            self.strangers.append(url)


@pytest.fixture
def watch() -> Watch:
    """Collects console errors and outside requests; the page fixture checks it at the end."""
    return Watch()


@pytest.fixture
def open_page(chromium: Browser, live_server_url: str, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Opens pages as somebody signed in (a Django test client) or as nobody; each is checked when the test ends."""
    contexts = []

    def open_as(client: object = None, **options: object) -> Page:
        context = chromium.new_context(
            base_url=live_server_url, **({"viewport": {"width": 1280, "height": 800}} | options)
        )
        contexts.append(context)
        if client is not None:
            value = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": value, "url": live_server_url}])
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("console", watch.on_console)
        page.on("pageerror", watch.on_page_error)
        page.on("request", lambda request: watch.on_request(request.url))
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert watch.strangers == []
    assert watch.errors == []


@pytest.fixture
def stored_study(live_server_url: str, tmp_path: Path) -> str:
    """The phantom study in the archive, seen through the scope ``curation``."""
    site = sites.add_site("ALPHA", name="Alpha Hospital", country="BE", actor=SYSTEM)
    offers = [Offer(_described(path), path) for path in phantoms.write_study(tmp_path)]
    results = store_instances(offers, site=site, project="covid19", actor=SYSTEM)
    assert {result.outcome.value for result in results} == {"stored"}
    return phantoms.STUDY


def _described(path: Path) -> object:
    description, findings = describe_file(path)
    assert description is not None, findings
    return description


@pytest.fixture
def curator_page(open_page: Callable[..., Page], client_of: Callable[..., object], stored_study: str) -> Page:
    """A page of a curator, who may look at everything that was stored."""
    return open_page(client_of("curator"))
