"""What a stranger, and what a known person, may send to pages and the JSON interface."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from radcommons.apps.asgi import application
from radcommons.apps.bodies import STRANGERS_BYTES, BoundedBodies
from radcommons.server.platform.errors import UnauthenticatedError
from radcommons.server.platform.policy import Actor

PIECE = bytes(1 << 16)
KNOWN = Actor.system("tests")


class Counting:
    """Reads a body to its end as Django does, and answers how much came."""

    def __init__(self) -> None:
        self.taken_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async for piece in Request(scope, receive).stream():
                self.taken_bytes += len(piece)
        except ClientDisconnect:
            return
        await PlainTextResponse(str(self.taken_bytes))(scope, receive, send)


def _resolve(request: Request) -> Actor:
    match request.headers.get("authorization"):
        case "known":
            return KNOWN
        case "forged":
            raise UnauthenticatedError
    return Actor.anonymous()


async def _pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield PIECE


def _post(app: ASGIApp, body: bytes | int, *, sender: str = "", path: str = "/survey/") -> httpx.Response:
    """The answer to bytes, or to so many pieces whose number nobody told beforehand."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:
            content = _pieces(body) if isinstance(body, int) else body
            return await client.post(path, content=content, headers={"Authorization": sender} if sender else {})

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/survey/", "/accounts/login/", "/api/v1/annotation/schemas", "/nowhere/"])
def test_a_stranger_sends_no_more_than_a_form_to_the_real_application(path):
    answer = _post(application, bytes(STRANGERS_BYTES + 1), path=path)
    assert (answer.status_code, answer.json()["code"]) == (413, "platform.body-too-large")
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("address", ["/survey/", "/about/?page=%00"])
def test_a_person_whose_request_is_refused_early_sees_a_page_of_the_portal(address):
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post(address, content=bytes(STRANGERS_BYTES + 1), headers={"Accept": "text/html"})

    answer = asyncio.run(ask())
    assert answer.status_code == (400 if "%00" in address else 413)
    assert 'href="/releases/"' in answer.text
    assert "style-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("sender", ["", "forged"])
def test_a_body_of_unknown_length_is_cut_where_it_grows_too_large(sender):
    counting = Counting()
    answer = _post(BoundedBodies(counting, _resolve), 64, sender=sender)
    assert answer.status_code == 413
    assert counting.taken_bytes == STRANGERS_BYTES


def test_a_declared_body_that_is_too_large_reaches_nobody():
    counting = Counting()
    assert _post(BoundedBodies(counting, _resolve), bytes(STRANGERS_BYTES + 1)).status_code == 413
    assert counting.taken_bytes == 0


@pytest.mark.parametrize("body", [64, bytes(64 << 16)])
def test_somebody_known_sends_more_and_is_stopped_at_the_limit_of_the_interface(body, settings):
    assert _post(BoundedBodies(Counting(), _resolve), body, sender="known").text == str(64 << 16)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2 << 20
    assert _post(BoundedBodies(Counting(), _resolve), body, sender="known").status_code == 413


def test_what_a_form_needs_passes_without_asking_who_sends_it():
    def nobody_asks(request: Request) -> Actor:
        raise AssertionError(request.url)

    assert _post(BoundedBodies(Counting(), nobody_asks), bytes(STRANGERS_BYTES)).text == str(STRANGERS_BYTES)
