"""Waiting for the database without stopping the event loop: a bounded pool of threads, one connection each."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")

# As many connections as this are taken from PostgreSQL by one web process, at most.
_POOL = ThreadPoolExecutor(max_workers=8, thread_name_prefix="dicomweb")
_END = object()


async def in_pool(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function that reads the database, in a thread of the pool."""
    work = functools.partial(_with_connection, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_POOL, work)


def _with_connection(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()


async def each_in_pool(source: Iterator[R]) -> AsyncIterator[R]:
    """The items of an iterator that reads the database piece by piece; each piece may come from another thread."""
    while (item := await in_pool(next, source, _END)) is not _END:
        yield item  # type: ignore[misc]  # the sentinel is no item
