# ruff: noqa: PLR2004 — proportions of a body are numbers; naming each would hide the drawing
"""A thorax written in formulas: which tissue lies at which point, plane by plane, in Hounsfield units.

It is drawn for people who will look at it: lungs around a heart that leans to the left, two diaphragm domes, ribs that descend to the
front, a spine with discs, great vessels, fat and muscle. It is nobody's body.
"""

from dataclasses import dataclass

import numpy as np

from radcommons.apps.demo.hospital.shapes import Field, Grid, Waves, capsule, coverage, ellipse, paint, smooth_max

AIR_HU, LUNG_HU, FAT_HU, MUSCLE_HU, BLOOD_HU, LIVER_HU, BONE_HU = -1000.0, -865.0, -98.0, 52.0, 40.0, 58.0, 330.0


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One invented person's proportions.

    Parameters
    ----------
    size
        Scale of the trunk across; 1 is 330 mm wide.
    lung_height_mm
        From the lower border of the heart to the apex.
    fat_mm
        Thickness of the fat below the skin.
    heart_size
        Scale of the heart.
    dome_mm
        Height of the right dome of the diaphragm; less in deep inspiration.
    has_breasts
        Whether the outline has them.
    texture
        Slow variation within tissues.
    """

    size: float
    lung_height_mm: float
    fat_mm: float
    heart_size: float
    dome_mm: float
    has_breasts: bool
    texture: Waves

    @classmethod
    def of(cls, rng: np.random.Generator, *, sex: str, age_years: int) -> "Anatomy":
        """Draw a person's proportions."""
        small = 0.93 if sex == "F" else 1.0
        return cls(
            size=small * rng.uniform(0.95, 1.04),
            lung_height_mm=188 * small * rng.uniform(0.97, 1.05),
            fat_mm=rng.uniform(9, 17) + (4 if sex == "F" else 0),
            heart_size=rng.uniform(0.9, 1.0) + max(0, age_years - 50) * 0.0025,
            dome_mm=rng.uniform(50, 62),
            has_breasts=sex == "F",
            texture=Waves.random(rng, count=10, shortest_mm=9, longest_mm=40),
        )

    def level(self, z: float) -> float:
        """Return the relative height of a plane: 0 at the lower border of the heart, 1 at the lungs' apex."""
        return z / self.lung_height_mm

    def cavity_half_mm(self, z: float) -> tuple[float, float]:
        """Return the half width and half depth of the cavity of the chest in the plane ``z``, in mm."""
        t = min(max((self.level(z) - 0.30) / 0.74, 0.0), 0.9999)
        taper = (1 - t**2.3) ** 0.55
        return 130 * self.size * taper, 93 * self.size * (0.30 + 0.70 * taper) * min(1.0, 0.2 + 1.6 * taper)


@dataclass(frozen=True, slots=True)
class Plane:
    """One axial plane of tissue.

    Parameters
    ----------
    hounsfield
        Radiodensity without vessels of the lungs, lesions and noise, shape ``(rows, columns)``.
    lung
        Share of lung in each pixel, 0 to 1.
    depth_mm
        Distance to the nearest edge of the lung, positive inside, approximately.
    """

    hounsfield: Field
    lung: Field
    depth_mm: Field


def draw_plane(anatomy: Anatomy, grid: Grid, z: float) -> Plane:
    """Return the tissue of the plane at height ``z`` in mm."""
    soft = grid.pixel_mm * 1.3
    texture = anatomy.texture.plane(grid, z)
    picture = np.full(grid.shape, AIR_HU, np.float32)
    cavity = _cavity(anatomy, grid, z)
    _draw_trunk(picture, anatomy, grid, z, texture)
    _draw_skeleton(picture, anatomy, grid, z, cavity)
    _draw_cavity(picture, anatomy, grid, z, inside=coverage(cavity, soft), texture=texture)
    lung_distance = _lungs(anatomy, grid, z, cavity)
    lung = coverage(lung_distance, soft)
    gravity = np.clip((grid.y + 70) / 150, 0, 1) * 45
    paint(picture, lung, (LUNG_HU + gravity + 9 * texture).astype(np.float32))
    _draw_spine(picture, grid, z, texture)
    _draw_airway(picture, anatomy, grid, z)
    return Plane(picture, lung, -lung_distance)


