"""Stored bytes as they leave: nothing is sent as good that is not what was received (DESIGN, invariant 2).

A file is compared with its digest when this process first serves it, and again whenever it was written to since; between, the
file system's word for "unchanged" is taken, since to hash each time would double the cost of an image. Small files are compared
before anything is sent. Large ones, and what lies in a bucket, are compared as they pass: the last piece is held back until the
digest is right, so that a client never holds a whole file that is wrong. Of what lies in a bucket no part leaves before the whole was
compared once; between, the word of the store is taken that it is the same. What is found damaged is taken out of service and
audited; disks that rot under an unchanged file are the business of ``archive verify``.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Protocol

from starlette.concurrency import run_in_threadpool

from radcommons.dicom.finding import Finding
from radcommons.server.archive.dicomweb.holdings import Selection, StoredObject
from radcommons.server.archive.errors import DamagedObjectError
from radcommons.server.archive.recently_used import RecentlyUsed
from radcommons.server.archive.rendering import ask_for_assurance
from radcommons.server.archive.threads import in_pool
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import CHUNK_BYTES, instance_key, object_store
from radcommons.server.platform.policy import Actor

logger = logging.getLogger(__name__)

# What is compared before anything is sent: one file that is sent whole, and all files of one answer together.
_BEFOREHAND_BYTES = 16 << 20
_TOGETHER_BYTES = 64 << 20
_KNOWN_BYTES = 8 << 20
_ENTRY_BYTES = 300
# The tags of objects in a bucket that were found right, and when the store said so last; for so long it is not asked again.
_versions: RecentlyUsed[str, tuple[str, float]] = RecentlyUsed(_KNOWN_BYTES)
_TAKEN_FOR_S = 60.0
_SERVING = Actor.system("serving")
_Imprint = tuple[int, int, int] | None
# Imprints of the files that were found right.
_known: RecentlyUsed[str, tuple[_Imprint]] = RecentlyUsed(_KNOWN_BYTES)
_examiners: list["Examiner"] = []
# Large files that are being compared: who wants another part of the same one waits for that.
_being_compared: dict[str, asyncio.Lock] = {}


class Examiner(Protocol):
    """Reads a stored object again that looked wrong, and takes it out of service when it is."""

    def __call__(self, sha256: str, size_bytes: int, *, actor: Actor) -> Finding | None:
        """What is wrong with it; None when it is intact."""


def ask_for_examination(examiner: Examiner) -> None:
    """Say who examines objects; the archive's verbs do when they are loaded."""
    _examiners[:] = [examiner]


async def assure(sha256: str, size_bytes: int | None = None, *, will_pass: bool = False) -> bool:
    """Have one stored object compared, where that is done beforehand and was not done yet.

    Parameters
    ----------
    size_bytes
        How long it is, where that is known.
    will_pass
        Whether all of it will be sent, by :func:`whole_object`, so that a large one can be compared then.

    Returns
    -------
    Whether it was found right; False when it is compared as it passes.

    Raises
    ------
    DamagedObjectError
        When it is gone or changed; it is out of service then.
    """
    key, store = instance_key(sha256), object_store()
    try:
        imprint = store.imprint(key)
    except NotFoundError:
        imprint = (0, -1, 0)
    if _known.get(sha256) == (imprint,):
        return True
    if imprint is None or size_bytes in {None, imprint[1]}:
        if will_pass and (imprint is None or imprint[1] > _BEFOREHAND_BYTES):
            return False
        if await _is_right(key, sha256, imprint):
            return True
    await _report(sha256, size_bytes if size_bytes is not None else imprint[1] if imprint else 0)
    return False


async def _is_right(key: str, sha256: str, imprint: _Imprint, *, known_as: str = "") -> bool:
    """Whether an object has its digest; one that takes long to read is read once, however many wait for it."""
    name = known_as or sha256
    if imprint is None and _is_taken(name):
        return True
    if imprint is not None and 0 <= imprint[1] <= CHUNK_BYTES:
        at_hand = object_store().read_at_once(key, start=0, length=imprint[1])
        if at_hand is not None:
            return _remembered(name, imprint, is_right=hashlib.sha256(at_hand).hexdigest() == sha256)
    lock = _being_compared.setdefault(name, asyncio.Lock())
    try:
        async with lock:
            if _known.get(name) == (imprint,):
                return True
            if imprint is None:
                return await run_in_threadpool(_is_right_elsewhere, key, sha256, name)
            return _remembered(name, imprint, is_right=await run_in_threadpool(_digest_of, key) == sha256)
    finally:
        if not lock.locked():
            _being_compared.pop(name, None)


def _is_taken(name: str) -> bool:
    held = _versions.get(name)
    return held is not None and time.monotonic() - held[1] < _TAKEN_FOR_S


def _is_right_elsewhere(key: str, sha256: str, name: str) -> bool:
    """The same of an object in a bucket, which is read whole unless the store says that it is the one that was compared."""
    if _is_taken(name):
        return True
    held, asked_at = _versions.get(name), time.monotonic()
    try:
        version = object_store().version(key)
    except NotFoundError:
        return False
    is_right = (held is not None and held[0] == version) or _digest_of(key) == sha256
    if is_right:
        _versions.put(name, (version, asked_at), size_bytes=_ENTRY_BYTES)
    return is_right


def _remembered(name: str, imprint: _Imprint, *, is_right: bool) -> bool:
    if is_right:
        _remember(name, imprint)
    return is_right


