"""A message says the same wherever the network cuts it, and its limits hold at their last byte."""

import pytest
from tests.server.intake.test_multipart import read, written

from radcommons.server.intake.stow.multipart import (
    MAXIMUM_HEADER_BYTES,
    MAXIMUM_PARTS,
    MultipartError,
    MultipartReader,
    PartBegins,
    PartData,
    PartEnds,
)

BODIES = [b"DICM\r\n--", b"", b"\r\n-\r\n--\r", b"\n" * 5, b"-\r\n\r\n--a--"]
MESSAGE = written(BODIES, preamble=b"read by nobody\r\n", epilogue=b"\r\nnor this")


def with_headers_of(size):
    """A message of one part whose header block has so many bytes, counted from behind the boundary."""
    start = b"\r\nX: "
    return b"--b" + start + b"y" * (size - len(start)) + b"\r\n\r\nbody\r\n--b--"


def test_one_cut_anywhere_changes_nothing():
    whole = read(MESSAGE, [len(MESSAGE)])
    assert [body for _, body in whole] == BODIES
    for cut in range(1, len(MESSAGE)):
        assert read(MESSAGE, [cut, len(MESSAGE)]) == whole, cut


def test_a_message_that_ends_anywhere_before_its_last_boundary_is_refused():
    last = MESSAGE.rindex(b"--b--\r\nnor") + len(b"--b--")
    for end in range(last):
        with pytest.raises(MultipartError):
            read(MESSAGE[:end], [3])
    for end in range(last, len(MESSAGE) + 1):
        assert len(read(MESSAGE[:end], [3])) == len(BODIES)


def test_headers_may_be_as_long_as_the_limit_however_they_arrive():
    fitting, longer = with_headers_of(MAXIMUM_HEADER_BYTES), with_headers_of(MAXIMUM_HEADER_BYTES + 1)
    for cut in range(MAXIMUM_HEADER_BYTES - 2, MAXIMUM_HEADER_BYTES + 12):
        assert [body for _, body in read(fitting, [cut, 100])] == [b"body"], cut
        with pytest.raises(MultipartError, match="too long"):
            read(longer, [cut, 100])


def test_the_last_part_that_is_allowed_is_read_and_the_next_one_refused():
    part = b"--b\r\n\r\n\r\n"
    assert len(read(part * MAXIMUM_PARTS + b"--b--", [1 << 16])) == MAXIMUM_PARTS
    with pytest.raises(MultipartError, match=str(MAXIMUM_PARTS)):
        read(part * (MAXIMUM_PARTS + 1) + b"--b--", [1 << 16])


def test_events_come_as_soon_as_their_bytes_are_certain():
    reader = MultipartReader("b")
    assert list(reader.feed(b"--b\r\nA: 1\r\n\r")) == []
    (begins,) = reader.feed(b"\n")
    assert isinstance(begins, PartBegins)
    assert list(reader.feed(b"0123456789")) == [PartData(b"0123456789")]
    assert list(reader.feed(b"x\r\n-")) == [PartData(b"x")]
    assert list(reader.feed(b"-a")) == [PartData(b"\r\n--a")]
    assert list(reader.feed(b"y\r\n--b")) == [PartData(b"y"), PartEnds()]
    assert list(reader.feed(b"--")) == []
    assert list(reader.feed(b"--b\r\n\r\nafter the end")) == []
    reader.close()


def test_white_space_behind_a_boundary_is_padding_and_anything_else_is_not():
    assert [body for _, body in read(b"--b \t\r\n\r\nbody\r\n--b--", [1])] == [b"body"]
    for odd in (b"x", b"\x00", b"-\r", b" x "):
        with pytest.raises(MultipartError, match="followed by something else"):
            read(b"--b" + odd + b"\r\nA: 1\r\n\r\nbody\r\n--b--", [1])


def test_the_headers_of_a_part_cannot_be_changed_afterwards():
    (begins,) = [event for event in MultipartReader("b").feed(b"--b\r\nA: 1\r\n\r\n") if isinstance(event, PartBegins)]
    with pytest.raises(TypeError):
        begins.headers["a"] = "2"
