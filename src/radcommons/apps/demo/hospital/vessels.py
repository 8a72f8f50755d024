# ruff: noqa: PLR2004 — proportions of a body are numbers; naming each would hide the drawing
"""Branching vessels and airways of the lungs, grown as trees of bars and stamped into planes.

What makes a picture a lung at first glance is its vessels: dots where they cross the plane, tapering lines where they run in it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radcommons.apps.demo.hospital.anatomy import Anatomy
from radcommons.apps.demo.hospital.shapes import Field, Grid

Points = NDArray[np.float64]

# Directions in which the lobar branches leave a hilum: away from the middle, to the back, to the head; and their share of the radius.
_LOBAR = np.array([
    [0.45, -0.35, 0.85, 0.9], [0.65, 0.45, 0.65, 0.85], [0.75, -0.65, 0.10, 0.85],
    [0.85, 0.25, -0.05, 0.8], [0.30, 0.75, 0.35, 0.75], [0.90, -0.30, -0.35, 0.75], [0.40, -0.80, 0.45, 0.7], [0.55, -0.25, -0.75, 0.9], [0.60, 0.50, -0.70, 1.0], [0.25, 0.65, -0.55, 0.9],
])  # fmt: skip
_GENERATIONS = 8


@dataclass(frozen=True, slots=True)
class Bars:
    """Many round bars.

    Parameters
    ----------
    start, end
        Their ends as ``(x, y, z)`` in mm, shape ``(bars, 3)``.
    radius_mm
        Shape ``(bars,)``.
    generation
        0 for the lobar branches, shape ``(bars,)``.
    """

    start: Points
    end: Points
    radius_mm: NDArray[np.float64]
    generation: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: "list[Bars]") -> "Bars":
        """Return the bars of all parts."""
        return cls(
            np.concatenate([part.start for part in parts]),
            np.concatenate([part.end for part in parts]),
            np.concatenate([part.radius_mm for part in parts]),
            np.concatenate([part.generation for part in parts]),
        )

    def up_to(self, generation: int) -> "Bars":
        """Return the bars of the first generations only."""
        kept = self.generation <= generation
        return Bars(self.start[kept], self.end[kept], self.radius_mm[kept], self.generation[kept])

    def moved(self, offset_mm: tuple[float, float, float], *, radius_share: float) -> "Bars":
        """Return the bars beside themselves, with another radius."""
        shift = np.array(offset_mm) * (self.radius_mm[:, None] / 3)
        return Bars(self.start + shift, self.end + shift, self.radius_mm * radius_share, self.generation)


def grow_vessels(anatomy: Anatomy, rng: np.random.Generator) -> Bars:
    """Return the vessels of both lungs, some 5,000 bars."""
    return Bars.joined([_grow_side(anatomy, rng, side) for side in (-1, 1)])


def _grow_side(anatomy: Anatomy, rng: np.random.Generator, side: int) -> Bars:
    hilum = np.array([side * 36.0, 8.0, 0.50 * anatomy.lung_height_mm])
    direction = _LOBAR[:, :3] * [side, 1, 1]
    direction = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    tips, radius, length = np.tile(hilum, (len(_LOBAR), 1)), 4.6 * _LOBAR[:, 3], np.full(len(_LOBAR), 27.0)
    parts = []
    for generation in range(_GENERATIONS):
        bends = direction + rng.normal(scale=0.13, size=direction.shape)
        ends = tips + bends * (length * rng.uniform(0.75, 1.2, size=len(length)))[:, None]
        parts.append(Bars(tips, ends, radius, np.full(len(radius), generation)))
        spread = rng.normal(scale=0.5, size=direction.shape)
        spread -= direction * np.sum(spread * direction, axis=1, keepdims=True)
        norm = np.linalg.norm(spread, axis=1, keepdims=True)
        spread *= np.clip(norm, 0.42, 0.9) / norm
        children = np.concatenate([bends + spread, bends - spread * rng.uniform(0.5, 1.0, size=(len(tips), 1))])
        direction = children / np.linalg.norm(children, axis=1, keepdims=True)
        tips = np.concatenate([ends, ends])
        radius = np.concatenate([radius * 0.80, radius * rng.uniform(0.62, 0.78, size=len(radius))])
        length = np.concatenate([length * 0.80, length * 0.86])
    return Bars.joined(parts)


def stamp(bars: Bars, grid: Grid, *, z: float, thickness_mm: float) -> Field:
    """Return how much of each pixel the bars fill in a slab around ``z``, 0 to 1, shape ``(rows, columns)``."""
    picture = np.zeros(grid.shape, np.float32)
    low, high = z - thickness_mm / 2, z + thickness_mm / 2
    bottom, top = np.minimum(bars.start[:, 2], bars.end[:, 2]), np.maximum(bars.start[:, 2], bars.end[:, 2])
    near = (top + bars.radius_mm > low) & (bottom - bars.radius_mm < high)
    if not near.any():
        return picture
    start, end, radius = bars.start[near], bars.end[near], bars.radius_mm[near]
    rise = end[:, 2] - start[:, 2]
    rise = np.where(np.abs(rise) < 1e-3, 1e-3, rise)
    ends = np.sort(np.clip([(low - start[:, 2]) / rise, (high - start[:, 2]) / rise], 0, 1), axis=0)
    filled = np.clip((np.abs(rise) * (ends[1] - ends[0]) + 2.2 * radius) / thickness_mm, 0, 1)
    count = np.maximum(
        np.ceil(np.linalg.norm((end - start)[:, :2], axis=1) * (ends[1] - ends[0]) / (grid.pixel_mm * 0.6)), 1
    )
    owner = np.repeat(np.arange(len(radius)), count.astype(int) + 1)
    step = np.arange(len(owner)) - np.repeat(
        np.cumsum(count.astype(int) + 1) - count.astype(int) - 1, count.astype(int) + 1
    )
    share = ends[0][owner] + (ends[1] - ends[0])[owner] * step / count[owner]
    points = start[owner] + (end - start)[owner] * share[:, None]
    _stamp_discs(picture, grid, points[:, :2], radius[owner], filled[owner])
    return picture


def _stamp_discs(picture: Field, grid: Grid, centres: Points, radius_mm: Points, weight: Points) -> None:
    """Draw soft discs in place, keeping the strongest at each pixel; discs of like size are drawn together."""
    row_mm = float(grid.y[1, 0] - grid.y[0, 0])
    column, row = (centres[:, 0] - grid.x[0, 0]) / grid.pixel_mm, (centres[:, 1] - grid.y[0, 0]) / row_mm
    reach = np.ceil(radius_mm / grid.pixel_mm + 1).astype(int)
    rows, columns = grid.shape
    for size in np.unique(reach):
        chosen = (
            (reach == size) & (column > size) & (column < columns - size - 1) & (row > size) & (row < rows - size - 1)
        )
        offsets = np.arange(-size, size + 1)
        at_row, at_column = np.rint(row[chosen]).astype(int), np.rint(column[chosen]).astype(int)
        across = (at_column[:, None] + offsets - column[chosen][:, None]) * grid.pixel_mm
        down = (at_row[:, None] + offsets - row[chosen][:, None]) * row_mm
        distance = np.sqrt(across[:, None, :] ** 2 + down[:, :, None] ** 2)
        radius = radius_mm[chosen][:, None, None]
        thin = np.minimum(1, 2 * radius / grid.pixel_mm)
        inside = np.clip(0.5 + (radius - distance) / grid.pixel_mm, 0, 1) * thin * weight[chosen][:, None, None]
        flat = (
            (at_row[:, None, None] + offsets[None, :, None]) * columns
            + at_column[:, None, None]
            + offsets[None, None, :]
        )
        np.maximum.at(picture.reshape(-1), flat.reshape(-1), inside.reshape(-1).astype(np.float32))
