"""Drawing frames on request, from the originals or from what was made, in a limited process and never onto a disk."""

import io
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool
from radcommons.dicom.pixels import render_frame
from radcommons.edge.sources import UNREADABLE, Source

_MEMORY_BYTES = 1_500 * 2**20
_TIMEOUT_S = 60.0
_THUMBNAIL = (320, 320)
_MOST_FRAMES_TOGETHER = 400


@dataclass(frozen=True, slots=True)
class FrameOrder:
    """One picture to draw.

    Parameters
    ----------
    source
        Where the object lies: an original, or an instance of OUT.
    frame_index
        From 0; ``None`` for the brightest of all frames at each pixel, in which writing of any frame shows.
    is_small
        Whether a thumbnail is enough.
    """

    source: Source
    frame_index: int | None
    number_of_frames: int = 1
    is_small: bool = False


class FrameDrawer:
    """Draws frames, one at a time, in a child process that is kept; a poisoned object costs one child and one picture."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: LimitedPool[FrameOrder, bytes | None] = LimitedPool(
            draw_frame, memory_bytes=_MEMORY_BYTES, timeout_s=_TIMEOUT_S
        )

    def draw(self, order: FrameOrder) -> bytes:
        """A JPEG of the frame.

        Raises
        ------
        RadCommonsError
            ``edge.not-drawable`` when it cannot be decoded here.
        """
        with self._lock:
            answers = [answer for _, answer in self._pool.run([order])]
        answer = answers[0] if answers else None
        if answer is None or isinstance(answer, Finding):
            raise RadCommonsError(Kind.NOT_FOUND, "edge.not-drawable", "The picture cannot be drawn here.")
        return answer

    def close(self) -> None:
        """End the child process."""
        with self._lock:
            self._pool.close()


def draw_frame(order: FrameOrder) -> bytes | None:
    """Draw one picture, or ``None`` when it cannot be; runs in a limited process."""
    size = _THUMBNAIL if order.is_small else None
    try:
        with order.source.opened() as path:
            if order.frame_index is None:
                return _brightest(path, order.number_of_frames)
            return render_frame(path, order.frame_index, size=size)
    except (RadCommonsError, *UNREADABLE):
        return None


def _brightest(path: Path, number_of_frames: int) -> bytes:
    """All frames laid over each other; of very many, as many as can be drawn in time, evenly spread."""
    count = min(number_of_frames, _MOST_FRAMES_TOGETHER)
    together = None
    for place in range(count):
        index = place * (number_of_frames - 1) // max(1, count - 1)
        with Image.open(io.BytesIO(render_frame(path, index))) as image:
            values = np.asarray(image.convert("RGB"))
        together = values if together is None else np.maximum(together, values)
    stream = io.BytesIO()
    Image.fromarray(together if together is not None else np.zeros((1, 1, 3), np.uint8)).save(
        stream, "JPEG", quality=90
    )
    return stream.getvalue()
