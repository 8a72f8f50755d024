"""Fixtures: a release of ten files, and a repository that serves it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from tests.support.release_server import KEY, Handler, Repository, heading, release_rows

from radcommons.server.releases.folder import build
from radcommons.transfer.release.attestation import public_key_pem


@pytest.fixture
def contents():
    return [bytes([65 + number]) * (300_000 + number) for number in range(10)]


@pytest.fixture
def release_folder(tmp_path, contents):
    folder = tmp_path / "server"
    folder.mkdir()
    build(folder, heading(), release_rows(contents), KEY)
    (folder / "signing-key.pem").write_bytes(public_key_pem(KEY.public_key()))
    citation = b"The test hospital (2026): Chest CT."
    (folder / "CITATION.txt").write_bytes(citation)
    records = [
        {"path": "CITATION.txt", "sha256": hashlib.sha256(citation).hexdigest(), "size_bytes": len(citation)},
    ]
    (folder / "status.json").write_text(json.dumps({"records": records}))
    (folder / "instances").mkdir()
    for content in contents:
        (folder / "instances" / f"{hashlib.sha256(content).hexdigest()}.dcm").write_bytes(content)
    return folder


@pytest.fixture
def repository(release_folder) -> Iterator[Repository]:
    state = Repository(release_folder)
    handler = type("Bound", (Handler,), {"repository": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()