async def checked_file(key: str, sha256: str, start: int, length: int) -> AsyncIterator[bytes]:
    """All or a part of an object that is no instance, the whole of which was compared with its digest.

    Raises
    ------
    DamagedObjectError
        When it is gone or changed.
    """
    store = object_store()
    try:
        imprint = await run_in_threadpool(store.imprint, key)
        is_right = _known.get(key) == (imprint,) or await _is_right(key, sha256, imprint, known_as=key)
    except NotFoundError:
        is_right = False
    if not is_right:
        logger.error("A file of a published version was found damaged when it was to be sent.")
        raise DamagedObjectError
    return _pieces(store.stream(key, start=start, length=length))


async def _pieces(stream: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await run_in_threadpool(next, stream, b""):
        yield piece


async def checked_bytes(sha256: str, size_bytes: int, start: int, length: int) -> AsyncIterator[bytes | memoryview]:
    """All of a stored object or a part of it, compared beforehand or, where all is sent and much, as it passes.

    Raises
    ------
    DamagedObjectError
        When it is gone or changed; it is out of service then.
    """
    is_whole = length == size_bytes
    await assure(sha256, size_bytes, will_pass=is_whole)
    return whole_object(sha256, length) if is_whole else stored_bytes(sha256, start, length)


async def damaged_among(selection: Selection) -> frozenset[str]:
    """The digests of those of some instances that are gone or changed, as far as is compared beforehand."""
    damaged: set[str] = set()
    are_read = selection.size_bytes <= _TOGETHER_BYTES
    async for page in selection.objects():
        for sha256, size_bytes, *_ in await asyncio.to_thread(_doubtful, page, are_read=are_read):
            try:
                await _report(sha256, size_bytes)
            except DamagedObjectError:
                damaged.add(sha256)
    return frozenset(damaged)


def _doubtful(page: Sequence[StoredObject], *, are_read: bool) -> list[StoredObject]:
    return [each for each in page if not _seems_intact(each[0], each[1], is_read=are_read)]


def _seems_intact(sha256: str, size_bytes: int, *, is_read: bool) -> bool:
    key = instance_key(sha256)
    try:
        imprint = object_store().imprint(key)
        if imprint is None or _known.get(sha256) == (imprint,):
            return True
        if imprint[1] != size_bytes or not is_read:
            return imprint[1] == size_bytes
        if _digest_of(key) != sha256:
            return False
    except NotFoundError:
        return False
    _remember(sha256, imprint)
    return True


def _digest_of(key: str) -> str:
    digest = hashlib.sha256()
    try:
        for piece in object_store().stream(key):
            digest.update(piece)
    except NotFoundError:
        return ""
    return digest.hexdigest()


def _remember(name: str, imprint: _Imprint) -> None:
    if imprint is not None:
        _known.put(name, (imprint,), size_bytes=_ENTRY_BYTES)


async def _report(sha256: str, size_bytes: int) -> None:
    """Have an object read again that looked wrong, and taken out of service when it is.

    Raises
    ------
    DamagedObjectError
        When it is.
    """
    if await in_pool(_examined, sha256, size_bytes):
        raise DamagedObjectError


def _examined(sha256: str, size_bytes: int) -> bool:
    is_damaged = not _examiners or _examiners[0](sha256, size_bytes, actor=_SERVING) is not None
    if is_damaged:
        logger.error("A stored object was found damaged when it was to be sent; the page Storage says which.")
    return is_damaged


async def whole_object(
    sha256: str, size_bytes: int, *, before: bytes = b"", after: bytes = b""
) -> AsyncIterator[bytes | memoryview]:
    """All bytes of a stored object, compared with its digest as they pass unless they were before.

    Raises
    ------
    DamagedObjectError
        In place of the last piece.
    """
    is_known, imprint = await run_in_threadpool(_state, sha256) if size_bytes > CHUNK_BYTES else _state(sha256)
    if is_known:
        async for piece in stored_bytes(sha256, 0, size_bytes, before=before, after=after):
            yield piece
        return
    digest, held, skipped = hashlib.sha256(), memoryview(b""), len(before)
    try:
        async for piece in stored_bytes(sha256, 0, size_bytes, before=before):
            digest.update(memoryview(piece)[skipped:])
            if held:
                yield held
            held, skipped = memoryview(piece), 0
        _compare(digest.hexdigest(), sha256)
    except DamagedObjectError:
        await _report(sha256, size_bytes)
        raise
    _remember(sha256, imprint)
    yield held
    if after:
        yield after


def _compare(found: str, wanted: str) -> None:
    if found != wanted:
        raise DamagedObjectError


def _state(sha256: str) -> tuple[bool, _Imprint]:
    try:
        imprint = object_store().imprint(instance_key(sha256))
    except NotFoundError:
        return False, (0, -1, 0)
    return _known.get(sha256) == (imprint,), imprint


async def stored_bytes(
    sha256: str, start: int, length: int, *, before: bytes = b"", after: bytes = b""
) -> AsyncIterator[bytes | memoryview]:
    """Part of a stored file in pieces of about 1 MiB, without a detour through a thread where it is in memory.

    Parameters
    ----------
    before, after
        What is sent in front of it and behind it, in the same pieces: every piece costs a call of the kernel.

    Raises
    ------
    DamagedObjectError
        When it is gone or shorter than it was: the client must see a broken answer, not a short one that looks whole.
    """
    key, store, end = instance_key(sha256), object_store(), start + length
    while start < end:
        size = min(CHUNK_BYTES, end - start)
        tail = after if start + size == end else b""
        piece: bytes | memoryview | None = store.read_at_once(key, start=start, length=size, before=before, after=tail)
        if piece is None:
            try:
                read = await run_in_threadpool(store.read, key, start=start, length=size)
            except NotFoundError as error:
                raise DamagedObjectError from error
            if len(read) != size:
                raise DamagedObjectError
            piece = before + read + tail if before or tail else read
        yield piece
        start, before = start + size, b""


ask_for_assurance(assure)
