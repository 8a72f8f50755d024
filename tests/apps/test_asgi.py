import asyncio
import json
import os
import subprocess
import sys

import httpx
import pytest
from django.conf import settings as django_settings

from radcommons.apps.asgi import application
from radcommons.apps.static_files import static_files


def _answer(address: str, *, host: str = "localhost", method: str = "GET", accept: str = "*/*") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as visitor:
            return await visitor.request(method, address, headers={"Accept": accept})

    return asyncio.run(ask())


def _headers(address: str, *, host: str = "localhost") -> httpx.Headers:
    return _answer(address, host=host).headers


@pytest.mark.parametrize(
    "address",
    [
        "/releases/chest-ct/%00/",
        "/api/v1/releases/%00",
        "/catalog/?modality=%00",
        "/dicom-web/releases/chest-ct/1.0.0/studies?PatientName=%00",
        "/viewer/s/%00/viewer",
    ],
)
def test_an_address_with_a_nul_byte_is_refused_before_any_room_sees_it(address: str) -> None:
    assert _answer(address).status_code == 400


NOWHERE = (
    "/files/nothing",
    "/nbia-api/nothing",
    "/ga4gh/drs/v1/nothing",
    "/static/nothing.css",
    "/dicom-web/nothing",
    "/viewer/nothing",
)


@pytest.mark.parametrize("address", NOWHERE)
def test_programs_are_told_in_json_that_there_is_nothing(address: str) -> None:
    answer = _answer(address)

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith(("application/json", "application/problem+json"))
    assert answer.json()["code"] == "platform.not-found"
    assert answer.json()["message"]


@pytest.mark.parametrize("address", [*NOWHERE[:4], "/viewer/nothing"])
def test_people_are_shown_a_page_where_there_is_nothing(address: str) -> None:
    answer = _answer(address, accept="text/html,*/*;q=0.8")

    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src" in answer.headers["content-security-policy"]
    assert "<a " in answer.text


def test_a_method_that_an_address_does_not_take_is_refused_in_json_with_those_that_it_takes() -> None:
    answer = _answer("/files/releases/any/1.0.0/file", method="DELETE")

    assert answer.status_code == 405
    assert answer.json()["code"] == "platform.method-not-allowed"
    assert "GET" in answer.headers["allow"]


# What decodes, draws pages and compares drawings is for limited processes and the worker; the web process has no memory for it.
NOT_LOADED = (
    *("radcommons.server.archive.pixel_work", "radcommons.server.intake.inspection", "radcommons.dicom.pixels"),
    *("radcommons.deid.verify", "imagecodecs", "pypdfium2", "scipy.ndimage", "scipy.optimize", "highdicom", "duckdb"),
    "gdcm",
)
LOADED = f"""
import sys
from radcommons.apps import bootstrap
from radcommons.apps.run.__main__ import leave_out
leave_out("web")
bootstrap.setup()
from django.urls import get_resolver
from radcommons.apps import asgi
get_resolver().url_patterns
print(*(name for name in {NOT_LOADED} if sys.modules.get(name)))
"""


def test_the_web_process_holds_nothing_that_decodes_or_compares(tmp_path):
    environment = os.environ | {"RADCOMMONS_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == []


ASKED = """
import asyncio, json
import httpx
from radcommons.apps import bootstrap
bootstrap.setup()
from radcommons.apps.asgi import application

async def ask():
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as visitor:
        for address in (
            "/dicom-web/curation/studies",
            "/files/releases/chest-ct/1.0.0/manifest.json",
            "/nbia-api/services/v4/getCollectionValues",
            "/ga4gh/drs/v1/objects/of-nobody",
        ):
            answer = await visitor.get(address, headers={"Authorization": "Bearer of-nobody"})
            print(json.dumps([answer.status_code, answer.json()["code"], answer.headers["Retry-After"]]))

asyncio.run(ask())
"""


def test_while_the_database_does_not_answer_programs_are_told_to_come_again(tmp_path):
    # Nobody listens there.
    address = {"RADCOMMONS_DATA": str(tmp_path), "RADCOMMONS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    done = subprocess.run(
        [sys.executable, "-c", ASKED], env=os.environ | address, capture_output=True, text=True, check=True, timeout=120
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == [[503, "platform.database-unavailable", "30"]] * 4
    assert "127.0.0.1" not in done.stderr


async def _heads(scope: dict[str, object]) -> list[dict[str, object]]:
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await application({"headers": [(b"host", b"localhost")], "query_string": b"", **scope}, receive, send)
    return sent


def test_a_websocket_is_refused_and_not_left_to_fail() -> None:
    assert asyncio.run(_heads({"type": "websocket", "path": "/"})) == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        *(
            (path, "localhost")
            for path in ("/static/none", "/files/", "/nbia-api/", "/viewer/none", "/ga4gh/drs/v1/none")
        ),
        ("/", "evil.example"),
        ("/%00", "localhost"),
    ],
)
def test_answers_from_beside_django_say_what_a_browser_may_do_with_them(address: str, host: str) -> None:
    headers = _headers(address, host=host)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.django_db(transaction=True)
def test_a_page_of_django_keeps_its_own_policy_and_has_no_header_twice() -> None:
    headers = _headers("/nowhere-at-all/")
    for name in ("Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy"):
        assert len(headers.get_list(name)) == 1, name
    assert "style-src 'self'" in headers["Content-Security-Policy"]


def test_a_script_gets_no_policy_under_which_its_worker_could_do_nothing() -> None:
    script = next(path for path in static_files() if path.endswith("reading/worker.js"))
    headers = _headers(f"{django_settings.STATIC_URL}{script}")
    assert headers["Content-Type"].startswith("text/javascript")
    assert "Content-Security-Policy" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"
