"""The download client and DICOMweb on a real server, before a grant, under it, and after it was revoked."""

import time
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone
from tests.support.reading import person
from tests.support.releases import ACTOR, clear_study, frozen_cohort, signed_site, store_study, wish

from radcommons.client.download import Wish, download
from radcommons.client.errors import RemoteError
from radcommons.client.verify import verify_folder
from radcommons.dicom.errors import Kind
from radcommons.server.platform import accounts
from radcommons.server.platform.models import User
from radcommons.server.platform.policy import Role
from radcommons.server.releases import services

DEADLINE_S = 60


def test_a_token_opens_a_restricted_version_until_the_grant_is_revoked(live_server_url, tmp_path):
    clear_study(store_study(tmp_path / "files", signed_site(), "one"))
    draft = services.draft(wish(terms="Tell nobody."), frozen_cohort(), actor=ACTOR)
    release = services.publish(draft.pk, actor=ACTOR)
    person("ada", Role.RESEARCHER)
    ada = User.objects.get(username="ada")
    token = accounts.issue_api_token(ada, "notebook", actor=ACTOR)
    anonymous = Wish(name="chest-ct@1.0.0", url=live_server_url, first_wait_s=0.001)
    with_token = Wish(name="chest-ct@1.0.0", url=live_server_url, token=token, first_wait_s=0.001)
    for asked, kind in ((anonymous, Kind.UNAUTHENTICATED), (with_token, Kind.FORBIDDEN)):
        with pytest.raises(RemoteError) as refused:
            download(asked, tmp_path / "refused")
        assert refused.value.kind is kind
        assert "restricted" in refused.value.message
    grant = services.admit_reader(release, ada, until=timezone.localdate() + timedelta(days=1), actor=ACTOR)
    copy = tmp_path / "copy"
    assert download(with_token, copy).is_complete
    assert verify_folder(copy).is_ok
    assert (copy / "DATA-USE-TERMS.txt").read_text() == "Tell nobody.\n"
    assert not [path for path in copy.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]

    def status(headers):
        address = f"{live_server_url}/dicom-web/releases/chest-ct/1.0.0/studies"
        return httpx.get(address, headers=headers, timeout=DEADLINE_S).status_code

    bearer = {"Authorization": f"Bearer {token}"}
    # The second time from what the process remembers of the admission.
    assert [status(bearer), status(bearer), status({})] == [200, 200, 401]
    services.dismiss_reader(grant.pk, reason="Left.", actor=ACTOR)
    until = time.monotonic() + DEADLINE_S
    while status(bearer) == 200 and time.monotonic() < until:
        time.sleep(0.02)
    assert status(bearer) == 404
    with pytest.raises(RemoteError):
        download(with_token, tmp_path / "again")
