# ruff: noqa: PLR2004 — proportions of a body are numbers; naming each would hide the drawing
"""From an invented person to the stored values of a CT series, with the volume of every lesion as it was drawn."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radcommons.apps.demo.hospital.anatomy import Anatomy, Plane, draw_plane
from radcommons.apps.demo.hospital.lesions import (
    CONSOLIDATION_HU,
    GROUND_GLASS_HU,
    Lesion,
    LesionKind,
    ragged_edges,
)
from radcommons.apps.demo.hospital.shapes import Field, Grid, Waves, ellipse, paint
from radcommons.apps.demo.hospital.vessels import Bars, grow_vessels, stamp

_FISSURE_SLOPES = ((-1, 0.62, 62.0), (1, 0.66, 74.0))


@dataclass(frozen=True, slots=True)
class Person:
    """Everything about an invented chest that stays the same from examination to examination."""

    anatomy: Anatomy
    vessels: Bars
    ragged: Waves

    @classmethod
    def of(cls, rng: np.random.Generator, *, sex: str, age_years: int) -> "Person":
        """Draw a person."""
        anatomy = Anatomy.of(rng, sex=sex, age_years=age_years)
        return cls(anatomy, grow_vessels(anatomy, rng), ragged_edges(rng))


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the planes of a CT series lie.

    Parameters
    ----------
    matrix
        Rows and columns.
    pixel_mm
        Pixel spacing.
    slice_mm
        Thickness and distance of the planes, which touch.
    planes
        Their count.
    """

    matrix: int
    pixel_mm: float
    slice_mm: float
    planes: int

    @property
    def grid(self) -> Grid:
        """The pixel centres of every plane."""
        return Grid.centred(columns=self.matrix, rows=self.matrix, column_mm=self.pixel_mm, row_mm=self.pixel_mm)

    def heights_mm(self, anatomy: Anatomy) -> list[float]:
        """Return the height of each plane, from the head downwards, covering both lungs."""
        top = 1.0 * anatomy.lung_height_mm
        return [top - index * self.slice_mm for index in range(self.planes)]


@dataclass(slots=True)
class LesionMeasure:
    """The volume of one lesion, filled while the planes are drawn."""

    lesion: Lesion
    voxels: int = 0
    weighted_hu: float = 0.0

    def volume_ml(self, geometry: Geometry) -> float:
        """Return the volume of the voxels it fills by more than half."""
        return self.voxels * geometry.pixel_mm**2 * geometry.slice_mm / 1000

    @property
    def mean_hu(self) -> float:
        """The mean of those voxels without noise."""
        return self.weighted_hu / self.voxels if self.voxels else float("nan")


def draw_series(
    person: Person, geometry: Geometry, *, lesions: list[LesionMeasure], rng: np.random.Generator
) -> Iterator[NDArray[np.int16]]:
    """Yield the planes of a series from the head downwards, in Hounsfield units, shape ``(matrix, matrix)``.

    The measures in ``lesions`` are complete when the last plane has been drawn.
    """
    grid = geometry.grid
    noise = _noise_tile(rng, geometry.matrix + 96)
    outside = ellipse(grid, (0.0, 10.0), (geometry.matrix * geometry.pixel_mm / 2,) * 2) > 0
    for z in geometry.heights_mm(person.anatomy):
        picture = draw_lungs(person, grid, z, geometry.slice_mm, lesions)
        _draw_table(picture, grid)
        row, column = rng.integers(0, 96, size=2)
        picture += noise[row : row + geometry.matrix, column : column + geometry.matrix] * 17
        picture[outside] = -1024
        yield np.clip(np.rint(picture), -1024, 3071).astype(np.int16)


