import asyncio
import threading
import time

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction

from radcommons.apps.page_threads import MOST_THREADS, PageThreads

pytestmark = pytest.mark.django_db(transaction=True)


def _backend() -> int:
    """The process of PostgreSQL that answers this thread."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


class _Application:
    """Asks the database in a thread, as Django does, and notes which process answered."""

    def __init__(self, *, gate: threading.Event | None = None) -> None:
        self.seen: list[int] = []
        self._gate = gate

    async def __call__(self, *_: object) -> None:
        await sync_to_async(self._view)()

    def _view(self) -> None:
        self.seen.append(_backend())
        if self._gate is not None:
            assert self._gate.wait(30)


async def _until(condition) -> None:
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at, "waited too long"
        await asyncio.sleep(0.01)


@pytest.fixture
def ended(monkeypatch):
    """Pages whose threads end with the test, as they do with the process; connections are kept as by a centre."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 60)
    made: list[PageThreads] = []

    def make(application) -> PageThreads:
        made.append(PageThreads(application))
        return made[-1]

    yield make
    for pages in made:
        threads = pages._threads
        together = threading.Barrier(MOST_THREADS)
        closing = [threads.submit(_close, together) for _ in range(MOST_THREADS)]
        for each in closing:
            each.result()
        threads.shutdown()


def _close(together: threading.Barrier) -> None:
    connections.close_all()
    # No thread closes twice while another does not.
    together.wait(30)


async def _ask(pages: PageThreads) -> None:
    await pages({"type": "http"}, None, None)


def test_requests_one_after_the_other_share_connections(ended):
    """Not always a single one: a request may come before the thread of the last one has said that it is idle."""
    application = _Application()
    pages = ended(application)

    async def one_after_the_other() -> None:
        for _ in range(3 * MOST_THREADS):
            await _ask(pages)

    asyncio.run(one_after_the_other())
    assert len(application.seen) == 3 * MOST_THREADS
    assert len(set(application.seen)) < MOST_THREADS / 2


def test_a_rush_takes_no_more_connections_than_there_are_threads_and_everybody_is_answered(ended):
    gate = threading.Event()
    application, many = _Application(gate=gate), 10 * MOST_THREADS
    pages = ended(application)

    async def rush() -> None:
        asking = [asyncio.create_task(_ask(pages)) for _ in range(many)]
        await _until(lambda: len(application.seen) == MOST_THREADS)
        gate.set()
        await asyncio.gather(*asking)

    asyncio.run(rush())
    assert len(application.seen) == many
    assert len(set(application.seen)) == MOST_THREADS


def test_connections_that_the_database_ended_are_made_anew_and_nobody_sees_an_error(ended):
    gate = threading.Event()
    application = _Application(gate=gate)
    pages = ended(application)

    async def before_and_after() -> None:
        first = [asyncio.create_task(_ask(pages)) for _ in range(3)]
        await _until(lambda: len(application.seen) == 3)
        gate.set()
        await asyncio.gather(*first)
        # As when PostgreSQL is started anew.
        await sync_to_async(_end)(application.seen)
        await asyncio.gather(*[_ask(pages) for _ in range(6)])

    asyncio.run(before_and_after())
    assert not set(application.seen[:3]) & set(application.seen[3:])


def _end(backends: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) AS pid", [backends])
        assert all(ended for (ended,) in cursor.fetchall())
    connection.close()


def test_a_visitor_who_leaves_frees_the_thread_when_it_is_done_and_is_no_longer_waited_for_in_the_queue(ended):
    gate = threading.Event()
    application = _Application(gate=gate)
    pages = ended(application)

    async def leave_and_come_again() -> None:
        asking = [asyncio.create_task(_ask(pages)) for _ in range(MOST_THREADS + 5)]
        await _until(lambda: len(application.seen) == MOST_THREADS)
        for each in asking:
            each.cancel()
        await asyncio.sleep(0.05)
        gate.set()
        await asyncio.gather(*asking, return_exceptions=True)
        await _ask(pages)

    asyncio.run(leave_and_come_again())
    assert len(application.seen) == MOST_THREADS + 1


def test_a_view_that_fails_leaves_no_open_transaction_to_the_next(ended):
    states: list[bool] = []

    def view() -> None:
        states.append(connection.in_atomic_block)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 1234")
            raise LookupError

    def state() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            return str(cursor.fetchone()[0])

    async def application(*_: object) -> None:
        with pytest.raises(LookupError):
            await sync_to_async(view)()
        states.append(await sync_to_async(state)() == "1234ms")

    pages = ended(application)

    async def twice() -> None:
        await _ask(pages)
        await _ask(pages)

    asyncio.run(twice())
    assert states == [False] * 4


def test_who_reads_slowly_or_sends_slowly_holds_no_thread(ended):
    slow = asyncio.Event()

    async def application(scope, *_: object) -> None:
        await sync_to_async(_backend)()
        if scope["is_slow"]:
            await slow.wait()

    pages = ended(application)

    async def slow_ones_done_when_another_was_served() -> int:
        asking = [asyncio.create_task(pages({"is_slow": True}, None, None)) for _ in range(4 * MOST_THREADS)]
        await asyncio.wait_for(pages({"is_slow": False}, None, None), 30)
        done = sum(each.done() for each in asking)
        slow.set()
        await asyncio.gather(*asking)
        return done

    assert asyncio.run(slow_ones_done_when_another_was_served()) == 0