def _cavity(anatomy: Anatomy, grid: Grid, z: float) -> Field:
    half_x, half_y = (max(half, 1.0) for half in anatomy.cavity_half_mm(z))
    across, down = np.abs(grid.x / half_x) ** 2.25, np.abs((grid.y - 2 - 8 * anatomy.level(z)) / half_y) ** 2.25
    cavity: Field = ((across + down) ** np.float32(1 / 2.25) - 1) * np.float32(min(half_x, half_y))
    return cavity


def _body_half_mm(anatomy: Anatomy, z: float) -> tuple[float, float]:
    t = anatomy.level(z)
    shoulders = float(np.interp(t, [0, 0.55, 0.9, 1.05, 1.16, 1.24, 1.3], [164, 166, 184, 188, 150, 80, 62]))
    depth = float(np.interp(t, [0, 0.6, 0.95, 1.1, 1.25], [120, 119, 112, 100, 80]))
    return shoulders * anatomy.size + anatomy.fat_mm - 10, depth * anatomy.size + anatomy.fat_mm - 10


def _draw_trunk(picture: Field, anatomy: Anatomy, grid: Grid, z: float, texture: Field) -> None:
    soft = grid.pixel_mm * 1.3
    half = _body_half_mm(anatomy, z)
    exponent = 2.5
    middle = 134 * anatomy.size - half[1]
    radius = (np.abs(grid.x / half[0]) ** exponent + np.abs((grid.y - middle) / half[1]) ** exponent) ** np.float32(
        1 / exponent
    )
    skin = (radius - 1) * half[1]
    if anatomy.has_breasts and -0.02 < anatomy.level(z) < 0.74:
        bulge = 1 - abs(anatomy.level(z) - 0.36) / 0.38
        for side in (-1, 1):
            breast = ellipse(grid, (side * 76.0, middle - half[1] + 18), (22 + 32 * bulge**0.5, 2 + 33 * bulge**0.7))
            skin = -smooth_max(-skin, -breast, round_mm=14.0)
    paint(picture, coverage(skin, soft), FAT_HU + 7 * texture)
    paint(picture, coverage(np.abs(skin + 1.0) - 0.9, soft), 10.0)
    muscle = (radius - 1) * half[1] + anatomy.fat_mm
    planes = 24 * np.abs(np.sin(texture * 1.5 + skin * 0.22))
    paint(picture, coverage(muscle, soft), MUSCLE_HU - planes + 4 * texture)


def _draw_skeleton(picture: Field, anatomy: Anatomy, grid: Grid, z: float, cavity: Field) -> None:
    soft = grid.pixel_mm * 1.3
    half_x, _ = anatomy.cavity_half_mm(z)
    if anatomy.level(z) < 1.06:
        angle = np.abs(np.arctan2(grid.x, grid.y - np.float32(4)))
        phase = np.mod(z + 92 * np.sin(angle * 0.62) ** 1.3, 25.0) - 12.5
        wide = 6.6 + 0.8 * np.cos(angle)
        outward = cavity * (1 + 0.25 * np.sin(angle)) - 6.0
        rib = (np.sqrt((outward / 3.9) ** 2 + (phase / wide) ** 2) - 1) * 3.9
        front = np.clip((angle - 2.25) / 0.2, 0, 1)
        gone = np.clip((angle - 2.86) / 0.06, 0, 1)
        cortex = np.where(rib > -1.9, 620.0, 260.0) * (1 - front) + 105.0 * front
        paint(picture, coverage(rib, soft) * (1 - gone), cortex.astype(np.float32))
    if 0.30 < anatomy.level(z) < 0.98:
        front_y = -anatomy.cavity_half_mm(z)[1] + 8 * anatomy.level(z) - 9
        sternum = ellipse(grid, (0.0, front_y), (17.0 + 9 * (anatomy.level(z) > 0.78), 6.5))
        paint(picture, coverage(sternum, soft), 170.0)
        paint(picture, coverage(np.abs(sternum + 1.0) - 0.9, soft), 520.0)
    if 0.42 < anatomy.level(z) < 1.1:
        for side in (-1, 1):
            reach = 44 - 20 * abs(anatomy.level(z) - 0.75)
            blade = ellipse(grid, (side * (half_x * 0.30 + 68), 78 * anatomy.size), (reach, 3.6), turn=-side * 0.55)
            paint(picture, coverage(blade, soft), 380.0)
    if anatomy.level(z) > 0.86:
        height = anatomy.lung_height_mm
        for side in (-1, 1):
            inner, outer = np.array([side * 20.0, -62, 0.95 * height]), np.array([side * 150.0, -8, 1.07 * height])
            paint(picture, coverage(capsule(grid, inner, outer, z=z, radius_mm=6.0), soft), 480.0)


