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
