"""The wire of the intake against the real application under uvicorn."""

import hashlib
import socket
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.support.batches import OPERATOR, MadeBatch, make_batch, make_site, make_token, write_instance

from radcommons.server.archive.models import Instance
from radcommons.server.intake import staging
from radcommons.server.intake.models import Batch, BatchPart
from radcommons.server.platform.models import AuditEvent
from radcommons.server.sites import services as sites
from radcommons.server.sites.models import Agreement
from radcommons.transfer.parts import MEDIA_TYPE, AnnouncedPart, announcement
from radcommons.transfer.sender import send_batch


def _batch(folder: Path, count: int = 3, **more: object) -> MadeBatch:
    paths = [write_instance(folder / f"{number}.dcm", number=number) for number in range(1, count + 1)]
    return make_batch(paths, **more)


def _client(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=f"{url}/api/v1/intake", headers={"Authorization": f"Bearer {token}"}, timeout=60)


def _open(client: httpx.Client, made: MadeBatch) -> httpx.Response:
    return client.post("/batches", content=made.manifest.canonical_bytes)


def _put(client: httpx.Client, made: MadeBatch, sha256: str, data: bytes | None = None) -> httpx.Response:
    content = made.paths[sha256].read_bytes() if data is None else data
    return client.put(f"/batches/{made.manifest.batch_id}/parts/{sha256}", content=content)


def _post(client: httpx.Client, made: MadeBatch, body: bytes) -> httpx.Response:
    headers = {"Content-Type": MEDIA_TYPE}
    return client.post(f"/batches/{made.manifest.batch_id}/parts", content=body, headers=headers)


def _listed(made: MadeBatch, digests: Sequence[str]) -> bytes:
    return announcement([AnnouncedPart(sha256, made.paths[sha256].stat().st_size) for sha256 in digests])


def _bytes(made: MadeBatch, digests: Sequence[str]) -> bytes:
    return b"".join(made.paths[sha256].read_bytes() for sha256 in digests)


def test_a_batch_sent_by_the_real_sender_is_verified_and_stored(live_server_url, run_worker, tmp_path):
    token = make_token(make_site())
    made = _batch(tmp_path)
    result = send_batch(made.manifest, made.paths, envelope=made.envelope, url=live_server_url, token=token)
    assert (result.state, result.sent) == ("sealed", 3)
    assert not list(staging.folder_of(made.manifest.batch_id).glob(".*"))
    run_worker()
    with _client(live_server_url, token) as client:
        answer = client.get(f"/batches/{made.manifest.batch_id}").json()
    assert answer["state"] == "verified", answer
    assert answer["counts"]["stored"] == 3
    assert {study["state"] for study in answer["studies"]} == {"in_curation"}
    assert Instance.objects.filter(state="stored").count() == 3
    assert not staging.folder_of(made.manifest.batch_id).exists()


def test_the_same_batch_sent_again_changes_nothing(live_server_url, run_worker, tmp_path):
    token = make_token(make_site())
    made = _batch(tmp_path)
    send_batch(made.manifest, made.paths, envelope=made.envelope, url=live_server_url, token=token)
    run_worker()
    events = AuditEvent.objects.count()
    again = send_batch(made.manifest, made.paths, envelope=made.envelope, url=live_server_url, token=token)
    run_worker()
    assert (again.sent, again.state) == (0, "verified")
    assert (Batch.objects.count(), Instance.objects.count(), AuditEvent.objects.count()) == (1, 3, events)


def test_parts_that_arrived_are_not_asked_for_again_and_sealing_early_names_the_missing(live_server_url, tmp_path):
    made = _batch(tmp_path)
    first, second, third = sorted(made.paths)
    with _client(live_server_url, make_token(make_site())) as client:
        opened = _open(client, made)
        assert (opened.status_code, sorted(opened.json()["missing"])) == (201, [first, second, third])
        assert _put(client, made, first).status_code == 201
        assert _put(client, made, first).status_code == 200
        sealed = client.post(f"/batches/{made.manifest.batch_id}/seal")
        assert (sealed.status_code, sealed.json()["code"]) == (409, "intake.parts-missing")
        assert sorted(sealed.json()["missing"]) == [second, third]
        again = _open(client, made)
        assert (again.status_code, sorted(again.json()["missing"])) == (200, [second, third])


def test_many_parts_travel_in_one_request_and_a_request_without_them_asks_what_is_missing(live_server_url, tmp_path):
    made = _batch(tmp_path)
    digests = sorted(made.paths)
    with _client(live_server_url, make_token(make_site())) as client:
        assert _open(client, made).json()["parts_media_type"] == MEDIA_TYPE
        sent = _post(client, made, _listed(made, digests[:2]) + _bytes(made, digests[:2]))
        assert (sent.status_code, sent.json()) == (200, {"missing": []})
        assert client.get(f"/batches/{made.manifest.batch_id}").json()["counts"]["waiting"] == 2
        assert _post(client, made, _listed(made, digests)).json() == {"missing": digests[2:]}
        # What was there is read over, what was not is kept.
        assert _post(client, made, _listed(made, digests) + _bytes(made, digests)).json() == {"missing": []}
        assert _open(client, made).json()["missing"] == []
    kept = {path.name: path.read_bytes() for path in staging.folder_of(made.manifest.batch_id).iterdir()}
    assert kept == {sha256: path.read_bytes() for sha256, path in made.paths.items()}


