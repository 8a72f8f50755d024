"""Pages of reports, documents, key objects, presentation states and plain objects; what they may not do."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from tests.support import objects_to_look_at as made

from radcommons.dicom.instance import describe_file
from radcommons.server.archive.services.storing import store_instance
from radcommons.server.platform.policy import Actor
from radcommons.server.sites import services as sites

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
    assert "Download the document" in page(curator, made.PDF)
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
    assert 'id="sheet"' in page(curator, made.CT, "sheet/")
    stranger = client_of("researcher")
    for rest in ("", "header/", "sheet/", "document/"):
        assert stranger.get(f"/view/curation/{made.STUDY}/{made.PDF}/{rest}").status_code == 404
    assert curator.get(f"/view/curation/{made.STUDY}/{made.CT}/header/?instance={made.PDF}.1").status_code == 404
