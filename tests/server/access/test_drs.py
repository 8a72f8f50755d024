"""GA4GH DRS 1.5: objects, bundles, access, bulk; checked against the fields that the specification requires."""

import hashlib
from datetime import datetime

import httpx
import pytest
from tests.support.batches import uid
from tests.support.published import DRAFT, RECALLED, SLUG, series_uid

from radcommons.server.access.drs import app as drs
from radcommons.server.access.drs import objects
from radcommons.server.access.indexes.bucket import Bucket
from radcommons.server.archive.models import Instance

ROOT = "/ga4gh/drs/v1"
BUNDLE = f"{SLUG}~1.1.0"


@pytest.fixture
def drs_get(ask):
    def get(address, status=200, **query):
        response = ask.get(f"{ROOT}/{address}", params=query)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/json"
        return response.json()

    return get


def digests(study):
    rows = Instance.objects.filter(series__series_instance_uid=series_uid(study)).order_by("instance_number")
    return list(rows.values_list("sha256", flat=True))


def joined(checksums):
    return hashlib.sha256("".join(sorted(checksums)).encode()).hexdigest()


def test_the_service_says_what_it_is(drs_get):
    info = drs_get("service-info")
    assert info["type"] == {"group": "org.ga4gh", "artifact": "drs", "version": "1.5.0"}
    assert {"id", "name", "organization", "version", "maxBulkRequestLength", "drs"} <= info.keys()
    assert info["drs"]["objectCount"] == 3 + 7 + 7


def test_an_instance_is_an_object_under_its_digest(drs_get, ask, published):
    (sha256, *_) = digests("one")
    found = drs_get(f"objects/{sha256}")
    assert {"id", "self_uri", "size", "created_time", "checksums", "access_methods"} <= found.keys()
    assert datetime.fromisoformat(found["created_time"]).tzinfo is not None
    assert found["self_uri"].startswith("drs://")
    assert found["checksums"] == [{"checksum": sha256, "type": "sha-256"}]
    (method,) = found["access_methods"]
    assert (method["type"], drs_get(f"objects/{sha256}/access/{method['access_id']}")) == (
        "https",
        method["access_url"],
    )
    body = ask.get(httpx.URL(method["access_url"]["url"]).path).content
    assert (hashlib.sha256(body).hexdigest(), len(body)) == (sha256, found["size"])


def test_a_version_leads_down_to_its_files(drs_get):
    version = drs_get(f"objects/{BUNDLE}")
    assert "access_methods" not in version
    assert {entry["name"] for entry in version["contents"]} == {uid("study", "one"), uid("study", "two")}
    study = drs_get(f"objects/{BUNDLE}~study~{uid('study', 'two')}")
    assert len(study["contents"]) == 3
    series = drs_get(f"objects/{BUNDLE}~series~{series_uid('two')}")
    assert [entry["id"] for entry in series["contents"]] == digests("two")
    assert all(entry["drs_uri"][0].endswith(entry["id"]) for entry in series["contents"])


def test_the_checksum_of_a_bundle_follows_from_its_contents(drs_get):
    def checksum(object_id):
        return drs_get(f"objects/{object_id}")["checksums"][0]["checksum"]

    assert checksum(f"{BUNDLE}~series~{series_uid('one')}") == joined(digests("one"))
    for bundle in (BUNDLE, f"{BUNDLE}~study~{uid('study', 'two')}"):
        contents = drs_get(f"objects/{bundle}")["contents"]
        assert checksum(bundle) == joined(checksum(entry["id"]) for entry in contents)


