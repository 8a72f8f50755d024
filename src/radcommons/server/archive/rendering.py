"""Pictures, decoded frames and single values of stored files, made in processes with limits.

The web process asks and waits; it never parses a file. Each process serves one request at a time and is replaced when a
file crashes it. Thumbnails are kept in the object store, since everybody sees the same ones.
"""

import asyncio
import atexit
import queue
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from radcommons.dicom.isolation import LimitedPool
from radcommons.server.archive.errors import NotRenderableError, RendererBusyError
from radcommons.server.archive.pixel_jobs import Job, Refusal, RenderFrame, Work
from radcommons.server.archive.pixel_work import perform
from radcommons.server.archive.rules import rendition_key
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import ObjectStore, instance_key, object_store
from radcommons.server.platform.settings import settings

THUMBNAIL_SIZE = 256
_MAX_WAITING = 256
# Somebody waits in front of a page: less patience than a worker has with a batch.
_PATIENCE_S = 20
_MISSING = frozenset({"archive.no-such-value"})


class Renderer:
    """Some limited processes and the queue in front of them.

    Parameters
    ----------
    processes
        How many work side by side; each is started when first needed.
    memory_bytes, timeout_s
        The limits of one piece of work.
    max_waiting
        How many requests may be in work or wait; more are turned away at once.
    """

    def __init__(self, *, processes: int, memory_bytes: int, timeout_s: float, max_waiting: int = _MAX_WAITING) -> None:
        self._pools: queue.LifoQueue[LimitedPool[Job, bytes | Refusal]] = queue.LifoQueue()
        for _ in range(processes):
            self._pools.put(LimitedPool(perform, processes=1, memory_bytes=memory_bytes, timeout_s=timeout_s))
        self._processes = processes
        self._threads = ThreadPoolExecutor(max_workers=processes, thread_name_prefix="renderer")
        self._waiting = threading.BoundedSemaphore(max_waiting)

    async def perform(self, sha256: str, work: Work) -> bytes:
        """Do one piece of work on one stored file.

        Raises
        ------
        NotFoundError
            When the value asked for is not in the file.
        NotRenderableError
            When the file holds no such pixels, or nothing here decodes them within the limits.
        RendererBusyError
            When too many requests wait already.
        """
        if not self._waiting.acquire(blocking=False):
            raise RendererBusyError
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._perform, sha256, work)
        finally:
            self._waiting.release()

    def _perform(self, sha256: str, work: Work) -> bytes:
        pool = self._pools.get()
        try:
            with local_file(object_store(), instance_key(sha256)) as path:
                ((_, result),) = pool.run([Job(str(path), work)])
        finally:
            self._pools.put(pool)
        if isinstance(result, bytes):
            return result
        if result.code in _MISSING:
            raise NotFoundError("The instance has no such value.")
        raise NotRenderableError(result.code)

    def close(self) -> None:
        """End all processes."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for _ in range(self._processes):
            self._pools.get().close()


@contextmanager
def local_file(store: ObjectStore, key: str) -> Iterator[Path]:
    """The object as a local file; fetched for the moment when the store is elsewhere."""
    path = store.local_path(key)
    if path is not None:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="radcommons-", suffix=".dcm") as copy:
        for chunk in store.stream(key):
            copy.write(chunk)
        copy.flush()
        yield Path(copy.name)


@cache
def renderer() -> Renderer:
    """The renderer of this process, closed when it ends."""
    current = settings()
    made = Renderer(
        processes=current.worker_processes,
        memory_bytes=current.worker_memory_bytes,
        timeout_s=min(current.parse_timeout_s, _PATIENCE_S),
    )
    atexit.register(made.close)
    return made


async def in_worker(sha256: str, work: Work) -> bytes:
    """Do one piece of work on one stored file; see :meth:`Renderer.perform`."""
    return await renderer().perform(sha256, work)


async def thumbnail(sha256: str, frame_index: int, *, size: int = THUMBNAIL_SIZE) -> bytes:
    """A small JPEG of one frame, from the object store or made now and kept there.

    Parameters
    ----------
    size
        Longest side in pixels.

    Raises
    ------
    NotRenderableError, RendererBusyError
        As :meth:`Renderer.perform`.
    """
    key = rendition_key(sha256, frame_index, size)
    kept = await asyncio.to_thread(_kept, key)
    if kept is not None:
        return kept
    made = await in_worker(sha256, RenderFrame(frame_index, size=(size, size)))
    await asyncio.to_thread(object_store().put_bytes, key, made)
    return made


def _kept(key: str) -> bytes | None:
    try:
        return object_store().read(key)
    except NotFoundError:
        return None
