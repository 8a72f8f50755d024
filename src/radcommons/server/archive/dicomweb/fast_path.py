"""What one process remembers so that it need not ask again: who somebody is, who was let into which scope, what never changes.

Who is behind a token or a session is remembered for a few seconds, and only while the database tells of every change of a
token, a session, a role or a version; a change that was made while the question was asked counts as well. An admission is
remembered so for scopes that never change, and for those of which the database tells what would close them; to all others
everybody is admitted anew. Likewise answers of a scope that may change, while the database tells of nothing that would change them.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from radcommons.server.archive.dicomweb.by_query import KeptInstances, QueriedHoldings
from radcommons.server.archive.dicomweb.by_shelf import ShelfReader, ShelvedHoldings
from radcommons.server.archive.dicomweb.holdings import Holdings
from radcommons.server.archive.dicomweb.remembered import Answers, RememberedHoldings
from radcommons.server.archive.dicomweb.veiled import VeiledHoldings
from radcommons.server.archive.recently_used import RecentlyUsed
from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.change_watch import ACCESS, CONTENTS, ChangeWatch
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.read_pool import ReadPool

V = TypeVar("V")
Credentials = tuple[str, str]
Visitor = tuple[str, str, str]
# A second line behind the watch: whatever goes wrong, nobody stays admitted longer than this.
REMEMBERED_S = 5.0
_ADMISSIONS_BYTES = 8 << 20
_ADMISSION_BYTES = 2048
_ANSWERS_BYTES = 8 << 20


class FastPath:
    """The memory of one web process. Until :meth:`running` is entered it remembers nothing."""

    def __init__(self) -> None:
        self._pool = ReadPool()
        self._watch = ChangeWatch(ACCESS)
        self._contents = ChangeWatch(CONTENTS)
        self._reader = ShelfReader(self._pool)
        self._admissions: RecentlyUsed[Visitor, tuple[Scope, float, int]] = RecentlyUsed(_ADMISSIONS_BYTES)
        self._actors: RecentlyUsed[Credentials, tuple[Actor, float, int]] = RecentlyUsed(_ADMISSIONS_BYTES)
        self._kept = KeptInstances()
        self._answers: Answers = RecentlyUsed(_ANSWERS_BYTES)

    @asynccontextmanager
    async def running(self, database_url: str) -> AsyncIterator[None]:
        """Connect to the database while the application runs; what an earlier run remembered is forgotten."""
        self._reader = ShelfReader(self._pool)
        self._kept = KeptInstances()
        self._answers.clear()
        self._admissions.clear()
        self._actors.clear()
        async with (
            self._pool.running(database_url),
            self._watch.running(database_url),
            self._contents.running(database_url),
        ):
            yield

    def note_change(self) -> None:
        """Believe no answer of before: something may have been changed through this process, and whoever did so must see it."""
        self._contents.note()

    @property
    def generation(self) -> int | None:
        """The state of everybody's rights; None while nothing may be remembered."""
        return self._watch.generation

    def holdings(self, scope: Scope) -> Holdings:
        """How the instances of a scope are reached."""
        tables = QueriedHoldings(scope.instances, self._kept)
        live: QueriedHoldings | RememberedHoldings = tables
        rights, contents = self.generation, self._contents.generation
        if scope.is_watched and rights is not None and contents is not None:
            reads_ahead = self._contents.is_quiet
            live = RememberedHoldings(tables, self._answers, scope.name, (rights, contents), reads_ahead)
        if scope.veil is not None:
            return VeiledHoldings(live, scope.veil)
        if scope.shelf_id is not None and self._pool.is_running:
            return ShelvedHoldings(self._reader, scope.shelf_id, tables)
        return live

    def remembered(self, visitor: Visitor) -> Scope | None:
        """The scope a visitor (two headers and a path) was let into a moment ago, when nothing has changed since."""
        return self._still(self._admissions.get(visitor))

    def actor(self, credentials: Credentials) -> Actor | None:
        """Who sent two headers a moment ago, when nobody's rights have changed since."""
        return self._still(self._actors.get(credentials))

    def remember_actor(self, credentials: Credentials, actor: Actor, *, generation: int | None) -> None:
        """Remember who it was, as of rights of this generation."""
        if generation is not None:
            entry = (actor, time.monotonic() + REMEMBERED_S, generation)
            self._actors.put(credentials, entry, size_bytes=_ADMISSION_BYTES + sum(map(len, credentials)))

    def _still(self, found: tuple[V, float, int] | None) -> V | None:
        if found is None:
            return None
        value, until, generation = found
        return value if generation == self.generation and time.monotonic() < until else None

    def remember(self, visitor: Visitor, scope: Scope, *, generation: int | None) -> None:
        """Remember an admission that was decided on rights of this generation."""
        if generation is None or not (scope.is_watched or scope.shelf_id is not None):
            return
        entry = (scope, time.monotonic() + REMEMBERED_S, generation)
        self._admissions.put(visitor, entry, size_bytes=_ADMISSION_BYTES + sum(map(len, visitor)))
