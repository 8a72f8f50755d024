import asyncio
import threading
import time

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from radcommons.apps.page_threads import KEPT, PageThreads

pytestmark = pytest.mark.django_db(transaction=True)


def _backend() -> int:
    """The process of PostgreSQL that answers this thread."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _alive(backends: list[int]) -> int:
    """How many of the processes are still there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", [backends])
        return int(cursor.fetchone()[0])


def _page_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("page")]


def _wait_for(condition) -> None:
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at, "waited too long"
        time.sleep(0.01)


class _Application:
    """Asks the database in a thread, as Django does, and notes who answered."""

    def __init__(self, *, gate: threading.Event | None = None) -> None:
        self.seen: list[tuple[int, int]] = []
        self._gate = gate

    async def __call__(self, *_: object) -> None:
        await sync_to_async(self._view)()

    def _view(self) -> None:
        self.seen.append((threading.get_ident(), _backend()))
        if self._gate is not None:
            self._gate.wait(30)


@pytest.fixture
def ended():
    """Pages whose threads end with the test, as they do with the process."""
    made: list[PageThreads] = []

    def make(application: _Application) -> PageThreads:
        made.append(PageThreads(application))
        return made[-1]

    yield make
    for pages in made:
        while pages._idle:
            thread = pages._idle.pop()
            thread.submit(connections.close_all).result()
            thread.shutdown()


async def _ask(pages: PageThreads) -> None:
    await pages({"type": "http"}, None, None)


def test_one_request_after_the_other_is_answered_by_one_thread_over_one_connection(ended):
    application = _Application()
    pages = ended(application)
    for number in range(4):
        asyncio.run(_ask(pages))
        _wait_for(lambda: len(pages._idle) == 1)
        assert len(application.seen) == number + 1
    assert len(set(application.seen)) == 1


def test_many_at_the_same_time_have_a_thread_each_and_what_is_too_many_ends_with_its_connection(ended):
    gate = threading.Event()
    application, many = _Application(gate=gate), KEPT + 3
    pages, before = ended(application), len(_page_threads())

    async def rush() -> None:
        asking = [asyncio.create_task(_ask(pages)) for _ in range(many)]
        await asyncio.to_thread(_wait_for, lambda: len(application.seen) == many)
        gate.set()
        await asyncio.gather(*asking)

    asyncio.run(rush())
    assert len({thread for thread, _ in application.seen}) == many
    _wait_for(lambda: len(_page_threads()) - before == KEPT and len(pages._idle) == KEPT)
    backends = [backend for _, backend in application.seen]
    _wait_for(lambda: _alive(backends) == KEPT)


def test_a_visitor_who_leaves_does_not_make_the_next_wait_for_what_was_begun(ended):
    gate = threading.Event()
    application = _Application(gate=gate)
    pages = ended(application)

    async def leave_and_come_again() -> None:
        first = asyncio.create_task(_ask(pages))
        await asyncio.to_thread(_wait_for, lambda: len(application.seen) == 1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        second = asyncio.create_task(_ask(pages))
        await asyncio.to_thread(_wait_for, lambda: len(application.seen) == 2)
        gate.set()
        await second

    asyncio.run(leave_and_come_again())
    assert len({thread for thread, _ in application.seen}) == 2
    _wait_for(lambda: len(pages._idle) == 2)
