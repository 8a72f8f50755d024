"""Downloads over the real ASGI application."""

import hashlib
import json
from dataclasses import replace

import httpx
import pytest
from click.testing import CliRunner
from django.utils import timezone
from tests.support.releases import ACTOR, clear_study, frozen_cohort, publish, signed_site, store_study, wish

from radcommons.client.commands import download as download_command
from radcommons.client.download import Wish, download
from radcommons.client.errors import RemoteError
from radcommons.client.verify import verify_folder
from radcommons.dicom.errors import Kind
from radcommons.server.access import queries as queries_module
from radcommons.server.access.ledger import flush_counts
from radcommons.server.access.models import DownloadDay
from radcommons.server.access.services import Served, count_downloads
from radcommons.server.archive.dicomweb import intact
from radcommons.server.archive.models import Instance
from radcommons.server.archive.services import verify_objects
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.platform.settings import settings
from radcommons.server.releases import services


@pytest.fixture
def server(live_server_url):
    with httpx.Client(base_url=live_server_url, timeout=60) as client:
        yield client


def address(release, path):
    return f"/files/releases/{release.slug}/{release.version}/{path}"


def test_a_researcher_downloads_and_verifies_a_release(server, tmp_path):
    release = publish(tmp_path / "source")
    outcome = download(Wish("chest-ct@latest", str(server.base_url)), tmp_path / "copy")
    assert outcome.is_complete
    assert outcome.receipt.root_hash == release.root_hash
    assert verify_folder(tmp_path / "copy").is_ok
    originals = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "source").glob("*.dcm")}
    copies = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "copy").rglob("*.dcm")}
    assert copies == originals


