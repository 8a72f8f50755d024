"""One contract, two bodies: a folder and a real S3 server."""

import os
import resource
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from tests.support import seaweed
from tests.support.disks import mounted

from radcommons.server.platform.errors import InvalidError, NotFoundError, UnavailableError
from radcommons.server.platform.objects import CloudObjects, LocalObjects, ObjectStore, instance_key, local, place_key

IMPATIENT = {"max_retries": 2, "backoff": {"init_backoff": timedelta(milliseconds=10)}}
SHA256 = "ab" * 32


@pytest.fixture(params=["local", "s3"])
def store(request, tmp_path, s3_url) -> ObjectStore:
    return LocalObjects(tmp_path / "objects") if request.param == "local" else CloudObjects(s3_url())


def test_bytes_come_back_whole_in_ranges_and_in_pieces(store):
    data = os.urandom(3_000_000)
    store.put_bytes("a/b", data)
    assert store.read("a/b") == data
    assert store.read("a/b", start=10, length=5) == data[10:15]
    assert store.read("a/b", start=2_999_990, length=100) == data[-10:]
    assert b"".join(store.stream("a/b", chunk_bytes=100_000, start=7)) == data[7:]
    assert b"".join(store.stream("a/b", chunk_bytes=1000, start=7, length=2500)) == data[7:2507]
    assert store.size("a/b") == len(data)


def test_storing_a_file_again_changes_nothing_unless_it_is_meant(store, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"first.")
    store.put_path("a", path)
    path.write_bytes(b"second")
    store.put_path("a", path)
    assert store.read("a") == b"first."
    store.put_path("a", path, replaces=True)
    assert store.read("a") == b"second"


def test_an_object_that_was_cut_short_is_mended_by_storing_it_again(store, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"whole")
    store.put_bytes("a", b"who")
    store.put_path("a", path)
    assert store.read("a") == b"whole"


def test_what_is_not_there_is_not_found_and_may_be_deleted(store):
    assert not store.exists("nothing")
    for ask in (store.read, store.size, lambda key: next(store.stream(key)), lambda key: store.copy(key, "other")):
        with pytest.raises(NotFoundError):
            ask("nothing")
    store.delete("nothing")


def test_a_second_name_outlives_the_first(store):
    store.put_bytes("a/first", b"bytes")
    store.copy("a/first", "b/second")
    store.copy("a/first", "b/second")
    store.delete("a/first")
    assert not store.exists("a/first")
    assert store.read("b/second") == b"bytes"
    assert [(found.key, found.size_bytes) for found in store.list("b/")] == [("b/second", 5)]


def test_a_listing_shows_what_is_below_a_folder_and_nothing_beside_it(store):
    for key in ("x/1", "x/2/3", "xy/4"):
        store.put_bytes(key, b"1")
    assert sorted(found.key for found in store.list("x/")) == ["x/1", "x/2/3"]
    assert list(store.list("nowhere/")) == []


def test_a_key_never_leaves_the_root(tmp_path):
    with pytest.raises(InvalidError):
        LocalObjects(tmp_path / "objects").put_bytes("../outside", b"")


def test_a_second_name_on_a_disk_takes_no_room(tmp_path):
    store = LocalObjects(tmp_path)
    store.put_bytes("a", b"bytes")
    store.copy("a", "b")
    assert (tmp_path / "a").stat().st_ino == (tmp_path / "b").stat().st_ino
    assert not list(tmp_path.glob(".*"))


