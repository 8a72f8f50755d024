"""What a DICOMweb root holds, as the handlers see it; two bodies answer: tables asked anew, and a shelf made ready.

A scope that may change is asked row by row (:mod:`.by_query`). A scope that never changes is put on a shelf once, when it
comes out, and served from there (:mod:`.by_shelf`). Both give the same answers.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from starlette.concurrency import run_in_threadpool

from radcommons.server.archive.dicomweb.address import Address
from radcommons.server.archive.dicomweb.query import SearchQuery

# Digest, size in bytes, transfer syntax and SOP Instance UID.
StoredObject = tuple[str, int, str, str]
FrameTable = Mapping[str, int] | Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class HeldInstance:
    """One stored instance: where its bytes are and where each frame lies in them; columns as in the table of instances."""

    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    sha256: str
    size_bytes: int
    instance_number: int | None
    number_of_frames: int
    rows: int | None
    columns: int | None
    bits_allocated: int | None
    is_image: bool
    pixel_offset: int | None
    pixel_length: int | None
    frames: FrameTable


class Selection(Protocol):
    """All instances an address names, by series and number, without their rows in memory where they are many."""

    @property
    def count(self) -> int:
        """How many they are."""
        ...

    @property
    def size_bytes(self) -> int:
        """The size of their files together."""
        ...

    @property
    def transfer_syntaxes(self) -> Counter[str]:
        """How many are stored in each transfer syntax."""
        ...

    @property
    def digest(self) -> str:
        """Changes when any byte of any of them, or the set, changes."""
        ...

    def objects(self) -> AsyncIterator[Sequence[StoredObject]]:
        """What is stored of the instances, some at a time."""
        ...

    async def metadata(self, root: str, *, is_gzip: bool) -> bytes | AsyncIterator[bytes]:
        """Their DICOM JSON as one array, whole or in pieces, with absolute addresses below ``root``."""
        ...


async def objects_in(json_array: bytes | AsyncIterator[bytes]) -> AsyncIterator[list[dict[str, Any]]]:
    """The objects of an array of DICOM JSON that comes whole, or in pieces that end between two of them; some at a time."""
    if isinstance(json_array, bytes):
        yield await run_in_threadpool(orjson.loads, json_array)
        return
    async for piece in json_array:
        yield await run_in_threadpool(orjson.loads, b"[" + piece.strip(b"[],\n") + b"]")


class Holdings(Protocol):
    """The instances of one scope. Every method raises NotFoundError for what is not in it."""

    async def search(self, query: SearchQuery, address: Address, *, root: str) -> tuple[bytes, int]:
        """The results of a search as a DICOM JSON array, and how many they are."""
        ...

    async def one(self, address: Address) -> HeldInstance:
        """The instance an address names."""
        ...

    async def representative(self, address: Address) -> HeldInstance:
        """The image that stands for what an address names: the middle one of its first series with images."""
        ...

    async def select(self, address: Address) -> Selection:
        """All instances an address names."""
        ...

    async def attributes(self, address: Address) -> dict[str, Any]:
        """The DICOM JSON of one instance as a mapping from tag to attribute."""
        ...
