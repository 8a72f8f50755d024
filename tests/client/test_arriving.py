"""What of a file has arrived, on the disk."""

import hashlib

import pytest

from radcommons.client.arriving import forget, kept, opened, put_in_place, size_of_part, write_all
from radcommons.client.errors import LocalDiskError


def test_what_arrived_is_continued_at_its_end_and_hashed_from_its_bytes(tmp_path):
    part = f"{tmp_path}/file.part"
    assert (size_of_part(part), kept(part, "")[1]) == (0, 0)
    with opened(part, "w", 0) as sink:
        write_all(sink, memoryview(b"first "))
    digest, size = kept(part, hashlib.sha256(b"first second").hexdigest())
    assert (size, size_of_part(part)) == (6, 6)
    with opened(part, "r+", size) as sink:
        write_all(sink, memoryview(b"second"))
    digest.update(b"second")
    assert digest.hexdigest() == hashlib.sha256(b"first second").hexdigest()
    put_in_place(part, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"first second"
    assert size_of_part(part) == 0


def test_what_is_begun_anew_leaves_nothing_of_before(tmp_path):
    part = tmp_path / "file.part"
    part.write_bytes(b"something long from before")
    with opened(part, "w", 0) as sink:
        write_all(sink, memoryview(b"new"))
    assert part.read_bytes() == b"new"
    for _ in range(2):
        forget(str(part))
    assert not part.exists()


def test_a_disk_that_takes_no_more_is_told_from_a_network_that_does_not_answer(tmp_path):
    with opened("/dev/full", "r+", 0) as sink, pytest.raises(LocalDiskError, match="No space left"):
        write_all(sink, memoryview(b"bytes"))
    with pytest.raises(LocalDiskError):
        put_in_place(f"{tmp_path}/nowhere.part", tmp_path / "nowhere")
    with pytest.raises(LocalDiskError), opened(f"{tmp_path}/no/folder.part", "w", 0):
        raise AssertionError


@pytest.mark.parametrize("mode", ["w", "r+"])
def test_a_link_of_the_name_of_a_part_does_not_have_another_file_written(tmp_path, mode):
    other, part = tmp_path / "other", tmp_path / "file.part"
    other.write_bytes(b"somebody else's")
    part.symlink_to(other)
    with pytest.raises(LocalDiskError), opened(part, mode, 0) as sink:
        write_all(sink, memoryview(b"ours"))
    assert other.read_bytes() == b"somebody else's"
