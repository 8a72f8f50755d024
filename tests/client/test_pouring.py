"""From a connection into a file: every byte at its place, whatever arrives how, and what came before a break is kept."""

from contextlib import contextmanager

import pytest
from tests.client.test_transport import saying

from radcommons.client.arriving import opened
from radcommons.client.errors import DigestError, LocalDiskError
from radcommons.client.http1 import CutOffError
from radcommons.client.pouring import poured
from radcommons.client.transport import Transport

BODY = bytes(range(256)) * 12_000
SHORT = BODY[:60_000]
KNOWN = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"


@contextmanager
def answered(said, step=1 << 20):
    with saying(said, step=step) as url:
        transport = Transport({})
        try:
            with transport.open(url) as answer:
                yield answer
        finally:
            transport.close()


@pytest.mark.parametrize("step", [1 << 20, 1_000])
@pytest.mark.parametrize("said", [KNOWN % len(BODY) + BODY, CHUNKED % (len(BODY), BODY)], ids=["known", "chunked"])
def test_a_body_lies_where_the_file_stood_and_nothing_around_it_changes(tmp_path, said, step):
    place = tmp_path / "file"
    place.write_bytes(b"a" * 10 + bytes(len(BODY)) + b"z" * 10)

    with answered(said, step) as answer, opened(place, "r+", 10) as sink:
        counts = list(poured(answer, sink, len(BODY)))

    assert sum(counts) == len(BODY)
    assert place.read_bytes() == b"a" * 10 + BODY + b"z" * 10


def test_a_file_that_takes_nothing_from_pipes_gets_the_same_bytes(tmp_path):
    place = tmp_path / "file"
    place.write_bytes(b"before")

    with answered(KNOWN % len(BODY) + BODY) as answer, place.open("ab", buffering=0) as sink:
        assert sum(poured(answer, sink, len(BODY))) == len(BODY)

    assert place.read_bytes() == b"before" + BODY


def test_what_came_before_a_break_is_in_the_file(tmp_path):
    place, counts = tmp_path / "file", []

    with (
        answered(KNOWN % len(BODY) + BODY[:1_000_000]) as answer,
        opened(place, "w", 0) as sink,
        pytest.raises(CutOffError),
    ):
        counts.extend(poured(answer, sink, len(BODY)))

    assert place.read_bytes() == BODY[:1_000_000]


@pytest.mark.parametrize("said", [KNOWN % 60_000 + SHORT, CHUNKED % (60_000, SHORT)], ids=["known", "chunked"])
def test_more_than_was_asked_for_is_not_written(tmp_path, said):
    place = tmp_path / "file"

    with answered(said) as answer, opened(place, "w", 0) as sink, pytest.raises(DigestError):
        list(poured(answer, sink, 30_000))

    assert place.stat().st_size <= 30_000


def test_a_full_disk_is_told_from_a_connection_that_breaks():
    with (
        answered(KNOWN % 60_000 + SHORT) as answer,
        opened("/dev/full", "r+", 0) as sink,
        pytest.raises(LocalDiskError, match="No space left"),
    ):
        list(poured(answer, sink, 60_000))
