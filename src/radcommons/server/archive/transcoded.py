"""Files in other transfer syntaxes than they are stored in, made on request and kept for a while on the local disk."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from radcommons.server.archive import rendering
from radcommons.server.archive.pixel_jobs import Transcode, Work
from radcommons.server.platform.objects import CHUNK_BYTES
from radcommons.server.platform.settings import settings

Worker = Callable[[str, Work], Awaitable[bytes]]
LIMIT_BYTES = 2 << 30
_FOLDER = "transcoded"
_ABANDONED_S = 3600


class TranscodedFiles:
    """A folder of files by digest and transfer syntax; those not used for longest go when it grows beyond its limit.

    Parameters
    ----------
    folder
        Made when first needed; everything in it can be made again.
    work
        Does a piece of work on a stored file.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = LIMIT_BYTES, work: Worker = rendering.in_worker) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._work = work
        # One at work for each file: a viewer that asks twice must not have it made twice.
        self._under_way: dict[str, asyncio.Lock] = {}

    async def size(self, sha256: str, transfer_syntax_uid: str) -> int:
        """The size of a stored file in another transfer syntax, which is made unless it is there.

        Raises
        ------
        NotRenderableError, RendererBusyError
            When it cannot be made.
        """
        path = await self._path(sha256, transfer_syntax_uid)
        return (await asyncio.to_thread(path.stat)).st_size

    async def read(
        self, sha256: str, transfer_syntax_uid: str, *, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Its bytes in pieces, all or a part of them; see :meth:`size`."""
        path = await self._path(sha256, transfer_syntax_uid)
        with await asyncio.to_thread(path.open, "rb", 0) as stream:
            end = os.fstat(stream.fileno()).st_size if length is None else start + length
            while start < end:
                piece = await asyncio.to_thread(os.pread, stream.fileno(), min(CHUNK_BYTES, end - start), start)
                if not piece:
                    return
                yield piece
                start += len(piece)

    async def _path(self, sha256: str, transfer_syntax_uid: str) -> Path:
        path = self._folder / f"{sha256}-{transfer_syntax_uid}.dcm"
        lock = self._under_way.setdefault(path.name, asyncio.Lock())
        try:
            async with lock:
                if not await asyncio.to_thread(_used, path):
                    await self._make(path, sha256, transfer_syntax_uid)
        finally:
            if not lock.locked():
                self._under_way.pop(path.name, None)
        return path

    async def _make(self, path: Path, sha256: str, transfer_syntax_uid: str) -> None:
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            await self._work(sha256, Transcode(transfer_syntax_uid, str(aside)))
            await asyncio.to_thread(aside.rename, path)
        finally:
            await asyncio.to_thread(aside.unlink, missing_ok=True)
        await asyncio.to_thread(self._make_room, path)

    def _make_room(self, newest: Path) -> None:
        entries = []
        for entry in os.scandir(self._folder):
            with suppress(FileNotFoundError):
                # What a process left behind that was ended while it wrote is hidden, and goes first.
                stat = entry.stat()
                if not entry.name.startswith("."):
                    entries.append((entry, stat))
                elif time.time() - stat.st_mtime > _ABANDONED_S:
                    Path(entry.path).unlink(missing_ok=True)
        total = sum(stat.st_size for _, stat in entries)
        for entry, stat in sorted(entries, key=lambda each: each[1].st_mtime):
            if total <= self._limit_bytes:
                return
            if entry.name != newest.name:
                Path(entry.path).unlink(missing_ok=True)
                total -= stat.st_size


def _used(path: Path) -> bool:
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


@cache
def transcoded_files() -> TranscodedFiles:
    """Those of this centre."""
    return TranscodedFiles(settings().data_dir / _FOLDER)
