"""Made-up pictures with writing planted in them, and pictures without: seeded, with the mask of every glyph.

Nothing is copied from real images; anatomy is a few smooth shapes with the noise of its modality.
"""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tests.support.made_dicom import made_ct, write_made

FAMILY = [
    "Okafor",
    "Lindgren",
    "Petrov",
    "Yamamoto",
    "Oliveira",
    "Kowalska",
    "Haddad",
    "Nguyen",
    "Schmidt",
    "Rossi",
    "Novak",
    "Dubois",
    "Ivanova",
    "Li",
]
GIVEN = [
    "Amara",
    "Sven",
    "Irina",
    "Kenji",
    "Paulo",
    "Zofia",
    "Omar",
    "Linh",
    "Jonas",
    "Chiara",
    "Marek",
    "Elise",
    "Olga",
    "Bo",
]
VISIBLE = 0.1
MODALITIES = ("US", "CXR", "CT", "MR", "SC", "XA")
SOP_CLASSES = {
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "CXR": "1.2.840.10008.5.1.4.1.1.1",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
}


@dataclass(frozen=True)
class Planted:
    """One identifier in a picture: what it says, its box (left, top, right, bottom), and the pixels of its glyphs.

    ``kind`` is plain, small (hard to see), turned (and small), or faint: in one grey value close to that of the picture.
    """

    text: str
    box: tuple[int, int, int, int]
    mask: np.ndarray
    is_hard: bool
    kind: str = "plain"


@dataclass
class Picture:
    """A picture from 0 to 1, what was planted in it, and markers that may stay."""

    modality: str
    values: np.ndarray
    planted: list[Planted] = field(default_factory=list)
    markers: list[Planted] = field(default_factory=list)


def identifier(rng: np.random.Generator) -> str:
    """A name, a date or a number as devices write them."""
    family, given = str(rng.choice(FAMILY)), str(rng.choice(GIVEN))
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(1, 13)), int(rng.integers(1930, 2021))
    return str(
        rng.choice(
            [
                f"{family.upper()}, {given.upper()}",
                f"{family.upper()}^{given.upper()}",
                f"{given} {family}",
                f"{day:02}/{month:02}/{year}",
                f"{year}-{month:02}-{day:02}",
                f"{day:02}.{month:02}.{year}",
                f"DOB: {month:02}/{day:02}/{year}",
                f"MRN {rng.integers(10**6, 10**8)}",
                f"ID {rng.integers(10**5, 10**7)}",
                f"{rng.integers(10**7, 10**8)}",
                f"Acc# {rng.integers(10**5, 10**7)}",
                f"Dr. {family}",
            ]
        )
    )


