"""Lesions of known place and volume: ground-glass patches and consolidations at the outer edge of the lungs."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from radcommons.apps.demo.hospital.anatomy import Anatomy
from radcommons.apps.demo.hospital.shapes import Field, Grid, Waves

GROUND_GLASS_HU, CONSOLIDATION_HU = -560.0, 15.0


class LesionKind(StrEnum):
    """What a radiologist would call it."""

    GROUND_GLASS = "ground-glass opacity"
    CONSOLIDATION = "consolidation"


@dataclass(frozen=True, slots=True)
class Lesion:
    """One opacity.

    Parameters
    ----------
    kind
        Ground glass lets vessels be seen, consolidation hides them.
    side
        ``right`` or ``left``, the patient's.
    centre_mm
        ``(x, y, z)`` in the coordinates of the phantom.
    half_mm
        Half its depth, breadth and height in mm: depth points to the middle of the chest.
    """

    kind: LesionKind
    side: str
    centre_mm: tuple[float, float, float]
    half_mm: tuple[float, float, float]

    def grown(self, factor: float) -> "Lesion":
        """Return the lesion with every length multiplied, as a later examination shows it."""
        depth, breadth, height = self.half_mm
        return Lesion(self.kind, self.side, self.centre_mm, (depth * factor, breadth * factor, height * factor))

    def mask(self, grid: Grid, z: float, ragged: Field) -> Field:
        """Return the lesion's weight in the plane ``z``, 0 to 1; ``ragged`` is noise of unit deviation."""
        x, y, middle = self.centre_mm
        turn = np.arctan2(y, x)
        cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        inward = ((grid.x - x) * cosine + (grid.y - y) * sine) / self.half_mm[0]
        along = ((grid.y - y) * cosine - (grid.x - x) * sine) / self.half_mm[1]
        radius = np.sqrt(inward**2 + along**2 + ((z - middle) / self.half_mm[2]) ** 2)
        weight: Field = np.clip((1 - radius + 0.22 * ragged) * 2.6, 0, 1)
        return weight


def place_lesions(anatomy: Anatomy, rng: np.random.Generator, *, severity: float) -> tuple[Lesion, ...]:
    """Return lesions of both lungs as COVID-19 pneumonia has them: outer, more at the back, more below.

    ``severity`` is 0 (none) to 1 (many and large).
    """
    count = round(2 + 9 * severity) if severity > 0 else 0
    lesions = []
    for number in range(count):
        sign = -1 if number % 2 == 0 else 1
        level = rng.uniform(0.05, 0.75)
        z = level * anatomy.lung_height_mm
        angle = rng.uniform(-0.35, 1.05)
        half_x, half_y = anatomy.cavity_half_mm(z)
        centre = (sign * half_x * 0.90 * np.cos(angle), half_y * 0.90 * np.sin(angle) + 6, z)
        kind = LesionKind.CONSOLIDATION if number % 4 == 1 else LesionKind.GROUND_GLASS
        size = (0.75 if kind is LesionKind.CONSOLIDATION else 1.0) * (0.7 + 0.5 * severity) * rng.uniform(0.8, 1.25)
        half = (15 * size, 27 * size, 23 * size)
        place = (float(centre[0]), float(centre[1]), float(centre[2]))
        lesions.append(Lesion(kind, "right" if sign < 0 else "left", place, half))
    return tuple(lesions)


def ragged_edges(rng: np.random.Generator) -> Waves:
    """Return the noise that frays the borders of lesions."""
    return Waves.random(rng, count=12, shortest_mm=8, longest_mm=30)
