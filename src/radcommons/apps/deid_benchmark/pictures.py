"""Decoding pictures for comparison: always frames, rows, columns, samples."""

import zlib

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

Frames = NDArray[np.generic]
_GRID = 8


def decoded(dataset: Dataset) -> Frames | None:
    """The picture as a viewer gets it, shape ``(frames, rows, columns, samples)``, YBR as RGB; ``None`` when it cannot be decoded."""
    try:
        pixels = pixel_array(dataset)
    except (RuntimeError, ValueError, AttributeError, NotImplementedError, TypeError, KeyError, IndexError):
        return None
    frames, samples = int(dataset.get("NumberOfFrames") or 1), int(dataset.get("SamplesPerPixel") or 1)
    try:
        return pixels.reshape(frames, int(dataset.Rows), int(dataset.Columns), samples)
    except ValueError:
        return None


def blocks_of(frames: Frames) -> str:
    """Check sums of a grid of eight by eight fields through all frames, as hexadecimal digits: a picture's fingerprint.

    Two pictures are compared field by field, so that a blackened line changes the fields it touches and no others.
    """
    samples = np.ascontiguousarray(frames, dtype="<i4")
    fields = (field for band in np.array_split(samples, _GRID, axis=1) for field in np.array_split(band, _GRID, axis=2))
    return "".join(f"{zlib.crc32(np.ascontiguousarray(field).tobytes()):08x}" for field in fields)


def alike(first: str, second: str) -> float:
    """The share of equal fields of two fingerprints, 0 to 1."""
    pairs = [(first[at : at + 8], second[at : at + 8]) for at in range(0, min(len(first), len(second)), 8)]
    return sum(one == other for one, other in pairs) / len(pairs) if pairs else 0.0
