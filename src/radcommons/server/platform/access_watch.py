"""Knowing at once that somebody's right to read has changed, so that what was decided may be remembered until then.

Triggers of the database speak on one channel whenever a token, a session, a role or a version changes, whoever changes
it. While nobody listens, nothing may be remembered.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg

CHANNEL = "radcommons_access"
_PAUSE_S = 1.0


class AccessWatch:
    """Counts the changes; ``generation`` is None while the database cannot be heard."""

    def __init__(self) -> None:
        self.generation: int | None = None
        self._changes = 0

    @asynccontextmanager
    async def running(self, database_url: str) -> AsyncIterator[None]:
        """Listen while the application runs; a lost connection is made anew."""
        task = asyncio.create_task(self._follow(database_url))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _follow(self, database_url: str) -> None:
        while True:
            with suppress(psycopg.Error, OSError):
                await self._listen(database_url)
            await asyncio.sleep(_PAUSE_S)

    async def _listen(self, database_url: str) -> None:
        try:
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                self._note()
                async for _ in connection.notifies():
                    self._note()
        finally:
            self.generation = None

    def _note(self) -> None:
        self._changes += 1
        self.generation = self._changes