def _heart(anatomy: Anatomy, grid: Grid, z: float) -> Field:
    height = anatomy.lung_height_mm * 0.30
    middle = anatomy.lung_height_mm * 0.20
    share = 1 - ((z - middle) / height) ** 2
    if share <= 0:
        return np.full(grid.shape, 200.0, np.float32)
    scale = float(np.sqrt(share)) * anatomy.heart_size * anatomy.size
    left = ellipse(grid, (24.0, -26.0), (64 * scale, 40 * scale), turn=0.62)
    right = ellipse(grid, (-16.0, -20.0), (30 * scale, 38 * scale))
    heart: Field = np.minimum(left, right)
    return heart


def _domes(anatomy: Anatomy, grid: Grid, z: float) -> Field:
    right = anatomy.dome_mm * (1 - ((grid.x + 62) / 88) ** 2 - ((grid.y + 8) / 92) ** 2)
    left = (anatomy.dome_mm - 12) * (1 - ((grid.x - 64) / 86) ** 2 - ((grid.y + 8) / 88) ** 2)
    dome: Field = ((z - np.maximum(right, left)) * 0.62).astype(np.float32)
    return dome


def _mediastinum(anatomy: Anatomy, grid: Grid, z: float) -> Field:
    t = anatomy.level(z)
    upper = float(np.interp(t, [0.3, 0.6, 0.85, 1.0], [0.85, 1.0, 1.15, 1.25]))
    front = float(np.interp(t, [0.0, 0.45, 0.7, 0.95], [14, 5, 7, 30]))
    half = np.interp(grid.y, [-90, -62, -32, 0, 35, 60, 90], [front, front + 1, 25 * upper, 31 * upper, 25, 22, 19])
    distance = np.abs(grid.x - 2) - half.astype(np.float32) * anatomy.size
    hilum_z = 0.50 * anatomy.lung_height_mm
    if abs(z - hilum_z) < 32:
        reach = float(np.sqrt(1 - ((z - hilum_z) / 32) ** 2))
        for side in (-1, 1):
            distance = np.minimum(distance, ellipse(grid, (side * 33.0, 6.0), (15 * reach + 1, 17 * reach + 1)))
    if t < 0.76:
        distance = np.minimum(distance, ellipse(grid, (25.0, 46.0), (14.5, 14.5)))
    distance = np.minimum(distance, ellipse(grid, (0.0, 68.0), (21.0, 24.0)))
    nearest: Field = np.minimum(distance, _heart(anatomy, grid, z) - 3)
    return nearest


def _lungs(anatomy: Anatomy, grid: Grid, z: float, cavity: Field) -> Field:
    inside = smooth_max(cavity + 1.5, -_mediastinum(anatomy, grid, z), round_mm=9.0)
    return smooth_max(inside, -_domes(anatomy, grid, z), round_mm=5.0)


