"""Threads in which Django answers, kept from one request to the next, and with each its connection to the database.

Django takes a new thread for every request and a connection belongs to a thread; so every page and every call of an API
would have PostgreSQL start a process, which costs more than most answers.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import ThreadSensitiveContext
from django.db import connections
from starlette.types import ASGIApp, Receive, Scope, Send

# As many as answer at the same time on an ordinary day; what more a rush needs ends with it.
KEPT = 8


class PageThreads:
    """Answers by an application of which everything that waits happens in one thread a request.

    Parameters
    ----------
    app
        Django.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # The last one first: the others' connections grow old and are closed.
        self._idle: deque[ThreadPoolExecutor] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            thread = self._idle.pop()
        except IndexError:
            thread = ThreadPoolExecutor(1, thread_name_prefix="page")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self._app(scope, receive, send)
        finally:
            # A visitor may be gone while the thread is still at work for them: it is free when it comes to this.
            thread.submit(self._give_back, thread)

    def _give_back(self, thread: ThreadPoolExecutor) -> None:
        if len(self._idle) < KEPT:
            self._idle.append(thread)
        else:
            connections.close_all()
            thread.shutdown(wait=False)
