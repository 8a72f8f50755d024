"""Holdings of a scope that never changes, served from its shelf: one small statement, or none.

What the shelf does not hold ready (relational searches, very large series) is asked from the tables, with the same answers.
"""

import gzip
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from radcommons.server.archive import metadata, shelving
from radcommons.server.archive.dicomweb import shelf_sql
from radcommons.server.archive.dicomweb.address import Address
from radcommons.server.archive.dicomweb.by_query import QueriedHoldings
from radcommons.server.archive.dicomweb.holdings import HeldInstance, Selection, StoredObject
from radcommons.server.archive.dicomweb.keys import Level
from radcommons.server.archive.dicomweb.query import Match, OneOf, SearchQuery
from radcommons.server.archive.dicomweb.search import chosen, needs_header
from radcommons.server.archive.dicomweb.shelf_index import ShelfIndex
from radcommons.server.archive.errors import NotRenderableError
from radcommons.server.archive.recently_used import RecentlyUsed
from radcommons.server.archive.rules import standing_for
from radcommons.server.archive.threads import in_pool
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.read_pool import ReadPool

_TABLES_BYTES = 32 << 20
_DOCUMENTS_BYTES = 8 << 20
_INDEXES_BYTES = 40 << 20
_ANSWERS_BYTES = 16 << 20
_QUESTION_BYTES = 2048
_ROW_BYTES = 700


@dataclass(frozen=True, slots=True)
class SeriesTable:
    """The instances of one series on a shelf, in order and by SOP Instance UID."""

    packed_id: int
    study_instance_uid: str
    instances: tuple[HeldInstance, ...]
    by_uid: dict[str, HeldInstance]
    digest: str

    @classmethod
    def of(cls, packed_id: int, study_instance_uid: str, rows: bytes) -> "SeriesTable":
        """The table of packed rows."""
        instances = tuple(HeldInstance(*cast("Any", row)) for row in shelving.unpack_rows(rows))
        by_uid = {each.sop_instance_uid: each for each in instances}
        return cls(packed_id, study_instance_uid, instances, by_uid, _digest(instances))

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return sum(_ROW_BYTES + 100 * len(each.frames) for each in self.instances)


@dataclass(frozen=True, slots=True)
class ShelfReader:
    """What one process reads from shelves and keeps for a while; shelves never change, so nothing here becomes wrong."""

    pool: ReadPool
    tables: RecentlyUsed[tuple[int, str], SeriesTable] = field(default_factory=lambda: RecentlyUsed(_TABLES_BYTES))
    listings: RecentlyUsed[int, list[bytes]] = field(default_factory=lambda: RecentlyUsed(_TABLES_BYTES))
    indexes: RecentlyUsed[int, ShelfIndex] = field(default_factory=lambda: RecentlyUsed(_INDEXES_BYTES))
    documents: RecentlyUsed[tuple[int, str], bytes] = field(default_factory=lambda: RecentlyUsed(_DOCUMENTS_BYTES))
    answers: RecentlyUsed[tuple[int, str, Address, SearchQuery], tuple[bytes, int]] = field(
        default_factory=lambda: RecentlyUsed(_ANSWERS_BYTES)
    )

    async def table(self, shelf_id: int, series_instance_uid: str) -> SeriesTable | None:
        """The table of a series; None when the shelf has it too large to be packed.

        Raises
        ------
        NotFoundError
            When the series is not on the shelf.
        """
        key = (shelf_id, series_instance_uid)
        table = self.tables.get(key)
        if table is not None:
            return table
        rows = await self.pool.rows(shelf_sql.PACKED, key)
        if not rows:
            raise NotFoundError
        study_instance_uid, packed_id, packed = rows[0]
        if packed is None:
            return None
        table = SeriesTable.of(packed_id, study_instance_uid, packed)
        self.tables.put(key, table, size_bytes=table.size_bytes)
        return table

    async def index(self, shelf_id: int) -> ShelfIndex | None:
        """What the studies of a shelf are searched by; None on a shelf that an older program made."""
        index = self.indexes.get(shelf_id)
        if index is None:
            rows = await self.pool.rows(shelf_sql.SEARCH, (shelf_id,))
            if not rows:
                return None
            index = await in_pool(ShelfIndex.unpacked, rows[0][0])
            self.indexes.put(shelf_id, index, size_bytes=index.size_bytes)
        return index

    async def listing(self, packed_id: int) -> list[bytes]:
        """The search results of the instances of a packed series."""
        pieces = self.listings.get(packed_id)
        if pieces is None:
            ((packed,),) = await self.pool.rows(shelf_sql.LISTING, (packed_id,))
            pieces = shelving.unpack_pieces(packed)
            self.listings.put(packed_id, pieces, size_bytes=sum(map(len, pieces)) + 64 * len(pieces))
        return pieces

    async def metadata(self, packed_id: int, root: str, *, is_gzip: bool) -> bytes:
        """The metadata of a packed series as one JSON array, addresses below ``root``."""
        key = (packed_id, root)
        compressed = self.documents.get(key)
        if compressed is None:
            ((packed,),) = await self.pool.rows(shelf_sql.METADATA, (packed_id,))
            document = shelving.array_of(shelving.unpack_pieces(packed), root)
            compressed = await in_pool(_gzipped, document)
            self.documents.put(key, compressed, size_bytes=len(compressed))
            if not is_gzip:
                return document
        # Kept as most clients take it: a twentieth of the memory, and read out in a millisecond for the others.
        return compressed if is_gzip else await in_pool(gzip.decompress, compressed)


