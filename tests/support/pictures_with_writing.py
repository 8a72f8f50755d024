"""Made-up pictures with writing in them: an ultrasound screen, a secondary capture, a radiograph with a side marker."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tests.support.hospital_folder import write_original

US = "1.2.840.10008.5.1.4.1.1.6.1"
SC = "1.2.840.10008.5.1.4.1.1.7"
PDF = "1.2.840.10008.5.1.4.1.1.104.1"
BANNER = "OKONKWO ADAEZE 03.11.1956"
ROWS, COLUMNS = 240, 320


def drawn(*texts, rows=ROWS, columns=COLUMNS, seed=1):
    """A grey picture with a soft bright shape, and texts as (text, left, top)."""
    y, x = np.mgrid[0:rows, 0:columns]
    shape = 90 * np.exp(-(((x - columns / 2) / (columns / 4)) ** 2) - (((y - rows / 1.8) / (rows / 4)) ** 2))
    noise = np.random.default_rng(seed).normal(0, 4, (rows, columns))
    image = Image.fromarray(np.clip(shape + noise + 8, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for text, left, top in texts:
        pen.text((left, top), text, fill=235, font=ImageFont.load_default(14))
    return np.asarray(image)


def write_picture(path: Path, pixels, *, sop_class=US, modality="US", **changes) -> Path:
    """Write one eight-bit picture, rows by columns, or frames by rows by columns."""
    frames = {"NumberOfFrames": str(len(pixels))} if pixels.ndim == 3 else {}
    rows, columns = pixels.shape[-2:]
    values = {
        "SOPClassUID": sop_class,
        "Modality": modality,
        "Manufacturer": "Example",
        "ManufacturerModelName": "Sono 7",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelData": pixels.tobytes(),
        **frames,
        **changes,
    }
    return write_original(path, modality="DX", **values)


def write_banner_series(folder: Path, *, count=2, study="us", series="us", **changes) -> list[Path]:
    """An ultrasound series with the patient's name at the top of each picture."""
    return [
        write_picture(
            folder / f"{series}-{number}.dcm",
            drawn((BANNER, 12, 6), seed=number),
            study=study,
            series=series,
            number=number,
            **changes,
        )
        for number in range(1, count + 1)
    ]


def ct_slice(number: int, *texts, value=1400, noise=True):
    """A noisy cross-section of a body, 16 bits, with texts of one value as (text, left, top)."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    body = np.hypot((x - 160) / (110 + 3 * number), (y - 125) / (70 + 2 * number)) < 1
    rng = np.random.default_rng(number)
    values = np.where(body, 1040, 24) + (rng.normal(0, 12, body.shape) if noise else 0)
    page = Image.new("L", (COLUMNS, ROWS))
    pen = ImageDraw.Draw(page)
    for text, left, top in texts:
        pen.text((left, top), text, fill=255, font=ImageFont.load_default(14))
    return np.where(np.asarray(page) > 127, value, values.clip(0)).astype("<u2")


def write_ct_series(folder: Path, slices, *, series="series", **changes) -> list[Path]:
    """An original CT series of such cross-sections, whose headers say nothing of writing."""
    return [
        write_original(
            folder / f"{series}-{number:02}.dcm",
            series=series,
            number=number,
            **{"Rows": values.shape[0], "Columns": values.shape[1], "PixelData": values.tobytes(), **changes},
        )
        for number, values in enumerate(slices, start=1)
    ]


def write_document(path: Path, **changes) -> Path:
    """An encapsulated PDF, which no program can clean."""
    values = {"SOPClassUID": PDF, "Modality": "DOC", "MIMETypeOfEncapsulatedDocument": "application/pdf"}
    values |= {
        "EncapsulatedDocument": b"%PDF-1.4 a report",
        "PixelData": None,
        "Rows": None,
        "Columns": None,
        **changes,
    }
    return write_original(path, modality="DX", **values)
