import os

import pytest

from radcommons.server.platform.errors import InvalidError, NotFoundError, UnavailableError
from radcommons.server.platform.objects import CloudObjects, LocalObjects, ObjectStore


@pytest.fixture(params=["local", "cloud"])
def store(request, tmp_path) -> ObjectStore:
    root = tmp_path / "objects"
    root.mkdir()
    return LocalObjects(root) if request.param == "local" else CloudObjects(root.as_uri())


def test_bytes_come_back_whole_in_ranges_and_in_pieces(store):
    data = os.urandom(3_000_000)
    store.put_bytes("a/b", data)
    assert store.read("a/b") == data
    assert store.read("a/b", start=10, length=5) == data[10:15]
    assert b"".join(store.stream("a/b", chunk_bytes=100_000, start=7)) == data[7:]
    assert b"".join(store.stream("a/b", chunk_bytes=1000, start=7, length=2500)) == data[7:2507]
    assert store.size("a/b") == len(data)


def test_storing_a_file_again_changes_nothing(store, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"first")
    store.put_path("a", path)
    path.write_bytes(b"second")
    store.put_path("a", path)
    assert store.read("a") == b"first"


def test_what_is_not_there_is_not_found_and_may_be_deleted(store):
    assert not store.exists("nothing")
    with pytest.raises(NotFoundError):
        store.read("nothing")
    with pytest.raises(NotFoundError):
        store.size("nothing")
    store.delete("nothing")


def test_a_key_never_leaves_the_root(tmp_path):
    with pytest.raises(InvalidError):
        LocalObjects(tmp_path / "objects").put_bytes("../outside", b"")


def test_a_full_disk_leaves_no_half_object(tmp_path):
    store = LocalObjects(tmp_path)

    def chunks():
        yield b"x"
        raise OSError(28, "No space left on device")

    with pytest.raises(UnavailableError, match="No space left"):
        store._write(tmp_path / "a", chunks())
    assert not (tmp_path / "a").exists()
    assert not list(tmp_path.glob("*.part"))