def glyphs(text: str, height: int, rng: np.random.Generator) -> np.ndarray:
    """The coverage of a text, 0 to 1, about so many pixels high, in one of several typefaces."""
    face = int(rng.integers(0, 4))
    if face < 2:
        font = ImageFont.load_default(max(8, round(height * 1.05)))
        left, top, right, bottom = font.getbbox(text)
        sheet = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
        ImageDraw.Draw(sheet).text(
            (2 - left, 2 - top), text, fill=255, font=font, stroke_width=1 if face and height > 18 else 0
        )
        return np.asarray(sheet, dtype=np.float32) / 255
    kind = cv2.FONT_HERSHEY_SIMPLEX if face == 2 else cv2.FONT_HERSHEY_DUPLEX
    scale, weight = height / 30, max(1, height // 14)
    (width, tall), base = cv2.getTextSize(text, kind, scale, weight)
    sheet = np.zeros((tall + base + 4, width + 4), np.uint8)
    cv2.putText(sheet, text, (2, tall + 2), kind, scale, 255, weight, cv2.LINE_AA)
    return sheet.astype(np.float32) / 255


def background(modality: str, rng: np.random.Generator) -> np.ndarray:
    """Something that looks a little like an image of the modality, 0 to 1."""
    rows, columns = {
        "US": [(600, 800), (768, 1024), (480, 640)],
        "CXR": [(1024, 1024), (2000, 1700), (1400, 1200), (2300, 2800)],
        "CT": [(512, 512)],
        "MR": [(256, 256), (320, 320), (384, 384)],
        "SC": [(512, 512), (700, 900)],
        "XA": [(512, 512), (1024, 1024)],
    }[modality][int(rng.integers(0, {"US": 3, "CXR": 4, "CT": 1, "MR": 3, "SC": 2, "XA": 2}[modality]))]
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    y, x = y / rows * 2 - 1, x / columns * 2 - 1
    return np.clip(globals()[f"_{modality.lower()}"](y, x, rng), 0, 1)


def _noise(shape, sigma: float, size: int, rng) -> np.ndarray:
    small = rng.normal(0, 1, (max(2, shape[0] // size), max(2, shape[1] // size))).astype(np.float32)
    return sigma * cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def _us(y, x, rng):
    angle = np.arctan2(x, y + 1.15)
    radius = np.hypot(x, y + 1.15)
    inside = (np.abs(angle) < rng.uniform(0.45, 0.75)) & (radius > 0.25) & (radius < 1.8)
    tissue = 0.35 + _noise(y.shape, 0.12, 40, rng)
    speckle = tissue * rng.rayleigh(0.7, y.shape).astype(np.float32)
    cyst = (np.hypot(x - rng.uniform(-0.3, 0.3), y - rng.uniform(-0.2, 0.5)) < rng.uniform(0.1, 0.25)) * 0.8
    return np.where(inside, cv2.GaussianBlur(speckle, (0, 0), 1.0) * (1 - cyst), 0.02)


def _ellipse(y, x, center, radii, softness=0.02):
    distance = np.hypot((y - center[0]) / radii[0], (x - center[1]) / radii[1])
    return 1 / (1 + np.exp(np.clip((distance - 1) / softness, -50, 50)))


def _cxr(y, x, rng):
    body = 0.55 + 0.25 * np.exp(-(x**2) * 12) + _noise(y.shape, 0.03, 60, rng)
    for side in (-1, 1):
        body -= 0.38 * _ellipse(y, x, (-0.05 + rng.uniform(-0.1, 0.1), 0.42 * side), (0.6, 0.28), 0.06)
        for rib in np.arange(-0.6, 0.6, rng.uniform(0.14, 0.2)):
            curve = y - rib - 0.25 * (x - 0.4 * side) ** 2 * 3
            body += 0.08 * np.exp(-((curve / 0.018) ** 2)) * (np.abs(x) < 0.85)
    body = np.where(np.abs(x) > 0.93, 0.04, body)
    return body + rng.normal(0, 0.012, y.shape).astype(np.float32)


def _ct(y, x, rng):
    image = 0.45 * _ellipse(y, x, (0.05, 0), (rng.uniform(0.55, 0.8), rng.uniform(0.7, 0.9)))
    for side in (-1, 1):
        image -= 0.35 * _ellipse(y, x, (0, 0.4 * side), (rng.uniform(0.3, 0.45), rng.uniform(0.2, 0.3)))
    image += 0.45 * _ellipse(y, x, (0.45, 0), (0.11, 0.11))
    for angle in np.arange(0, 2 * np.pi, 0.5):
        image += 0.4 * _ellipse(y, x, (0.05 + 0.6 * np.sin(angle), 0.72 * np.cos(angle)), (0.03, 0.05))
    image += 0.3 * np.exp(-(((y - 0.88) / 0.012) ** 2)) * (np.abs(x) < 0.7)
    return image + rng.normal(0, 0.02, y.shape).astype(np.float32)


def _mr(y, x, rng):
    head = 0.8 * _ellipse(y, x, (0, 0), (0.8, 0.66)) - 0.6 * _ellipse(y, x, (0, 0), (0.74, 0.6))
    brain = 0.45 * _ellipse(y, x, (0, 0), (0.68, 0.55)) + _noise(y.shape, 0.08, 12, rng) * _ellipse(
        y, x, (0, 0), (0.68, 0.55)
    )
    ventricle = 0.3 * (_ellipse(y, x, (0, 0.08), (0.25, 0.07)) + _ellipse(y, x, (0, -0.08), (0.25, 0.07)))
    return np.abs(head + brain - ventricle + rng.normal(0, 0.02, y.shape))


def _sc(y, x, rng):
    image = np.full(y.shape, rng.uniform(0.0, 0.15), np.float32)
    for _ in range(3):
        level, left, top = rng.uniform(0.2, 0.9), rng.uniform(-0.9, 0.3), rng.uniform(-0.5, 0.3)
        image[(x > left) & (x < left + 0.5) & (y > top) & (y < top + 0.4)] = level
    curve = np.abs(y - 0.6 - 0.2 * np.sin(x * rng.uniform(4, 12)))
    return np.maximum(image, 0.7 * (curve < 0.006))


def _xa(y, x, rng):
    image = 0.6 + _noise(y.shape, 0.1, 90, rng)
    for _ in range(6):
        slope, start, bend = rng.uniform(-1, 1), rng.uniform(-0.8, 0.8), rng.uniform(-0.5, 0.5)
        image -= 0.3 * np.exp(-(((x - start - slope * y - bend * y * y) / rng.uniform(0.01, 0.03)) ** 2))
    return image + rng.normal(0, 0.03, y.shape).astype(np.float32)


def plant(picture: Picture, text: str, rng: np.random.Generator, *, is_hard: bool, is_marker: bool = False) -> bool:
    """Write a text where nothing else was written; False when no place was found."""
    rows, columns = picture.values.shape
    scale = max(1.0, min(rows, columns) / 900)
    height = int(
        (rng.integers(10, 13) if is_hard else rng.integers(14, 26)) * (scale if not is_hard else max(1, scale * 0.9))
    )
    shape = glyphs(text, height if not is_marker else int(height * 1.4), rng)
    kind = "small" if is_hard else "plain"
    if is_hard and rng.random() < 0.2:
        shape, kind = np.rot90(shape), "turned"
    if shape.shape[0] + 8 >= rows or shape.shape[1] + 8 >= columns:
        return False
    taken = [each.box for each in (*picture.planted, *picture.markers)]
    for _ in range(60):
        at_edge = rng.random() < 0.6 and not is_hard
        top = (
            int(rng.choice([4, rows - shape.shape[0] - 4]))
            if at_edge
            else int(rng.integers(2, rows - shape.shape[0] - 2))
        )
        left = int(rng.integers(2, columns - shape.shape[1] - 2))
        box = (left, top, left + shape.shape[1], top + shape.shape[0])
        margin = 2 * height
        if any(
            box[0] < b[2] + margin and b[0] < box[2] + margin and box[1] < b[3] + 8 and b[1] < box[3] + 8 for b in taken
        ):
            continue
        local = picture.values[box[1] : box[3], box[0] : box[2]]
        level = float(np.median(local))
        contrast = rng.uniform(0.3, 0.45) if is_hard else rng.uniform(0.55, 1.0)
        wanted = level + contrast if level < 0.5 or (level < 0.6 and rng.random() < 0.8) else level - contrast
        drawn = local * (1 - shape) + np.clip(wanted, 0, 1) * shape
        where = np.zeros(picture.values.shape, np.bool_)
        where[box[1] : box[3], box[0] : box[2]] = np.abs(drawn - local) > VISIBLE
        picture.values[box[1] : box[3], box[0] : box[2]] = drawn
        (picture.markers if is_marker else picture.planted).append(Planted(text, box, where, is_hard, kind))
        return True
    return False


def plant_faint(picture: Picture, text: str, rng: np.random.Generator) -> bool:
    """Write a text in one grey value that is close to the picture's, so that letters vanish where both are the same."""
    rows, columns = picture.values.shape
    shape = glyphs(text, int(rng.integers(14, 26) * max(1.0, min(rows, columns) / 900)), rng)
    if rng.random() < 0.3:
        shape = np.rot90(shape, int(rng.choice([1, 3])))
    if shape.shape[0] + 8 >= rows or shape.shape[1] + 8 >= columns:
        return False
    top, left = int(rng.integers(2, rows - shape.shape[0] - 2)), int(rng.integers(2, columns - shape.shape[1] - 2))
    box = (left, top, left + shape.shape[1], top + shape.shape[0])
    local = picture.values[box[1] : box[3], box[0] : box[2]]
    ink = np.clip(np.median(local) + rng.choice([-1, 1]) * rng.uniform(0.1, 0.2), 0, 1)
    mask = np.zeros(picture.values.shape, np.bool_)
    mask[box[1] : box[3], box[0] : box[2]] = shape > 0.5
    picture.values[box[1] : box[3], box[0] : box[2]] = local * (1 - shape) + ink * shape
    picture.planted.append(Planted(text, box, mask, is_hard=True, kind="faint"))
    return True


def faint_picture(seed: int) -> Picture:
    """A picture with one faint text."""
    picture, rng = made_picture(seed, is_clean=True), np.random.default_rng((seed, 1))
    plant_faint(picture, identifier(rng), rng)
    return picture


def made_picture(seed: int, *, is_clean: bool = False) -> Picture:
    """One picture; the modality goes round with the seed."""
    rng = np.random.default_rng(seed)
    modality = MODALITIES[seed % len(MODALITIES)]
    picture = Picture(modality, background(modality, rng).astype(np.float32))
    if is_clean:
        return picture
    for _ in range(int(rng.integers(2, 6))):
        plant(picture, identifier(rng), rng, is_hard=rng.random() < 0.3)
    if modality == "CXR" and rng.random() < 0.7:
        plant(picture, str(rng.choice(["L", "R", "AP", "PA"])), rng, is_hard=False, is_marker=True)
    return picture


def as_dicom(picture: Picture, path: Path, rng: np.random.Generator) -> Path:
    """Store a picture in one of the ways its modality is stored in."""
    attributes, values = _stored(picture, rng)
    dataset = made_ct(SOPClassUID=SOP_CLASSES[picture.modality], ImageType=["DERIVED", "SECONDARY"])
    dataset.Modality = {"CXR": "CR", "SC": "OT"}.get(picture.modality, picture.modality)
    dataset.Rows, dataset.Columns = picture.values.shape
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        delattr(dataset, keyword)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = values.tobytes() + b"\0" * (values.nbytes & 1)
    return write_made(dataset, path)


def _stored(picture: Picture, rng: np.random.Generator) -> tuple[dict[str, object], np.ndarray]:
    grey = picture.values
    if picture.modality in {"US", "SC"} and rng.random() < 0.5:
        color = np.repeat((grey[:, :, None] * 255 + 0.5).astype(np.uint8), 3, axis=2)
        return _layout("RGB", 3, 8, 8, 0) | {"PlanarConfiguration": 0}, color
    if picture.modality == "CT":
        values = (grey * 2200 - 1024).astype("<i2")
        return _layout("MONOCHROME2", 1, 16, 16, 1) | {
            "RescaleSlope": "1",
            "RescaleIntercept": "0",
            "WindowCenter": "40",
            "WindowWidth": "400",
        }, values
    if picture.modality in {"CXR", "MR", "XA"}:
        bits = int(rng.choice([10, 12, 14]))
        values = (grey * ((1 << bits) - 1)).astype("<u2")
        if picture.modality == "CXR" and rng.random() < 0.5:
            return _layout("MONOCHROME1", 1, 16, bits, 0), ((1 << bits) - 1 - values).astype("<u2")
        return _layout("MONOCHROME2", 1, 16, bits, 0), values
    return _layout("MONOCHROME2", 1, 8, 8, 0), (grey * 255 + 0.5).astype(np.uint8)


def _layout(photometric: str, samples: int, allocated: int, stored: int, representation: int) -> dict[str, object]:
    return {
        "PhotometricInterpretation": photometric,
        "SamplesPerPixel": samples,
        "BitsAllocated": allocated,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": representation,
    }
