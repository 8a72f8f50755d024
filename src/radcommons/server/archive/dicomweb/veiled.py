"""Holdings under a veil: the same pictures, fewer attributes, no files as they are stored, and other identifiers."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from radcommons.server.archive.dicomweb.address import Address, Resource
from radcommons.server.archive.dicomweb.by_query import KeyedSelection, QueriedHoldings
from radcommons.server.archive.dicomweb.holdings import HeldInstance, Selection, StoredObject
from radcommons.server.archive.dicomweb.query import Match, OneOf, SearchQuery
from radcommons.server.archive.dicomweb.remembered import RememberedHoldings
from radcommons.server.archive.errors import NotAcceptableError
from radcommons.server.archive.scopes import Veil
from radcommons.server.platform.errors import NotFoundError

# Study, Series and SOP Instance UID: of these a search may name an alias.
_IDENTIFIERS = frozenset({"0020000D", "0020000E", "00080018"})
NO_FILES = "This root shows pictures and what displaying them needs; files as they are stored are not given out here."


@dataclass(frozen=True, slots=True)
class VeiledSelection:
    """See :class:`.Selection`."""

    inner: KeyedSelection
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

    def objects(self) -> AsyncIterator[Sequence[StoredObject]]:
        """Not given out.

        Raises
        ------
        NotAcceptableError
            Always.
        """
        raise NotAcceptableError(NO_FILES)

    async def metadata(self, root: str, *, is_gzip: bool) -> bytes:
        """Their DICOM JSON as one array of what is shown; made once for a root, since its images never change."""
        name = (self.inner.digest, root, self.veil.tags)
        return await self.inner.kept.document(name, lambda: self._pieces(root), is_gzip=is_gzip)

    def _pieces(self, root: str) -> Iterator[bytes]:
        shown = b",".join(orjson.dumps(self.veil.over(each)) for each in self.inner.each_attributes(root))
        yield b"[%b]" % shown


@dataclass(frozen=True, slots=True)
class VeiledHoldings:
    """See :class:`.Holdings`."""

    inner: QueriedHoldings | RememberedHoldings
    veil: Veil

    async def search(self, query: SearchQuery, address: Address, *, root: str) -> tuple[bytes, int]:
        """Results of a search. A condition on what is hidden is not looked at: its answer would tell the value."""
        matches = tuple(self._real_match(match) for match in query.matches if self.veil.shows(match.key.tag))
        found, count = await self.inner.search(replace(query, matches=matches), self._real(address), root=root)
        return orjson.dumps([self.veil.over(item) for item in orjson.loads(found)]), count

    async def one(self, address: Address) -> HeldInstance:
        """The instance whose frames or pictures an address names.

        Raises
        ------
        NotAcceptableError
            When the file itself is asked for.
        """
        self._demand_shown(address)
        return self._shown(await self.inner.one(self._real(address)))

    async def representative(self, address: Address) -> HeldInstance:
        """The image that stands for an address."""
        return self._shown(await self.inner.representative(self._real(address)))

    async def select(self, address: Address) -> Selection:
        """All instances an address names."""
        found = await self.inner.select(self._real(address))
        self._demand_shown(address)
        return VeiledSelection(found, self.veil)

    async def attributes(self, address: Address) -> dict[str, Any]:
        """What is shown of the DICOM JSON of one instance."""
        return self.veil.over(await self.inner.attributes(self._real(address)))

    def _real(self, address: Address) -> Address:
        """An address with the identifiers that the tables know."""
        aliases = self.veil.aliases
        if aliases is None:
            return address
        study, series, instance = (
            aliases.real(uid) if uid else ""
            for uid in (address.study_instance_uid, address.series_instance_uid, address.sop_instance_uid)
        )
        return replace(address, study_instance_uid=study, series_instance_uid=series, sop_instance_uid=instance)

    def _real_match(self, match: Match) -> Match:
        aliases = self.veil.aliases
        if aliases is None or match.key.tag not in _IDENTIFIERS or not isinstance(match.condition, OneOf):
            return match
        return replace(match, condition=OneOf(tuple(aliases.real(str(value)) for value in match.condition.values)))

    def _shown(self, instance: HeldInstance) -> HeldInstance:
        aliases = self.veil.aliases
        return (
            instance
            if aliases is None
            else replace(instance, sop_instance_uid=aliases.alias(instance.sop_instance_uid))
        )

    def _demand_shown(self, address: Address) -> None:
        if address.resource is Resource.RETRIEVE:
            raise NotAcceptableError(NO_FILES)
        if address.resource is Resource.BULKDATA and not all(map(self.veil.shows, address.tag_path.split("/")[::2])):
            raise NotFoundError