def draw_lungs(person: Person, grid: Grid, z: float, thickness_mm: float, lesions: list[LesionMeasure]) -> Field:
    """Return one plane with vessels, airways, fissures and lesions in its lungs, in Hounsfield units, without noise."""
    plane = draw_plane(person.anatomy, grid, z)
    picture = plane.hounsfield
    if not plane.lung.any():
        return picture
    _draw_fissures(picture, plane, grid, z)
    ragged = person.ragged.plane(grid, z) if lesions else None
    masks = [
        (measure, _mask(measure.lesion, grid, z, ragged) * plane.lung) for measure in lesions if ragged is not None
    ]
    _draw_lesions(picture, masks, LesionKind.GROUND_GLASS, GROUND_GLASS_HU, ragged)
    vessels = stamp(person.vessels, grid, z=z, thickness_mm=min(thickness_mm, 3.5))
    paint(picture, vessels * plane.lung * 0.92, 30.0)
    _draw_lesions(picture, masks, LesionKind.CONSOLIDATION, CONSOLIDATION_HU, ragged)
    airways = person.vessels.up_to(2).moved((1.6, -3.4, 0.8), radius_share=0.85)
    wall = stamp(airways, grid, z=z, thickness_mm=2.0)
    lumen = stamp(airways.moved((0, 0, 0), radius_share=0.66), grid, z=z, thickness_mm=2.0)
    paint(picture, wall * plane.lung * 0.45, -120.0)
    paint(picture, lumen * plane.lung, -960.0)
    _measure(picture, masks)
    return picture


def _mask(lesion: Lesion, grid: Grid, z: float, ragged: Field) -> Field:
    if abs(z - lesion.centre_mm[2]) > 1.8 * lesion.half_mm[2]:
        return np.zeros(grid.shape, np.float32)
    return lesion.mask(grid, z, ragged)


def _draw_lesions(
    picture: Field,
    masks: list[tuple[LesionMeasure, Field]],
    kind: LesionKind,
    level_hu: float,
    ragged: Field | None,
) -> None:
    for measure, mask in masks:
        if measure.lesion.kind is kind and ragged is not None:
            paint(picture, mask, level_hu + 38 * ragged)


def _measure(picture: Field, masks: list[tuple[LesionMeasure, Field]]) -> None:
    """Count the voxels of each lesion; where two overlap, a consolidation wins, then the first."""
    taken = np.zeros(picture.shape, bool)
    for measure, mask in sorted(masks, key=lambda pair: pair[0].lesion.kind is not LesionKind.CONSOLIDATION):
        inside = (mask > 0.5) & ~taken
        taken |= inside
        measure.voxels += int(inside.sum())
        measure.weighted_hu += float(picture[inside].sum())


def _draw_fissures(picture: Field, plane: Plane, grid: Grid, z: float) -> None:
    for side, slope, height in _FISSURE_SLOPES:
        distance = (z - height - slope * grid.y * 0.9 - 6 * np.sin(grid.x / 24)) * 0.75
        line = np.exp(-((distance / 2.2) ** 2)) * ((grid.x > 0) == (side > 0)) * (plane.depth_mm > 0)
        paint(picture, (0.10 * line * plane.lung).astype(np.float32), -150.0)


def _draw_table(picture: Field, grid: Grid) -> None:
    arc = 143 - 0.00065 * grid.x**2
    for depth, thick, value in ((0.0, 2.2, -180.0), (26.0, 2.2, -120.0)):
        on_it = (np.abs(grid.y - arc - depth * (1 - (grid.x / 215) ** 2)) < thick) & (np.abs(grid.x) < 200)
        picture[on_it & (picture < -900)] = value


def _noise_tile(rng: np.random.Generator, size: int) -> Field:
    """Return noise of unit deviation with the grain of a smooth reconstruction kernel, to be cut at random places."""
    white = rng.standard_normal((size, size)).astype(np.float32)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    shaped = np.fft.irfft2(np.fft.rfft2(white) * frequency * np.exp(-((frequency / 0.22) ** 2)), s=white.shape)
    tile: Field = (shaped / shaped.std()).astype(np.float32)
    return tile