def test_a_part_is_chosen_by_the_tables(server, tmp_path):
    publish(tmp_path / "source")
    arguments = ["chest-ct", str(tmp_path / "copy"), "--from", str(server.base_url), "--json"]
    done = CliRunner().invoke(download_command, [*arguments, "--where", "subject_id = 'S-one' AND modality = 'CT'"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["instances"] == 2


def test_core_files_are_cached_for_ever_and_records_asked_for_again(server, tmp_path):
    release = publish(tmp_path)
    core = server.get(address(release, "release.json"))
    assert core.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert core.headers["etag"] == f'"{hashlib.sha256(core.content).hexdigest()}"'
    assert server.get(address(release, "status.json")).headers["cache-control"] == "public, no-cache"
    again = server.get(address(release, "release.json"), headers={"If-None-Match": core.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_an_alias_is_never_cached_for_ever(server, tmp_path):
    release = publish(tmp_path)
    response = server.get(f"/files/releases/{release.slug}/latest/release.json")
    assert response.headers["cache-control"] == "public, no-cache"


def test_a_range_is_a_part_and_a_stale_one_the_whole(server, tmp_path):
    publish(tmp_path)
    instance = Instance.objects.first()
    path = f"/files/releases/chest-ct/1.0.0/instances/{instance.sha256}.dcm"
    whole = server.get(path)
    assert whole.headers["content-type"] == "application/dicom"
    part = server.get(path, headers={"Range": "bytes=100-199", "If-Range": f'"{instance.sha256}"'})
    assert part.status_code == 206
    assert part.content == whole.content[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{instance.size_bytes}"
    assert server.get(path, headers={"Range": "bytes=100-", "If-Range": '"other"'}).status_code == 200
    assert server.get(path, headers={"Range": f"bytes={instance.size_bytes}-"}).status_code == 416
    head = server.head(path)
    assert (head.headers["content-length"], head.content) == (str(instance.size_bytes), b"")


@pytest.mark.parametrize(
    "path",
    [
        "releases/chest-ct/1.0.0/release.json",
        "releases/chest-ct/1.0.0/status.json",
        "releases/chest-ct/latest/release.json",
        "releases/nothing/1.0.0/release.json",
    ],
)
def test_a_draft_does_not_exist(server, tmp_path, path):
    clear_study(store_study(tmp_path, signed_site(), "one"))
    services.draft(wish(), frozen_cohort(), actor=ACTOR)
    assert server.get(f"/files/{path}").status_code == 404


def test_instances_outside_the_release_do_not_exist(server, tmp_path):
    publish(tmp_path, studies=["one"])
    other = store_study(tmp_path, signed_site(), "unreleased")
    sha256 = Instance.objects.filter(series__study__study_instance_uid=other).first().sha256
    for name in (sha256, "0" * 64, "../../secrets/signing", "x"):
        assert server.get(f"/files/releases/chest-ct/1.0.0/instances/{name}.dcm").status_code == 404


def test_a_withdrawn_release_serves_its_tombstone_only(server, tmp_path):
    release = publish(tmp_path)
    sha256 = Instance.objects.first().sha256
    services.withdraw(release.pk, reason="A name was found.", actor=ACTOR)
    for path in ("release.json", "tables/series.parquet", f"instances/{sha256}.dcm"):
        response = server.get(address(release, path))
        assert response.status_code == 410
        assert response.json()["reason"] == "A name was found."
        assert response.headers["cache-control"] == "no-store"
    assert server.get(address(release, "status.json")).json()["state"] == "withdrawn"
    assert server.get("/api/v1/releases/chest-ct/1.0.0").status_code == 410
    with pytest.raises(RemoteError) as caught:
        download(Wish("chest-ct@1.0.0", str(server.base_url)), tmp_path / "copy")
    assert caught.value.kind is Kind.GONE


def test_bytes_lost_on_the_server_make_the_download_fail_loudly(server, tmp_path):
    publish(tmp_path / "source")
    object_store().delete(instance_key(Instance.objects.first().sha256))
    outcome = download(Wish("chest-ct@1.0.0", str(server.base_url), first_wait_s=0.001), tmp_path / "copy")
    assert not outcome.is_complete
    assert outcome.audit.counts["missing"] == 1


def test_the_api_lists_what_is_public(server, tmp_path):
    assert server.get("/api/v1/releases").json() == {"releases": []}
    release = publish(tmp_path)
    listed = server.get("/api/v1/releases").json()["releases"]
    assert [entry["slug"] for entry in listed] == ["chest-ct"]
    one = server.get("/api/v1/releases/chest-ct/latest").json()
    assert one["root_hash"] == release.root_hash
    assert one["manifest"].endswith("/files/releases/chest-ct/1.0.0/release.json")
    assert [v["version"] for v in server.get("/api/v1/releases/chest-ct").json()["versions"]] == ["1.0.0"]
    assert server.get("/api/v1/releases/chest-ct/9.9.9").status_code == 404


def test_downloads_are_counted_without_a_person(server, tmp_path):
    release = publish(tmp_path)
    flush_counts()
    DownloadDay.objects.all().delete()
    for _ in range(3):
        server.get(address(release, "tables/series.parquet"))
    server.head(address(release, "tables/series.parquet"))
    flush_counts()
    size = release.files.get(path="tables/series.parquet").size_bytes
    row = DownloadDay.objects.get()
    assert (row.user_id, row.day) == (0, timezone.localdate())
    assert (row.release_id, row.files, row.size_bytes) == (release.pk, 3, 3 * size)


def test_counts_add_up(db, tmp_store, tmp_path):
    release = publish(tmp_path)
    for _ in range(2):
        count_downloads({(release.pk, 7): Served(2, 10)})
    assert DownloadDay.objects.values_list("files", "size_bytes").get() == (4, 20)


@pytest.fixture
def redirecting(monkeypatch):
    """A centre whose bucket people reach: what is large comes from there."""
    elsewhere = replace(settings(), redirect_bytes=1000)
    monkeypatch.setattr(queries_module, "settings", lambda: elsewhere)


def test_a_large_file_comes_from_the_bucket_under_an_address_for_minutes(s3_objects, server, tmp_path, redirecting):
    release = publish(tmp_path / "source")
    instance = Instance.objects.first()
    path = address(release, f"instances/{instance.sha256}.dcm")
    answer = server.get(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (307, "no-store")
    place = answer.headers["location"]
    assert f"/series/{instance.placed_in.name}/{instance.sha256}.dcm?" in place
    assert "X-Amz-Expires=900" in place
    assert hashlib.sha256(httpx.get(place).content).hexdigest() == instance.sha256
    assert server.head(path).headers["content-length"] == str(instance.size_bytes)
    whole = server.get(path, follow_redirects=True, headers={"Range": "bytes=10-19"})
    assert (whole.status_code, whole.content) == (206, httpx.get(place).content[10:20])
    assert server.get(address(release, "status.json")).status_code == 200


def test_addresses_are_given_for_what_is_published_only(s3_objects, server, tmp_path, redirecting):
    release = publish(tmp_path / "source")
    digests = list(Instance.objects.values_list("sha256", flat=True))
    ask = {"sha256": [*digests, "0" * 64]}
    answer = server.post(address(release, "addresses"), json=ask).json()
    assert sorted(answer["addresses"]) == sorted(digests)
    services.withdraw(release.pk, reason="A subject withdrew consent.", actor=ACTOR)
    assert server.post(address(release, "addresses"), json=ask).status_code == 410
    assert server.get(address(release, f"instances/{digests[0]}.dcm")).status_code == 410


@pytest.mark.parametrize("body", [b"", b"[]", b'{"sha256": "x"}', b'{"sha256": ["../../etc"]}', b"x" * 200_000])
def test_a_question_for_addresses_that_is_none_is_refused(server, tmp_path, body):
    release = publish(tmp_path)
    assert server.post(address(release, "addresses"), content=body).status_code == 422


def test_files_on_a_disk_are_sent_by_the_centre(server, tmp_path, redirecting):
    release = publish(tmp_path)
    sha256 = Instance.objects.first().sha256
    assert server.get(address(release, f"instances/{sha256}.dcm")).status_code == 200
    assert server.post(address(release, "addresses"), json={"sha256": [sha256]}).json()["addresses"] == {}


def test_a_damaged_file_is_refused_and_never_sent(server, tmp_path):
    release = publish(tmp_path)
    instance = Instance.objects.first()
    data = object_store().read(instance_key(instance.sha256))
    object_store().put_bytes(instance_key(instance.sha256), b"\0" * len(data))
    verify_objects(actor=ACTOR)
    place = address(release, f"instances/{instance.sha256}.dcm")
    answer = server.get(place)
    assert (answer.status_code, answer.json()["code"]) == (503, "archive.object-damaged")
    object_store().put_bytes(instance_key(instance.sha256), data)
    verify_objects(actor=ACTOR)
    assert server.get(place).content == data


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-9"}])
def test_a_file_that_was_damaged_since_it_was_stored_is_refused_when_it_is_asked_for(server, tmp_path, headers):
    release = publish(tmp_path)
    sha256 = Instance.objects.first().sha256
    path = object_store().local_path(instance_key(sha256))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    answer = server.get(address(release, f"instances/{sha256}.dcm"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "archive.object-damaged")


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-9"}])
def test_a_file_of_a_version_that_was_damaged_is_refused_and_never_sent(server, tmp_path, headers):
    release = publish(tmp_path)
    table = next(file for file in release.files.all() if file.path.endswith(".parquet"))
    whole = server.get(address(release, table.path))
    assert hashlib.sha256(whole.content).hexdigest() == table.sha256
    object_store().put_bytes(table.object_key, whole.content[:-1] + b"x")
    answer = server.get(address(release, table.path), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "archive.object-damaged")
    object_store().delete(table.object_key)
    assert server.get(address(release, table.path), headers=headers).status_code == 503


def test_no_part_leaves_a_bucket_before_the_whole_was_compared(s3_objects, server, tmp_path, monkeypatch):
    release = publish(tmp_path / "source")
    instance = Instance.objects.first()
    path, key = address(release, f"instances/{instance.sha256}.dcm"), instance_key(instance.sha256)
    content, part = object_store().read(key), {"range": "bytes=10-19"}
    reads = []
    read = intact._digest_of
    monkeypatch.setattr(intact, "_digest_of", lambda key: reads.append(key) or read(key))
    for _ in range(3):
        assert server.get(path, headers=part).content == content[10:20]
    monkeypatch.setattr(intact, "_TAKEN_FOR_S", 0.0)
    assert server.get(path, headers=part).content == content[10:20]
    # The store says that it is the one that was compared.
    assert reads == [key]
    object_store().put_bytes(object_store().where(key), content[:-1] + b"x")
    refused = server.get(path, headers=part)
    assert (refused.status_code, refused.json()["code"]) == (503, "archive.object-damaged")


def test_a_file_of_a_version_in_a_bucket_is_compared_too(s3_objects, server, tmp_path, monkeypatch):
    monkeypatch.setattr(intact, "_TAKEN_FOR_S", 0.0)
    release = publish(tmp_path / "source")
    table = next(file for file in release.files.all() if file.path.endswith(".parquet"))
    whole = server.get(address(release, table.path)).content
    assert server.get(address(release, table.path), headers={"range": "bytes=4-"}).content == whole[4:]
    object_store().put_bytes(table.object_key, whole[:-1] + b"x")
    assert server.get(address(release, table.path), headers={"range": "bytes=4-"}).status_code == 503
