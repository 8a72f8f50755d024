"""Writing into pictures, with the exact letters remembered: a scorer needs no text recognition to see whether they went."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radcommons.apps.deid_benchmark.generator.draft import Draft
from radcommons.apps.deid_benchmark.key import BurnedIn, packed

_INK = 110
_OVERLAY_SHAPE = (64, 256)
_ICON_SHAPE = (48, 96)


@lru_cache(maxsize=256)
def letters(text: str, size: int) -> NDArray[np.bool_]:
    """The letters of one line, shape ``(height, width)``, cropped to its ink."""
    font = ImageFont.load_default(size=size)
    left, top, right, bottom = font.getbbox(text)
    canvas = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(canvas).text((2 - left, 2 - top), text, fill=255, font=font)
    ink = np.asarray(canvas) > _INK
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return np.ascontiguousarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def burn(
    draft: Draft,
    lines: Iterable[tuple[str, str]],
    *,
    at: tuple[int, int],
    size: int = 14,
    frames: tuple[int, ...] | None = None,
) -> None:
    """Write lines, given as (text, kind), into the picture from a place ``(left, top)`` downwards.

    Lines that do not fit into the picture are left out.
    """
    picture = draft.picture
    if picture is None:
        return
    left, top = at
    height, width = picture.samples.shape[1:3]
    for text, kind in lines:
        ink = letters(text, size)
        rows, columns = ink.shape
        if top + rows <= height and left + columns <= width:
            area = picture.samples[:, top : top + rows, left : left + columns]
            value = picture.ink(area)
            for index in range(len(area)) if frames is None else frames:
                area[index][ink] = value
            draft.burned_in.append(BurnedIn("pixels", (left, top, columns, rows), frames, kind, text, packed(ink)))
        top += size * 3 // 2


def draw_overlay(draft: Draft, text: str, kind: str) -> None:
    """Write a line into an overlay plane of its own (PS3.3 C.9.2)."""
    dataset, ink = draft.dataset, letters(text, 16)
    plane = np.zeros(_OVERLAY_SHAPE, dtype=np.bool_)
    rows, columns = min(ink.shape[0], plane.shape[0] - 4), min(ink.shape[1], plane.shape[1] - 4)
    plane[4 : 4 + rows, 4 : 4 + columns] = ink[:rows, :columns]
    for element, vr, value in (
        (0x0010, "US", plane.shape[0]),
        (0x0011, "US", plane.shape[1]),
        (0x0040, "CS", "G"),
        (0x0050, "SS", [1, 1]),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x3000, "OW", np.packbits(plane.ravel(), bitorder="little").tobytes()),
    ):
        dataset.add_new(0x60000000 | element, vr, value)
    draft.burned_in.append(BurnedIn("overlay", (4, 4, columns, rows), None, kind, text, packed(ink[:rows, :columns])))


def draw_icon(draft: Draft, text: str, kind: str) -> None:
    """Write a line into an icon image (PS3.3 F.7)."""
    ink = letters(text, 12)
    pixels = np.full(_ICON_SHAPE, 60, dtype=np.uint8)
    rows, columns = min(ink.shape[0], pixels.shape[0] - 4), min(ink.shape[1], pixels.shape[1] - 4)
    pixels[4 : 4 + rows, 4 : 4 + columns][ink[:rows, :columns]] = 230
    icon = Dataset()
    icon.SamplesPerPixel, icon.PhotometricInterpretation = 1, "MONOCHROME2"
    icon.Rows, icon.Columns = pixels.shape
    icon.BitsAllocated, icon.BitsStored, icon.HighBit, icon.PixelRepresentation = 8, 8, 7, 0
    icon.add_new(0x7FE00010, "OW", pixels.tobytes())
    draft.dataset.IconImageSequence = Sequence([icon])
    draft.burned_in.append(BurnedIn("icon", (4, 4, columns, rows), None, kind, text, packed(ink[:rows, :columns])))


def plain(text: str) -> str:
    """Text without accents, in ASCII: what a scanner's keyboard gives."""
    decomposed = unicodedata.normalize(
        "NFKD", text.replace("Đ", "D").replace("đ", "d").replace("Ł", "L").replace("ł", "l")
    )
    return decomposed.encode("ascii", "ignore").decode("ascii")