def test_what_a_killed_process_left_is_cleaned_up_and_never_listed(tmp_path):
    store = LocalObjects(tmp_path)
    store.put_bytes("a/b", b"1")
    (tmp_path / "a" / ".c.0.part").write_bytes(b"half")
    assert [found.key for found in store.list("a/")] == ["a/b"]
    assert store.clean_up(older_than_s=3600) == 0
    assert store.clean_up(older_than_s=-1) == 1
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_a_full_disk_takes_nothing_and_keeps_no_half(small_disk, tmp_path):
    store = LocalObjects(small_disk)
    store.put_bytes("small", b"1" * 1000)
    large = tmp_path / "large"
    large.write_bytes(bytes(4 << 20))
    with pytest.raises(UnavailableError, match="No space left") as refusal:
        store.put_path("large", large)
    assert refusal.value.code == "platform.store-full"
    assert [path.name for path in small_disk.rglob("*") if path.is_file()] == ["small"]
    assert store.read("small") == b"1" * 1000
    assert (store.free_bytes() or 0) > 500_000


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one mebibyte; where nothing may be mounted, a limit on the size of files stands for it."""
    with mounted(tmp_path / "disk") as is_disk:
        if is_disk:
            yield tmp_path / "disk"
            return
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        yield tmp_path / "disk"
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_large_file_goes_up_in_parts_and_comes_back_in_constant_memory(s3_url, tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as sink:
        for number in range(96):
            sink.write(bytes([number]) * (1 << 20))
    program = (
        "import sys, hashlib, resource; from pathlib import Path\n"
        "from radcommons.server.platform.objects import CloudObjects\n"
        "store = CloudObjects(sys.argv[1]); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "store.put_path('large', Path(sys.argv[2])); digest = hashlib.sha256()\n"
        "for chunk in store.stream('large'): digest.update(chunk)\n"
        "print(digest.hexdigest() == hashlib.file_digest(open(sys.argv[2], 'rb'), 'sha256').hexdigest())\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, s3_url(), str(path)], capture_output=True, check=True)
    is_same, grown_mib = done.stdout.split()
    assert is_same == b"True"
    assert int(grown_mib) < 80


def test_a_presigned_address_opens_one_object_for_a_while(s3_url):
    store = CloudObjects(s3_url())
    store.put_bytes("a/x.dcm", b"bytes")
    address = store.signed_url("a/x.dcm", valid_s=60)
    assert urllib.request.urlopen(address).read() == b"bytes"  # noqa: S310
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(address.replace("x.dcm", "y.dcm"))  # noqa: S310
    short = store.signed_url("a/x.dcm", valid_s=1)
    time.sleep(2.1)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(short)  # noqa: S310


def test_files_have_no_presigned_address(tmp_path):
    assert LocalObjects(tmp_path).signed_url("a", valid_s=60) is None


def test_an_instance_is_found_where_its_series_was_placed(s3_url):
    asked = []
    places = {}

    def place_of(sha256):
        asked.append(sha256)
        return places.get(sha256)

    store = CloudObjects(s3_url(), places=place_of)
    store.put_bytes(instance_key(SHA256), b"bytes")
    assert store.read(instance_key(SHA256)) == b"bytes"
    assert not asked
    store.copy(instance_key(SHA256), place_key("v1", SHA256))
    places[SHA256] = "v1"
    store.delete(instance_key(SHA256))
    assert store.read(instance_key(SHA256), start=1, length=2) == b"yt"
    assert store.size(instance_key(SHA256)) == 5
    assert asked == [SHA256]
    assert store.where(instance_key(SHA256)) == place_key("v1", SHA256)
    address = store.signed_url(instance_key(SHA256), valid_s=60)
    assert urllib.request.urlopen(address).read() == b"bytes"  # noqa: S310


def test_wrong_credentials_are_told_from_a_store_that_is_away(s3_url, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(UnavailableError) as refusal:
        CloudObjects(s3_url()).put_bytes("a", b"1")
    assert refusal.value.code == "platform.store-refuses"


def test_a_store_that_is_away_or_hangs_refuses_in_time_and_is_used_again_when_it_is_back(tmp_path, s3_credentials):
    server = seaweed.Seaweed(tmp_path / "weed")
    server.start()
    try:
        store = CloudObjects(server.url(), retry=IMPATIENT, client={"read_timeout": "500ms"})
        large = tmp_path / "large"
        large.write_bytes(os.urandom(40 << 20))
        store.put_bytes("small", b"1")
        server.pause()
        with pytest.raises(UnavailableError, match="does not answer") as refusal:
            store.read("small")
        assert refusal.value.code == "platform.store-unavailable"
        server.resume()
        assert store.read("small") == b"1"
        _kill_while(server, lambda: store.put_path("large", large))
        for ask in (store.exists, store.read, store.delete):
            with pytest.raises(UnavailableError):
                ask("small")
        server.start()
        assert store.read("small") == b"1"
        assert not store.exists("large")
        # What hangs is over; a busy machine may take longer than the impatient store waits.
        patient = CloudObjects(server.url())
        patient.put_path("large", large)
        assert patient.read("large") == large.read_bytes()
    finally:
        server.kill()


def _kill_while(server, upload):
    """Kill the server once some parts of an upload have arrived."""
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(upload)
        time.sleep(0.15)
        assert not under_way.done()
        server.kill()
        with pytest.raises(UnavailableError):
            under_way.result()


@pytest.mark.parametrize("url", ["s3://bucket/?secret=1", "nonsense://x", "s3:/"])
def test_an_address_of_no_store_is_refused_with_its_name(url):
    with pytest.raises(InvalidError, match="RADCOMMONS_OBJECTS_URL"):
        CloudObjects(url)


def test_every_folder_that_got_a_new_one_is_named_so_that_its_entry_is_made_durable(tmp_path):
    assert local._make_folder(tmp_path / "a" / "b" / "c") == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    assert local._make_folder(tmp_path / "a" / "d") == [tmp_path / "a"]
    assert local._make_folder(tmp_path / "a" / "d") == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="exists"):
        local._make_folder(tmp_path / "file")
