"""A release root as a researcher's programs use it: nobody signed in, the real application, dicomweb-client."""

import hashlib

import httpx
import pytest
from dicomweb_client.api import DICOMwebClient
from requests.exceptions import HTTPError
from tests.support.releases import ACTOR, frozen_cohort, publish, studies_in, wish

from radcommons.server.releases import services


@pytest.fixture
def release(live_server_url, tmp_path):
    return publish(tmp_path)


@pytest.fixture
def client(release, live_server_url) -> DICOMwebClient:
    return DICOMwebClient(f"{live_server_url}/dicom-web/releases/{release.slug}/{release.version}")


def test_a_visitor_searches_and_reads_all_levels(client, release):
    studies = client.search_for_studies()
    assert sorted(study["0020000D"]["Value"][0] for study in studies) == studies_in(release)
    uid = studies_in(release)[0]
    series = client.search_for_series(uid)[0]["0020000E"]["Value"][0]
    instances = client.search_for_instances(uid, series)
    metadata = client.retrieve_series_metadata(uid, series)
    assert len(instances) == len(metadata) == 2
    sop = instances[0]["00080018"]["Value"][0]
    whole = client.retrieve_instance(uid, series, sop)
    assert whole.SOPInstanceUID == sop
    (frame,) = client.retrieve_instance_frames(uid, series, sop, frame_numbers=[1])
    assert frame == whole.PixelData[: len(frame)]
    assert len(client.retrieve_series(uid, series)) == 2
    assert client.retrieve_instance_rendered(uid, series, sop).startswith(b"\xff\xd8")


def test_every_byte_served_verifies_against_the_manifest(client, release, live_server_url):
    for sha256 in release.members.values_list("instance__sha256", flat=True):
        body = httpx.get(f"{live_server_url}/files/releases/{release.slug}/{release.version}/instances/{sha256}.dcm")
        assert hashlib.sha256(body.content).hexdigest() == sha256
    for dataset in client.retrieve_study(studies_in(release)[0]):
        assert dataset.PatientIdentityRemoved == "YES"


def test_a_draft_and_a_withdrawn_version_answer_nobody(client, release, live_server_url):
    services.draft(wish("2.0.0"), frozen_cohort("second"), actor=ACTOR)
    draft = DICOMwebClient(f"{live_server_url}/dicom-web/releases/{release.slug}/2.0.0")
    with pytest.raises(HTTPError, match="404"):
        draft.search_for_studies()
    services.withdraw(release.pk, reason="A subject withdrew consent.", actor=ACTOR)
    with pytest.raises(HTTPError, match=r"4(04|10)"):
        client.search_for_studies()