def _draw_cavity(picture: Field, anatomy: Anatomy, grid: Grid, z: float, *, inside: Field, texture: Field) -> None:
    soft = grid.pixel_mm * 1.3
    contents = np.full(grid.shape, -72.0, np.float32) + 14 * texture
    heart = _heart(anatomy, grid, z)
    paint(contents, coverage(heart, soft * 2), BLOOD_HU + 3 * texture)
    paint(contents, coverage(np.abs(heart - 3.2) - 0.7, soft), 15.0)
    height = anatomy.lung_height_mm
    for centre, radius, low, high in (
        ((-13.0, -17.0), 16.0, 0.40, 0.74),
        ((25.0, 46.0), 12.5, -1.0, 0.74),
        ((16.0, -30.0), 14.0, 0.42, 0.60),
        ((-33.0, -8.0), 9.0, 0.36, 0.92),
        ((-19.0, -22.0), 6.0, 0.78, 1.3),
        ((-3.0, -16.0), 5.5, 0.78, 1.3),
        ((17.0, 0.0), 5.5, 0.78, 1.3),
        ((5.0, 34.0), 6.5, -1.0, 1.3),
    ):
        if low * height < z < high * height:
            paint(contents, coverage(ellipse(grid, centre, (radius, radius)), soft), BLOOD_HU)
    arch = capsule(
        grid, np.array([-13.0, -17, 0.755 * height]), np.array([25.0, 46, 0.755 * height]), z=z, radius_mm=13.0
    )
    paint(contents, coverage(arch, soft), BLOOD_HU)
    for side in (-1, 1):
        root = np.array([side * 8.0, -14.0, 0.54 * height])
        artery = capsule(grid, root, np.array([side * 40.0, 8.0, 0.50 * height]), z=z, radius_mm=9.5)
        paint(contents, coverage(artery, soft), BLOOD_HU)
    _draw_abdomen(contents, anatomy, grid, z, texture)
    paint(picture, inside, contents)


def _draw_abdomen(contents: Field, anatomy: Anatomy, grid: Grid, z: float, texture: Field) -> None:
    below = coverage(_domes(anatomy, grid, z), 3.0)
    organs = np.full(grid.shape, -85.0, np.float32)
    liver = ellipse(grid, (-46.0, -6.0), (88.0, 86.0))
    paint(organs, coverage(liver, 2.5), LIVER_HU + 3 * texture)
    paint(organs, coverage(ellipse(grid, (84.0, 44.0), (34.0, 40.0), turn=-0.5), 2.5), 48.0 + 3 * texture)
    stomach = ellipse(grid, (62.0, -18.0), (44.0, 38.0))
    paint(
        organs, coverage(stomach, 2.5), np.where(grid.y < -22, -960.0, 18.0).astype(np.float32) * np.ones_like(organs)
    )
    paint(organs, coverage(np.abs(stomach) - np.float32(1.8), 2.5), 35.0)
    paint(contents, below, organs)


def _draw_spine(picture: Field, grid: Grid, z: float, texture: Field) -> None:
    soft = grid.pixel_mm * 1.3
    disc = abs((z % 25.0) - 12.5) > 9.8
    body = ellipse(grid, (0.0, 68.0), (18.5, 15.5))
    paint(picture, coverage(body, soft), 85.0 if disc else BONE_HU - 120 + 45 * texture)
    if not disc:
        paint(picture, coverage(np.abs(body + 1.0) - 1.0, soft), 560.0)
    arch: Field = np.abs(ellipse(grid, (0.0, 90.0), (12.5, 10.0))) - np.float32(2.8)
    paint(picture, coverage(arch, soft), 430.0)
    paint(picture, coverage(ellipse(grid, (0.0, 90.0), (9.0, 7.5)), soft), 22.0)
    paint(picture, coverage(ellipse(grid, (0.0, 111.0), (3.4, 12.0)), soft), 360.0)
    for side in (-1, 1):
        wing = ellipse(grid, (side * 25.0, 91.0), (15.0, 4.6), turn=side * 0.35)
        paint(picture, coverage(wing, soft), 380.0)


def _draw_airway(picture: Field, anatomy: Anatomy, grid: Grid, z: float) -> None:
    soft = grid.pixel_mm * 1.3
    height = anatomy.lung_height_mm
    carina = np.array([-1.0, 10.0, 0.62 * height])
    pipes = [(carina, np.array([-1.0, 4.0, 1.4 * height]), 8.6)]
    pipes += [
        (carina, np.array([side * 34.0, 13.0, (0.62 - drop) * height]), 6.3) for side, drop in ((-1, 0.14), (1, 0.12))
    ]
    distance: Field = np.minimum.reduce([capsule(grid, a, b, z=z, radius_mm=r) for a, b, r in pipes])
    paint(picture, coverage(distance - 1.6, soft), 20.0)
    paint(picture, coverage(distance, soft), -985.0)