def _gzipped(document: bytes) -> bytes:
    return gzip.compress(document, 1, mtime=0)


@dataclass(frozen=True, slots=True)
class ShelvedSelection:
    """A packed series, or one instance of it."""

    reader: ShelfReader
    table: SeriesTable
    instances: tuple[HeldInstance, ...]
    # Where the metadata of less than the whole series are found.
    elsewhere: Callable[[], Awaitable[Selection]]

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.instances)

    @property
    def size_bytes(self) -> int:
        """The size of their files together."""
        return sum(each.size_bytes for each in self.instances)

    @property
    def transfer_syntaxes(self) -> Counter[str]:
        """How many are stored in each transfer syntax."""
        return Counter(each.transfer_syntax_uid for each in self.instances)

    @property
    def digest(self) -> str:
        """Changes when any byte of any of them, or the set, changes."""
        return self.table.digest if self._is_whole else _digest(self.instances)

    @property
    def _is_whole(self) -> bool:
        return len(self.instances) == len(self.table.instances)

    async def objects(self) -> AsyncIterator[Sequence[StoredObject]]:
        """What is stored of them, all at once."""
        yield [
            (each.sha256, each.size_bytes, each.transfer_syntax_uid, each.sop_instance_uid) for each in self.instances
        ]

    async def metadata(self, root: str, *, is_gzip: bool) -> bytes | AsyncIterator[bytes]:
        """Their DICOM JSON; see :class:`.Selection`."""
        if self._is_whole:
            return await self.reader.metadata(self.table.packed_id, root, is_gzip=is_gzip)
        return await (await self.elsewhere()).metadata(root, is_gzip=is_gzip)


