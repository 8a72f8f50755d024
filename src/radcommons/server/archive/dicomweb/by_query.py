"""Holdings asked from the tables, whatever set of instances a scope is at this moment."""

import gzip
import hashlib
import zlib
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import Any

import orjson
from django.db.models import F, QuerySet

from radcommons.server.archive import metadata, shelving
from radcommons.server.archive.dicomweb.address import Address
from radcommons.server.archive.dicomweb.holdings import HeldInstance, StoredObject
from radcommons.server.archive.dicomweb.keys import Level
from radcommons.server.archive.dicomweb.query import SearchQuery
from radcommons.server.archive.dicomweb.search import encode, listing, needs_header, search
from radcommons.server.archive.errors import NotRenderableError
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.queries import INSTANCE_ORDER, representative
from radcommons.server.archive.recently_used import RecentlyUsed
from radcommons.server.archive.study_pages import StudyPages
from radcommons.server.archive.threads import each_in_pool, in_pool
from radcommons.server.platform.errors import NotFoundError

_PAGE = 200
# Of so many instances, metadata are made as one document, and kept, and what is stored is held.
_WHOLE = 500
_ROW_BYTES = 450
_PIECES_BYTES = 16 << 20
_DOCUMENTS_BYTES = 8 << 20
_COLUMNS = tuple(field.name for field in fields(HeldInstance))
# The instances of a series with their primary keys.
SeriesRows = Mapping[str, tuple[int, HeldInstance]]
_ALL_TAGS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KeptInstances:
    """What one process keeps of stored instances, which never change; who may see which of them is asked anew each time.

    Parameters
    ----------
    pieces
        Search results by primary key, with relative addresses.
    documents
        Metadata of a series, compressed (RFC 1952), by the digest of its files, the root of the addresses, and the tags that
        are shown where a veil hides the others.
    pages
        Where pages of studies ended.
    """

    pieces: RecentlyUsed[int, bytes] = field(default_factory=lambda: RecentlyUsed(_PIECES_BYTES))
    documents: RecentlyUsed[tuple[str, str, frozenset[str]], bytes] = field(
        default_factory=lambda: RecentlyUsed(_DOCUMENTS_BYTES)
    )
    pages: StudyPages = field(default_factory=StudyPages)

    async def document(
        self, name: tuple[str, str, frozenset[str]], make: Callable[[], Iterator[bytes]], *, is_gzip: bool
    ) -> bytes:
        """The metadata of a name, made once."""
        packed = self.documents.get(name)
        if packed is None:
            packed = await in_pool(lambda: b"".join(_gzipped(make())))
            self.documents.put(name, packed, size_bytes=len(packed))
        return packed if is_gzip else await in_pool(gzip.decompress, packed)


