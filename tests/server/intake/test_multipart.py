"""Reading multipart messages however they are cut into pieces, and refusing what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.server.intake.stow.multipart import (
    MAXIMUM_HEADER_BYTES,
    MultipartError,
    MultipartReader,
    PartBegins,
    PartData,
    PartEnds,
)


def read(message, sizes, boundary="b"):
    """The parts of a message that arrives in pieces of these sizes, over and over."""
    reader, parts, position, number = MultipartReader(boundary), [], 0, 0
    while position < len(message):
        size = sizes[number % len(sizes)]
        for event in reader.feed(message[position : position + size]):
            if isinstance(event, PartBegins):
                parts.append([dict(event.headers), b"", False])
            elif isinstance(event, PartData):
                parts[-1][1] += event.data
            else:
                assert isinstance(event, PartEnds)
                parts[-1][2] = True
        position, number = position + size, number + 1
    reader.close()
    assert all(is_whole for _, _, is_whole in parts)
    return [(headers, body) for headers, body, _ in parts]


def written(bodies, boundary="b", preamble=b"", epilogue=b""):
    parts = [f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode() + body + b"\r\n" for body in bodies]
    return preamble + b"".join(parts) + f"--{boundary}--".encode() + epilogue


@given(
    st.lists(st.binary(max_size=60).filter(lambda body: b"\r\n--b" not in body), max_size=5),
    st.lists(st.integers(1, 40), min_size=1, max_size=6),
    st.sampled_from([b"", b"preamble\r\n", b"\r\n"]),
    st.sampled_from([b"", b"\r\n", b"\r\nepilogue\r\n--b\r\n"]),
)
def test_parts_come_out_as_they_went_in_however_the_message_is_cut(bodies, sizes, preamble, epilogue):
    found = read(written(bodies, preamble=preamble, epilogue=epilogue), sizes)

    assert [body for _, body in found] == bodies
    assert all(headers == {"content-type": "application/dicom"} for headers, _ in found)


def test_bodies_that_look_almost_like_a_boundary_are_whole():
    bodies = [b"\r\n--", b"\r\n", b"--b", b"\r\r\n-", b"x" * 100_000 + b"\r\n--a"]
    for size in (1, 7, 64, 1 << 16):
        assert [body for _, body in read(written(bodies), [size])] == bodies


def test_folded_headers_and_headers_of_any_case_are_read():
    message = b"--b\r\ncontent-TYPE: application/dicom;\r\n  transfer-syntax=1.2\r\nX: y:z\r\n\r\nbody\r\n--b--"
    headers = {"content-type": "application/dicom; transfer-syntax=1.2", "x": "y:z"}
    assert read(message, [5]) == [(headers, b"body")]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"nothing like it",
        b"--b\r\n\r\nbody",
        b"--b\r\nContent-Type: x\r\n\r\nbody\r\n--b",
        b"--bx\r\n\r\nbody\r\n--b--",
        b"--b\r\nwithout a colon\r\n\r\nbody\r\n--b--",
        b"--b\r\nX: " + b"y" * (MAXIMUM_HEADER_BYTES + 10) + b"\r\n\r\nbody\r\n--b--",
    ],
)
def test_what_is_no_message_is_refused(message):
    with pytest.raises(MultipartError):
        read(message, [1000])


@pytest.mark.parametrize("boundary", ["", "ends with a space ", "x" * 201, "new\nline", "ümlaut"])
def test_a_boundary_that_is_none_is_refused(boundary):
    with pytest.raises(MultipartError):
        MultipartReader(boundary)


def test_a_message_of_endless_parts_is_refused():
    with pytest.raises(MultipartError):
        read(b"--b\r\n\r\n\r\n" * 20_001 + b"--b--", [1 << 16])


@given(st.binary(max_size=400))
def test_whatever_follows_a_boundary_is_read_or_refused_alike_however_it_is_cut(noise):
    message = b"--b\r\n" + noise

    def outcome(sizes):
        try:
            return read(message, sizes)
        except MultipartError as error:
            return str(error)

    whole = outcome([len(message)])
    assert outcome([1]) == outcome([13]) == whole
    if not isinstance(whole, str):
        assert all(body in noise for _, body in whole)
        assert message.count(b"--b") > len(whole)
