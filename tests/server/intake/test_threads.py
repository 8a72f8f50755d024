"""Bodies are handed over in large pieces while they arrive, one after the other, whatever ends them."""

import asyncio
import threading

import pytest
from starlette.requests import ClientDisconnect

from radcommons.server.intake.errors import DiskFullError
from radcommons.server.intake.threads import WRITE_BYTES, fed
from radcommons.server.platform.errors import ForbiddenError

PATIENCE_S = 60
HALF = WRITE_BYTES // 2


class Taking:
    """What takes a body in, and remembers; it may be held up or fail."""

    def __init__(self, *, fails_at=None):
        self.groups, self.at_once, self.most_at_once = [], 0, 0
        self.begun, self.may_end = threading.Event(), threading.Event()
        self._fails_at = fails_at

    def feed(self, pieces):
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.set()
        assert self.may_end.wait(PATIENCE_S)
        self.groups.append(b"".join(pieces))
        self.at_once -= 1
        if len(self.groups) == self._fails_at:
            raise DiskFullError


async def body(pieces, *, ends_with=None):
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)
    if ends_with is not None:
        raise ends_with


def numbered(count):
    return [bytes([number]) * HALF for number in range(count)]


def test_the_next_pieces_arrive_while_the_first_are_taken_in_and_all_come_in_order():
    taking, pieces, arrived = Taking(), numbered(7), []

    async def watched():
        for number, piece in enumerate(pieces):
            if number == 3:
                # The first megabyte is being taken in and cannot end before this one has come.
                assert await asyncio.to_thread(taking.begun.wait, PATIENCE_S)
                taking.may_end.set()
            arrived.append(number)
            yield piece

    rest = asyncio.run(fed(watched(), taking.feed))

    assert arrived == list(range(7))
    assert taking.most_at_once == 1
    assert [len(group) for group in taking.groups] == [WRITE_BYTES] * 3
    assert b"".join(taking.groups) + b"".join(rest) == b"".join(pieces)


def test_a_body_that_cannot_be_kept_is_not_read_to_its_end():
    taking, read = Taking(fails_at=1), []
    taking.may_end.set()

    async def watched():
        async for piece in body(numbered(200)):
            read.append(piece)
            yield piece

    with pytest.raises(DiskFullError):
        asyncio.run(fed(watched(), taking.feed))

    assert len(taking.groups) == 1
    # What was on its way while the first megabyte failed, and no more.
    assert len(read) == 4


def test_of_a_broken_body_all_that_came_is_taken_in_before_anybody_hears_of_it():
    taking = Taking()
    taking.may_end.set()

    with pytest.raises(ClientDisconnect):
        asyncio.run(fed(body(numbered(5), ends_with=ClientDisconnect()), taking.feed))

    assert b"".join(taking.groups) == b"".join(numbered(5))
    assert taking.at_once == 0


def test_a_failure_is_told_after_the_thread_has_ended():
    taking = Taking()

    async def failing():
        async for piece in body(numbered(2)):
            yield piece
        assert await asyncio.to_thread(taking.begun.wait, PATIENCE_S)
        threading.Timer(0.05, taking.may_end.set).start()
        raise asyncio.IncompleteReadError(b"", 1)

    with pytest.raises(asyncio.IncompleteReadError):
        asyncio.run(fed(failing(), taking.feed))

    assert (taking.at_once, len(taking.groups)) == (0, 1)


@pytest.mark.parametrize("pieces", [1, 200])
def test_before_leave_is_given_no_more_than_one_piece_is_read_and_nothing_taken_in(pieces):
    taking, read = Taking(), []

    async def watched():
        async for piece in body(numbered(pieces)):
            read.append(piece)
            yield piece

    async def refused():
        await asyncio.sleep(0.05)
        raise ForbiddenError

    async def asked():
        await fed(watched(), taking.feed, after=asyncio.ensure_future(refused()))

    with pytest.raises(ForbiddenError):
        asyncio.run(asked())

    assert (taking.groups, len(read)) == ([], min(pieces, 2))


def test_what_came_before_leave_was_given_is_taken_in_afterwards():
    taking, order = Taking(), []
    taking.may_end.set()

    async def given():
        await asyncio.sleep(0.05)
        order.append("leave")

    def feed(group):
        order.append("piece")
        taking.feed(group)

    async def asked():
        return await fed(body(numbered(3)), feed, after=asyncio.ensure_future(given()))

    rest = asyncio.run(asked())

    assert order == ["leave", "piece"]
    assert b"".join(taking.groups) + b"".join(rest) == b"".join(numbered(3))