@dataclass(frozen=True, slots=True)
class KeyedSelection:
    """Some instances by their primary keys in the order of sending: eight bytes each, and what is stored of them where they are few."""

    kept: KeptInstances
    keys: "array[int]"
    size_bytes: int
    transfer_syntaxes: Counter[str]
    digest: str
    stored: Sequence[StoredObject] = ()

    @classmethod
    def of_one(cls, kept: KeptInstances, key: int, instance: HeldInstance) -> "KeyedSelection":
        """One instance alone."""
        sha256, size_bytes, syntax = instance.sha256, instance.size_bytes, instance.transfer_syntax_uid
        stored = ((sha256, size_bytes, syntax, instance.sop_instance_uid),)
        digest = hashlib.sha256(sha256.encode()).hexdigest()
        return cls(kept, array("q", [key]), size_bytes, Counter({syntax: 1}), digest, stored)

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes."""
        return 8 * self.count + _ROW_BYTES * len(self.stored)

    @property
    def count(self) -> int:
        """The number of instances."""
        return len(self.keys)

    def objects(self) -> AsyncIterator[Sequence[StoredObject]]:
        """What is stored of them; see :class:`.Selection`."""
        if self.stored:
            return _at_once(self.stored)
        return each_in_pool(self._pages("sha256", "size_bytes", "transfer_syntax_uid", "sop_instance_uid"))

    async def metadata(self, root: str, *, is_gzip: bool) -> bytes | AsyncIterator[bytes]:
        """DICOM JSON in pieces; see :class:`.Selection`."""
        if self.count > _WHOLE:
            pieces = self._metadata_pieces(root)
            return each_in_pool(_gzipped(pieces) if is_gzip else pieces)
        name = (self.digest, root, _ALL_TAGS)
        return await self.kept.document(name, lambda: self._metadata_pieces(root), is_gzip=is_gzip)

    def each_attributes(self, root: str) -> Iterator[dict[str, Any]]:
        """The DICOM JSON of one instance after the other; a whole series of parsed objects is never in memory."""
        return (orjson.loads(metadata.absolute(packed, address)) for packed, address in self._objects(root))

    def _metadata_pieces(self, root: str) -> Iterator[bytes]:
        pieces = metadata.joined(self._objects(root))
        while piece := b"".join(islice(pieces, _PAGE)):
            yield piece

    def _objects(self, root: str) -> Iterator[tuple[bytes, str]]:
        """Each packed object with its address."""
        columns = ("series__study__study_instance_uid", "series__series_instance_uid", "sop_instance_uid", "dicom_json")
        for page in self._pages(*columns):
            for study, series, instance, packed in page:
                yield packed, f"{root}/studies/{study}/series/{series}/instances/{instance}"

    def _pages(self, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
        """Columns of the instances, some rows at a time; each page is a statement of its own."""
        for start in range(0, len(self.keys), _PAGE):
            keys = self.keys[start : start + _PAGE].tolist()
            rows = {row[0]: row[1:] for row in Instance.objects.filter(pk__in=keys).values_list("pk", *columns)}
            yield [rows[key] for key in keys if key in rows]


@dataclass(frozen=True, slots=True)
class QueriedHoldings:
    """See :class:`.Holdings`."""

    instances: QuerySet[Instance]
    kept: KeptInstances = field(default_factory=KeptInstances)

    async def search(self, query: SearchQuery, address: Address, *, root: str) -> tuple[bytes, int]:
        """Results of a search, read in a thread of the pool."""
        return await in_pool(self._search, query, address, root)

    def _search(self, query: SearchQuery, address: Address, root: str) -> tuple[bytes, int]:
        visible = self._at(address)
        if query.level is Level.INSTANCE and not query.is_relational and not needs_header(query):
            pieces = listing(visible, query, self.kept.pieces)
            return shelving.array_of(pieces, root), len(pieces)
        results = search(visible, query, root=root, pages=self.kept.pages)
        return encode(results), len(results)

    async def one(self, address: Address) -> HeldInstance:
        """The instance an address names; whether it exists elsewhere is not told."""
        row = await in_pool(self._at(address).values_list(*_COLUMNS).first)
        if row is None:
            raise NotFoundError
        return HeldInstance(*row)

    async def series(self, address: Address) -> SeriesRows | None:
        """The instances of the series that an address names, by SOP Instance UID; None where they are many."""
        return await in_pool(self._series, replace(address, sop_instance_uid=""))

    def _series(self, address: Address) -> SeriesRows | None:
        rows = list(self._at(address).values_list("pk", *_COLUMNS)[: _WHOLE + 1])
        return {row[1]: (row[0], HeldInstance(*row[1:])) for row in rows} if len(rows) <= _WHOLE else None

    async def representative(self, address: Address) -> HeldInstance:
        """The image that stands for an address."""
        return await in_pool(self._representative, address)

    def _representative(self, address: Address) -> HeldInstance:
        found = self._at(address)
        instance = found.filter(is_image=True).first() if address.sop_instance_uid else representative(found)
        if instance is not None:
            return HeldInstance(*(getattr(instance, name) for name in _COLUMNS))
        if found.exists():
            raise NotRenderableError("archive.slide" if found.filter(is_image=True).exists() else "archive.no-pixels")
        raise NotFoundError

    async def select(self, address: Address) -> KeyedSelection:
        """All instances an address names."""
        return await in_pool(self._select, address)

    def _select(self, address: Address) -> KeyedSelection:
        order = (F("series__series_number").asc(nulls_last=True), "series_id", *INSTANCE_ORDER)
        rows = self._at(address).order_by(*order)
        keys = array("q")
        digest = hashlib.sha256()
        syntaxes: Counter[str] = Counter()
        size_bytes = 0
        found = rows.values_list("pk", "sha256", "size_bytes", "transfer_syntax_uid", "sop_instance_uid")
        stored: list[StoredObject] = []
        for key, sha256, size, syntax, uid in found if address.sop_instance_uid else found.iterator():
            keys.append(key)
            digest.update(sha256.encode())
            syntaxes[syntax] += 1
            size_bytes += size
            if len(stored) <= _WHOLE:
                stored.append((sha256, size, syntax, uid))
        if not keys:
            raise NotFoundError
        few = stored if len(stored) <= _WHOLE else ()
        return KeyedSelection(self.kept, keys, size_bytes, syntaxes, digest.hexdigest(), few)

    async def attributes(self, address: Address) -> dict[str, Any]:
        """The DICOM JSON of one instance."""
        packed = await in_pool(self._at(address).values_list("dicom_json", flat=True).first)
        if packed is None:
            raise NotFoundError
        return metadata.attributes_of(packed)

    def _at(self, address: Address) -> QuerySet[Instance]:
        """The stored instances of the scope that an address names; every level it names must fit."""
        wanted = {
            "series__study__study_instance_uid": address.study_instance_uid,
            "series__series_instance_uid": address.series_instance_uid,
            "sop_instance_uid": address.sop_instance_uid,
        }
        conditions = {column: uid for column, uid in wanted.items() if uid}
        return self.instances.filter(state=InstanceState.STORED, **conditions).order_by()


async def _at_once(stored: Sequence[StoredObject]) -> AsyncIterator[Sequence[StoredObject]]:
    yield stored


def _gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
