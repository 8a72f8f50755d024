"""Where in a picture writing could be: places where steep rises and falls stand side by side in both directions.

The border of an organ rises or falls once; a letter does both within a few pixels, across and down. What is steep is
measured against the noise around it. The map costs about 20 ms for 0.5 million pixels and needs nothing but numpy, so it
goes before every recogniser and is the whole of the fallback.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CELL = 4
_NOISE_BLOCK = 64
_NOISE_STEP = 3
_NOISE_FACTOR, _MARGIN_FACTOR = 6.0, 4.0
_MARGIN_SHARE = 0.12
_LEAST_STEP = 10
_LEAST_COUNT = 3
_LEAST_CELLS = 6
_MARGIN = 6
_MOST_JOINED, _THICKEST_LINE, _SAME_HEIGHT = 150, 64, 0.7
# By how much a region is longer and higher than what fired it, about.
BORDER = 2 * (_MARGIN + CELL)


@dataclass(frozen=True, slots=True)
class Region:
    """One connected place of interest: left, top, right, bottom in pixels of the picture, and how many cells fired."""

    left: int
    top: int
    right: int
    bottom: int
    cells: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def fill(self) -> float:
        """Which share of it fired, from 0 to 1."""
        return self.cells * CELL * CELL / max(1, self.width * self.height)


def interest_map(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The cells of 4 by 4 pixels in which writing could be; a last partial row or column of cells is left out.

    Parameters
    ----------
    picture
        Rows by columns, at least one cell.
    """
    values = picture.astype(np.int16)
    across, down = np.zeros_like(values), np.zeros_like(values)
    across[:, 1:-1] = values[:, 2:] - values[:, :-2]
    down[1:-1] = values[2:] - values[:-2]
    both = np.minimum(_rises_and_falls(across), _rises_and_falls(down))
    return _box_sum(both >= _LEAST_COUNT) > 0


def regions_of(fired: NDArray[np.bool_], size: tuple[int, int]) -> tuple[Region, ...]:
    """The connected places of a map, with a small margin, none inside another.

    Parameters
    ----------
    fired
        From :func:`interest_map`.
    size
        Rows and columns of the picture.
    """
    found = [
        Region(
            max(0, left * CELL - _MARGIN),
            max(0, top * CELL - _MARGIN),
            min(size[1], right * CELL + _MARGIN),
            min(size[0], bottom * CELL + _MARGIN),
            count,
        )
        for left, top, right, bottom, count in _components(fired)
        if count >= _LEAST_CELLS
    ]
    found = _joined(found)
    found.sort(key=lambda region: (-region.width * region.height, region.top, region.left))
    kept: list[Region] = []
    for region in found:
        if not any(_contains(outer, region) for outer in kept):
            kept.append(region)
    return tuple(kept)


def _joined(regions: list[Region]) -> list[Region]:
    """Regions with the pieces of a line made one: a word apart, or faint in between."""
    if len(regions) > _MOST_JOINED:
        return regions
    joined: list[Region] = []
    for region in sorted(regions, key=lambda each: (each.left, each.top)):
        current = region
        while (partner := next((each for each in joined if _is_one_line(current, each)), None)) is not None:
            joined.remove(partner)
            current = Region(
                min(current.left, partner.left),
                min(current.top, partner.top),
                max(current.right, partner.right),
                max(current.bottom, partner.bottom),
                current.cells + partner.cells,
            )
        joined.append(current)
    return joined


def _is_one_line(first: Region, second: Region) -> bool:
    rows = min(first.bottom, second.bottom) - max(first.top, second.top)
    columns = min(first.right, second.right) - max(first.left, second.left)
    for shared, gap, thick in (
        (rows, -columns, (first.height, second.height)),
        (columns, -rows, (first.width, second.width)),
    ):
        is_level = shared >= _SAME_HEIGHT * max(thick)
        if is_level and max(thick) <= _THICKEST_LINE and gap <= max(thick):
            return True
    return False


