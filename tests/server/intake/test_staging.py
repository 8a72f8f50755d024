"""The staging folder: whole files or none."""

import hashlib

import pytest

from radcommons.server.intake import staging
from radcommons.server.intake.errors import DigestMismatchError, DiskFullError, PartTooLargeError

BATCH = "b" * 64
DATA = b"some bytes" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def _clean(tmp_store):
    pass


def _sink() -> staging.PartSink:
    return staging.PartSink(BATCH, SHA256, size_bytes=len(DATA))


def test_a_part_appears_when_it_is_whole_and_not_before():
    sink = _sink()
    sink.write(DATA[:100])
    assert not staging.has_part(BATCH, SHA256, len(DATA))
    sink.write(DATA[100:])
    sink.commit()
    sink.abort()
    assert staging.has_part(BATCH, SHA256, len(DATA))
    assert staging.path_of(BATCH, SHA256).read_bytes() == DATA


def test_two_senders_of_one_part_end_with_one_file():
    sinks = [_sink(), _sink()]
    for sink in sinks:
        sink.write(DATA)
    for sink in sinks:
        sink.commit()
        sink.abort()
    assert [path.name for path in staging.folder_of(BATCH).iterdir()] == [SHA256]


@pytest.mark.parametrize(("data", "error"), [(DATA[:-1], DigestMismatchError), (b"x" * len(DATA), DigestMismatchError)])
def test_other_bytes_are_not_kept(data, error):
    sink = _sink()
    sink.write(data)
    with pytest.raises(error):
        sink.commit()
    sink.abort()
    assert list(staging.folder_of(BATCH).iterdir()) == []


def test_more_bytes_than_announced_are_refused_at_once():
    sink = _sink()
    with pytest.raises(PartTooLargeError):
        sink.write(DATA + b"x")
    sink.abort()


def test_a_disk_that_fills_up_while_writing_is_said():
    sink = _sink()
    sink.write(DATA[:1])

    sink._file.close()
    sink._file = open("/dev/full", "wb", buffering=0)  # noqa: PTH123, SIM115 - the real thing: a disk that is always full
    with pytest.raises(DiskFullError):
        sink.write(DATA[1:])
    sink.abort()
    assert list(staging.folder_of(BATCH).iterdir()) == []


def test_leftovers_of_broken_uploads_go_with_the_batch():
    sink = _sink()
    sink.write(DATA)
    sink._file.close()
    staging.remove_leftovers(BATCH)
    assert not staging.folder_of(BATCH).exists()
    staging.remove_leftovers(BATCH)
