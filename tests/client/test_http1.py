"""What a server may say on a connection, byte by byte, and what is refused."""

import socket
import threading
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radcommons.client.http1 import CutOffError, ProtocolError, Response, Stream, UnansweredError, exchange
from radcommons.client.transport import Transport


@contextmanager
def saying(*pieces: bytes):
    """A connection on which the other side says these pieces, whatever it is asked, and closes."""
    ours, theirs = socket.socketpair()

    def say():
        theirs.recv(65536)
        for piece in pieces:
            theirs.sendall(piece)
        theirs.close()

    speaking = threading.Thread(target=say, daemon=True)
    speaking.start()
    ours.settimeout(10)
    try:
        yield Stream(ours)
    finally:
        ours.close()
        speaking.join()


def whole(response: Response, size: int = 7) -> bytes:
    found, buffer = b"", memoryview(bytearray(size))
    while count := response.readinto(buffer):
        found += bytes(buffer[:count])
    return found


@pytest.mark.parametrize(
    ("said", "body", "may_keep"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", b"hello world", True),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b"", True),
        (b"HTTP/1.1 200 OK\ncontent-length:5\n\nhello", b"hello", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: Close\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", b"hello", True),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end", False),
        (b"HTTP/1.1 204 None\r\n\r\n", b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", True),
        (
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"5\r\nhello\r\n6;why=not\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
            ),
            b"hello world",
            True,
        ),
    ],
)
@pytest.mark.parametrize("step", [1, 4096])
def test_an_answer_is_the_same_however_its_bytes_arrive(said, body, may_keep, step):
    pieces = [said[start : start + step] for start in range(0, len(said), step)]
    with saying(*pieces) as stream:
        response = exchange(stream, "GET", "/", {"Host": "x"})
        assert whole(response) == body
        assert response.may_keep is may_keep
        assert response.is_finished is (b"\r\n\r\nuntil" not in said)


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: line\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 100_000,
    ],
)
def test_what_is_no_answer_is_refused(said):
    with saying(said) as stream, pytest.raises(ProtocolError):
        whole(exchange(stream, "GET", "/", {}))


def test_a_connection_that_ends_says_where():
    with saying() as stream, pytest.raises(UnansweredError):
        exchange(stream, "GET", "/", {})
    with saying(b"HTTP/1.1 200 OK\r\nConte") as stream, pytest.raises(CutOffError):
        exchange(stream, "GET", "/", {})
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello") as stream:
        response = exchange(stream, "GET", "/", {})
        buffer = memoryview(bytearray(100))
        assert response.readinto(buffer) == 5
        assert bytes(buffer[:5]) == b"hello"
        with pytest.raises(CutOffError):
            response.readinto(buffer)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
)
def test_no_bytes_end_in_anything_but_an_answer_or_an_error_of_the_connection(noise, head):
    with saying(head + noise) as stream:
        try:
            whole(exchange(stream, "GET", "/", {}))
        except OSError:
            return


def test_a_kept_connection_that_was_closed_in_the_meantime_is_made_anew():
    listener = socket.create_server(("127.0.0.1", 0))
    accepted = []

    def serve():
        for _ in range(2):
            peer, _ = listener.accept()
            accepted.append(peer)
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            peer.close()

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    transport = Transport({})
    for _ in range(2):
        with transport.open(f"http://127.0.0.1:{listener.getsockname()[1]}/") as answer:
            assert answer.read(10) == b"hi"
            assert answer.header("content-length") == "2"
    transport.close()
    serving.join()
    listener.close()
    assert len(accepted) == 2
