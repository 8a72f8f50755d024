"""Serving OHIF: files, caching, the page of a scope, and what is said when it is not installed."""

import asyncio
import gzip
from pathlib import Path

import httpx
import pytest

from radcommons.server.portal.viewer import ohif, serve
from radcommons.server.portal.viewer.ohif import Installation, files_folder

STUDY = "2.25.123456789"
SCRIPT = "app.bundle.0123456789abcdef.js"


class Visitor:
    """Asks the application without a network."""

    def __init__(self, directory: Path) -> None:
        self.transport = httpx.ASGITransport(serve.viewer_app(directory))

    def get(self, path: str, **options: object) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.transport, base_url="http://127.0.0.1") as client:
                return await client.get(path, **options)

        return asyncio.run(ask())


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    dist = files_folder(tmp_path)
    (dist / "customizations").mkdir(parents=True)
    (dist / "index.html").write_text("<html>viewer</html>")
    (dist / SCRIPT).write_text("plain")
    (dist / f"{SCRIPT}.gz").write_bytes(gzip.compress(b"plain"))
    (dist / "1602.css").write_text("a{}")
    (dist / "codec.wasm").write_bytes(b"\0asm")
    (tmp_path / "secret.txt").write_text("outside")
    found = Installation(ohif.VERSION, 3, 10, ("sha256-abc=",))
    monkeypatch.setattr(serve, "installed", lambda _: found)
    return Visitor(tmp_path)


@pytest.mark.parametrize("scope", ["releases/covid19/1.0.0", "curation", "batches/0af3"])
def test_the_page_answers_inside_every_scope_with_its_own_policy(installed: Visitor, scope: str) -> None:
    answer = installed.get(f"/s/{scope}/viewer?StudyInstanceUIDs={STUDY}")
    assert answer.status_code == 200
    assert answer.text == "<html>viewer</html>"
    assert "'sha256-abc='" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/s/releases/covid19/1.0.0/elsewhere", "/s//viewer", "/s/a b/viewer", "/s/../viewer"])
def test_an_address_outside_any_scope_is_no_page(installed: Visitor, path: str) -> None:
    assert installed.get(path).status_code == 404


def test_compressed_files_are_sent_to_who_takes_them_and_hashed_names_are_kept(installed: Visitor) -> None:
    answer = installed.get(f"/{SCRIPT}", headers={"Accept-Encoding": "gzip"})
    assert answer.text == "plain"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    plain = installed.get(f"/{SCRIPT}", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert installed.get("/codec.wasm").headers["content-type"] == "application/wasm"


def test_other_names_are_asked_for_again_and_unchanged_files_are_not_sent_twice(installed: Visitor) -> None:
    first = installed.get("/1602.css")
    assert first.headers["cache-control"] == "no-cache"
    again = installed.get("/1602.css", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/customizations",
        "/none.js",
        "/nul%00.js",
        f"/{'long' * 1000}.js",
    ],
)
def test_nothing_outside_the_viewer_is_served(installed: Visitor, path: str) -> None:
    answer = installed.get(path)
    assert answer.status_code == 404
    assert "outside" not in answer.text


def test_the_configuration_is_ours_and_names_no_other_host(installed: Visitor) -> None:
    answer = installed.get("/app-config.js")
    assert answer.headers["cache-control"] == "no-cache"
    assert "/dicom-web/${scope}" in answer.text
    assert "://" not in answer.text


A_PERSON = {"Accept": "text/html,*/*;q=0.8"}


def test_without_ohif_the_page_leads_to_the_reading_page(tmp_path: Path) -> None:
    client = Visitor(tmp_path / "nothing")
    answer = client.get(f"/s/releases/covid19/1.0.0/viewer?StudyInstanceUIDs={STUDY}", headers=A_PERSON)
    assert answer.status_code == 404
    assert f'href="/view/releases/covid19/1.0.0/studies/{STUDY}/"' in answer.text
    assert "radcommons viewer install" in answer.text
    assert '<nav class="rc-nav"' in answer.text
    assert "script-src 'self';" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("accept", ["application/json", "*/*"])
@pytest.mark.parametrize("address", ["/", "/s/curation/viewer"])
def test_without_ohif_programs_are_told_so_in_json(tmp_path: Path, address: str, accept: str) -> None:
    answer = Visitor(tmp_path / "nothing").get(address, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert answer.json()["code"] == "viewer.not-installed"


def test_without_ohif_markup_in_the_address_stays_out_of_the_page(tmp_path: Path) -> None:
    client = Visitor(tmp_path / "nothing")
    address = {"StudyInstanceUIDs": "<script>alert(1)</script>"}
    assert "alert" not in client.get("/s/curation/viewer", params=address, headers=A_PERSON).text


def test_the_front_page_says_that_ohif_is_there(installed: Visitor) -> None:
    assert "opens from the page of a study" in installed.get("/", headers=A_PERSON).text


def test_the_front_page_says_that_ohif_is_not_there(tmp_path: Path) -> None:
    assert "is not installed" in Visitor(tmp_path / "nothing").get("/", headers=A_PERSON).text


def test_the_modules_of_a_reading_task_are_given_out_and_nothing_beside_them(installed: Visitor) -> None:
    assert installed.get(f"/s/tasks/0af3/reading?StudyInstanceUIDs={STUDY}").text == "<html>viewer</html>"
    for name in ("extension", "mode", "panel", "keeper", "labelmaps"):
        module = installed.get(f"/reading/{name}.js")
        assert (module.status_code, module.headers["content-type"].split(";")[0]) == (200, "text/javascript")
    assert installed.get("/reading/other.js").status_code == 404
    assert installed.get("/reading/..%2Fapp_config.js").status_code == 404
    assert '"/viewer/reading/mode.js"' in installed.get("/app-config.js").text
