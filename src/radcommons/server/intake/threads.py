"""Waiting for the database or the disk on behalf of uploads without stopping the event loop."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.db import close_old_connections
from starlette.requests import ClientDisconnect

P = ParamSpec("P")
R = TypeVar("R")

WRITE_BYTES = 1 << 20

# Threads of one web process; each holds one connection.
_POOL = ThreadPoolExecutor(max_workers=8, thread_name_prefix="upload")


async def in_pool(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function in one of the threads."""
    work = functools.partial(_with_connection, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_POOL, work)


async def fed(
    body: AsyncIterator[bytes], feed: Callable[[list[bytes]], None], *, after: asyncio.Future[Any] | None = None
) -> list[bytes]:
    """Hand a body over in large pieces, each taken in by a thread while the next one arrives; never two of them at a time.

    Parameters
    ----------
    after
        What must have ended well before the first piece is handed over; no more than that piece is read meanwhile.

    Returns
    -------
    What came last and was not handed over.

    Raises
    ------
    ClientDisconnect
        When the line broke; what had come is handed over before.
    """
    waiting: list[bytes] = []
    size_bytes = 0
    feeding: asyncio.Future[Any] | None = after
    try:
        async for piece in body:
            waiting.append(piece)
            size_bytes += len(piece)
            if size_bytes >= WRITE_BYTES:
                if feeding is not None:
                    await feeding
                feeding = asyncio.ensure_future(in_pool(feed, waiting))
                waiting, size_bytes = [], 0
    except ClientDisconnect:
        if feeding is not None:
            await feeding
        feeding = asyncio.ensure_future(in_pool(feed, waiting))
        raise
    finally:
        if feeding is not None:
            await feeding
    return waiting


def _with_connection(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()
