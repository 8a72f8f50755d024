"""Signed distances and smooth fields in millimetres, the alphabet in which the phantom is written.

Coordinates are the patient's (PS3.3 C.7.6.2.1.1): *x* grows to the patient's left, *y* to the back, *z* to the head. A distance is negative
inside a shape. Grids are open: ``x`` has the shape ``(1, columns)``, ``y`` ``(rows, 1)``, so that most work stays one-dimensional.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FLOAT = np.float32
FAR_MM = 500.0
Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Grid:
    """The pixel centres of one axial plane.

    Parameters
    ----------
    x
        Positions of the columns in mm, shape ``(1, columns)``.
    y
        Positions of the rows in mm, shape ``(rows, 1)``.
    pixel_mm
        Distance of neighbouring columns, over which edges are softened.
    """

    x: Field
    y: Field
    pixel_mm: float

    @classmethod
    def centred(cls, *, columns: int, rows: int, column_mm: float, row_mm: float, centre_y_mm: float = 10.0) -> "Grid":
        """Return a grid of ``rows`` × ``columns`` whose middle lies at x = 0 and y = ``centre_y_mm``."""
        x = (np.arange(columns, dtype=FLOAT) - (columns - 1) / 2) * column_mm
        y = (np.arange(rows, dtype=FLOAT) - (rows - 1) / 2) * row_mm + centre_y_mm
        return cls(x[None, :].astype(FLOAT), y[:, None].astype(FLOAT), float(column_mm))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y.shape[0], self.x.shape[1]


def coverage(distance: Field, soft_mm: float) -> Field:
    """Return how much of each pixel lies inside a shape, 0 to 1, from its signed distance in mm."""
    share: Field = np.clip(0.5 - distance / soft_mm, 0.0, 1.0)
    return share


def ellipse(grid: Grid, centre: tuple[float, float], half_mm: tuple[float, float], *, turn: float = 0.0) -> Field:
    """Return the approximate signed distance in mm to an ellipse turned by ``turn`` radians."""
    dx, dy = grid.x - FLOAT(centre[0]), grid.y - FLOAT(centre[1])
    if turn:
        cosine, sine = FLOAT(np.cos(turn)), FLOAT(np.sin(turn))
        dx, dy = dx * cosine + dy * sine, dy * cosine - dx * sine
    radius = np.sqrt((dx / FLOAT(half_mm[0])) ** 2 + (dy / FLOAT(half_mm[1])) ** 2)
    distance: Field = (radius - FLOAT(1)) * FLOAT(min(half_mm))
    return distance


def capsule(grid: Grid, start: NDArray[np.float64], end: NDArray[np.float64], *, z: float, radius_mm: float) -> Field:
    """Return the signed distance in mm, in the plane ``z``, to a round bar between two points ``(x, y, z)``."""
    if z < min(start[2], end[2]) - radius_mm - 4 or z > max(start[2], end[2]) + radius_mm + 4:
        return np.full(grid.shape, FAR_MM, FLOAT)
    axis = end - start
    square = float(axis @ axis)
    across = ((grid.x - start[0]) * (axis[0] / square)).astype(FLOAT)
    down = (((grid.y - start[1]) * axis[1] + (z - start[2]) * axis[2]) / square).astype(FLOAT)
    share = np.clip(across + down, 0, 1)
    dx = (grid.x - start[0]).astype(FLOAT) - share * FLOAT(axis[0])
    dy = (grid.y - start[1]).astype(FLOAT) - share * FLOAT(axis[1])
    dz = FLOAT(z - start[2]) - share * FLOAT(axis[2])
    distance: Field = np.sqrt(dx * dx + dy * dy + dz * dz) - FLOAT(radius_mm)
    return distance


def smooth_max(first: Field, second: Field, *, round_mm: float) -> Field:
    """Return the intersection of two shapes with its corners rounded over ``round_mm``."""
    overlap = np.maximum(round_mm - np.abs(first - second), 0) / round_mm
    rounded: Field = np.maximum(first, second) + overlap * overlap * (round_mm / 4)
    return rounded


def paint(picture: Field, weight: Field, value: float | Field) -> None:
    """Blend ``value`` into ``picture`` in place, where ``weight`` (0 to 1) says so."""
    picture += weight * (value - picture)


@dataclass(frozen=True, slots=True)
class Waves:
    """Smooth three-dimensional noise of unit deviation as a sum of plane waves, cheap to evaluate plane by plane.

    Parameters
    ----------
    numbers
        Wave vectors in radians per mm, shape ``(waves, 3)``.
    phases
        Phases in radians, shape ``(waves,)``.
    """

    numbers: NDArray[np.float64]
    phases: NDArray[np.float64]

    @classmethod
    def random(cls, rng: np.random.Generator, *, count: int, shortest_mm: float, longest_mm: float) -> "Waves":
        """Draw ``count`` waves with lengths between the two limits, in all directions."""
        direction = rng.normal(size=(count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        length = np.exp(rng.uniform(np.log(shortest_mm), np.log(longest_mm), size=(count, 1)))
        return cls(direction * (2 * np.pi / length), rng.uniform(0, 2 * np.pi, size=count))

    def plane(self, grid: Grid, z: float) -> Field:
        """Return the noise in the plane ``z``, shape ``(rows, columns)``."""
        total = np.zeros(grid.shape, FLOAT)
        for (kx, ky, kz), phase in zip(self.numbers, self.phases, strict=True):
            across = (kx * grid.x).astype(FLOAT)
            down = (ky * grid.y + kz * z + phase).astype(FLOAT)
            total += np.cos(across) * np.cos(down) - np.sin(across) * np.sin(down)
        return total * FLOAT(np.sqrt(2 / len(self.phases)))