@dataclass(frozen=True, slots=True)
class ShelvedHoldings:
    """See :class:`.Holdings`."""

    reader: ShelfReader
    shelf_id: int
    tables: QueriedHoldings

    async def search(self, query: SearchQuery, address: Address, *, root: str) -> tuple[bytes, int]:
        """Results of a search: what the same question was answered, rows of ready answers, or the listing of a series."""
        key = (self.shelf_id, root, address, query)
        answer = self.reader.answers.get(key)
        if answer is None:
            answer = await self._search(query, address, root=root)
            self.reader.answers.put(key, answer, size_bytes=_QUESTION_BYTES + len(answer[0]))
        return answer

    async def _search(self, query: SearchQuery, address: Address, *, root: str) -> tuple[bytes, int]:
        if query.is_relational or (query.level is Level.INSTANCE and needs_header(query)):
            return await self.tables.search(query, address, root=root)
        if query.level is Level.INSTANCE:
            return await self._search_instances(query, address, root=root)
        with_json = needs_header(query)
        places = None
        if query.level is Level.STUDY and not address.study_instance_uid and not _is_one_key(query):
            index = await self.reader.index(self.shelf_id)
            places = index.places(query) if index else None
        if places is None:
            statement = shelf_sql.search_statement(self.shelf_id, query, address, with_json=with_json)
        else:
            statement = shelf_sql.studies_at(self.shelf_id, places, with_json=with_json)
        if statement is None:
            return await self.tables.search(query, address, root=root)
        rows = await self.reader.pool.rows(statement.text, statement.parameters)
        pieces = [_extended(query, *row) for row in rows] if with_json else [row[0] for row in rows]
        return shelving.array_of(pieces, root), len(pieces)

    async def _search_instances(self, query: SearchQuery, address: Address, *, root: str) -> tuple[bytes, int]:
        is_own = all(match.key.level is Level.INSTANCE for match in query.matches)
        try:
            table = await self._table(address) if is_own and address.series_instance_uid else None
        except NotFoundError:
            return b"[]", 0
        if table is None:
            return await self.tables.search(query, address, root=root)
        pieces = await self.reader.listing(table.packed_id)
        if query.matches:
            found = zip(pieces, table.instances, strict=True)
            pieces = [piece for piece, each in found if all(_fits(each, match) for match in query.matches)]
        pieces = pieces[query.offset : query.offset + query.limit]
        return shelving.array_of(pieces, root), len(pieces)

    async def _table(self, address: Address) -> SeriesTable | None:
        table = await self.reader.table(self.shelf_id, address.series_instance_uid)
        if table is not None and address.study_instance_uid not in {"", table.study_instance_uid}:
            raise NotFoundError
        return table

    async def one(self, address: Address) -> HeldInstance:
        """The instance an address names."""
        table = await self._table(address)
        if table is None:
            return await self.tables.one(address)
        instance = table.by_uid.get(address.sop_instance_uid)
        if instance is None:
            raise NotFoundError
        return instance

    async def representative(self, address: Address) -> HeldInstance:
        """The image that stands for an address."""
        table = await self._table(address) if address.series_instance_uid else None
        if table is None:
            return await self.tables.representative(address)
        if address.sop_instance_uid:
            one = await self.one(address)
            if not one.is_image:
                raise NotRenderableError("archive.no-pixels")
            return one
        images = [each for each in table.instances if each.is_image]
        position = standing_for([(each.sop_class_uid, each.number_of_frames) for each in images])
        if position is None:
            raise NotRenderableError("archive.slide" if images else "archive.no-pixels")
        return images[position]

    async def select(self, address: Address) -> Selection:
        """All instances an address names."""
        table = await self._table(address) if address.series_instance_uid else None
        if table is None:
            return await self.tables.select(address)
        chosen_ones = (await self.one(address),) if address.sop_instance_uid else table.instances
        return ShelvedSelection(self.reader, table, chosen_ones, lambda: self.tables.select(address))

    async def attributes(self, address: Address) -> dict[str, Any]:
        """The DICOM JSON of one instance."""
        return await self.tables.attributes(address)


def _digest(instances: Sequence[HeldInstance]) -> str:
    return hashlib.sha256("".join(each.sha256 for each in instances).encode()).hexdigest()


def _is_one_key(query: SearchQuery) -> bool:
    """Whether the database finds the few that fit at once, by one of its keys."""
    columns = {match.key.column for match in query.matches if isinstance(match.condition, OneOf)}
    return bool(columns & {"study_instance_uid", "accession_number", "subject__subject_id"})


def _extended(query: SearchQuery, answer: bytes, packed: bytes) -> bytes:
    values = metadata.attributes_of(packed) | orjson.loads(answer)
    return orjson.dumps(chosen(query, values))


def _fits(instance: HeldInstance, match: Match) -> bool:
    """Whether an instance fits a condition on an attribute of its own level: all are lists of values (PS3.18 10.6.1.2)."""
    value = getattr(instance, match.key.column or "")
    if not isinstance(match.condition, OneOf):
        raise TypeError(f"{match.key.keyword} is matched by its values only.")
    return value in match.condition.values
