"""Pictures of files that are held back: a curator must see what the question is about.

The file is parsed in a limited child process of its own, never in the web process (DESIGN, invariant 6).
"""

import threading

from radcommons.dicom.isolation import LimitedPool
from radcommons.server.archive.errors import NotRenderableError, RendererBusyError
from radcommons.server.archive.pixel_jobs import Job, RenderFrame
from radcommons.server.archive.rendering import PERFORM
from radcommons.server.intake import staging
from radcommons.server.intake.models import QuarantinedInstance
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.settings import settings

PICTURE_SIZE = (1024, 1024)
PICTURE_QUALITY = 90
_AT_ONCE = threading.BoundedSemaphore(2)


def picture_of(row: QuarantinedInstance, frame_index: int) -> bytes:
    """One frame of a file that is held back, as JPEG of at most 1024 by 1024 pixels.

    Raises
    ------
    NotFoundError
        When the bytes are gone, or there is no such frame.
    NotRenderableError, RendererBusyError
        When no picture can be made of it, or too many are being made.
    """
    path = staging.path_of(row.part.batch.batch_id, row.part.sha256)
    if not 0 <= frame_index < row.number_of_frames or not path.is_file():
        raise NotFoundError
    if not _AT_ONCE.acquire(timeout=20):
        raise RendererBusyError
    try:
        job = Job(str(path), RenderFrame(frame_index, size=PICTURE_SIZE, quality=PICTURE_QUALITY))
        limits = settings()
        with LimitedPool(
            PERFORM, processes=1, memory_bytes=limits.worker_memory_bytes, timeout_s=limits.parse_timeout_s
        ) as pool:
            _, result = next(iter(list(pool.run([job]))))
    finally:
        _AT_ONCE.release()
    if isinstance(result, bytes):
        return result
    raise NotRenderableError(result.code)
