"""How answers are put on the wire: as few messages as their pieces allow, whatever the pieces are."""

import asyncio

import pytest

from radcommons.server.archive.dicomweb.sending import Answer
from radcommons.server.archive.errors import DamagedObjectError


def sent(answer, method="GET"):
    """The messages of an answer, after it has begun."""
    messages = []

    async def send(message):
        messages.append(message)

    async def receive():
        return {"type": "http.disconnect"}

    async def run():
        if method == "GET":
            await answer.begin()
        await answer.send({"type": "http", "method": method}, receive, send)

    asyncio.run(run())
    return messages


async def pieces(*each, is_ended=None):
    for piece in each:
        yield piece
    if is_ended is not None:
        is_ended.append(True)


async def damaged():
    raise DamagedObjectError
    yield b""


def test_what_is_all_in_its_first_piece_is_sent_in_one_message_and_its_maker_comes_to_an_end():
    is_ended = []
    head, body = sent(Answer(pieces(b"whole", is_ended=is_ended), headers={"Content-Length": "5"}))
    assert head["status"] == 200
    assert body == {"type": "http.response.body", "body": b"whole"}
    assert is_ended == [True]


def test_several_pieces_are_sent_one_after_the_other_and_the_last_says_so():
    _, *bodies = sent(Answer(pieces(b"one", memoryview(b"two")), headers={"Content-Length": "6"}))
    assert [(bytes(each["body"]), each["more_body"]) for each in bodies] == [(b"one", True), (b"two", False)]


def test_a_body_shorter_than_it_said_ends_with_an_empty_message_that_the_server_takes_for_a_broken_answer():
    _, *bodies = sent(Answer(pieces(b"one"), headers={"Content-Length": "6"}))
    assert [each["body"] for each in bodies] == [b"one", b""]
    assert "more_body" not in bodies[-1]


def test_nothing_is_read_for_the_head_alone():
    is_ended = []
    _, body = sent(Answer(pieces(b"whole", is_ended=is_ended), headers={"Content-Length": "5"}), "HEAD")
    assert (body["body"], is_ended) == (b"", [])


def test_what_fails_at_its_first_piece_fails_before_anything_is_sent():
    with pytest.raises(DamagedObjectError):
        sent(Answer(damaged(), headers={"Content-Length": "5"}))
