"""Overlays and curves that may stay: pictures of regions and signals, never pictures of writing (PS3.15 E.3.3).

An overlay is a bitmap beside the picture. A region, an outline or an arrow says nothing; letters do. What stands in a
bitmap is judged by its shapes, so that the judgement is the same on every machine: two small shapes of one height side by
side, or one shape of many strokes, count as writing, and then the whole plane goes.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radcommons.dicom.elements import EXPLICIT_LITTLE, Element
from radcommons.dicom.header import Header
from radcommons.dicom.text import first_text

OVERLAYS, CURVES = 0x60, 0x50
_ROWS, _COLUMNS, _FRAMES, _BITS, _DATA = 0x0010, 0x0011, 0x0015, 0x0100, 0x3000
_MAX_PIXELS = 2**28
_MOST_SHAPES = 500
_MOST_STROKES = 2.5
_SMALLEST_LETTER = 4
_LETTER_SHARE = 6
_CURVE_DIMENSIONS, _CURVE_POINTS, _CURVE_TYPE, _CURVE_REPRESENTATION = 0x0005, 0x0010, 0x0020, 0x0103
_FIRST_AUDIO, _LAST_AUDIO = 0x2000, 0x24FF
_VALUE_BYTES = {0: 2, 1: 2, 2: 4, 3: 8, 4: 4}
# PS3.3-2004 C.10.2.1.1: signals and profiles; free lines (POLY) can be handwriting.
_SIGNALS = frozenset(
    {"TAC", "PROF", "HIST", "ROI", "FILT", "ECG", "PHONO", "RESP", "PRES", "FLOW", "DOSE", "PHYS", "ACC", "VEL", "MCG"}
)


@dataclass(frozen=True, slots=True)
class Shape:
    """Touching pixels of a bitmap: the rectangle around them, and how many strokes cross its rows and columns."""

    left: int
    top: int
    width: int
    height: int
    strokes_in_rows: float

    def is_letter_like(self, rows: int) -> bool:
        """Whether it has the size of a letter."""
        return _SMALLEST_LETTER <= self.height <= max(_SMALLEST_LETTER, rows // _LETTER_SHARE) and (
            self.width <= 2 * self.height
        )


def is_safe_graphic(elements: Mapping[int, Element], group: int) -> bool:
    """Whether an overlay or curve shows no writing.

    Parameters
    ----------
    elements
        The overlay and curve elements of the object, by tag.
    group
        The group of the plane or curve, such as ``0x6000``.
    """
    own = {tag & 0xFFFF: element for tag, element in elements.items() if tag >> 16 == group}
    return _is_safe_overlay(own) if group >> 8 == OVERLAYS else _is_safe_curve(own)


def _is_safe_overlay(own: Mapping[int, Element]) -> bool:
    data = own.get(_DATA)
    if data is None or data.is_encapsulated:
        return False
    rows, columns, frames = (
        _number(own.get(name), default) for name, default in ((_ROWS, 0), (_COLUMNS, 0), (_FRAMES, 1))
    )
    pixels = rows * columns * frames
    if _number(own.get(_BITS), 1) != 1 or not 0 < pixels <= min(_MAX_PIXELS, 8 * len(data.value)):
        return False
    if len(data.value) > (pixels + 7) // 8 + 1:
        # Bytes behind the bitmap belong to no picture.
        return False
    bits = np.unpackbits(np.frombuffer(data.value, dtype=np.uint8), count=pixels, bitorder="little")
    return all(not has_writing(plane) for plane in bits.reshape(frames, rows, columns))


def _is_safe_curve(own: Mapping[int, Element]) -> bool:
    data = own.get(_DATA)
    if data is None or any(_FIRST_AUDIO <= name <= _LAST_AUDIO for name in own):
        return False
    width = _VALUE_BYTES.get(_number(own.get(_CURVE_REPRESENTATION), -1))
    size = _number(own.get(_CURVE_DIMENSIONS), 0) * _number(own.get(_CURVE_POINTS), 0) * (width or 0)
    is_signal = first_text(own.get(_CURVE_TYPE)).upper() in _SIGNALS
    return is_signal and 0 < size <= len(data.value) <= size + 1


def _number(element: Element | None, default: int) -> int:
    if element is None:
        return default
    number = Header((element,), EXPLICIT_LITTLE).integer(element.tag)
    return -1 if number is None else number


def has_writing(bitmap: NDArray[np.uint8]) -> bool:
    """Whether a bitmap, rows by columns of 0 and 1, seems to show letters, drawn or cut out, along either side."""
    shapes = shapes_of(bitmap)
    if len(shapes) > _MOST_SHAPES or any(shape.strokes_in_rows > _MOST_STROKES for shape in shapes):
        return True
    turned = shapes_of(bitmap.T)
    return (
        any(shape.strokes_in_rows > _MOST_STROKES for shape in turned)
        or _has_neighbours(shapes, bitmap.shape[0])
        or _has_neighbours(turned, bitmap.shape[1])
        or _has_neighbours(shapes_of(1 - bitmap), bitmap.shape[0])
    )


def _has_neighbours(shapes: list[Shape], rows: int) -> bool:
    letters = sorted((shape for shape in shapes if shape.is_letter_like(rows)), key=lambda shape: shape.left)
    for number, one in enumerate(letters):
        for other in letters[number + 1 :]:
            gap = other.left - (one.left + one.width)
            if gap > 2 * one.height:
                break
            shared = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
            lower, higher = sorted((one.height, other.height))
            if 2 * shared >= lower and higher <= 2 * lower:
                return True
    return False


def shapes_of(bitmap: NDArray[np.uint8]) -> list[Shape]:
    """The connected shapes of a bitmap, eight neighbours counting as touching."""
    padded = np.pad(bitmap.astype(np.int8), ((0, 0), (1, 1)))
    steps = np.diff(padded, axis=1)
    starts, ends = np.argwhere(steps == 1), np.argwhere(steps == -1)
    runs = [(int(row), int(left), int(right)) for (row, left), (_, right) in zip(starts, ends, strict=True)]
    parents = list(range(len(runs)))
    _join_touching(runs, parents)
    members: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for number, run in enumerate(runs):
        members[_root(parents, number)].append(run)
    return [_shape(each) for each in members.values()]


def _join_touching(runs: list[tuple[int, int, int]], parents: list[int]) -> None:
    above = 0
    for number, (row, left, right) in enumerate(runs):
        while above < number and runs[above][0] < row - 1:
            above += 1
        other = above
        while other < number and runs[other][0] < row and runs[other][1] <= right:
            if runs[other][0] == row - 1 and runs[other][2] >= left:
                parents[_root(parents, other)] = _root(parents, number)
            other += 1


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number


def _shape(runs: list[tuple[int, int, int]]) -> Shape:
    left, right = min(run[1] for run in runs), max(run[2] for run in runs)
    rows = {run[0] for run in runs}
    return Shape(left, min(rows), right - left, max(rows) - min(rows) + 1, len(runs) / len(rows))
