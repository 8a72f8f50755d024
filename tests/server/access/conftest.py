"""Published versions for the reading tests of a module, and a program that asks the real application."""

import asyncio

import httpx
import pytest
from tests.support.published import published as made

from radcommons.apps import asgi


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
