"""Rectangles in the stored matrix of an image: the unit in which pixels are judged and blackened."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SAME_LENGTH, _SAME_HEIGHT, _CLEARLY = 0.8, 0.6, 1.3


@dataclass(frozen=True, slots=True)
class Box:
    """One rectangle of an image.

    Parameters
    ----------
    left, top
        The first column and row inside it, from 0, in pixels of the stored matrix.
    width, height
        At least 1.
    frames
        The frames it concerns, from 0 and ascending; ``None`` for all of them.

    Raises
    ------
    ValueError
        When it has no area, begins before the first pixel, or names no frame or a negative one.
    """

    left: int
    top: int
    width: int
    height: int
    frames: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or self.left < 0 or self.top < 0:
            raise ValueError("A box has an area inside the image.")
        if self.frames is not None:
            if not self.frames or min(self.frames) < 0:
                raise ValueError("A box concerns at least one frame, counted from 0.")
            object.__setattr__(self, "frames", tuple(sorted(set(self.frames))))

    @property
    def right(self) -> int:
        """The first column to the right of it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.top + self.height

    def is_in_frame(self, frame_index: int) -> bool:
        """Whether it concerns a frame."""
        return self.frames is None or frame_index in self.frames

    def clipped(self, rows: int, columns: int) -> "Box | None":
        """The part of it inside a matrix; ``None`` when none is."""
        right, bottom = min(self.right, columns), min(self.bottom, rows)
        if self.left >= right or self.top >= bottom:
            return None
        return Box(self.left, self.top, right - self.left, bottom - self.top, self.frames)

    def grown(self, margin: int) -> "Box":
        """The box with a margin all around, as far as the matrix begins."""
        left, top = max(0, self.left - margin), max(0, self.top - margin)
        return Box(left, top, self.right + margin - left, self.bottom + margin - top, self.frames)

    def around(self, other: "Box") -> "Box":
        """The smallest box around both, in the frames of this one."""
        left, top = min(self.left, other.left), min(self.top, other.top)
        width, height = max(self.right, other.right) - left, max(self.bottom, other.bottom) - top
        return Box(left, top, width, height, self.frames)

    def to_json(self) -> dict[str, object]:
        """The box as a plain mapping."""
        shape: dict[str, object] = {"left": self.left, "top": self.top, "width": self.width, "height": self.height}
        return shape if self.frames is None else {**shape, "frames": list(self.frames)}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Box":
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        ValueError
            When a number is missing, no whole number, or out of range.
        """
        numbers = [value.get(name) for name in ("left", "top", "width", "height")]
        frames = value.get("frames")
        listed = [] if frames is None else frames
        if not isinstance(listed, list) or not all(_is_whole(number) for number in (*numbers, *listed)):
            raise ValueError("A box is made of whole numbers: left, top, width, height, and frames when not all.")
        left, top, width, height = (number for number in numbers if isinstance(number, int))
        return cls(left, top, width, height, None if frames is None else tuple(listed))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def mask_of(boxes: Iterable[Box], rows: int, columns: int) -> NDArray[np.bool_]:
    """The pixels inside any of the boxes, rows by columns."""
    mask = np.zeros((rows, columns), dtype=np.bool_)
    for box in boxes:
        mask[box.top : box.bottom, box.left : box.right] = True
    return mask


def share_covered(box: Box, others: Sequence[Box]) -> float:
    """How much of a box's area other boxes cover, from 0 to 1; frames are not compared."""
    moved = [
        Box(max(0, each.left - box.left), max(0, each.top - box.top), width, height)
        for each in others
        if (width := min(each.right, box.right) - max(each.left, box.left)) > 0
        and (height := min(each.bottom, box.bottom) - max(each.top, box.top)) > 0
    ]
    return float(mask_of(moved, box.height, box.width).mean()) if moved else 0.0


def _is_crossing(first: Box, second: Box) -> bool:
    """Whether one clearly lies and the other clearly stands: a column of lines is no line, however well it covers one."""
    slants = sorted(box.width / box.height for box in (first, second))
    return slants[0] < 1 / _CLEARLY and slants[1] > _CLEARLY


def is_same_line(first: Box, second: Box) -> bool:
    """Whether two boxes hold the same line: about as thick, at the same height, and one along most of the other."""
    rows = min(first.bottom, second.bottom) - max(first.top, second.top)
    columns = min(first.right, second.right) - max(first.left, second.left)
    if rows <= 0 or columns <= 0 or _is_crossing(first, second):
        return False
    is_lying = max(first.width, second.width) >= max(first.height, second.height)
    across, along = (rows, columns) if is_lying else (columns, rows)
    thick = (first.height, second.height) if is_lying else (first.width, second.width)
    length = (first.width, second.width) if is_lying else (first.height, second.height)
    return across >= _SAME_HEIGHT * max(thick) and along >= _SAME_LENGTH * min(length)
