"""Published versions for the reading tests of a module, and a program that asks the real application."""

import asyncio

import httpx
import pytest
from tests.support.published import empty_centre
from tests.support.published import published as made
from tests.support.releases import ACTOR, clear_study, frozen_cohort, signed_site, store_study, wish

from radcommons.apps import asgi
from radcommons.server.releases import services
from radcommons.server.releases.models import Release


class Program:
    """Asks the application as a server would hand it over; what the application raises is an error of the test."""

    def __init__(self, runner):
        self._runner = runner

    def __call__(self, method, address, **more):
        return self._runner.run(self._once(method, address, more))

    async def _once(self, method, address, more):
        transport = httpx.ASGITransport(asgi.application)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return await client.request(method, address, **more)

    def get(self, address, **more):
        return self("GET", address, **more)

    def post(self, address, **more):
        return self("POST", address, **more)


@pytest.fixture(scope="module")
def published(django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock(), made(tmp_path_factory.mktemp("files")) as found:
        yield found


@pytest.fixture
def ask(published, db):
    with asyncio.Runner() as runner:
        yield Program(runner)


@pytest.fixture(scope="module")
def sealed_once(django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock():
        empty_centre()
        clear_study(store_study(tmp_path_factory.mktemp("files"), signed_site(), "one"))
        terms = "Tell nobody who they are.\nDelete it when access ends."
        draft = services.draft(wish(slug="sealed-ct", terms=terms), frozen_cohort("first"), actor=ACTOR)
        yield services.publish(draft.pk, actor=ACTOR).pk
        empty_centre()


@pytest.fixture
def sealed(sealed_once, db):
    """A restricted version of one study; what a test changes of it is undone."""
    return Release.objects.get(pk=sealed_once)


@pytest.fixture
def ask_sealed(sealed):
    """A program of a stranger that knows of the restricted version."""
    with asyncio.Runner() as runner:
        yield Program(runner)
