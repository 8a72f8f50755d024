"""Knowing at once that something has changed, so that what was decided or read may be remembered until then.

Triggers of the database speak on one channel whenever a token, a session, a role or a version changes, and on another when
what live scopes show does, whoever changes it. While nobody listens, nothing may be remembered.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg

ACCESS = "radcommons_access"
CONTENTS = "radcommons_contents"
_PAUSE_S = 1.0
_MOMENT_S = 1.0


class ChangeWatch:
    """Counts the changes told on a channel; ``generation`` is None while the database cannot be heard."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self.generation: int | None = None
        self._changes = 0
        self._changed_at = 0.0

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
                await connection.execute(f"LISTEN {self._channel}")
                self._count()
                async for _ in connection.notifies():
                    self._count()
        finally:
            self.generation = None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has changed for a moment, so that what is read now may be remembered for a while."""
        return self.generation is not None and time.monotonic() - self._changed_at > _MOMENT_S

    def note(self) -> None:
        """Count a change that was made here, before its word has come back."""
        if self.generation is not None:
            self._count()

    def _count(self) -> None:
        self._changes += 1
        self._changed_at = time.monotonic()
        self.generation = self._changes
