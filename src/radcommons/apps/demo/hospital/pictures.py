# ruff: noqa: PLR2004 — proportions of a body are numbers; naming each would hide the drawing
"""Pictures with text in their pixels: an ultrasound screen, a dose screen, a name plate on a radiograph."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line to be written: its text, and the kind of identifier it holds (empty when it names nobody)."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """One line as it was written; ``box`` is column, row, width, height."""

    text: str
    kind: str
    box: tuple[int, int, int, int]


def draw_ultrasound(rng: np.random.Generator, lines: tuple[TextLine, ...]) -> tuple[Pixels, tuple[WrittenLine, ...]]:
    """Return a lung ultrasound screen with B-lines, shape ``(480, 640, 3)``, and where its text stands."""
    rows, columns = np.mgrid[0:480, 0:640].astype(np.float32)
    dx, dy = columns - 320, rows - 20
    radius, angle = np.hypot(dx, dy), np.arctan2(dx, dy)
    inside = (np.abs(angle) < 0.62) & (radius > 70) & (radius < 430)
    speckle = rng.rayleigh(scale=30, size=radius.shape).astype(np.float32)
    pleura = 170 * np.exp(-(((radius - 150 - 6 * np.sin(angle * 9)) / 4) ** 2))
    echoes = sum(70 * np.exp(-(((radius - 150 * k) / 7) ** 2)) / k for k in (2,))
    comets = sum(120 * np.exp(-(((angle - at) / 0.018) ** 2)) * (radius > 150) for at in (-0.3, 0.08, 0.33))
    value = (speckle * np.exp(-radius / 330) + pleura + echoes + comets) * inside
    grey = Image.fromarray(np.clip(value, 0, 255).astype(np.uint8)).convert("RGB")
    return _write(grey, lines, at=(8, 6), size=15, fill=(230, 230, 160))


def draw_dose_screen(lines: tuple[TextLine, ...]) -> tuple[Pixels, tuple[WrittenLine, ...]]:
    """Return a scanner's dose page as a screen capture, shape ``(512, 512, 3)``, and where its text stands."""
    screen = Image.new("RGB", (512, 512), (18, 24, 38))
    pen = ImageDraw.Draw(screen)
    pen.rectangle((12, 12, 499, 499), outline=(90, 110, 150), width=2)
    pen.line((12, 250, 499, 250), fill=(90, 110, 150), width=1)
    return _write(screen, lines, at=(26, 26), size=18, fill=(235, 240, 250))


def burn_name_plate(
    stored: NDArray[np.uint16], lines: tuple[TextLine, ...], *, value: int
) -> tuple[NDArray[np.uint16], tuple[WrittenLine, ...]]:
    """Return a radiograph with a name plate written into its lower left corner, and where its text stands."""
    rows, columns = stored.shape
    size = max(10, rows // 40)
    mask, written = _write(
        Image.new("RGB", (columns, rows)),
        lines,
        at=(columns // 40, rows - (len(lines) + 1) * size * 5 // 4),
        size=size,
        fill=(255, 255, 255),
    )
    return np.where(mask[..., 0] > 100, np.uint16(value), stored), written


def _write(
    picture: Image.Image, lines: tuple[TextLine, ...], *, at: tuple[int, int], size: int, fill: tuple[int, int, int]
) -> tuple[Pixels, tuple[WrittenLine, ...]]:
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=size)
    written = []
    column, row = at
    for line in lines:
        pen.text((column, row), line.text, fill=fill, font=font)
        left, top, right, bottom = (round(edge) for edge in pen.textbbox((column, row), line.text, font=font))
        written.append(WrittenLine(line.text, line.kind, (left, top, right - left, bottom - top)))
        row += size * 5 // 4
    return np.asarray(picture), tuple(written)
