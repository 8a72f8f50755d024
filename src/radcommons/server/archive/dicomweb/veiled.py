"""Holdings under a veil: the same pictures, fewer attributes, and no files as they are stored."""

import zlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from radcommons.server.archive.dicomweb.address import Address, Resource
from radcommons.server.archive.dicomweb.holdings import HeldInstance, Holdings, Selection
from radcommons.server.archive.dicomweb.query import SearchQuery
from radcommons.server.archive.dicomweb.threads import in_pool
from radcommons.server.archive.errors import NotAcceptableError
from radcommons.server.archive.scopes import Veil
from radcommons.server.platform.errors import NotFoundError

NO_FILES = "This root shows pictures and what displaying them needs; files as they are stored are not given out here."


@dataclass(frozen=True, slots=True)
class VeiledSelection:
    """See :class:`.Selection`."""

    inner: Selection
    veil: Veil

    @property
    def count(self) -> int:
        """The number of instances."""
        return self.inner.count

    @property
    def size_bytes(self) -> int:
        """The size of their files together."""
        return self.inner.size_bytes

    @property
    def transfer_syntaxes(self) -> Counter[str]:
        """How many are stored in each transfer syntax."""
        return self.inner.transfer_syntaxes

    @property
    def digest(self) -> str:
        """Changes when any of them, or the set, changes."""
        return self.inner.digest

    def objects(self) -> AsyncIterator[Sequence[tuple[str, int, str]]]:
        """Not given out.

        Raises
        ------
        NotAcceptableError
            Always.
        """
        raise NotAcceptableError(NO_FILES)

    async def metadata(self, root: str, *, is_gzip: bool) -> bytes | AsyncIterator[bytes]:
        """Their DICOM JSON as one array of what is shown."""
        whole = await self.inner.metadata(root, is_gzip=False)
        if not isinstance(whole, bytes):
            whole = b"".join([piece async for piece in whole])
        return await in_pool(_veiled, whole, self.veil, is_gzip)


def _veiled(array: bytes, veil: Veil, is_gzip: bool) -> bytes:  # noqa: FBT001 - called through a pool of threads
    shown = orjson.dumps([veil.over(item) for item in orjson.loads(array)])
    return zlib.compress(shown, 1, zlib.MAX_WBITS | 16) if is_gzip else shown


@dataclass(frozen=True, slots=True)
class VeiledHoldings:
    """See :class:`.Holdings`."""

    inner: Holdings
    veil: Veil

    async def search(self, query: SearchQuery, address: Address, *, root: str) -> tuple[bytes, int]:
        """Results of a search. A condition on what is hidden is not looked at: its answer would tell the value."""
        matches = tuple(match for match in query.matches if self.veil.shows(match.key.tag))
        found, count = await self.inner.search(replace(query, matches=matches), address, root=root)
        return orjson.dumps([self.veil.over(item) for item in orjson.loads(found)]), count

    async def one(self, address: Address) -> HeldInstance:
        """The instance whose frames or pictures an address names.

        Raises
        ------
        NotAcceptableError
            When the file itself is asked for.
        """
        self._demand_shown(address)
        return await self.inner.one(address)

    async def representative(self, address: Address) -> HeldInstance:
        """The image that stands for an address."""
        return await self.inner.representative(address)

    async def select(self, address: Address) -> Selection:
        """All instances an address names."""
        found = await self.inner.select(address)
        self._demand_shown(address)
        return VeiledSelection(found, self.veil)

    async def attributes(self, address: Address) -> dict[str, Any]:
        """What is shown of the DICOM JSON of one instance."""
        return self.veil.over(await self.inner.attributes(address))

    def _demand_shown(self, address: Address) -> None:
        if address.resource is Resource.RETRIEVE:
            raise NotAcceptableError(NO_FILES)
        if address.resource is Resource.BULKDATA and not all(map(self.veil.shows, address.tag_path.split("/")[::2])):
            raise NotFoundError
