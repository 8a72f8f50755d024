"""Every door to what is published, with credentials that are no good any more, and after the version was withdrawn."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone
from tests.conftest import SYSTEM
from tests.support.batches import uid
from tests.support.published import SLUG, series_uid
from tests.support.published import published as made
from tests.support.releases import ACTOR

from radcommons.apps import asgi
from radcommons.server.archive.dicomweb.fast_path import REMEMBERED_S
from radcommons.server.archive.models import Instance
from radcommons.server.platform import accounts
from radcommons.server.platform.models import ApiToken
from radcommons.server.platform.policy import Role
from radcommons.server.platform.read_pool import database_conninfo
from radcommons.server.releases import services

# What is to be seen by the application is committed, in threads; the connection of the test itself sees only its own.
pytestmark = pytest.mark.django_db
VERSION = "1.0.0"
STUDY = f"studies/{uid('study', 'one')}"
SERIES = f"{STUDY}/series/{series_uid('one')}"
WEB = f"/dicom-web/releases/{SLUG}/{VERSION}"
FILES = f"/files/releases/{SLUG}/{VERSION}"


@pytest.fixture(scope="module")
def doors(django_db_setup, django_db_blocker, tmp_path_factory):
    """Addresses of everything that is published of study one, and the versions to withdraw."""
    with django_db_blocker.unblock(), made(tmp_path_factory.mktemp("doors")) as found:
        instance = Instance.objects.filter(series__series_instance_uid=series_uid("one")).order_by("sop_instance_uid")[
            0
        ]
        place = f"{WEB}/{SERIES}/instances/{instance.sop_instance_uid}"
        one = f"SeriesInstanceUID={series_uid('one')}"
        yield (
            found,
            [
                f"{WEB}/studies",
                f"{WEB}/{STUDY}/series",
                f"{WEB}/{SERIES}/instances",
                f"{WEB}/{STUDY}",
                f"{WEB}/{SERIES}/metadata",
                f"{WEB}/{SERIES}/thumbnail",
                f"{WEB}/{SERIES}/rendered",
                place,
                f"{place}/metadata",
                f"{place}/frames/1",
                f"{place}/rendered",
                f"{place}/thumbnail",
                f"{FILES}/release.json",
                f"{FILES}/instances/{instance.sha256}.dcm",
                f"{FILES}/lists/idc_index.parquet",
                f"{FILES}/tables/series.parquet",
                f"/ga4gh/drs/v1/objects/{instance.sha256}",
                f"/ga4gh/drs/v1/objects/{instance.sha256}/access/https",
                f"/ga4gh/drs/v1/objects/{SLUG}~{VERSION}",
                f"/nbia-api/services/v1/getImage?{one}",
                f"/nbia-api/services/v1/getSeries?{one}",
                f"/nbia-api/services/v4/getSeriesSize?{one}",
                f"/nbia-api/services/v2/getSOPInstanceUIDs?{one}",
                f"/nbia-api/services/v1/getSingleImage?{one}&SOPInstanceUID={instance.sop_instance_uid}",
                "/api/v1/releases",
                f"/api/v1/releases/{SLUG}/{VERSION}",
            ],
        )


@asynccontextmanager
async def centre():
    """The whole application as it runs, with all that it remembers of who was let in."""
    async with (
        asgi.fast_path.running(database_conninfo()),
        httpx.AsyncClient(transport=httpx.ASGITransport(asgi.application), base_url="http://testserver") as client,
    ):
        yield client


async def statuses(client, addresses, **more):
    return {address: (await client.get(address, **more)).status_code for address in addresses}


async def until_refused(client, token):
    """Wait until the process has heard that a token is no good any more, which takes moments and never more than seconds."""
    async with asyncio.timeout(REMEMBERED_S + 10):
        while (await client.get(f"{WEB}/studies", headers={"Authorization": f"Bearer {token}"})).status_code != 401:
            continue


async def account_with_tokens(name, role, *tokens):
    def make():
        user = accounts.create_account(name, actor=SYSTEM, password="a long enough sentence")
        accounts.grant_role(name, role, actor=SYSTEM)
        return user, *(accounts.issue_api_token(user, token, actor=SYSTEM) for token in tokens)

    return await asyncio.to_thread(make)


def test_no_door_opens_for_a_token_that_is_expired_revoked_of_a_closed_account_or_none(doors):
    _, addresses = doors

    async def ask():
        user, good, revoked, expired = await account_with_tokens("doors", Role.RESEARCHER, "good", "revoked", "expired")

        def end():
            accounts.revoke_api_token(ApiToken.objects.get(name="revoked").pk, user=user, actor=SYSTEM)
            ApiToken.objects.filter(name="expired").update(expires_at=timezone.now() - timedelta(seconds=1))

        async with centre() as client:
            for token in (good, revoked, expired):
                found = await statuses(client, addresses, headers={"Authorization": f"Bearer {token}"})
                assert {each for each, status in found.items() if status != 200} == set()
            await asyncio.to_thread(end)
            for bad in (revoked, expired, "nbia-guest-and-more"):
                await until_refused(client, bad)
                found = await statuses(client, addresses, headers={"Authorization": f"Bearer {bad}"})
                assert {each for each, status in found.items() if status != 401} == set()
            await asyncio.to_thread(accounts.set_active, "doors", actor=SYSTEM, is_active=False)
            await until_refused(client, good)
            found = await statuses(client, addresses, headers={"Authorization": f"Bearer {good}"})
            assert {each for each, status in found.items() if status != 401} == set()

    asyncio.run(ask())


def test_a_token_in_an_address_opens_nothing_that_is_closed(doors):
    closed = "/dicom-web/curation/studies"

    async def ask():
        _, token = await account_with_tokens("curious", Role.CURATOR, "one")
        async with centre() as client:
            with_header = await client.get(closed, headers={"Authorization": f"Bearer {token}"})
            assert with_header.status_code in {200, 204}
            for name in ("access_token", "token", "authorization", "api_key"):
                assert (await client.get(closed, params={name: token})).status_code in {401, 403, 404}

    asyncio.run(ask())


def test_every_door_to_a_withdrawn_version_is_shut_also_for_who_was_let_in_a_moment_ago(doors):
    found, addresses = doors
    ours = [each for each in addresses if each != "/api/v1/releases"]

    async def ask():
        async with centre() as client:
            before = await statuses(client, ours)
            assert set(before.values()) == {200}, before
            presigned = f"{FILES}/addresses"
            assert (await client.post(presigned, json={"sha256": []})).status_code == 200
            for release in found.releases.values():
                await asyncio.to_thread(services.withdraw, release.pk, reason="A name was found.", actor=ACTOR)
            after = await statuses(client, ours)
            assert (await client.post(presigned, json={"sha256": []})).status_code == 410
            # NBIA's programs know no other word for it than an empty or a bad answer.
            assert {status for address, status in after.items() if "/nbia-api/" not in address} <= {404, 410}, after
            for address in ours:
                answer = await client.get(address)
                assert b"DICM" not in answer.content, address
                assert "max-age" not in answer.headers.get("cache-control", ""), address

    asyncio.run(ask())
