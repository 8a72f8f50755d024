"""Holdings of a scope that may change, whose answers are kept while the database tells of no change.

Those who look at what has not come out yet (a site at what it sent, a curator, who chooses for a release) ask the same again and
again while they leaf, as viewers do. Triggers tell of every change of what is stored, catalogued or decided; then all that was kept is
asked anew.
"""

import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from radcommons.server.archive.dicomweb.address import Address
from radcommons.server.archive.dicomweb.by_query import KeyedSelection, QueriedHoldings, SeriesRows
from radcommons.server.archive.dicomweb.holdings import HeldInstance
from radcommons.server.archive.dicomweb.query import SearchQuery
from radcommons.server.archive.recently_used import RecentlyUsed
from radcommons.server.platform.errors import NotFoundError

V = TypeVar("V")
# A second line behind the triggers: whatever goes wrong, nothing older than this is answered.
_BELIEVED_S = 5.0
_ANSWER_BYTES = 4096
_ROW_BYTES = 700

# Of everybody's rights, for what a scope shows may follow from what opens it, and of the contents.
Generation = tuple[int, int]
# By scope and question: the answer, until when (monotonic seconds) it is believed, and of which generation it is.
Answers = RecentlyUsed[tuple[str, Hashable], tuple[object, float, Generation]]


@dataclass(frozen=True, slots=True)
class RememberedHoldings:
    """See :class:`.Holdings`.

    Parameters
    ----------
    scope
        The name of the scope, which shows the same to all who may see it.
    generation
        The state of rights and of contents when the question came.
    reads_ahead
        Whether all instances of a series are read when one is asked for; a waste while changes arrive.
    """

    inner: QueriedHoldings
    answers: Answers
    scope: str
    generation: Generation
    reads_ahead: bool

    async def search(self, query: SearchQuery, address: Address, *, root: str) -> tuple[bytes, int]:
        """The results of a search."""
        return await self._asked(
            (query, address, root), lambda: self.inner.search(query, address, root=root), lambda found: len(found[0])
        )

    async def one(self, address: Address) -> HeldInstance:
        """The instance an address names."""
        rows = await self._series(address)
        if rows is None:
            return await self._asked(("one", _uids(address)), lambda: self.inner.one(address), _size_of_instance)
        _, instance = _found(rows, address)
        return instance

    async def _series(self, address: Address) -> SeriesRows | None:
        """All instances of its series, at the cost of some: who asks for one asks for the next."""
        if not self.reads_ahead:
            return None
        question = ("series", _uids(address)[:2])
        return await self._asked(question, lambda: self.inner.series(address), _size_of_series)

    async def representative(self, address: Address) -> HeldInstance:
        """The image that stands for an address."""
        question = ("representative", _uids(address))
        return await self._asked(question, lambda: self.inner.representative(address), _size_of_instance)

    async def select(self, address: Address) -> KeyedSelection:
        """All instances an address names."""
        rows = await self._series(address) if address.sop_instance_uid else None
        if rows is not None:
            return KeyedSelection.of_one(self.inner.kept, *_found(rows, address))
        question = ("select", _uids(address))
        return await self._asked(question, lambda: self.inner.select(address), lambda found: found.held_bytes)

    async def attributes(self, address: Address) -> dict[str, Any]:
        """The DICOM JSON of one instance."""
        return await self.inner.attributes(address)

    async def _asked(self, question: Hashable, ask: Callable[[], Awaitable[V]], size_of: Callable[[V], int]) -> V:
        key, now = (self.scope, question), time.monotonic()
        held = self.answers.get(key)
        if held is not None and held[2] == self.generation and now < held[1]:
            return cast("V", held[0])
        made = await ask()
        entry = (made, now + _BELIEVED_S, self.generation)
        self.answers.put(key, entry, size_bytes=_ANSWER_BYTES + size_of(made))
        return made


def _uids(address: Address) -> tuple[str, str, str]:
    return address.study_instance_uid, address.series_instance_uid, address.sop_instance_uid


def _found(rows: SeriesRows, address: Address) -> tuple[int, HeldInstance]:
    found = rows.get(address.sop_instance_uid)
    if found is None:
        raise NotFoundError
    return found


def _size_of_instance(instance: HeldInstance) -> int:
    return _ROW_BYTES + 100 * len(instance.frames)


def _size_of_series(rows: SeriesRows | None) -> int:
    return sum(_size_of_instance(instance) for _, instance in rows.values()) if rows else 0
