"""Decoding pictures for comparison: always frames, rows, columns, samples."""

import hashlib

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

Frames = NDArray[np.generic]


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


def digest_of(frames: Frames) -> str:
    """SHA-256 of the samples, whatever the byte order or width they were stored in."""
    return hashlib.sha256(np.ascontiguousarray(frames, dtype="<i4").tobytes()).hexdigest()
