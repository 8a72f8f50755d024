# ruff: noqa: PLR2004 — proportions of a body are numbers; naming each would hide the drawing
"""Frontal chest radiographs: the same invented chest seen through, as X-rays add it up from front to back."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from radcommons.apps.demo.hospital.lesions import Lesion
from radcommons.apps.demo.hospital.shapes import Field, Grid
from radcommons.apps.demo.hospital.volume import LesionMeasure, Person, draw_lungs

_COLUMN_MM, _DEPTH_MM, _LEVEL_MM = 1.5, 4.0, 2.0
_WIDTH_MM, _ATTENUATION_PER_MM = 356.0, 0.018
STORED_MAXIMUM = 4095


def draw_radiograph(
    person: Person,
    *,
    lesions: tuple[Lesion, ...],
    size: tuple[int, int],
    rng: np.random.Generator,
    marker: str = "L",
) -> NDArray[np.uint16]:
    """Return a frontal radiograph with 12 stored bits, bright where the body is dense.

    Parameters
    ----------
    person
        Whose chest.
    lesions
        The opacities it has at the time.
    size
        Rows and columns.
    rng
        For the grain.
    marker
        The side marker of lead, as radiographers place it; it names nobody.

    Returns
    -------
    numpy.ndarray
        Shape ``(rows, columns)``, the patient's left on the right side of the picture.
    """
    thickness = _integrate(person, lesions, level_mm=_LEVEL_MM * max(1.0, 600 / size[0]))
    rows, columns = size
    smooth = Image.fromarray(thickness).resize((columns, rows), Image.Resampling.BICUBIC)
    picture = np.asarray(smooth, np.float32)
    low, high = (np.float32(value) for value in np.percentile(picture, [1, 99.7]))
    bright = np.clip((picture - low) / (high - low), 0, 1.15) ** 1.1
    bright = _equalise(bright.astype(np.float32))
    bright += rng.standard_normal(bright.shape, dtype=np.float32) * 0.007
    stored = np.clip(bright * 3300 + 250, 0, STORED_MAXIMUM).astype(np.uint16)
    return _draw_marker(stored, marker)


def _integrate(person: Person, lesions: tuple[Lesion, ...], *, level_mm: float) -> Field:
    """Return the attenuation along each ray, shape ``(levels, columns)``, the head uppermost."""
    height = person.anatomy.lung_height_mm
    grid = Grid.centred(
        columns=round(_WIDTH_MM / _COLUMN_MM), rows=round(260 / _DEPTH_MM), column_mm=_COLUMN_MM, row_mm=_DEPTH_MM
    )
    measures = [LesionMeasure(lesion) for lesion in lesions]
    rays = []
    for z in np.arange(1.19 * height, -0.36 * height, -level_mm):
        plane = draw_lungs(person, grid, float(z), level_mm, measures)
        density = np.maximum(plane / 1000 + 1, 0) + np.maximum(plane - 130, 0) * 0.0007
        rays.append(density.sum(axis=0) * (_DEPTH_MM * _ATTENUATION_PER_MM))
    return np.stack(rays).astype(np.float32)


def _equalise(bright: Field) -> Field:
    """Strengthen what is small against what is large, as every digital radiograph is processed."""
    rows, columns = bright.shape
    small = Image.fromarray(bright).resize((columns // 24, rows // 24), Image.Resampling.BOX)
    broad = np.asarray(small.resize((columns, rows), Image.Resampling.BICUBIC), np.float32)
    strengthened: Field = np.float32(0.80) * broad + np.float32(1.7) * (bright - broad) + np.float32(0.06)
    return strengthened


def _draw_marker(stored: NDArray[np.uint16], marker: str) -> NDArray[np.uint16]:
    rows, columns = stored.shape
    mask = Image.new("L", (columns, rows), 0)
    font = ImageFont.load_default(size=rows // 18)
    ImageDraw.Draw(mask).text((columns * 0.90, rows * 0.06), marker, fill=255, font=font)
    return np.where(np.asarray(mask) > 127, np.uint16(STORED_MAXIMUM - 60), stored)