def _contains(outer: Region, inner: Region) -> bool:
    return (
        outer.left <= inner.left
        and outer.top <= inner.top
        and outer.right >= inner.right
        and outer.bottom >= inner.bottom
    )


def _rises_and_falls(steps: NDArray[np.int16]) -> NDArray[np.uint8]:
    """How many steep rises and falls, whichever are fewer, lie around each cell."""
    limits = _limits(np.abs(steps))
    rises = _box_sum(cell_counts(steps > limits))
    falls = _box_sum(cell_counts(steps < -limits))
    return np.minimum(rises, falls)


def _limits(sizes: NDArray[np.int16]) -> NDArray[np.int16]:
    """What is steep at each pixel: several times the usual step of its block, never less than a visible one."""
    rows, columns = sizes.shape
    block_rows, block_columns = min(_NOISE_BLOCK, rows), min(_NOISE_BLOCK, columns)
    tall, wide = rows // block_rows, columns // block_columns
    blocks = sizes[: tall * block_rows, : wide * block_columns].reshape(tall, block_rows, wide, block_columns)
    sample = blocks[:, ::_NOISE_STEP, :, ::_NOISE_STEP].transpose(0, 2, 1, 3).reshape(tall, wide, -1)
    noise = np.median(sample, axis=2).astype(np.float32)
    margin = round(_MARGIN_SHARE * min(rows, columns))
    # Most writing stands near the rim of the image, and little anatomy.
    near, far = (np.maximum(_LEAST_STEP, noise * factor).astype(np.int16) for factor in (_MARGIN_FACTOR, _NOISE_FACTOR))
    limits = _enlarged(near, (block_rows, block_columns), (rows, columns))
    inside = (slice(margin, rows - margin), slice(margin, columns - margin))
    limits[inside] = _enlarged(far, (block_rows, block_columns), (rows, columns))[inside]
    return limits


def _enlarged(blocks: NDArray[np.int16], block: tuple[int, int], size: tuple[int, int]) -> NDArray[np.int16]:
    """One value a block as one a pixel; the last blocks go on to the edges."""
    counts = [[side] * number for side, number in zip(block, blocks.shape, strict=True)]
    for each, whole in zip(counts, size, strict=True):
        each[-1] += whole - sum(each)
    return np.repeat(np.repeat(blocks, counts[1], axis=1), counts[0], axis=0)


def cell_counts(marks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """How many pixels of each cell are marked."""
    rows, columns = (side // CELL * CELL for side in marks.shape)
    # Four pixels of a row are the four bytes of one number: rows are added as numbers, then the bytes of each.
    quads = np.ascontiguousarray(marks[:rows, :columns]).view(np.uint32).reshape(rows // CELL, CELL, columns // CELL)
    sums = quads[:, 0] + quads[:, 1] + quads[:, 2] + quads[:, 3]
    counts: NDArray[np.uint8] = (sums * np.uint32(0x01010101) >> np.uint32(24)).astype(np.uint8)
    return counts


def _box_sum(cells: NDArray[np.bool_] | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The sum over each cell and its eight neighbours; at most nine times sixteen."""
    padded = np.pad(cells.astype(np.uint8), 1)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    total: NDArray[np.uint8] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return total


def _components(fired: NDArray[np.bool_]) -> Iterator[tuple[int, int, int, int, int]]:
    """Connected cells as left, top, right, bottom and count; a gap of one cell within a row is bridged."""
    waiting = {(int(row), int(column)) for row, column in np.argwhere(fired)}
    for start in sorted(waiting):
        if start not in waiting:
            continue
        waiting.discard(start)
        stack, members = [start], []
        while stack:
            row, column = stack.pop()
            members.append((row, column))
            for near in [(row + down, column + across) for down in (-1, 0, 1) for across in (-2, -1, 0, 1, 2)]:
                if near in waiting:
                    waiting.discard(near)
                    stack.append(near)
        rows, columns = [member[0] for member in members], [member[1] for member in members]
        yield min(columns), min(rows), max(columns) + 1, max(rows) + 1, len(members)
