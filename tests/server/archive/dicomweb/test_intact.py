"""What is sent is what was received, and what no longer is comes from no door (DESIGN, invariant 2)."""

import asyncio
import base64
import hashlib
import io
import zipfile

import httpx
import pytest
from tests.server.archive.conftest import ACTOR, dicom_file
from tests.server.archive.dicomweb.test_app import raw_parts

from radcommons.dicom.instance import describe_file
from radcommons.server.archive import services, zip_stream
from radcommons.server.archive.dicomweb import intact
from radcommons.server.archive.dicomweb.app import dicomweb_app
from radcommons.server.archive.errors import DamagedObjectError
from radcommons.server.archive.models import DamagedObject, Instance, InstanceState
from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.platform.policy import Actor
from radcommons.server.sites.models import Site

pytestmark = pytest.mark.django_db(transaction=True)

STUDY = "/open/studies/2.25.10"
SERIES = f"{STUDY}/series/2.25.20"
FIRST = f"{SERIES}/instances/2.25.301"
PARTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
LARGE_FRAMES = 3000
FRAME_BYTES = 16 * 12 * 2
# More than is compared beforehand when all of it is sent.
HUGE_FRAMES = (17 << 20) // FRAME_BYTES
HUGE = f"{STUDY}/series/2.25.22/instances/2.25.309"


@pytest.fixture(scope="module")
def app():
    def resolve_scope(path: str, _: Actor) -> Scope:
        return Scope(path, Instance.objects.filter(state=InstanceState.STORED), is_immutable=True)

    return dicomweb_app(resolve_scope, lambda _: Actor.anonymous())


@pytest.fixture
def get(app):
    def run(path, accept="*/*", **headers):
        async def once():
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
                return await client.get(path, headers={"accept": accept, **headers})

        return asyncio.run(once())

    return run


@pytest.fixture
def stored(tmp_store, tmp_path):
    """Four slices, the last one larger than is sent in one piece, and where their bytes lie."""
    site = Site.objects.create(code="ALPHA", name="Alpha", country="DE")
    paths = [dicom_file(tmp_path, number) for number in (1, 2, 3)]
    paths.append(dicom_file(tmp_path, 4, SeriesInstanceUID="2.25.21", frames=LARGE_FRAMES))
    offers = [services.Offer(describe_file(path)[0], path) for path in paths]
    services.store_instances(offers, site=site, project="covid19", actor=ACTOR)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    return {digest: object_store().local_path(instance_key(digest)) for digest in digests}


def changed(path):
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


def gone(path):
    path.unlink()


def test_all_that_is_sent_of_files_has_their_digests_whatever_way_it_is_asked_for(get, stored):
    def digest(data):
        return hashlib.sha256(data).hexdigest()

    assert sorted(map(digest, raw_parts(get(STUDY, PARTS)))) == sorted(stored)
    with zipfile.ZipFile(io.BytesIO(get(STUDY, "application/zip").content)) as archive:
        assert sorted(digest(archive.read(name)) for name in archive.namelist()) == sorted(stored)
    for number, sha256 in enumerate(stored, start=1):
        series = "2.25.21" if number == 4 else "2.25.20"
        path = f"{STUDY}/series/{series}/instances/2.25.30{number}"
        whole = get(path, "application/dicom")
        assert digest(whole.content) == sha256
        assert whole.headers["repr-digest"] == f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
        halves = [get(path, "application/dicom", range=f"bytes={each}").content for each in ("0-999", "1000-")]
        assert digest(b"".join(halves)) == sha256
        assert [digest(part) for part in raw_parts(get(path, PARTS))] == [sha256]


def test_a_zip_archive_has_the_length_it_says_and_names_files_by_their_uids(get, stored):
    answer = get(SERIES, "application/zip")
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["content-disposition"] == 'attachment; filename="2.25.20.zip"'
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == [f"2.25.30{number}.dcm" for number in (1, 2, 3)]
    assert get(SERIES, "application/zip", **{"if-none-match": answer.headers["etag"]}).status_code == 304
    assert get(SERIES, "application/zip; transfer-syntax=1.2.840.10008.1.2.4.80").status_code == 406


@pytest.mark.parametrize(
    ("damage", "is_known", "resource"),
    [(changed, True, ""), (changed, False, "/frames/1"), (cut, True, "/rendered"), (gone, False, "/thumbnail")],
)
def test_a_damaged_object_is_refused_with_an_explanation_and_taken_out_of_service(
    get, stored, damage, is_known, resource
):
    sha256, path = next(iter(stored.items()))
    if is_known:
        assert get(FIRST).status_code == 200
    damage(path)

    refused = get(f"{FIRST}{resource}")
    assert refused.status_code == 503
    assert refused.json()["code"] == "archive.object-damaged"
    assert refused.headers["cache-control"] == "no-store"
    assert get(FIRST).status_code == 404
    assert DamagedObject.objects.get(mended_at=None).is_missing == (damage is gone)
    event = AuditEvent.objects.get(action="archive.damage-found")
    assert (event.object_id, event.actor) == (sha256, "system:serving")