def test_of_a_request_that_breaks_off_the_whole_parts_are_kept_and_nothing_else(live_server_url, tmp_path):
    made, token = _batch(tmp_path), make_token(make_site())
    digests = sorted(made.paths)
    body = _listed(made, digests) + _bytes(made, digests)
    address = urlsplit(live_server_url)
    with _client(live_server_url, token) as client:
        _open(client, made)
        head = f"POST /api/v1/intake/batches/{made.manifest.batch_id}/parts HTTP/1.1\r\nHost: {address.netloc}\r\n"
        head += f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
        wanted, pause, give_up_at = digests[2:], 0.1, time.monotonic() + 90
        while _post(client, made, _listed(made, digests)).json()["missing"] != wanted:
            assert time.monotonic() < give_up_at
            with socket.create_connection((address.hostname, address.port)) as line:
                line.sendall(head.encode() + body[:-1])
                # Pieces are handed over when they are large or the last: here when the connection is cut. Of one that is
                # cut before the server has begun to read it sees nothing, and the sender tries again.
                time.sleep(pause)
            pause *= 2
        folder = staging.folder_of(made.manifest.batch_id)
        while list(folder.glob(".*")):
            assert time.monotonic() < give_up_at
        assert _open(client, made).json()["missing"] == wanted


def test_one_wrong_part_of_a_request_leaves_nothing_behind_and_costs_no_other(live_server_url, tmp_path):
    made = _batch(tmp_path)
    first, second, third = sorted(made.paths)
    wrong = bytes(made.paths[second].stat().st_size)
    with _client(live_server_url, make_token(make_site())) as client:
        _open(client, made)
        body = _listed(made, [first, second, third]) + _bytes(made, [first]) + wrong + _bytes(made, [third])
        answer = _post(client, made, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "intake.digest-mismatch")
        short = _post(client, made, _listed(made, [second, third]) + _bytes(made, [second, third])[:-1])
        assert (short.status_code, short.json()["code"]) == (400, "intake.digest-mismatch")
        assert _post(client, made, _listed(made, [first, second, third])).json() == {"missing": [third]}
    assert not list(staging.folder_of(made.manifest.batch_id).glob(".*"))


def test_a_list_of_parts_that_cannot_be_one_is_refused(live_server_url, tmp_path):
    made = _batch(tmp_path)
    first, second, _ = sorted(made.paths)
    size = made.paths[first].stat().st_size
    good = _listed(made, [first])
    bodies = {
        b"": 422,
        good[:-1]: 422,
        b"X" + good[1:]: 422,
        good[:8] + bytes(4) + good[12:]: 422,
        good[:8] + b"\xff" * 4 + good[12:]: 422,
        _listed(made, [first, first]): 422,
        announcement([AnnouncedPart(first, size + 1)]): 422,
        announcement([AnnouncedPart(first, 2**63)]): 422,
        announcement([AnnouncedPart("0" * 64, 1)]): 404,
        good + _bytes(made, [first]) + b"x": 413,
    }
    with (
        _client(live_server_url, make_token(make_site())) as ours,
        _client(live_server_url, make_token(make_site("BETA"))) as theirs,
    ):
        _open(ours, made)
        assert {body: _post(ours, made, body).status_code for body in bodies} == bodies
        assert _post(theirs, made, _listed(made, [second])).status_code == 404
        assert _post(ours, made, _listed(made, [second])).json() == {"missing": [second]}


def test_bytes_that_are_not_what_was_announced_leave_nothing_behind(live_server_url, tmp_path):
    made = _batch(tmp_path, count=1)
    (sha256,) = made.paths
    size = made.paths[sha256].stat().st_size
    with _client(live_server_url, make_token(make_site())) as client:
        _open(client, made)
        wrong = _put(client, made, sha256, bytes(size))
        assert (wrong.status_code, wrong.json()["code"]) == (400, "intake.digest-mismatch")
        short = _put(client, made, sha256, made.paths[sha256].read_bytes()[:-1])
        assert short.status_code == 400
        long = _put(client, made, sha256, bytes(size + 1))
        assert (long.status_code, long.json()["code"]) == (413, "intake.part-too-large")

        def unannounced():
            yield bytes(size)
            yield b"more"

        chunked = client.put(f"/batches/{made.manifest.batch_id}/parts/{sha256}", content=unannounced())
        assert (chunked.status_code, chunked.json()["code"]) == (400, "intake.digest-mismatch")
    assert list(staging.folder_of(made.manifest.batch_id).iterdir()) == []
    assert BatchPart.objects.get().state == "missing"