def test_the_checksum_of_a_series_follows_from_the_bytes_that_are_sent_for_it(drs_get, ask):
    bundle = drs_get(f"objects/{BUNDLE}~series~{series_uid('one')}")
    found = []
    for entry in bundle["contents"]:
        (method,) = drs_get(f"objects/{entry['id']}")["access_methods"]
        body = ask.get(httpx.URL(method["access_url"]["url"]).path).content
        found.append(hashlib.sha256(body).hexdigest())
        half = ask.get(httpx.URL(method["access_url"]["url"]).path, headers={"range": f"bytes={len(body) // 2}-"})
        assert (half.status_code, half.content) == (206, body[len(body) // 2 :])
    assert bundle["checksums"] == [{"checksum": joined(found), "type": "sha-256"}]


def test_the_size_of_a_bundle_is_that_of_its_files(drs_get, published):
    assert drs_get(f"objects/{BUNDLE}")["size"] == published.releases["1.1.0"].size_bytes
    studies = drs_get(f"objects/{BUNDLE}")["contents"]
    assert sum(drs_get(f"objects/{entry['id']}")["size"] for entry in studies) == published.releases["1.1.0"].size_bytes


def test_a_bundle_is_expanded_when_asked(drs_get, monkeypatch):
    whole = drs_get(f"objects/{SLUG}~1.0.0", expand="true")
    ((study,), leaves) = whole["contents"], whole["contents"][0]["contents"][0]["contents"]
    assert study["name"] == uid("study", "one")
    assert [leaf["id"] for leaf in leaves] == digests("one")
    monkeypatch.setattr(objects, "MOST_EXPANDED", 2)
    assert drs_get(f"objects/{SLUG}~1.0.0", 400, expand="true")["status_code"] == 400


@pytest.mark.parametrize(
    "object_id",
    [
        "f" * 64,
        f"{DRAFT}~1.0.0",
        f"{SLUG}~latest",
        f"{SLUG}~1.0.0~instance~1.2",
        f"{SLUG}~1.0.0~study~1.2",
        SLUG,
        "x~y~z",
    ],
)
def test_what_is_not_published_is_not_found(drs_get, object_id):
    problem = drs_get(f"objects/{object_id}", 404)
    assert (problem["status_code"], set(problem)) == (404, {"msg", "status_code"})


def test_what_was_withdrawn_is_gone(drs_get):
    (sha256, *_) = digests("gone")
    for object_id in (sha256, f"{RECALLED}~1.0.0", f"{RECALLED}~1.0.0~series~{series_uid('gone')}"):
        assert "withdrew consent" in drs_get(f"objects/{object_id}", 410)["msg"]
    # What another version still holds is served.
    assert drs_get(f"objects/{digests('one')[0]}")["version"] == "1.2.0"


def test_many_are_asked_for_at_once(ask):
    first, second = digests("one")[:2]
    body = {"bulk_object_ids": [first, BUNDLE, "f" * 64, digests("gone")[0]]}
    found = ask.post(f"{ROOT}/objects", json=body).json()
    assert found["summary"] == {"requested": 4, "resolved": 2, "unresolved": 2}
    assert [entry["error_code"] for entry in found["unresolved_drs_objects"]] == [404, 410]
    assert [each["id"] for each in found["resolved_drs_object"]] == [first, BUNDLE]
    pairs = [{"bulk_object_id": first, "bulk_access_ids": ["https", "s3"]}, {"bulk_object_id": second}, 7]
    found = ask.post(f"{ROOT}/objects/access", json={"bulk_object_access_ids": pairs}).json()
    assert found["summary"] == {"requested": 2, "resolved": 1, "unresolved": 1}
    assert found["resolved_drs_object_access_urls"][0]["url"].endswith(f"{first}.dcm")


def test_too_many_and_broken_bodies_are_refused(ask):
    many = {"bulk_object_ids": ["f" * 64] * (drs.MOST_AT_ONCE + 1)}
    assert ask.post(f"{ROOT}/objects", json=many).status_code == 400
    pairs = [{"bulk_object_id": "f" * 64, "bulk_access_ids": ["https"] * 150}] * 2
    assert ask.post(f"{ROOT}/objects/access", json={"bulk_object_access_ids": pairs}).status_code == 400
    for body in (b"{", b"[]", b" " * (drs.MOST_BODY_BYTES + 1)):
        assert ask.post(f"{ROOT}/objects", content=body).status_code == 400
    assert ask.post(f"{ROOT}/objects", json={"bulk_object_ids": "x"}).json()["summary"]["requested"] == 0
    found = ask.post(f"{ROOT}/objects", json={"bulk_object_ids": ["a\0~1.0.0", "a~1.0.0~study~\0"]}).json()
    assert found["unresolved_drs_objects"] == [{"error_code": 404, "object_ids": ["a\0~1.0.0", "a~1.0.0~study~\0"]}]


def test_no_passport_is_needed_and_one_does_no_harm(ask):
    (sha256, *_) = digests("one")
    told = ask("OPTIONS", f"{ROOT}/objects/{sha256}").json()
    assert told == {"drs_object_id": sha256, "supported_types": ["None"]}
    assert ask("OPTIONS", f"{ROOT}/objects/{'f' * 64}").status_code == 404
    assert ask.post(f"{ROOT}/objects/{sha256}", json={"passports": ["x"]}).json()["id"] == sha256


def test_a_bucket_is_another_way_to_the_bytes(drs_get, monkeypatch):
    monkeypatch.setattr(objects, "bucket", lambda: Bucket("images", "centre"))
    (sha256, *_) = digests("one")
    methods = drs_get(f"objects/{sha256}")["access_methods"]
    assert [method["type"] for method in methods] == ["https", "s3"]
    assert methods[1]["access_url"] == {"url": f"s3://images/centre/instances/{sha256[:2]}/{sha256}.dcm"}
