"""Pictures, decoded frames and single values of stored files, made in processes with limits.

The web process asks and waits; it never parses a file. Each process serves one request at a time and is replaced when a
file crashes it. Thumbnails are kept in the object store, since everybody sees the same ones.
"""

import asyncio
import atexit
import hashlib
import tempfile
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import cache
from typing import IO

from radcommons.dicom.awaited_process import AwaitedProcess
from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import Named
from radcommons.server.archive.errors import DamagedObjectError, NotRenderableError, RendererBusyError
from radcommons.server.archive.pixel_jobs import Job, Refusal, RenderFrame, Work
from radcommons.server.archive.recently_used import RecentlyUsed
from radcommons.server.archive.rules import rendition_key
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import ObjectStore, instance_key, object_store
from radcommons.server.platform.settings import settings

Answer = bytes | Refusal
Process = AwaitedProcess[Job, Answer]
# By its name: the web process has no use for what decodes.
PERFORM: Named[Job, Answer] = Named("radcommons.server.archive.pixel_work", "perform")
# Who compares a stored file with its digest before something is made of it.
_assurers: list[Callable[[str], Awaitable[object]]] = []
THUMBNAIL_SIZE = 256
_MAX_WAITING = 256
# Somebody waits in front of a page: less patience than a worker has with a batch.
_PATIENCE_S = 20
# Pictures that were asked for lately: who leafs back, or looks at what others look at, waits for nothing.
_pictures: RecentlyUsed[tuple[str, RenderFrame], bytes] = RecentlyUsed(8 << 20)
_KEY_BYTES = 500
_MISSING = frozenset({"archive.no-such-value"})


def ask_for_assurance(assure: Callable[[str], Awaitable[object]]) -> None:
    """Say who compares files with their digests; what sends them does when it is loaded."""
    _assurers[:] = [assure]


class Renderer:
    """Some limited processes and the queue in front of them, for whatever event loops ask.

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
        self._processes = [Process(PERFORM, memory_bytes=memory_bytes, timeout_s=timeout_s) for _ in range(processes)]
        # The one that worked last is taken first, so that few are started where few are needed.
        self._idle = list(self._processes)
        self._waiting: deque[asyncio.Future[Process]] = deque()
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(max_waiting)

    async def perform(self, sha256: str, work: Work) -> bytes:
        """Do one piece of work on one stored file.

        Raises
        ------
        NotFoundError
            When the value asked for is not in the file.
        DamagedObjectError
            When the stored file is gone or has another digest.
        NotRenderableError
            When the file holds no such pixels, or nothing here decodes them within the limits.
        RendererBusyError
            When too many requests wait already.
        """
        if not self._places.acquire(blocking=False):
            raise RendererBusyError
        try:
            process = await self._taken()
            try:
                result = await _worked(process, sha256, work)
            finally:
                self._give_back(process)
        finally:
            self._places.release()
        if isinstance(result, bytes):
            return result
        if result.code in _MISSING:
            raise NotFoundError("The instance has no such value.")
        raise NotRenderableError(result.code)

    async def _taken(self) -> Process:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            turn: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            with self._lock:
                if turn in self._waiting:
                    self._waiting.remove(turn)
            if turn.done() and not turn.cancelled():
                self._give_back(turn.result())
            raise

    def _give_back(self, process: Process) -> None:
        with self._lock:
            if not self._waiting:
                self._idle.append(process)
                return
            turn = self._waiting.popleft()
        turn.get_loop().call_soon_threadsafe(self._hand_on, turn, process)

    def _hand_on(self, turn: asyncio.Future[Process], process: Process) -> None:
        if turn.done():
            self._give_back(process)
        else:
            turn.set_result(process)

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.close()


async def _worked(process: Process, sha256: str, work: Work) -> Answer | Finding:
    store, key = object_store(), instance_key(sha256)
    path = store.local_path(key)
    if path is not None:
        for assure in _assurers:
            await assure(sha256)
        return await process.run(Job(str(path), work))
    with await asyncio.to_thread(fetched, store, key, sha256) as copy:
        return await process.run(Job(copy.name, work))


def fetched(store: ObjectStore, key: str, sha256: str) -> IO[bytes]:
    """A copy of an object of a store that is elsewhere, as a local file that is gone when it is closed.

    Raises
    ------
    NotFoundError
        When there is no such object.
    DamagedObjectError
        When it has another digest.
    """
    digest = hashlib.sha256()
    with ExitStack() as undone:
        copy = undone.enter_context(tempfile.NamedTemporaryFile(prefix="radcommons-", suffix=".dcm"))
        for chunk in store.stream(key):
            digest.update(chunk)
            copy.write(chunk)
        copy.flush()
        if digest.hexdigest() != sha256:
            raise DamagedObjectError
        undone.pop_all()
    return copy


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


async def picture(sha256: str, work: RenderFrame) -> bytes:
    """A picture of one frame, from memory or made now; see :meth:`Renderer.perform`.

    Whether the stored file is still what it was is asked before, by whoever shows it.
    """
    kept = _pictures.get((sha256, work))
    if kept is None:
        kept = await in_worker(sha256, work)
        _pictures.put((sha256, work), kept, size_bytes=len(kept) + _KEY_BYTES)
    return kept


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