def test_a_full_disk_is_said_and_leaves_no_half_file(live_server_url, tmp_path):
    made = make_batch([write_instance(tmp_path / "a.dcm")], size_bytes=10**17)
    (sha256,) = made.paths
    with _client(live_server_url, make_token(make_site())) as client:
        _open(client, made)
        answer = _put(client, made, sha256)
        assert (answer.status_code, answer.json()["code"]) == (507, "intake.disk-full")
        assert list(staging.folder_of(made.manifest.batch_id).iterdir()) == []
        assert client.get(f"/batches/{made.manifest.batch_id}").json()["counts"]["missing"] == 1


def test_without_a_valid_agreement_a_batch_is_refused_with_the_reason(live_server_url, tmp_path):
    site = make_site(is_signed=False)
    made = _batch(tmp_path)
    with _client(live_server_url, make_token(site)) as client:
        missing = _open(client, made)
        assert (missing.status_code, missing.json()["code"]) == (403, "sites.no-valid-agreement")
        assert missing.json()["reason"] == "missing"
        signature = sites.Signature("covid19", "S", "D", date(2020, 1, 1), "CC-BY-4.0", ends_on=date(2020, 12, 31))
        sites.sign_agreement(site, signature, actor=OPERATOR)
        ended = _open(client, made)
        assert (ended.status_code, ended.json()["reason"]) == (403, "ended")
    assert not Batch.objects.exists()


def test_an_agreement_revoked_while_sending_stops_the_sealing(live_server_url, tmp_path):
    made = _batch(tmp_path, count=1)
    with _client(live_server_url, make_token(make_site())) as client:
        _open(client, made)
        _put(client, made, next(iter(made.paths)))
        sites.revoke_agreement(Agreement.objects.get(), reason="asked by the site", actor=OPERATOR)
        answer = client.post(f"/batches/{made.manifest.batch_id}/seal")
        assert (answer.status_code, answer.json()["reason"]) == (403, "revoked")
    assert Batch.objects.get().state == "receiving"


def test_a_key_sends_for_its_own_site_only_and_sees_no_other_batch(live_server_url, tmp_path):
    alpha, beta = make_token(make_site("ALPHA")), make_token(make_site("BETA"))
    made = _batch(tmp_path)
    with _client(live_server_url, alpha) as ours, _client(live_server_url, beta) as theirs:
        foreign = _open(theirs, made)
        assert (foreign.status_code, foreign.json()["code"]) == (403, "intake.wrong-site")
        _open(ours, made)
        assert theirs.get(f"/batches/{made.manifest.batch_id}").status_code == 404
        assert theirs.post(f"/batches/{made.manifest.batch_id}/seal").status_code == 404
        assert _put(theirs, made, next(iter(made.paths))).status_code == 404
        assert ours.get(f"/batches/{made.manifest.batch_id}").json()["state"] == "receiving"


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer rcs_unknown", "Basic abc"])
def test_without_a_good_key_nothing_is_open(live_server_url, tmp_path, token):
    make_site()
    made = _batch(tmp_path, count=1)
    url = f"{live_server_url}/api/v1/intake/batches"
    headers = {"Authorization": token} if token else {}
    answers = [
        httpx.post(url, content=made.manifest.canonical_bytes, headers=headers),
        httpx.put(f"{url}/{made.manifest.batch_id}/parts/{'0' * 64}", content=b"x", headers=headers),
        httpx.post(f"{url}/{made.manifest.batch_id}/parts", content=_listed(made, list(made.paths)), headers=headers),
        httpx.get(f"{url}/{made.manifest.batch_id}", headers=headers),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert all(answer.json()["code"] == "platform.unauthenticated" for answer in answers)


def test_what_is_no_manifest_is_refused(live_server_url):
    with _client(live_server_url, make_token(make_site())) as client:
        for content in (b"", b"{}", b"[" * 100_000, b"\xff\xfe", b'{"schema":"radcommons.batch/1"}'):
            answer = client.post("/batches", content=content)
            assert (answer.status_code, answer.json()["code"]) == (422, "transfer.manifest-invalid")


def test_sizes_beyond_any_disk_are_refused(live_server_url, tmp_path):
    made = make_batch([write_instance(tmp_path / "a.dcm")], size_bytes=2**70)
    with _client(live_server_url, make_token(make_site())) as client:
        answer = _open(client, made)
        assert (answer.status_code, answer.json()["code"]) == (422, "intake.batch-too-large")


def test_a_part_that_no_manifest_names_is_unknown(live_server_url, tmp_path):
    made = _batch(tmp_path, count=1)
    with _client(live_server_url, make_token(make_site())) as client:
        _open(client, made)
        for name in (hashlib.sha256(b"x").hexdigest(), "..%2F..%2Fetc", "x"):
            assert client.put(f"/batches/{made.manifest.batch_id}/parts/{name}", content=b"x").status_code == 404
