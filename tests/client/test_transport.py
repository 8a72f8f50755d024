"""What a server may say on a connection, byte by byte, what is refused, and when a connection is asked again."""

import socket
import struct
import threading
import time
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radcommons.client import transport as transport_module
from radcommons.client.errors import RemoteError
from radcommons.client.http1 import CutOffError, ProtocolError
from radcommons.client.remote import Remote
from radcommons.client.transport import Transport


@contextmanager
def saying(*answers: bytes, step: int = 1 << 20):
    """A server that says one of these on each connection, in pieces, whatever it is asked, and closes; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def say():
        for answer in answers:
            peer, _ = listener.accept()
            with peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer.recv(65536)
                for start in range(0, len(answer), step):
                    peer.sendall(answer[start : start + step])

    speaking = threading.Thread(target=say, daemon=True)
    speaking.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    listener.close()
    speaking.join(10)


def asked(url: str) -> bytes:
    transport = Transport({})
    try:
        with transport.open(url) as answer:
            return b"".join(map(bytes, answer.pieces()))
    finally:
        transport.close()


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", b"hello world"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\ncontent-length:5\n\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: Close\r\n\r\nhello", b"hello"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 204 None\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
        (
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"5\r\nhello\r\n6;why=not\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
            ),
            b"hello world",
        ),
    ],
)
@pytest.mark.parametrize("step", [1, 4096])
def test_an_answer_is_the_same_however_its_bytes_arrive(said, body, step):
    with saying(said, step=step) as url:
        assert asked(url) == body


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n0123456789",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n0123456789",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\r\n folded: line\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 100_000,
    ],
)
def test_what_is_no_answer_is_refused(said):
    with saying(said) as url, pytest.raises(OSError, match=r".") as refused:
        asked(url)
    assert isinstance(refused.value, ProtocolError | ConnectionError)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nConte",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_an_answer_that_ends_too_early_is_said_to_be_cut_off(said):
    with saying(said) as url, pytest.raises(CutOffError):
        asked(url)


def test_what_came_before_a_break_is_given_first():
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello") as url:
        transport = Transport({})
        found = []
        with pytest.raises(CutOffError), transport.open(url) as answer:
            found.extend(map(bytes, answer.pieces()))
        transport.close()
        assert found == [b"hello"]


def test_what_came_before_a_reset_is_given_first_and_then_the_break():
    listener = socket.create_server(("127.0.0.1", 0))

    def say_and_reset():
        peer, _ = listener.accept()
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 30_000)
        time.sleep(0.3)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

    threading.Thread(target=say_and_reset, daemon=True).start()
    transport, found = Transport({}), 0
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with pytest.raises(OSError, match=r"."), transport.open(url) as answer:  # noqa: PT012 - pieces come until the break
        for piece in answer.pieces():
            found += len(piece)
    assert found == 30_000
    listener.close()


def test_a_body_is_given_in_pieces_as_large_as_the_buffer_however_slowly_it_comes():
    body = bytes(range(256)) * 2_500
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body, step=1_000) as url:
        transport = Transport({})
        with transport.open(url) as answer:
            pieces = [bytes(piece) for piece in answer.pieces()]
        transport.close()
    assert b"".join(pieces) == body
    assert len(pieces) <= 4


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhell"])
def test_who_falls_silent_is_waited_for_no_longer_than_the_limit(said, monkeypatch):
    monkeypatch.setattr(transport_module, "READ_TIMEOUT_S", 0.2)
    listener = socket.create_server(("127.0.0.1", 0))
    peers = []

    def speak():
        peer, _ = listener.accept()
        peers.append(peer)
        peer.sendall(said)

    threading.Thread(target=speak, daemon=True).start()
    with (
        Remote(f"http://127.0.0.1:{listener.getsockname()[1]}") as remote,
        pytest.raises(RemoteError, match="no answer came in time"),
    ):
        remote.document("x", attempts=1)
    for each in (*peers, listener):
        each.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
)
def test_no_bytes_end_in_anything_but_an_answer_or_an_error_of_the_connection(noise, head):
    with saying(head + noise) as url:
        try:
            asked(url)
        except OSError:
            return


def test_a_connection_is_asked_again_and_one_closed_in_the_meantime_is_made_anew(repository):
    hi = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    with saying(hi, hi) as url:
        transport = Transport({})
        for _ in range(2):
            with transport.open(url) as answer:
                assert b"".join(map(bytes, answer.pieces())) == b"hi"
                assert answer.header("content-length") == "2"
        transport.close()
    ports = set()

    def answered(code, size):
        return lambda handler: (ports.add(handler.client_address), handler.answer(code, b"x" * size))

    repository.faults["/place$"] = [answered(404, 400_000), answered(200, 400_000), answered(503, 10), answered(200, 5)]
    sizes = []
    for _ in range(4):
        with transport.open(f"{repository.url}/place") as answer:
            sizes.append(0 if answer.status >= 400 else sum(map(len, answer.pieces())))
    transport.close()
    assert sizes == [0, 400_000, 0, 5]
    # A short refusal is read so that its connection can be asked again; a long one is left with its connection.
    assert len(ports) == 2


def test_bytes_behind_an_answer_are_no_part_of_the_next():
    hi = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    with saying(hi + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", hi) as url:
        transport = Transport({})
        for _ in range(2):
            with transport.open(url) as answer:
                assert [bytes(piece) for piece in answer.pieces()] == [b"hi"]
        transport.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1", "nothing listens at that address"),
        ("http://repository.invalid", "no machine of that name is known"),
    ],
)
def test_why_a_repository_cannot_be_reached_is_said_in_words(url, words):
    with Remote(url) as remote, pytest.raises(RemoteError, match=words):
        remote.document("x", attempts=1)


@pytest.mark.parametrize(("scheme", "words"), [("http", "no web server"), ("https", "does not speak HTTPS")])
def test_what_is_no_web_server_is_said_to_be_none(scheme, words):
    with saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as url:
        remote = Remote(url.replace("http", scheme))
        with remote, pytest.raises(RemoteError, match=words):
            remote.document("x", attempts=1)