@pytest.mark.parametrize(("damage", "accept"), [(changed, PARTS), (cut, "application/zip"), (gone, PARTS)])
def test_of_a_series_with_a_damaged_instance_the_others_come_with_a_warning(get, stored, damage, accept):
    digests = list(stored)
    damage(stored[digests[1]])

    answer = get(SERIES, accept)
    assert answer.status_code == 200
    assert answer.headers["warning"].startswith('299 radcommons "1 of 3 instances are damaged')
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)
    if accept == PARTS:
        sent = raw_parts(answer)
    else:
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        sent = [archive.read(name) for name in archive.namelist()]
    assert [hashlib.sha256(each).hexdigest() for each in sent] == [digests[0], digests[2]]
    assert "warning" not in get(SERIES, accept).headers


def test_a_series_of_which_nothing_is_left_is_refused(get, stored):
    for path in list(stored.values())[:3]:
        gone(path)
    assert get(SERIES, PARTS).status_code == 503


@pytest.mark.parametrize("accept", [PARTS, "application/dicom", "application/zip"])
def test_what_is_compared_as_it_passes_never_comes_to_its_end_when_it_is_damaged(get, stored, accept, monkeypatch):
    monkeypatch.setattr(intact, "_BEFOREHAND_BYTES", 1000)
    monkeypatch.setattr(intact, "_TOGETHER_BYTES", 1000)
    large = f"{STUDY}/series/2.25.21"
    path = large if accept != "application/dicom" else f"{large}/instances/2.25.304"
    changed(list(stored.values())[3])
    if accept == "application/zip":
        # What was never packed is held in memory as a whole before its head is sent.
        zip_stream._checksums.clear()
        assert get(path, accept).status_code == 503
    else:
        with pytest.raises(DamagedObjectError):
            get(path, accept)
    assert DamagedObject.objects.get().sha256 == list(stored)[3]


@pytest.fixture
def huge(tmp_store, tmp_path):
    """An object of 17 MiB: its bytes, and where they lie."""
    path = dicom_file(tmp_path, 9, SeriesInstanceUID="2.25.22", frames=HUGE_FRAMES)
    site = Site.objects.create(code="ALPHA", name="Alpha", country="DE")
    services.store_instances([services.Offer(describe_file(path)[0], path)], site=site, project="covid19", actor=ACTOR)
    content = path.read_bytes()
    return content, object_store().local_path(instance_key(hashlib.sha256(content).hexdigest()))


def test_frames_and_ranges_of_a_large_object_are_its_bytes(get, huge):
    content, _ = huge
    pixels = content[-HUGE_FRAMES * FRAME_BYTES :]
    for number in (1, 2, HUGE_FRAMES // 2, HUGE_FRAMES):
        frame = get(f"{HUGE}/frames/{number}", "application/octet-stream").content
        assert frame == pixels[(number - 1) * FRAME_BYTES : number * FRAME_BYTES]
    for part, wanted in {
        "0-99": content[:100],
        "16777210-16777300": content[16777210:16777301],
        "-5": content[-5:],
    }.items():
        answer = get(HUGE, "application/dicom", range=f"bytes={part}")
        assert (answer.status_code, answer.content) == (206, wanted)
    assert get(HUGE, "application/dicom").content == content


@pytest.mark.parametrize(
    ("resource", "headers"),
    [("/frames/1", {}), ("", {"accept": "application/dicom", "range": "bytes=0-99"}), ("/bulkdata/7FE00010", {})],
)
def test_no_part_of_a_large_object_leaves_that_is_damaged_elsewhere(get, huge, resource, headers):
    changed(huge[1])
    refused = get(f"{HUGE}{resource}", **headers)
    assert (refused.status_code, refused.json()["code"]) == (503, "archive.object-damaged")
    assert get(f"{HUGE}{resource}", **headers).status_code == 404


def test_a_large_object_is_read_once_however_many_want_a_part_of_it(app, huge, monkeypatch):
    reads = []
    read = intact._digest_of
    monkeypatch.setattr(intact, "_digest_of", lambda key: reads.append(key) or read(key))

    async def ask():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            return await asyncio.gather(*(client.get(f"{HUGE}/frames/{number}") for number in range(1, 9)))

    assert {answer.status_code for answer in asyncio.run(ask())} == {200}
    assert len(reads) == 1
