"""The answers that are bytes: a series as a ZIP, one instance, digests, a small picture, a header."""

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.concurrency import run_in_threadpool

from radcommons.server.access.released import SeriesPlace, instances_in, place_of
from radcommons.server.archive.dicomweb.intact import whole_object
from radcommons.server.archive.metadata import unpack
from radcommons.server.archive.models import Instance
from radcommons.server.archive.zip_stream import Entry, Piece, Read
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.releases.documents import licence_text
from radcommons.server.releases.rules import LICENCES

HASHES = "md5hashes.csv"
_ACQUISITION = re.compile(rb'"00200012":\{"vr":"IS","Value":\[(\d{1,9})')


@dataclass(frozen=True, slots=True)
class Archive:
    """A series as it is packed: the entries in the order in which NBIA packs them."""

    series: SeriesPlace
    entries: Sequence[Entry]
    files: int
    size_bytes: int


def archive_of(
    series_instance_uid: str, actor: Actor, *, is_renamed: bool, has_hashes: bool, has_licence: bool = True
) -> Archive:
    """The ZIP of a series, for an actor who may read it.

    Parameters
    ----------
    is_renamed
        Whether files are called by acquisition and instance number, ``1-001.dcm``, instead of ``00000001.dcm``.
    has_hashes
        Whether ``md5hashes.csv`` comes last.
    has_licence
        Whether ``LICENSE`` comes first.
    """
    series = place_of(series_instance_uid, actor)
    rows = list(instances_in(series).values_list("sha256", "size_bytes"))
    names = _new_names(series) if is_renamed else [f"{number:08d}.dcm" for number in range(1, len(rows) + 1)]
    hashes: dict[str, str] = {}
    entries = [_licence(series)] if has_licence else []
    for name, (sha256, size_bytes) in zip(names, rows, strict=True):
        read = partial(whole_object, sha256, size_bytes)
        entries.append(Entry(name, size_bytes, partial(_hashing, name, read, hashes) if has_hashes else read, sha256))
    if has_hashes:
        entries.append(_hash_list(names, hashes))
    return Archive(series, entries, len(rows), sum(size for _, size in rows))


def new_file_names(numbers: Sequence[tuple[int, int | None]]) -> list[str]:
    """NBIA's newer names from acquisition and instance numbers; two files never have the same one.

    Examples
    --------
    >>> new_file_names([(1, 1), (1, 2), (1, 2)])
    ['1-1.dcm', '1-2.dcm', '1-2-3.dcm']
    """
    width = len(str(len(numbers)))
    names: dict[str, None] = {}
    for place, (acquisition, number) in enumerate(numbers, start=1):
        name = f"{acquisition}-{place if number is None else number:0{width}d}"
        names[f"{name}-{place}" if name in names else name] = None
    return [f"{name}.dcm" for name in names]


def instance_of(series_instance_uid: str, sop_instance_uid: str, actor: Actor) -> tuple[SeriesPlace, Instance]:
    """One instance of a series, for an actor who may read it.

    Raises
    ------
    NotFoundError
        When the series is not published, or does not hold it.
    """
    series = place_of(series_instance_uid, actor)
    instance = instances_in(series).filter(sop_instance_uid=sop_instance_uid).first()
    if instance is None:
        raise NotFoundError
    return series, instance


def hash_of_hashes(hashes: Sequence[str]) -> str:
    """NBIA's digest of a level: the MD5 of the sorted digests of the level below; empty for none."""
    if not hashes:
        return ""
    return hashlib.md5("".join(sorted(hashes)).encode(), usedforsecurity=False).hexdigest()


def _new_names(series: SeriesPlace) -> list[str]:
    numbers = []
    for number, packed in instances_in(series).values_list("instance_number", "dicom_json").iterator(chunk_size=200):
        found = _ACQUISITION.search(unpack(packed))
        numbers.append((int(found[1]) if found else 1, number))
    return new_file_names(numbers)


def _licence(series: SeriesPlace) -> Entry:
    release = series.collection.release
    text = licence_text(f"{release.title} {release.version}", LICENCES[release.licence]).encode()
    return Entry("LICENSE", len(text), partial(_text, lambda: text))


async def _text(make: Callable[[], bytes], *, before: bytes = b"") -> AsyncIterator[Piece]:
    yield before + make()


async def _hashing(name: str, read: Read, hashes: dict[str, str], *, before: bytes = b"") -> AsyncIterator[Piece]:
    digest, passed = hashlib.md5(usedforsecurity=False), len(before)
    async for piece in read(before=before):
        await run_in_threadpool(digest.update, memoryview(piece)[passed:])
        passed = 0
        yield piece
    hashes[name] = digest.hexdigest()


def _hash_list(names: Sequence[str], hashes: dict[str, str]) -> Entry:
    """The list of digests, which is known only when all files before it were read; its length is known before."""
    head = b"Filename,MD5Hash\n"
    size_bytes = len(head) + sum(len(name) + 34 for name in names)

    def listed() -> bytes:
        return head + b"".join(f"{name},{hashes[name]}\n".encode() for name in names)

    return Entry(HASHES, size_bytes, partial(_text, listed))
