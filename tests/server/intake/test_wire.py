"""The wire of the intake against the real application under uvicorn."""

from pathlib import Path

import httpx
import pytest

from radcommons.server.archive.models import Instance
from radcommons.server.intake import staging
from radcommons.server.intake.models import Batch
from radcommons.transfer.sender import send_batch
from tests.support.batches import MadeBatch, make_batch, make_site, make_token, write_instance


def _batch(folder: Path, count: int = 3) -> MadeBatch:
    return make_batch([write_instance(folder / f"{number}.dcm", number=number) for number in range(1, count + 1)])


def _client(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=f"{url}/api/v1/intake", headers={"Authorization": f"Bearer {token}"})


def _open(client: httpx.Client, made: MadeBatch) -> httpx.Response:
    return client.post("/batches", content=made.manifest.canonical_bytes)


def test_a_batch_sent_by_the_real_sender_is_verified_and_stored(live_server_url, run_worker, tmp_path):
    token = make_token(make_site())
    made = _batch(tmp_path)
    result = send_batch(made.manifest, made.paths, url=live_server_url, token=token)
    assert (result.state, result.sent) == ("sealed", 3)
    run_worker()
    with _client(live_server_url, token) as client:
        answer = client.get(f"/batches/{made.manifest.batch_id}").json()
    assert answer["state"] == "verified", answer
    assert answer["counts"]["stored"] == 3
    assert {study["state"] for study in answer["studies"]} == {"in_curation"}
    assert Instance.objects.filter(state="stored").count() == 3
    assert not staging.folder_of(made.manifest.batch_id).exists()
