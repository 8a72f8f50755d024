"""Answers over a real socket: the head travels with the body, nothing is lost or put in another order."""

import asyncio
import contextlib
import hashlib
import os
import random

import pytest
import uvicorn
import uvloop

from radcommons.apps.protocol import MOST_WAITING_BYTES, READ_BYTES, HttpProtocol

LARGE = os.urandom(3_000_000)


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    head = {"type": "http.response.start", "status": 200, "headers": []}
    if scope["path"] == "/slow":
        await send(head)
        await asyncio.sleep(0.3)
        await send({"type": "http.response.body", "body": b"HTTP/1.1 is no head here"})
        return
    body = {"/small": b"small", "/large": memoryview(LARGE), "/empty": b""}[scope["path"]]
    head["headers"] = [(b"content-length", str(len(body)).encode())]
    await send(head)
    if scope["path"] == "/large":
        await send({"type": "http.response.body", "body": body[:100_000], "more_body": True})
        body = body[100_000:]
    await send({"type": "http.response.body", "body": body})


async def asked(path):
    """The first thing that arrives for a path, and everything."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=HttpProtocol, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    first = await reader.read(1 << 20)
    rest = await reader.read(-1)
    writer.close()
    server.should_exit = True
    await running
    return first, first + rest


def test_a_small_answer_arrives_at_once():
    first, _ = asyncio.run(asked("/small"))
    assert first.endswith(b"\r\n\r\nsmall")


def test_a_large_answer_arrives_whole():
    _, everything = asyncio.run(asked("/large"))
    assert everything.partition(b"\r\n\r\n")[2] == LARGE


def test_the_head_of_a_large_answer_travels_with_its_body():
    first, _ = asyncio.run(asked("/large"))
    head, _, body = first.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == LARGE[: len(body)] != b""


def test_an_answer_without_a_body_arrives():
    _, everything = asyncio.run(asked("/empty"))
    assert everything.startswith(b"HTTP/1.1 200 OK\r\n")
    assert everything.endswith(b"\r\n\r\n")


def test_a_head_does_not_wait_for_a_body_that_takes_its_time():
    first, everything = asyncio.run(asked("/slow"))
    assert first.endswith(b"\r\n\r\n")
    assert b"is no head here" in everything.removeprefix(first)


async def answered(*pieces):
    """What comes back for a request that is sent in pieces, each after the one before it was read."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=HttpProtocol, log_level="critical", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.servers[0].sockets[0].getsockname()[1])
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    answer = b""
    with contextlib.suppress(ConnectionError):
        answer = await reader.read(-1)
    writer.close()
    server.should_exit = True
    await running
    return answer


@pytest.mark.parametrize("line", [b"X: " + b"a" * 4_000_000, b"X: y\r\n" * 700_000, b"a" * 4_000_000])
def test_a_head_that_does_not_end_is_refused_and_not_kept(line):
    answer = asyncio.run(answered(b"GET /small HTTP/1.1\r\nHost: x\r\n", line))
    # Whoever still sends may find the connection closed before the answer was read.
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


def test_a_head_with_a_long_cookie_is_read():
    cookie = b"Cookie: a=" + b"b" * 16_000 + b"\r\n"
    answer = asyncio.run(answered(b"GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", cookie, b"\r\n"))
    assert answer.startswith(b"HTTP/1.1 200 ")


async def taken(body):
    """The pieces of a body as an application gets them that is slow to ask for the second."""
    pieces, has_all = [], asyncio.Event()

    async def reading(scope, receive, send):
        message = {"more_body": True}
        while message["more_body"]:
            message = await receive()
            pieces.append(message["body"])
            await asyncio.sleep(0.3 if len(pieces) == 1 else 0)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        has_all.set()

    server = uvicorn.Server(uvicorn.Config(reading, port=0, http=HttpProtocol, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    await has_all.wait()
    answer = await reader.read(-1)
    writer.close()
    server.should_exit = True
    await running
    return pieces, answer


def test_a_body_that_nobody_asks_for_waits_in_the_kernel_and_arrives_whole():
    pieces, answer = asyncio.run(taken(LARGE))

    assert answer.startswith(b"HTTP/1.1 204")
    assert b"".join(pieces) == LARGE
    assert max(map(len, pieces)) <= MOST_WAITING_BYTES + READ_BYTES


async def digests(bodies, *, connections):
    """What an application answers to bodies that are sent piece by piece on several connections at once, two requests on each."""

    async def hashing(scope, receive, send):
        digest, message = hashlib.sha256(), {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            digest.update(message["body"])
            await asyncio.sleep(0)
        body = digest.hexdigest().encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"64")]})
        await send({"type": "http.response.body", "body": body})

    async def ask(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        chance, answers = random.Random(number), []
        # The second request follows the first without waiting for its answer.
        sent = b"".join(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies[number]
        )
        at = 0
        while at < len(sent):
            step = chance.choice([1, 37, 1_400, 70_000, 600_000])
            writer.write(sent[at : at + step])
            at += step
            await writer.drain()
            await asyncio.sleep(0)
        for _ in bodies[number]:
            await reader.readuntil(b"\r\n\r\n")
            answers.append((await reader.readexactly(64)).decode())
        writer.close()
        return answers

    server = uvicorn.Server(uvicorn.Config(hashing, port=0, http=HttpProtocol, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    found = await asyncio.gather(*map(ask, range(connections)))
    server.should_exit = True
    await running
    return found


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_bytes_of_one_connection_never_come_into_another(run):
    chance = random.Random(8)
    bodies = [[chance.randbytes(chance.randrange(1_500_000)) for _ in range(2)] for _ in range(12)]

    found = run(digests(bodies, connections=len(bodies)))

    assert found == [[hashlib.sha256(body).hexdigest() for body in two] for two in bodies]
