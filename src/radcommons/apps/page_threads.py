"""Threads in which Django answers, kept from one request to the next, and with each its connection to the database.

Django takes a new thread for every request and a connection belongs to a thread; so every page and every call of an API
would have PostgreSQL start a process, which costs more than most answers, and a rush would take all that PostgreSQL has.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import ThreadSensitiveContext
from django.db import close_old_connections
from starlette.types import ASGIApp, Receive, Scope, Send

# PostgreSQL has a hundred connections for all processes. Who comes when all threads are at work waits for one.
MOST_THREADS = 16

Given = ParamSpec("Given")
Result = TypeVar("Result")


class PageThreads:
    """Answers by an application whose waiting code runs in a few threads.

    A thread is held as long as code runs in it: not while a body arrives, nor while somebody slow reads the answer. Each call
    may get another thread than the one before it, so no transaction may reach from one call into the next; those of Django are
    blocks within one call.

    Parameters
    ----------
    app
        Django.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._threads = _Threads(MOST_THREADS, thread_name_prefix="page")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        async with ThreadSensitiveContext(executor=self._threads):
            await self._app(scope, receive, send)


class _Threads(ThreadPoolExecutor):
    """Threads whose connections are looked at before each call."""

    def submit(self, fn: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs) -> Future[Result]:
        """Have a call made in one of the threads."""
        return super().submit(_with_sound_connections, fn, *args, **kwargs)


def _with_sound_connections(call: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """Make a call after connections were closed that are too old, and have the others tried before they are used.

    PostgreSQL may have been started anew since, and a request that ended without Django's farewell looked at nothing.
    """
    close_old_connections()
    return call(*args, **kwargs)
