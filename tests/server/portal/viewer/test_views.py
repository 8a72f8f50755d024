"""Who may open the reading page, and on what."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from tests.browser import phantoms

from radcommons.dicom.instance import describe_file
from radcommons.server.archive.services.storing import store_instance
from radcommons.server.platform.policy import Actor
from radcommons.server.portal.viewer.views import ohif_url
from radcommons.server.sites import services as sites

SERIES = f"/view/curation/{phantoms.STUDY}/{phantoms.CT}/"
SYSTEM = Actor.system("tests")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stored(tmp_store: object, tmp_path: Path) -> None:
    """The first slice of the phantom CT."""
    path = phantoms.write_study(tmp_path)[0]
    description, _ = describe_file(path)
    assert description is not None
    site = sites.add_site("ALPHA", name="Alpha Hospital", country="BE", actor=SYSTEM)
    store_instance(description, path, site=site, project="covid19", actor=SYSTEM)


def test_a_curator_opens_a_series_and_the_page_names_its_roots(stored: None, client_of: Callable[..., Client]) -> None:
    answer = client_of("curator").get(SERIES)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert 'data-dicomweb-root="/dicom-web/curation"' in page
    assert f'data-series="{phantoms.CT}"' in page
    assert (
        f"/viewer/s/curation/viewer?StudyInstanceUIDs={phantoms.STUDY}&amp;initialSeriesInstanceUID={phantoms.CT}"
        in page
    )
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]


def test_a_study_opens_without_naming_a_series(stored: None, client_of: Callable[..., Client]) -> None:
    answer = client_of("curator").get(f"/view/curation/studies/{phantoms.STUDY}/")
    assert answer.status_code == 200
    assert 'data-series=""' in answer.content.decode()


@pytest.mark.parametrize("role", ["anonymous", "researcher", None])
def test_nobody_else_learns_whether_the_series_exists(
    stored: None, client_of: Callable[..., Client], role: str | None
) -> None:
    client = client_of(role)
    there, absent = client.get(SERIES), client.get(f"/view/curation/{phantoms.STUDY}/2.25.999/")
    assert there.status_code == absent.status_code
    assert there.status_code in {302, 404}


@pytest.mark.parametrize(
    "path",
    [
        f"/view/curation/{phantoms.STUDY}/2.25.999/",
        f"/view/curation/2.25.999/{phantoms.CT}/",
        f"/view/releases/none/1.0.0/{phantoms.STUDY}/{phantoms.CT}/",
        f"/view/releases/none/1.0.0/studies/{phantoms.STUDY}/",
        f"/view/curation/studies/2.25.{'9' * 70}/",
        "/view/curation/studies/2.25.01/",
    ],
)
def test_what_is_not_in_the_scope_is_not_found(stored: None, client_of: Callable[..., Client], path: str) -> None:
    assert client_of("curator").get(path).status_code == 404


def test_ohif_opens_on_the_scope_of_the_study(stored: None, client_of: Callable[..., Client]) -> None:
    answer = client_of("curator").get(f"/view/curation/studies/{phantoms.STUDY}/ohif/")
    assert answer.status_code == 302
    assert answer.headers["Location"] == ohif_url("curation", phantoms.STUDY)


def test_a_version_in_the_scope_is_not_taken_for_a_study() -> None:
    assert (
        ohif_url("releases/covid19/1.0.0", "2.25.1")
        == "/viewer/s/releases/covid19/1.0.0/viewer?StudyInstanceUIDs=2.25.1"
    )
