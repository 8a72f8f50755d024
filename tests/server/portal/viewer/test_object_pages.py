"""Pages of reports, documents, key objects, presentation states and plain objects; what they may not do."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from tests.support import objects_to_look_at as made
from tests.support.made_pdf import pdf

from radcommons.dicom.instance import describe_file
from radcommons.server.archive.services.storing import store_instance
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.settings import settings
from radcommons.server.sites import services as sites
from radcommons.server.sites.models import Site

SYSTEM = Actor.system("tests")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def curator(tmp_store: object, tmp_path: Path, client_of: Callable[..., Client]) -> Client:
    """A curator before a study with one object of each kind."""
    site = sites.add_site("ALPHA", name="Alpha Hospital", country="BE", actor=SYSTEM)
    for dataset in (*made.slices(), made.report(), made.ecg(), *made.others()):
        path = made.write(dataset, tmp_path)
        description, findings = describe_file(path)
        assert description is not None, findings
        store_instance(description, path, site=site, project="covid19", actor=SYSTEM)
    return client_of("curator")


def page(client: Client, series: str, rest: str = "") -> str:
    answer = client.get(f"/view/curation/{made.STUDY}/{series}/{rest}")
    assert answer.status_code == 200
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]
    return answer.content.decode()


def test_each_series_opens_in_the_view_of_its_kind(curator: Client) -> None:
    report = page(curator, made.REPORT)
    assert "&lt;b&gt;Consolidation&lt;/b&gt; &amp; effusion" in report
    assert '24.3 <span class="rv-unit">mm</span>' in report
    assert f'href="/view/curation/{made.STUDY}/{made.CT}/?instance={made.CT}.2"' in report
    assert "an object outside this collection" in report

    keys = page(curator, made.KEYS)
    assert "For Teaching" in keys
    assert f"/series/{made.CT}/instances/{made.CT}.1/thumbnail" in keys

    state = page(curator, made.STATE)
    assert "width 1500" in state
    assert "Wide window" in state
    assert f"?instance={made.CT}.3" in state

    assert "Boost" in page(curator, made.PLAN)
    assert 'id="curves"' in page(curator, made.ECG)
    assert 'id="stage"' in page(curator, made.CT)
    for series in (made.REPORT, made.KEYS, made.STATE, made.PLAN, made.ECG, made.PDF):
        assert f'href="/view/curation/{made.STUDY}/{made.CT}/"' in page(curator, series)


def test_a_document_is_downloaded_whole_and_no_browser_runs_it(curator: Client) -> None:
    shown = page(curator, made.PDF)
    assert "Download the document" in shown
    assert f"<dd>{len(made.DOCUMENT)}\N{NARROW NO-BREAK SPACE}bytes</dd>" in shown
    answer = curator.get(f"/view/curation/{made.STUDY}/{made.PDF}/document/")
    assert answer.content == made.DOCUMENT
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert curator.get(f"/view/curation/{made.STUDY}/{made.CT}/document/").status_code == 302


def test_attributes_and_contact_sheets_are_of_the_scope_only(curator: Client, client_of: Callable[..., Client]) -> None:
    header = page(curator, made.CT, f"header/?instance={made.CT}.2")
    assert f"{made.CT}.2" in header
    assert "Rescale Intercept" in header
    sheet = page(curator, made.CT, "sheet/")
    assert 'id="sheet"' in sheet
    for text, view in ((header, "Attributes"), (sheet, "Contact sheet")):
        assert f"<title>{view} · " in text
        assert f"<li>{view}</li>" in text
        assert f'<li><a href="/view/curation/{made.STUDY}/{made.CT}/">' in text
    for series in (made.ECG, made.REPORT, made.PDF, made.PLAN):
        answer = curator.get(f"/view/curation/{made.STUDY}/{series}/sheet/")
        assert answer.headers["Location"] == f"/view/curation/{made.STUDY}/{series}/"
    stranger = client_of("researcher")
    for rest in ("", "header/", "sheet/", "document/"):
        assert stranger.get(f"/view/curation/{made.STUDY}/{made.PDF}/{rest}").status_code == 404
    assert curator.get(f"/view/curation/{made.STUDY}/{made.CT}/header/?instance={made.PDF}.1").status_code == 404


def test_a_document_is_shown_page_by_page_as_pictures_with_its_words(
    curator: Client, tmp_path: Path, client_of: Callable[..., Client]
) -> None:
    document = next(each for each in made.others() if "EncapsulatedDocument" in each)
    document.SeriesInstanceUID, document.SOPInstanceUID = f"{made.PDF}.5", f"{made.PDF}.5.1"
    document.EncapsulatedDocument = pdf("No <b>lesion</b>.", "The second page")
    document.EncapsulatedDocumentLength = len(document.EncapsulatedDocument)
    description, _ = describe_file(path := made.write(document, tmp_path))
    assert description is not None
    store_instance(description, path, site=Site.objects.get(), project="covid19", actor=SYSTEM)

    shown = page(curator, f"{made.PDF}.5")
    assert "2 pages" in shown
    assert "No &lt;b&gt;lesion&lt;/b&gt;." in shown
    address = f"/view/curation/{made.STUDY}/{made.PDF}.5/document/pages"
    assert f'src="{address}/2/?instance={made.PDF}.5.1"' in shown
    picture = curator.get(f"{address}/2/")
    assert picture.content.startswith(b"\x89PNG")
    assert picture.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert {curator.get(f"{address}/{number}/").status_code for number in (0, 3, 999)} == {404}
    assert client_of("reader").get(f"{address}/1/").status_code == 404
    # This one is no PDF in spite of its name.
    assert "cannot be drawn here" in page(curator, made.PDF)


def test_a_document_is_not_called_unreadable_while_the_store_is_away(
    curator: Client, monkeypatch: pytest.MonkeyPatch, s3_credentials: None
) -> None:
    monkeypatch.setenv("RADCOMMONS_OBJECTS_URL", "s3://archive/?endpoint=http%3A%2F%2F127.0.0.1%3A9")
    settings.cache_clear()
    try:
        answer = curator.get(f"/view/curation/{made.STUDY}/{made.PDF}/")
    finally:
        monkeypatch.delenv("RADCOMMONS_OBJECTS_URL")
        settings.cache_clear()
    assert answer.status_code == 503
    assert "Try again in a minute" in answer.content.decode()
