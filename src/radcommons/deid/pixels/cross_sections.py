"""Measuring the body in one cross-section: how large it is, what air it holds, and how closed its bone is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_GRID = 128
_DIRECTIONS = 72
_BODY_HU, _BONE_HU = -300.0, 220.0
_LUNG_HU = (-980.0, -500.0)
_SHELL_MM = 25.0
_LEAST_BODY_CM2 = 20.0
_RIM_SHARE = 0.06


@dataclass(frozen=True, slots=True)
class CrossSection:
    """The largest connected body in one axial slice.

    Parameters
    ----------
    area_cm2, width_mm, depth_mm
        Its size; width from side to side, depth from front to back.
    air_share
        How much of its outline is filled with what lung looks like, 0 to 1; CT only.
    bone_closure
        In which share of all directions bone lies within 25 mm below the skin, 0 to 1: a skull closes, ribs do not. CT only.
    is_cut
        Whether it reaches the rim of the image, so that its size is not known.
    """

    area_cm2: float
    width_mm: float
    depth_mm: float
    air_share: float
    bone_closure: float
    is_cut: bool


def measured_ct(hounsfield: NDArray[np.float32], spacing_mm: tuple[float, float]) -> CrossSection | None:
    """Measure a slice of CT; ``None`` when no body is in it.

    Parameters
    ----------
    hounsfield
        Rows by columns, in HU.
    spacing_mm
        Between rows and between columns.
    """
    factor = max(1, round(max(hounsfield.shape) / _GRID))
    mean, highest = _pooled(hounsfield, factor)
    body = largest_part(mean > _BODY_HU)
    step = (spacing_mm[0] * factor, spacing_mm[1] * factor)
    section = _sized(body, step)
    if section is None:
        return None
    hull = _filled(body)
    air = hull & (mean > _LUNG_HU[0]) & (mean < _LUNG_HU[1])
    closure = _closure(hull, highest > _BONE_HU, step)
    return CrossSection(*section, float(air.sum() / hull.sum()), closure, _is_cut(body))


def measured_mr(values: NDArray[np.float32], spacing_mm: tuple[float, float]) -> CrossSection | None:
    """Measure a slice of MR, whose values have no unit: everything clearly brighter than the corners is body."""
    factor = max(1, round(max(values.shape) / _GRID))
    mean, _ = _pooled(values, factor)
    edge = np.concatenate([mean[:4, :4].ravel(), mean[:4, -4:].ravel(), mean[-4:, :4].ravel(), mean[-4:, -4:].ravel()])
    threshold = max(float(np.median(edge)) * 2, float(np.percentile(mean, 99)) * 0.1)
    body = largest_part(_filled(mean > threshold))
    section = _sized(body, (spacing_mm[0] * factor, spacing_mm[1] * factor))
    return None if section is None else CrossSection(*section, 0.0, 0.0, _is_cut(body))


def _pooled(values: NDArray[np.float32], factor: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rows, columns = (side // factor * factor for side in values.shape)
    blocks = values[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor)
    return blocks.mean(axis=(1, 3)), blocks.max(axis=(1, 3))


def _sized(body: NDArray[np.bool_], step: tuple[float, float]) -> tuple[float, float, float] | None:
    area = float(body.sum()) * step[0] * step[1] / 100.0
    if area < _LEAST_BODY_CM2:
        return None
    rows, columns = np.flatnonzero(body.any(axis=1)), np.flatnonzero(body.any(axis=0))
    hull_area = float(_filled(body).sum()) * step[0] * step[1] / 100.0
    return hull_area, float(np.ptp(columns) + 1) * step[1], float(np.ptp(rows) + 1) * step[0]


def _is_cut(body: NDArray[np.bool_]) -> bool:
    """Whether much of the rim of the image is body; a table or a fold of a sleeve is less."""
    rim = np.concatenate([body[0], body[-1], body[:, 0], body[:, -1]])
    return bool(rim.mean() > _RIM_SHARE)


def largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part of a mask after thin bridges, such as to the table, are cut."""
    padded = np.pad(mask, 1, mode="edge")
    thin = padded[1:-1, 1:-1] & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    waiting = {(int(row), int(column)) for row, column in np.argwhere(thin)}
    best: list[tuple[int, int]] = []
    while waiting:
        stack = [waiting.pop()]
        members = []
        while stack:
            row, column = stack.pop()
            members.append((row, column))
            for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if near in waiting:
                    waiting.discard(near)
                    stack.append(near)
        if len(members) > len(best):
            best = members
    part = np.zeros_like(mask)
    for row, column in best:
        part[row, column] = True
    return part


def _filled(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What the body encloses from side to side and from front to back, lungs and sinuses included."""
    across = np.logical_or.accumulate(body, axis=1) & np.logical_or.accumulate(body[:, ::-1], axis=1)[:, ::-1]
    down = np.logical_or.accumulate(body, axis=0) & np.logical_or.accumulate(body[::-1], axis=0)[::-1]
    filled: NDArray[np.bool_] = across & down
    return filled


def _closure(hull: NDArray[np.bool_], bone: NDArray[np.bool_], step: tuple[float, float]) -> float:
    """The share of directions from the middle in which bone lies near the outer rim of the body."""
    rows, columns = np.nonzero(hull)
    middle = (rows.mean(), columns.mean())
    hits = 0
    fine = min(step) / 2
    radii = np.arange(0, max(hull.shape) * max(step), fine)
    for angle in np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False):
        line_rows = np.rint(middle[0] + np.sin(angle) * radii / step[0]).astype(int)
        line_columns = np.rint(middle[1] + np.cos(angle) * radii / step[1]).astype(int)
        inside = (line_rows >= 0) & (line_rows < hull.shape[0]) & (line_columns >= 0) & (line_columns < hull.shape[1])
        on_hull = np.flatnonzero(hull[line_rows[inside], line_columns[inside]])
        if not on_hull.size:
            continue
        outer = radii[inside][on_hull[-1]]
        shell = (radii[inside] >= outer - _SHELL_MM) & (radii[inside] <= outer)
        hits += bool(bone[line_rows[inside][shell], line_columns[inside][shell]].any())
    return hits / _DIRECTIONS
